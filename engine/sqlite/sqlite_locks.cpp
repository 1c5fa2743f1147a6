// Locks on SQLite: who has them, and who is next. Every decision is made in the transaction that
// changes something, so that there is one order of all.
#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "engine/sqlite/request_list.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

namespace json = boost::json;

constexpr std::string_view kAllClaims =
    "select "
    "claim.key,space,name,claim.run,request,slots,held,unwinds,under,path,since,until,run.id "
    "from claim join run on run.key=claim.run order by claim.key";
constexpr std::string_view kClaimsOfOne =
    "select "
    "claim.key,space,name,claim.run,request,slots,held,unwinds,under,path,since,until,run.id "
    "from claim join run on run.key=claim.run where space=? and name=? order by claim.key";

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

}  // namespace

Result<std::vector<LockRow>> SqliteStore::claims(Connection& connection, Statement& statement,
                                                 const vm::Lock* lock) {
  if (auto ok = connection.ready(statement, lock == nullptr ? kAllClaims : kClaimsOfOne); !ok)
    return tl::unexpected(ok.error());
  std::vector<LockRow> rows;
  Use use(statement);
  if (lock != nullptr) {
    use->bind(1, static_cast<int64_t>(lock->space));
    use->bind_text(2, lock->name);
  }
  int code = 0;
  while ((code = use->step()) == SQLITE_ROW) {
    LockRow& row = rows.emplace_back();
    row.key = use->integer(0);
    row.claim.lock.space = static_cast<vm::Lock::Space>(use->integer(1));
    row.claim.lock.name = use->text(2);
    row.claim.run = use->integer(3);
    row.claim.request = static_cast<uint64_t>(use->integer(4));
    row.claim.lock.limit = use->integer(5);
    row.claim.held = use->integer(6) != 0;
    row.claim.unwinds = use->integer(7) != 0;
    row.claim.under = list_of(use->text(8));
    row.path = use->text(9);
    row.since = use->integer(10);
    if (!use->is_null(11)) row.until = use->integer(11);
    row.run_id = use->text(12);
  }
  if (code != SQLITE_DONE) return tl::unexpected(connection.error("read its locks"));
  return rows;
}

Result<std::vector<LockRow>> SqliteStore::locks() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  Statement statement;
  return claims(**connection, statement);
}

// ---- Messages

Status SqliteStore::tell(RunKey run, uint64_t request, Message::Kind kind, const std::string& id,
                         const std::string& body, const std::string& by, int64_t time) {
  if (auto ok = writer_.ready(writes_.lock_message,
                              "insert or ignore into "
                              "message(id,run,request,kind,body,author,time,taken) "
                              "values(?,?,?,?,?,?,?,0)");
      !ok)
    return ok;
  Statement& row = writes_.lock_message;
  row.bind_text(1, id);
  row.bind(2, run);
  row.bind(3, static_cast<int64_t>(request));
  row.bind(4, static_cast<int64_t>(kind));
  row.bind_text(5, body);
  row.bind_text(6, by);
  row.bind(7, time);
  return done(row, "write a message to it");
}

Status SqliteStore::answer_lock(RunKey run, uint64_t request, std::string_view how,
                                const std::string& message, int64_t time) {
  return tell(run, request, Message::Kind::kLock, fmt::format("lock:{}:{}", run, request),
              json::serialize(json::object{{"how", how}, {"message", message}}), "", time);
}

