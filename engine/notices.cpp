#include "engine/notices.h"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/units.h"
#include "engine/engine_state.h"
#include "engine/json_fields.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

constexpr int64_t kFirstPause = 10'000'000;
constexpr int64_t kLongestPause = int64_t{3'600} * 1'000'000;
/// After that it is given up.
constexpr int64_t kLongestTrying = int64_t{86'400} * 1'000'000;
/// Deliveries under way at once.
constexpr size_t kMostAtOnce = 8;
/// How long a command stays for deliveries when all else is done.
constexpr int64_t kLongestStay = 10'000'000;

std::string kind_of(Wait::Kind kind) {
  switch (kind) {
    case Wait::Kind::kApproval:
      return "approval";
    case Wait::Kind::kQuestion:
      return "question";
    case Wait::Kind::kSignal:
      return "signal";
    case Wait::Kind::kFailure:
      return "failed_step";
    case Wait::Kind::kDoubt:
      return "doubt";
  }
  return "approval";
}

std::string error_text(const json::object& about) {
  const json::value* said = about.if_contains("error");
  if (said == nullptr || !said->is_object()) return {};
  return fmt::format("{}: {}", text_of(said->get_object(), "kind"),
                     text_of(said->get_object(), "message"));
}

/// One line for people.
std::string line_for(const RunRow& run, const Occasion& of) {
  const std::string where = fmt::format("{} (run {})", run.runbook, run.id);
  const std::string name = text_of(of.about, "name").empty() ? of.path : text_of(of.about, "name");
  if (of.kind == "approval" || of.kind == "question")
    return fmt::format("{} asks: {}", where, text_of(of.about, "question"));
  if (of.kind == "escalated")
    return fmt::format("{} still asks, and now you: {}", where, text_of(of.about, "question"));
  if (of.kind == "signal") return fmt::format("{} waits for the signal {}", where, name);
  if (of.kind == "failed_step")
    return fmt::format("step {} of {} has failed, and asks what becomes of it: {}", of.path, where,
                       error_text(of.about));
  if (of.kind == "doubt")
    return fmt::format("whether step {} of {} took effect is not known", of.path, where);
  if (of.kind == "break_glass")
    return fmt::format("{} broke the glass and approved {} of {} alone: {}",
                       text_of(of.about, "by"), of.path, where, text_of(of.about, "reason"));
  if (of.kind == "rollback_failed")
    return fmt::format("{} has failed, and not all of it could be undone: {}", where,
                       error_text(of.about));
  return fmt::format("{} has failed: {}", where, error_text(of.about));
}

}  // namespace

std::vector<std::string> named_targets(const json::object& description) {
  std::vector<std::string> names;
  const json::value* list = description.if_contains("notify");
  if (list != nullptr && list->is_array())
    for (const json::value& item : list->get_array())
      if (item.is_string()) names.emplace_back(item.get_string());
  return names;
}

std::optional<int64_t> escalates_at(const json::object& description, int64_t since) {
  const std::string after = text_of(description, "escalate_after");
  if (after.empty()) return std::nullopt;
  const auto micros = parse_duration(after);
  if (!micros) return std::nullopt;
  int64_t at = 0;
  return __builtin_add_overflow(since, *micros, &at) ? INT64_MAX : at;
}

std::vector<Occasion> occasions_of(const Wait& wait) {
  Occasion made;
  made.kind = kind_of(wait.kind);
  made.request = wait.request;
  made.path = wait.path;
  made.about = object_of(wait.description);
  made.targets = named_targets(made.about);
  made.expires = wait.expires;
  std::vector<Occasion> all{made};
  if (const auto at = escalates_at(made.about, wait.since)) {
    made.kind = "escalated";
    made.due = at;
    all.push_back(std::move(made));
  }
  return all;
}

json::object payload_of(const RunRow& run, const std::string& id, const Occasion& occasion,
                        int64_t time) {
  json::object made{{"id", id},
                    {"kind", occasion.kind},
                    {"text", line_for(run, occasion)},
                    {"run", run.id},
                    {"runbook", run.runbook},
                    {"starter", run.starter},
                    {"reason", run.reason},
                    {"labels", object_of(run.labels)},
                    {"time", format_time(time)}};
  if (!occasion.path.empty()) made["path"] = occasion.path;
  if (occasion.expires) made["expires"] = format_time(*occasion.expires);
  for (const auto& [key, value] : occasion.about)
    // Why the glass was broken says more than why the run was started.
    if (key != "notify" && (key == "reason" || !made.contains(key))) made[key] = value;
  return made;
}

std::optional<int64_t> next_attempt(int64_t made, int64_t now, int64_t attempts) {
  int64_t pause = kFirstPause;
  for (int64_t i = 1; i < attempts && pause < kLongestPause; ++i) pause *= 2;
  const int64_t at = now + std::min(pause, kLongestPause);
  if (at - made > kLongestTrying) return std::nullopt;
  return at;
}

// ---- The engine's part

/// What happened in the change becomes rows of the outbox, in the same commit.
void Engine::State::add_notices(RunDriver& driver, RunChange& change) {
  const RunRow& run = driver.row();
  const json::object labels = object_of(run.labels);
  const bool is_notice = labels.contains(kNoticeLabel);
  const int64_t time = driver.time();
  std::vector<Occasion> occasions = driver.take_occasions();
  for (const Wait& wait : change.waits) {
    const bool is_over = std::find(change.waits_over.begin(), change.waits_over.end(),
                                   wait.request) != change.waits_over.end();
    if (is_over) continue;
    for (Occasion& one : occasions_of(wait)) occasions.push_back(std::move(one));
  }
  for (const Occasion& occasion : occasions) {
    std::vector<std::string> targets = occasion.targets;
    const bool by_default = targets.empty() || occasion.defaults_too;
    if (by_default && !is_notice && world.notifier != nullptr)
      for (std::string& name : world.notifier->defaults(occasion.kind, run.folder))
        if (std::find(targets.begin(), targets.end(), name) == targets.end())
          targets.push_back(std::move(name));
    for (const std::string& target : targets) {
      Notice notice;
      notice.id =
          fmt::format("{}-{}-{}-{}-{}", run.id, occasion.request, run.head, occasion.kind, target);
      notice.request = occasion.request;
      notice.kind = occasion.kind;
      notice.target = target;
      notice.payload = json::serialize(payload_of(run, notice.id, occasion, time));
      notice.made = time;
      notice.due = occasion.due.value_or(time);
      change.notices.push_back(std::move(notice));
    }
  }
}

/// Notes what has ended. What goes wrong with the store here goes wrong again where it matters: no
/// run is held up by what is told of it.
void Engine::State::settle_notices() {
  for (const auto& [of, status] : notices->take()) {
    const auto found = delivering.find(of);
    if (found == delivering.end()) continue;
    const Notice notice = std::move(found->second);
    delivering.erase(found);
    const int64_t time = world.clock->wall();
    if (status) {
      (void)store->settle_notice(of, Notice::State::kDelivered, time, {});
      continue;
    }
    const std::string problem =
        status.error().message + (status.error().cure.empty() ? "" : ". " + status.error().cure);
    const auto again = next_attempt(notice.made, time, notice.attempts);
    (void)store->settle_notice(of, again ? Notice::State::kOpen : Notice::State::kGivenUp,
                               again.value_or(time), problem);
    look_for_notices = true;
  }
}

/// Begins what is due.
void Engine::State::send_notices() {
  if (world.notifier == nullptr) return;
  settle_notices();
  const int64_t boot_now = world.clock->boot();
  if (!look_for_notices && (notices_at == 0 || boot_now < notices_at)) return;
  if (delivering.size() >= kMostAtOnce) return;
  look_for_notices = false;
  notices_at = 0;
  const int64_t time = world.clock->wall();
  auto next = store->next_notice();
  if (!next || !*next) return;
  if (**next > time) {
    notices_at = boot_now + (**next - time);
    return;
  }
  auto taken =
      store->take_notices(time, time + 2 * kLongestDelivery, kMostAtOnce - delivering.size());
  if (!taken) return;
  look_for_notices = !taken->empty();  // there may be more
  for (Notice& notice : *taken) begin_notice(std::move(notice));
}

bool Engine::State::may_send_notices() const {
  return look_for_notices && world.notifier != nullptr && delivering.size() < kMostAtOnce;
}

void Engine::State::begin_notice(Notice notice) {
  const int64_t of = notice.key;
  auto run = store->run(notice.run);
  if (!run) return;
  if (notice.kind == "escalated") {
    auto waits = store->waits(notice.run);
    const bool open = waits && std::any_of(waits->begin(), waits->end(), [&](const Wait& wait) {
                        return wait.request == notice.request;
                      });
    if (waits && !open) {
      (void)store->settle_notice(of, Notice::State::kDropped, notice.due, {});
      return;
    }
  }
  delivering[of] = notice;
  world.notifier->deliver(notice.id, notice.target, notice.payload, run->folder,
                          [results = notices, sleeper = world.sleeper, of](Status status) {
                            results->put(of, std::move(status));
                            sleeper->wake();
                          });
}

/// Stays until nothing is under way or due, but not for long.
void Engine::State::finish_notices(std::optional<int64_t> given) {
  if (world.notifier == nullptr) return;
  const int64_t patience =
      given.value_or(stop_level.load() == 0 ? kLongestStay : kLongestStay / 10);
  const int64_t until = world.clock->boot() + patience;
  look_for_notices = true;
  while (true) {
    send_notices();
    settle_notices();  // what has ended at once
    const int64_t boot_now = world.clock->boot();
    if ((delivering.empty() && !look_for_notices) || boot_now >= until || stop_level.load() >= 2)
      return;
    if (may_send_notices()) continue;
    world.sleeper->sleep(until);
  }
}

Status Engine::deliver_notices(int64_t patience) {
  state_->finish_notices(patience);
  return {};
}

Result<std::vector<Notice>> Engine::notices(const std::string& run) {
  RunKey wanted = 0;
  if (!run.empty()) {
    auto row = state_->store->find_run(run);
    if (!row) return tl::unexpected(row.error());
    wanted = row->key;
  }
  return state_->store->notices(wanted);
}

}  // namespace rbk::engine
