// Taking runs out of a store on PostgreSQL. Each commit is a short one.
#include <fmt/format.h>

#include "engine/audit_rows.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine::postgres {
namespace {

constexpr int kRowsAtOnce = 500;

}  // namespace

Result<int64_t> PostgresStore::remove_rows(const std::string& sql, const Parameters& more) {
  auto rows = writer_.query(std::string(kHere) + kCounted + sql, more, "remove a run from it");
  if (!rows) return tl::unexpected(rows.error());
  if (auto same = check_format(*rows); !same) return tl::unexpected(same.error());
  return rows->integer(0, 1);
}

/// Within a transaction that keeps all others from writing runs: false if the tree is not what it
/// was any more, or something else hangs on it.
Result<bool> PostgresStore::remove_tree(const std::vector<RunLinks>& tree) {
  Array keys(Type::kInteger);
  Array heads(Type::kInteger);
  for (const RunLinks& run : tree) {
    keys.integer(run.key);
    heads.integer(static_cast<int64_t>(run.head));
  }
  Parameters asked;
  asked.array(keys).array(heads);
  auto same = writer_.query(
      "select (select count(*) from unnest($1,$2) as t(key,head) join run on run.key=t.key "
      "and run.head=t.head and run.status>=6), "
      "(select count(*) from run where (parent=any($1) and parent<>0 or origin=any($1) and "
      "origin<>0 or retries=any($1) and retries<>0) and not key=any($1)), "
      "(select count(*) from notice where run=any($1) and state=0)",
      asked, "read its runs");
  if (!same) return tl::unexpected(same.error());
  if (same->integer(0, 0) != static_cast<int64_t>(tree.size()) || same->integer(0, 1) != 0 ||
      same->integer(0, 2) != 0)
    return false;
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).array(keys);
  auto gone = remove_rows(
      ", gone as (delete from run using here where run.key=any($3) returning run.key)"
      ", fired as (update firing set run=0 from here where firing.run=any($3) and firing.run<>0)"
      ", waited as (delete from wait using here where wait.run=any($3))"
      ", snapped as (delete from snapshot using here where snapshot.run=any($3))"
      ", claimed as (delete from claim using here where claim.run=any($3)) "
      "select exists(select 1 from here), (select count(*) from gone)",
      parameters);
  if (!gone) return tl::unexpected(gone.error());
  return true;
}

/// Its entries, logs, messages and notices may be many: they go by themselves (remove_left).
Result<std::vector<bool>> PostgresStore::remove_trees(
    const std::vector<std::vector<RunLinks>>& trees, const Doer& by) {
  std::vector<bool> gone;
  const Status removed = write(false, [&]() -> Status {
    gone.assign(trees.size(), false);
    return transaction(true, [&]() -> Status {
      // Nobody begins a run that would hang on one of these.
      if (auto ok =
              writer_.run("lock table run in share row exclusive mode", "remove a run from it");
          !ok)
        return ok;
      for (size_t i = 0; i < trees.size(); ++i) {
        auto done = remove_tree(trees[i]);
        if (!done) return tl::unexpected(done.error());
        if (*done) note(audit_of_removal(trees[i], by));
        gone[i] = *done;
      }
      return {};
    });
  });
  if (!removed) return tl::unexpected(removed.error());
  return gone;
}

Status PostgresStore::remove_left_of(const char* table, const char* key) {
  // The keys of runs are of a sequence: none comes again.
  const std::string look = fmt::format(
      "select {0}.{1} from {0} left join run on run.key={0}.run where {0}.{1}>$1 and run.key is "
      "null order by {0}.{1} limit {2}",
      table, key, kRowsAtOnce);
  const std::string take = fmt::format(
      ", gone as (delete from {0} using here where {0}.{1}=any($3) returning 1) "
      "select exists(select 1 from here), (select count(*) from gone)",
      table, key);
  for (int64_t after = 0;;) {
    Parameters from;
    from.integer(after);
    auto rows = read(look, from, "read its tables");
    if (!rows) return tl::unexpected(rows.error());
    if (rows->size() == 0) return {};
    Array keys(Type::kInteger);
    for (int i = 0; i < rows->size(); ++i) keys.integer(rows->integer(i, 0));
    after = rows->integer(rows->size() - 1, 0);
    Parameters parameters;
    parameters.integer(kFormat).integer(slot_).array(keys);
    const Status done = write(true, [&]() -> Status {
      auto gone = remove_rows(take, parameters);
      return gone ? Status() : tl::unexpected(gone.error());
    });
    if (!done) return done;
  }
}

