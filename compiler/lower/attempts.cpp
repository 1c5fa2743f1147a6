// Attempts of a step: timeout, retry, doubt.
#include <utility>

#include "compiler/lower/body.h"

namespace rbk::lower {

using bytecode::Behaviour;
using bytecode::Doubt;
using bytecode::Handler;
using check::kNone;
using syntax::OnDoubtClause;
using syntax::RetryClause;
using syntax::TimeoutClause;

namespace {

Doubt doubt_of(const OnDoubtClause* clause) {
  if (clause == nullptr) return Doubt::kDefault;
  switch (clause->kind) {
    case OnDoubtClause::Kind::kRetry:
      return Doubt::kRetry;
    case OnDoubtClause::Kind::kVerify:
      return Doubt::kVerify;
    case OnDoubtClause::Kind::kUndo:
      return Doubt::kUndo;
    case OnDoubtClause::Kind::kFail:
      return Doubt::kFail;
    case OnDoubtClause::Kind::kAsk:
      return Doubt::kAsk;
  }
  return Doubt::kDefault;
}

/// Between attempts when the clause does not say.
constexpr int64_t kBackoffLow = 1'000'000;
constexpr int64_t kBackoffHigh = 30'000'000;

}  // namespace

// ---- An action

void Body::perform_step(const StepSpec& spec, Attempt& attempt, Reg to) {
  const Meaning& meaning = *module_->meaning(spec.call);
  const check::Symbol& action = program_.symbol(meaning.symbol);
  const auto* clauses = spec.clauses;
  const auto* timeout = clauses == nullptr ? nullptr : clauses->find<TimeoutClause>();
  const auto* on_doubt = clauses == nullptr ? nullptr : clauses->find<OnDoubtClause>();
  const bool retries = clauses != nullptr && clauses->find<RetryClause>() != nullptr;
  const bool reads = spec.behaviour == static_cast<uint8_t>(Behaviour::kReads);
  const bool undoes = has_rollback(spec) && !reads;

  attempt.action = spec.launch == syntax::StepStmt::Launch::kStart
                       ? program_.started_stand_in(meaning.symbol)
                       : program_.action(meaning.symbol);
  attempt.doubt = doubt_of(on_doubt);
  attempt.verify = on_doubt == nullptr ? BlockId() : on_doubt->verify;
  attempt.asks = asks(spec);
  const Reg first = arguments(meaning.symbol, meaning.arguments);
  place(spec.span);
  if (action.kind == check::Symbol::Kind::kAction) check_arguments(meaning.symbol, first);
  const Reg limit = timeout == nullptr ? kNoReg : clause_time(timeout->duration, "timeout");
  prepare_retry(spec, attempt);
  const bool decides = retries || attempt.doubt != Doubt::kDefault ||
                       (reads && not_yet_ != kNoReg) || attempt.asks != nullptr;
  const bool handled = decides || undoes;
  if (decides && undoes) {
    attempt.left_open = temporary(Kind::kBool);
    code_.load_int(attempt.left_open, 0);
  }
  if (handled) {
    attempt.mark = temporary(Kind::kInt);
    attempt.error = temporary(Kind::kRef);
    attempt.again = code_.label();
    code_.bind(attempt.again);
    code_.emit(Op::kMark, attempt.mark);
  }
  const uint32_t begin = code_.here();
  place(spec.span);
  code_.emit_run(Op::kPerform, to, attempt.action, first, action.fields.size());
  code_.extra(limit, static_cast<uint16_t>(spec.behaviour + 1),
              static_cast<uint16_t>(attempt.doubt));
  if (!handled) return;
  const uint32_t end = code_.here();
  const Label done = code_.label();
  code_.jump(done);
  if (decides) {
    const Label failed = code_.label();
    code_.handler(begin, end, Handler::Reach::kCatch, failed, attempt.error, attempt.mark);
    code_.bind(failed);
    failed_attempt(spec, attempt, to, done);
  }
  if (undoes) {
    // Stopped from outside, or failed for good: what it may have done is undone as well.
    const Label cut_off = code_.label();
    code_.handler(begin, end, Handler::Reach::kCleanup, cut_off, attempt.error, attempt.mark);
    if (attempt.pause_end > attempt.pause_begin)
      code_.handler(attempt.pause_begin, attempt.pause_end, Handler::Reach::kCleanup, cut_off,
                    attempt.error, attempt.mark);
    code_.bind(cut_off);
    note_left_open(attempt);
    undo_if_in_doubt(spec, attempt, attempt.left_open);
    code_.leave(Op::kRaise, attempt.error);
  }
  code_.bind(done);
}

/// What an attempt left open stays open, however the ones after it end.
void Body::note_left_open(const Attempt& attempt) {
  if (attempt.left_open == kNoReg) return;
  TemporaryScope scope(code_);
  const Label known = code_.label();
  const Reg in_doubt = temporary(Kind::kBool);
  code_.emit(Op::kErrorInDoubt, in_doubt, attempt.error);
  code_.jump_on(Op::kJumpUnless, in_doubt, known);
  code_.load_int(attempt.left_open, 1);
  code_.bind(known);
}

void Body::failed_attempt(const StepSpec& spec, Attempt& attempt, Reg to, Label done) {
  const bool reads = spec.behaviour == static_cast<uint8_t>(Behaviour::kReads);
  const bool writes = spec.behaviour == static_cast<uint8_t>(Behaviour::kWrites);
  const Label give_up = code_.label();
  note_left_open(attempt);
  if (writes) {
    attempt.in_doubt = temporary(Kind::kBool);
    code_.emit(Op::kErrorInDoubt, attempt.in_doubt, attempt.error);
    resolve_doubt(spec, attempt, to, done, give_up);
  }
  decide_retry(spec, attempt, give_up);
  code_.bind(give_up);
  if (attempt.asks != nullptr) {
    const uint32_t begin = code_.here();
    ask_failure(spec, attempt, to, done);
    if (has_rollback(spec) && !reads) {
      // A person says that it failed, or nobody is to be asked any more.
      const Label cut_off = code_.label();
      code_.handler(begin, code_.here(), Handler::Reach::kCleanup, cut_off, attempt.error,
                    attempt.mark);
      code_.bind(cut_off);
    }
  }
  if (has_rollback(spec) && !reads) undo_if_in_doubt(spec, attempt, attempt.left_open);
  if (reads && not_yet_ != kNoReg) {
    // What a person has said is no "not yet".
    if (attempt.asks != nullptr)
      code_.load_int(not_yet_, 0);
    else
      code_.emit(Op::kErrorRetryable, not_yet_, attempt.error);
  }
  code_.leave(Op::kRaise, attempt.error);
}

/// The attempt may have had its effect: its rollback belongs to what is undone now.
void Body::undo_if_in_doubt(const StepSpec& spec, const Attempt& attempt, Reg in_doubt) {
  const Label known = code_.label();
  if (in_doubt == kNoReg) {
    in_doubt = temporary(Kind::kBool);
    code_.emit(Op::kErrorInDoubt, in_doubt, attempt.error);
  }
  code_.jump_on(Op::kJumpUnless, in_doubt, known);
  push_rollback(spec, attempt, kNoReg);
  code_.bind(known);
}

// ---- Doubt

void Body::resolve_doubt(const StepSpec& spec, Attempt& attempt, Reg to, Label done,
                         Label give_up) {
  const Label known = code_.label();
  switch (attempt.doubt) {
    case Doubt::kDefault:
    case Doubt::kRetry:
      return;
    case Doubt::kFail:
      code_.jump_on(Op::kJumpIf, attempt.in_doubt, give_up);
      return;
    case Doubt::kUndo: {
      code_.jump_on(Op::kJumpUnless, attempt.in_doubt, known);
      if (has_rollback(spec)) {
        const Reg before = temporary(Kind::kInt);
        code_.emit(Op::kMark, before);
        push_rollback(spec, attempt, kNoReg);
        code_.emit(Op::kUnwind, before, 0);
      }
      if (attempt.asks == nullptr) {
        code_.leave(Op::kRaise, attempt.error);
        break;
      }
      if (attempt.left_open != kNoReg) code_.load_int(attempt.left_open, 0);
      code_.jump(give_up);
      break;
    }
    case Doubt::kVerify:
    case Doubt::kAsk: {
      code_.jump_on(Op::kJumpUnless, attempt.in_doubt, known);
      const uint32_t begin = code_.here();
      if (attempt.doubt == Doubt::kVerify) {
        const Label ask = code_.label();
        verify_attempt(spec, attempt, to, done, known, ask);
        code_.bind(ask);
      }
      ask_doubt(attempt, to, done);
      if (!has_rollback(spec)) break;
      // A person says that it failed, or nobody is to be asked any more: it is still in doubt.
      const Label cut_off = code_.label();
      code_.handler(begin, code_.here(), Handler::Reach::kCleanup, cut_off, attempt.error,
                    attempt.mark);
      code_.bind(cut_off);
      push_rollback(spec, attempt, kNoReg);
      code_.leave(Op::kRaise, attempt.error);
      break;
    }
  }
  code_.bind(known);
}

void Body::verify_attempt(const StepSpec& spec, Attempt& attempt, Reg to, Label done, Label known,
                          Label ask) {
  TemporaryScope scope(code_);
  const check::TypeId doubt = spec.info == nullptr ? kNone : spec.info->doubt;
  if (doubt == kNone || !attempt.verify.valid()) {
    return fault(spec.span, "a verify block without its enum");
  }
  const auto& members = program_.symbol(checked_type(doubt).symbol).members;
  const auto index_of = [&](std::string_view name) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].name == name) return static_cast<int64_t>(i);
    }
    return int64_t{-1};
  };
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const Reg answer = temporary(Kind::kRef);
  code_.emit(Op::kMark, mark);
  const uint32_t begin = code_.here();
  block_into(attempt.verify, answer);
  code_.handler(begin, code_.here(), Handler::Reach::kCatch, ask, error, mark);
  const Reg member = temporary(Kind::kInt);
  code_.emit(Op::kGetMember, member, answer);
  const Label not_done = code_.label();
  const Label is_done = code_.label();
  code_.jump_compare(Op::kJumpEqInt, member, load_number(Kind::kInt, index_of("done")), is_done);
  code_.jump_compare(Op::kJumpEqInt, member, load_number(Kind::kInt, index_of("not_done")),
                     not_done);
  code_.jump(ask);
  code_.bind(is_done);
  if (to != kNoReg && !members.at(static_cast<size_t>(index_of("done"))).payload.empty()) {
    code_.emit(Op::kGetField, to, answer, 0);
  }
  code_.jump(done);
  code_.bind(not_done);
  if (attempt.left_open != kNoReg) code_.load_int(attempt.left_open, 0);
  // Nothing happened. After a crash it is simply done now; a failed attempt is one that failed.
  const Reg crashed = temporary(Kind::kBool);
  const uint16_t in_doubt = program_.narrow(program_.core_error("InDoubt"), "types");
  const Label go_on = code_.label();
  code_.emit(Op::kErrorIs, crashed, attempt.error, in_doubt);
  code_.jump_on(Op::kJumpUnless, crashed, go_on);
  try_again(attempt, kNoReg);
  code_.bind(go_on);
  code_.load_int(attempt.in_doubt, 0);
  code_.jump(known);
}

