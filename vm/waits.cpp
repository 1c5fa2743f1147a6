// What the engine sees: requests, timers, interruptions, and news.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "vm/bytecode/op_table.h"
#include "vm/execution.h"
#include "vm/json.h"
#include "vm/snapshot_format.h"

namespace rbk::vm {

using bytecode::kNoRegister;
using bytecode::Op;

namespace {

/// Of one fiber at once.
constexpr size_t kMostTimers = 1000;
/// What a request or a mark counts for, besides its texts.
constexpr uint64_t kNewsCost = 128;

}  // namespace

// ---- Asking and going on

void Execution::send(Request request) {
  heap_.send(kNewsCost);
  turn_.requests.push_back(std::move(request));
}

void Execution::tell(Mark mark) {
  heap_.send(kNewsCost + mark.path.size() + mark.title.size() + mark.text.size());
  turn_.marks.push_back(std::move(mark));
}

RequestId Execution::ask(Fiber& fiber, decltype(Request::what) what, Fiber::Wait wait) {
  const RequestId id = next_request_++;
  Request request{id, std::move(what)};
  send(request);
  pending_[id] = Pending{std::move(request), fiber.id};
  fiber.wait = wait;
  fiber.request = id;
  fiber.stop_sent = false;
  fiber.kill_sent = false;
  if (fiber.depth == 0) return id;  // it has yet to begin what it undoes
  clear_dead(fiber.top(), fiber.registers());
  charge_stack(fiber);
  return id;
}

void Execution::forget(RequestId request) {
  pending_.erase(request);
  send({next_request_++, request::Forget{request}});
}

/// What a safepoint does not keep is gone while the fiber waits: so a machine that was restored
/// from a snapshot is like one that was not.
void Execution::clear_dead(Frame& frame, Slot* registers) {
  const Code& code = *frame.code;
  if (code.safepoint(frame.at()) == nullptr) return;
  uint32_t next = 0;
  const auto clear_to = [&](uint32_t end) {
    for (; next < end; ++next) {
      if (code.kinds[next] == Kind::kRef) release(registers[next].o);
      registers[next].i = 0;
    }
  };
  for_each_kept(code, frame.pc, [&](uint32_t kept) {
    clear_to(kept);
    next = kept + 1;
  });
  clear_to(code.registers);
}

void Execution::charge_stack(Fiber& fiber) {
  const Frame& top = fiber.top();
  fiber.charged = uint64_t{top.base + top.code->registers} * sizeof(Slot) +
                  uint64_t{fiber.depth} * sizeof(Frame);
  heap_.used += fiber.charged;
}

void Execution::go_on(Fiber& fiber) {
  fiber.wait = Fiber::Wait::kNothing;
  fiber.request = 0;
  fiber.waits_for_group = 0;
  fiber.stop_sent = false;
  fiber.kill_sent = false;
  heap_.used -= std::exchange(fiber.charged, 0);
  ready_.push_back(fiber.id);
}

void Execution::go_on_raising(Fiber& fiber, Ref error) {
  fiber.raise = std::move(error);
  go_on(fiber);
}

void Execution::go_on_with(Fiber& fiber, uint16_t a, Value value) {
  Frame& frame = fiber.top();
  Slot* registers = fiber.registers();
  if (a != kNoRegister) {
    if (frame.code->kinds[a] == Kind::kRef) release(registers[a].o);
    registers[a] = value.give();
  }
  frame.pc += bytecode::info(frame.pc->op).words();
  go_on(fiber);
}

// ---- Interruptions: cancellation and timers

/// A cancellation that may be raised now.
bool Execution::cancel_waits(const Fiber& fiber) {
  return fiber.cancel && !fiber.cancel_taken && fiber.shield <= fiber.base_shield;
}

bool Execution::has_interrupt(const Fiber& fiber) const {
  if (cancel_waits(fiber)) return true;
  return std::any_of(fiber.timers.begin(), fiber.timers.end(),
                     [&](const Timer& timer) { return timer.due && timer.shield >= fiber.shield; });
}

/// The error of a cancellation that waits. `meanwhile`: what has failed since it came, or empty.
Ref Execution::take_cancel(Fiber& fiber, std::string_view meanwhile) {
  fiber.cancel_taken = true;
  fiber.leaving = fiber.leaving || fiber.leave;
  Ref error = make_error("Cancelled", meanwhile.empty()
                                          ? fiber.cancel_reason
                                          : fmt::format("{}; {}", fiber.cancel_reason, meanwhile));
  static_cast<ErrorObject*>(error.get())->reach = Reach::kCancel;
  return error;
}

/// The error of an interruption that may be raised now; null if there is none.
Ref Execution::take_interrupt(Fiber& fiber) {
  if (cancel_waits(fiber)) return take_cancel(fiber, {});
  for (Timer& timer : fiber.timers) {
    if (!timer.due || timer.shield < fiber.shield) continue;
    Ref error = make_error("Timeout", "the time was up", true);
    auto* raised = static_cast<ErrorObject*>(error.get());
    raised->reach = Reach::kTimer;
    raised->timer = timer.id;
    fiber.timers.erase(fiber.timers.begin() + (&timer - fiber.timers.data()));
    return error;
  }
  return {};
}

/// Something to interrupt a fiber with has come up. If it waits, its wait is ended, gently.
void Execution::interrupt(Fiber& first) {
  std::vector<Fiber*> affected = {&first};
  while (!affected.empty()) {
    Fiber& fiber = *affected.back();
    affected.pop_back();
    if (!has_interrupt(fiber)) continue;
    switch (fiber.wait) {
      case Fiber::Wait::kNothing:
        break;  // it will see it before it waits
      case Fiber::Wait::kSleep:
      case Fiber::Wait::kApprove:
      case Fiber::Wait::kDoubt:
      case Fiber::Wait::kFailure:
      case Fiber::Wait::kSignal:
      case Fiber::Wait::kLock:
        forget(fiber.request);
        go_on_raising(fiber, take_interrupt(fiber));
        break;
      case Fiber::Wait::kPerform: {
        const auto& perform = std::get<request::Perform>(pending_.at(fiber.request).request.what);
        const bool reads = perform.behaviour == bytecode::Behaviour::kReads;
        if (kill_ && cancel_waits(fiber))
          stop(fiber, request::Stop::How::kKill);
        else if (reads)
          stop(fiber, request::Stop::How::kGentle);
        else if (cancel_waits(fiber))
          stop(fiber, request::Stop::How::kLetFinish);
        break;
      }
      case Fiber::Wait::kRun:
        if (std::holds_alternative<request::Start>(pending_.at(fiber.request).request.what))
          cancel_run(fiber);
        break;
      case Fiber::Wait::kGroup: {
        Group& group = *groups_.at(fiber.waits_for_group);
        if (group.unwinds) break;  // what is being undone is undone to its end
        group.closed = true;
        group.interrupted = group.interrupted || !group.error;
        for (const Group::Branch& branch : group.branches) {
          Fiber* child = branch.fiber == 0 ? nullptr : find_fiber(branch.fiber);
          if (child == nullptr || child->cancel) continue;
          child->cancel = true;
          child->cancel_reason = "the block around it has ended";
          child->leave = fiber.leave && cancel_waits(fiber);
          affected.push_back(child);
        }
        break;
      }
    }
  }
}

/// Tells that what the fiber performs is not wanted any more; each way at most once.
void Execution::stop(Fiber& fiber, request::Stop::How how) {
  const bool kill = how == request::Stop::How::kKill;
  if (kill ? fiber.kill_sent : fiber.stop_sent) return;
  fiber.stop_sent = true;
  fiber.kill_sent = kill;
  send({next_request_++, request::Stop{fiber.request, how}});
}

void Execution::request_cancel(Fiber& fiber, std::string reason, bool leave) {
  if (fiber.cancel) return;
  fiber.cancel = true;
  fiber.cancel_reason = std::move(reason);
  fiber.leave = leave;
  interrupt(fiber);
}

Timer* Execution::find_timer(Fiber& fiber, uint64_t id) {
  for (Timer& timer : fiber.timers) {
    if (timer.id == id) return &timer;
  }
  return nullptr;
}

void Execution::stop_timer(Fiber& fiber, uint64_t id) {
  Timer* timer = find_timer(fiber, id);
  if (timer == nullptr) return;
  if (timer->request != 0) forget(timer->request);
  fiber.timers.erase(fiber.timers.begin() + (timer - fiber.timers.data()));
}

/// Its time has come. The caller has taken its request from `pending_`.
void Execution::fire_timer(Fiber& fiber, uint64_t id) {
  Timer* timer = find_timer(fiber, id);
  if (timer == nullptr) return;
  timer->request = 0;
  timer->due = true;
  interrupt(fiber);
}

/// The earliest timer around what a fiber is about to perform.
Execution::Bound Execution::deadline_around(Fiber& start) {
  Bound bound;
  for (Fiber* fiber = &start; fiber != nullptr;) {
    for (const Timer& timer : fiber->timers) {
      if (timer.due || timer.shield < fiber->shield || timer.until >= bound.until) continue;
      bound = {timer.until, fiber->id, timer.id};
    }
    // What is shielded is not bound by what is around it.
    if (fiber->group == 0 || fiber->shield > fiber->base_shield) break;
    fiber = find_fiber(groups_.at(fiber->group)->parent);
  }
  return bound;
}

std::optional<int64_t> Execution::deadline(RequestId perform) {
  const Pending* pending = waiting(perform, Fiber::Wait::kPerform);
  if (pending == nullptr) return std::nullopt;
  Fiber& fiber = *find_fiber(pending->fiber);
  if (has_interrupt(fiber)) return INT64_MIN;
  const Bound bound = deadline_around(fiber);
  if (bound.timer == 0) return std::nullopt;
  return bound.until;
}

Part Execution::part_of(RequestId perform) {
  const Pending* pending = waiting(perform, Fiber::Wait::kPerform);
  if (pending == nullptr) return Part::kWork;
  const Fiber& fiber = *find_fiber(pending->fiber);
  if (fiber.shield == 0) return Part::kWork;
  // Each `defer` that runs has a shield of its own; what is shielded besides is a handler.
  const bool only_defers = fiber.base_shield == 0 && fiber.shield == fiber.undoing.size() &&
                           std::all_of(fiber.undoing.begin(), fiber.undoing.end(),
                                       [](const Undoing& undoing) { return undoing.is_defer; });
  if (!only_defers) return Part::kCleanUp;
  const bool failed = std::any_of(fiber.undoing.begin(), fiber.undoing.end(),
                                  [](const Undoing& undoing) { return undoing.after_failure; });
  return failed ? Part::kFailedDefer : Part::kDefer;
}

Next Execution::op_TimerStart(Slot* r, const Instruction* at) {
  if (fiber_->timers.size() >= kMostTimers) {
    return raise(make_limit_error("too many timeouts are in force at once"));
  }
  Timer timer;
  timer.id = next_timer_++;
  timer.until = later(now_, r[at->b].i);
  timer.shield = fiber_->shield;
  timer.frames = fiber_->depth;
  timer.request = next_request_++;
  Request request{timer.request, request::Sleep{timer.until}};
  send(request);
  Pending& pending = pending_[timer.request];
  pending.request = std::move(request);
  pending.fiber = fiber_->id;
  pending.timer = timer.id;
  r[at->a].i = static_cast<int64_t>(timer.id);
  fiber_->timers.push_back(timer);
  return Next::kNext;
}

Next Execution::op_TimerStop(Slot* r, const Instruction* at) {
  stop_timer(*fiber_, static_cast<uint64_t>(r[at->a].i));
  return Next::kNext;
}

// ---- Waiting

Next Execution::op_Perform(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const bytecode::ActionImport& action = image_.program().actions[at->b];
  const Instruction& extra = at[1];
  request::Perform perform;
  perform.action = at->b;
  for (size_t i = 0; i < action.parameters.size(); ++i) {
    const auto argument = static_cast<uint16_t>(at->c + i);
    perform.arguments.insert_or_assign(action.parameters[i].name,
                                       to_outside(image_, r[argument], kinds()[argument]));
  }
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  perform.behaviour =
      extra.b == 0 ? action.behaviour : static_cast<bytecode::Behaviour>(extra.b - 1);
  perform.doubt = static_cast<bytecode::Doubt>(extra.c);
  if (extra.a != kNoRegister) perform.timeout = std::max<int64_t>(r[extra.a].i, 0);
  const Bound bound = deadline_around(*fiber_);
  const bool is_bound =
      bound.timer != 0 && (!perform.timeout || bound.until - now_ <= *perform.timeout);
  if (is_bound) perform.timeout = std::max<int64_t>(bound.until - now_, 0);
  StepEntry* step = fiber_->steps.empty() ? nullptr : &fiber_->steps.back();
  perform.path = innermost(*fiber_).path;
  perform.step = innermost(*fiber_).number;
  if (step != nullptr) {
    step->performed = std::max(step->attempt, step->performed + 1);
    perform.attempt = step->performed;
    perform.generation = step->generation;
  }
  const RequestId id = ask(*fiber_, std::move(perform), Fiber::Wait::kPerform);
  if (step != nullptr) step->last_perform = id;
  if (is_bound) {
    pending_[id].bound_fiber = bound.fiber;
    pending_[id].bound_timer = bound.timer;
  }
  return Next::kWait;
}

Next Execution::op_AskDoubt(Slot*, const Instruction*) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  if (fiber_->steps.empty() || fiber_->steps.back().last_perform == 0) {
    return raise("ProgramError", "no attempt was made that could be in doubt");
  }
  const StepEntry& step = fiber_->steps.back();
  ask(*fiber_, request::AskDoubt{step.last_perform, step.path}, Fiber::Wait::kDoubt);
  return Next::kWait;
}