/// The journal's key is two columns: of each run that is gone, so many entries at a time.
Status PostgresStore::remove_left() {
  for (const char* table : {"log", "message", "notice", "claim"})
    if (auto ok = remove_left_of(table, "key"); !ok) return ok;
  if (auto ok = remove_left_of("snapshot", "run"); !ok) return ok;
  if (auto ok = remove_left_of("wait", "run"); !ok) return ok;
  while (true) {
    auto rows = read(fmt::format("select journal.run, journal.number from journal left join run on "
                                 "run.key=journal.run where run.key is null limit {}",
                                 kRowsAtOnce),
                     {}, "read its journal");
    if (!rows) return tl::unexpected(rows.error());
    if (rows->size() == 0) return {};
    Array runs(Type::kInteger);
    Array numbers(Type::kInteger);
    for (int i = 0; i < rows->size(); ++i) {
      runs.integer(rows->integer(i, 0));
      numbers.integer(rows->integer(i, 1));
    }
    Parameters parameters;
    parameters.integer(kFormat).integer(slot_).array(runs).array(numbers);
    const Status done = write(true, [&]() -> Status {
      auto gone = remove_rows(
          ", gone as (delete from journal using here, unnest($3,$4) as t(run,number) "
          "where journal.run=t.run and journal.number=t.number returning 1) "
          "select exists(select 1 from here), (select count(*) from gone)",
          parameters);
      return gone ? Status() : tl::unexpected(gone.error());
    });
    if (!done) return done;
  }
}

Result<std::vector<RunKey>> PostgresStore::logged_runs(int64_t before) {
  Parameters parameters;
  parameters.integer(before);
  auto rows = read(
      "select key from run where status>=6 and updated<$1 "
      "and exists(select 1 from log where log.run=run.key) order by key",
      parameters, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RunKey> runs;
  runs.reserve(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) runs.push_back(rows->integer(i, 0));
  return runs;
}

Status PostgresStore::remove_logs(const std::vector<RunKey>& runs, int64_t before, const Doer& by) {
  const Status noted = write(false, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      note(audit_of_logs_removed(identity_.id, before, runs.size(), by));
      return {};
    });
  });
  if (!noted) return noted;
  Array keys(Type::kInteger);
  for (const RunKey run : runs) keys.integer(run);
  const std::string take = fmt::format(
      ", old as (select key from log where run=any($3) limit {})"
      ", gone as (delete from log using here, old where log.key=old.key returning 1) "
      "select exists(select 1 from here), (select count(*) from gone)",
      kRowsAtOnce);
  for (int64_t count = 1; count > 0;) {
    Parameters parameters;
    parameters.integer(kFormat).integer(slot_).array(keys);
    const Status done = write(true, [&]() -> Status {
      auto gone = remove_rows(take, parameters);
      if (!gone) return tl::unexpected(gone.error());
      count = *gone;
      return {};
    });
    if (!done) return done;
  }
  return {};
}

Result<int64_t> PostgresStore::remove_programs() {
  int64_t count = 0;
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_);
  const Status removed = write(true, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      // Who commits a run keeps its program in the same statement, and waits for this.
      if (auto ok = writer_.run("lock table program in share row exclusive mode",
                                "remove a program from it");
          !ok)
        return ok;
      auto gone = remove_rows(
          ", gone as (delete from program using here where "
          "not exists(select 1 from run where run.program=program.hash) and "
          "not exists(select 1 from schedule where schedule.program=program.hash) returning 1) "
          "select exists(select 1 from here), (select count(*) from gone)",
          parameters);
      if (!gone) return tl::unexpected(gone.error());
      count = *gone;
      return {};
    });
  });
  if (!removed) return tl::unexpected(removed.error());
  return count;
}

Result<int64_t> PostgresStore::remove_blobs(
    const std::function<Result<std::vector<Digest>>()>& unused) {
  int64_t count = 0;
  const Status removed = write(true, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      // Who commits an entry keeps its outputs in the same statement, and waits for this.
      if (auto ok = writer_.run("lock table blob in share row exclusive mode",
                                "remove an output from it");
          !ok)
        return ok;
      auto hashes = unused();
      if (!hashes) return tl::unexpected(hashes.error());
      Array going(Type::kBytes);
      for (const Digest& hash : *hashes)
        going.bytes({reinterpret_cast<const char*>(hash.data()), hash.size()});
      Parameters parameters;
      parameters.integer(kFormat).integer(slot_).array(going);
      auto gone = remove_rows(
          ", gone as (delete from blob using here where blob.hash=any($3) returning 1) "
          "select exists(select 1 from here), (select count(*) from gone)",
          parameters);
      if (!gone) return tl::unexpected(gone.error());
      count = *gone;
      return {};
    });
  });
  if (!removed) return tl::unexpected(removed.error());
  return count;
}

}  // namespace rbk::engine::postgres
