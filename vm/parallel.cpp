// Branches: begun as the limit allows, stopped gently, their results and rollbacks gathered.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "vm/bytecode/op_table.h"
#include "vm/execution.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::kNoRegister;

namespace {

constexpr uint32_t kMostLevels = 64;

/// An error that a branch ended with, as others may catch it: a timer of the branch means nothing
/// outside of it.
bool is_own_timer(const Object* error) {
  return static_cast<const ErrorObject*>(error)->reach == Reach::kTimer;
}

}  // namespace

// ---- Operations

/// The body takes an element and its index (or nothing), and what it gives has room in the list.
bool Execution::fits_branch(const Object* body, TypeId list_type, Group::Policy policy,
                            const List* list) {
  if (body == nullptr || body->tag != Tag::kClosure) return false;
  const auto* closure = static_cast<const Closure*>(body);
  const Code& code = image_.code(closure->function);
  const uint32_t given = code.parameters - closure->size;
  if (policy == Group::Policy::kFirst) return given == 0 && code.has_result;
  if (list == nullptr ? given != 0
                      : given != 2 || code.kinds[closure->size] != list->kind ||
                            code.kinds[closure->size + 1] != Kind::kInt) {
    return false;
  }
  const Kind element = image_.kind(image_.type(list_type).element);
  if (element == Kind::kRef) return true;  // raw results are boxed there
  return policy == Group::Policy::kFail && code.has_result && code.result == element;
}

/// The closure is pure, and makes a text of an element.
bool Execution::names_item(const Object* item, const List* list) {
  if (item == nullptr || item->tag != Tag::kClosure) return false;
  const auto* closure = static_cast<const Closure*>(item);
  const Code& code = image_.code(closure->function);
  return code.pure && code.parameters == closure->size + 1 &&
         code.kinds[closure->size] == list->kind && code.has_result && code.result == Kind::kRef;
}

void Execution::read_policy(Slot* r, const Instruction& extra, const Instruction& more,
                            size_t count, Group& group) {
  group.policy = static_cast<Group::Policy>(extra.c);
  if (group.policy != Group::Policy::kTolerate) return;
  const int64_t tolerance = std::max<int64_t>(r[more.a].i, 0);
  if (more.b == 0) {
    group.tolerated = static_cast<uint64_t>(tolerance);
  } else {
    group.tolerated = count * static_cast<uint64_t>(std::min<int64_t>(tolerance, 100)) / 100;
  }
}

Next Execution::op_ParallelFor(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  const Instruction& more = at[2];
  Object* elements = r[at->b].o;
  if (elements == nullptr || elements->tag != Tag::kList) return raise_wrong(elements, "a list");
  const auto* list = static_cast<const List*>(elements);
  Group group;
  read_policy(r, extra, more, list->items.size(), group);
  if (!fits_branch(r[at->c].o, extra.b, group.policy, list)) {
    return raise_wrong(r[at->c].o, "a branch that takes an element and its index");
  }
  if (r[extra.a].i < 0) {
    return raise("IndexError", fmt::format("a limit of {} branches at once", r[extra.a].i));
  }
  if (more.c != kNoRegister && r[more.c].o != nullptr) {
    Object* item = r[more.c].o;
    if (!names_item(item, list)) return raise_wrong(item, "a pure function that names an element");
    group.item = Ref::to(item);
  }
  group.limit = static_cast<uint64_t>(r[extra.a].i);
  group.list = Ref::to(elements);
  group.body = Ref::to(r[at->c].o);
  group.result_type = extra.b;
  group.branches.resize(list->items.size());
  return begin_group(*fiber_, std::move(group));
}

