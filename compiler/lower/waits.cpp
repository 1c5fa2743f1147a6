// `repeat every … at most …`: rounds until a condition holds, then on; or `Timeout`.
#include "base/units.h"
#include "compiler/lower/body.h"

namespace rbk::lower {

using bytecode::Handler;

void Body::lower_repeat(const syntax::RepeatStmt& node, Span span) {
  const Reg every = stable_value(node.every);
  const bool by_time = node.at_most.valid() && !node.at_most_times;
  if (!node.at_most.valid()) return fault(span, "`repeat` without an end");
  const Reg bound = stable_value(node.at_most);
  Reg deadline = kNoReg;
  Reg left = kNoReg;
  if (by_time) {
    const Reg now = temporary(Kind::kTime);
    deadline = temporary(Kind::kTime);
    code_.emit(Op::kNow, now);
    code_.emit(Op::kAddTime, deadline, now, bound);
  } else {
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
    code_.jump_on(Op::kJumpIf, not_yet_, next);
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
    } else {
      code_.emit(Op::kAddImm, left, left, static_cast<uint16_t>(int16_t{-1}));
      code_.jump_compare(Op::kJumpLeInt, left, load_number(Kind::kInt, 0), late);
    }
    code_.emit(Op::kSleep, pause);
  }
  code_.jump(round);
  code_.bind(late);
  {
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
