// Schedules and their firings on PostgreSQL. Whoever fires moves the watermark by comparing it, in
// the transaction that makes the run: of two that try, one has nothing done. Whatever looks at the
// firings and runs of a schedule has locked its row before.
#include <fmt/format.h>

#include <algorithm>

#include "engine/audit_rows.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"
#include "engine/schedule_rows.h"

namespace rbk::engine::postgres {
namespace {

constexpr std::string_view kScheduleColumns =
    "select key,name,version,program,runbook,arguments,timing,overlap,missed,within,place,folder,"
    "umask,author,added,paused,paused_by,watermark,due from schedule ";
constexpr std::string_view kFiringColumns =
    "select firing.key,firing.schedule,zone,nominal,fold,at,time,kind,outcome,why,firing.author,"
    "firing.run,coalesce(run.id,''),count,firing.last "
    "from firing left join run on run.key=firing.run ";

}  // namespace

// ---- Reading

Result<std::vector<ScheduleRow>> PostgresStore::read_schedules(const std::string& where,
                                                               const Parameters& parameters) {
  auto rows = read(fmt::format("{}{}", kScheduleColumns, where), parameters, "read its schedules");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<ScheduleRow> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    ScheduleRow& row = found[static_cast<size_t>(i)];
    row.key = rows->integer(i, 0);
    row.name = rows->text(i, 1);
    row.version = rows->integer(i, 2);
    const std::string_view hash = rows->bytes(i, 3);
    if (hash.size() != row.program.size())
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: the program of schedule {} has no hash", identity_.place,
                              row.name),
                  "restore the store from a backup");
    std::copy(hash.begin(), hash.end(), reinterpret_cast<char*>(row.program.data()));
    row.runbook = rows->text(i, 4);
    row.arguments = rows->text(i, 5);
    row.timing = rows->text(i, 6);
    row.overlap = static_cast<ScheduleRow::Overlap>(rows->integer(i, 7));
    row.missed = static_cast<ScheduleRow::Missed>(rows->integer(i, 8));
    row.missed_within = rows->optional(i, 9);
    row.place = rows->text(i, 10);
    row.folder = rows->text(i, 11);
    row.umask = static_cast<int32_t>(rows->integer(i, 12));
    row.author = rows->text(i, 13);
    row.added = rows->integer(i, 14);
    row.paused = rows->optional(i, 15);
    row.paused_by = rows->text(i, 16);
    row.watermark = rows->integer(i, 17);
    row.due = rows->optional(i, 18);
  }
  return found;
}

Result<std::vector<ScheduleRow>> PostgresStore::schedules() {
  return read_schedules("where removed=0 order by name", {});
}

