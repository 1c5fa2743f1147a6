// Locks on SQLite: the rows of claims, and their messages (engine/claim_rows.h).
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "engine/audit_rows.h"
#include "engine/request_list.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr std::string_view kAllClaims =
    "select "
    "claim.key,space,name,claim.run,request,slots,held,unwinds,under,path,since,until,run.id "
    "from claim join run on run.key=claim.run order by claim.key";
constexpr std::string_view kClaimsOfOne =
    "select "
    "claim.key,space,name,claim.run,request,slots,held,unwinds,under,path,since,until,run.id "
    "from claim join run on run.key=claim.run where space=? and name=? order by claim.key";

}  // namespace

Result<std::vector<LockRow>> SqliteStore::read_claims(Connection& connection, Statement& statement,
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
    row.claim.lock.limit = use->integer(5) + (RBK_MUTANT("lets_one_too_many_in") ? 1 : 0);
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
  return read_claims(**connection, statement);
}

// ---- Changes

Result<std::vector<LockRow>> SqliteStore::claims(const vm::Lock* lock) {
  return read_claims(writer_, lock == nullptr ? writes_.lock_claims : writes_.lock_claims_of, lock);
}

Status SqliteStore::tell(const Message& message) {
  if (auto ok = writer_.ready(writes_.lock_message,
                              "insert or ignore into "
                              "message(id,run,request,kind,body,author,time,taken) "
                              "values(?,?,?,?,?,?,?,0)");
      !ok)
    return ok;
  Statement& row = writes_.lock_message;
  row.bind_text(1, message.id);
  row.bind(2, message.run);
  row.bind(3, static_cast<int64_t>(message.request));
  row.bind(4, static_cast<int64_t>(message.kind));
  row.bind_text(5, message.body);
  row.bind_text(6, message.by);
  row.bind(7, message.time);
  return done(row, "write a message to it");
}

Result<std::vector<vm::Lock>> SqliteStore::remove(RunKey run, std::optional<uint64_t> request) {
  Statement& statement = request ? writes_.lock_free : writes_.lock_free_run;
  if (auto ok = writer_.ready(statement,
                              fmt::format("delete from claim where run=?{} returning space,name",
                                          request ? " and request=?" : ""));
      !ok)
    return tl::unexpected(ok.error());
  statement.bind(1, run);
  if (request) statement.bind(2, static_cast<int64_t>(*request));
  std::vector<vm::Lock> freed;
  Use use(statement);
  int code = 0;
  while ((code = use->step()) == SQLITE_ROW)
    freed.push_back({static_cast<vm::Lock::Space>(use->integer(0)), use->text(1), 1});
  if (code != SQLITE_DONE) return tl::unexpected(writer_.error("free a lock in it"));
  return freed;
}

Status SqliteStore::grant(int64_t key, int64_t since) {
  if (auto ok = writer_.ready(writes_.lock_grant, "update claim set held=1,since=? where key=?");
      !ok)
    return ok;
  writes_.lock_grant.bind(1, since);
  writes_.lock_grant.bind(2, key);
  return done(writes_.lock_grant, "give a lock in it");
}

Result<int64_t> SqliteStore::add(RunKey run, const LockAsk& ask) {
  const vm::request::Acquire& acquire = ask.acquire;
  if (auto ok = writer_.ready(
          writes_.lock_ask,
          "insert into claim(space,name,run,request,slots,held,unwinds,under,path,since,until) "
          "values(?,?,?,?,?,0,?,?,?,?,?)");
      !ok)
    return tl::unexpected(ok.error());
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
  if (auto ok = done(row, "ask for a lock in it"); !ok) return tl::unexpected(ok.error());
  return sqlite3_last_insert_rowid(writer_.raw());
}

Result<std::vector<WaitingRun>> SqliteStore::waiting_runs() {
  if (auto ok = writer_.ready(writes_.run_waits,
                              "select c.key,c.id,c.parent,p.id,c.parent_request,c.parent_path,"
                              "c.parent_under from run c join run p on p.key=c.parent "
                              "where c.status<6 and c.link in (1,3)");
      !ok)
    return tl::unexpected(ok.error());
  std::vector<WaitingRun> found;
  Use use(writes_.run_waits);
  int code = 0;
  while ((code = use->step()) == SQLITE_ROW) {
    WaitingRun& one = found.emplace_back();
    one.wait.awaited = use->integer(0);
    one.wait.awaited_id = use->text(1);
    one.wait.run = use->integer(2);
    one.run_id = use->text(3);
    one.wait.request = static_cast<uint64_t>(use->integer(4));
    one.path = use->text(5);
    one.wait.under = list_of(use->text(6));
  }
  if (code != SQLITE_DONE) return tl::unexpected(writer_.error("read its runs"));
  return found;
}

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

Result<size_t> SqliteStore::free_locks(RunKey run, const Doer& by) {
  auto row = this->run(run);
  if (!row) return tl::unexpected(row.error());
  auto all = locks();
  if (!all) return tl::unexpected(all.error());
  const auto count = std::count_if(all->begin(), all->end(), [&](const LockRow& one) {
    return one.claim.run == run && one.claim.held;
  });
  const Status freed = transaction(false, [&]() -> Status {
    if (auto ok =
            writer_.ready(writes_.holder,
                          "select run.holder,run.id,engine.process,run.status,run.claims,run.stood "
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
    note(audit_of_freed(row->id, count, by));
    CommitResult ignored;
    return free_all_locks(*this, run, row->updated, ignored);
  });
  if (!freed) return tl::unexpected(freed.error());
  return static_cast<size_t>(count);
}

}  // namespace rbk::engine::sqlite
