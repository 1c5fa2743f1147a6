// Steps, items, shields, and the undo stack.
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::kNoRegister;

namespace {

constexpr size_t kLongestPath = 4096;

}  // namespace

// ---- Heights

MarkHeights Execution::heights(const Fiber& fiber) const {
  return {static_cast<uint32_t>(fiber.steps.size()), static_cast<uint32_t>(fiber.items.size()),
          fiber.shield, fiber.next_serial};
}

/// Puts the stacks back to a mark. Steps that are cut off end as failed or cancelled. A mark can't
/// reach below the rollback that is running.
void Execution::cut_back(Fiber& fiber, MarkHeights to, const Object* error) {
  const Undoing* inside = fiber.undoing.empty() ? nullptr : &fiber.undoing.back();
  const uint32_t steps = std::max(to.steps, inside == nullptr ? 0 : inside->steps + 1);
  const uint32_t items = std::max(to.items, inside == nullptr ? 0 : inside->items);
  const uint32_t shield =
      std::max(to.shield, inside == nullptr ? fiber.base_shield : inside->shield + 1);
  const auto* raised = static_cast<const ErrorObject*>(error);
  const Mark::StepStatus status =
      raised->reach == Reach::kCancel ? Mark::StepStatus::kCancelled : Mark::StepStatus::kFailed;
  while (fiber.steps.size() > steps) end_step(fiber, status, nullptr, error);
  if (fiber.items.size() > items) fiber.items.resize(items);
  fiber.shield = std::min(fiber.shield, shield);
}

void Execution::end_step(Fiber& fiber, Mark::StepStatus status, boost::json::value output,
                         const Object* error) {
  fiber.last_step = std::move(fiber.steps.back());
  fiber.steps.pop_back();
  const StepEntry& step = fiber.last_step;
  if (step.step == kNone) return;
  const auto depth = static_cast<uint32_t>(fiber.steps.size());
  while (!fiber.items.empty() && fiber.items.back().depth > depth) fiber.items.pop_back();
  Mark mark;
  mark.kind = Mark::Kind::kStepEnded;
  mark.path = step.path;
  mark.step = step.number;
  mark.parent = innermost(fiber).number;
  mark.status =
      step.skipped && status == Mark::StepStatus::kSucceeded ? Mark::StepStatus::kSkipped : status;
  mark.attempt = step.attempt;
  mark.output = std::move(output);
  if (error != nullptr) mark.error = outside(error);
  tell(std::move(mark));
}

const StepEntry& Execution::innermost(const Fiber& fiber) const {
  return fiber.steps.empty() ? fiber.outer : fiber.steps.back();
}

std::string Execution::step_path(const Fiber& fiber, std::string_view name) const {
  std::string path = innermost(fiber).path;
  if (!path.empty()) path += '/';
  path += name;
  for (const ItemEntry& item : fiber.items) {
    if (item.depth == fiber.steps.size()) path += "[" + item.text + "]";
  }
  return path;
}

std::string Execution::item_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == '#' || c == '\\') name += '\\';
    name += c;
  }
  return name;
}

// ---- Operations

Next Execution::op_Mark(Slot* r, const Instruction* at) {
  r[at->a].i = heights(*fiber_).packed();
  return Next::kNext;
}

Next Execution::op_ItemPush(Slot* r, const Instruction* at) {
  const String* text = as_string(r[at->a].o);
  if (text == nullptr) return raise_wrong(r[at->a].o, "text as an item");
  if (text->size > kLongestPath) {
    return raise(
        make_limit_error(fmt::format("an item of a loop has more than {} bytes", kLongestPath)));
  }
  if (fiber_->items.size() >= MarkHeights::kMostItems) {
    return raise(make_limit_error("loops with steps are nested too deep"));
  }
  fiber_->items.push_back({item_name(text->view()), static_cast<uint32_t>(fiber_->steps.size())});
  return Next::kNext;
}

Next Execution::op_ItemPop(Slot*, const Instruction*) {
  const size_t floor = fiber_->undoing.empty() ? 0 : fiber_->undoing.back().items;
  if (fiber_->items.size() > floor) fiber_->items.pop_back();
  return Next::kNext;
}