Next Execution::op_ParallelBlock(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  Group group;
  read_policy(r, extra, at[2], at->c, group);
  for (uint32_t i = 0; i < at->c; ++i) {
    Object* body = r[at->b + i].o;
    if (!fits_branch(body, extra.a, group.policy, nullptr)) {
      return raise_wrong(body, "a branch without parameters");
    }
    group.bodies.push_back(Ref::to(body));
  }
  if (r[extra.b].i < 0) {
    return raise("IndexError", fmt::format("a limit of {} branches at once", r[extra.b].i));
  }
  group.limit = static_cast<uint64_t>(r[extra.b].i);
  group.result_type = extra.a;
  group.branches.resize(at->c);
  return begin_group(*fiber_, std::move(group));
}

Next Execution::op_WaitFirst(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  Group group;
  group.policy = Group::Policy::kFirst;
  for (uint32_t i = 0; i < at[1].a; ++i) {
    Object* body = r[at->c + i].o;
    if (!fits_branch(body, 0, group.policy, nullptr)) {
      return raise_wrong(body, "a branch without parameters");
    }
    group.bodies.push_back(Ref::to(body));
  }
  group.branches.resize(at[1].a);
  return begin_group(*fiber_, std::move(group));
}

// ---- A group's life

Next Execution::begin_group(Fiber& fiber, Group made) {
  if (fiber.level >= kMostLevels && !made.unwinds) {
    return raise(make_limit_error("parallel blocks are nested too deep"));
  }
  const uint64_t id = next_group_++;
  made.id = id;
  made.parent = fiber.id;
  groups_.emplace(id, std::make_unique<Group>(std::move(made)));
  fiber.wait = Fiber::Wait::kGroup;
  fiber.waits_for_group = id;
  if (fiber.depth > 0) {
    clear_dead(fiber.top(), fiber.registers());
    charge_stack(fiber);
  }
  fill_group(id);
  return Next::kWait;
}

/// Begins as many branches as may run; ends the group when none is left.
void Execution::fill_group(uint64_t id) {
  Group& group = *groups_.at(id);
  while (!group.closed && group.next < group.branches.size() &&
         (group.limit == 0 || group.running < group.limit)) {
    if (start_branch(group, group.next)) {
      ++group.next;
      ++group.running;
      continue;
    }
    take_fault();
    if (!group.error) group.error = make_limit_error("there are too many branches at once");
    close_group(group, "another branch has failed", false);
  }
  if (group.running == 0) group_ended(group);
}

bool Execution::start_branch(Group& group, uint32_t index) {
  Fiber& parent = *find_fiber(group.parent);
  Fiber& fiber = new_fiber();
  fiber.group = group.id;
  fiber.branch = index;
  fiber.level = parent.level + 1;
  fiber.shield = fiber.base_shield =
      std::min(parent.shield + (group.unwinds ? 1 : 0), MarkHeights::kMostShields);
  fiber.outer.path = innermost(parent).path;
  fiber.outer.number = innermost(parent).number;
  for (const ItemEntry& item : parent.items) {
    if (item.depth == parent.steps.size()) fiber.items.push_back({item.text, 0});
  }
  Group::Branch& branch = group.branches[index];
  branch.fiber = fiber.id;
  if (group.unwinds) {
    fiber.unwinding = true;
    fiber.undo = std::move(branch.undo);
    branch.undo.clear();
    for (const UndoEntry& entry : fiber.undo) {
      fiber.next_serial = std::clamp(entry.serial + 1, fiber.next_serial, MarkHeights::kMostSerial);
    }
    take_fault();  // what must be undone is undone whatever it needs
    if (group.lock && !holds(fiber, *group.lock)) {
      request::Acquire acquire = acquisition(fiber, *group.lock);
      acquire.unwinds = true;
      group.lock_request = ask(fiber, std::move(acquire), Fiber::Wait::kLock);
    } else {
      ready_.push_back(fiber.id);
    }
    return true;
  }
  const Object* body = group.list ? group.body.get() : group.bodies[index].get();
  const auto& closure = *static_cast<const Closure*>(body);
  const auto* list = static_cast<const List*>(group.list.get());
  const bool room = grow(fiber, image_.code(closure.function).registers);
  if (!room || heap_.fault != Fault::kNone) {
    branch.fiber = 0;
    heap_.used -= kFiberCost;
    fibers_.erase(fiber.id);
    return false;
  }
  enter_closure(fiber, closure, Frame::Purpose::kRoot);
  if (list != nullptr) {
    Slot* registers = fiber.registers();
    registers[closure.size] = list->items[index];
    retain(list->items[index], list->kind);
    registers[closure.size + 1].i = index;
  }
  if (list != nullptr && !group.item) fiber.items.push_back({std::to_string(index), 0});
  if (group.item) {
    const auto& item = *static_cast<const Closure*>(group.item.get());
    if (grow(fiber, image_.code(item.function).registers)) {
      enter_closure(fiber, item, Frame::Purpose::kItem);
      fiber.registers()[item.size] = list->items[index];
      retain(list->items[index], list->kind);
    }
  }
  ready_.push_back(fiber.id);
  return true;
}