Result<std::optional<ScheduleRow>> PostgresStore::schedule(std::string_view name) {
  Parameters parameters;
  parameters.text(name);
  auto rows = read_schedules("where removed=0 and name=$1", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::optional<ScheduleRow>> PostgresStore::schedule(ScheduleKey key) {
  Parameters parameters;
  parameters.integer(key);
  auto rows = read_schedules("where key=$1", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::vector<ScheduleRow>> PostgresStore::due_schedules(int64_t now, uint32_t most) {
  Parameters parameters;
  parameters.integer(now).integer(most);
  return read_schedules(
      "where removed=0 and paused is null and due is not null and due<=$1 "
      "and not exists(select 1 from meta where hold<>'') order by due limit $2",
      parameters);
}

Result<std::optional<int64_t>> PostgresStore::next_schedule(int64_t after) {
  Parameters parameters;
  parameters.integer(after);
  auto rows = read(
      "select due from schedule where removed=0 and paused is null and due is not null "
      "and due>$1 and not exists(select 1 from meta where hold<>'') order by due limit 1",
      parameters, "read its schedules");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 0) return std::nullopt;
  return rows->integer(0, 0);
}

Result<std::vector<FiringRow>> PostgresStore::read_firings(const std::string& where,
                                                           const Parameters& parameters) {
  auto rows = read(fmt::format("{}{}", kFiringColumns, where), parameters, "read its firings");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<FiringRow> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    FiringRow& row = found[static_cast<size_t>(i)];
    row.key = rows->integer(i, 0);
    row.schedule = rows->integer(i, 1);
    row.zone = rows->text(i, 2);
    row.nominal = rows->integer(i, 3);
    row.fold = static_cast<int32_t>(rows->integer(i, 4));
    row.at = rows->integer(i, 5);
    row.time = rows->integer(i, 6);
    row.kind = static_cast<FiringRow::Kind>(rows->integer(i, 7));
    row.outcome = static_cast<FiringRow::Outcome>(rows->integer(i, 8));
    row.why = rows->text(i, 9);
    row.by = rows->text(i, 10);
    row.run = rows->integer(i, 11);
    row.run_id = rows->text(i, 12);
    row.count = rows->integer(i, 13);
    row.last = rows->integer(i, 14);
  }
  return found;
}

Result<std::optional<FiringRow>> PostgresStore::read_firing(const std::string& where,
                                                            const Parameters& parameters) {
  auto rows = read_firings(where, parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::vector<FiringRow>> PostgresStore::firings(ScheduleKey schedule, uint32_t most) {
  Parameters parameters;
  parameters.integer(schedule);
  return read_firings(fmt::format("where firing.schedule=$1 order by firing.key desc{}",
                                  most == 0 ? "" : fmt::format(" limit {}", most)),
                      parameters);
}

Result<std::optional<FiringRow>> PostgresStore::firing(const FiringRow& like) {
  Parameters parameters;
  parameters.integer(like.schedule).text(like.zone).integer(like.nominal).integer(like.fold);
  return read_firing("where firing.schedule=$1 and zone=$2 and nominal=$3 and fold=$4 and kind<>2",
                     parameters);
}

Result<std::optional<FiringRow>> PostgresStore::firing_of_run(RunKey run) {
  Parameters parameters;
  parameters.integer(run);
  return read_firing("where firing.run<>0 and firing.run=$1", parameters);
}

Result<std::optional<FiringRow>> PostgresStore::queued_firing(ScheduleKey schedule) {
  Parameters parameters;
  parameters.integer(schedule);
  return read_firing("where firing.schedule=$1 and outcome=4 order by firing.key limit 1",
                     parameters);
}

Result<std::vector<RunRow>> PostgresStore::unfinished_of(ScheduleKey schedule) {
  Parameters parameters;
  parameters.integer(schedule);
  return read_runs("where schedule<>0 and status<6 and schedule=$1 order by key", parameters);
}

// ---- Writing

Status PostgresStore::put_schedule(ScheduleRow& row, const ProgramRow& program, const Doer& by) {
  const bool is_new = row.key == 0;
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).bytes(view(program.hash)).bytes(program.bytes);
  parameters.text(row.runbook).text(row.arguments).text(row.timing);
  parameters.integer(static_cast<int64_t>(row.overlap)).integer(static_cast<int64_t>(row.missed));
  parameters.integer(row.missed_within).text(row.place).bytes(row.folder).integer(row.umask);
  parameters.text(row.author).integer(row.added).integer(row.watermark).integer(row.due);
  parameters.text(row.name);
  if (!is_new) parameters.integer(row.key).integer(row.version);
  const std::string sql =
      std::string(kHere) + kCounted +
      ", kept as (insert into program(hash,bytes) select $3,$4 from here "
      "on conflict (hash) do nothing), put as (" +
      (is_new ? "insert into schedule(program,runbook,arguments,timing,overlap,missed,within,place,"
                "folder,umask,author,added,watermark,due,name,version,paused_by,removed) "
                "select $3,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,1,'',0 from here "
                "on conflict (name) where removed=0 do nothing"
              : "update schedule set program=$3,runbook=$5,arguments=$6,timing=$7,overlap=$8,"
                "missed=$9,within=$10,place=$11,folder=$12,umask=$13,author=$14,added=$15,"
                "watermark=$16,due=$17,version=version+1 from here "
                "where key=$19 and version=$20 and name=$18") +
      " returning key) select exists(select 1 from here),(select key from put)";
  ScheduleKey key = 0;
  const Status put = write(false, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      auto rows = writer_.query(sql, parameters, "write a schedule to it");
      if (!rows) return tl::unexpected(rows.error());
      if (auto same = check_format(*rows); !same) return same;
      if (rows->is_null(0, 1)) return schedule_moved();
      key = rows->integer(0, 1);
      note(audit_of(row, by));
      return wake_queued(key, row.added);
    });
  });
  if (!put) return put;
  row.key = key;
  row.version += 1;
  return {};
}

Status PostgresStore::change_schedule(const ScheduleRow& row, ScheduleChange change,
                                      const Doer& by) {
  const bool removes = change == ScheduleChange::kRemove;
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(row.key).integer(row.version);
  parameters.integer(row.paused).text(row.paused_by).integer(row.watermark).integer(row.due);
  parameters.integer(int64_t{removes ? 1 : 0});
  return write(false, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      auto rows = writer_.query(
          std::string(kHere) + kCounted +
              ", changed as (update schedule set paused=$5,paused_by=$6,watermark=$7,due=$8,"
              "removed=$9,version=version+1 from here where key=$3 and version=$4 and removed=0 "
              "returning key) "
              "select exists(select 1 from here),exists(select 1 from changed)",
          parameters, "write a schedule to it");
      if (!rows) return tl::unexpected(rows.error());
      if (auto same = check_format(*rows); !same) return same;
      if (!rows->boolean(0, 1)) return schedule_moved();
      note(audit_of(row, change, by));
      if (!removes) return wake_queued(row.key, row.watermark);
      Parameters which;
      which.integer(row.key);
      auto queued = writer_.query(
          "update firing set outcome=2,why='the schedule was removed' where schedule=$1 and "
          "outcome=4",
          which, "write a schedule to it");
      if (!queued) return tl::unexpected(queued.error());
      return {};
    });
  });
}

