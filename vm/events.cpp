// What happened comes in; the fibers that it concerns go on until all wait again.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/units.h"
#include "vm/bytecode/op_table.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::kNoRegister;

Execution::Execution(std::shared_ptr<const bytecode::Program> program, Limits limits)
    : limits_(limits), image_(std::move(program), heap_) {
  constexpr uint64_t kMostMemory = uint64_t{3} << 30;  // sizes of objects have 32 bits
  limits_.memory = std::min(limits_.memory, kMostMemory);
  limits_.fuel = std::clamp<uint64_t>(limits_.fuel, 1, uint64_t{1} << 62);
  limits_.call_depth = std::max<uint32_t>(limits_.call_depth, 1);
  heap_.limit = limits_.memory;
  heap_.most_visits = limits_.fuel;
}

Execution::~Execution() {
  // Registers are not owned by objects of C++: give back what they hold.
  for (auto& [id, fiber] : fibers_) {
    while (fiber->depth > 0) pop_frame(*fiber);
  }
}

// ---- One turn

Result<Turn> Execution::deliver(const Event& event) {
  if (event.time < now_) {
    return fail(ErrorKind::kInvalid,
                fmt::format("an event of time {} comes after one of time {}", event.time, now_));
  }
  if (std::max({next_fiber_, next_group_, next_timer_, next_step_, next_request_}) > kMostIds) {
    return fail(ErrorKind::kLimit, "the run has asked for more than it can number");
  }
  turn_ = Turn();
  fuel_ = static_cast<int64_t>(limits_.fuel);
  fuel_reserve_ = false;
  heap_.visits = 0;
  heap_.most_visits = limits_.fuel;
  heap_.sent = 0;
  const int64_t before = std::exchange(now_, event.time);
  const Status taken = std::visit([this](const auto& what) { return take(what); }, event.what);
  if (!taken) {
    now_ = before;
    heap_.fault = Fault::kNone;
    return tl::unexpected(taken.error());
  }
  run_ready();
  return std::move(turn_);
}

void Execution::run_ready() {
  while (!ready_.empty() && !aborted_) {
    Fiber* fiber = find_fiber(ready_.front());
    ready_.pop_front();
    if (fiber != nullptr) run_fiber(*fiber);
  }
  fiber_ = nullptr;
  if (aborted_) {
    abort_run(make_limit_error("the run has computed too long without waiting, clean-up included"));
  }
}

/// Until it waits or has ended, and has undone what it must.
void Execution::run_fiber(Fiber& fiber) {
  if (fiber.depth > 0 && interpret(fiber) == Run::kWaits) return;
  while (!aborted_) {
    // What a failed function has left on the undo stack is undone here.
    if (fiber.failed) fiber.unwinding = true;
    if (!fiber.unwinding) break;
    const Undo next = undo_next(fiber, 0, false);
    if (next == Undo::kNone) break;
    if (next == Undo::kWaits || interpret(fiber) == Run::kWaits) return;
  }
  if (!aborted_) end_fiber(fiber);
}

void Execution::end_fiber(Fiber& fiber) {
  end_locks(fiber, 0);
  while (!fiber.timers.empty()) stop_timer(fiber, fiber.timers.back().id);
  if (fiber.failed) {
    cut_back(fiber, MarkHeights{}, fiber.error.get());
  } else {
    fiber.steps.clear();
  }
  fiber.items.clear();
  fiber.unwinding = false;
  if (fiber.group != 0) return branch_ended(fiber);
  run_ended(fiber);
}

