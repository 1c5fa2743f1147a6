// Locks: `lock` blocks, and those that a runbook's head asks for. The machine keeps a held one in
// the undo stack, so that an Unwind which passes it frees it.
#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

using bytecode::Handler;

namespace {

// As the operation has them.
constexpr uint16_t kLockSpace = 0;
constexpr uint16_t kExclusiveSpace = 1;
constexpr uint16_t kMaxSpace = 2;

uint16_t mode_of(const syntax::Exclusive& written) {
  switch (written.mode) {
    case syntax::Exclusive::Mode::kDefault:
    case syntax::Exclusive::Mode::kQueue:
      return 0;
    case syntax::Exclusive::Mode::kReject:
      return 1;
    case syntax::Exclusive::Mode::kCancelRunning:
      return 2;
  }
  return 0;
}

}  // namespace

/// The block is a scope for its `defer`s: they run while the lock is held. What fails in it leaves
/// the lock to whoever unwinds: it is held until what was done under it is undone.
void Body::lower_lock(const syntax::LockStmt& node) {
  const Reg name = stable_value(node.name);
  const Reg limit = node.limit.valid() ? stable_value(node.limit) : kNoReg;
  const Reg timeout = node.timeout.valid() ? clause_time(node.timeout, "timeout") : kNoReg;
  const Reg expires = node.expires.valid() ? clause_time(node.expires, "expires") : kNoReg;
  const Reg mark = temporary(Kind::kInt);
  const Label done = code_.label();
  code_.emit(Op::kMark, mark);
  code_.emit(Op::kLock, name, limit, timeout);
  code_.extra(kLockSpace);
  exits_.push_back({Exit::Kind::kScope, mark, {}, {}});
  if (expires == kNoReg) {
    block(node.body);
    exits_.pop_back();
    code_.emit(Op::kUnwind, mark, 1);
    return;
  }
  const Reg timer = temporary(Kind::kInt);
  const Reg error = temporary(Kind::kRef);
  const Label expired = code_.label();
  code_.emit(Op::kTimerStart, timer, expires);
  const uint32_t begin = code_.here();
  exits_.push_back({Exit::Kind::kTimer, timer, {}, {}});
  block(node.body);
  exits_.pop_back();
  exits_.pop_back();
  const uint32_t end = code_.here();
  code_.emit(Op::kTimerStop, timer);
  code_.emit(Op::kUnwind, mark, 1);
  code_.jump(done);
  code_.handler(begin, end, Handler::Reach::kTimeout, expired, error, mark, timer);
  code_.bind(expired);
  const uint32_t before = program_.string_constant("the lock `");
  const uint32_t after = program_.string_constant(
      "` was held for " + text_of(ast()[node.expires].span) + ", as long as it may be");
  const Reg parts = fill_run({Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, before); }},
                              Slot{Kind::kRef, [&](Reg to) { code_.move(to, name); }},
                              Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, after); }}});
  const Reg message = temporary(Kind::kRef);
  code_.emit_run(Op::kConcat, message, parts, 3, 3);
  raise("Timeout", message);
  code_.bind(done);
}

/// Those of a runbook's head; gives the mark at which they are freed, kNoReg if there are none.
/// What refuses to wait comes first: then a run that is refused has waited for nothing.
Reg Body::take_head_locks(const syntax::RunbookDecl& runbook, const std::string& name) {
  if (runbook.exclusive.empty() && !runbook.max.valid()) return kNoReg;
  const Reg mark = code_.local(Kind::kInt, {});
  code_.emit(Op::kMark, mark);
  for (const bool rejects : {true, false}) {
    for (const syntax::Exclusive& one : runbook.exclusive) {
      if ((one.mode == syntax::Exclusive::Mode::kReject) != rejects) continue;
      TemporaryScope scope(code_);
      place(one.span);
      code_.emit(Op::kLock, value(one.name), kNoReg, kNoReg);
      code_.extra(kExclusiveSpace, mode_of(one));
    }
  }
  if (runbook.max.valid()) {
    TemporaryScope scope(code_);
    place(ast()[runbook.max].span);
    const Reg limit = stable_value(runbook.max);
    code_.emit(Op::kLock, load_text(name), limit, kNoReg);
    code_.extra(kMaxSpace);
  }
  return mark;
}

bool Body::has_lock(BlockId block) const {
  bool found = false;
  Visitor visitor;
  visitor.stmt = [&](StmtId id) {
    found = found || std::holds_alternative<syntax::LockStmt>(ast()[id].node);
    return !found;
  };
  walk(ast(), block, visitor);
  return found;
}

}  // namespace rbk::lower