Next Execution::op_AskFailure(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  const Object* error = r[extra.a].o;
  if (error == nullptr || error->tag != Tag::kError) return raise_wrong(error, "an error");
  const size_t floor = fiber_->undoing.empty() ? 0 : fiber_->undoing.back().steps + 1;
  if (fiber_->steps.size() <= floor) return raise("ProgramError", "no step has begun");
  const StepEntry& step = fiber_->steps.back();
  request::AskFailure failure;
  failure.path = step.path;
  failure.step = step.number;
  failure.error = outside(error);
  failure.in_doubt = static_cast<const ErrorObject*>(error)->in_doubt;
  if (at->a != kNoRegister) failure.type = at->c;
  if (extra.b != kNoRegister) failure.by = to_outside(image_, r[extra.b], Kind::kRef);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  ask(*fiber_, std::move(failure), Fiber::Wait::kFailure);
  return Next::kWait;
}

Next Execution::op_Sleep(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  ask(*fiber_, request::Sleep{later(now_, r[at->a].i)}, Fiber::Wait::kSleep);
  return Next::kWait;
}

Next Execution::op_SleepUntil(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  ask(*fiber_, request::Sleep{std::max(r[at->a].i, now_)}, Fiber::Wait::kSleep);
  return Next::kWait;
}

