// What is left of a file when something is wrong in it: one error for one mistake, in our words,
// and the neighbours as they were.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/syntax/dump.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/scan.h"

namespace rbk::syntax {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

source::Source text_source(std::string text) { return {0, "t.rbk", std::move(text)}; }

// `line:column message`, a line an error.
std::string errors_of(const std::string& text) {
  const source::Source source = text_source(text);
  std::string out;
  for (const SyntaxError& error : parse(source).errors) {
    const source::LineColumn at = source.position(error.span.begin);
    out += fmt::format("{}:{} {}\n", at.line, at.column, error.message);
  }
  return out;
}

// The files that parse, of the probes and of the standard modules.
std::vector<std::string> well_formed() {
  std::vector<fs::path> paths;
  for (const char* folder : {"/tests/grammar/probes", "/stdlib", "/examples"}) {
    const fs::path root = std::string(RBK_SOURCE_DIR) + folder;
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".rbk") paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::string text = read(path);
    if (parse(text_source(text)).ok()) texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<SyntaxError> errors;
  return scan(text_source(text), errors).tokens;
}

std::string without(const std::string& text, const Token& token) {
  return text.substr(0, token.begin) + text.substr(token.end);
}

TEST(Recovery, ALostTokenGivesOneError) {
  size_t mutants = 0;
  size_t several = 0;
  size_t most = 0;
  for (const std::string& text : well_formed()) {
    for (const Token& token : tokens_of(text)) {
      if (token.begin == token.end) continue;
      const size_t found = parse(text_source(without(text, token))).errors.size();
      ++mutants;
      if (found > 1) ++several;
      most = std::max(most, found);
    }
  }
  EXPECT_GT(mutants, 3000u);
  // Two in a hundred lose a bracket in a text that is not indented, or all on one line.
  EXPECT_LT(several * 100, mutants * 2) << several << " of " << mutants;
  EXPECT_LE(most, 8u);
}

TEST(Recovery, ALostTokenLeavesOtherDeclarationsAlone) {
  const std::string text = read(std::string(RBK_SOURCE_DIR) + "/tests/grammar/probes/ex1.rbk");
  const ParsedFile whole = parse(text_source(text));
  ASSERT_TRUE(whole.ok());
  for (const Token& token : tokens_of(text)) {
    if (token.begin == token.end) continue;
    const ParsedFile mutant = parse(text_source(without(text, token)));
    std::set<std::string> left;
    for (const DeclId id : mutant.ast.decls) left.insert(dump(mutant.ast, id));
    size_t lost = 0;
    for (const DeclId id : whole.ast.decls) {
      const source::Span span = whole.ast[id].span;
      const bool touched = token.begin >= span.begin && token.begin < span.end;
      if (!touched && !left.contains(dump(whole.ast, id))) ++lost;
    }
    EXPECT_EQ(lost, 0u) << "without `" << text.substr(token.begin, token.end - token.begin)
                        << "` at " << token.begin;
  }
}

TEST(Recovery, ADoubledTokenNeverCrashes) {
  for (const std::string& text : well_formed()) {
    const std::vector<Token> tokens = tokens_of(text);
    for (size_t i = 0; i < tokens.size(); i += 3) {
      const std::string word = text.substr(tokens[i].begin, tokens[i].end - tokens[i].begin);
      const std::string doubled =
          text.substr(0, tokens[i].end) + " " + word + text.substr(tokens[i].end);
      EXPECT_LE(parse(text_source(doubled)).errors.size(), 20u) << word;
    }
  }
}

TEST(Recovery, ATextThatIsCutOffAnywhereHasATree) {
  const std::string text = read(std::string(RBK_SOURCE_DIR) + "/tests/grammar/probes/ex1.rbk");
  for (size_t size = 0; size < text.size(); ++size) {
    const ParsedFile file = parse(text_source(text.substr(0, size)));
    EXPECT_LE(file.errors.size(), 3u) << "after " << size << " bytes";
  }
}

TEST(Recovery, MessagesAreInOurWords) {
  const std::string_view foreign[] = {"mismatched", "extraneous",  "viable", "alternative",
                                      "token",      "recognition", "EOF",    "TERM",
                                      "grammar",    "input"};
  std::set<std::string> seen;
  for (const std::string& text : well_formed()) {
    for (const Token& token : tokens_of(text)) {
      if (token.begin == token.end) continue;
      for (const SyntaxError& error : parse(text_source(without(text, token))).errors) {
        if (!seen.insert(error.message).second) continue;
        EXPECT_LT(error.message.size(), 92u) << error.message;
        EXPECT_FALSE(error.message.ends_with('.')) << error.message;
        const std::string said = error.message.substr(0, error.message.find('`'));
        for (const std::string_view word : foreign)
          EXPECT_EQ(said.find(word), std::string::npos) << error.message;
        EXPECT_TRUE(error.message.front() == '`' || std::islower(error.message.front()))
            << error.message;
      }
    }
  }
  EXPECT_GT(seen.size(), 100u);
}

TEST(Recovery, Messages) {
  EXPECT_EQ(errors_of("runbook r() {\n  step\n}\n"), "2:7 expected a name after `step`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  let = 5\n}\n"), "2:7 expected a name after `let`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  let a = \n  let b = 2\n}\n"),
            "2:10 expected a value after `=`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  f(1 + )\n  g(a b)\n}\n"),
            "2:9 expected a value after `+`\n3:7 expected `,` or `)` after `a`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  let timeout = 5\n  f(timeout)\n}\n"),
            "2:7 `timeout` is a word of the language and can't name a value\n");
  EXPECT_EQ(errors_of("runbook r() {\n  let x = f() timeout 5s\n}\n"),
            "2:15 only a step or a call takes `timeout`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  let x = report { a: 1 }\n}\n"),
            "2:18 no block can follow `report`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  if x = 3 { }\n}\n"), "2:8 expected `{` after `x`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  else { }\n}\n"), "2:3 this `else` follows no `if`\n");
  EXPECT_EQ(errors_of("runbook r():\n  step a = f()\n"),
            "1:13 expected `{` at the end of the head of this `runbook`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  for (i = 0; i < 3; i++) {\n    f()\n  }\n}\n"),
            "2:7 there is no `for (…; …; …)`\n");
  EXPECT_EQ(errors_of("runbook r() {\n  step a = f() on fail continue\n}\n"),
            "2:16 there is no clause `on fail`\n");
  EXPECT_EQ(errors_of("runbok r() { }\n"), "1:1 expected a declaration, found `runbok`\n");
  EXPECT_EQ(errors_of("const a = 1 && 2\n"), "1:13 there is no operator `&&`\n");
  EXPECT_EQ(errors_of("const a = 'b'\n"), "1:11 a string does not stand in single quotes\n");
  EXPECT_EQ(errors_of("const a = \"b\n"), "1:11 this string has no closing `\"` on its line\n");
  EXPECT_EQ(errors_of("runbook r(x) { }\n"), "1:11 `x` has no type\n");
  EXPECT_EQ(errors_of("action a() = native\n"),
            "1:1 this action does not say what it does to the world\n");
  EXPECT_EQ(errors_of("runbook r() { expect a }\n"), "1:15 `expect` stands in a `test` only\n");
  EXPECT_EQ(errors_of("<<<<<<< HEAD\n=======\n>>>>>>> b\nconst a = 1\n"),
            "1:1 a merge conflict is left in this file\n");
  EXPECT_EQ(errors_of("runbook r() {\n  step a = f() timeout 1s timeout 2s\n}\n"),
            "2:27 `timeout` is written twice\n");
}

