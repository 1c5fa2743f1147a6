// Locks on PostgreSQL: the rows of claims, and their messages (engine/claim_rows.h). All of it is
// called behind the gate.
#include <fmt/format.h>

#include "engine/postgres/postgres_store.h"
#include "engine/request_list.h"

namespace rbk::engine::postgres {
namespace {

constexpr std::string_view kClaims =
    "select claim.key,space,name,claim.run,request,slots,held,unwinds,under,path,since,until,"
    "run.id from claim join run on run.key=claim.run";

std::vector<LockRow> lock_rows(const Rows& rows) {
  std::vector<LockRow> found(static_cast<size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    LockRow& row = found[static_cast<size_t>(i)];
    row.key = rows.integer(i, 0);
    row.claim.lock.space = static_cast<vm::Lock::Space>(rows.integer(i, 1));
    row.claim.lock.name = rows.text(i, 2);
    row.claim.run = rows.integer(i, 3);
    row.claim.request = static_cast<uint64_t>(rows.integer(i, 4));
    row.claim.lock.limit = rows.integer(i, 5);
    row.claim.held = rows.integer(i, 6) != 0;
    row.claim.unwinds = rows.integer(i, 7) != 0;
    row.claim.under = list_of(rows.bytes(i, 8));
    row.path = rows.text(i, 9);
    row.since = rows.integer(i, 10);
    row.until = rows.optional(i, 11);
    row.run_id = rows.text(i, 12);
  }
  return found;
}

}  // namespace

Result<std::vector<LockRow>> PostgresStore::locks() {
  auto rows = read(fmt::format("{} order by claim.key", kClaims), {}, "read its locks");
  if (!rows) return tl::unexpected(rows.error());
  return lock_rows(*rows);
}

Result<std::vector<LockRow>> PostgresStore::claims(const vm::Lock* lock) {
  Parameters parameters;
  if (lock != nullptr) parameters.integer(static_cast<int64_t>(lock->space)).text(lock->name);
  auto rows = writer_.query(fmt::format("{}{} order by claim.key", kClaims,
                                        lock != nullptr ? " where space=$1 and name=$2" : ""),
                            parameters, "read its locks");
  if (!rows) return tl::unexpected(rows.error());
  return lock_rows(*rows);
}

Result<std::vector<vm::Lock>> PostgresStore::remove(RunKey run, std::optional<uint64_t> request) {
  Parameters parameters;
  parameters.integer(run);
  if (request) parameters.integer(static_cast<int64_t>(*request));
  auto rows = writer_.query(fmt::format("delete from claim where run=$1{} returning space,name",
                                        request ? " and request=$2" : ""),
                            parameters, "free a lock in it");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<vm::Lock> freed;
  freed.reserve(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i)
    freed.push_back({static_cast<vm::Lock::Space>(rows->integer(i, 0)), rows->text(i, 1), 1});
  return freed;
}

Result<int64_t> PostgresStore::add(RunKey run, const LockAsk& ask) {
  const vm::request::Acquire& acquire = ask.acquire;
  Parameters parameters;
  parameters.integer(static_cast<int64_t>(acquire.lock.space)).text(acquire.lock.name);
  parameters.integer(run).integer(static_cast<int64_t>(ask.request)).integer(acquire.lock.limit);
  parameters.integer(int64_t{acquire.unwinds ? 1 : 0}).text(list_text(acquire.under));
  parameters.text(acquire.path).integer(ask.time).integer(acquire.until);
  auto rows = writer_.query(
      "insert into claim(space,name,run,request,slots,held,unwinds,under,path,since,until) "
      "values($1,$2,$3,$4,$5,0,$6,$7,$8,$9,$10) returning key",
      parameters, "ask for a lock in it");
  if (!rows) return tl::unexpected(rows.error());
  return rows->integer(0, 0);
}

Status PostgresStore::grant(int64_t key, int64_t since) {
  Parameters parameters;
  parameters.integer(key).integer(since);
  auto rows = writer_.query("update claim set held=1, since=$2 where key=$1", parameters,
                            "give a lock in it");
  if (!rows) return tl::unexpected(rows.error());
  return {};
}

Result<std::vector<WaitingRun>> PostgresStore::waiting_runs() {
  auto rows = writer_.query(
      "select c.key,c.id,c.parent,p.id,c.parent_request,c.parent_path,c.parent_under "
      "from run c join run p on p.key=c.parent where c.status<6 and c.link in (1,3)",
      {}, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<WaitingRun> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    WaitingRun& one = found[static_cast<size_t>(i)];
    one.wait.awaited = rows->integer(i, 0);
    one.wait.awaited_id = rows->text(i, 1);
    one.wait.run = rows->integer(i, 2);
    one.run_id = rows->text(i, 3);
    one.wait.request = static_cast<uint64_t>(rows->integer(i, 4));
    one.path = rows->text(i, 5);
    one.wait.under = list_of(rows->bytes(i, 6));
  }
  return found;
}

Result<bool> PostgresStore::is_above(RunKey run, RunKey other) {
  Parameters parameters;
  parameters.integer(run).integer(other);
  auto rows = writer_.query(
      "with recursive above(key) as (select $2 union all select run.parent from above "
      "join run on run.key=above.key where run.parent<>0) "
      "select exists(select 1 from above where key=$1)",
      parameters, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  return rows->boolean(0, 0);
}

Status PostgresStore::tell(const Message& message) {
  Parameters parameters;
  parameters.text(message.id).integer(message.run).integer(static_cast<int64_t>(message.request));
  parameters.integer(static_cast<int64_t>(message.kind)).text(message.body).text(message.by);
  parameters.integer(message.time);
  auto rows = writer_.query(
      "insert into message(id,run,request,kind,body,author,time,taken) "
      "values($1,$2,$3,$4,$5,$6,$7,0) on conflict (id) do nothing",
      parameters, "write a message to it");
  if (!rows) return tl::unexpected(rows.error());
  return {};
}

}  // namespace rbk::engine::postgres
