// Steps: their begin, their end, what belongs to the whole step (when, on failure continue, its
// rollback). What an attempt does is in attempts.cpp.
#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

using check::kNone;
using syntax::ExprStmt;
using syntax::OnFailureClause;
using syntax::RetryClause;
using syntax::RollbackClause;
using syntax::StepStmt;
using syntax::TimeoutClause;
using syntax::WhenClause;
using Shape = check::Type::Shape;

// ---- Where steps are written

void Body::lower_step(StmtId id, const StepStmt& node) {
  const StepSpec spec = spec_of(id, node);
  const SymbolId symbol = spec.symbol;
  const bool has_value =
      symbol != kNone && checked_type(program_.symbol(symbol).type).shape != Shape::kNothing;
  step_into(spec, has_value ? declare(symbol) : kNoReg);
  if (has_value) note_defined(symbol);
}

Body::StepSpec Body::spec_of(StmtId id, const StepStmt& node) const {
  StepSpec spec;
  spec.name = node.name.text;
  spec.title = node.title;
  spec.call = node.value;
  spec.block = node.block;
  spec.clauses = &node.clauses;
  spec.info = &module_->stmts.at(id.index);
  spec.behaviour = spec.info->behaviour;
  spec.symbol = spec.info->symbols.empty() ? kNone : spec.info->symbols[0];
  spec.span = ast()[id].span;
  spec.launch = node.launch;
  spec.output = node.launch == StepStmt::Launch::kDetach ? spec.info->detached : output_of(spec);
  return spec;
}

/// The type of what the call or the block gives, before the step's clauses change it.
check::TypeId Body::output_of(const StepSpec& spec) const {
  if (spec.call.valid()) return info(spec.call).type;
  const syntax::Block& block = ast()[spec.block];
  if (!block.stmts.empty()) {
    const auto* last = std::get_if<ExprStmt>(&ast()[block.stmts.back()].node);
    if (last != nullptr) return info(last->value).type;
  }
  return kNone;
}

bool Body::has_output(const StepSpec& spec) const {
  if (spec.output == kNone) return false;
  const Shape shape = checked_type(spec.output).shape;
  return shape != Shape::kNothing && shape != Shape::kNever && shape != Shape::kUnknown;
}

/// The kind of the step's value with all of its clauses.
Kind Body::value_kind(const StepSpec& spec) const {
  if (spec.clauses != nullptr && (spec.clauses->find<WhenClause>() != nullptr || continues(spec))) {
    return Kind::kRef;
  }
  return has_output(spec) ? kind(spec.output) : Kind::kRef;
}

bool Body::continues(const StepSpec& spec) const {
  const auto* clause = spec.clauses == nullptr ? nullptr : spec.clauses->find<OnFailureClause>();
  return clause != nullptr && clause->kind == OnFailureClause::Kind::kContinue;
}

void Body::call_step_into(StmtId id, const ExprStmt& node, Reg to) {
  const Meaning* meaning = module_->meaning(node.value);
  StepSpec spec;
  if (meaning != nullptr && meaning->symbol != kNone)
    spec.name = program_.full_name(meaning->symbol);
  spec.call = node.value;
  spec.clauses = &node.clauses;
  spec.info = &module_->stmts.at(id.index);
  spec.behaviour = spec.info->behaviour;
  spec.span = ast()[id].span;
  spec.output = info(node.value).type;
  step_into(spec, to);
}

void Body::call_as_step(ExprId id, Reg to) {
  const Meaning& meaning = *module_->meaning(id);
  StepSpec spec;
  spec.name = program_.full_name(meaning.symbol);
  spec.call = id;
  spec.span = ast()[id].span;
  spec.output = info(id).value_type;
  if (meaning.kind == Meaning::Kind::kCallAction) {
    spec.behaviour = static_cast<uint8_t>(program_.declared_behaviour(meaning.symbol));
  }
  step_into(spec, to);
}

bool Body::is_action_call(const StepSpec& spec) const {
  const Meaning* meaning = spec.call.valid() ? module_->meaning(spec.call) : nullptr;
  if (meaning == nullptr || spec.launch == StepStmt::Launch::kDetach) return false;
  return meaning->kind == Meaning::Kind::kCallAction ||
         (meaning->kind == Meaning::Kind::kCallRunbook && program_.is_replaced(meaning->symbol));
}

