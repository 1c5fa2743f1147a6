// `start` and `detach`: runs of their own.
#include "compiler/lower/body.h"

namespace rbk::lower {

using syntax::IrreversibleClause;
using syntax::RollbackClause;
using syntax::StepStmt;
using Shape = check::Type::Shape;

/// Its parameters are checked here, and so are the calendars that it keeps out of: what must not be
/// started is this step's failure. Unless the step says how it is undone, another run undoes it.
void Body::start_run(const StepSpec& spec, Reg to) {
  TemporaryScope scope(code_);
  const Meaning& meaning = *module_->meaning(spec.call);
  const check::Symbol& runbook = program_.symbol(meaning.symbol);
  const bool detached = spec.launch == StepStmt::Launch::kDetach;
  const Reg first = arguments(meaning.symbol, meaning.arguments);
  place(ast()[spec.call].span);
  check_arguments(meaning.symbol, first);
  for (const SymbolId calendar : runbook.outside)
    code_.emit(Op::kOutside, program_.calendar(calendar));
  program_.core_error("RunFailed");
  const Reg run = temporary(Kind::kRef);
  if (detached && program_.is_replaced(meaning.symbol)) {
    detach_stand_in(meaning.symbol, first);
    code_.load_constant(run, program_.string_constant("given"));
  } else {
    const bool has_result =
        runbook.result != check::kNone && checked_type(runbook.result).shape != Shape::kNothing;
    code_.emit_run(Op::kStart, detached || !has_result ? kNoReg : to,
                   program_.function_of(meaning.symbol), first, runbook.fields.size());
    code_.extra(run, static_cast<uint16_t>(detached));
    if (!detached && !has_result && to != kNoReg) code_.emit(Op::kLoadNull, to);
  }
  if (detached) {
    if (to != kNoReg)
      code_.emit_run(Op::kMakeRecord, to, program_.narrow(type(spec.output), "types"), run, 1);
    return;
  }
  const bool says_how = spec.clauses->find<RollbackClause>() != nullptr ||
                        spec.clauses->find<IrreversibleClause>() != nullptr;
  // What undoes something is not undone itself.
  if (says_how || role_ == Role::kUndo || in_handler_) return;
  const Reg made = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeClosure, made, program_.narrow(undo_run_function(spec), "functions"), run,
                 1);
  code_.extra(1);
  code_.emit(Op::kUndoPush, made, step_operand(spec), 0);
}

void Body::detach_stand_in(SymbolId runbook, Reg first) {
  code_.emit_run(Op::kPerform, kNoReg, program_.action(runbook), first,
                 program_.symbol(runbook).fields.size());
  code_.extra(kNoReg, 0, static_cast<uint16_t>(bytecode::Doubt::kDefault));
}

/// Of the id of the run.
uint32_t Body::undo_run_function(const StepSpec& spec) {
  const std::string name = code_.name() + "/" + spec.name + "/rollback";
  const uint32_t index = program_.reserve_function(name);
  Body body(program_, *module_, name, Role::kUndo, index);
  const Reg run = body.code_.parameter(Kind::kRef, "run");
  body.place(spec.span);
  body.code_.emit(Op::kUndoRun, run);
  body.finish(bytecode::kNone);
  return index;
}

}  // namespace rbk::lower
