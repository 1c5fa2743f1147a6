// Signals: what may be sent to a run, checked while the sender can still mend it, and posted.
// Whoever drives the run takes it up as any message.
#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/spelling.h"
#include "base/units.h"
#include "engine/engine_state.h"
#include "engine/json_fields.h"
#include "vm/bytecode/signals.h"
#include "vm/bytecode/type_text.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

/// A run keeps that many signals that it has not waited for yet, those in its inbox included. The
/// machine's own bound is above: senders that come at once lose nothing.
constexpr size_t kMostKept = 100;
constexpr size_t kLongestSignal = 64 * 1024;

/// "go: Go, stop: json".
std::string listed(const bytecode::Program& program, const std::vector<bytecode::Signal>& signals) {
  std::string text;
  for (const bytecode::Signal& signal : signals)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", signal.name,
                        bytecode::type_text(program, signal.type));
  return text;
}

Status check_name(const RunRow& row, const bytecode::Program& program, const std::string& name) {
  const std::vector<bytecode::Signal> signals = bytecode::signals_of(program);
  if (signals.empty())
    return fail(ErrorKind::kRefused,
                fmt::format("{} waits for no signal, so run {} takes none", row.runbook, row.id),
                "`wait for signal NAME` in the runbook would wait for one");
  std::vector<std::string_view> names;
  for (const bytecode::Signal& signal : signals) {
    if (signal.name == name) return {};
    names.push_back(signal.name);
  }
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorKind::kNotFound, fmt::format("run {} waits for no signal `{}`", row.id, name),
              near.empty() ? "its signals are " + listed(program, signals)
                           : fmt::format("did you mean {}? its signals are {}", near,
                                         listed(program, signals)));
}

}  // namespace

json::object signal_body(const vm::event::Signalled& signal) {
  return {{"name", signal.name},
          {"payload", signal.payload},
          {"user", signal.sender},
          {"groups", json::array(signal.groups.begin(), signal.groups.end())}};
}

vm::event::Signalled signal_of(const json::object& body) {
  vm::event::Signalled signal;
  signal.name = text_of(body, "name");
  signal.sender = text_of(body, "user");
  if (const json::value* payload = body.if_contains("payload")) signal.payload = *payload;
  if (const json::value* groups = body.if_contains("groups"); groups && groups->is_array())
    for (const json::value& group : groups->get_array())
      if (group.is_string()) signal.groups.emplace_back(group.get_string());
  return signal;
}

/// Where waits for it stand, one of them has to let this sender. A wait to come may.
Status Engine::State::check_sender(const RunRow& row, const vm::event::Signalled& signal) {
  auto waits = store->waits(row.key);
  if (!waits) return tl::unexpected(waits.error());
  std::string wanted;
  for (const Wait& wait : *waits) {
    if (wait.kind != Wait::Kind::kSignal) continue;
    const json::object description = object_of(wait.description);
    if (text_of(description, "name") != signal.name) continue;
    const json::value* by = description.if_contains("by");
    if (by == nullptr || vm::may_send(*by, signal, row.starter)) return {};
    wanted = people_listed(description, "by");
  }
  if (wanted.empty()) return {};
  return fail(ErrorKind::kPermission,
              fmt::format("{} may not send the signal `{}`: it is waited for by {}", signal.sender,
                          signal.name, wanted),
              "one of those has to send it; groups come from runbook.toml");
}

/// Whether the run's machine would take it, after all that is on its way already.
Status Engine::State::check_signal(const RunRow& row,
                                   const std::shared_ptr<const bytecode::Program>& program,
                                   const vm::event::Signalled& signal) {
  auto run = recover_run(*store, row, program);
  if (!run) return tl::unexpected(run.error());
  auto messages = store->messages(row.key);
  if (!messages) return tl::unexpected(messages.error());
  const auto on_the_way =
      static_cast<size_t>(std::count_if(messages->begin(), messages->end(), [](const Message& one) {
        return one.kind == Message::Kind::kSignal;
      }));
  const size_t before = run->machine.kept_signals();
  run->machine.refuse_unknown_fields();
  auto turn = run->machine.deliver({std::max(run->time, world.clock->wall()), signal});
  if (!turn) return tl::unexpected(turn.error());
  const bool is_kept = run->machine.kept_signals() > before;
  if (is_kept && before + on_the_way >= kMostKept)
    return fail(ErrorKind::kRefused,
                fmt::format("run {} keeps {} signals already that it has not waited for yet",
                            row.id, before + on_the_way),
                "send it when the run waits for it");
  return {};
}

Result<SignalSent> Engine::signal(const std::string& run, const std::string& name,
                                  const std::optional<json::value>& payload, const std::string& id,
                                  const Person& by) {
  auto row = state_->find_changeable(run, "takes no signal");
  if (!row) return tl::unexpected(row.error());
  if (is_over(row->status) || row->status == RunStatus::kQuarantined)
    return fail(
        ErrorKind::kRefused,
        fmt::format("run {} takes no signal any more: it is {}", row->id, to_string(row->status)),
        fmt::format("`rbk show {}` tells how it ended", row->id));
  auto program = load_program(*state_->store, *row);
  if (!program) return tl::unexpected(program.error());
  if (auto known = check_name(*row, **program, name); !known) return tl::unexpected(known.error());
  vm::event::Signalled signal{name, payload.value_or(nullptr), by.user, by.groups};
  if (const size_t size = json::serialize(signal.payload).size(); size > kLongestSignal)
    return fail(ErrorKind::kInvalid,
                fmt::format("the signal `{}` brings {}, and may bring {}", name,
                            format_size(static_cast<int64_t>(size)),
                            format_size(static_cast<int64_t>(kLongestSignal))),
                "send where it lies, not all of it");
  if (auto may = state_->check_sender(*row, signal); !may) return tl::unexpected(may.error());
  auto fits = state_->check_signal(*row, *program, signal);
  if (!fits && !payload && fits.error().kind == ErrorKind::kInvalid) {
    // Not said: what its fields say by themselves, if all of them do.
    signal.payload = json::object{};
    if (state_->check_signal(*row, *program, signal)) fits = {};
  }
  if (!fits) return tl::unexpected(fits.error());
  auto posted =
      state_->post(row->key, 0, Message::Kind::kSignal, signal_body(signal), by,
                   id.empty() ? std::string() : fmt::format("signal:{}:{}:{}", row->id, name, id));
  if (!posted && posted.error().kind == ErrorKind::kExists) return SignalSent::kBefore;
  if (!posted) return tl::unexpected(posted.error());
  return SignalSent::kNow;
}

}  // namespace rbk::engine
