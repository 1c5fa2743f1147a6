// Taking runs out of a store on SQLite. Each commit holds the lock of commits for a short while.
#include <fmt/format.h>

#include <algorithm>

#include "engine/audit_rows.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr int kRowsAtOnce = 500;
/// A key is never given again: what is left over of a run would be the next one's.
constexpr const char* kKeepKey =
    "insert into meta(name,value) select 'run_key',max(key) from run where true "
    "on conflict(name) do update set value=max(value,excluded.value)";

}  // namespace

/// Within a transaction: whether the tree is still what it was, and nothing else hangs on it.
Result<bool> SqliteStore::may_go(const std::vector<RunLinks>& tree) {
  auto statement = writer_.prepare(
      "select status,head,(select count(*) from run c where c.parent=?1 and c.parent<>0),"
      "(select count(*) from run o where o.origin=?1 and o.origin<>0),"
      "(select count(*) from run n where n.retries=?1 and n.retries<>0),"
      "(select count(*) from notice where run=?1 and state=0) from run where key=?1");
  if (!statement) return tl::unexpected(statement.error());
  const auto members = [&](RunKey RunLinks::*link, RunKey key) {
    return std::count_if(tree.begin(), tree.end(),
                         [&](const RunLinks& run) { return run.*link == key; });
  };
  for (const RunLinks& run : tree) {
    Use row(*statement);
    row->bind(1, run.key);
    const int code = row->step();
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return tl::unexpected(writer_.error("read its runs"));
    const bool same = is_over(static_cast<RunStatus>(row->integer(0))) &&
                      static_cast<uint64_t>(row->integer(1)) == run.head &&
                      row->integer(2) == members(&RunLinks::parent, run.key) &&
                      row->integer(3) == members(&RunLinks::origin, run.key) &&
                      row->integer(4) == members(&RunLinks::retries, run.key) &&
                      row->integer(5) == 0;
    if (!same) return false;
  }
  return true;
}

/// Its entries, logs, messages and notices may be many: they go by themselves (remove_left).
Status SqliteStore::remove_run(RunKey run) {
  for (const char* sql :
       {kKeepKey, "delete from run where key=?1", "update firing set run=0 where run=?1 and run<>0",
        "delete from wait where run=?1", "delete from snapshot where run=?1",
        "delete from claim where run=?1"}) {
    auto statement = writer_.prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    statement->bind(1, run);
    if (auto ok = done(*statement, "remove a run from it"); !ok) return ok;
  }
  return {};
}

Result<std::vector<bool>> SqliteStore::remove_trees(const std::vector<std::vector<RunLinks>>& trees,
                                                    const Doer& by) {
  std::vector<bool> gone(trees.size(), false);
  const Status removed = transaction(false, [&]() -> Status {
    for (size_t i = 0; i < trees.size(); ++i) {
      auto may = may_go(trees[i]);
      if (!may) return tl::unexpected(may.error());
      if (!*may) continue;
      for (const RunLinks& run : trees[i])
        if (auto ok = remove_run(run.key); !ok) return ok;
      note(audit_of_removal(trees[i], by));
      gone[i] = true;
    }
    return {};
  });
  if (!removed) return tl::unexpected(removed.error());
  return gone;
}

/// Within a transaction.
Status SqliteStore::write_each(const char* sql, const std::vector<int64_t>& values) {
  auto statement = writer_.prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  for (const int64_t value : values) {
    statement->bind(1, value);
    if (auto ok = done(*statement, "remove what is left of a run from it"); !ok) return ok;
  }
  return {};
}