Next Execution::op_StepBegin(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  if (fiber_->steps.size() >= MarkHeights::kMostOwnSteps) {
    return raise(make_limit_error("steps are nested too deep"));
  }
  const String* title = at->b == kNoRegister ? nullptr : as_string(r[at->b].o);
  StepEntry step;
  step.step = at->a;
  step.number = next_step_++;
  step.path = step_path(*fiber_, image_.program().steps[at->a].name);
  if (step.path.size() > kLongestPath) {
    return raise(
        make_limit_error(fmt::format("a step's path has more than {} bytes", kLongestPath)));
  }
  Mark mark;
  mark.kind = Mark::Kind::kStepBegan;
  mark.path = step.path;
  mark.step = step.number;
  mark.parent = innermost(*fiber_).number;
  mark.attempt = 1;
  if (title != nullptr) mark.title = title->view();
  tell(std::move(mark));
  fiber_->steps.push_back(std::move(step));
  return Next::kNext;
}

namespace {

/// The step that an operation on the innermost one means.
StepEntry* open_step(Fiber& fiber) {
  const size_t floor = fiber.undoing.empty() ? 0 : fiber.undoing.back().steps + 1;
  return fiber.steps.size() > floor ? &fiber.steps.back() : nullptr;
}

}  // namespace

Next Execution::op_StepEnd(Slot* r, const Instruction* at) {
  if (open_step(*fiber_) == nullptr) return raise("ProgramError", "no step has begun");
  boost::json::value output;
  if (at->a != kNoRegister) output = to_outside(image_, r[at->a], kinds()[at->a]);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  end_step(*fiber_, Mark::StepStatus::kSucceeded, std::move(output), nullptr);
  return Next::kNext;
}

Next Execution::op_StepSkip(Slot*, const Instruction*) {
  if (open_step(*fiber_) == nullptr) return raise("ProgramError", "no step has begun");
  end_step(*fiber_, Mark::StepStatus::kSkipped, nullptr, nullptr);
  return Next::kNext;
}

Next Execution::op_StepRetry(Slot* r, const Instruction* at) {
  StepEntry* step = open_step(*fiber_);
  if (step == nullptr) return raise("ProgramError", "no step has begun");
  const Object* error = r[at->a].o;
  if (error == nullptr || error->tag != Tag::kError) return raise_wrong(error, "an error");
  const auto failed = static_cast<uint32_t>(std::clamp<int64_t>(r[at->b].i, 1, UINT32_MAX - 1));
  Mark mark;
  mark.kind = Mark::Kind::kAttemptFailed;
  mark.path = step->path;
  mark.step = step->number;
  mark.parent = innermost(*fiber_).number;
  mark.attempt = failed;
  mark.wait = at->c == kNoRegister ? 0 : r[at->c].i;
  mark.error = outside(error);
  step->attempt = failed + 1;
  tell(std::move(mark));
  return Next::kNext;
}

Next Execution::op_ShieldBegin(Slot*, const Instruction*) {
  if (fiber_->shield >= MarkHeights::kMostOwnShields) {
    return raise(make_limit_error("clean-up is nested too deep"));
  }
  ++fiber_->shield;
  return Next::kNext;
}

Next Execution::op_ShieldEnd(Slot*, const Instruction*) {
  const uint32_t floor =
      fiber_->undoing.empty() ? fiber_->base_shield : fiber_->undoing.back().shield + 1;
  if (fiber_->shield > floor) --fiber_->shield;
  return Next::kNext;
}

Next Execution::op_CancelPoint(Slot*, const Instruction*) {
  return cancel_waits(*fiber_) ? raise(take_cancel(*fiber_, {})) : Next::kNext;
}

// ---- The undo stack

Next Execution::op_UndoPush(Slot* r, const Instruction* at) {
  Object* object = r[at->a].o;
  if (object == nullptr || object->tag != Tag::kClosure) return raise_wrong(object, "a function");
  const auto* closure = static_cast<const Closure*>(object);
  if (closure->size != image_.code(closure->function).parameters) {
    return raise_wrong(object, "a function without parameters");
  }
  if (fiber_->next_serial >= MarkHeights::kMostSerial) {
    return raise(make_limit_error("too many rollbacks were registered"));
  }
  UndoEntry entry;
  entry.serial = fiber_->next_serial++;
  entry.is_defer = at->c == 1;
  entry.closure = Ref::to(object);
  StepEntry around;
  around.number = innermost(*fiber_).number;
  const StepEntry* of = &innermost(*fiber_);
  if (entry.is_defer) {
    around.path = step_path(*fiber_, "defer");
    of = &around;
  } else {
    // The step is still open, or is the one that ended last.
    const auto open = std::find_if(fiber_->steps.rbegin(), fiber_->steps.rend(),
                                   [&](const StepEntry& step) { return step.step == at->b; });
    if (open != fiber_->steps.rend()) {
      of = &*open;
    } else if (fiber_->last_step.step == at->b) {
      of = &fiber_->last_step;
    } else {
      around.path = step_path(*fiber_, image_.program().steps[at->b].name);
      of = &around;
    }
  }
  // The rollback of a step that a person left out would undo what was not done.
  if (of->skipped) return Next::kNext;
  entry.path = of->path;
  entry.step = of->number;
  heap_.charge(64 + entry.path.size());
  fiber_->undo.push_back(std::move(entry));
  return Next::kNext;
}

