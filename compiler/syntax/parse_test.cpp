#include "compiler/syntax/parse.h"

#include <gtest/gtest.h>

#include <string>

#include "compiler/syntax/dump.h"

namespace rbk::syntax {
namespace {

ParsedFile parse_text(const std::string& text) { return parse(source::Source(0, "t.rbk", text)); }

std::string tree(const std::string& text) {
  const ParsedFile file = parse_text(text);
  std::string out;
  for (const SyntaxError& error : file.errors) out += "error: " + error.message + "\n";
  return out + dump(file.ast);
}

// The tree of an expression, in a `let`.
std::string value(const std::string& text) {
  const std::string out = tree("runbook r() {\n  let it = " + text + "\n}\n");
  const std::string before = "(runbook r [])\n  (let it ";
  if (!out.starts_with(before)) return out;
  return out.substr(before.size(), out.size() - before.size() - 2);
}

std::string statement(const std::string& text) {
  const std::string out = tree("runbook r() {\n" + text + "\n}\n");
  const std::string before = "(runbook r [])\n";
  return out.starts_with(before) ? out.substr(before.size()) : out;
}

TEST(Parse, EmptyFilesHaveNoDeclarations) {
  EXPECT_EQ(tree(""), "");
  EXPECT_EQ(tree("\n\n// only a comment\n"), "");
  EXPECT_EQ(tree("//! About this file.\n//!   indented\n"),
            "(doc \"About this file.\\n  indented\")\n");
}

TEST(Parse, PrecedenceFromLooseToTight) {
  EXPECT_EQ(value("a or b and not c == d ?? e + f * -g.h as int"),
            "(or a (and b (not (== c (?? d (+ e (* f (as (neg g.h) int))))))))");
  EXPECT_EQ(value("1 - 2 - 3"), "(- (- 1 2) 3)");
  EXPECT_EQ(value("x not in xs"), "(not-in x xs)");
  EXPECT_EQ(value("x in 1..n + 1"), "(in x (.. 1 (+ n 1)))");
  EXPECT_EQ(value("(a or b) and c"), "(and (or a b) c)");
  EXPECT_EQ(value("a.b?.c(1)[2] as json"), "(as (index (call a.b?.c 1) 2) json)");
  EXPECT_EQ(value("name matches r\"^a\" and true"), "(and (matches name r\"^a\") true)");
}

TEST(Parse, WhatTakesAllToItsRight) {
  EXPECT_EQ(value("a ?? fail \"no \" + b"), "(?? a (fail (+ \"no \" b)))");
  EXPECT_EQ(value("xs.map(fn(x) => x + 1)"), "(call xs.map (fn [(x)] (+ x 1)))");
  EXPECT_EQ(value("fn(a: int, b) => a or b"), "(fn [(a: int) (b)] (or a b))");
  EXPECT_EQ(statement("wait d * 2"), "  (wait (* d 2))\n");
}

TEST(Parse, ComparisonsDoNotChain) {
  EXPECT_EQ(value("a < b < c").substr(0, 30), "error: comparisons don't chain");
  EXPECT_EQ(value("(a < b) == c"), "(== (< a b) c)");
}

TEST(Parse, Literals) {
  EXPECT_EQ(value("[1, 1_000, 2.5, 1e3, 5m30s, 512MiB, true, null,]"),
            "[1 1000 2.5f 1000f 5m30s 512MiB true null]");
  EXPECT_EQ(value("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(value("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(value("9223372036854775808").substr(0, 44),
            "error: this number is too large for an int\n(");
  EXPECT_EQ(value("1.5h").substr(0, 29), "error: `1.5h` is no number: a");
  EXPECT_EQ(value("5minutes").substr(0, 29), "error: `5minutes` is no numbe");
  EXPECT_EQ(value("xs[1..3]"), "(slice xs 1 3)");
  EXPECT_EQ(value("xs[..<3]"), "(slice< xs - 3)");
  EXPECT_EQ(value("xs[2..]"), "(slice xs 2 -)");
}

TEST(Parse, Strings) {
  EXPECT_EQ(value(R"("a\n\"b\" \u{e9} \$")"), "\"a\\n\\\"b\\\" \xC3\xA9 $\"");
  EXPECT_EQ(value(R"("${a}${b.c}!")"), "(str a b.c \"!\")");
  EXPECT_EQ(value(R"("a ${f("b ${c}")} d")"), "(str \"a \" (call f (str \"b \" c)) \" d\")");
  EXPECT_EQ(value(R"(r"\d+${x}")"), "r\"\\\\d+${x}\"");
  EXPECT_EQ(value(R"($$"${a} $${b}")"), "($$str \"${a} \" b)");
  EXPECT_EQ(value(R"("cost: $5")"), "\"cost: $5\"");
  EXPECT_TRUE(value(R"("\q")").starts_with("error: `\\q` is no escape\n"));
}

TEST(Parse, MarginsOfTextsOfManyLines) {
  EXPECT_EQ(value("\"\"\"\n    a\n      b\n\n    c\n    \"\"\""), "\"a\\n  b\\n\\nc\"");
  EXPECT_EQ(value("\"\"\"\n      a ${x}\n        b\n    \"\"\""), "(str \"  a \" x \"\\n    b\")");
  EXPECT_EQ(value("\"\"\"one\"\"\""), "\"one\"");
  EXPECT_EQ(value("\"\"\"\n\"\"\""), "\"\"");
  EXPECT_EQ(value("r\"\"\"\n  \\d\n  \"\"\""), "r\"\\\\d\"");
  EXPECT_EQ(value("\"\"\"\r\n  a\r\n  b\r\n  \"\"\""), "\"a\\nb\"");
  EXPECT_EQ(value("$$\"\"\"\n  for i in ${LIST}; do echo $${x}; done\n  \"\"\""),
            "($$str \"for i in ${LIST}; do echo \" x \"; done\")");
}

TEST(Parse, ValuesInBracesAndBlocks) {
  EXPECT_EQ(value("http.Response { status: 200, body }"), "(http.Response {status:200 body})");
  EXPECT_EQ(value("map { \"a\": 1\n Env.dev: 2\n .prod: 3 }"), "(map {\"a\":1 Env.dev:2 .prod:3})");
  EXPECT_EQ(value("json { }"), "(json {})");
  EXPECT_EQ(statement("if x == (Foo { a: 1 }) { f() } else if y { } else { g() }"),
            "  (if (== x (Foo {a:1})) {(call f)} {(if y {} {(call g)})})\n");
  EXPECT_EQ(statement("for i, x in xs { break }"), "  (for i x in xs)\n    (break)\n");
}

TEST(Parse, LinesThatGoOn) {
  EXPECT_EQ(value("a +\n  // c\n  b\n  .c\n  ?.d"), "(+ a b.c?.d)");
  EXPECT_EQ(statement("step a = f()\n  timeout 5s\n\n  // c\n  reads"),
            "  (step a (call f) (timeout 5s) (reads))\n");
  EXPECT_EQ(statement("f(\n  a,\n  b: 1,\n)\ng()"), "  (call f a b:1)\n  (call g)\n");
  EXPECT_EQ(statement("let a = 1; let b = 2"), "  (let a 1)\n  (let b 2)\n");
}

TEST(Parse, DocumentationGoesToWhatFollows) {
  EXPECT_EQ(tree("/// One.\n/// Two.\nenum E {\n  /// First.\n  a\n  b\n}\n"),
            "(doc \"One.\\nTwo.\")\n(enum E a doc \"First.\" b)\n");
  EXPECT_EQ(tree("/// lost\n\n// between\nconst a = 1\n"), "(const a 1)\n");
}

TEST(Parse, CommentsAreKept) {
  const ParsedFile file = parse_text("// a\nconst b = 1 // c\n/// d\n//! e\n");
  ASSERT_EQ(file.ast.comments.size(), 4u);
  EXPECT_TRUE(file.ast.comments[0].own_line);
  EXPECT_FALSE(file.ast.comments[1].own_line);
  EXPECT_EQ(file.ast.comments[2].kind, Comment::Kind::kDoc);
  EXPECT_EQ(file.ast.comments[3].kind, Comment::Kind::kFileDoc);
}

TEST(Parse, SpansCoverWhatWasWritten) {
  const std::string text = "runbook r() {\n  step a = f(x).y(1)\n    timeout 5s\n}\n";
  const source::Source source(0, "t.rbk", text);
  const ParsedFile file = parse(source);
  ASSERT_TRUE(file.ok());
  const auto& runbook = std::get<RunbookDecl>(file.ast[file.ast.decls[0]].node);
  const Stmt& step = file.ast[file.ast[runbook.body].stmts[0]];
  EXPECT_EQ(source.text(step.span), "step a = f(x).y(1)\n    timeout 5s");
  const auto& node = std::get<StepStmt>(step.node);
  EXPECT_EQ(source.text(file.ast[node.value].span), "f(x).y(1)");
  EXPECT_EQ(source.text(node.name.span), "a");
  EXPECT_EQ(source.text(node.clauses.items[0].span), "timeout 5s");
  EXPECT_EQ(source.text(file.ast[runbook.body].span).front(), '{');
  EXPECT_EQ(source.text(file.ast[file.ast.decls[0]].span).back(), '}');
}

TEST(Parse, DeepAndLongInputEndsInAnError) {
  auto repeated = [](std::string_view part, size_t times) {
    std::string text;
    for (size_t i = 0; i < times; ++i) text += part;
    return text;
  };
  const size_t many = 50'000;
  const std::string cases[] = {
      "const a = " + repeated("(", many) + repeated(")", many),
      "const a = " + repeated("[", many),
      "const a = " + repeated("-", many) + "1",
      "const a = " + repeated("not ", many) + "b",
      "const a = 1" + repeated(" + 1", many),
      "const a = b" + repeated(".c", many),
      "const a = b" + repeated(" as int", many),
      "const a = " + repeated("fn(x) => ", many) + "1",
      "const a = " + repeated("fn(x", many),
      "const a = " + repeated("\"${", 200) + "1" + repeated("}\"", 200),
      "const a: " + repeated("list<", many) + "int" + repeated(">", many) + " = 1",
      "fn f() {" + repeated("if a {", many) + repeated("}", many) + "}",
      "fn f() { if a { }" + repeated(" else if b { }", many) + "}",
      "fn f() { match a { case " + repeated(".b(", many) + repeated(")", many) + " => 1 } }",
      repeated("}", many),
      repeated("{", many),
      "const a = " + repeated("fail ", many) + "b",
  };
  for (const std::string& text : cases) {
    const ParsedFile file = parse_text(text);
    ASSERT_FALSE(file.ok()) << text.substr(0, 40);
    EXPECT_LE(file.errors.size(), kMaxErrors) << text.substr(0, 40);
    EXPECT_LT(dump(file.ast).size(), 10'000'000u);
  }
}

TEST(Parse, WhatIsLongButFlatIsFine) {
  std::string list = "const a = [";
  for (int i = 0; i < 50'000; ++i) list += "1, ";
  EXPECT_TRUE(parse_text(list + "]").ok());
  std::string sum = "const a = 1";
  for (int i = 0; i < 400; ++i) sum += " + 1";
  EXPECT_TRUE(parse_text(sum).ok());
}

TEST(Parse, ABrokenDeclarationLeavesItsNeighboursAlone) {
  const ParsedFile file = parse_text(
      "const a = 1\nrunbook b( {\n  step x = \n}\nconst c = 3\nfn d( -> int { return }\nconst e = "
      "5\n");
  ASSERT_EQ(file.ast.decls.size(), 5u);
  for (const size_t good : {0u, 2u, 4u})
    EXPECT_TRUE(std::holds_alternative<ConstDecl>(file.ast[file.ast.decls[good]].node));
}

TEST(Parse, SemicolonsBetweenDeclarationsSayNothing) {
  const std::string plain = tree("const a = 1\nconst b = 2\n");
  EXPECT_EQ(tree(";\nconst a = 1;\n;;\nconst b = 2\n;"), plain);
  EXPECT_EQ(tree("; x").substr(0, 45), "error: expected a declaration, found `x`\n<err");
}

TEST(Parse, BytesThatAreNoUtf8AreOneMistake) {
  const ParsedFile file =
      parse_text("const a = \"x\xff\xfe\"  // \xe9\nconst b = \"\xEF\xBF\xBD\"\n");
  ASSERT_EQ(file.errors.size(), 1u);
  EXPECT_EQ(file.errors[0].message, "the byte 0xff is no UTF-8");
  EXPECT_EQ(file.errors[0].span.begin, 12u);
}

TEST(Parse, ATypeAloneIsNoPattern) {
  for (const char* type : {"Timeout", "http.ServerError"}) {
    const ParsedFile file = parse_text("fn f(e: error) -> int {\n  return match e {\n    case " +
                                       std::string(type) + " => 1\n    case _ => 2\n  }\n}\n");
    ASSERT_EQ(file.errors.size(), 1u);
    EXPECT_NE(file.errors[0].hint.find(std::string(type) + " { }"), std::string::npos);
  }
}

TEST(Parse, AWordOfTheLanguageAsANameIsOneMistake) {
  const ParsedFile file = parse_text(
      "runbook r() {\n  let timeout = 5\n  log.info(\"${timeout}\")\n  if timeout == 3 { "
      "log.info(\"x\") }\n"
      "}\nfn f() -> int {\n  let timeout = 1\n  return 1 + timeout\n}\n");
  ASSERT_EQ(file.errors.size(), 2u);
  EXPECT_EQ(file.errors[0].span.begin, 20u);
  EXPECT_EQ(file.errors[1].code, SyntaxError::Code::kReserved);
}

}  // namespace
}  // namespace rbk::syntax