/// The runs that have it, and those that wait for it, are cancelled, as by `rbk cancel`.
Status SqliteStore::cancel_others(RunKey run, const LockAsk& ask,
                                  const std::vector<LockRow>& rows) {
  const auto own = std::find_if(rows.begin(), rows.end(),
                                [&](const LockRow& row) { return row.claim.run == run; });
  const std::string id = own == rows.end() ? std::string() : own->run_id;
  const std::string by =
      fmt::format("run {}, whose {} cancels who has it", id, vm::describe(ask.acquire.lock));
  for (const LockRow& row : rows) {
    if (row.claim.run == run || !row.claim.lock.same(ask.acquire.lock)) continue;
    auto above = is_above(row.claim.run, run);  // it would cancel itself
    if (!above) return tl::unexpected(above.error());
    if (*above) continue;
    if (auto ok = tell(row.claim.run, 0, Message::Kind::kCancel,
                       fmt::format("cancel:{}:{}:{}", run, ask.request, row.claim.run),
                       R"({"rollback":false,"now":false})", by, ask.time);
        !ok)
      return ok;
  }
  return {};
}

// ---- Changes

Status SqliteStore::free_lock(RunKey run, uint64_t request, std::vector<vm::Lock>& freed) {
  if (auto ok = writer_.ready(writes_.lock_free,
                              "delete from claim where run=? and request=? returning space,name");
      !ok)
    return ok;
  writes_.lock_free.bind(1, run);
  writes_.lock_free.bind(2, static_cast<int64_t>(request));
  Use use(writes_.lock_free);
  int code = 0;
  while ((code = use->step()) == SQLITE_ROW) {
    vm::Lock lock{static_cast<vm::Lock::Space>(use->integer(0)), use->text(1), 1};
    if (!is_known(freed, lock)) freed.push_back(std::move(lock));
  }
  if (code != SQLITE_DONE) return tl::unexpected(writer_.error("free a lock in it"));
  return {};
}

Status SqliteStore::free_all(RunKey run, std::vector<vm::Lock>& freed) {
  if (auto ok = writer_.ready(writes_.lock_free_run,
                              "delete from claim where run=? returning space,name");
      !ok)
    return ok;
  writes_.lock_free_run.bind(1, run);
  Use use(writes_.lock_free_run);
  int code = 0;
  while ((code = use->step()) == SQLITE_ROW) {
    vm::Lock lock{static_cast<vm::Lock::Space>(use->integer(0)), use->text(1), 1};
    if (!is_known(freed, lock)) freed.push_back(std::move(lock));
  }
  if (code != SQLITE_DONE) return tl::unexpected(writer_.error("free a lock in it"));
  return {};
}

Status SqliteStore::settle_lock(const vm::Lock& lock, int64_t time, CommitResult& result) {
  auto rows = claims(writer_, writes_.lock_claims_of, &lock);
  if (!rows) return tl::unexpected(rows.error());
  for (const size_t i : vm::grantable(plain(*rows), lock)) {
    const LockRow& row = (*rows)[i];
    if (auto ok = writer_.ready(writes_.lock_grant, "update claim set held=1,since=? where key=?");
        !ok)
      return ok;
    writes_.lock_grant.bind(1, std::max(time, row.since));
    writes_.lock_grant.bind(2, row.key);
    if (auto ok = done(writes_.lock_grant, "give a lock in it"); !ok) return ok;
    if (auto ok = answer_lock(row.claim.run, row.claim.request, "granted", "", time); !ok)
      return ok;
    result.locks_granted.emplace_back(row.claim.run, row.claim.request);
    result.messages_posted = true;
  }
  return {};
}

Result<std::vector<LockRow>> SqliteStore::run_waits(std::vector<vm::LockClaim>& claims) {
  if (auto ok = writer_.ready(writes_.run_waits,
                              "select c.key,c.id,c.parent,p.id,c.parent_request,c.parent_path,"
                              "c.parent_under from run c join run p on p.key=c.parent "
                              "where c.status<6 and c.link in (1,3)");
      !ok)
    return tl::unexpected(ok.error());
  std::vector<vm::RunWait> waits;
  std::vector<LockRow> waiting;
  {
    Use use(writes_.run_waits);
    int code = 0;
    while ((code = use->step()) == SQLITE_ROW) {
      vm::RunWait& wait = waits.emplace_back();
      wait.awaited = use->integer(0);
      wait.awaited_id = use->text(1);
      wait.run = use->integer(2);
      wait.request = static_cast<uint64_t>(use->integer(4));
      wait.under = list_of(use->text(6));
      LockRow& row = waiting.emplace_back();
      row.run_id = use->text(3);
      row.path = use->text(5);
    }
    if (code != SQLITE_DONE) return tl::unexpected(writer_.error("read its runs"));
  }
  // Those who wait come first, then what they wait for, which no circle names.
  const size_t first = claims.size();
  vm::add_run_waits(claims, waits);
  for (size_t i = 0; i < waiting.size(); ++i) waiting[i].claim = claims[first + i];
  return waiting;
}

