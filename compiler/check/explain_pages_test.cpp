// The examples of `rbk explain` hold: the bad one gives just the page's code, the good one nothing.
#include "compiler/check/check_testing.h"
#include "compiler/diagnostics/explain.h"

namespace rbk::check {
namespace {

std::vector<std::string> examples(std::string_view page, std::string_view fence) {
  std::vector<std::string> result;
  for (size_t at = page.find(fence); at != std::string_view::npos; at = page.find(fence, at)) {
    const size_t begin = page.find('\n', at) + 1;
    const size_t end = page.find("```", begin);
    result.emplace_back(page.substr(begin, end - begin));
    at = end;
  }
  return result;
}

const std::map<std::string, std::string>& project() {
  static const std::map<std::string, std::string> files = {
      {"lib/hosts.rbk",
       "fn all() -> list<string> {\n  return _known()\n}\n"
       "fn _known() -> list<string> {\n  return [\"web-1\"]\n}\n"},
      {"lib/zones.rbk",
       "fn eu() -> list<string> {\n  return [\"web-1\"]\n}\n"
       "fn us() -> list<string> {\n  return [\"web-2\"]\n}\n"},
      {"plugins/page", "#!/bin/sh\n"},
      {"plugins/plain.txt", "echo\n"}};
  return files;
}

class ExplainPages : public ::testing::TestWithParam<diagnostics::CodeInfo> {};

TEST_P(ExplainPages, ExamplesHold) {
  const std::string_view page = diagnostics::explain(GetParam().code);
  for (const std::string& text : examples(page, "```rbk,bad")) {
    const CheckedProgram program = testing::check_text(text, project());
    const auto all = program.diagnostics.sorted();
    EXPECT_FALSE(all.empty()) << text;
    for (const auto& one : all)
      EXPECT_EQ(one.code, GetParam().code)
          << diagnostics::code_text(one.code) << " " << one.message;
  }
  for (const std::string& text : examples(page, "```rbk,good")) {
    const CheckedProgram program = testing::check_text(text, project());
    for (const std::string& line : testing::lines_of(program))
      ADD_FAILURE() << line << "\n" << text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExplainPages, ::testing::ValuesIn(diagnostics::kCodes),
                         [](const auto& given) {
                           return diagnostics::code_text(given.param.code);
                         });

}  // namespace
}  // namespace rbk::check