void Body::ask_doubt(const Attempt& attempt, Reg to, Label done) {
  TemporaryScope scope(code_);
  const Reg was_done = temporary(Kind::kBool);
  code_.emit(Op::kAskDoubt, to, was_done, attempt.action);
  code_.jump_on(Op::kJumpIf, was_done, done);
  try_again(attempt, kNoReg);
}

// ---- On failure ask

const syntax::OnFailureClause* Body::asks(const StepSpec& spec) const {
  const auto* clause =
      spec.clauses == nullptr ? nullptr : spec.clauses->find<syntax::OnFailureClause>();
  const bool asks = clause != nullptr && clause->kind == syntax::OnFailureClause::Kind::kAsk;
  return asks ? clause : nullptr;
}

/// The step has failed for good, unless a person says otherwise: then it goes on at `done`, or is
/// tried again. Falls through, or raises, with the error.
void Body::ask_failure(const StepSpec& spec, Attempt& attempt, Reg to, Label done) {
  TemporaryScope scope(code_);
  const Label failed = code_.label();
  const bool writes =
      is_action_call(spec) && spec.behaviour == static_cast<uint8_t>(Behaviour::kWrites);
  if (writes && attempt.doubt == Doubt::kDefault) {
    // Of an attempt in doubt a person has just said that it failed: not asked twice.
    const Reg said = temporary(Kind::kBool);
    code_.emit(Op::kErrorIs, said, attempt.error,
               program_.narrow(program_.core_error("InDoubt"), "types"));
    code_.jump_on(Op::kJumpIf, said, failed);
  }
  Reg by = kNoReg;
  if (!attempt.asks->by.empty()) {
    by = temporary(Kind::kRef);
    people_into(attempt.asks->by, by);
  }
  const Reg was_done = temporary(Kind::kBool);
  const bool held = has_output(spec);
  const uint16_t output = held ? program_.narrow(type(spec.output), "types") : uint16_t{0};
  place(spec.span);
  code_.emit(Op::kAskFailure, held ? to : kNoReg, was_done, output);
  code_.extra(attempt.error, by);
  code_.jump_on(Op::kJumpIf, was_done, done);
  if (attempt.before != kNoReg) code_.move(attempt.before, attempt.number);
  try_again(attempt, kNoReg);
  code_.bind(failed);
}

