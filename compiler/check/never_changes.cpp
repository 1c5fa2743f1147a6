// `until` conditions that a round of their `repeat` can't change.
#include "compiler/check/program_checker.h"
#include "compiler/lower/walk.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

/// Whether the condition may be another one in another round: it has a `var`, the time, or
/// something that is declared in the loop's body.
bool may_change(const CheckedProgram& program, const CheckedModule& module, ExprId condition,
                Span body) {
  bool changes = false;
  bool names_something = false;
  lower::Visitor visitor;
  visitor.expr = [&](ExprId id) {
    const Meaning* meaning = module.meaning(id);
    if (meaning == nullptr) return true;
    if (meaning->kind == Meaning::Kind::kCallNow || meaning->kind == Meaning::Kind::kCallRandom ||
        meaning->kind == Meaning::Kind::kRunInfo)
      changes = true;
    if (meaning->kind != Meaning::Kind::kSymbol || meaning->symbol == kNone) return true;
    const Symbol& symbol = program.symbol(meaning->symbol);
    names_something = true;
    const bool is_inside = symbol.span.file == body.file && body.begin <= symbol.span.begin &&
                           symbol.span.end <= body.end;
    if (symbol.is_var || is_inside) changes = true;
    return true;
  };
  lower::walk(module.ast, condition, visitor);
  return changes || !names_something;  // `until false`: meant, until the bound
}

}  // namespace

void ProgramChecker::check_never_changes() {
  if (diagnostics.has_errors()) return;
  for (const auto& module : program.modules) {
    if (module->standard) continue;
    for (const syntax::Stmt& stmt : module->ast.stmts) {
      const auto* repeat = std::get_if<syntax::RepeatStmt>(&stmt.node);
      if (repeat == nullptr || !repeat->body.valid()) continue;
      const Span body = module->ast[repeat->body].span;
      lower::Visitor visitor;
      visitor.stmt = [&](syntax::StmtId id) {
        const auto& inner = module->ast[id].node;
        if (std::holds_alternative<syntax::RepeatStmt>(inner)) return false;  // its own until
        const auto* until = std::get_if<syntax::UntilStmt>(&inner);
        if (until != nullptr && !may_change(program, *module, until->condition, body))
          diagnostics.report(Code::kNeverChanges, module->ast[until->condition].span)
              .labelled("nothing in it comes from the loop")
              .also(Span{stmt.span.begin, stmt.span.begin + 6, stmt.span.file},
                    "every round asks the same")
              .help("ask by a step inside the loop, and test what that step gives");
        return true;
      };
      lower::walk(module->ast, repeat->body, visitor);
    }
  }
}

}  // namespace rbk::check