Next Execution::op_Approve(Slot* r, const Instruction* at) { return put_before_people(r, at); }

Next Execution::op_Ask(Slot* r, const Instruction* at) { return put_before_people(r, at); }

Next Execution::put_before_people(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  request::Approve approve;
  approve.is_question = at->op == Op::kAsk;
  approve.description = to_outside(image_, r[at->b], Kind::kRef);
  const boost::json::object* described = approve.description.if_object();
  const boost::json::value* name = described == nullptr ? nullptr : described->if_contains("name");
  approve.path = name != nullptr && name->is_string() ? step_path(*fiber_, name->get_string())
                                                      : innermost(*fiber_).path;
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  if (extra.a != kNoRegister) approve.expires = later(now_, r[extra.a].i);
  ask(*fiber_, std::move(approve), Fiber::Wait::kApprove);
  return Next::kWait;
}

uint64_t Execution::random() {
  // SplitMix64 of the run's seed and a counter.
  uint64_t value = seed_ + ++draws_ * 0x9e3779b97f4a7c15ULL;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
  return value ^ value >> 31;
}

/// Doubles from `low` to `high`, and never less than half of what it has reached: jittered, so that
/// those who failed together do not come back together.
Next Execution::op_Backoff(Slot* r, const Instruction* at) {
  const int64_t low = std::max<int64_t>(r[at->c].i, 0);
  const int64_t high = std::max(low, r[at[1].a].i);
  int64_t upper = low;
  for (int64_t i = 0; i < r[at->b].i && upper < high && upper > 0; ++i) {
    upper = upper > high / 2 ? high : upper * 2;
  }
  upper = std::min(upper, high);
  const int64_t lower = std::max(low, upper / 2);
  const auto span = static_cast<uint64_t>(upper - lower) + 1;
  r[at->a].i = lower + static_cast<int64_t>(random() % span);
  return Next::kNext;
}