// ---- Retry

void Body::prepare_retry(const StepSpec& spec, Attempt& attempt) {
  const auto* retry = spec.clauses == nullptr ? nullptr : spec.clauses->find<RetryClause>();
  const bool counts = retry != nullptr || attempt.doubt == Doubt::kRetry ||
                      attempt.doubt == Doubt::kVerify || attempt.doubt == Doubt::kAsk ||
                      attempt.asks != nullptr;
  if (!counts) return;
  attempt.retry = retry;
  if (attempt.asks != nullptr && (retry != nullptr || attempt.doubt == Doubt::kRetry)) {
    attempt.before = temporary(Kind::kInt);
    code_.load_int(attempt.before, 0);
  }
  attempt.number = temporary(Kind::kInt);
  code_.load_int(attempt.number, 1);
  if (retry == nullptr) return;
  attempt.allowed = stable_value(retry->times);
  if (!retry->backoff.valid()) {
    attempt.low = load_number(Kind::kDuration, kBackoffLow);
    attempt.high = load_number(Kind::kDuration, kBackoffHigh);
  } else if (const auto* range = std::get_if<syntax::RangeExpr>(&ast()[retry->backoff].node)) {
    attempt.low = stable_value(range->low);
    attempt.high = stable_value(range->high);
  } else {
    // One duration: half as much again at most.
    attempt.low = stable_value(retry->backoff);
    attempt.high = temporary(Kind::kDuration);
    code_.emit(Op::kMulInt, attempt.high, attempt.low, load_number(Kind::kInt, 3));
    code_.emit(Op::kDivInt, attempt.high, attempt.high, load_number(Kind::kInt, 2));
  }
}