/// Whether `run` has begun `other`, or a run above that.
Result<bool> SqliteStore::is_above(RunKey run, RunKey other) {
  while (other != 0) {
    if (other == run) return true;
    if (auto ok = writer_.ready(writes_.parents, "select parent from run where key=?"); !ok)
      return tl::unexpected(ok.error());
    writes_.parents.bind(1, other);
    Use use(writes_.parents);
    if (use->step() != SQLITE_ROW) return false;
    other = use->integer(0);
  }
  return false;
}

/// The claim of this key waits: if it would wait for ever, somebody fails.
Status SqliteStore::break_deadlock(int64_t key, int64_t time, CommitResult& result) {
  auto rows = claims(writer_, writes_.lock_claims);
  if (!rows) return tl::unexpected(rows.error());
  const auto newcomer =
      std::find_if(rows->begin(), rows->end(), [&](const LockRow& row) { return row.key == key; });
  if (newcomer == rows->end()) return {};
  const auto place = static_cast<size_t>(newcomer - rows->begin());
  std::vector<vm::LockClaim> all = plain(*rows);
  auto waits = run_waits(all);
  if (!waits) return tl::unexpected(waits.error());
  rows->insert(rows->end(), waits->begin(), waits->end());
  const auto deadlock = vm::find_deadlock(all, place);
  if (!deadlock) return {};
  const LockRow& victim = (*rows)[deadlock->victim];
  std::vector<vm::Lock> freed;
  if (auto ok = free_lock(victim.claim.run, victim.claim.request, freed); !ok) return ok;
  if (auto ok = answer_lock(victim.claim.run, victim.claim.request, "deadlock",
                            circle_text(*rows, deadlock->circle), time);
      !ok)
    return ok;
  result.messages_posted = true;
  return settle_lock(victim.claim.lock, time, result);
}

Status SqliteStore::ask_lock(RunKey run, const LockAsk& ask, bool is_new, CommitResult& result) {
  const vm::request::Acquire& acquire = ask.acquire;
  if (auto ok = writer_.ready(
          writes_.lock_ask,
          "insert into claim(space,name,run,request,slots,held,unwinds,under,path,since,until) "
          "values(?,?,?,?,?,0,?,?,?,?,?)");
      !ok)
    return ok;
  Statement& row = writes_.lock_ask;
  row.bind(1, static_cast<int64_t>(acquire.lock.space));
  row.bind_text(2, acquire.lock.name);
  row.bind(3, run);
  row.bind(4, static_cast<int64_t>(ask.request));
  row.bind(5, acquire.lock.limit);
  row.bind(6, acquire.unwinds ? 1 : 0);
  const std::string under = list_text(acquire.under);
  row.bind_text(7, under);
  row.bind_text(8, acquire.path);
  row.bind(9, ask.time);
  if (acquire.until)
    row.bind(10, *acquire.until);
  else
    row.bind_null(10);
  if (auto ok = done(row, "ask for a lock in it"); !ok) return ok;
  const int64_t key = sqlite3_last_insert_rowid(writer_.raw());
  if (auto ok = settle_lock(acquire.lock, ask.time, result); !ok) return ok;
  const auto& granted = result.locks_granted;
  if (std::find(granted.begin(), granted.end(), std::pair{run, ask.request}) != granted.end())
    return {};
  auto rows = claims(writer_, writes_.lock_claims_of, &acquire.lock);
  if (!rows) return tl::unexpected(rows.error());
  using Mode = vm::request::Acquire::Mode;
  if (acquire.mode == Mode::kReject) {
    const auto has = std::find_if(rows->begin(), rows->end(),
                                  [&](const LockRow& other) { return other.key != key; });
    const std::string holder = has == rows->end() ? std::string("?") : has->run_id;
    const std::string message =
        fmt::format("{} is taken by run {}", vm::describe(acquire.lock), holder);
    // Of the run itself, before its first step. Of a runbook that it calls it is that call's
    // failure.
    if (is_new && acquire.path.empty())
      return fail(
          ErrorKind::kRefused, "nothing was run: " + message,
          fmt::format("`rbk show {}` tells how that one stands; try again once it has ended",
                      holder));
    std::vector<vm::Lock> freed;
    if (auto ok = free_lock(run, ask.request, freed); !ok) return ok;
    result.messages_posted = true;
    return answer_lock(run, ask.request, "taken", message, ask.time);
  }
  if (acquire.mode == Mode::kCancelRunning) {
    result.messages_posted = true;  // who is told may be driven here
    if (auto ok = cancel_others(run, ask, *rows); !ok) return ok;
  }
  return break_deadlock(key, ask.time, result);
}