TEST(Recovery, HintsKnowTheCure) {
  const auto hint = [](const std::string& text) {
    const ParsedFile file = parse(text_source(text));
    return file.errors.empty() ? std::string() : file.errors.front().hint;
  };
  EXPECT_EQ(hint("runbok r() { }\n"), "did you mean `runbook`?");
  EXPECT_EQ(hint("step a = f()\n"), "put it in a `runbook name() { … }`");
  EXPECT_EQ(hint("fn f() { let hostName = 1 }\n"), "write `host_name`");
  EXPECT_EQ(hint("record my_report { a: int }\n"), "write `MyReport`");
  EXPECT_EQ(hint("runbook r() {\n  if x = 3 { }\n}\n"), "compare with `==`");
  EXPECT_EQ(hint("runbook r() {\n  let x = f() timeout 5s\n}\n"), "write `step` in place of `let`");
}

// What people write by habit from other languages is one mistake, with the form that we have.
TEST(Recovery, FormsOfOtherLanguagesGetOurs) {
  struct Habit {
    std::string text;
    std::string error;
    std::string hint;
  };
  const std::string loop =
      "go through something with `for x in xs { … }`, or wait with `repeat every 5s at most 20 "
      "times { …; until done }`";
  const std::string brace =
      "a value in braces has its type before it: `Name { … }`, `map { … }`, `json { … }`";
  const Habit habits[] = {
      {"while i < 3 {\n    f()\n  }", "2:3 there is no `while`\n", loop},
      {"while (i < 3) {\n    f()\n  }", "2:3 there is no `while`\n", loop},
      {"foreach (x in xs) {\n    f()\n  }", "2:3 there is no `foreach`\n",
       "write `for x in xs { … }`"},
      {"for (x in xs) {\n    f()\n  }", "2:7 expected a name after `for`\n",
       "write `for x in xs { … }`; counting is `for i in 1..10 { … }`"},
      {"if a {\n    f()\n  } elif b {\n    f()\n  }", "4:5 there is no `elif`\n",
       "write `else if`"},
      {"try {\n    f()\n  } except e {\n    f()\n  }", "4:5 there is no `except`\n",
       "write `try { … } catch e { … }`"},
      {"switch i {\n  }", "2:3 there is no `switch`\n", "write `match value { case … => … }`"},
      {"throw \"x\"", "2:3 there is no `throw`\n",
       "write `fail \"what went wrong\"`, or `fail Kind { … }`"},
      {"i++", "2:4 there is no `++`\n", "write `i = i + 1`"},
      {"++i", "2:3 there is no `++`\n", "write `i = i + 1`"},
      {"i--", "2:4 there is no `--`\n", "write `i = i - 1`"},
      {"i--\n  f()", "2:4 there is no `--`\n", "write `i = i - 1`"},
      {"i-- // one less\n  f()", "2:4 there is no `--`\n", "write `i = i - 1`"},
      {"i += 2", "2:5 there is no `+=`\n", "write `i = i + …`"},
      {"let m = { a: 1 }", "2:11 expected a value after `=`\n", brace},
      {"let m = [{ a: 1 }]", "2:12 expected `,` or `]` after `[`\n", brace},
      {"f({ a: 1 })", "2:5 expected `,` or `)` after `(`\n", brace},
      {"return { a: 1 }", "2:10 no block can follow `return`\n", brace},
      {"step a = f(json: { a: 1 })", "2:20 expected a value after `:`\n",
       "write `json: json { … }`"},
      {"step a = f(env: { A: \"1\" })", "2:19 expected a value after `:`\n",
       "write `env: env { … }`"},
      {"let m = a ? 1 : 2", "2:13 expected the end of the statement after `a`\n",
       "write `if … { … } else { … }`: it has a value"},
      {"let m = x => x", "2:13 expected the end of the statement after `x`\n",
       "a function is written `fn(x) => …`"},
  };
  for (const Habit& habit : habits) {
    const std::string text = "runbook r() {\n  " + habit.text + "\n}\n";
    EXPECT_EQ(errors_of(text), habit.error) << text;
    const ParsedFile file = parse(text_source(text));
    ASSERT_FALSE(file.errors.empty()) << text;
    EXPECT_EQ(file.errors.front().hint, habit.hint) << text;
  }
}