void Execution::run_ended(Fiber& fiber) {
  ended_ = true;
  std::move(fiber.undo.begin(), fiber.undo.end(), std::back_inserter(fiber.kept));
  fiber.undo = std::move(fiber.kept);
  fiber.kept.clear();
  // What failed first is the newest.
  std::move(unfinished_.rbegin(), unfinished_.rend(), std::back_inserter(fiber.undo));
  unfinished_.clear();
  const bool left = std::any_of(fiber.undo.begin(), fiber.undo.end(),
                                [](const UndoEntry& entry) { return !entry.is_defer; });
  Ending ending;
  using Status = Ending::Status;
  if (rolling_back_) {
    rolling_back_ = false;
    ending.status = undo_failed_ ? Status::kRollbackFailed : Status::kSucceeded;
    ending.rolled_back = !undo_failed_ && !left;
  } else if (fiber.failed) {
    const bool was_cancelled =
        static_cast<const ErrorObject*>(fiber.error.get())->reach == Reach::kCancel;
    ending.status = was_cancelled ? Status::kCancelled : Status::kFailed;
    if (undo_failed_) ending.status = Status::kRollbackFailed;
    ending.rolled_back = undone_ > 0 && !left && !undo_failed_ && !committed_;
    ending.error = outside(fiber.error.get());
  } else {
    ending.status = undo_failed_ ? Status::kRollbackFailed
                    : tolerated_ ? Status::kPartial
                                 : Status::kSucceeded;
    ending.output = to_outside(image_, fiber.result.slot(), fiber.result.kind());
    heap_.fault = Fault::kNone;
  }
  for (const event::Signalled& signal : std::exchange(signals_, {})) {
    Mark mark;
    mark.level = "warn";
    mark.text =
        fmt::format("nothing waited for the signal `{}` that {} sent", signal.name, signal.sender);
    tell(std::move(mark));
  }
  fiber.failed = false;
  fiber.error = Ref();
  fiber.result = Value();
  turn_.ending = std::move(ending);
}

/// Past every limit: nothing of the run can go on. What it waits for is given up.
void Execution::abort_run(Ref error) {
  aborted_ = false;
  ended_ = true;
  ready_.clear();
  const std::map<RequestId, Pending> given_up = std::move(pending_);
  pending_.clear();
  for (const auto& [id, pending] : given_up) {
    if (std::holds_alternative<request::Perform>(pending.request.what)) {
      turn_.requests.push_back({next_request_++, request::Stop{id}});
    } else if (std::holds_alternative<request::Start>(pending.request.what)) {
      turn_.requests.push_back({next_request_++, request::CancelRun{id}});
    } else {
      turn_.requests.push_back({next_request_++, request::Forget{id}});
    }
  }
  for (auto& [id, group] : groups_) {
    for (Group::Branch& branch : group->branches) drop_undo(branch.undo);
  }
  groups_.clear();
  signals_.clear();
  std::vector<UndoEntry> undo = std::move(fibers_.at(root_)->undo);
  fibers_.at(root_)->undo.clear();
  for (size_t i = undo.size(); i-- > 0;) {
    if (undo[i].held != 0) end_lock(undo, i);  // with the run's end it is free
  }
  for (auto& [id, fiber] : fibers_) {
    while (fiber->depth > 0) pop_frame(*fiber);
    heap_.used -= std::exchange(fiber->charged, 0);
    drop_undo(fiber->undo);
    drop_undo(fiber->kept);
  }
  heap_.used -= kFiberCost * (fibers_.size() - 1);
  std::erase_if(fibers_, [this](const auto& entry) { return entry.first != root_; });
  Fiber& root = *fibers_.at(root_);
  root = Fiber();
  root.id = root_;
  root.undo = std::move(undo);
  std::move(unfinished_.rbegin(), unfinished_.rend(), std::back_inserter(root.undo));
  unfinished_.clear();
  root.next_serial = uint64_t{1} << 31;
  Ending ending;
  ending.status = Ending::Status::kFailed;
  ending.error = outside(error.get());
  turn_.ending = std::move(ending);
}

// ---- Events

Pending* Execution::waiting(RequestId request, Fiber::Wait wait) {
  const auto found = pending_.find(request);
  if (found == pending_.end()) return nullptr;
  Fiber* fiber = find_fiber(found->second.fiber);
  if (fiber == nullptr || fiber->request != request || fiber->wait != wait) return nullptr;
  return &found->second;
}

namespace {

Status nothing_waits(RequestId request) {
  return fail(ErrorKind::kInvalid, fmt::format("nothing waits for an answer to {}", request));
}

}  // namespace

