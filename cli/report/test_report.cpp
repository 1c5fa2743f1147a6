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

std::string what_was_left_out(const harness::Exploration& made) {
  std::string text;
  if (!made.complete) text += "; those with one thing that goes wrong, and some with two";
  if (!made.all_visits) text += "; of each loop its first rounds and its last";
  return text;
}

std::string_view source_line(std::string_view text, uint32_t number) {
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

std::string TestReport::story(const std::vector<std::string>& lines) const {
  if (lines.empty()) return {};
  std::string text = colour("2", "    what the run did:") + "\n";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines.size() > kShownBegin + kShownEnd && i == kShownBegin) {
      i = lines.size() - kShownEnd;
      text += fmt::format("      … {} lines …\n", i - kShownBegin);
    }
    text += fmt::format("    {}\n", printable(lines[i]));
  }
  return text;
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
  text += story(result.story);
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
                     printable(std::string(source_line(source->text(), line))));
}

void TestReport::explored(const harness::Exploration& made) const {
  std::string ends;
  for (const auto& [status, count] : made.ends)
    ends += fmt::format("{}{} {}", ends.empty() ? "" : ", ", count, status);
  if (terminal_.json) {
    boost::json::array broken;
    for (const harness::Broken& one : made.broken) {
      broken.push_back({{"message", one.message},
                        {"paths", one.paths},
                        {"faults", boost::json::array(one.faults.begin(), one.faults.end())},
                        {"story", boost::json::array(one.story.begin(), one.story.end())},
                        {"test", one.test}});
    }
    boost::json::object counts;
    for (const auto& [status, count] : made.ends) counts[status] = count;
    return terminal_.print_json({{"event", "explored"},
                                 {"file", made.at.file},
                                 {"runbook", made.runbook},
                                 {"test", made.test},
                                 {"paths", made.paths},
                                 {"complete", made.complete && made.all_visits},
                                 {"ends", std::move(counts)},
                                 {"broken", std::move(broken)}});
  }
  terminal_.print(fmt::format("  {} explored {} from \"{}\": {} paths ({}{})\n",
                              made.broken.empty() ? colour("32", "✓") : colour("1;31", "✗"),
                              made.runbook, printable(made.test), made.paths, ends,
                              what_was_left_out(made)));
  for (const harness::Broken& one : made.broken) {
    std::string faults;
    for (const std::string& fault : one.faults) faults += "\n      " + printable(fault);
    std::string test;
    size_t at = 0;
    while (at < one.test.size()) {
      const size_t end = std::min(one.test.find('\n', at), one.test.size());
      test += fmt::format("    {}\n", printable(one.test.substr(at, end - at)));
      at = end + 1;
    }
    terminal_.print(
        fmt::format("    {}\n    on {} path{}; the shortest, with what goes wrong:{}\n{}{}\n{}\n",
                    printable(one.message), one.paths, one.paths == 1 ? "" : "s",
                    faults.empty() ? "\n      nothing" : faults, story(one.story),
                    colour("2", "    the same as a test:"), test));
  }
}

void TestReport::not_explored(const lower::Invariant& invariant) const {
  const std::string message = fmt::format(
      "{} is not explored: no test has a run of it that succeeds, to begin with", invariant.about);
  if (terminal_.json)
    return terminal_.print_json({{"event", "not_explored"},
                                 {"file", invariant.at.file},
                                 {"line", invariant.at.line},
                                 {"runbook", invariant.about},
                                 {"message", message}});
  terminal_.print(fmt::format("  {} {}\n", colour("1;31", "✗"), message));
}

void TestReport::finish(size_t files, size_t passed, size_t failed, size_t broken) const {
  if (terminal_.json)
    return terminal_.print_json({{"event", "tests"},
                                 {"files", files},
                                 {"passed", passed},
                                 {"failed", failed},
                                 {"broken", broken},
                                 {"microseconds", microseconds_}});
  if (passed + failed == 0) return terminal_.print("no tests\n");
  const std::string count =
      passed + failed == 1 ? std::string("1 test") : fmt::format("{} tests", passed + failed);
  std::string found = failed == 0
                          ? colour("32", "all passed")
                          : colour("1;31", fmt::format("{} failed", failed)) +
                                (passed == 0 ? std::string() : fmt::format(", {} passed", passed));
  if (broken != 0)
    found += ", " + colour("1;31", fmt::format("{} broken by what may go wrong", broken));
  terminal_.print(fmt::format("{}: {}, {}\n", count, found, milliseconds(microseconds_)));
}

}  // namespace rbk::cli
