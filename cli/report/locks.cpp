#include "cli/report/locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/report/events.h"

namespace rbk::cli {
namespace {

namespace json = boost::json;
using engine::LockState;
using engine::News;

constexpr std::array<std::string_view, 3> kKinds = {"lock", "exclusive", "max"};

std::string_view kind_of(const vm::Lock& lock) { return kKinds[static_cast<size_t>(lock.space)]; }

const json::value* part(const json::value& description, std::string_view name) {
  const json::object* fields = description.if_object();
  return fields == nullptr ? nullptr : fields->if_contains(name);
}

std::string whole_seconds(int64_t time) { return format_time(time / 1'000'000 * 1'000'000); }

std::string standing(const LockState::Claim& claim) {
  return fmt::format("{}{}", engine::to_string(claim.status),
                     claim.process ? "" : ", nobody drives it");
}

/// What somebody can do who wants the lock.
std::string cure(const LockState::Claim& claim, std::string_view store_option) {
  if (claim.held_back)
    return fmt::format("`rbk store accept{}` lets all that the store holds back go on",
                       store_option);
  if (claim.status == engine::RunStatus::kQuarantined)
    return fmt::format("`rbk locks --free {}{}` frees it, once it is known what the run left",
                       claim.run, store_option);
  if (claim.process) return {};
  return fmt::format("`rbk {2} {0}{1}` goes on with it, `rbk cancel {0}{1}` ends it", claim.run,
                     store_option,
                     claim.status == engine::RunStatus::kPaused ? "unpause" : "resume");
}

json::object claim_json(const LockState::Claim& claim) {
  json::object made{{"run", claim.run},
                    {"runbook", claim.runbook},
                    {"path", claim.path},
                    {"since", format_time(claim.since)},
                    {"limit", claim.limit},
                    {"status", engine::to_string(claim.status)},
                    {"driven", claim.process.has_value()}};
  if (claim.until) made["until"] = format_time(*claim.until);
  if (claim.process) made["process"] = *claim.process;
  return made;
}

std::string claim_text(const LockState::Claim& claim) {
  std::string text = fmt::format("run {} {}", claim.run, claim.runbook);
  if (!claim.path.empty()) text += fmt::format(", step {}", printable(claim.path));
  return text + ",";
}

}  // namespace

std::string lock_text(const json::value& description) {
  vm::Lock lock;
  const json::value* name = part(description, "lock");
  const json::value* kind = part(description, "kind");
  const json::value* limit = part(description, "limit");
  if (name != nullptr && name->is_string()) lock.name = name->get_string();
  if (limit != nullptr && limit->is_int64()) lock.limit = limit->get_int64();
  for (size_t i = 0; i < kKinds.size(); ++i)
    if (kind != nullptr && kind->is_string() && std::string_view(kind->get_string()) == kKinds[i])
      lock.space = static_cast<vm::Lock::Space>(i);
  return vm::describe(lock);
}

std::string lock_line(const News& news) {
  const std::string lock = lock_text(news.input);
  if (news.kind == News::Kind::kUnlocked) return "freed " + lock;
  if (news.kind == News::Kind::kLocked) {
    const json::value* waited = part(news.input, "waited");
    const int64_t long_wait = waited != nullptr && waited->is_int64() ? waited->get_int64() : 0;
    return fmt::format("has {}{}", lock,
                       long_wait >= 1'000'000 ? " after " + duration_text(long_wait) : "");
  }
  std::vector<std::string> runs;
  if (const json::value* holders = part(news.input, "holders"); holders && holders->is_array())
    for (const json::value& run : holders->get_array()) runs.push_back(output_text(run));
  std::string text = fmt::format("waits for {}{}", lock, holders_text(runs));
  if (const json::value* idle = part(news.input, "idle"); idle && idle->is_array())
    for (const json::value& run : idle->get_array())
      text += fmt::format("; nobody drives run {0}: `rbk resume {0}` goes on with it",
                          output_text(run));
  return text;
}

json::object lock_event(const std::string& run, const News& news) {
  constexpr std::array<std::string_view, 3> kEvents = {"queued", "locked", "unlocked"};
  const auto place = static_cast<size_t>(news.kind) - static_cast<size_t>(News::Kind::kQueues);
  json::object event{{"event", kEvents.at(place)}, {"run", run}, {"time", format_time(news.time)}};
  if (news.kind != News::Kind::kUnlocked) event["path"] = news.path;
  if (const json::object* fields = news.input.if_object())
    for (const auto& [key, value] : *fields)
      event[key] = key == "waited" && value.is_int64()
                       ? json::value(format_duration(value.get_int64()))
                       : value;
  if (news.until) event["until"] = format_time(*news.until);
  return event;
}

std::string holders_text(const std::vector<std::string>& runs) {
  if (runs.empty()) return {};
  if (runs.size() == 1) return fmt::format(", which run {} has", runs.front());
  const std::vector<std::string> before(runs.begin(), runs.end() - 1);
  return fmt::format(", which runs {} and {} have", fmt::join(before, ", "), runs.back());
}

std::string queue_text(const LockState& lock) {
  std::vector<std::string> runs;
  for (const LockState::Claim& claim : lock.holders)
    if (std::find(runs.begin(), runs.end(), claim.run) == runs.end()) runs.push_back(claim.run);
  return vm::describe(lock.lock) + holders_text(runs);
}

std::vector<std::string> idle_holders(const LockState& lock, std::string_view store_option) {
  std::vector<std::string> lines;
  for (const LockState::Claim& claim : lock.holders)
    if (const std::string what = cure(claim, store_option); !what.empty())
      lines.push_back(fmt::format("run {}, which has {}, is {}: {}", claim.run,
                                  vm::describe(lock.lock), standing(claim), what));
  return lines;
}

std::string lock_table(const LockState& lock, std::string_view store_option) {
  std::string text =
      fmt::format("{}, {} at once\n", printable(vm::describe(lock.lock)), lock.lock.limit);
  for (const LockState::Claim& claim : lock.holders) {
    text += fmt::format("  {} has it since {}: {}\n", claim_text(claim), whole_seconds(claim.since),
                        standing(claim));
    if (const std::string what = cure(claim, store_option); !what.empty())
      text += fmt::format("    {}\n", what);
  }
  size_t place = 0;
  for (const LockState::Claim& claim : lock.queue) {
    text += fmt::format(
        "  {}. {} waits since {}{}: {}\n", ++place, claim_text(claim), whole_seconds(claim.since),
        claim.until ? ", until " + whole_seconds(*claim.until) : "", standing(claim));
  }
  return text;
}

json::object lock_json(const LockState& lock) {
  json::array holders;
  for (const LockState::Claim& claim : lock.holders) holders.push_back(claim_json(claim));
  json::array queue;
  for (const LockState::Claim& claim : lock.queue) queue.push_back(claim_json(claim));
  return {{"kind", kind_of(lock.lock)},
          {"lock", lock.lock.name},
          {"limit", lock.lock.limit},
          {"holders", std::move(holders)},
          {"queue", std::move(queue)}};
}

}  // namespace rbk::cli
