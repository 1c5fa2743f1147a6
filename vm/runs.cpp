// Runs of their own that a run starts: what is wanted of them, and what came of them. Each has an
// id that follows from this run's, so that one who asks a second time names the same.
#include <fmt/format.h>

#include <algorithm>

#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::kNoRegister;

namespace {

/// How many runs stand above one, by its id: "a-3-1" was started by "a-3".
size_t depth_of(std::string_view run) {
  return static_cast<size_t>(std::count(run.begin(), run.end(), '-'));
}

/// Whether something may be left to be undone of a run that did not end well: one that failed has
/// undone itself.
bool may_leave_something(const event::RunEnded& event) {
  const boost::json::value* status = event.error.fields.if_contains("status");
  return status != nullptr && *status != "failed";
}

}  // namespace

/// Whether the operation starts runs of this runbook of the program.
bool Execution::is_start_of(const Instruction& at, uint32_t runbook) const {
  return image_.program().runbooks[runbook].function == at.b;
}

Next Execution::op_Start(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  const bytecode::Program& program = image_.program();
  request::Start start;
  while (!is_start_of(*at, start.runbook)) ++start.runbook;
  const bytecode::Runbook& runbook = program.runbooks[start.runbook];
  if (depth_of(info_.run) >= kDeepestRuns)
    return raise(
        make_limit_error(fmt::format("`{}` is not started: {} runs have started each other already",
                                     runbook.name, kDeepestRuns)));
  std::vector<Value> values;  // for its `on worker`
  for (size_t i = 0; i < runbook.parameters.size(); ++i) {
    const auto argument = static_cast<uint16_t>(at->c + i);
    start.arguments.push_back(to_outside(image_, r[argument], kinds()[argument]));
    if (runbook.worker != kNone) values.push_back(Value::to(kinds()[argument], r[argument]));
  }
  if (auto label = worker_label(runbook, values); !label)
    return raise("Failed", label.error().message);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  start.overrides = info_.overrides;
  start.run = fmt::format("{}-{}", info_.run, next_run_++);
  start.detached = extra.b == 1;
  start.path = innermost(*fiber_).path;
  start.step = innermost(*fiber_).number;
  if (!fiber_->steps.empty()) start.attempt = fiber_->steps.back().attempt;
  if (start.detached) {
    if (extra.a != kNoRegister) set(r[extra.a], make_string(heap_, start.run));
    send({next_request_++, std::move(start)});
    return Next::kNext;
  }
  start.under = held_by(*fiber_);
  ask(*fiber_, std::move(start), Fiber::Wait::kRun);
  return Next::kWait;
}

Next Execution::op_UndoRun(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const String* run = as_string(r[at->a].o);
  if (run == nullptr) return raise_wrong(r[at->a].o, "a run's id");
  request::UndoRun undo;
  undo.run = std::string(run->view());
  undo.path = innermost(*fiber_).path;
  undo.under = held_by(*fiber_);
  ask(*fiber_, std::move(undo), Fiber::Wait::kRun);
  return Next::kWait;
}

/// The fiber is not to go on waiting: what it started ends as it does, by the same cancellation.
void Execution::cancel_run(Fiber& fiber) {
  const bool by_person = cancel_waits(fiber);
  const bool now = kill_ && by_person;
  if (now ? fiber.kill_sent : fiber.stop_sent) return;
  fiber.stop_sent = true;
  fiber.kill_sent = now;
  const bool leaves = by_person && fiber.leave;
  send({next_request_++, request::CancelRun{fiber.request, !leaves, now}});
}

/// Of one that did not end well. What ends this fiber counts, if anything does.
Ref Execution::run_error(Fiber& fiber, const event::RunEnded& event) {
  if (cancel_waits(fiber)) {
    const boost::json::value* status = event.error.fields.if_contains("status");
    const bool followed = status != nullptr && *status == "cancelled";
    return take_cancel(fiber, followed ? std::string_view() : event.error.message);
  }
  if (Ref error = take_interrupt(fiber)) return error;
  return make_error(event.error);
}

Status Execution::take(const event::RunEnded& event) {
  const auto nothing_waits = [&] {
    return fail(ErrorKind::kInvalid,
                fmt::format("nothing waits for the run of request {}", event.request));
  };
  const Pending* found = waiting(event.request, Fiber::Wait::kRun);
  if (found == nullptr) return nothing_waits();
  const Request request = found->request;
  Fiber& fiber = *find_fiber(found->fiber);
  const Instruction& at = *fiber.top().pc;
  const auto* start = std::get_if<request::Start>(&request.what);
  pending_.erase(event.request);
  if (!event.ok) {
    undo_failed_ = undo_failed_ || (start != nullptr && event.undo_failed);
    if (start != nullptr && may_leave_something(event) && (&at)[1].a != kNoRegister)
      set(fiber.registers()[(&at)[1].a], make_string(heap_, start->run));
    go_on_raising(fiber, run_error(fiber, event));
    return {};
  }
  if (start == nullptr) {
    go_on_with(fiber, kNoRegister, Value());
    return {};
  }
  tolerated_ = tolerated_ || event.partial;
  const bytecode::Runbook& runbook = image_.program().runbooks[start->runbook];
  Value output;
  if (at.a != kNoRegister && runbook.result != kNone) {
    const Ref json = json_in(heap_, event.output);
    Result<Value> read = read_json(image_, json.get(), runbook.result, Unknown::kIgnore, *this);
    if (heap_.fault != Fault::kNone) {
      raise_fault();
      go_on_raising(fiber, std::move(raised_));
      return {};
    }
    if (!read) {
      go_on_raising(fiber, make_error("JsonError", "the output of run " + start->run + ": " +
                                                       read.error().message));
      return {};
    }
    output = std::move(*read);
  }
  const uint16_t id = (&at)[1].a;
  if (id != kNoRegister) set(fiber.registers()[id], make_string(heap_, start->run));
  go_on_with(fiber, at.a, std::move(output));
  return {};
}

}  // namespace rbk::vm