Status SqliteStore::write_locks(const RunChange& change, bool is_new, CommitResult& result) {
  const int64_t time = change.entries.empty() ? 0 : change.entries.back().time;
  std::vector<vm::Lock> freed;
  for (const uint64_t request : change.locks_freed)
    if (auto ok = free_lock(change.run, request, freed); !ok) return ok;
  const bool is_end = is_over(change.status) && change.facts_changed;
  if (is_end)
    if (auto ok = free_all(change.run, freed); !ok) return ok;
  for (const vm::Lock& lock : freed)
    if (auto ok = settle_lock(lock, time, result); !ok) return ok;
  if (is_end) return {};
  for (const LockAsk& ask : change.locks_asked)
    if (auto ok = ask_lock(change.run, ask, is_new, result); !ok) return ok;
  return {};
}

Result<size_t> SqliteStore::free_locks(RunKey run) {
  auto row = this->run(run);
  if (!row) return tl::unexpected(row.error());
  auto all = locks();
  if (!all) return tl::unexpected(all.error());
  const auto count = std::count_if(all->begin(), all->end(), [&](const LockRow& one) {
    return one.claim.run == run && one.claim.held;
  });
  const Status freed = transaction(false, [&]() -> Status {
    if (auto ok = writer_.ready(writes_.holder,
                                "select run.holder,run.id,engine.process,run.status,run.claims "
                                "from run left join engine on engine.key=run.holder "
                                "where run.key=?");
        !ok)
      return ok;
    {
      writes_.holder.bind(1, run);
      Use use(writes_.holder);
      if (use->step() != SQLITE_ROW) return tl::unexpected(writer_.error("read its runs"));
      const auto status = static_cast<RunStatus>(use->integer(3));
      if (status != RunStatus::kQuarantined)
        return fail(ErrorKind::kRefused,
                    fmt::format("run {} is {}, not quarantined", row->id, to_string(status)),
                    fmt::format("`rbk resume {0}` goes on with it, `rbk cancel {0}` ends it; both "
                                "free what it has in time",
                                row->id));
    }
    std::vector<vm::Lock> names;
    if (auto ok = free_all(run, names); !ok) return ok;
    CommitResult ignored;
    for (const vm::Lock& lock : names)
      if (auto ok = settle_lock(lock, row->updated, ignored); !ok) return ok;
    return {};
  });
  if (!freed) return tl::unexpected(freed.error());
  return static_cast<size_t>(count);
}

}  // namespace rbk::engine::sqlite
