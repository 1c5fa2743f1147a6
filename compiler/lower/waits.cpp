// `repeat every … at most …`: rounds until a condition holds, then on; or `Timeout`.
// `hold … every …`: checks for as long as something must hold.
#include "base/units.h"
#include "compiler/lower/body.h"

namespace rbk::lower {

using bytecode::Handler;

void Body::lower_repeat(const syntax::RepeatStmt& node) {
  const Reg every = stable_value(node.every);
  const bool by_time = node.at_most.valid() && !node.at_most_times;
  const bool is_bound = node.at_most.valid();  // as a case of `wait first` it may go on for ever
  const Reg bound = is_bound ? stable_value(node.at_most) : kNoReg;
  Reg deadline = kNoReg;
  Reg left = kNoReg;
  if (by_time) {
    const Reg now = temporary(Kind::kTime);
    deadline = temporary(Kind::kTime);
    code_.emit(Op::kNow, now);
    code_.emit(Op::kAddTime, deadline, now, bound);
  } else if (is_bound) {
    left = temporary(Kind::kInt);
    code_.move(left, bound);
  }
  const Reg outer_not_yet = not_yet_;
  const Label outer_until = until_;
  const size_t outer_depth = until_depth_;
  const Label round = code_.label();
  const Label next = code_.label();
  const Label late = code_.label();
  const Label done = code_.label();
  const Label failed = code_.label();
  const bool polls = has_steps(node.body);
  const Reg mark = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  not_yet_ = polls ? temporary(Kind::kBool) : kNoReg;
  until_ = done;
  until_depth_ = exits_.size();
  code_.bind(round);
  if (polls) {
    code_.load_int(not_yet_, 0);
    code_.emit(Op::kMark, mark);
  }
  const uint32_t begin = code_.here();
  exits_.push_back({Exit::Kind::kLoop, kNoReg, done, next});
  block(node.body);
  exits_.pop_back();
  if (polls) {
    const uint32_t end = code_.here();
    code_.jump(next);
    code_.handler(begin, end, Handler::Reach::kCatch, failed, error, mark);
    code_.bind(failed);
    // A retryable error of a `reads` step means "not yet".
    if (has_lock(node.body)) {
      const Label fails = code_.label();
      code_.jump_on(Op::kJumpUnless, not_yet_, fails);
      code_.emit(Op::kUnwind, mark, 1);  // the round is over, and so is what it held
      code_.jump(next);
      code_.bind(fails);
    } else {
      code_.jump_on(Op::kJumpIf, not_yet_, next);
    }
    code_.leave(Op::kRaise, error);
  }
  code_.bind(next);
  {
    TemporaryScope scope(code_);
    Reg pause = every;
    if (by_time) {
      // The last round begins at the deadline, not before it.
      const Reg now = temporary(Kind::kTime);
      const Reg rest = temporary(Kind::kDuration);
      const Label whole = code_.label();
      code_.emit(Op::kNow, now);
      code_.jump_compare(Op::kJumpGeInt, now, deadline, late);
      code_.emit(Op::kDiffTime, rest, deadline, now);
      code_.jump_compare(Op::kJumpLeInt, rest, every, whole);
      code_.move(rest, every);
      code_.bind(whole);
      pause = rest;
    } else if (is_bound) {
      code_.emit(Op::kAddImm, left, left, static_cast<uint16_t>(int16_t{-1}));
      code_.jump_compare(Op::kJumpLeInt, left, load_number(Kind::kInt, 0), late);
    }
    code_.emit(Op::kSleep, pause);
  }
  code_.jump(round);
  code_.bind(late);
  if (is_bound) {
    TemporaryScope scope(code_);
    const std::string bound_text = text_of(ast()[node.at_most].span);
    raise("Timeout",
          load_text("`repeat` did not come to its end " +
                    (by_time ? "within " + bound_text : "in " + bound_text + " rounds")));
  }
  code_.bind(done);
  not_yet_ = outer_not_yet;
  until_ = outer_until;
  until_depth_ = outer_depth;
}

/// The first check begins at once, each further one `every` after the begin of the one before, or
/// at once if that took longer; the last one begins when the time is up, and not before. So what
/// held at the end is known, and a hold that nobody drove for a while does not pass unseen.
void Body::lower_hold(const syntax::HoldStmt& node) {
  const Reg every = stable_value(node.every);
  const Reg bound = stable_value(node.duration);
  const Reg began = temporary(Kind::kTime);
  const Reg end = temporary(Kind::kTime);
  code_.emit(Op::kNow, began);
  code_.emit(Op::kAddTime, end, began, bound);
  const Label check = code_.label();
  const Label next = code_.label();
  const Label done = code_.label();
  code_.bind(check);
  code_.emit(Op::kNow, began);
  exits_.push_back({Exit::Kind::kLoop, kNoReg, done, next});
  block(node.body);
  exits_.pop_back();
  code_.bind(next);
  code_.jump_compare(Op::kJumpGeInt, began, end, done);
  {
    TemporaryScope scope(code_);
    const Reg pause = temporary(Kind::kDuration);
    const Reg at = temporary(Kind::kTime);
    const Label whole = code_.label();
    code_.emit(Op::kDiffTime, pause, end, began);
    code_.jump_compare(Op::kJumpLeInt, pause, every, whole);
    code_.move(pause, every);
    code_.bind(whole);
    code_.emit(Op::kAddTime, at, began, pause);
    code_.emit(Op::kSleepUntil, at);
  }
  code_.jump(check);
  code_.bind(done);
}

void Body::lower_until(const syntax::UntilStmt& node) {
  if (!until_.valid()) return fault(ast()[node.condition].span, "`until` outside a `repeat`");
  if (exits_.size() == until_depth_ + 1) {  // only the loop itself is left
    branch(node.condition, true, until_);
    return;
  }
  const Label go_on = code_.label();
  branch(node.condition, false, go_on);
  leave_to(until_depth_);
  code_.jump(until_);
  code_.bind(go_on);
}

}  // namespace rbk::lower
