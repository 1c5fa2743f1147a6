// The conformance suite has a case without syntax errors for every rule of the grammar, begun with
// every token that may begin it. Any name that is no reserved word counts as one token: which words
// may be names is the lexer's matter.
#include <RunbookParser.h>
#include <atn/RuleStartState.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "compiler/syntax/brackets.h"
#include "compiler/syntax/layout.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/recovery.h"
#include "compiler/syntax/scan.h"
#include "compiler/syntax/token_stream.h"

namespace rbk::syntax {
namespace {

namespace fs = std::filesystem;

/// Notes with which token each rule was begun.
class Begun : public antlr4::tree::ParseTreeListener {
 public:
  void enterEveryRule(antlr4::ParserRuleContext* context) override {
    seen[context->getRuleIndex()].insert(context->start == nullptr ? 0 : context->start->getType());
  }
  void exitEveryRule(antlr4::ParserRuleContext* /*context*/) override {}
  void visitTerminal(antlr4::tree::TerminalNode* /*node*/) override {}
  void visitErrorNode(antlr4::tree::ErrorNode* /*node*/) override {}

  std::map<size_t, std::set<size_t>> seen;
};

/// The texts of a suite's file: each case, and each further file of a case.
std::vector<std::string> texts_in(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> found(1);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("// --- ") || line.starts_with("// +++ ")) found.emplace_back();
    found.back() += line + "\n";
  }
  return found;
}

void parse_into(const std::string& text, Begun& begun) {
  const source::Source source(0, "case.rbk", text);
  if (!parse(source).errors.empty()) return;
  std::vector<SyntaxError> errors;
  Scanned scanned = scan(source, errors);
  const Balanced balanced = balance(source, std::move(scanned.tokens), errors);
  const Layout layout = lay_out(source, balanced, errors);
  DeclStream stream(source);
  RunbookParser parser(&stream);
  parser.setBuildParseTree(false);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<Recovery>(stream, balanced.broken, errors));
  parser.addParseListener(&begun);
  for (const DeclRange& range : layout.decls) {
    if (!range.readable) continue;
    stream.load(layout.tokens, range.first, range.last);
    parser.reset();
    parser.declaration();
  }
}

/// The rules of which the suite lacks a case, a line each.
std::string missing_in(const Begun& begun) {
  const source::Source empty(0, "", "");
  DeclStream stream(empty);
  RunbookParser parser(&stream);
  const antlr4::atn::ATN& network = parser.getATN();
  const auto first_of = [&](size_t rule) {
    antlr4::atn::ATNState* start = network.ruleToStartState[rule];
    return network.nextTokens(start);
  };
  // The words that are names elsewhere, and what names begin with.
  const antlr4::misc::IntervalSet names = first_of(RunbookParser::RuleName);
  // Where anything of value may stand, one kind of value is enough but for the rules of values.
  const antlr4::misc::IntervalSet values = first_of(RunbookParser::RuleExpr);
  constexpr size_t kValue = 0;
  const auto folded = [&](size_t rule, size_t token) {
    const antlr4::misc::IntervalSet first = first_of(rule);
    const bool holds_values = first.And(values) == values && !(first == values);
    if (holds_values && values.contains(token)) return kValue;
    return names.contains(token) ? size_t{RunbookParser::NAME} : token;
  };
  std::string missing;
  for (size_t rule = 0; rule < parser.getRuleNames().size(); ++rule) {
    if (rule == RunbookParser::RuleName) continue;
    std::set<size_t> seen;
    if (const auto found = begun.seen.find(rule); found != begun.seen.end())
      for (const size_t token : found->second) seen.insert(folded(rule, token));
    std::set<size_t> wanted;
    for (const ssize_t token : first_of(rule).toList()) {
      if (token > 0)
        wanted.insert(folded(rule, static_cast<size_t>(token)));  // below: it may be empty
    }
    for (const size_t token : wanted) {
      if (!seen.contains(token))
        missing +=
            fmt::format("{} begun with {}\n", parser.getRuleNames()[rule],
                        token == kValue ? "a value" : parser.getVocabulary().getDisplayName(token));
    }
    if (wanted.empty() && seen.empty()) missing += parser.getRuleNames()[rule] + "\n";
  }
  return missing;
}

}  // namespace
}  // namespace rbk::syntax

/// grammar_coverage FOLDER: ends with 1 and names the rules that no case in the folder has.
int main(int count, char** words) {
  if (count != 2) return 2;
  rbk::syntax::Begun begun;
  size_t texts = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(words[1])) {
    if (entry.path().extension() != ".rbk") continue;
    for (const std::string& text : rbk::syntax::texts_in(entry.path())) {
      rbk::syntax::parse_into(text, begun);
      ++texts;
    }
  }
  const std::string missing = rbk::syntax::missing_in(begun);
  fmt::print("{} texts, {} rules\n", texts, begun.seen.size());
  if (missing.empty()) return 0;
  fmt::print("no case has these:\n{}", missing);
  return 1;
}
