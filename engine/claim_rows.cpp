#include "engine/claim_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

namespace rbk::engine {
namespace {

namespace json = boost::json;

bool is_known(const std::vector<vm::Lock>& locks, const vm::Lock& lock) {
  return std::any_of(locks.begin(), locks.end(),
                     [&](const vm::Lock& known) { return known.same(lock); });
}

std::vector<vm::LockClaim> plain(const std::vector<LockRow>& rows) {
  std::vector<vm::LockClaim> claims;
  claims.reserve(rows.size());
  for (const LockRow& row : rows) claims.push_back(row.claim);
  return claims;
}

/// A run that waits for the end of another: its claim names that one.
bool waits_for_run(const LockRow& row) { return row.claim.lock.space == vm::Lock::Space::kRunEnd; }

std::string name_of(const LockRow& row) {
  return row.path.empty() ? "run " + row.run_id
                          : fmt::format("run {}, step {},", row.run_id, row.path);
}

/// "run a waits for the lock `x`, which run b has, and run b waits for …".
std::string circle_text(const std::vector<LockRow>& rows, const std::vector<size_t>& circle) {
  std::string text = "a circle would close:";
  for (size_t i = 0; i < circle.size(); ++i) {
    const LockRow& waiting = rows[circle[i]];
    const LockRow& next = rows[circle[(i + 1) % circle.size()]];
    const bool is_same = waiting.run_id == next.run_id;  // branches of one run
    if (waits_for_run(waiting)) {
      text += fmt::format("{} {} waits for {}", i == 0 ? "" : ", and", name_of(waiting),
                          vm::describe(waiting.claim.lock));
      continue;
    }
    text += fmt::format("{} {} waits for {}, which {} has", i == 0 ? "" : ", and", name_of(waiting),
                        vm::describe(waiting.claim.lock),
                        is_same ? fmt::format("step {}", next.path) : "run " + next.run_id);
  }
  return text;
}

Status answer(ClaimRows& rows, RunKey run, uint64_t request, std::string_view how,
              const std::string& text, int64_t time) {
  Message message;
  message.id = fmt::format("lock:{}:{}", run, request);
  message.run = run;
  message.request = request;
  message.kind = Message::Kind::kLock;
  message.body = json::serialize(json::object{{"how", how}, {"message", text}});
  message.time = time;
  return rows.tell(message);
}

/// The runs that have it, and those that wait for it, are cancelled, as by `rbk cancel`.
Status cancel_others(ClaimRows& rows, RunKey run, const LockAsk& ask,
                     const std::vector<LockRow>& found) {
  const auto own = std::find_if(found.begin(), found.end(),
                                [&](const LockRow& row) { return row.claim.run == run; });
  const std::string id = own == found.end() ? std::string() : own->run_id;
  for (const LockRow& row : found) {
    if (row.claim.run == run || !row.claim.lock.same(ask.acquire.lock)) continue;
    auto above = rows.is_above(row.claim.run, run);  // it would cancel itself
    if (!above) return tl::unexpected(above.error());
    if (*above) continue;
    Message message;
    message.id = fmt::format("cancel:{}:{}:{}", run, ask.request, row.claim.run);
    message.run = row.claim.run;
    message.kind = Message::Kind::kCancel;
    message.body = R"({"rollback":false,"now":false})";
    message.by =
        fmt::format("run {}, whose {} cancels who has it", id, vm::describe(ask.acquire.lock));
    message.time = ask.time;
    if (auto ok = rows.tell(message); !ok) return ok;
  }
  return {};
}

/// Gives the lock to those who come next.
Status settle(ClaimRows& rows, const vm::Lock& lock, int64_t time, CommitResult& result) {
  auto found = rows.claims(&lock);
  if (!found) return tl::unexpected(found.error());
  for (const size_t i : vm::grantable(plain(*found), lock)) {
    const LockRow& row = (*found)[i];
    if (auto ok = rows.grant(row.key, std::max(time, row.since)); !ok) return ok;
    if (auto ok = answer(rows, row.claim.run, row.claim.request, "granted", "", time); !ok)
      return ok;
    result.locks_granted.emplace_back(row.claim.run, row.claim.request);
    result.messages_posted = true;
  }
  return {};
}

/// The claims of runs that wait for others, and those of what they wait for, which no circle
/// names: only the first have rows.
Result<std::vector<LockRow>> add_waiting_runs(ClaimRows& rows, std::vector<vm::LockClaim>& claims) {
  auto found = rows.waiting_runs();
  if (!found) return tl::unexpected(found.error());
  std::vector<vm::RunWait> waits;
  waits.reserve(found->size());
  for (const WaitingRun& one : *found) waits.push_back(one.wait);
  const size_t first = claims.size();
  vm::add_run_waits(claims, waits);
  std::vector<LockRow> waiting(found->size());
  for (size_t i = 0; i < waiting.size(); ++i) {
    waiting[i].claim = claims[first + i];
    waiting[i].run_id = std::move((*found)[i].run_id);
    waiting[i].path = std::move((*found)[i].path);
  }
  return waiting;
}

/// The claim of this key waits: if it would wait for ever, somebody fails.
Status break_deadlock(ClaimRows& rows, int64_t key, int64_t time, CommitResult& result) {
  auto found = rows.claims(nullptr);
  if (!found) return tl::unexpected(found.error());
  const auto newcomer = std::find_if(found->begin(), found->end(),
                                     [&](const LockRow& row) { return row.key == key; });
  if (newcomer == found->end()) return {};
  const auto place = static_cast<size_t>(newcomer - found->begin());
  std::vector<vm::LockClaim> all = plain(*found);
  auto waiting = add_waiting_runs(rows, all);
  if (!waiting) return tl::unexpected(waiting.error());
  found->insert(found->end(), waiting->begin(), waiting->end());
  const auto deadlock = vm::find_deadlock(all, place);
  if (!deadlock) return {};
  const LockRow& victim = (*found)[deadlock->victim];
  if (auto freed = rows.remove(victim.claim.run, victim.claim.request); !freed)
    return tl::unexpected(freed.error());
  if (auto ok = answer(rows, victim.claim.run, victim.claim.request, "deadlock",
                       circle_text(*found, deadlock->circle), time);
      !ok)
    return ok;
  result.messages_posted = true;
  return settle(rows, victim.claim.lock, time, result);
}

/// Somebody else has the lock, and the one who asks does not wait for it.
Status reject(ClaimRows& rows, RunKey run, const LockAsk& ask, const std::string& holder,
              bool is_new, CommitResult& result) {
  const std::string text =
      fmt::format("{} is taken by run {}", vm::describe(ask.acquire.lock), holder);
  // Of the run itself, before its first step. Of a runbook that it calls it is that call's failure.
  if (is_new && ask.acquire.path.empty())
    return fail(ErrorKind::kRefused, "nothing was run: " + text,
                fmt::format("`rbk show {}` tells how that one stands; try again once it has ended",
                            holder));
  if (auto freed = rows.remove(run, ask.request); !freed) return tl::unexpected(freed.error());
  result.messages_posted = true;
  return answer(rows, run, ask.request, "taken", text, ask.time);
}

Status ask_lock(ClaimRows& rows, RunKey run, const LockAsk& ask, bool is_new,
                CommitResult& result) {
  const vm::request::Acquire& acquire = ask.acquire;
  auto key = rows.add(run, ask);
  if (!key) return tl::unexpected(key.error());
  if (auto ok = settle(rows, acquire.lock, ask.time, result); !ok) return ok;
  const auto& granted = result.locks_granted;
  if (std::find(granted.begin(), granted.end(), std::pair{run, ask.request}) != granted.end())
    return {};
  auto found = rows.claims(&acquire.lock);
  if (!found) return tl::unexpected(found.error());
  using Mode = vm::request::Acquire::Mode;
  if (acquire.mode == Mode::kReject) {
    const auto has = std::find_if(found->begin(), found->end(),
                                  [&](const LockRow& other) { return other.key != *key; });
    return reject(rows, run, ask, has == found->end() ? std::string("?") : has->run_id, is_new,
                  result);
  }
  if (acquire.mode == Mode::kCancelRunning) {
    result.messages_posted = true;  // who is told may be driven here
    if (auto ok = cancel_others(rows, run, ask, *found); !ok) return ok;
  }
  return break_deadlock(rows, *key, ask.time, result);
}

Status remove(ClaimRows& rows, RunKey run, std::optional<uint64_t> request,
              std::vector<vm::Lock>& freed) {
  auto removed = rows.remove(run, request);
  if (!removed) return tl::unexpected(removed.error());
  for (vm::Lock& lock : *removed)
    if (!is_known(freed, lock)) freed.push_back(std::move(lock));
  return {};
}

bool ends(const RunChange& change) { return is_over(change.status) && change.facts_changed; }

}  // namespace

Status write_locks(ClaimRows& rows, const RunChange& change, bool is_new, CommitResult& result) {
  const int64_t time = change.entries.empty() ? 0 : change.entries.back().time;
  std::vector<vm::Lock> freed;
  for (const uint64_t request : change.locks_freed)
    if (auto ok = remove(rows, change.run, request, freed); !ok) return ok;
  if (ends(change))
    if (auto ok = remove(rows, change.run, std::nullopt, freed); !ok) return ok;
  for (const vm::Lock& lock : freed)
    if (auto ok = settle(rows, lock, time, result); !ok) return ok;
  if (ends(change)) return {};
  for (const LockAsk& ask : change.locks_asked)
    if (auto ok = ask_lock(rows, change.run, ask, is_new, result); !ok) return ok;
  return {};
}

Status free_all_locks(ClaimRows& rows, RunKey run, int64_t time, CommitResult& result) {
  std::vector<vm::Lock> freed;
  if (auto ok = remove(rows, run, std::nullopt, freed); !ok) return ok;
  for (const vm::Lock& lock : freed)
    if (auto ok = settle(rows, lock, time, result); !ok) return ok;
  return {};
}

bool speaks_of_locks(const RunChange& change) {
  return ends(change) || !change.locks_freed.empty() || !change.locks_asked.empty();
}

}  // namespace rbk::engine
