// Locks: one is held by a fiber, for itself and for the branches inside it. What was done under it
// is undone under it, so that a held lock stands in the undo stack among what it protects.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNoRegister;

namespace {

constexpr size_t kLongestName = 1024;

}  // namespace

std::string describe(const Lock& lock) {
  switch (lock.space) {
    case Lock::Space::kExclusive:
      return fmt::format("`exclusive \"{}\"`", lock.name);
    case Lock::Space::kMax:
      return fmt::format("`max {}` of {}", lock.limit, lock.name);
    case Lock::Space::kRunEnd:
      return fmt::format("the end of run {}", lock.name);
    case Lock::Space::kLock:
      break;
  }
  return fmt::format("the lock `{}`", lock.name);
}

// ---- Who has it

/// Whether the fiber, or one around it, has the lock.
bool Execution::holds(const Fiber& fiber, const Lock& lock) {
  for (const Fiber* at = &fiber; at != nullptr;) {
    const bool has = std::any_of(at->undo.begin(), at->undo.end(), [&](const UndoEntry& entry) {
      return entry.held != 0 && entry.lock->same(lock);
    });
    if (has) return true;
    if (at->group == 0) break;
    const Group& group = *groups_.at(at->group);
    if (group.lock_request != 0 && group.lock->same(lock)) return true;
    at = find_fiber(group.parent);
  }
  return false;
}

/// The Acquires of all that the fiber, or one around it, has.
std::vector<RequestId> Execution::held_by(const Fiber& fiber) {
  std::vector<RequestId> held;
  for (const Fiber* at = &fiber; at != nullptr;) {
    for (const UndoEntry& entry : at->undo) {
      if (entry.held != 0) held.push_back(entry.held);
    }
    if (at->group == 0) break;
    const Group& group = *groups_.at(at->group);
    if (group.lock_request != 0) held.push_back(group.lock_request);
    at = find_fiber(group.parent);
  }
  std::sort(held.begin(), held.end());
  return held;
}

/// Those under which something that is older than `before_serial` in the fiber is undone, the
/// outermost first.
std::vector<Lock> Execution::locks_around(const Fiber& fiber, uint64_t before_serial) {
  std::vector<Lock> around;  // the innermost first
  for (const Fiber* at = &fiber; at != nullptr;) {
    for (auto entry = at->undo.rbegin(); entry != at->undo.rend(); ++entry) {
      if (entry->held != 0 && (at != &fiber || entry->serial < before_serial))
        around.push_back(*entry->lock);
    }
    if (at->group == 0) break;
    const Group& group = *groups_.at(at->group);
    if (group.lock) around.push_back(*group.lock);
    at = find_fiber(group.parent);
  }
  std::reverse(around.begin(), around.end());
  return around;
}

// ---- Taking it

request::Acquire Execution::acquisition(const Fiber& fiber, Lock lock) {
  request::Acquire acquire;
  acquire.path = innermost(fiber).path;
  acquire.lock = std::move(lock);
  acquire.under = held_by(fiber);
  return acquire;
}

Next Execution::op_Lock(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  const String* name = as_string(r[at->a].o);
  if (name == nullptr) return raise_wrong(r[at->a].o, "a lock's name");
  if (name->size == 0) return raise("Failed", "a lock has an empty name");
  if (!is_utf8(name->view())) return raise("Failed", "the name of a lock is no UTF-8");
  if (name->size > kLongestName)
    return raise(
        make_limit_error(fmt::format("a lock's name has more than {} bytes", kLongestName)));
  Lock lock{static_cast<Lock::Space>(extra.a), std::string(name->view()), 1};
  if (at->b != kNoRegister) lock.limit = r[at->b].i;
  if (lock.limit < 1)
    return raise("Failed", fmt::format("{}: {} may have it at once, and at least 1 has to",
                                       describe(lock), lock.limit));
  if (fiber_->next_serial >= MarkHeights::kMostSerial)
    return raise(make_limit_error("too many rollbacks were registered"));
  if (holds(*fiber_, lock)) return Next::kNext;
  request::Acquire acquire = acquisition(*fiber_, std::move(lock));
  acquire.mode = static_cast<request::Acquire::Mode>(extra.b);
  if (at->c != kNoRegister) acquire.until = later(now_, r[at->c].i);
  ask(*fiber_, std::move(acquire), Fiber::Wait::kLock);
  return Next::kWait;
}