bool Body::has_rollback(const StepSpec& spec) const {
  const auto* clause = spec.clauses == nullptr ? nullptr : spec.clauses->find<RollbackClause>();
  // What undoes something is not undone itself.
  return clause != nullptr && clause->block.valid() && role_ != Role::kUndo && !in_handler_;
}

// ---- The step as a whole

void Body::step_into(const StepSpec& spec, Reg to) {
  TemporaryScope scope(code_);
  place(spec.span);
  const auto* when = spec.clauses == nullptr ? nullptr : spec.clauses->find<WhenClause>();
  if (when == nullptr) return guarded_step(spec, to);
  const Label skip = code_.label();
  const Label end = code_.label();
  branch(when->condition, false, skip);
  const Kind inner = continues(spec) || !has_output(spec) ? Kind::kRef : kind(spec.output);
  if (to == kNoReg || inner == code_.kind(to)) {
    guarded_step(spec, to);
  } else {
    const Reg plain = temporary(inner);
    guarded_step(spec, plain);
    box(to, plain);
  }
  code_.jump(end);
  code_.bind(skip);
  begin_step(spec);
  code_.emit(Op::kStepSkip);
  if (to != kNoReg) code_.emit(Op::kLoadNull, to);
  code_.bind(end);
}

void Body::guarded_step(const StepSpec& spec, Reg to) {
  if (!continues(spec)) return whole_step(spec, to);
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const bool held = has_output(spec);
  const Reg plain = temporary(held ? kind(spec.output) : Kind::kRef);
  const Label failed = code_.label();
  const Label end = code_.label();
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  whole_step(spec, held ? plain : kNoReg);
  const uint32_t finish = code_.here();
  const bytecode::TypeId null_type = program_.shape_type(bytecode::Type::Shape::kNull);
  const uint16_t result =
      program_.narrow(program_.result_type(held ? type(spec.output) : null_type), "types");
  if (to != kNoReg) {
    if (!held) code_.emit(Op::kLoadNull, plain);
    code_.emit(Op::kMakeResult, to, result, plain);
  }
  code_.jump(end);
  code_.handler(begin, finish, bytecode::Handler::Reach::kCatch, failed, error, mark);
  code_.bind(failed);
  if (to != kNoReg) code_.emit(Op::kMakeErrorResult, to, result, error);
  code_.bind(end);
}

void Body::begin_step(const StepSpec& spec) {
  const Reg title = spec.title.valid() ? value(spec.title) : kNoReg;
  code_.emit(Op::kStepBegin, step_operand(spec), title);
}

uint16_t Body::step_operand(const StepSpec& spec) {
  return program_.step(spec.name, index_, has_rollback(spec));
}

void Body::whole_step(const StepSpec& spec, Reg to) {
  begin_step(spec);
  const bool held = has_output(spec);
  const Reg output = !held ? kNoReg : to != kNoReg ? to : temporary(kind(spec.output));
  Attempt attempt;
  // A block's own rollback replaces those of the steps inside it.
  const bool inner_steps = !is_action_call(spec);
  Reg before = kNoReg;
  if (has_rollback(spec)) {
    prepare_rollback(spec, attempt);
    if (inner_steps) {
      before = temporary(Kind::kInt);
      code_.emit(Op::kMark, before);
    }
  }
  const auto* clauses = spec.clauses;
  const bool scoped = clauses != nullptr && (clauses->find<RetryClause>() != nullptr ||
                                             clauses->find<TimeoutClause>() != nullptr ||
                                             continues(spec) || asks(spec) != nullptr);
  if (!inner_steps) {
    perform_step(spec, attempt, output);
  } else if (scoped) {
    scoped_step(spec, attempt, output);
  } else {
    content(spec, output);
  }
  const uint16_t output_type = held ? program_.narrow(type(spec.output), "types") : uint16_t{0};
  code_.emit(Op::kStepEnd, output, output_type);
  if (has_rollback(spec)) {
    if (before != kNoReg) code_.emit(Op::kUndoDrop, before);
    push_rollback(spec, attempt, output);
  }
}

