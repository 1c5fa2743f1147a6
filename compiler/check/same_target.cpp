// Branches of a parallel block that write the same thing: which of them is last nobody knows.
#include <algorithm>

#include "compiler/check/program_checker.h"
#include "compiler/effects/effects.h"

namespace rbk::check {

using diagnostics::Code;

void ProgramChecker::check_same_target() {
  const bool has_branches =
      std::any_of(program.modules.begin(), program.modules.end(), [](const auto& module) {
        return std::any_of(module->ast.exprs.begin(), module->ast.exprs.end(),
                           [](const syntax::Expr& expr) {
                             return std::holds_alternative<syntax::ParallelExpr>(expr.node) ||
                                    std::holds_alternative<syntax::ParallelForExpr>(expr.node);
                           });
      });
  if (!has_branches || diagnostics.has_errors()) return;
  std::vector<std::pair<Span, Span>> told;  // a runbook that others call is seen from each of them
  for (SymbolId id = 0; id < program.symbols.size(); ++id) {
    const Symbol& symbol = program.symbols[id];
    if (symbol.kind != Symbol::Kind::kRunbook || program.modules[symbol.module]->standard) continue;
    for (const effects::Clash& clash : effects::summarise(program, id).clashes) {
      const std::pair<Span, Span> places{clash.first, clash.second};
      if (std::find(told.begin(), told.end(), places) != told.end()) continue;
      told.push_back(places);
      const bool is_one = clash.first == clash.second;
      auto& report = diagnostics.report(
          Code::kSameTarget, clash.second, is_one ? "several" : "two",
          fmt::format("{} `{}`", clash.is_file ? "write the file" : "send", clash.what));
      report.labelled(is_one ? "where this goes is not each branch's own" : "this one does");
      if (!is_one) report.also(clash.first, "and so does this one");
      report.also(clash.block, "the branches of this run side by side");
      report.help(
          "do it once, behind the block, or give each branch its own: which is last is left to "
          "chance");
    }
  }
}

}  // namespace rbk::check