/// The error of an answer that is none.
Ref Execution::refusal(const event::Acquired& event, const Lock& lock) {
  const bool deadlock = event.how == event::Acquired::How::kDeadlock;
  ErrorValue error{deadlock ? "Deadlock" : "LockTaken", event.message, false, {}};
  if (error.message.empty())
    error.message = describe(lock) + (deadlock ? " can't be waited for" : " is taken");
  error.fields["name"] = lock.name;
  return make_error(error);
}

Status Execution::take(const event::Acquired& event) {
  Pending* found = waiting(event.request, Fiber::Wait::kLock);
  if (found == nullptr)
    return fail(ErrorKind::kInvalid, fmt::format("nothing waits for the lock {}", event.request));
  Fiber& fiber = *find_fiber(found->fiber);
  const auto acquire = std::get<request::Acquire>(found->request.what);
  pending_.erase(event.request);
  const bool granted = event.how == event::Acquired::How::kGranted;
  if (fiber.depth == 0) {  // it undoes something
    if (!granted) {
      groups_.at(fiber.group)->lock_request = 0;
      cannot_undo(std::exchange(fiber.undo, {}), locks_around(fiber, fiber.next_serial),
                  refusal(event, acquire.lock).get());
    }
    go_on(fiber);
    return {};
  }
  if (!granted) {
    go_on_raising(fiber, refusal(event, acquire.lock));
    return {};
  }
  UndoEntry entry;
  entry.serial = fiber.next_serial;
  fiber.next_serial = std::min(fiber.next_serial + 1, MarkHeights::kMostSerial);
  entry.lock = acquire.lock;
  entry.held = event.request;
  heap_.charge(undo_cost(entry));
  fiber.undo.push_back(std::move(entry));
  go_on_with(fiber, kNoRegister, Value());
  return {};
}

// ---- Freeing it

/// What stands above the lock at `place`, and is to be undone one day, is undone under it then. The
/// lock is not held any more.
request::Release Execution::end_lock(std::vector<UndoEntry>& undo, size_t place) {
  UndoEntry& entry = undo[place];
  heap_.used -= undo_cost(entry);
  request::Release release{std::exchange(entry.held, 0), *entry.lock};
  const auto above = undo.begin() + static_cast<std::ptrdiff_t>(place) + 1;
  if (above == undo.end()) {
    undo.pop_back();
    return release;
  }
  std::vector<UndoEntry> under(std::make_move_iterator(above), std::make_move_iterator(undo.end()));
  undo.erase(above, undo.end());
  undo.back().branches.push_back(std::move(under));
  return release;
}

/// Frees what was taken since a serial, the newest first.
void Execution::end_locks(Fiber& fiber, uint64_t from_serial) {
  for (size_t i = fiber.undo.size(); i-- > 0 && fiber.undo[i].serial >= from_serial;) {
    if (fiber.undo[i].held != 0) send({next_request_++, end_lock(fiber.undo, i)});
  }
}

// ---- What could not be undone

/// Keeps a rollback that failed, under the locks that it needs.
void Execution::note_unfinished(UndoEntry entry, const std::vector<Lock>& around) {
  for (auto lock = around.rbegin(); lock != around.rend(); ++lock) {
    UndoEntry under;
    under.lock = *lock;
    under.branches.emplace_back().push_back(std::move(entry));
    entry = std::move(under);
  }
  unfinished_.push_back(std::move(entry));
}

/// None of these can be done, by the same error.
void Execution::cannot_undo(std::vector<UndoEntry> entries, std::vector<Lock> around,
                            const Object* error) {
  for (; !entries.empty(); entries.pop_back()) {
    UndoEntry& entry = entries.back();
    if (!entry.branches.empty()) {
      if (entry.lock) around.push_back(*entry.lock);
      for (std::vector<UndoEntry>& branch : entry.branches)
        cannot_undo(std::move(branch), around, error);
      if (entry.lock) around.pop_back();
      continue;
    }
    (entry.is_defer ? tolerated_ : undo_failed_) = true;
    Mark mark;
    mark.path = entry.path;
    mark.step = entry.step;
    mark.error = outside(error);
    if (entry.is_defer) {
      mark.level = "error";
      mark.text = "defer failed: " + mark.error->message;
      tell(std::move(mark));
      heap_.used -= undo_cost(entry);
      continue;
    }
    mark.kind = Mark::Kind::kUndoEnded;
    tell(std::move(mark));
    entry.serial = 0;
    note_unfinished(std::move(entry), around);
  }
}

}  // namespace rbk::vm
