#include "cli/report/test_report.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "base/text_width.h"

namespace rbk::cli {
namespace {

/// Of a run's story, where it is long: its beginning and its end.
constexpr size_t kShownBegin = 10;
constexpr size_t kShownEnd = 30;

std::string milliseconds(int64_t microseconds) {
  return microseconds < 1000 ? fmt::format("{} µs", microseconds)
                             : fmt::format("{} ms", microseconds / 1000);
}

std::string_view line_of(std::string_view text, uint32_t number) {
  for (uint32_t line = 1; line < number; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string TestReport::colour(std::string_view code, std::string_view text) const {
  return terminal_.out_colour ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

void TestReport::file(const std::string& path, const source::SourceSet& sources) {
  sources_ = &sources;
  if (!terminal_.json) terminal_.print(colour("1", path) + "\n");
}

void TestReport::test(const harness::TestResult& result) {
  microseconds_ += result.microseconds;
  if (terminal_.json) {
    boost::json::object object{{"event", "test"},         {"file", result.at.file},
                               {"line", result.at.line},  {"title", result.title},
                               {"passed", result.passed}, {"microseconds", result.microseconds}};
    if (!result.passed) {
      object["message"] = result.message;
      object["failed_line"] = result.line == 0 ? result.at.line : result.line;
      object["story"] = boost::json::array(result.story.begin(), result.story.end());
    }
    return terminal_.print_json(object);
  }
  terminal_.print(
      fmt::format("  {} {}  {}\n", result.passed ? colour("32", "✓") : colour("1;31", "✗"),
                  printable(result.title), colour("2", milliseconds(result.microseconds))));
  if (!result.passed) show_failure(result);
}

void TestReport::show_failure(const harness::TestResult& result) const {
  std::string text;
  size_t at = 0;
  while (at <= result.message.size()) {
    const size_t end = std::min(result.message.find('\n', at), result.message.size());
    text += fmt::format("    {}\n", printable(result.message.substr(at, end - at)));
    at = end + 1;
  }
  text += excerpt(result);
  const size_t lines = result.story.size();
  if (lines != 0) text += colour("2", "    what the run did:") + "\n";
  for (size_t i = 0; i < lines; ++i) {
    if (lines > kShownBegin + kShownEnd && i == kShownBegin) {
      i = lines - kShownEnd;
      text += fmt::format("      … {} lines …\n", lines - kShownBegin - kShownEnd);
    }
    text += fmt::format("    {}\n", printable(result.story[i]));
  }
  terminal_.print(text + "\n");
}

std::string TestReport::excerpt(const harness::TestResult& result) const {
  const source::Source* source = nullptr;
  for (source::FileId id = 0; sources_ != nullptr && id < sources_->size(); ++id) {
    if (sources_->get(id).path() == result.at.file) source = &sources_->get(id);
  }
  const uint32_t line = result.line == 0 ? result.at.line : result.line;
  const std::string place = fmt::format("{}:{}", result.at.file, line);
  if (source == nullptr) return fmt::format("    at {}\n", place);
  const std::string number = std::to_string(line);
  return fmt::format("    {} {}\n    {} {} {}\n",
                     colour("34", std::string(number.size(), ' ') + "-->"), place,
                     colour("34", number), colour("34", "|"),
                     printable(std::string(line_of(source->text(), line))));
}

void TestReport::finish(size_t files, size_t passed, size_t failed) const {
  if (terminal_.json)
    return terminal_.print_json({{"event", "tests"},
                                 {"files", files},
                                 {"passed", passed},
                                 {"failed", failed},
                                 {"microseconds", microseconds_}});
  if (passed + failed == 0) return terminal_.print("no tests\n");
  const std::string count =
      passed + failed == 1 ? std::string("1 test") : fmt::format("{} tests", passed + failed);
  const std::string found =
      failed == 0 ? colour("32", "all passed")
                  : colour("1;31", fmt::format("{} failed", failed)) +
                        (passed == 0 ? std::string() : fmt::format(", {} passed", passed));
  terminal_.print(fmt::format("{}: {}, {}\n", count, found, milliseconds(microseconds_)));
}

}  // namespace rbk::cli