// ---- What does not wait

/// From 0 to below 1; in a test what it says, the last of it again and again.
double Execution::random_fraction() {
  if (!info_.draws.empty()) {
    const double drawn = info_.draws[std::min(info_.drawn, info_.draws.size() - 1)];
    ++info_.drawn;
    return std::clamp(drawn, 0.0, std::nextafter(1.0, 0.0));
  }
  constexpr double kStep = 1.0 / (uint64_t{1} << 53);
  return static_cast<double>(random() >> 11) * kStep;
}

Next Execution::op_Random(Slot* r, const Instruction* at) {
  r[at->a].f = random_fraction();
  return Next::kNext;
}

Next Execution::op_RandomIn(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kRange) return raise_wrong(object, "a range");
  const auto* range = static_cast<const Range*>(object);
  const int64_t low = range->low.i;
  if (range->high.i < low)
    return raise("ArithmeticError", fmt::format("no number is in {}..{}", low, range->high.i));
  // One less than how many there are: all of them may be 2^64.
  const uint64_t last = static_cast<uint64_t>(range->high.i) - static_cast<uint64_t>(low);
  uint64_t drawn = 0;
  if (!info_.draws.empty()) {
    drawn = std::min(last,
                     static_cast<uint64_t>(random_fraction() * (static_cast<double>(last) + 1.0)));
  } else if (last == UINT64_MAX) {
    drawn = random();
  } else {
    // What is beyond the last whole multiple would make the lower numbers likelier.
    const uint64_t count = last + 1;
    const uint64_t most = UINT64_MAX - (UINT64_MAX % count + 1) % count;
    do drawn = random();
    while (drawn > most);
    drawn %= count;
  }
  r[at->a].i = static_cast<int64_t>(static_cast<uint64_t>(low) + drawn);
  return Next::kNext;
}

