// `start` and `detach`: what can be a run of its own, what a step says of it, and what it gives.
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;
using Launch = syntax::StepStmt::Launch;

void BodyChecker::check_launch(syntax::StmtId stmt, const syntax::StepStmt& node, Work& work) {
  if (!node.value.valid()) return;
  const bool detached = node.launch == Launch::kDetach;
  const std::string_view word = detached ? "detach" : "start";
  if (work.runbook == kNone) {
    if (work.output == types::kUnknown && work.action == kNone) return;
    const bool acts = work.action != kNone;
    diagnostics_
        .report(Code::kNotStartable, span_of(node.value), work.shown,
                acts ? "an action" : "no runbook", detached ? "detached" : "started")
        .labelled("a run of its own is a run of a runbook")
        .help(acts ? fmt::format("call it without `{}`: the step is part of this run then", word)
                   : fmt::format("leave `{}` out", word));
    work.output = types::kUnknown;
    return;
  }
  // The error that a run ends with which another has started.
  if (const SymbolId core = all_.standard_module("core"); core != kNone) all_.module_of(core);
  if (!detached) return;
  work.detached = true;
  work.output = detached_run();
  module_.stmts[stmt.index].detached = work.output;
  for (const syntax::Clause& clause : node.clauses.items) {
    const std::string_view name =
        std::holds_alternative<syntax::TimeoutClause>(clause.node)     ? "timeout"
        : std::holds_alternative<syntax::RetryClause>(clause.node)     ? "retry"
        : std::holds_alternative<syntax::OnFailureClause>(clause.node) ? "on failure"
                                                                       : "";
    if (name.empty()) continue;
    diagnostics_.report(Code::kClauseNotHere, clause.span, name)
        .labelled("a detached run is not waited for: the step takes no time and can't fail by it")
        .help("wait for it with `start`, or leave the clause out");
  }
}

/// The record that a `detach` gives.
TypeId BodyChecker::detached_run() {
  const SymbolId core = all_.standard_module("core");
  const ModuleId module = core == kNone ? kNone : all_.module_of(core);
  const SymbolId record = module == kNone ? kNone : all_.find_declared(module, "DetachedRun");
  if (record == kNone) return types::kUnknown;
  all_.resolve(record);
  return program_.symbols[record].type;
}

}  // namespace rbk::check