Result<std::vector<Value>> Execution::values_of(const bytecode::Runbook& runbook,
                                                const boost::json::array& arguments) {
  if (arguments.size() != runbook.parameters.size()) {
    return fail(ErrorKind::kInvalid, fmt::format("{} takes {} parameters, not {}", runbook.name,
                                                 runbook.parameters.size(), arguments.size()));
  }
  std::vector<Value> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Ref json = json_in(heap_, arguments[i]);
    Result<Value> value =
        read_json(image_, json.get(), runbook.parameters[i].type, Unknown::kIgnore, *this);
    if (!value || heap_.fault != Fault::kNone) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}: {}", runbook.parameters[i].name,
                              value ? "the value is too large" : value.error().message));
    }
    values.push_back(std::move(*value));
  }
  return values;
}

Status Execution::take(const event::Started& event) {
  const bytecode::Program& program = image_.program();
  if (begun_) return fail(ErrorKind::kInvalid, "the run has started already");
  if (event.runbook >= program.runbooks.size()) {
    return fail(ErrorKind::kInvalid, fmt::format("the program has {} runbooks, and no runbook {}",
                                                 program.runbooks.size(), event.runbook));
  }
  const bytecode::Runbook& runbook = program.runbooks[event.runbook];
  auto arguments = values_of(runbook, event.arguments);
  if (!arguments) return tl::unexpected(arguments.error());
  begun_ = true;
  runbook_ = event.runbook;
  info_ = {event.run,   event.url, event.starter, event.reason, event.labels, now_, event.overrides,
           event.draws, 0};
  seed_ = event.seed;
  Fiber& fiber = new_fiber();
  root_ = fiber.id;
  const Code& code = image_.code(runbook.function);
  if (!grow(fiber, code.registers)) {
    abort_run(make_limit_error("the runbook has too many registers"));
    return {};
  }
  for (const std::string& calendar : event.overrides) {
    Mark note;
    note.kind = Mark::Kind::kNote;
    note.text = fmt::format("runs although `{}` may be closed: {}", calendar, event.reason);
    tell(std::move(note));
  }
  enter(fiber, code, Frame::Purpose::kRoot);
  for (size_t i = 0; i < arguments->size(); ++i) fiber.registers()[i] = (*arguments)[i].give();
  ready_.push_back(fiber.id);
  return {};
}

/// The error of a Perform that did not end well.
Ref Execution::outcome_error(Fiber& fiber, const event::Performed& event,
                             const request::Perform& perform) {
  const std::string& action = image_.program().actions[perform.action].name;
  const bool reads = perform.behaviour == bytecode::Behaviour::kReads;
  using How = event::Performed::How;
  Ref error;
  switch (event.how) {
    case How::kOk:
      return {};
    case How::kError:
      // It has failed after the cancellation came: that one counts.
      error = cancel_waits(fiber)
                  ? take_cancel(fiber, "what was let finish failed: " + event.error.message)
                  : make_error(event.error);
      break;
    case How::kTimeout:
      error = take_interrupt(fiber);
      if (!error)
        error = make_error("Timeout",
                           action + " did not end " +
                               (perform.timeout ? "within " + format_duration(*perform.timeout)
                                                : std::string("in time")),
                           true);
      break;
    case How::kStopped:
      if (cancel_waits(fiber) && event.effect == Effect::kUnknown && !reads)
        error = take_cancel(fiber, "whether " + action + " took effect is not known");
      if (!error) error = take_interrupt(fiber);
      if (!error) error = make_error("Stopped", action + " was stopped");
      break;
    case How::kInDoubt: {
      const std::string why =
          "whether " + action + " took effect is not known: who ran it has died";
      error = cancel_waits(fiber) ? take_cancel(fiber, why) : make_error("InDoubt", why);
      break;
    }
    case How::kLeft:
      error = make_error(event.error);
      static_cast<ErrorObject*>(error.get())->reach = Reach::kLeave;
      break;
  }
  static_cast<ErrorObject*>(error.get())->in_doubt =
      event.how == How::kInDoubt || event.how == How::kLeft || event.effect == Effect::kUnknown;
  return error;
}

