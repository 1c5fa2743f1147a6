#include "compiler/diagnostics/diagnostic.h"

#include <cctype>
#include <set>

#include "compiler/diagnostics/from_syntax.h"

namespace rbk::diagnostics {
namespace {

TEST(Codes, AreUniqueAndInOrder) {
  for (size_t i = 1; i < kCodes.size(); ++i)
    EXPECT_LT(kCodes[i - 1].code, kCodes[i].code) << kCodes[i].name;
}

TEST(Codes, TemplatesKeepTheHouseStyle) {
  for (const CodeInfo& one : kCodes) {
    EXPECT_LT(one.text.size(), 90u) << one.name;
    EXPECT_FALSE(one.text.ends_with('.')) << one.name;
    EXPECT_FALSE(std::isupper(static_cast<unsigned char>(one.text.front()))) << one.name;
    EXPECT_EQ(std::count(one.text.begin(), one.text.end(), '`') % 2, 0) << one.name;
  }
}

TEST(Codes, AreFoundAsPeopleWriteThem) {
  EXPECT_EQ(code_text(Code::kUnknownName), "RBK0100");
  EXPECT_EQ(find_code("RBK0100"), Code::kUnknownName);
  EXPECT_EQ(find_code("rbk0100"), Code::kUnknownName);
  EXPECT_EQ(find_code("100"), Code::kUnknownName);
  EXPECT_EQ(find_code("RBK9999"), std::nullopt);
  EXPECT_EQ(find_code("RBK"), std::nullopt);
  EXPECT_EQ(find_code("100x"), std::nullopt);
}

TEST(Diagnostics, ReportFormatsTheTemplate) {
  Diagnostics all;
  const Diagnostic& one = all.report(Code::kWrongType, {1, 2, 0}, "int", std::string("string"))
                              .labelled("here")
                              .also({3, 4, 0}, "there");
  EXPECT_EQ(one.message, "expected `int`, found `string`");
  EXPECT_EQ(one.severity, Severity::kError);
  EXPECT_EQ(one.related.front().text, "there");
  EXPECT_EQ(all.report(Code::kShellName, {}, "HOME").message,
            "`${HOME}` is no name of the runbook");
  EXPECT_EQ(all.report(Code::kUnusedName, {}, "x").severity, Severity::kWarning);
  EXPECT_EQ(all.error_count(), 2u);
  EXPECT_EQ(all.warning_count(), 1u);
}

TEST(Diagnostics, SortsByPlaceAndDropsExactDuplicates) {
  Diagnostics all;
  all.report(Code::kUnknownName, {9, 10, 0}, "c");
  all.report(Code::kUnknownName, {1, 2, 1}, "d");
  all.report(Code::kUnknownName, {5, 6, 0}, "a");
  all.report(Code::kUnknownName, {5, 6, 0}, "b");
  all.report(Code::kUnknownName, {5, 6, 0}, "a");
  std::string order;
  for (const Diagnostic& one : all.sorted()) order += one.message[13];
  EXPECT_EQ(order, "abcd");
}

TEST(Diagnostics, ReferencesStayValid) {
  Diagnostics all;
  Diagnostic& first = all.report(Code::kUnreachable, {});
  for (int i = 0; i < 1000; ++i) all.report(Code::kUnreachable, {});
  first.help("still here");
  Diagnostics joined;
  joined.take(std::move(all));
  EXPECT_EQ(joined.sorted().front().hint, "still here");
}

TEST(Diagnostics, DidYouMeanIsOnlyAGuess) {
  Diagnostics all;
  EXPECT_TRUE(
      all.report(Code::kUnknownName, {}, "x").did_you_mean({}, std::string_view()).fixes.empty());
  const Diagnostic& one =
      all.report(Code::kUnknownName, {}, "hots").did_you_mean({0, 4, 0}, "host");
  EXPECT_EQ(one.hint, "did you mean `host`?");
  EXPECT_EQ(one.fixes.front().applicability, Applicability::kMaybeIncorrect);
}

TEST(FromSyntax, KeepsEverything) {
  syntax::SyntaxError error;
  error.code = syntax::SyntaxError::Code::kUnclosed;
  error.span = {4, 5, 0};
  error.message = "`{` has no partner";
  error.hint = "close it";
  error.related = {1, 2, 0};
  error.related_label = "opened here";
  const Diagnostic one = from_syntax_error(error);
  EXPECT_EQ(one.code, Code::kUnclosed);
  EXPECT_EQ(one.message, error.message);
  EXPECT_EQ(one.hint, error.hint);
  EXPECT_EQ(one.related, (std::vector<Label>{{{1, 2, 0}, "opened here"}}));
}

}  // namespace
}  // namespace rbk::diagnostics