TEST(Recovery, SlipsOfTheHandGetTheirCure) {
  struct Slip {
    std::string text;
    std::string error;
    std::string hint;
  };
  const std::string share = "write it as a fraction: `0.05` is 5%";
  const Slip slips[] = {
      {"let x?: int = null", "2:8 a `?` can't follow a name\n",
       "what may be null has it behind its type: write `x: int?`"},
      {"let string name = \"a\"", "2:7 the name stands before its type\n", "write `name: string`"},
      {"approval go {\n    by group \"sre\"\n  }", "2:15 `go` does not say what is asked\n",
       "write the question before the brace: `approval go \"Go on?\" {`"},
      {"const a = 1", "2:3 a `const` can't stand in a block\n",
       "write `let`: what it names never changes"},
      {"let x = 5%\n  f()", "2:11 a share like `5%` stands only after `tolerate`\n", share},
      {"match x:\n    case 1 => f()\n    case _ => g()", "2:10 a block stands in braces\n",
       "write `match x {` here, and `}` at its end"},
      {"if [ -f x ]; then\n    f\n  fi", "2:3 there is no `if …; then`\n",
       "write `if condition { … }`; what the shell tests goes into a step: `step t = shell(\"test "
       "-f "
       "x\", accept: 0..1) reads`, and `if t.exit_code == 0 { … }`"},
      {"step a = f()\n    retry: 3", "3:5 the clause `retry` has no `:`\n",
       "write `retry 3 times`"},
      {"step a = f()\n    timeout: 5m", "3:5 the clause `timeout` has no `:`\n",
       "write `timeout 5m`"},
      {"step a = f()\n    rollback: {\n      g()\n    }", "3:5 the clause `rollback` has no `:`\n",
       "write `rollback { … }`"},
      {"f(\"${X:-y}\")", "2:8 there is no `:-` in `${}`\n",
       "write `${x ?? \"…\"}` for what may be null; for the shell's own variable `$$\"…\"`, where "
       "`${}` is left to the shell"},
      {"require c, \"no\"", "2:12 the message of a `require` stands behind `else`\n",
       "write `require condition else \"…\"`"},
      {"for x of xs {\n    f()\n  }", "2:9 expected `in`, found `of`\n", "write `for x in …`"},
      {"let p = P { a = 1 }", "2:17 an entry has a `:`, no `=`\n", "write `a: …`"},
      {"f(1\n  g(2)", "2:4 this `(` has no `)`\n", "add `)` at the end of this line"},
      {"let a = [1, 2", "2:11 this `[` has no `]`\n", "add `]` at the end of this line"},
      {"f() g()", "2:7 expected the end of the statement after `)`\n",
       "what follows is a statement of its own: begin a new line"},
  };
  for (const Slip& slip : slips) {
    const std::string text = "runbook r() {\n  " + slip.text + "\n}\n";
    EXPECT_EQ(errors_of(text), slip.error) << text;
    const ParsedFile file = parse(text_source(text));
    ASSERT_FALSE(file.errors.empty()) << text;
    EXPECT_EQ(file.errors.front().hint, slip.hint) << text;
  }
}