Status Execution::take(const event::Performed& event) {
  Pending* found = waiting(event.request, Fiber::Wait::kPerform);
  if (found == nullptr) return nothing_waits(event.request);
  const Pending pending = *found;
  pending_.erase(event.request);
  Fiber& fiber = *find_fiber(pending.fiber);
  const auto& perform = std::get<request::Perform>(pending.request.what);
  const bytecode::ActionImport& action = image_.program().actions[perform.action];
  if (event.how == event::Performed::How::kTimeout && pending.bound_timer != 0) {
    // It was the time of a scope around it that was up: the scope is told now, not when its own
    // timer's news comes. While it is told, this fiber no longer waits for anything.
    fiber.wait = Fiber::Wait::kNothing;
    if (Fiber* around = find_fiber(pending.bound_fiber)) {
      if (Timer* timer = find_timer(*around, pending.bound_timer); timer && timer->request != 0) {
        forget(timer->request);
        fire_timer(*around, pending.bound_timer);
      }
    }
  }
  if (event.how != event::Performed::How::kOk) {
    go_on_raising(fiber, outcome_error(fiber, event, perform));
    return {};
  }
  const uint16_t a = fiber.top().pc->a;
  if (action.result == kNone) {
    go_on_with(fiber, a, Value(Ref()));
    return {};
  }
  const Ref json = json_in(heap_, event.output);
  Result<Value> output = read_json(image_, json.get(), action.result, Unknown::kIgnore, *this);
  if (heap_.fault != Fault::kNone) {
    raise_fault();
    go_on_raising(fiber, std::move(raised_));
  } else if (!output) {
    go_on_raising(fiber, make_error("JsonError", "the output of " + action.name + ": " +
                                                     output.error().message));
  } else {
    go_on_with(fiber, a, std::move(*output));
  }
  return {};
}

Status Execution::take(const event::Woke& event) {
  const auto found = pending_.find(event.request);
  if (found == pending_.end()) return nothing_waits(event.request);
  const Pending pending = found->second;
  Fiber& fiber = *find_fiber(pending.fiber);
  if (pending.timer != 0) {
    pending_.erase(found);
    fire_timer(fiber, pending.timer);
    return {};
  }
  if (waiting(event.request, Fiber::Wait::kSleep) != nullptr) {
    pending_.erase(found);
    go_on_with(fiber, kNoRegister, Value());
    return {};
  }
  if (const auto* signal = std::get_if<request::AwaitSignal>(&pending.request.what)) {
    if (!signal->expires || waiting(event.request, Fiber::Wait::kSignal) == nullptr)
      return nothing_waits(event.request);
    Ref late = make_error("Timeout",
                          fmt::format("the signal `{}` did not come in time", signal->name), true);
    pending_.erase(found);
    go_on_raising(fiber, std::move(late));
    return {};
  }
  if (const auto* acquire = std::get_if<request::Acquire>(&pending.request.what)) {
    if (!acquire->until || waiting(event.request, Fiber::Wait::kLock) == nullptr)
      return nothing_waits(event.request);
    Ref late = make_error("Timeout",
                          fmt::format("{} was not free in time", describe(acquire->lock)), true);
    pending_.erase(found);
    go_on_raising(fiber, std::move(late));
    return {};
  }
  const auto* approve = std::get_if<request::Approve>(&pending.request.what);
  if (approve == nullptr || !approve->expires ||
      waiting(event.request, Fiber::Wait::kApprove) == nullptr) {
    return nothing_waits(event.request);
  }
  pending_.erase(found);
  if (approve->is_question) {
    const bytecode::Instruction* at = fiber.top().pc;
    if (at[1].b == 1)
      go_on_with(fiber, at->a, Value(Ref()));
    else
      go_on_raising(fiber, make_error("Timeout", "nobody answered in time", true));
    return {};
  }
  ErrorValue expired{"Rejected", "nobody decided in time", false, {}};
  expired.fields["by"] = boost::json::array();
  expired.fields["reason"] = "nobody decided in time";
  go_on_raising(fiber, make_error(expired));
  return {};
}

