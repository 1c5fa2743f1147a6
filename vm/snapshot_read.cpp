// A machine's state from bytes. Trusts nothing: what it takes could have been written by a machine
// that runs the same program, as far as the interpreter relies on it.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "vm/bytecode/op_table.h"
#include "vm/execution.h"
#include "vm/snapshot_format.h"
#include "vm/snapshot_objects.h"
#include "vm/wire_json.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::kNoRegister;
using bytecode::Op;
using bytecode::Reader;

namespace {

constexpr uint32_t kDeepestGroups = 1000;
constexpr int kDeepestUndo = 200;

}  // namespace

class SnapshotReader {
 public:
  SnapshotReader(Execution& run, std::string_view bytes)
      : run_(run), image_(run.image_), in_(bytes), objects_(in_, image_, most_bytes(run)) {}

  bool read() {
    // The limit is for what runs; what lives may be more when it was written.
    const uint64_t limit = std::exchange(run_.heap_.limit, UINT64_MAX);
    run_.heap_.most_visits = UINT64_MAX;
    objects_.read_all();
    if (!in_.failed()) state();
    const bool done = in_.done() && consistent();
    run_.heap_.limit = run_.memory_reserve_ ? limit + limit / 8 : limit;
    run_.heap_.most_visits = run_.limits_.fuel;
    run_.heap_.visits = 0;
    run_.heap_.fault = Fault::kNone;
    return done;
  }
  /// The table owns a reference to each object until then.
  void drop_table() { objects_.drop(); }

 private:
  static uint64_t most_bytes(const Execution& run) { return run.limits_.memory * 2 + (1 << 20); }

  bool need(bool condition) {
    if (!condition) in_.fail();
    return !in_.failed();
  }

  void state() {
    run_.begun_ = in_.flag();
    run_.ended_ = in_.flag();
    run_.cancelled_ = in_.flag();
    run_.kill_ = in_.flag();
    run_.rolling_back_ = in_.flag();
    run_.tolerated_ = in_.flag();
    run_.undo_failed_ = in_.flag();
    run_.committed_ = in_.flag();
    run_.memory_reserve_ = in_.flag();
    run_.undone_ = in_.number();
    run_.runbook_ = in_.index();
    run_.now_ = in_.integer();
    need(run_.now_ >= 0);
    run_.seed_ = in_.number();
    run_.draws_ = in_.number();
    for (uint64_t* next : {&run_.next_fiber_, &run_.next_group_, &run_.next_timer_,
                           &run_.next_step_, &run_.next_request_, &run_.next_run_}) {
      *next = in_.number_to(2 * Execution::kMostIds);
      need(*next != 0);
    }
    run_.root_ = in_.number();
    run_.info_.run = in_.text();
    run_.info_.url = in_.text();
    run_.info_.starter = in_.text();
    run_.info_.reason = in_.text();
    run_.info_.labels = get_object(in_);
    run_.info_.started = in_.integer();
    const size_t overrides = in_.count();
    for (size_t i = 0; i < overrides && !in_.failed(); ++i)
      run_.info_.overrides.push_back(in_.text());
    const size_t draws = in_.count();
    for (size_t i = 0; i < draws && !in_.failed(); ++i)
      run_.info_.draws.push_back(std::bit_cast<double>(in_.number()));
    run_.info_.drawn = in_.number();
    const size_t fibers = in_.count();
    for (size_t i = 0; i < fibers && !in_.failed(); ++i) fiber();
    const size_t groups = in_.count();
    for (size_t i = 0; i < groups && !in_.failed(); ++i) group();
    const size_t requests = in_.count();
    for (size_t i = 0; i < requests && !in_.failed(); ++i) pending();
    undo(run_.unfinished_);
    for (const UndoEntry& entry : run_.unfinished_) need(is_unfinished(entry));
    need(run_.unfinished_.empty() || !run_.ended_);
    const size_t signals = in_.count(4);
    need(signals <= kMostSignals);
    for (size_t i = 0; i < signals && !in_.failed(); ++i) signal();
    used_ = in_.number();
  }

  void signal() {
    event::Signalled& signal = run_.signals_.emplace_back();
    signal.name = in_.text();
    signal.payload = get_json(in_);
    signal.sender = in_.text();
    signal.groups.resize(in_.count());
    for (std::string& group : signal.groups) group = in_.text();
  }

