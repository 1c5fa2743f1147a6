// What the lowering reads: types, conversions and meanings of each expression, as a text.
#include "compiler/check/check_testing.h"

namespace rbk::check {
namespace {

std::string convert_text(Convert convert) {
  static constexpr std::string_view kTexts[] = {
      "", " to-optional", " from-optional", " to-json", " to-error", " url-to-string", " to-env"};
  return std::string(kTexts[static_cast<size_t>(convert)]);
}

std::string kind_text(Meaning::Kind kind) {
  static constexpr std::string_view kTexts[] = {
      "plain",  "symbol",   "field",    "message", "kind",   "retryable",     "json",
      "member", "property", "run",      "secret",  "ok",     "value",         "error",
      "fn",     "runbook",  "action",   "closure", "native", "type function", "loop",
      "now",    "emit",     "secret()", "raw"};
  return std::string(kTexts[static_cast<size_t>(kind)]);
}

std::string encodings_text(const CheckedModule& module, ExprId id) {
  const auto* literal = std::get_if<syntax::StringLit>(&module.ast[id].node);
  const uint32_t first = module.info(id).encodings;
  if (literal == nullptr || first == kNone) return {};
  static constexpr std::string_view kTexts[] = {"text", "word", "words", "whole",
                                                "host", "path", "query", "bind"};
  std::string result = " [";
  for (size_t i = 0; i < literal->parts.size(); ++i) {
    if (i > 0) result += ' ';
    result += literal->parts[i].value.valid()
                  ? kTexts[static_cast<size_t>(module.encodings.at(first + i))]
                  : std::string_view("_");
  }
  return result + "]";
}

/// One line an expression that is no bare literal: `text`: type, conversions, meaning.
std::string dump(const CheckedProgram& program) {
  const CheckedModule& module = *program.modules.front();
  std::vector<std::pair<Span, std::string>> lines;
  for (uint32_t i = 0; i < module.exprs.size(); ++i) {
    const ExprId id{i};
    const ExprInfo& info = module.info(id);
    const Meaning* meaning = module.meaning(id);
    const std::string encodings = encodings_text(module, id);
    if (meaning == nullptr && info.convert == Convert::kNothing && encodings.empty()) continue;
    std::string line(module.source->text(module.ast[id].span));
    line += ": " + program.text(info.type) + convert_text(info.convert) + convert_text(info.then);
    if (meaning != nullptr) {
      line += " = " + kind_text(meaning->kind);
      if (meaning->symbol != kNone) line += " " + program.symbol(meaning->symbol).name;
      if (meaning->index != kNone) line += fmt::format(" #{}", meaning->index);
      if (!meaning->native.empty()) line += " " + meaning->native;
      if (!meaning->arguments.empty()) {
        line += " (";
        for (size_t k = 0; k < meaning->arguments.size(); ++k) {
          if (k > 0) line += ", ";
          const ExprId argument = meaning->arguments[k];
          line += argument.valid() ? module.source->text(module.ast[argument].span)
                                   : std::string_view("-");
        }
        line += ")";
      }
    }
    lines.emplace_back(module.ast[id].span, line + encodings);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, b.first.end) < std::pair(b.first.begin, a.first.end);
  });
  std::string result;
  for (const auto& [span, line] : lines) result += line + "\n";
  return result;
}

std::string dump_of(const char* text) {
  const CheckedProgram program = testing::check_text(text);
  for (const std::string& line : testing::lines_of(program)) ADD_FAILURE() << line;
  return dump(program);
}

TEST(Meanings, ArgumentsComeInTheOrderOfParameters) {
  EXPECT_EQ(dump_of("fn f(a: int, b: int = 2, _c: string?) -> int {\n  return a + b\n}\n"
                    "fn g() -> int {\n  return f(_c: \"x\", a: 1)\n}\n"),
            "a: int = symbol a\n"
            "b: int = symbol b\n"
            "f(_c: \"x\", a: 1): int = fn f (1, -, \"x\")\n"
            "f: ? = symbol f\n"
            "\"x\": string? to-optional\n");
}

TEST(Meanings, NarrowedNamesSaySo) {
  EXPECT_EQ(dump_of("record U { boss: string? }\nfn f(u: U, s: string?) -> string? {\n"
                    "  if u.boss != null and s != null {\n    log(s)\n    return u.boss\n  }\n"
                    "  return s\n}\nfn log(_s: string) {\n}\n"),
            "u.boss: string? = field #0\n"
            "u: U = symbol u\n"
            "s: string? = symbol s\n"
            "log(s): nothing = fn log (s)\n"
            "log: ? = symbol log\n"
            "s: string from-optional = symbol s\n"
            "u.boss: string? = field #0\n"
            "u: U = symbol u\n"
            "s: string? = symbol s\n");
}