namespace {

std::vector<uint32_t> count_equal_before(const List& list) {
  struct Seen {
    uint32_t first;
    uint32_t count;
  };
  std::unordered_map<uint64_t, std::vector<Seen>> seen;
  std::vector<uint32_t> counts;
  counts.reserve(list.items.size());
  for (const Slot item : list.items) {
    std::vector<Seen>& alike = seen[hash_of(item, list.kind)];
    const auto known = std::find_if(alike.begin(), alike.end(), [&](const Seen& one) {
      return equal(list.items[one.first], item, list.kind);
    });
    if (known == alike.end()) {
      alike.push_back({static_cast<uint32_t>(counts.size()), 1});
      counts.push_back(0);
    } else {
      counts.push_back(known->count++);
    }
  }
  return counts;
}

}  // namespace

/// The closure that names a branch's item has returned. No two branches get one name: the second
/// one of equal items is `a#2`.
void Execution::name_branch(Fiber& fiber) {
  const String* text = as_string(fiber.result.slot().o);
  const auto found = groups_.find(fiber.group);
  if (text != nullptr && found != groups_.end()) {
    Group& group = *found->second;
    if (group.equal_before.empty())
      group.equal_before = count_equal_before(*static_cast<const List*>(group.list.get()));
    const uint32_t before =
        fiber.branch < group.equal_before.size() ? group.equal_before[fiber.branch] : 0;
    std::string name = item_name(text->view());
    if (before > 0) name += fmt::format("#{}", before + 1);
    fiber.items.push_back({std::move(name), 0});
  }
  fiber.result = Value();
}

namespace {

/// Whether the failure of one branch is that of the group, and ends the others.
bool ends_by_failure(const Group& group) {
  return group.policy == Group::Policy::kFail ||
         (group.policy == Group::Policy::kFirst && group.winner == kNone);
}

/// Whether its failure was counted when it began to unwind: until it ends, its result is the error.
bool is_counted(const Group::Branch& branch) {
  return branch.fiber != 0 && branch.result.kind() == Kind::kRef &&
         branch.result.slot().o != nullptr;
}

}  // namespace

/// A fiber that is a branch has ended, and has undone what it had to.
void Execution::branch_ended(Fiber& fiber) {
  const uint64_t id = fiber.group;
  Group& group = *groups_.at(id);
  Group::Branch& branch = group.branches[fiber.branch];
  const bool was_counted = is_counted(branch);
  branch.fiber = 0;
  branch.done = !fiber.failed;
  branch.undo = std::move(fiber.undo);
  branch.result = fiber.failed ? Value(fiber.error) : std::move(fiber.result);
  const Ref error = fiber.failed ? fiber.error : Ref();
  heap_.used -= kFiberCost;
  fibers_.erase(fiber.id);
  --group.running;
  if (error) {
    const Reach reach = static_cast<const ErrorObject*>(error.get())->reach;
    if (!was_counted) ++group.failures;
    const bool ends = ends_by_failure(group) || reach == Reach::kLimit || reach == Reach::kLeave;
    if (ends && !group.error && !group.interrupted && reach != Reach::kCancel) {
      group.error = error;
      close_group(group, "another branch has failed", reach == Reach::kLeave);
    }
    if (group.policy == Group::Policy::kTolerate && group.failures > group.tolerated) {
      group.closed = true;  // what runs goes on to its end
    }
  } else if (group.policy == Group::Policy::kFirst && !group.closed) {
    group.winner = static_cast<uint32_t>(&branch - group.branches.data());
    close_group(group, "another case came first", false);
  }
  fill_group(id);
}

