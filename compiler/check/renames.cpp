// Names of the wrong case: what `let` and `for` declare is seen in its block only, so that it can
// be renamed there. Other names are known outside of the file: to callers, in JSON, in the journal.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "compiler/check/program_checker.h"
#include "compiler/syntax/name_case.h"
#include "compiler/syntax/scan.h"

namespace rbk::check {

using diagnostics::Code;
using diagnostics::Edit;

namespace {

/// The symbol that a `let`, `var` or `for` declares with the name that stands there, or kNone.
SymbolId declared_at(const CheckedModule& module, const CheckedProgram& program, Span name) {
  for (size_t i = 0; i < module.ast.stmts.size(); ++i) {
    const auto& node = module.ast.stmts[i].node;
    if (!std::holds_alternative<syntax::LetStmt>(node) &&
        !std::holds_alternative<syntax::ForStmt>(node))
      continue;
    for (const SymbolId symbol : module.stmts[i].symbols) {
      if (symbol != kNone && program.symbols[symbol].span == name) return symbol;
    }
  }
  return kNone;
}

bool is_plain_name(const std::string& name) {
  std::vector<syntax::SyntaxError> errors;
  const auto tokens = syntax::scan({0, "", name}, errors).tokens;
  return errors.empty() && std::count_if(tokens.begin(), tokens.end(), [](const auto& token) {
                             return token.kind == syntax::TokenKind::kName;
                           }) == 1;
}

/// The edits that rename the symbol in its file; nothing if a place may mean it and is not known
/// to.
std::optional<std::vector<Edit>> renamed(const CheckedModule& module, const CheckedProgram& program,
                                         SymbolId symbol, const std::string& to) {
  std::set<uint32_t> uses;
  std::set<uint32_t> others;  // places of names that are spelled alike
  for (size_t i = 0; i < module.ast.exprs.size(); ++i) {
    const syntax::ExprId id{static_cast<uint32_t>(i)};
    const Meaning* meaning = module.meaning(id);
    if (meaning == nullptr || meaning->kind != Meaning::Kind::kSymbol ||
        !std::holds_alternative<syntax::NameExpr>(module.ast.exprs[i].node))
      continue;
    (meaning->symbol == symbol ? uses : others).insert(module.ast.exprs[i].span.begin);
  }
  // `json { name }` names its field too.
  for (const syntax::Expr& expr : module.ast.exprs) {
    const auto* brace = std::get_if<syntax::BraceExpr>(&expr.node);
    if (brace == nullptr) continue;
    for (const syntax::Entry& entry : brace->entries) {
      if (entry.value.valid() && module.ast[entry.value].span == entry.name.span)
        uses.erase(entry.name.span.begin);
    }
  }
  for (const Symbol& other : program.symbols) {
    if (other.module == module.id) others.insert(other.span.begin);
  }
  const Symbol& declared = program.symbols[symbol];
  uses.insert(declared.span.begin);

  std::vector<Edit> edits;
  std::vector<syntax::SyntaxError> errors;
  const auto tokens = syntax::scan(*module.source, errors).tokens;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Span span{tokens[i].begin, tokens[i].end, declared.span.file};
    const std::string_view text = module.source->text(span);
    if (text == to) return std::nullopt;
    if (text != declared.name) continue;
    if (uses.contains(span.begin)) {
      edits.push_back({span, to});
      continue;
    }
    const bool is_member = i > 0 && (tokens[i - 1].kind == syntax::TokenKind::kDot ||
                                     tokens[i - 1].kind == syntax::TokenKind::kQdot);
    const bool is_label = i + 1 < tokens.size() && tokens[i + 1].kind == syntax::TokenKind::kColon;
    if (!is_member && !is_label && !others.contains(span.begin)) return std::nullopt;
  }
  return edits;
}

}  // namespace

void ProgramChecker::add_renames() {
  std::map<std::pair<ModuleId, std::string>, std::string> given;  // new names, and for which
  diagnostics.revise([&](diagnostics::Diagnostic& one) {
    if (one.code != Code::kBadName || !one.fixes.empty()) return;
    for (const auto& module : program.modules) {
      if (module->standard || module->source->id() != one.primary.file) continue;
      const SymbolId symbol = declared_at(*module, program, one.primary);
      if (symbol == kNone) continue;
      const std::string to = syntax::snake_case(program.symbols[symbol].name);
      const std::vector<std::string_view> taken = top_level_names(module->id);
      if (!is_plain_name(to) || std::find(taken.begin(), taken.end(), to) != taken.end()) continue;
      const std::string& from = program.symbols[symbol].name;
      if (given.try_emplace({module->id, to}, from).first->second != from) continue;
      if (auto edits = renamed(*module, program, symbol, to)) {
        one.fix(fmt::format("call it `{}`", to), std::move(*edits));
        return;
      }
    }
    one.hint += ", here and wherever it is used";
  });
}

}  // namespace rbk::check
