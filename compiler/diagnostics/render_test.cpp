#include "compiler/diagnostics/render.h"

#include <boost/json/serialize.hpp>

#include "compiler/diagnostics/fixes.h"

namespace rbk::diagnostics {
namespace {

class Render : public ::testing::Test {
 protected:
  Span find(std::string_view what, source::FileId file = 0) const {
    const size_t at = sources.get(file).text().find(what);
    EXPECT_NE(at, std::string_view::npos) << what;
    return {static_cast<uint32_t>(at), static_cast<uint32_t>(at + what.size()), file};
  }
  std::string shown() const { return render(all.sorted().front(), sources, false); }

  source::SourceSet sources;
  Diagnostics all;
};

TEST_F(Render, OneLineWithItsLabelAndHint) {
  sources.add("a.rbk", "let a = 1\nlet service = hots\n");
  all.report(Code::kUnknownName, find("hots"), "hots").labelled("not declared").help("declare it");
  EXPECT_EQ(shown(), R"(error[RBK0100]: there is no `hots` here
 --> a.rbk:2:15
  |
2 | let service = hots
  |               ^^^^ not declared
  |
  = help: declare it
)");
}

TEST_F(Render, SecondaryLabelsOnTheSameAndOnFarLines) {
  sources.add("a.rbk", "fn f(n: int) {}\n\n\n\n\n\n\n\n\n  f(n: \"x\", m: 2)\n");
  all.report(Code::kWrongType, find("\"x\""), "int", "string")
      .labelled("a `string`")
      .also(find("f(n: \""), "of this call")
      .also(find("n: int"), "declared as `int`");
  EXPECT_EQ(shown(), R"(error[RBK0200]: expected `int`, found `string`
  --> a.rbk:10:8
   |
 1 | fn f(n: int) {}
   |      ------ declared as `int`
...
10 |   f(n: "x", m: 2)
   |   -----^^^ a `string`
   |   |
   |   of this call
)");
}

TEST_F(Render, SpansOverSeveralLines) {
  sources.add("a.rbk", "step x {\n  a\n  b\n  c\n  d\n  e\n}\nlet y = match z {\n  1\n}\n");
  all.report(Code::kUnreachable, {0, find("}").end, 0}).labelled("all of this");
  EXPECT_EQ(shown(), R"(error[RBK0214]: this is never reached
 --> a.rbk:1:1
  |
1 | / step x {
2 | |   a
... |
7 | | }
  | |_^ all of this
)");
  all = {};
  const Span match{find("match").begin, find("  1\n}").end, 0};
  all.report(Code::kUnreachable, match).labelled("this");
  EXPECT_EQ(shown(), R"(error[RBK0214]: this is never reached
  --> a.rbk:8:9
   |
 8 |   let y = match z {
   |  _________^
 9 | |   1
10 | | }
   | |_^ this
)");
}

TEST_F(Render, TabsAndWideCharactersKeepTheCaretsInPlace) {
  sources.add("a.rbk", "\tlet größe = \"日本\" + x\n");
  all.report(Code::kUnknownName, find("x"), "x").also(find("\"日本\""), "wide");
  EXPECT_EQ(shown(), R"(error[RBK0100]: there is no `x` here
 --> a.rbk:1:27
  |
1 |     let größe = "日本" + x
  |                 ------   ^
  |                 |
  |                 wide
)");
}

TEST_F(Render, LabelsInAnotherFile) {
  sources.add("a.rbk", "f()\n");
  sources.add("lib/b.rbk", "fn f(x: int) {}\n");
  all.report(Code::kMissingArgument, find("f()"), "f", "x")
      .also(find("x: int", 1), "declared here");
  EXPECT_EQ(shown(), R"(error[RBK0203]: `f` needs the argument `x`
 --> a.rbk:1:1
  |
1 | f()
  | ^^^
 ::: lib/b.rbk:1:6
  |
1 | fn f(x: int) {}
  |      ------ declared here
)");
}

TEST_F(Render, AFixShowsWhatItChanges) {
  sources.add("a.rbk", "  let x = hots\n");
  all.report(Code::kUnknownName, find("hots"), "hots").did_you_mean(find("hots"), "host");
  EXPECT_EQ(shown(), R"(error[RBK0100]: there is no `hots` here
 --> a.rbk:1:11
  |
1 |   let x = hots
  |           ^^^^
  |
help: did you mean `host`?
  |
1 -   let x = hots
1 +   let x = host
)");
  all = {};
  all.report(Code::kNoRollback, find("hots"), "hots")
      .fix("say so", {{{0, 0, 0}, "  rollback none\n"}}, Applicability::kHasPlaceholders);
  EXPECT_TRUE(shown().ends_with("help: say so\n  |\n1 +   rollback none\n")) << shown();
}

TEST_F(Render, AFixInSeveralPlacesShowsThoseLinesAlone) {
  sources.add("a.rbk", "let A = 1\nlet b = 2\nf(A)\n");
  all.report(Code::kUnknownName, find("A"), "A")
      .fix("write `a`", {{{4, 5, 0}, "a"}, {{22, 23, 0}, "a"}});
  EXPECT_TRUE(
      shown().ends_with("help: write `a`\n  |\n1 - let A = 1\n3 - f(A)\n1 + let a = 1\n3 + f(a)\n"))
      << shown();
}

TEST_F(Render, VeryLongLinesAreCutAroundTheMark) {
  sources.add("a.rbk", std::string(300, 'a') + " bad " + std::string(300, 'c'));
  all.report(Code::kUnknownName, find("bad"), "bad").labelled("here");
  const std::string text = shown();
  EXPECT_NE(text.find(" bad "), std::string::npos);
  EXPECT_LT(text.size(), 500u);
  const size_t caret = text.find("^^^ here");
  const size_t bad = text.find(" bad ccc");
  ASSERT_NE(caret, std::string::npos);
  // The ellipsis before the cut line is three bytes wide and one column.
  EXPECT_EQ(caret - text.rfind('\n', caret), bad + 1 - text.rfind('\n', bad) - 2);
}

TEST_F(Render, PlacesPastTheEndAndControlCharactersDoNoHarm) {
  sources.add("a.rbk", "x\033[31m");
  all.report(Code::kUnexpected, {90, 99, 0}, "unexpected end of file");
  EXPECT_EQ(shown().find('\033'), std::string::npos);
  all = {};
  all.report(Code::kUnexpected, {0, 0, 7}, "no file");
  EXPECT_EQ(shown(), "error[RBK0001]: no file\n");
}

TEST_F(Render, ColourOnlyAddsEscapes) {
  sources.add("a.rbk", "let x = hots\n");
  all.report(Code::kUnknownName, find("hots"), "hots").did_you_mean(find("hots"), "host");
  std::string coloured = render(all.sorted().front(), sources, true);
  EXPECT_TRUE(coloured.starts_with("\033[1;31merror[RBK0100]\033[0m")) << coloured;
  for (size_t at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033'))
    coloured.erase(at, coloured.find('m', at) - at + 1);
  EXPECT_EQ(coloured, shown());
}

TEST_F(Render, Json) {
  sources.add("a.rbk", "\nlet x = hots\n");
  all.report(Code::kUnknownName, find("hots"), "hots")
      .also(find("let"), "in this")
      .did_you_mean(find("hots"), "host");
  EXPECT_EQ(
      boost::json::serialize(to_json(all.sorted().front(), sources)),
      R"({"code":"RBK0100","severity":"error","message":"there is no `hots` here","file":"a.rbk",)"
      R"("line":2,"column":9,"end_line":2,"end_column":13,"label":"","related":[{"file":"a.rbk",)"
      R"("line":2,"column":1,"end_line":2,"end_column":4,"text":"in this"}],)"
      R"("hint":"did you mean `host`?","fixes":[{"title":"write `host`",)"
      R"("applicability":"maybe_incorrect","edits":[{"file":"a.rbk","line":2,"column":9,)"
      R"("end_line":2,"end_column":13,"begin":9,"end":13,"text":"host"}]}]})");
}

TEST_F(Render, Counts) {
  EXPECT_EQ(count_text(1, 0), "1 error");
  EXPECT_EQ(count_text(2, 1), "2 errors, 1 warning");
  EXPECT_EQ(count_text(0, 3), "3 warnings");
  EXPECT_EQ(count_text(0, 0), "");
}

TEST_F(Render, FixesAreAppliedUnlessTheyTouch) {
  const source::Source& file = sources.add("a.rbk", "aa bb cc");
  all.report(Code::kUnreachable, {0, 2, 0}).fix("A", {{{0, 2, 0}, "A"}});
  all.report(Code::kUnreachable, {1, 4, 0}).fix("over both", {{{1, 4, 0}, "no"}});
  all.report(Code::kUnreachable, {3, 5, 0})
      .fix("guess", {{{3, 5, 0}, "no"}}, Applicability::kMaybeIncorrect);
  all.report(Code::kUnreachable, {6, 8, 0}).fix("C", {{{6, 6, 0}, "("}, {{8, 8, 0}, ")"}});
  const std::vector<Diagnostic> found = all.sorted();
  const AppliedFixes applied = apply_fixes(file, found);
  EXPECT_EQ(applied.text, "A bb (cc)");
  EXPECT_EQ(applied.count, 2u);
}

}  // namespace
}  // namespace rbk::diagnostics