/// What has to stop is told before this branch undoes what it did, which may take long.
Next Execution::op_BranchFails(Slot* r, const Instruction* at) {
  Object* error = r[at->a].o;
  if (error == nullptr || error->tag != Tag::kError) return raise_wrong(error, "an error");
  const auto found = groups_.find(fiber_->group);
  if (found == groups_.end()) return Next::kNext;
  Group& group = *found->second;
  const Reach reach = static_cast<const ErrorObject*>(error)->reach;
  if (!group.unwinds && group.policy == Group::Policy::kTolerate && reach == Reach::kOrdinary) {
    // It counts from here on: past the tolerance nothing new begins while this one unwinds.
    Group::Branch& branch = group.branches[fiber_->branch];
    if (is_counted(branch)) return Next::kNext;
    branch.result = Value(Ref::to(error));
    if (++group.failures > group.tolerated) group.closed = true;
    return Next::kNext;
  }
  if (group.unwinds || !ends_by_failure(group) || group.error || group.interrupted ||
      reach == Reach::kCancel) {
    return Next::kNext;
  }
  group.error = Ref::to(error);
  group.closed = true;
  for (const Group::Branch& branch : group.branches) {
    if (branch.fiber == 0 || branch.fiber == fiber_->id) continue;
    if (Fiber* sibling = find_fiber(branch.fiber)) {
      request_cancel(*sibling, "another branch has failed", reach == Reach::kLeave);
    }
  }
  return Next::kNext;
}

/// Nothing new begins, and what runs is asked to end.
void Execution::close_group(Group& group, const std::string& reason, bool leave) {
  group.closed = true;
  for (const Group::Branch& branch : group.branches) {
    if (branch.fiber == 0) continue;
    if (Fiber* fiber = find_fiber(branch.fiber)) request_cancel(*fiber, reason, leave);
  }
}

/// What the branches can still undo becomes one entry of the parent's.
void Execution::pass_undo(Group& group, Fiber& parent) {
  UndoEntry entry;
  for (Group::Branch& branch : group.branches) {
    if (!branch.undo.empty()) entry.branches.push_back(std::move(branch.undo));
  }
  if (entry.branches.empty()) return;
  entry.lock = group.lock;
  entry.serial = parent.next_serial;
  parent.next_serial = std::min(parent.next_serial + 1, MarkHeights::kMostSerial);
  parent.undo.push_back(std::move(entry));
}

Ref Execution::group_error(Group& group) {
  if (group.error) {
    if (!is_own_timer(group.error.get())) return group.error;
    Ref plain = error_copy(static_cast<const ErrorObject*>(group.error.get()));
    static_cast<ErrorObject*>(plain.get())->reach = Reach::kOrdinary;
    return plain;
  }
  if (group.policy != Group::Policy::kTolerate || group.failures <= group.tolerated) return {};
  const auto first = std::find_if(group.branches.begin(), group.branches.end(), [](const auto& b) {
    const Object* object = b.result.kind() == Kind::kRef ? b.result.slot().o : nullptr;
    return !b.done && object != nullptr && object->tag == Tag::kError;
  });
  std::string_view message;
  if (first != group.branches.end()) {
    const auto* error = static_cast<const ErrorObject*>(first->result.slot().o);
    message = static_cast<const String*>(error->message)->view();
  }
  return make_error("TooManyFailures",
                    fmt::format("{} of {} branches failed, {} may: {}", group.failures,
                                group.branches.size(), group.tolerated, message));
}