void Body::content(const StepSpec& spec, Reg to) {
  TemporaryScope scope(code_);
  if (spec.block.valid()) return block_into(spec.block, to);
  if (spec.launch != StepStmt::Launch::kInline) return start_run(spec, to);
  const Meaning* meaning = module_->meaning(spec.call);
  if (meaning == nullptr || meaning->kind != Meaning::Kind::kCallRunbook) {
    return into(spec.call, to);
  }
  const Reg first = arguments(meaning->symbol, meaning->arguments);
  place(ast()[spec.call].span);
  check_arguments(meaning->symbol, first);
  for (const SymbolId calendar : program_.symbol(meaning->symbol).outside)
    code_.emit(Op::kOutside, program_.calendar(calendar));
  const uint16_t callee = leaves_undoing_ ? program_.asked_function_of(meaning->symbol)
                                          : program_.function_of(meaning->symbol);
  call_function_into(callee, meaning->symbol, first, to);
}

// ---- Undoing

void Body::prepare_rollback(const StepSpec& spec, Attempt& attempt) {
  const auto* clause = spec.clauses->find<RollbackClause>();
  attempt.undo_captures = captures_of(clause->block);
  std::erase_if(attempt.undo_captures,
                [&](const Capture& capture) { return capture.symbol == spec.symbol; });
  if (spec.symbol != kNone && uses(clause->block, spec.symbol)) {
    // The step's own value, as a T? that is null while nobody knows it.
    attempt.own_value = temporary(Kind::kRef);
    attempt.undo_captures.push_back({spec.symbol, attempt.own_value});
  }
  attempt.undo = undo_function(code_.name() + "/" + spec.name + "/rollback", clause->block,
                               attempt.undo_captures);
}

void Body::push_rollback(const StepSpec& spec, const Attempt& attempt, Reg output) {
  TemporaryScope scope(code_);
  if (attempt.own_value != kNoReg) {
    if (output == kNoReg) {
      code_.emit(Op::kLoadNull, attempt.own_value);
    } else if (continues(spec)) {
      const bytecode::TypeId result = program_.result_type(type(spec.output));
      code_.emit(Op::kMakeResult, attempt.own_value, program_.narrow(result, "types"), output);
    } else {
      box(attempt.own_value, output);
    }
  }
  const Reg made = closure(attempt.undo, attempt.undo_captures);
  code_.emit(Op::kUndoPush, made, step_operand(spec), 0);
}

bool Body::uses(BlockId block, SymbolId symbol) const {
  bool found = false;
  Visitor visitor;
  visitor.expr = [&](ExprId id) {
    const Meaning* meaning = module_->meaning(id);
    found = found || (meaning != nullptr && meaning->symbol == symbol);
    return !found;
  };
  walk(ast(), block, visitor);
  return found;
}

uint32_t Body::undo_function(const std::string& name, BlockId block, const Captures& captures) {
  const uint32_t index = program_.reserve_function(name);
  Body body(program_, *module_, name, Role::kUndo, index);
  body.take_captures(*this, captures);
  body.undo(block);
  return index;
}

/// Whether something in what undoes leaves something to be undone itself: a `defer`, a lock, or
/// what a runbook that it calls or starts has left.
bool Body::pushes_undo(BlockId block) const {
  bool found = false;
  Visitor visitor;
  visitor.stmt = [&](StmtId id) {
    found = found || std::holds_alternative<syntax::DeferStmt>(ast()[id].node) ||
            std::holds_alternative<syntax::LockStmt>(ast()[id].node);
    return !found;
  };
  visitor.expr = [&](ExprId id) {
    const Meaning* meaning = module_->meaning(id);
    found = found || std::holds_alternative<syntax::ParallelExpr>(ast()[id].node) ||
            std::holds_alternative<syntax::ParallelForExpr>(ast()[id].node) ||
            std::holds_alternative<syntax::WaitFirstExpr>(ast()[id].node) ||
            (meaning != nullptr && meaning->kind == Meaning::Kind::kCallRunbook);
    return !found;
  };
  walk(ast(), block, visitor);
  return found;
}

void Body::undo(BlockId id) {
  if (!pushes_undo(id)) {
    block(id);
    return finish(bytecode::kNone);
  }
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const Label failed = code_.label();
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  block(id);
  const uint32_t end = code_.here();
  code_.emit(Op::kUnwind, mark, 1);
  code_.emit(Op::kUndoDrop, mark);  // of runbooks that it called
  code_.leave(Op::kReturnNothing);
  code_.handler(begin, end, bytecode::Handler::Reach::kCleanup, failed, error, mark);
  code_.bind(failed);
  code_.emit(Op::kUnwind, mark, 1);
  code_.emit(Op::kUndoDrop, mark);
  code_.leave(Op::kRaise, error);
  finish(bytecode::kNone);
}

}  // namespace rbk::lower
