// Signals: each is given to the oldest wait for it, or kept until one comes. What is kept is part
// of the state, so that it survives as the run does.
#include "vm/bytecode/signals.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNoRegister;

namespace {

const boost::json::string* text_of(const boost::json::object& entry, std::string_view key) {
  const boost::json::value* value = entry.if_contains(key);
  return value == nullptr ? nullptr : value->if_string();
}

/// Whether an entry of `by`, {"user": "x"}, {"group": "x"} or {"starter": true}, means the sender.
bool means(const boost::json::value& entry, const event::Signalled& signal,
           const std::string& starter) {
  const boost::json::object* object = entry.if_object();
  if (object == nullptr) return false;
  if (const auto* user = text_of(*object, "user")) return std::string_view(*user) == signal.sender;
  if (const auto* group = text_of(*object, "group"))
    return std::any_of(signal.groups.begin(), signal.groups.end(),
                       [&](const std::string& one) { return std::string_view(*group) == one; });
  return object->contains("starter") && signal.sender == starter;
}

}  // namespace

bool may_send(const boost::json::value& by, const event::Signalled& signal,
              const std::string& starter) {
  const boost::json::array* entries = by.if_array();
  if (entries == nullptr || entries->empty()) return true;
  return std::any_of(entries->begin(), entries->end(), [&](const boost::json::value& entry) {
    return means(entry, signal, starter);
  });
}

/// The record [what it brought, who sent it] of that type.
Result<Value> Execution::signal_value(const event::Signalled& signal, TypeId type) {
  const TypeId payload_type = image_.type(type).fields[0].type;
  const Ref json = json_in(heap_, signal.payload);
  Result<Value> payload = read_json(image_, json.get(), payload_type, unknown_, *this);
  if (!payload || heap_.fault != Fault::kNone)
    return fail(ErrorKind::kInvalid,
                fmt::format("the signal `{}`: {}", signal.name,
                            payload ? std::string("it is too large") : payload.error().message),
                "give it what the runbook waits for");
  Record* record = new_record(heap_, Tag::kRecord, type, 0, image_.kinds(type), 2);
  Ref owner(record);
  record->fields()[0] = payload->give();
  record->fields()[1] = slot_of(make_string(heap_, signal.sender).give());
  settle(record);
  return Value(std::move(owner));
}

Next Execution::op_WaitSignal(Slot* r, const Instruction* at) {
  if (Ref error = take_interrupt(*fiber_)) return raise(std::move(error));
  const Instruction& extra = at[1];
  request::AwaitSignal wait;
  wait.name = image_.program().constants[at->b].text;
  wait.path = step_path(*fiber_, wait.name);
  if (extra.b != kNoRegister) wait.by = to_outside(image_, r[extra.b], Kind::kRef);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  for (auto kept = signals_.begin(); kept != signals_.end(); ++kept) {
    if (kept->name != wait.name) continue;
    if (!may_send(wait.by, *kept, info_.starter)) {
      Mark mark;
      mark.path = innermost(*fiber_).path;
      mark.step = innermost(*fiber_).number;
      mark.level = "warn";
      mark.text = fmt::format("the signal `{}` that {} sent before does not count here, by `by`",
                              kept->name, kept->sender);
      tell(std::move(mark));
      continue;
    }
    const event::Signalled signal = std::move(*kept);
    signals_.erase(kept);
    Result<Value> value = signal_value(signal, at->c);
    if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
    if (!value) return raise("JsonError", value.error().message);
    if (at->a != kNoRegister) set(r[at->a], Ref(value->give().o));
    return Next::kNext;
  }
  if (extra.a != kNoRegister) wait.expires = later(now_, r[extra.a].i);
  ask(*fiber_, std::move(wait), Fiber::Wait::kSignal);
  return Next::kWait;
}

Status Execution::take(const event::Signalled& event) {
  if (!begun_ || ended_) return fail(ErrorKind::kInvalid, "no run goes on that takes a signal");
  const std::vector<bytecode::Signal> known = bytecode::signals_of(image_.program());
  const auto awaited =
      std::find_if(known.begin(), known.end(),
                   [&](const bytecode::Signal& signal) { return signal.name == event.name; });
  if (awaited == known.end())
    return fail(ErrorKind::kInvalid, fmt::format("nothing waits for a signal `{}`", event.name));
  // Whoever waits longest comes first.
  for (const auto& [id, pending] : pending_) {
    const auto* wait = std::get_if<request::AwaitSignal>(&pending.request.what);
    if (wait == nullptr || wait->name != event.name) continue;
    if (!may_send(wait->by, event, info_.starter)) continue;
    Fiber& fiber = *find_fiber(pending.fiber);
    const bytecode::Instruction& at = *fiber.top().pc;
    Result<Value> value = signal_value(event, at.c);
    if (!value) return tl::unexpected(value.error());
    const bool wanted = at.a != kNoRegister;
    forget(id);
    go_on_with(fiber, at.a, wanted ? std::move(*value) : Value());
    return {};
  }
  const Ref json = json_in(heap_, event.payload);
  Result<Value> fits = read_json(image_, json.get(), awaited->type, unknown_, *this);
  if (!fits || heap_.fault != Fault::kNone)
    return fail(ErrorKind::kInvalid,
                fmt::format("the signal `{}`: {}", event.name,
                            fits ? std::string("it is too large") : fits.error().message),
                "give it what the runbook waits for");
  if (signals_.size() >= kMostSignals)
    return fail(
        ErrorKind::kInvalid,
        fmt::format("{} signals are kept already that nothing has waited for yet", signals_.size()),
        "send it when it is waited for");
  signals_.push_back(event);
  return {};
}

}  // namespace rbk::vm