namespace {

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Status Execution::take(const event::Decided& event) {
  Pending* found = waiting(event.request, Fiber::Wait::kApprove);
  if (found == nullptr) return nothing_waits(event.request);
  Fiber& fiber = *find_fiber(found->fiber);
  const bool is_question = std::get<request::Approve>(found->request.what).is_question;
  if (!event.approved && is_question)
    return fail(ErrorKind::kInvalid, "a question is answered, not rejected");
  if (!event.approved) {
    ErrorValue rejected{"Rejected", "rejected", false, {}};
    if (!event.by.empty()) rejected.message += " by " + join(event.by);
    if (!event.reason.empty()) rejected.message += ": " + event.reason;
    rejected.fields["by"] = boost::json::array(event.by.begin(), event.by.end());
    rejected.fields["reason"] = event.reason;
    pending_.erase(event.request);
    go_on_raising(fiber, make_error(rejected));
    return {};
  }
  boost::json::object form = event.form;
  if (!is_question && !form.contains("approvers")) {
    form["approvers"] = boost::json::array(event.by.begin(), event.by.end());
  }
  const bytecode::Instruction& at = *fiber.top().pc;
  const Ref json = json_in(heap_, form);
  Result<Value> value = read_json(image_, json.get(), at.c, Unknown::kIgnore, *this);
  if (!value || heap_.fault != Fault::kNone) {
    return fail(ErrorKind::kInvalid,
                "the form: " + (value ? std::string("it is too large") : value.error().message),
                "give each of its fields a value of the field's type");
  }
  if (!event.reason.empty()) {
    const auto& approve = std::get<request::Approve>(found->request.what);
    Mark loud;
    loud.level = "warn";
    loud.path = approve.path;
    loud.step = innermost(fiber).number;
    loud.text = fmt::format("{} broke the glass and approved {} alone: {}", join(event.by),
                            approve.path, event.reason);
    tell(std::move(loud));
  }
  pending_.erase(event.request);
  go_on_with(fiber, at.a, std::move(*value));
  return {};
}

namespace {

tl::unexpected<Error> cannot_skip(const std::string& path) {
  return fail(ErrorKind::kInvalid,
              fmt::format("{} is part of undoing something, and can't be skipped", path),
              "let it end, or cancel the run with --now");
}

}  // namespace

/// A person leaves out a step whose call was not begun.
Status Execution::take_skip(const event::Resolved& event, const Pending& pending) {
  Fiber& fiber = *find_fiber(pending.fiber);
  const auto& perform = std::get<request::Perform>(pending.request.what);
  if (!fiber.undoing.empty() || fiber.steps.empty()) return cannot_skip(perform.path);
  const bytecode::ActionImport& action = image_.program().actions[perform.action];
  Value output(Ref{});
  if (action.result != kNone) {
    const Ref json = json_in(heap_, event.output);
    Result<Value> value = read_json(image_, json.get(), action.result, unknown_, *this);
    if (!value || heap_.fault != Fault::kNone)
      return fail(ErrorKind::kInvalid,
                  fmt::format("the output of {}: {}", perform.path,
                              value ? "it is too large" : value.error().message));
    output = std::move(*value);
  }
  const uint16_t a = fiber.top().pc->a;
  pending_.erase(event.request);
  fiber.steps.back().skipped = true;
  go_on_with(fiber, a, std::move(output));
  return {};
}

/// What a person says of a step that has failed.
Status Execution::take_failure(const event::Resolved& event, const Pending& pending) {
  Fiber& fiber = *find_fiber(pending.fiber);
  const auto& asked = std::get<request::AskFailure>(pending.request.what);
  const bytecode::Instruction& at = *fiber.top().pc;
  using How = event::Resolved::How;
  if (event.how == How::kFail || event.how == How::kLeave) {
    Ref made = make_error(asked.error);
    auto* error = static_cast<ErrorObject*>(made.get());
    error->in_doubt = asked.in_doubt;
    if (event.how == How::kLeave) error->reach = Reach::kLeave;
    pending_.erase(event.request);
    go_on_raising(fiber, std::move(made));
    return {};
  }
  Value output(Ref{});
  const bool skips = event.how == How::kSkip;
  if (skips && !fiber.undoing.empty()) return cannot_skip(asked.path);
  if (skips && fiber.steps.back().last_perform == 0)
    return fail(ErrorKind::kInvalid,
                fmt::format("{} is no call: what was done in it would not be undone if it were "
                            "skipped",
                            asked.path),
                "`rbk resolve` with `done` takes it for done, and keeps its rollbacks");
  const bool is_done = event.how == How::kDone || skips;
  if (is_done && at.a != kNoRegister) {
    const Ref json = json_in(heap_, event.output);
    Result<Value> value = read_json(image_, json.get(), at.c, unknown_, *this);
    if (!value || heap_.fault != Fault::kNone)
      return fail(ErrorKind::kInvalid,
                  fmt::format("the output of {}: {}", asked.path,
                              value ? "it is too large" : value.error().message));
    output = std::move(*value);
  }
  pending_.erase(event.request);
  if (!is_done) ++fiber.steps.back().generation;
  fiber.steps.back().skipped = skips;
  fiber.registers()[at.b].i = is_done ? 1 : 0;
  go_on_with(fiber, is_done ? at.a : kNoRegister, std::move(output));
  return {};
}

Status Execution::take(const event::Resolved& event) {
  if (const Pending* failure = waiting(event.request, Fiber::Wait::kFailure))
    return take_failure(event, *failure);
  if (event.how == event::Resolved::How::kSkip) {
    const Pending* perform = waiting(event.request, Fiber::Wait::kPerform);
    return perform == nullptr ? nothing_waits(event.request) : take_skip(event, *perform);
  }
  Pending* found = waiting(event.request, Fiber::Wait::kDoubt);
  if (found == nullptr) return nothing_waits(event.request);
  Fiber& fiber = *find_fiber(found->fiber);
  const bytecode::Instruction& at = *fiber.top().pc;
  const bytecode::ActionImport& action = image_.program().actions[at.c];
  using How = event::Resolved::How;
  if (event.how == How::kFail || event.how == How::kLeave) {
    pending_.erase(event.request);
    Ref error =
        make_error("InDoubt", fmt::format("{} {}", event.by.empty() ? "a person" : event.by,
                                          event.how == How::kFail
                                              ? fmt::format("said that {} failed", action.name)
                                              : fmt::format("had {} left as it is", action.name)));
    if (event.how == How::kLeave) static_cast<ErrorObject*>(error.get())->reach = Reach::kLeave;
    go_on_raising(fiber, std::move(error));
    return {};
  }
  Value output(Ref{});
  if (event.how == How::kDone && action.result != kNone && at.a != kNoRegister) {
    const Ref json = json_in(heap_, event.output);
    Result<Value> value = read_json(image_, json.get(), action.result, unknown_, *this);
    if (!value || heap_.fault != Fault::kNone) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("the output of {}: {}", action.name,
                              value ? "it is too large" : value.error().message));
    }
    output = std::move(*value);
  }
  pending_.erase(event.request);
  fiber.registers()[at.b].i = event.how == How::kDone ? 1 : 0;
  const bool keeps = event.how == How::kDone && action.result != kNone;
  go_on_with(fiber, keeps ? at.a : kNoRegister, std::move(output));
  return {};
}