/// What is left over is looked for without the lock of commits: no run comes under a key that is
/// gone.
Status SqliteStore::remove_left_of(const char* table, const char* key) {
  const std::string look = fmt::format(
      "select {0}.{1} from {0} left join run on run.key={0}.run where {0}.{1}>?1 and run.key is "
      "null order by {0}.{1} limit {2}",
      table, key, kRowsAtOnce);
  const std::string take = fmt::format("delete from {} where {}=?1", table, key);
  for (int64_t after = 0;;) {
    auto keys = read_keys(look.c_str(), after);
    if (!keys) return tl::unexpected(keys.error());
    if (keys->empty()) return {};
    after = keys->back();
    const auto take_them = [&] {
      // The last entries may be among them.
      if (table == std::string_view("journal")) locks_.bear_witness(identity_.id, 0);
      return write_each(take.c_str(), *keys);
    };
    if (auto ok = transaction(false, take_them); !ok) return ok;
  }
}

Status SqliteStore::remove_left() {
  struct Part {
    const char* table;
    const char* key;
  };
  for (const Part part : {Part{"log", "key"}, Part{"journal", "key"}, Part{"message", "key"},
                          Part{"notice", "key"}, Part{"claim", "key"}, Part{"snapshot", "run"}})
    if (auto ok = remove_left_of(part.table, part.key); !ok) return ok;
  auto waits = read_keys(
      "select distinct wait.run from wait left join run on run.key=wait.run where run.key is null");
  if (!waits || waits->empty()) return waits ? Status() : tl::unexpected(waits.error());
  return transaction(false, [&] { return write_each("delete from wait where run=?1", *waits); });
}

Result<std::vector<RunKey>> SqliteStore::logged_runs(int64_t before) {
  return read_keys(
      "select key from run where status>=6 and updated<?1 "
      "and exists(select 1 from log where log.run=run.key) order by key",
      before);
}

Status SqliteStore::remove_logs(const std::vector<RunKey>& runs, int64_t before, const Doer& by) {
  const Status noted = transaction(false, [&]() -> Status {
    note(audit_of_logs_removed(identity_.id, before, runs.size(), by));
    return {};
  });
  if (!noted) return noted;
  for (const RunKey run : runs) {
    const std::string look = fmt::format(
        "select key from log where run={} and key>?1 order by key limit {}", run, kRowsAtOnce);
    for (int64_t after = 0;;) {
      auto keys = read_keys(look.c_str(), after);
      if (!keys) return tl::unexpected(keys.error());
      if (keys->empty()) break;
      after = keys->back();
      const auto take = [&] { return write_each("delete from log where key=?1", *keys); };
      if (auto ok = transaction(false, take); !ok) return ok;
    }
  }
  return {};
}

Result<int64_t> SqliteStore::remove_programs() {
  constexpr const char* kUnused =
      "select key from program where key not in (select program from run) "
      "and key not in (select program from schedule)";
  auto keys = read_keys(kUnused);
  if (!keys) return tl::unexpected(keys.error());
  if (keys->empty()) return 0;
  int64_t count = 0;
  const Status removed = transaction(false, [&]() -> Status {
    // Asked again: with the lock nobody takes one up.
    auto statement = writer_.prepare(fmt::format("delete from program where key in ({})", kUnused));
    if (!statement) return tl::unexpected(statement.error());
    if (auto ok = done(*statement, "remove a program from it"); !ok) return ok;
    count = sqlite3_changes(writer_.raw());
    return {};
  });
  if (!removed) return tl::unexpected(removed.error());
  return count;
}

Result<int64_t> SqliteStore::remove_blobs(
    const std::function<Result<std::vector<Digest>>()>& unused) {
  int64_t count = 0;
  const Status removed = transaction(false, [&]() -> Status {
    auto hashes = unused();
    if (!hashes) return tl::unexpected(hashes.error());
    auto statement = writer_.prepare("delete from blob where hash=?");
    if (!statement) return tl::unexpected(statement.error());
    for (const Digest& hash : *hashes) {
      statement->bind_blob(1, {reinterpret_cast<const char*>(hash.data()), hash.size()});
      if (auto ok = done(*statement, "remove an output from it"); !ok) return ok;
    }
    count = static_cast<int64_t>(hashes->size());
    return {};
  });
  if (!removed) return tl::unexpected(removed.error());
  return count;
}

}  // namespace rbk::engine::sqlite