/// Gives up all of `entries`.
void Execution::drop_undo(std::vector<UndoEntry>& entries) {
  for (UndoEntry& entry : entries) {
    heap_.used -= undo_cost(entry);
    for (std::vector<UndoEntry>& branch : entry.branches) drop_undo(branch);
  }
  entries.clear();
}

/// Removes the rollbacks from `entries`, however deep in branches; defers and held locks stay.
void Execution::forget_rollbacks(std::vector<UndoEntry>& entries) {
  std::erase_if(entries, [this](UndoEntry& entry) {
    if (entry.is_defer || entry.held != 0) return false;
    if (entry.branches.empty()) {
      heap_.used -= undo_cost(entry);
      return true;
    }
    for (std::vector<UndoEntry>& branch : entry.branches) forget_rollbacks(branch);
    std::erase_if(entry.branches, [](const auto& branch) { return branch.empty(); });
    return entry.branches.empty();
  });
}

Next Execution::op_UndoDrop(Slot* r, const Instruction* at) {
  const uint64_t from = MarkHeights::unpack(r[at->a].i).serial;
  std::vector<UndoEntry> newer;
  auto& undo = fiber_->undo;
  const auto first = std::find_if(undo.begin(), undo.end(),
                                  [from](const UndoEntry& entry) { return entry.serial >= from; });
  newer.assign(std::make_move_iterator(first), std::make_move_iterator(undo.end()));
  undo.erase(first, undo.end());
  forget_rollbacks(newer);
  std::move(newer.begin(), newer.end(), std::back_inserter(undo));
  return Next::kNext;
}

Next Execution::op_UndoCommit(Slot* r, const Instruction* at) {
  const String* reason = as_string(r[at->a].o);
  bool dropped = false;
  for (auto& [id, fiber] : fibers_) {
    const size_t before = fiber->undo.size();
    forget_rollbacks(fiber->undo);
    dropped = dropped || fiber->undo.size() != before;
  }
  for (auto& [id, group] : groups_) {
    for (Group::Branch& branch : group->branches) {
      dropped = dropped || !branch.undo.empty();
      forget_rollbacks(branch.undo);
    }
  }
  drop_undo(unfinished_);
  committed_ = committed_ || dropped;
  Mark mark;
  mark.kind = Mark::Kind::kCommitted;
  mark.path = innermost(*fiber_).path;
  mark.step = innermost(*fiber_).number;
  if (reason != nullptr) mark.text = reason->view();
  tell(std::move(mark));
  return Next::kNext;
}

Next Execution::op_Unwind(Slot* r, const Instruction* at) {
  clear_dead(fiber_->top(), r);
  switch (undo_next(*fiber_, MarkHeights::unpack(r[at->a].i).serial, at->b == 1)) {
    case Undo::kNone:
      return Next::kNext;
    case Undo::kEntered:
      return Next::kEnter;
    case Undo::kWaits:
      return Next::kWait;
  }
  return Next::kNext;
}