Status Execution::take(const event::Cancelled& event) {
  if (!begun_ || ended_) return fail(ErrorKind::kInvalid, "no run goes on that could be cancelled");
  if (rolling_back_) return fail(ErrorKind::kInvalid, "a rollback can't be cancelled");
  if (cancelled_ && (kill_ || !event.now))
    return fail(ErrorKind::kInvalid, "the run is being cancelled already");
  if (!cancelled_) {
    cancelled_ = true;
    request_cancel(*find_fiber(root_),
                   event.by.empty() ? std::string("cancelled") : "cancelled by " + event.by,
                   !event.rollback);
  }
  if (!event.now) return {};
  kill_ = true;
  for (const auto& [id, fiber] : fibers_) {
    const bool acts = fiber->wait == Fiber::Wait::kPerform || fiber->wait == Fiber::Wait::kRun;
    if (acts && has_interrupt(*fiber)) interrupt(*fiber);
  }
  return {};
}

// ---- Undoing a run after its end

namespace {

void list_undoable(std::span<const UndoEntry> entries, std::vector<Undoable>& out) {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    for (const std::vector<UndoEntry>& branch : entry->branches) list_undoable(branch, out);
    if (entry->branches.empty() && !entry->is_defer) out.push_back({entry->path, entry->step});
  }
}

