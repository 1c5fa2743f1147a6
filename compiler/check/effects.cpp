// What only shows when runbooks are followed into each other: by what the effects of each are. A
// runbook that others call is seen from each of them, and told of once.
#include "compiler/effects/effects.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "compiler/check/program_checker.h"

namespace rbk::check {
namespace {

using Places = std::tuple<uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>;

Places places(Span one, Span other) {
  return {one.file, one.begin, one.end, other.file, other.begin, other.end};
}

/// Without these there is nothing to find.
bool is_worth_following(const CheckedModule& module) {
  const bool branches =
      std::any_of(module.ast.exprs.begin(), module.ast.exprs.end(), [](const syntax::Expr& expr) {
        return std::holds_alternative<syntax::ParallelExpr>(expr.node) ||
               std::holds_alternative<syntax::ParallelForExpr>(expr.node);
      });
  const bool locks = std::any_of(
      module.ast.stmts.begin(), module.ast.stmts.end(),
      [](const syntax::Stmt& stmt) { return std::holds_alternative<syntax::LockStmt>(stmt.node); });
  const bool heads =
      std::any_of(module.ast.decls.begin(), module.ast.decls.end(), [&](syntax::DeclId id) {
        const auto* runbook = std::get_if<syntax::RunbookDecl>(&module.ast[id].node);
        return runbook != nullptr && !runbook->exclusive.empty();
      });
  return branches || locks || heads;
}

}  // namespace

void ProgramChecker::check_effects() {
  const bool worth = std::any_of(program.modules.begin(), program.modules.end(),
                                 [](const auto& module) { return is_worth_following(*module); });
  if (!worth || diagnostics.has_errors()) return;
  std::set<Places> clashes;
  std::set<Places> waits;
  std::set<Places> known_orders;
  std::vector<effects::LockOrder> orders;
  for (SymbolId id = 0; id < program.symbols.size(); ++id) {
    const Symbol& symbol = program.symbols[id];
    if (symbol.kind != Symbol::Kind::kRunbook || program.modules[symbol.module]->standard) continue;
    effects::Summary summary = effects::summarise(program, id);
    for (const effects::Clash& clash : summary.clashes)
      if (clashes.insert(places(clash.first, clash.second)).second) report_clash(clash);
    for (const effects::HeldWait& wait : summary.held_waits)
      if (waits.insert(places(wait.lock_span, wait.wait_span)).second) report_held_wait(wait);
    for (effects::LockOrder& order : summary.lock_orders)
      if (known_orders.insert(places(order.first_span, order.second_span)).second)
        orders.push_back(std::move(order));
  }
  report_lock_orders(orders);
}

}  // namespace rbk::check