TEST(Recovery, TwoSignsInOneLineAreASubtraction) {
  EXPECT_EQ(errors_of("fn f(a: int, b: int) -> int {\n  return a--b - -1\n}\n"), "");
  EXPECT_EQ(errors_of("fn f(a: int, b: int) -> int {\n  return a -\n    -b\n}\n"), "");
  EXPECT_EQ(errors_of("fn f(a: int, b: int) -> int {\n  return a ++ b\n}\n"),
            "2:13 expected a value after `+`\n");
}

TEST(Recovery, BracketsAreRepairedByIndentation) {
  const auto tree = [](const std::string& text) { return dump(parse(text_source(text)).ast); };
  const std::string right =
      "runbook r() {\n  if a {\n    step b = f(x)\n  }\n  step c = g()\n}\nconst d = 1\n";
  const std::string expected = tree(right);
  for (const std::string_view bracket : {"{\n    step", "  }\n  step", ")\n  }", "{\n  if"}) {
    std::string text = right;
    const size_t at = text.find(bracket);
    ASSERT_NE(at, std::string::npos);
    const size_t where = text.find_first_of("{})", at);
    text.erase(where, 1);
    EXPECT_EQ(tree(text), expected) << text;
    EXPECT_EQ(parse(text_source(text)).errors.size(), 1u) << text;
  }
}

}  // namespace
}  // namespace rbk::syntax