/// The newest step in it; 0: it has none.
uint64_t newest_step(const UndoEntry& entry) {
  if (entry.branches.empty()) return entry.is_defer ? 0 : entry.step;
  uint64_t newest = 0;
  for (const std::vector<UndoEntry>& branch : entry.branches)
    for (const UndoEntry& each : branch) newest = std::max(newest, newest_step(each));
  return newest;
}

/// The first that has a step which began with `step` or after it: what a rollback down to there
/// has to do with begins here. Branches have no order among them but that in which they began.
template <class Entries>
auto first_since(Entries& entries, uint64_t step) {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const UndoEntry& entry) { return newest_step(entry) >= step; });
}

void list_since(const std::vector<UndoEntry>& entries, uint64_t step, std::vector<Undoable>& out) {
  const auto first = first_since(entries, step);
  if (first == entries.end()) return;
  list_undoable({std::next(first), entries.end()}, out);
  for (const std::vector<UndoEntry>& branch : first->branches) list_since(branch, step, out);
  if (first->branches.empty()) list_undoable({first, std::next(first)}, out);
}

/// Moves what began with `step` or after it out of `entries`.
std::vector<UndoEntry> take_since(std::vector<UndoEntry>& entries, uint64_t step) {
  std::vector<UndoEntry> taken;
  const auto first = first_since(entries, step);
  if (first == entries.end()) return taken;
  std::vector<std::vector<UndoEntry>> kept;
  for (std::vector<UndoEntry>& branch : first->branches) {
    std::vector<UndoEntry> left = take_since(branch, step);
    std::swap(left, branch);
    if (!left.empty()) kept.push_back(std::move(left));
  }
  std::erase_if(first->branches, [](const auto& branch) { return branch.empty(); });
  UndoEntry rest;
  rest.serial = first->serial;
  rest.lock = first->lock;
  rest.branches = std::move(kept);
  taken.assign(std::make_move_iterator(first), std::make_move_iterator(entries.end()));
  entries.erase(first, entries.end());
  if (!rest.branches.empty()) entries.push_back(std::move(rest));
  return taken;
}

}  // namespace

std::vector<Undoable> Execution::undoable(uint64_t since) const {
  std::vector<Undoable> list;
  const auto root = fibers_.find(root_);
  if (!ended_ || root == fibers_.end()) return list;
  list_since(root->second->undo, since, list);
  return list;
}

Status Execution::take(const event::RollBack& event) {
  if (!ended_) return fail(ErrorKind::kInvalid, "the run has not ended: cancel it instead");
  const std::vector<Undoable> known = undoable(0);
  Fiber& fiber = *fibers_.at(root_);
  if (event.to.empty()) {
    drop_undo(fiber.kept);
  } else {
    const auto to = std::find_if(known.begin(), known.end(),
                                 [&](const Undoable& each) { return each.path == event.to; });
    if (to == known.end()) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("there is no step {} that could be undone", event.to));
    }
    fiber.kept = std::move(fiber.undo);
    fiber.undo = take_since(fiber.kept, to->step);
  }
  ended_ = false;
  rolling_back_ = true;
  undo_failed_ = false;
  undone_ = 0;
  fiber.cancel = false;
  fiber.cancel_taken = false;
  fiber.leave = false;
  fiber.leaving = false;
  fiber.unwinding = true;
  ready_.push_back(fiber.id);
  return {};
}