/// Begins the newest undo since a serial. The caller comes back when it is done.
Execution::Undo Execution::undo_next(Fiber& fiber, uint64_t from_serial, bool only_defers) {
  const bool after_failure = !only_defers || fiber.leaving;
  only_defers = after_failure ? fiber.leaving : only_defers;
  const auto newest = [&] {
    return std::find_if(fiber.undo.rbegin(), fiber.undo.rend(), [&](const UndoEntry& entry) {
      return entry.serial >= from_serial && (entry.is_defer || entry.held != 0 || !only_defers);
    });
  };
  auto found = newest();
  while (found != fiber.undo.rend() && found->held != 0) {
    // All that was to be done under it is done.
    const auto place = static_cast<size_t>(std::next(found).base() - fiber.undo.begin());
    send({next_request_++, end_lock(fiber.undo, place)});
    found = newest();
  }
  if (found == fiber.undo.rend()) return Undo::kNone;
  if (RBK_MUTANT("undoes_the_oldest_first") && fiber.undo.front().held == 0)
    found = std::prev(fiber.undo.rend());
  UndoEntry entry = std::move(*found);
  fiber.undo.erase(std::next(found).base());
  if (!entry.branches.empty()) {
    Group group;
    group.unwinds = true;
    group.lock = std::move(entry.lock);
    for (std::vector<UndoEntry>& branch : entry.branches) {
      group.branches.emplace_back().undo = std::move(branch);
    }
    begin_group(fiber, std::move(group));
    return Undo::kWaits;
  }
  heap_.used -= undo_cost(entry);
  if (!entry.is_defer) {
    Mark mark;
    mark.kind = Mark::Kind::kUndoBegan;
    mark.path = entry.path;
    mark.step = entry.step;
    tell(std::move(mark));
  }
  fiber.undoing.push_back({entry.is_defer, entry.closure, entry.path, entry.step,
                           static_cast<uint32_t>(fiber.steps.size()),
                           static_cast<uint32_t>(fiber.items.size()), fiber.shield,
                           fiber.next_serial, after_failure});
  StepEntry around;  // its own steps are shown below the step that is undone
  around.number = entry.step;
  around.path = entry.path;
  if (!entry.is_defer) around.path += entry.path.empty() ? "rollback" : "/rollback";
  fiber.steps.push_back(std::move(around));
  ++fiber.shield;
  const auto& closure = *static_cast<const Closure*>(entry.closure.get());
  if (!grow(fiber, image_.code(closure.function).registers) ||
      fiber.undoing.size() > MarkHeights::kMostUndoing ||
      fiber.shield > MarkHeights::kMostUndoShields) {
    undo_ended(fiber, make_limit_error("rollbacks are nested too deep").get());
    return undo_next(fiber, from_serial, only_defers);
  }
  enter_closure(fiber, closure, Frame::Purpose::kUndo);
  return Undo::kEntered;
}

/// The frame of the innermost undo is gone, with this error or well.
void Execution::undo_ended(Fiber& fiber, const Object* error) {
  Undoing undoing = std::move(fiber.undoing.back());
  fiber.undoing.pop_back();
  while (fiber.steps.size() > undoing.steps + 1) {
    end_step(fiber, error == nullptr ? Mark::StepStatus::kSucceeded : Mark::StepStatus::kFailed,
             nullptr, error);
  }
  if (fiber.steps.size() > undoing.steps) fiber.steps.pop_back();
  fiber.items.resize(std::min<size_t>(fiber.items.size(), undoing.items));
  fiber.shield = undoing.shield;
  end_locks(fiber, undoing.serial);
  // An undo is not undone itself.
  const auto own =
      std::find_if(fiber.undo.rbegin(), fiber.undo.rend(),
                   [&](const UndoEntry& entry) { return entry.serial < undoing.serial; });
  std::vector<UndoEntry> of_undo(std::make_move_iterator(own.base()),
                                 std::make_move_iterator(fiber.undo.end()));
  fiber.undo.erase(own.base(), fiber.undo.end());
  drop_undo(of_undo);
  if (error != nullptr) (undoing.is_defer ? tolerated_ : undo_failed_) = true;
  if ((error != nullptr || RBK_MUTANT("undoes_it_again_by_hand")) && !undoing.is_defer) {
    UndoEntry unfinished;
    unfinished.closure = std::move(undoing.closure);
    unfinished.path = undoing.path;
    unfinished.step = undoing.step;
    heap_.charge(undo_cost(unfinished));
    note_unfinished(std::move(unfinished), locks_around(fiber, undoing.serial));
  }
  if (error == nullptr && !undoing.is_defer) ++undone_;
  if (undoing.is_defer && error == nullptr) return;
  Mark mark;
  mark.kind = undoing.is_defer ? Mark::Kind::kLog : Mark::Kind::kUndoEnded;
  mark.path = undoing.path;
  mark.step = undoing.step;
  if (error != nullptr) mark.error = outside(error);
  if (undoing.is_defer) {
    mark.level = "error";
    mark.text = "defer failed: " + mark.error->message;
  }
  tell(std::move(mark));
}

}  // namespace rbk::vm