TEST(Meanings, TemplatesAreEncodedForWhereTheyStand) {
  EXPECT_EQ(dump_of("runbook r(h: string, xs: list<int>, base: Url) {\n"
                    "  step a = shell(\"ls -l ${h} ${xs} >${h}.txt\") reads\n"
                    "  step b = http.get(\"http://${h}:80/a/${h}?q=${h}#${h}\")\n"
                    "  step c = http.get(\"${base}/a/${h}\")\n  log.info(\"${base} ${h}\")\n}\n"),
            "shell(\"ls -l ${h} ${xs} >${h}.txt\"): shell.Output = action shell "
            "(\"ls -l ${h} ${xs} >${h}.txt\", -, -, -, -, -, -)\n"
            "shell: ? = symbol shell\n"
            "\"ls -l ${h} ${xs} >${h}.txt\": Command [_ word _ words _ word _]\n"
            "h: string = symbol h\n"
            "xs: list<int> = symbol xs\n"
            "h: string = symbol h\n"
            "http.get(\"http://${h}:80/a/${h}?q=${h}#${h}\"): http.Response = action get "
            "(\"http://${h}:80/a/${h}?q=${h}#${h}\", -, -, -, -, -, -, -, -, -, -)\n"
            "http.get: ? = symbol get\n"
            "http: ? = symbol http\n"
            "\"http://${h}:80/a/${h}?q=${h}#${h}\": Url [_ host _ path _ query _ query]\n"
            "h: string = symbol h\nh: string = symbol h\nh: string = symbol h\n"
            "h: string = symbol h\n"
            "http.get(\"${base}/a/${h}\"): http.Response = action get "
            "(\"${base}/a/${h}\", -, -, -, -, -, -, -, -, -, -)\n"
            "http.get: ? = symbol get\n"
            "http: ? = symbol http\n"
            "\"${base}/a/${h}\": Url [whole _ path]\n"
            "base: Url = symbol base\n"
            "h: string = symbol h\n"
            "log.info(\"${base} ${h}\"): nothing = emit log.info (\"${base} ${h}\")\n"
            "log: ? = symbol log\n"
            "\"${base} ${h}\": string [text _ text]\n"
            "base: string url-to-string = symbol base\n"
            "h: string = symbol h\n");
}

TEST(Meanings, MembersShorthandsAndLoops) {
  EXPECT_EQ(
      dump_of("enum E { dev, custom(n: int) }\nfn f(xs: list<int>) -> list<E> {\n"
              "  return xs.flat_map(fn(x) => [E.dev, .custom(x)]).filter(fn(e) => e != .dev)\n"
              "}\n"),
      "xs.flat_map(fn(x) => [E.dev, .custom(x)]).filter(fn(e) => e != .dev): list<E> = loop "
      "filter (fn(e) => e != .dev)\n"
      "xs.flat_map(fn(x) => [E.dev, .custom(x)]): list<E> = loop flat_map "
      "(fn(x) => [E.dev, .custom(x)])\n"
      "xs: list<int> = symbol xs\n"
      "E.dev: E = member E #0\n"
      "E: ? = symbol E\n"
      ".custom(x): E = member E #1 (x)\n"
      "x: int = symbol x\n"
      "e: E = symbol e\n"
      ".dev: E = member E #0\n");
}

TEST(Meanings, WhatIsGivenKeepsItsTypeWhereOnlyPartOfItWasAskedFor) {
  const CheckedProgram program = testing::check_text(
      "fn f(xs: list<int>) -> list<string> {\n"
      "  return xs.map(fn(x) => \"${x}\")\n}\n");
  const CheckedModule& module = *program.modules.front();
  bool found = false;
  for (uint32_t i = 0; i < module.exprs.size(); ++i) {
    if (!std::holds_alternative<syntax::LambdaExpr>(module.ast.exprs[i].node)) continue;
    EXPECT_EQ(program.text(module.exprs[i].type), "fn(int) -> string");
    found = true;
  }
  EXPECT_TRUE(found);
}

TEST(Meanings, JsonAndErrors) {
  EXPECT_EQ(dump_of("error Bad { n: int }\nfn f(x: int?, n: int) -> json {\n"
                    "  if x == null {\n    fail Bad { n, message: \"no\" }\n  }\n"
                    "  return json { n, x, list: [n, 1] }\n}\n"),
            "x: int? = symbol x\n"
            "Bad { n, message: \"no\" }: error to-error = plain Bad (n, \"no\", -)\n"
            "n: int = symbol n\n"
            "n: json to-json = symbol n\n"
            "x: json to-json = symbol x\n"
            "[n, 1]: json to-json\n"
            "n: json to-json = symbol n\n"
            "1: json to-json\n");
}

TEST(Meanings, StepsTellTheirBehaviourAndTheirSymbols) {
  const CheckedProgram program = testing::check_text(
      "runbook r() {\n  step a = shell(\"true\") reads\n  step b = shell(\"true\") idempotent\n"
      "  step c = http.get(\"http://x/\")\n"
      "    retry 2 times on http.ServerError, Timeout if error.retryable\n"
      "  step d = shell(\"true\")\n    when a.exit_code == 0\n    on failure continue\n"
      "    on doubt verify { Doubt.unknown }\n    rollback none \"harmless\"\n}\n");
  for (const std::string& line : testing::lines_of(program)) ADD_FAILURE() << line;
  const CheckedModule& module = *program.modules.front();
  std::string told;
  for (uint32_t i = 0; i < module.stmts.size(); ++i) {
    if (!std::holds_alternative<syntax::StepStmt>(module.ast.stmts[i].node)) continue;
    const StmtInfo& info = module.stmts[i];
    told += fmt::format("{}: {} {}", program.symbol(info.symbols.at(0)).name,
                        program.text(program.symbol(info.symbols.at(0)).type), info.behaviour);
    for (const SymbolId kind : info.retry_kinds) told += " " + program.symbol(kind).name;
    if (info.symbols.at(1) != kNone)
      told += " " + program.text(program.symbol(info.symbols[1]).type);
    if (info.doubt != kNone) told += " " + program.text(info.doubt);
    told += "\n";
  }
  EXPECT_EQ(told,
            "a: shell.Output 0\n"
            "b: shell.Output 1\n"
            "c: http.Response 0 ServerError Timeout error\n"
            "d: Result<shell.Output>? 2 Doubt\n");
}

}  // namespace
}  // namespace rbk::check
