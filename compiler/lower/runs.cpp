// `start` and `detach`: runs of their own.
#include "compiler/lower/body.h"

namespace rbk::lower {

using syntax::IrreversibleClause;
using syntax::RollbackClause;
using syntax::StepStmt;
using Shape = check::Type::Shape;

/// Its parameters are checked here, and so are the calendars that it keeps out of: what must not be
/// started is this step's failure. Unless the step says how it is undone, another run undoes it;
/// what one left that did not end well is undone by another run in any case.
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
  const bool is_none = spec.clauses->find<IrreversibleClause>() != nullptr ||
                       (spec.clauses->find<RollbackClause>() != nullptr &&
                        !spec.clauses->find<RollbackClause>()->block.valid());
  // What undoes something is not undone itself.
  const bool is_undone = !detached && !is_none && role_ != Role::kUndo && !in_handler_;
  const Reg run = temporary(Kind::kRef);
  Reg mark = kNoReg;
  if (is_undone) {
    mark = temporary(Kind::kInt);
    code_.emit(Op::kLoadNull, run);
    code_.emit(Op::kMark, mark);
  }
  const uint32_t begin = code_.here();
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
  if (!is_undone) return;
  const uint32_t end = code_.here();
  const Label done = code_.label();
  // A rollback of the step's own is there once it has succeeded.
  if (spec.clauses->find<RollbackClause>() == nullptr) push_undo_run(spec, run);
  code_.jump(done);
  undo_what_it_left(spec, run, mark, begin, end);
  code_.bind(done);
}

/// A run that failed has undone itself; of one that was cancelled, or could not undo itself, there
/// is something to be undone: then it is known by its id.
void Body::undo_what_it_left(const StepSpec& spec, Reg run, Reg mark, uint32_t begin,
                             uint32_t end) {
  const Reg error = temporary(Kind::kRef);
  const Label ended = code_.label();
  const Label nothing = code_.label();
  code_.handler(begin, end, bytecode::Handler::Reach::kCleanup, ended, error, mark);
  code_.bind(ended);
  code_.jump_on(Op::kJumpIfNull, run, nothing);
  push_undo_run(spec, run);
  code_.bind(nothing);
  code_.leave(Op::kRaise, error);
}

void Body::push_undo_run(const StepSpec& spec, Reg run) {
  TemporaryScope scope(code_);
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