// ---- By itself

Result<Value> Execution::evaluate(uint32_t function, const std::vector<Value>& arguments) {
  fuel_ = static_cast<int64_t>(limits_.fuel);
  fuel_reserve_ = false;
  heap_.visits = 0;
  heap_.most_visits = limits_.fuel;
  return run_alone(function, arguments);
}

/// With the fuel that there is.
Result<Value> Execution::run_alone(uint32_t function, const std::vector<Value>& arguments) {
  Fiber fiber;
  const Code& code = image_.code(function);
  if (!grow(fiber, code.registers)) return fail(ErrorKind::kLimit, "the function is too large");
  enter(fiber, code, Frame::Purpose::kRoot);
  for (size_t i = 0; i < arguments.size(); ++i) {
    fiber.registers()[i] = Value(arguments[i]).give();
  }
  interpret(fiber);
  fiber_ = nullptr;
  while (fiber.depth > 0) pop_frame(fiber);
  if (aborted_) {
    aborted_ = false;
    return fail(ErrorKind::kLimit, "the condition computes too long");
  }
  if (fiber.failed) {
    return fail(ErrorKind::kInvalid, outside(fiber.error.get()).message);
  }
  return fiber.result;
}

/// While an operation or an event is under way: what it computes counts as work of the turn.
Result<Value> Execution::evaluate_within(uint32_t function, const std::vector<Value>& arguments) {
  Fiber* const fiber = fiber_;
  const Kind* const kinds = kinds_;
  const int64_t fuel = fuel_;
  const bool fuel_reserve = fuel_reserve_;
  Ref raised = std::exchange(raised_, Ref());
  const uint64_t left = heap_.most_visits - std::min(heap_.visits, heap_.most_visits);
  fuel_ = static_cast<int64_t>(left);
  fuel_reserve_ = false;
  Result<Value> value = run_alone(function, arguments);
  const bool has_fuel = !fuel_reserve_ && fuel_ > 0;
  heap_.visits += left - (has_fuel ? static_cast<uint64_t>(fuel_) : 0);
  fiber_ = fiber;
  kinds_ = kinds;
  fuel_ = fuel;
  fuel_reserve_ = fuel_reserve;
  raised_ = std::move(raised);
  return value;
}

std::optional<Conditions::Unmet> Execution::unmet(const Record& value) {
  // A condition may read a value that has conditions itself: each costs a frame of the host.
  constexpr int kMostConditions = 8;
  for (const bytecode::FieldCheck* check : image_.checks(value.type, value.member)) {
    if (conditions_ == kMostConditions)
      return Unmet{check->field, fmt::format("`{}` can't be tested: conditions are nested too deep",
                                             check->text)};
    std::vector<Value> fields;
    fields.reserve(check->field + 1);
    for (uint32_t i = 0; i <= check->field; ++i) {
      fields.push_back(Value::to(value.kinds[i], value.fields()[i]));
    }
    ++conditions_;
    const Result<Value> holds = evaluate_within(check->condition, fields);
    std::optional<Unmet> found;
    if (!holds) {
      found = Unmet{check->field,
                    fmt::format("`{}` can't be tested: {}", check->text, holds.error().message)};
    } else if (holds->slot().i == 0) {
      const Result<Value> message = evaluate_within(check->message, fields);
      const String* text = message ? as_string(message->slot().o) : nullptr;
      found = Unmet{check->field, text == nullptr ? fmt::format("`{}` does not hold", check->text)
                                                  : std::string(text->view())};
    }
    --conditions_;
    if (found) return found;
  }
  return {};
}

std::vector<Request> Execution::pending() const {
  std::vector<Request> list;
  for (const auto& [id, pending] : pending_) list.push_back(pending.request);
  return list;
}

}  // namespace rbk::vm