  void step(StepEntry& entry) {
    const uint64_t stored = in_.number_to(kNone);
    entry.step = stored == 0 ? kNone : static_cast<uint32_t>(stored - 1);
    need(entry.step == kNone || entry.step < image_.program().steps.size());
    entry.number = in_.number();
    entry.path = in_.text();
    entry.attempt = in_.index();
    entry.performed = in_.index();
    entry.last_perform = in_.number();
    entry.generation = in_.index();
    entry.skipped = in_.flag();
  }

  bool undoes(const Ref& object) {
    const Closure* closure = closure_of(object.get());
    return closure != nullptr && closure->size == image_.code(closure->function).parameters;
  }

  /// One rollback, perhaps under locks.
  static bool is_unfinished(const UndoEntry& entry) {
    const UndoEntry* at = &entry;
    while (at->lock && at->branches.size() == 1 && at->branches.front().size() == 1)
      at = &at->branches.front().front();
    return !at->is_defer && at->branches.empty();
  }

  std::optional<Lock> lock() {
    if (!in_.flag()) return std::nullopt;
    Lock lock;
    lock.space = static_cast<Lock::Space>(in_.number_to(2));
    lock.name = in_.text();
    lock.limit = in_.integer();
    need(lock.limit >= 1 && !lock.name.empty());
    return lock;
  }
  /// Of an Acquire that was answered.
  RequestId held() {
    const RequestId held = in_.number();
    need(held < run_.next_request_);
    return held;
  }

  /// What stands above a held lock came after it: so an inner one is freed before an outer one.
  static bool holds_in_order(const Fiber& fiber) {
    uint64_t least = 0;
    for (const UndoEntry& entry : fiber.undo) {
      if (entry.serial < least || (entry.held != 0 && entry.serial > fiber.next_serial))
        return false;
      if (entry.held != 0) least = entry.serial;
    }
    return least <= fiber.next_serial;
  }