void Body::decide_retry(const StepSpec& spec, Attempt& attempt, Label give_up) {
  TemporaryScope scope(code_);
  const RetryClause* retry = attempt.retry;
  Reg number = attempt.number;  // since a person had it tried again
  if (attempt.before != kNoReg) {
    number = temporary(Kind::kInt);
    code_.emit(Op::kSubInt, number, attempt.number, attempt.before);
  }
  if (retry == nullptr) {
    // `on doubt retry` by itself allows one repetition, of an attempt whose effect is unknown.
    if (attempt.doubt == Doubt::kRetry && attempt.in_doubt != kNoReg) {
      code_.jump_on(Op::kJumpUnless, attempt.in_doubt, give_up);
      code_.jump_compare(Op::kJumpGtInt, number, load_number(Kind::kInt, 1), give_up);
      try_again(attempt, kNoReg);
    } else {
      code_.jump(give_up);
    }
    return;
  }
  code_.jump_compare(Op::kJumpGtInt, number, attempt.allowed, give_up);
  if (!retry->kinds.empty()) {
    // Naming a kind permits it, an open effect included.
    const Label named = code_.label();
    const std::vector<SymbolId> none;
    for (const SymbolId symbol : spec.info == nullptr ? none : spec.info->retry_kinds) {
      const Reg is_kind = temporary(Kind::kBool);
      const bytecode::TypeId of = type(program_.symbol(symbol).type);
      code_.emit(Op::kErrorIs, is_kind, attempt.error, program_.narrow(of, "types"));
      code_.jump_on(Op::kJumpIf, is_kind, named);
    }
    code_.jump(give_up);
    code_.bind(named);
  } else {
    const Reg retryable = temporary(Kind::kBool);
    code_.emit(Op::kErrorRetryable, retryable, attempt.error);
    code_.jump_on(Op::kJumpUnless, retryable, give_up);
    if (attempt.in_doubt != kNoReg && attempt.doubt == Doubt::kDefault) {
      code_.jump_on(Op::kJumpIf, attempt.in_doubt, give_up);
    }
  }
  if (retry->condition.valid()) {
    if (spec.info != nullptr && spec.info->symbols.size() > 1) {
      bind(spec.info->symbols[1], attempt.error);
    }
    branch(retry->condition, false, give_up);
  }
  const Reg pause = temporary(Kind::kDuration);
  code_.emit(Op::kBackoff, pause, number, attempt.low);
  code_.extra(attempt.high);
  attempt.pause_begin = code_.here();
  try_again(attempt, pause);
  attempt.pause_end = code_.here();
}

