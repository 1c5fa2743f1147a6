#include "cli/report/junit.h"

#include <fmt/format.h>

namespace rbk::cli {
namespace {

/// Text for an attribute or an element. What XML 1.0 has no way to write becomes "?".
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&':
        made += "&amp;";
        break;
      case '<':
        made += "&lt;";
        break;
      case '>':
        made += "&gt;";
        break;
      case '"':
        made += "&quot;";
        break;
      case '\n':
        made += "&#10;";
        break;
      case '\t':
        made += "&#9;";
        break;
      default:
        made += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return made;
}

double in_seconds(int64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

}  // namespace

std::string junit_xml(const std::vector<harness::TestResult>& results) {
  std::string suites;
  for (size_t at = 0; at < results.size();) {
    const std::string& file = results[at].at.file;
    std::string cases;
    size_t count = 0;
    size_t failed = 0;
    int64_t time = 0;
    for (; at < results.size() && results[at].at.file == file; ++at, ++count) {
      const harness::TestResult& one = results[at];
      time += one.microseconds;
      cases += fmt::format(
          "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6f}\"",
          escaped(one.title), escaped(file), escaped(file), one.at.line,
          in_seconds(one.microseconds));
      if (one.passed) {
        cases += "/>\n";
        continue;
      }
      ++failed;
      std::string story;
      for (const std::string& line : one.story) story += line + "\n";
      cases += fmt::format(
          ">\n      <failure message=\"{}\">{}:{}\n{}\n\n{}</failure>\n    </testcase>\n",
          escaped(one.message.substr(0, one.message.find('\n'))), escaped(file),
          one.line == 0 ? one.at.line : one.line, escaped(one.message), escaped(story));
    }
    suites += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" time=\"{:.6f}\">\n{}  "
        "</testsuite>\n",
        escaped(file), count, failed, in_seconds(time), cases);
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{}</testsuites>\n",
                     suites);
}

}  // namespace rbk::cli