  /// `may_hold`: held locks may stand among them.
  void undo(std::vector<UndoEntry>& entries, bool may_hold = false, int depth = 0) {
    if (!need(depth < kDeepestUndo)) return;
    const size_t count = in_.count(8);
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      UndoEntry entry;
      entry.serial = in_.number_to(MarkHeights::kMostSerial);
      entry.is_defer = in_.flag();
      entry.closure = objects_.object();
      entry.path = in_.text();
      entry.step = in_.number();
      entry.lock = lock();
      entry.held = held();
      const size_t branches = in_.count();
      for (size_t k = 0; k < branches && !in_.failed(); ++k) {
        undo(entry.branches.emplace_back(), false, depth + 1);
        need(!entry.branches.back().empty());
      }
      if (entry.held != 0) {
        if (!need(may_hold && entry.lock && !entry.closure && entry.branches.empty())) return;
      } else {
        need(entry.branches.empty() ? undoes(entry.closure) && !entry.lock : !entry.closure);
        need(!entry.lock || entry.branches.size() == 1);
      }
      run_.heap_.used += undo_cost(entry);
      entries.push_back(std::move(entry));
    }
  }

  static const Closure* closure_of(const Object* object) {
    return object != nullptr && object->tag == Tag::kClosure ? static_cast<const Closure*>(object)
                                                             : nullptr;
  }

  // ---- Fibers

  bool is_instruction(const Code& code, uint32_t pc) {
    const auto& list = code.function->code;
    if (pc >= list.size()) return false;
    uint32_t at = 0;
    while (at < pc) at += bytecode::info(list[at].op).words();
    return at == pc;
  }

  void frame(Fiber& fiber, bool first) {
    const uint32_t function = in_.index();
    if (!need(function < image_.program().functions.size())) return;
    const Code& code = image_.code(function);
    const uint32_t pc = in_.index();
    const uint64_t purpose = in_.number_to(static_cast<uint64_t>(Frame::Purpose::kUndo));
    if (!need(is_instruction(code, pc) && !code.pure)) return;
    const auto use = static_cast<Frame::Purpose>(purpose);
    need(first ? use != Frame::Purpose::kCall : use != Frame::Purpose::kRoot);
    if (!first && !in_.failed()) {
      const bytecode::Instruction& below = *fiber.top().pc;
      const Code& caller = *fiber.top().code;
      if (use == Frame::Purpose::kUndo) {
        need(below.op == Op::kUnwind);
      } else if (below.op == Op::kCallClosure) {
        need(below.a == kNoRegister ||
             caller.kinds[below.a] == (code.has_result ? code.result : Kind::kRef));
      } else {
        need(below.op == Op::kCall && below.b == function);
      }
    }
    if (in_.failed() || !need(run_.grow(fiber, code.registers))) return;
    run_.enter(fiber, code, use);
    Frame& made = fiber.top();
    made.pc = code.code + pc;
    Slot* registers = fiber.registers();
    for_each_kept(code, made.pc, [&](uint32_t i) { registers[i] = objects_.slot(code.kinds[i]); });
  }

  void fiber() {
    const uint64_t id = in_.number();
    if (!need(id != 0 && id < run_.next_fiber_ && !run_.fibers_.contains(id))) return;
    auto& owner = run_.fibers_[id];
    owner = std::make_unique<Fiber>();
    Fiber& fiber = *owner;
    fiber.id = id;
    run_.heap_.used += kFiberCost;
    fiber.group = in_.number();
    fiber.branch = in_.index();
    fiber.level = static_cast<uint32_t>(in_.number_to(kDeepestGroups));
    const size_t frames = in_.count(3);
    for (size_t i = 0; i < frames && !in_.failed(); ++i) frame(fiber, i == 0);
    fiber.steps.resize(in_.count(6));
    for (StepEntry& entry : fiber.steps) step(entry);
    fiber.items.resize(in_.count(2));
    for (ItemEntry& item : fiber.items) {
      item.text = in_.text();
      item.depth = in_.index();
    }
    need(fiber.items.size() <= MarkHeights::kMostItems);
    undo(fiber.undo, true);
    undo(fiber.kept);
    need(fiber.kept.empty() || (id == run_.root_ && run_.rolling_back_));
    undoings(fiber);
    timers(fiber);
    fiber.next_serial = in_.number_to(MarkHeights::kMostSerial);
    need(holds_in_order(fiber));
    fiber.shield = in_.index();
    fiber.base_shield = in_.index();
    step(fiber.outer);
    step(fiber.last_step);
    const uint64_t wait = in_.number_to(static_cast<uint64_t>(Fiber::Wait::kFailure));
    fiber.wait = static_cast<Fiber::Wait>(wait);
    fiber.request = in_.number();
    fiber.waits_for_group = in_.number();
    fiber.stop_sent = in_.flag();
    fiber.kill_sent = in_.flag();
    fiber.cancel = in_.flag();
    fiber.cancel_taken = in_.flag();
    fiber.leave = in_.flag();
    fiber.leaving = in_.flag();
    fiber.cancel_reason = in_.text();
    fiber.unwinding = in_.flag();
    fiber.failed = in_.flag();
    fiber.error = objects_.object();
    if (in_.failed()) return;
    need(!fiber.failed || (fiber.error && fiber.error->tag == Tag::kError));
    need(fiber.depth == 0 || fiber.unwinding == (fiber.frames[0].purpose == Frame::Purpose::kUndo));
    need(fiber.shield >= fiber.base_shield && fiber.shield <= MarkHeights::kMostShields);
    if (fiber.wait != Fiber::Wait::kNothing && fiber.depth > 0) run_.charge_stack(fiber);
  }

  void undoings(Fiber& fiber) {
    const size_t count = in_.count(7);
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      Undoing undoing;
      undoing.is_defer = in_.flag();
      undoing.closure = objects_.object();
      undoing.path = in_.text();
      undoing.step = in_.number();
      undoing.steps = in_.index();
      undoing.items = in_.index();
      undoing.shield = in_.index();
      undoing.serial = in_.number();
      need(undoes(undoing.closure) && undoing.steps < fiber.steps.size() &&
           undoing.items <= fiber.items.size());
      need(undoing.shield <= MarkHeights::kMostShields);
      fiber.undoing.push_back(std::move(undoing));
    }
    const auto undo_frames =
        std::count_if(fiber.frames.begin(), fiber.frames.begin() + fiber.depth,
                      [](const Frame& f) { return f.purpose == Frame::Purpose::kUndo; });
    need(fiber.undoing.size() == static_cast<size_t>(undo_frames) &&
         fiber.undoing.size() <= MarkHeights::kMostUndoing &&
         fiber.steps.size() <= MarkHeights::kMostOwnSteps + fiber.undoing.size());
  }

  void timers(Fiber& fiber) {
    const size_t count = in_.count(6);
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      Timer timer;
      timer.id = in_.number();
      timer.request = in_.number();
      timer.until = in_.integer();
      timer.shield = in_.index();
      timer.frames = in_.index();
      timer.due = in_.flag();
      need(timer.until >= 0 && timer.id != 0 && timer.id < run_.next_timer_ &&
           timer.due == (timer.request == 0) && run_.find_timer(fiber, timer.id) == nullptr);
      fiber.timers.push_back(timer);
    }
  }

  // ---- Groups

  void group() {
    const uint64_t id = in_.number();
    if (!need(id != 0 && id < run_.next_group_ && !run_.groups_.contains(id))) return;
    auto& owner = run_.groups_[id];
    owner = std::make_unique<Group>();
    Group& group = *owner;
    group.id = id;
    group.parent = in_.number();
    group.unwinds = in_.flag();
    group.tolerated = in_.number();
    group.limit = in_.number();
    group.next = in_.index();
    group.failures = in_.index();
    group.closed = in_.flag();
    group.interrupted = in_.flag();
    const uint64_t winner = in_.number_to(kNone);
    group.winner = winner == 0 ? kNone : static_cast<uint32_t>(winner - 1);
    group.list = objects_.object();
    group.body = objects_.object();
    group.item = objects_.object();
    const size_t bodies = in_.count();
    for (size_t i = 0; i < bodies && !in_.failed(); ++i) group.bodies.push_back(objects_.object());
    group.error = objects_.object();
    need(!group.error || group.error->tag == Tag::kError);
    group.lock = lock();
    group.lock_request = held();
    need(group.lock ? group.unwinds : group.lock_request == 0);
    const size_t branches = in_.count(5);
    for (size_t i = 0; i < branches && !in_.failed(); ++i) {
      Group::Branch& branch = group.branches.emplace_back();
      branch.fiber = in_.number();
      branch.done = in_.flag();
      const Kind kind = objects_.kind();
      branch.result = Value(kind, objects_.slot(kind));
      undo(branch.undo);
    }
  }

  /// What the instruction that waits for it says of a group.
  bool group_fits(Group& group) {
    const Fiber* parent = run_.find_fiber(group.parent);
    if (parent == nullptr || parent->wait != Fiber::Wait::kGroup ||
        parent->waits_for_group != group.id || group.next > group.branches.size()) {
      return false;
    }
    for (uint32_t i = 0; i < group.branches.size(); ++i) {
      const Group::Branch& branch = group.branches[i];
      const bool may_hold_undo = branch.fiber == 0 && (i < group.next || group.unwinds);
      if (!branch.undo.empty() && !may_hold_undo) return false;
      if (branch.fiber == 0) continue;
      const Fiber* fiber = run_.find_fiber(branch.fiber);
      if (fiber == nullptr || fiber->group != group.id || fiber->branch != i || i >= group.next ||
          fiber->level != parent->level + 1) {
        return false;
      }
      ++group.running;
    }
    if (group.running == 0) return false;
    if (group.winner != kNone &&
        (group.unwinds || group.winner >= group.next || !group.branches[group.winner].done)) {
      return false;
    }
    if (group.lock && group.branches.size() != 1) return false;
    if (group.unwinds) {
      return parent->depth == 0 ? parent->unwinding : parent->top().pc->op == Op::kUnwind;
    }
    if (parent->depth == 0) return false;
    const bytecode::Instruction* at = parent->top().pc;
    if (at[0].op == Op::kWaitFirst) {
      group.policy = Group::Policy::kFirst;
      return at[1].a == group.branches.size() && bodies_fit(group, true) && results_fit(group);
    }
    if (at[0].op != Op::kParallelFor && at[0].op != Op::kParallelBlock) return false;
    if (group.winner != kNone) return false;
    const bool is_block = at->op == Op::kParallelBlock;
    group.policy = static_cast<Group::Policy>(at[1].c);
    group.result_type = is_block ? at[1].a : at[1].b;
    return bodies_fit(group, is_block) && results_fit(group);
  }

  bool bodies_fit(const Group& group, bool is_block) {
    if (is_block) {
      return !group.list && !group.body && !group.item &&
             group.bodies.size() == group.branches.size() &&
             std::all_of(group.bodies.begin(), group.bodies.end(), [&](const Ref& body) {
               return run_.fits_branch(body.get(), group.result_type, group.policy, nullptr);
             });
    }
    const auto* list = group.list && group.list->tag == Tag::kList
                           ? static_cast<const List*>(group.list.get())
                           : nullptr;
    return list != nullptr && list->items.size() == group.branches.size() && group.bodies.empty() &&
           run_.fits_branch(group.body.get(), group.result_type, group.policy, list) &&
           (!group.item || run_.names_item(group.item.get(), list));
  }

  bool results_fit(const Group& group) {
    const Kind element = group.policy == Group::Policy::kFirst
                             ? Kind::kRef
                             : image_.kind(image_.type(group.result_type).element);
    for (uint32_t i = 0; i < group.next; ++i) {
      const Group::Branch& branch = group.branches[i];
      const Kind kind = branch.result.kind();
      if (branch.fiber != 0) {
        const Fiber& fiber = *run_.find_fiber(branch.fiber);
        if (fiber.depth == 0 || fiber.frames[0].purpose != Frame::Purpose::kRoot) continue;
        const Code& code = *fiber.frames[0].code;
        if (element != Kind::kRef && (!code.has_result || code.result != element)) return false;
      } else if (branch.done) {
        if (element != Kind::kRef && kind != element) return false;
      } else if (kind != Kind::kRef || branch.result.slot().o == nullptr ||
                 branch.result.slot().o->tag != Tag::kError) {
        return false;
      }
    }
    return true;
  }

  // ---- Requests

  void request(request::Perform& perform) {
    perform.action = in_.index();
    need(perform.action < image_.program().actions.size());
    perform.arguments = get_object(in_);
    perform.behaviour = static_cast<bytecode::Behaviour>(in_.number_to(2));
    perform.doubt = static_cast<bytecode::Doubt>(in_.number_to(5));
    const bool limited = in_.flag();
    const int64_t timeout = in_.integer();
    if (limited) perform.timeout = timeout;
    perform.path = in_.text();
    perform.step = in_.number();
    perform.attempt = in_.index();
    perform.generation = in_.index();
  }
  void request(request::Sleep& sleep) { sleep.until = in_.integer(); }
  void request(request::Approve& approve) {
    approve.path = in_.text();
    approve.description = get_json(in_);
    const bool limited = in_.flag();
    const int64_t expires = in_.integer();
    if (limited) approve.expires = expires;
    approve.is_question = in_.flag();
  }
  void request(request::AskDoubt& doubt) {
    doubt.perform = in_.number();
    doubt.path = in_.text();
  }

  void request(request::AskFailure& failure) {
    failure.path = in_.text();
    failure.step = in_.number();
    failure.error = get_error(in_);
    failure.in_doubt = in_.flag();
    const uint64_t type = in_.number_to(image_.program().types.size());
    failure.type = type == 0 ? kNone : static_cast<bytecode::TypeId>(type - 1);
    failure.by = get_json(in_);
  }

  void request(request::AwaitSignal& signal) {
    signal.path = in_.text();
    signal.name = in_.text();
    signal.by = get_json(in_);
    const bool limited = in_.flag();
    const int64_t expires = in_.integer();
    if (limited) signal.expires = expires;
  }

  void request(request::Acquire& acquire) {
    acquire.path = in_.text();
    const std::optional<Lock> wanted = lock();
    if (!need(wanted.has_value())) return;
    acquire.lock = *wanted;
    acquire.mode = static_cast<request::Acquire::Mode>(in_.number_to(2));
    const bool limited = in_.flag();
    const int64_t until = in_.integer();
    if (limited) acquire.until = until;
    acquire.unwinds = in_.flag();
    under(acquire.under);
  }
  void under(std::vector<RequestId>& locks) {
    locks.resize(in_.count());
    for (RequestId& one : locks) one = held();
  }

  void request(request::Start& start) {
    start.runbook = in_.index();
    if (!need(start.runbook < image_.program().runbooks.size())) return;
    const size_t count = in_.count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) start.arguments.push_back(get_json(in_));
    need(count == image_.program().runbooks[start.runbook].parameters.size());
    start.run = in_.text();
    const size_t overrides = in_.count();
    for (size_t i = 0; i < overrides && !in_.failed(); ++i) start.overrides.push_back(in_.text());
    start.path = in_.text();
    start.step = in_.number();
    start.attempt = in_.index();
    under(start.under);
  }
  void request(request::UndoRun& undo) {
    undo.run = in_.text();
    undo.path = in_.text();
    under(undo.under);
  }

  void pending() {
    const RequestId id = in_.number();
    if (!need(id != 0 && id < run_.next_request_ && !run_.pending_.contains(id))) return;
    Pending& pending = run_.pending_[id];
    pending.request.id = id;
    pending.fiber = in_.number();
    pending.timer = in_.number();
    pending.bound_fiber = in_.number();
    pending.bound_timer = in_.number();
    switch (in_.byte()) {
      case 0:
        return request(pending.request.what.emplace<request::Perform>());
      case 2:
        return request(pending.request.what.emplace<request::Sleep>());
      case 3:
        return request(pending.request.what.emplace<request::Approve>());
      case 4:
        return request(pending.request.what.emplace<request::AskDoubt>());
      case 6:
        return request(pending.request.what.emplace<request::AwaitSignal>());
      case 7:
        return request(pending.request.what.emplace<request::Acquire>());
      case 9:
        return request(pending.request.what.emplace<request::Start>());
      case 11:
        return request(pending.request.what.emplace<request::UndoRun>());
      case 12:
        return request(pending.request.what.emplace<request::AskFailure>());
      default:
        in_.fail();
    }
  }

  // ---- The whole

  /// A fiber waits for what the instruction at which it stands asks for.
  bool wait_fits(const Fiber& fiber) {
    if (fiber.wait == Fiber::Wait::kNothing) {
      return run_.ended_ && fiber.id == run_.root_ && fiber.depth == 0;
    }
    if (run_.ended_) return false;
    if (fiber.wait == Fiber::Wait::kGroup) return run_.groups_.contains(fiber.waits_for_group);
    const bool is_lock = fiber.wait == Fiber::Wait::kLock;
    if (fiber.depth == 0 && !is_lock) return false;
    const auto found = run_.pending_.find(fiber.request);
    if (found == run_.pending_.end() || found->second.fiber != fiber.id ||
        found->second.timer != 0) {
      return false;
    }
    const auto& what = found->second.request.what;
    if (is_lock && fiber.depth == 0) return undoes_under(fiber, what);
    const bytecode::Instruction& at = *fiber.top().pc;
    switch (fiber.wait) {
      case Fiber::Wait::kPerform: {
        const auto* perform = std::get_if<request::Perform>(&what);
        return perform != nullptr && at.op == Op::kPerform && perform->action == at.b;
      }
      case Fiber::Wait::kSleep:
        return std::holds_alternative<request::Sleep>(what) &&
               (at.op == Op::kSleep || at.op == Op::kSleepUntil);
      case Fiber::Wait::kApprove: {
        const auto* approve = std::get_if<request::Approve>(&what);
        return approve != nullptr && at.op == (approve->is_question ? Op::kAsk : Op::kApprove);
      }
      case Fiber::Wait::kSignal: {
        const auto* signal = std::get_if<request::AwaitSignal>(&what);
        return signal != nullptr && at.op == Op::kWaitSignal &&
               signal->name == image_.program().constants[at.b].text;
      }
      case Fiber::Wait::kLock: {
        const auto* acquire = std::get_if<request::Acquire>(&what);
        return acquire != nullptr && at.op == Op::kLock && !acquire->unwinds &&
               static_cast<uint16_t>(acquire->lock.space) == (&at)[1].a;
      }
      case Fiber::Wait::kRun: {
        if (std::holds_alternative<request::UndoRun>(what)) return at.op == Op::kUndoRun;
        const auto* start = std::get_if<request::Start>(&what);
        return start != nullptr && at.op == Op::kStart && (&at)[1].b == 0 &&
               run_.is_start_of(at, start->runbook);
      }
      case Fiber::Wait::kDoubt:
        return std::holds_alternative<request::AskDoubt>(what) && at.op == Op::kAskDoubt;
      case Fiber::Wait::kFailure:
        return std::holds_alternative<request::AskFailure>(what) && at.op == Op::kAskFailure &&
               !fiber.steps.empty();
      default:
        return false;
    }
  }

  /// What a branch is to undo waits for the lock that it is undone under.
  bool undoes_under(const Fiber& fiber, const decltype(Request::what)& what) {
    const auto* acquire = std::get_if<request::Acquire>(&what);
    const auto group = run_.groups_.find(fiber.group);
    return acquire != nullptr && acquire->unwinds && !acquire->until && fiber.unwinding &&
           group != run_.groups_.end() && group->second->lock_request == fiber.request &&
           group->second->lock->same(acquire->lock);
  }

  bool consistent() {
    if (!run_.begun_) {
      return run_.fibers_.empty() && run_.groups_.empty() && run_.pending_.empty() && !run_.ended_;
    }
    const bytecode::Program& program = image_.program();
    if (run_.runbook_ >= program.runbooks.size() || !run_.fibers_.contains(run_.root_))
      return false;
    for (auto& [id, group] : run_.groups_) {
      if (!group_fits(*group)) return false;
    }
    for (auto& [id, fiber] : run_.fibers_) {
      if (!wait_fits(*fiber)) return false;
      if ((fiber->group == 0) != (id == run_.root_)) return false;
      if (fiber->group == 0 && fiber->level != 0) return false;
      if (fiber->group != 0) {
        const auto group = run_.groups_.find(fiber->group);
        if (group == run_.groups_.end() || fiber->branch >= group->second->branches.size() ||
            group->second->branches[fiber->branch].fiber != id) {
          return false;
        }
      }
      for (const Timer& timer : fiber->timers) {
        const auto found = run_.pending_.find(timer.request);
        if (timer.due) continue;
        if (found == run_.pending_.end() || found->second.fiber != id ||
            found->second.timer != timer.id ||
            !std::holds_alternative<request::Sleep>(found->second.request.what)) {
          return false;
        }
      }
    }
    for (const auto& [id, pending] : run_.pending_) {
      Fiber* fiber = run_.find_fiber(pending.fiber);
      if (fiber == nullptr) return false;
      const Timer* timer = pending.timer == 0 ? nullptr : run_.find_timer(*fiber, pending.timer);
      if (pending.timer == 0 ? fiber->request != id : timer == nullptr || timer->request != id) {
        return false;
      }
    }
    const Fiber& root = *run_.fibers_.at(run_.root_);
    if (root.depth > 0 && root.frames[0].purpose == Frame::Purpose::kRoot &&
        root.frames[0].code->index != program.runbooks[run_.runbook_].function) {
      return false;
    }
    return true;
  }

 public:
  uint64_t used() const { return used_; }

 private:
  Execution& run_;
  Image& image_;
  Reader in_;
  ObjectReader objects_;
  uint64_t used_ = 0;
};