Status PostgresStore::lock_schedules(const std::set<ScheduleKey>& keys) {
  if (keys.empty()) return {};
  Array which(Type::kInteger);
  for (const ScheduleKey key : keys) which.integer(key);
  Parameters parameters;
  parameters.array(which);
  auto rows = writer_.query("select key from schedule where key=any($1) order by key for update",
                            parameters, "write a schedule to it");
  if (!rows) return tl::unexpected(rows.error());
  return {};
}

/// Where something is queued and no run goes on any more, the schedule is due.
Status PostgresStore::wake_queued(ScheduleKey schedule, int64_t time) {
  Parameters parameters;
  parameters.integer(schedule).integer(time);
  auto rows = writer_.query(
      "update schedule set due=least(coalesce(due,$2),$2) where key=$1 "
      "and exists(select 1 from firing where schedule=$1 and outcome=4) "
      "and not exists(select 1 from run where schedule<>0 and status<6 and schedule=$1)",
      parameters, "write a schedule to it");
  if (!rows) return tl::unexpected(rows.error());
  return {};
}

Status PostgresStore::write_firing(const FiringRow& row, RunKey run) {
  Parameters parameters;
  if (row.key != 0) {  // it was queued
    parameters.integer(row.key).integer(static_cast<int64_t>(row.outcome)).integer(row.time);
    parameters.text(row.why).integer(run);
    auto rows = writer_.query(
        "update firing set outcome=$2,time=$3,why=$4,run=$5 where key=$1 and outcome=4 "
        "returning key",
        parameters, "write a firing to it");
    if (!rows) return tl::unexpected(rows.error());
    if (rows->size() != 1) return schedule_moved();
    return {};
  }
  parameters.integer(row.schedule).text(row.zone).integer(row.nominal).integer(row.fold);
  parameters.integer(row.at).integer(row.time).integer(static_cast<int64_t>(row.kind));
  parameters.integer(static_cast<int64_t>(row.outcome)).text(row.why).text(row.by).integer(run);
  parameters.integer(row.count).integer(row.last);
  auto rows = writer_.query(
      "insert into firing(schedule,zone,nominal,fold,at,time,kind,outcome,why,author,run,count,"
      "last) values($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) "
      "on conflict(schedule,zone,nominal,fold) where kind<>2 do update set at=excluded.at,"
      "time=excluded.time,kind=excluded.kind,outcome=excluded.outcome,why=excluded.why,"
      "author=excluded.author,run=excluded.run where firing.outcome<>1 returning key",
      parameters, "write a firing to it");
  if (!rows) return tl::unexpected(rows.error());
  // A nominal time that has its run already gets no second one.
  if (row.outcome == FiringRow::Outcome::kStarted && rows->size() != 1) return schedule_moved();
  return {};
}

/// With the schedule's row locked, and `run`, which it starts, written.
Status PostgresStore::write_step(const ScheduleStep& step, RunKey run, CommitResult& result) {
  Parameters parameters;
  parameters.integer(step.schedule).integer(step.version).integer(int64_t{step.moves ? 1 : 0});
  parameters.integer(step.watermark_was).integer(step.watermark).integer(step.due);
  auto moved = writer_.query(
      "update schedule set watermark=case when $3=1 then $5 else watermark end,"
      "due=case when $3=1 then $6 else due end where key=$1 and version=$2 and removed=0 "
      "and ($3=0 or watermark=$4) returning key",
      parameters, "write a schedule to it");
  if (!moved) return tl::unexpected(moved.error());
  if (moved->size() != 1) return schedule_moved();
  Parameters which;
  which.integer(step.schedule);
  if (step.cancels) {
    auto superseded = writer_.query(
        "update firing set outcome=2,why='a later one took its place' where schedule=$1 and "
        "outcome=4 and kind<>3",
        which, "write a firing to it");
    if (!superseded) return tl::unexpected(superseded.error());
    if (auto done = cancel_runs_of(step, result); !done) return done;
  }
  for (const FiringRow& row : step.records)
    if (auto done = write_firing(row, 0); !done) return done;
  if (step.start) {
    which.integer(run);
    auto busy = writer_.query(
        "select exists(select 1 from run where schedule<>0 and status<6 and schedule=$1 "
        "and key<>$2)",
        which, "read its runs");
    if (!busy) return tl::unexpected(busy.error());
    if (busy->boolean(0, 0)) return schedule_moved();
    if (auto done = write_firing(*step.start, run); !done) return done;
  }
  return wake_queued(step.schedule, step.time);
}

Status PostgresStore::cancel_runs_of(const ScheduleStep& step, CommitResult& result) {
  Parameters parameters;
  parameters.integer(step.schedule);
  auto rows = writer_.query(
      "select key from run where schedule<>0 and status<6 and schedule=$1 order by key", parameters,
      "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  result.messages_posted = true;  // there are new messages
  for (int i = 0; i < rows->size(); ++i) {
    const Message message = cancel_by(step, rows->integer(i, 0));
    if (auto done = tell(message); !done) return done;
    note(audit_of(message, cancelled_by(step)));
  }
  return {};
}

}  // namespace rbk::engine::postgres