Next Execution::op_Now(Slot* r, const Instruction* at) {
  r[at->a].i = now_;
  return Next::kNext;
}

Next Execution::op_RunInfo(Slot* r, const Instruction* at) {
  const std::string& what = image_.program().constants[at->b].text;
  if (what == "started") {
    r[at->a].i = info_.started;
    return Next::kNext;
  }
  if (what == "labels") {
    Map* map = new_map(heap_, Kind::kRef, Kind::kRef);
    for (const auto& [key, value] : info_.labels) {
      const std::string_view text =
          value.is_string() ? std::string_view(value.get_string()) : std::string_view();
      put(map, slot_of(make_string(heap_, key).give()), slot_of(make_string(heap_, text).give()));
    }
    set(r[at->a], Ref(map));
    return Next::kNext;
  }
  const std::string& text = what == "id"        ? info_.run
                            : what == "url"     ? info_.url
                            : what == "starter" ? info_.starter
                                                : info_.reason;
  set(r[at->a], make_string(heap_, text));
  return Next::kNext;
}

Next Execution::op_Emit(Slot* r, const Instruction* at) {
  const std::string& what = image_.program().constants[at->a].text;
  Mark mark;
  mark.path = innermost(*fiber_).path;
  mark.step = innermost(*fiber_).number;
  std::string text;
  if (!to_text(image_, r[at->b], Kind::kRef, text)) {
    return raise("SecretError", "a secret can't be logged");
  }
  boost::json::value value;
  if (at->c != kNoRegister) value = to_outside(image_, r[at->c], Kind::kRef);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  if (what.starts_with("log.")) {
    mark.kind = Mark::Kind::kLog;
    mark.level = what.substr(4);
  } else if (what == "note") {
    mark.kind = Mark::Kind::kNote;
  } else if (what == "attach") {
    mark.kind = Mark::Kind::kAttach;
  } else if (what == "label") {
    mark.kind = Mark::Kind::kLabel;
    info_.labels.insert_or_assign(text, value);
    mark.output = std::move(value);
  } else {
    mark.kind = Mark::Kind::kProgress;
    mark.output = boost::json::array{to_outside(image_, r[at->b], Kind::kRef), std::move(value)};
    text.clear();
  }
  mark.text = std::move(text);
  tell(std::move(mark));
  return Next::kNext;
}

}  // namespace rbk::vm