Status Execution::restore(std::string_view bytes) {
  constexpr std::string_view kCure = "it is thrown away, and the run's journal replayed";
  const auto damaged = [&](std::string_view how) {
    return fail(ErrorKind::kCorrupt, fmt::format("the snapshot is damaged: {}", how),
                std::string(kCure));
  };
  constexpr size_t kDigest = std::tuple_size_v<Digest>;
  if (!bytes.starts_with(kSnapshotMagic)) return damaged("it does not begin with RBKS");
  Reader head(bytes.substr(kSnapshotMagic.size()));
  const uint64_t version = head.number();
  if (!head.failed() && version != kSnapshotVersion) {
    return fail(
        ErrorKind::kUnsupported,
        fmt::format("the snapshot has format {}; this rbk reads {}", version, kSnapshotVersion),
        std::string(kCure));
  }
  if (head.failed() || head.left() < 2 * kDigest) return damaged("it ends too early");
  const std::string_view body = bytes.substr(0, bytes.size() - kDigest);
  const Digest digest = sha256(body);
  if (std::string_view(reinterpret_cast<const char*>(digest.data()), kDigest) !=
      bytes.substr(body.size())) {
    return damaged("its checksum does not fit");
  }
  const std::string_view rest = body.substr(bytes.size() - head.left());
  const Digest& program = image_.content_hash();
  if (rest.substr(0, kDigest) !=
      std::string_view(reinterpret_cast<const char*>(program.data()), kDigest)) {
    return fail(ErrorKind::kInvalid, "the snapshot is of another program", std::string(kCure));
  }
  SnapshotReader reader(*this, rest.substr(kDigest));
  if (!reader.read()) return damaged("it does not decode");
  reader.drop_table();
  if (heap_.used != reader.used()) return damaged("its sums do not fit");
  return {};
}

}  // namespace rbk::vm