void Body::try_again(const Attempt& attempt, Reg pause) {
  if (attempt.unwinds) code_.emit(Op::kUnwind, attempt.mark, 0);
  code_.emit(Op::kStepRetry, attempt.error, attempt.number, pause);
  if (pause != kNoReg) code_.emit(Op::kSleep, pause);
  code_.emit(Op::kAddImm, attempt.number, attempt.number, 1);
  code_.jump(attempt.again);
}

// ---- A block or a runbook whose attempts are scopes

void Body::scoped_step(const StepSpec& spec, Attempt& attempt, Reg to) {
  const auto* timeout = spec.clauses->find<TimeoutClause>();
  const Reg limit = timeout == nullptr ? kNoReg : clause_time(timeout->duration, "timeout");
  attempt.asks = asks(spec);
  prepare_retry(spec, attempt);
  attempt.mark = temporary(Kind::kInt);
  attempt.error = temporary(Kind::kRef);
  attempt.again = code_.label();
  const Reg timer = timeout == nullptr ? kNoReg : temporary(Kind::kInt);
  const Label done = code_.label();
  const Label failed = code_.label();
  const Label cut_off = code_.label();
  code_.bind(attempt.again);
  code_.emit(Op::kMark, attempt.mark);
  if (timer != kNoReg) code_.emit(Op::kTimerStart, timer, limit);
  const uint32_t begin = code_.here();
  exits_.push_back({Exit::Kind::kScope, attempt.mark, {}, {}});
  if (timer != kNoReg) exits_.push_back({Exit::Kind::kTimer, timer, {}, {}});
  const bool outer = std::exchange(leaves_undoing_, attempt.asks != nullptr);
  content(spec, to);
  leaves_undoing_ = outer;
  if (timer != kNoReg) exits_.pop_back();
  exits_.pop_back();
  const uint32_t end = code_.here();
  const auto stop_timer = [&] {
    if (timer != kNoReg) code_.emit(Op::kTimerStop, timer);
  };
  const Label ends = code_.label();
  code_.bind(ends);
  stop_timer();
  code_.emit(Op::kUnwind, attempt.mark, 1);
  code_.jump(done);
  if (timer != kNoReg) {
    code_.handler(begin, end, Handler::Reach::kTimeout, failed, attempt.error, attempt.mark, timer);
  }
  code_.handler(begin, end, Handler::Reach::kCatch, failed, attempt.error, attempt.mark);
  code_.handler(begin, end, Handler::Reach::kCleanup, cut_off, attempt.error, attempt.mark);
  code_.bind(failed);
  stop_timer();
  // A person is to find it as it failed, and may take it so: it is undone only then.
  attempt.unwinds = attempt.asks != nullptr;
  if (!attempt.unwinds) code_.emit(Op::kUnwind, attempt.mark, 0);
  const Label give_up = code_.label();
  const uint32_t decides = code_.here();
  decide_retry(spec, attempt, give_up);
  code_.bind(give_up);
  if (attempt.asks != nullptr) {
    ask_failure(spec, attempt, to, ends);
    code_.handler(decides, code_.here(), Handler::Reach::kCleanup, cut_off, attempt.error,
                  attempt.mark);
  } else {
    code_.leave(Op::kRaise, attempt.error);
  }
  code_.bind(cut_off);
  stop_timer();
  code_.emit(Op::kUnwind, attempt.mark, 0);
  code_.leave(Op::kRaise, attempt.error);
  code_.bind(done);
}

}  // namespace rbk::lower
