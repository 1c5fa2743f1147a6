#include "compiler/diagnostics/explain.h"

#include <fstream>
#include <iterator>

#include "base/text_width.h"

namespace rbk::diagnostics {
namespace {

TEST(Explain, EveryCodeHasAPageWithBothFences) {
  for (const CodeInfo& one : kCodes) {
    const std::string code = code_text(one.code);
    const std::string_view page = explain(one.code);
    EXPECT_TRUE(page.starts_with("# " + code + ": ")) << code << " " << one.name;
    EXPECT_NE(page.find("```rbk,bad\n"), std::string_view::npos) << code << " " << one.name;
    EXPECT_NE(page.find("```rbk,good\n"), std::string_view::npos) << code << " " << one.name;
    EXPECT_TRUE(page.ends_with("\n")) << code;
  }
}

TEST(Explain, EveryPageHasACode) {
  for (const ExplainPage& page : explain_pages())
    EXPECT_TRUE(find_code(code_text(page.code))) << code_text(page.code);
}

TEST(Explain, PagesAreCompiledInAsTheyAre) {
  for (const ExplainPage& page : explain_pages()) {
    std::ifstream file(std::string(RBK_SOURCE_DIR "/compiler/diagnostics/explain/") +
                       code_text(page.code) + ".md");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_EQ(page.markdown, text);
  }
}

TEST(Explain, PagesFitATerminal) {
  for (const ExplainPage& page : explain_pages()) {
    std::string_view rest = page.markdown;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      EXPECT_LE(text_width(rest.substr(0, end)), 100u)
          << code_text(page.code) << ": " << rest.substr(0, end);
      rest.remove_prefix(end + 1);
    }
  }
}

}  // namespace
}  // namespace rbk::diagnostics