/// Boxed.
Ref Execution::item_of(const List& items, size_t index) {
  const Slot item = items.items[index];
  retain(item, items.kind);
  return Ref(boxed(heap_, items.kind, item));
}

Value Execution::group_result(Group& group) {
  const Kind element = image_.kind(image_.type(group.result_type).element);
  const bytecode::Type& element_type = image_.type(image_.type(group.result_type).element);
  const bool has_items = group.list && element_type.shape == bytecode::Type::Shape::kResult &&
                         element_type.key != kNone;
  List* list = new_list(heap_, element, group.branches.size());
  Ref owner(list);
  for (size_t i = 0; i < group.branches.size(); ++i) {
    Group::Branch& branch = group.branches[i];
    const Kind kind = branch.result.kind();
    const Slot value = branch.result.give();
    if (group.policy == Group::Policy::kFail) {
      push(list, element == Kind::kRef ? slot_of(boxed(heap_, kind, value).give()) : value);
      continue;
    }
    Ref error = branch.done ? Ref() : Ref(value.o);
    if (error && is_own_timer(error.get())) {
      error = error_copy(static_cast<const ErrorObject*>(error.get()));
      static_cast<ErrorObject*>(error.get())->reach = Reach::kOrdinary;
    }
    Ref item = has_items ? item_of(*static_cast<const List*>(group.list.get()), i) : Ref();
    const Slot held = branch.done ? value : slot_of(error.give());
    push(list, slot_of(make_result(heap_, branch.done, branch.done ? kind : Kind::kRef, held,
                                   std::move(item))
                           .give()));
  }
  return Value(std::move(owner));
}

/// Of those that raced one has won; what became of the others does not matter any more.
void Execution::first_ended(Fiber& parent, Group& group) {
  if (group.winner == kNone) {
    return go_on_raising(parent, make_error("ProgramError", "none of several waits has ended"));
  }
  Value& result = group.branches[group.winner].result;
  const bytecode::Instruction& at = *parent.top().pc;
  parent.registers()[at.a].i = group.winner;
  const Kind kind = result.kind();
  go_on_with(parent, at.b, Value(boxed(heap_, kind, result.give())));
}

void Execution::group_ended(Group& ended) {
  const std::unique_ptr<Group> owner = std::move(groups_.at(ended.id));
  groups_.erase(owner->id);
  Group& group = *owner;
  Fiber& parent = *find_fiber(group.parent);
  pass_undo(group, parent);  // of one that unwinds: what a cancellation has left as it is
  if (group.lock_request != 0)
    send({next_request_++, request::Release{group.lock_request, *group.lock}});
  if (group.unwinds) return go_on(parent);
  // What came first counts: a branch that failed, or the interruption.
  Ref error = group.error ? group_error(group) : Ref();
  if (!error) error = take_interrupt(parent);
  if (!error) error = group_error(group);
  if (error) return go_on_raising(parent, std::move(error));
  if (group.policy == Group::Policy::kFirst) return first_ended(parent, group);
  if (group.failures > 0) tolerated_ = true;
  go_on_with(parent, parent.top().pc->a, group_result(group));
}

Fiber& Execution::new_fiber() {
  auto fiber = std::make_unique<Fiber>();
  fiber->id = next_fiber_++;
  heap_.charge(kFiberCost);
  return *fibers_.emplace(fiber->id, std::move(fiber)).first->second;
}

Fiber* Execution::find_fiber(uint64_t id) {
  const auto found = fibers_.find(id);
  return found == fibers_.end() ? nullptr : found->second.get();
}

}  // namespace rbk::vm
