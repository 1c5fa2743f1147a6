// Schedules and their firings on SQLite. Whoever fires moves the watermark by comparing it, in the
// commit that makes the run: of two that try, one has nothing done.
#include <fmt/format.h>

#include "base/mutant.h"
#include "engine/audit_rows.h"
#include "engine/schedule_rows.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr std::string_view kScheduleColumns =
    "select schedule.key,name,version,program.hash,runbook,arguments,timing,overlap,missed,within,"
    "place,folder,umask,author,added,paused,paused_by,watermark,due "
    "from schedule join program on program.key=schedule.program ";
constexpr std::string_view kFiringColumns =
    "select firing.key,firing.schedule,zone,nominal,fold,at,time,kind,outcome,why,firing.author,"
    "firing.run,coalesce(run.id,''),count,firing.last "
    "from firing left join run on run.key=firing.run ";

}  // namespace

// ---- Reading

Result<std::vector<ScheduleRow>> SqliteStore::read_schedules(Statement& statement) {
  std::vector<ScheduleRow> rows;
  Use use(statement);
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    ScheduleRow& row = rows.emplace_back();
    row.key = statement.integer(0);
    row.name = statement.text(1);
    row.version = statement.integer(2);
    const std::string_view hash = statement.bytes(3);
    if (hash.size() != row.program.size())
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: the program of schedule {} has no hash", path_, row.name),
                  "restore the store from a backup");
    std::copy(hash.begin(), hash.end(), reinterpret_cast<char*>(row.program.data()));
    row.runbook = statement.text(4);
    row.arguments = statement.text(5);
    row.timing = statement.text(6);
    row.overlap = static_cast<ScheduleRow::Overlap>(statement.integer(7));
    row.missed = static_cast<ScheduleRow::Missed>(statement.integer(8));
    row.missed_within = statement.optional_integer(9);
    row.place = statement.text(10);
    row.folder = statement.text(11);
    row.umask = static_cast<int32_t>(statement.integer(12));
    row.author = statement.text(13);
    row.added = statement.integer(14);
    row.paused = statement.optional_integer(15);
    row.paused_by = statement.text(16);
    row.watermark = statement.integer(17);
    row.due = statement.optional_integer(18);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its schedules"));
  return rows;
}

Result<std::vector<ScheduleRow>> SqliteStore::schedules() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)->prepare(fmt::format("{} where removed=0 order by name", kScheduleColumns));
  if (!statement) return tl::unexpected(statement.error());
  return read_schedules(*statement);
}

Result<std::optional<ScheduleRow>> SqliteStore::schedule(std::string_view name) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)->prepare(fmt::format("{} where removed=0 and name=?", kScheduleColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind_text(1, name);
  auto rows = read_schedules(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::optional<ScheduleRow>> SqliteStore::schedule(ScheduleKey key) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  if (auto ok =
          (*connection)
              ->ready(read_schedule_, fmt::format("{} where schedule.key=?", kScheduleColumns));
      !ok)
    return tl::unexpected(ok.error());
  read_schedule_.bind(1, key);
  auto rows = read_schedules(read_schedule_);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::vector<ScheduleRow>> SqliteStore::due_schedules(int64_t now, uint32_t most) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  if (auto ok =
          (*connection)
              ->ready(read_due_schedules_,
                      fmt::format("{} where removed=0 and paused is null and due is not null "
                                  "and due<=? and not exists(select 1 from meta where name='hold') "
                                  "order by due limit ?",
                                  kScheduleColumns));
      !ok)
    return tl::unexpected(ok.error());
  read_due_schedules_.bind(1, now);
  read_due_schedules_.bind(2, most);
  return read_schedules(read_due_schedules_);
}

Result<std::optional<int64_t>> SqliteStore::next_schedule(int64_t after) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  if (auto ok = (*connection)
                    ->ready(read_next_schedule_,
                            "select due from schedule where removed=0 and paused is null and due "
                            "is not null and due>? and not exists(select 1 from meta where "
                            "name='hold') order by due limit 1");
      !ok)
    return tl::unexpected(ok.error());
  Use next(read_next_schedule_);
  next->bind(1, after);
  const int code = next->step();
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return tl::unexpected(reader_.error("read its schedules"));
  return next->integer(0);
}

Result<std::vector<FiringRow>> SqliteStore::read_firings(Statement& statement) {
  std::vector<FiringRow> rows;
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    FiringRow& row = rows.emplace_back();
    row.key = statement.integer(0);
    row.schedule = statement.integer(1);
    row.zone = statement.text(2);
    row.nominal = statement.integer(3);
    row.fold = static_cast<int32_t>(statement.integer(4));
    row.at = statement.integer(5);
    row.time = statement.integer(6);
    row.kind = static_cast<FiringRow::Kind>(statement.integer(7));
    row.outcome = static_cast<FiringRow::Outcome>(statement.integer(8));
    row.why = statement.text(9);
    row.by = statement.text(10);
    row.run = statement.integer(11);
    row.run_id = statement.text(12);
    row.count = statement.integer(13);
    row.last = statement.integer(14);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its firings"));
  return rows;
}

Result<std::vector<FiringRow>> SqliteStore::firings(ScheduleKey schedule, uint32_t most) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where firing.schedule=? order by firing.key desc{}",
                                kFiringColumns, most == 0 ? "" : fmt::format(" limit {}", most)));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, schedule);
  return read_firings(*statement);
}

Result<std::optional<FiringRow>> SqliteStore::firing_of_run(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where firing.run<>0 and firing.run=?", kFiringColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  auto rows = read_firings(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::optional<FiringRow>> SqliteStore::firing(const FiringRow& like) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format(
              "{} where firing.schedule=? and zone=? and nominal=? and fold=? and kind<>2",
              kFiringColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, like.schedule);
  statement->bind_text(2, like.zone);
  statement->bind(3, like.nominal);
  statement->bind(4, like.fold);
  auto rows = read_firings(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::optional<FiringRow>> SqliteStore::queued_firing(ScheduleKey schedule) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)
                       ->prepare(fmt::format(
                           "{} where firing.schedule=? and outcome=4 order by firing.key limit 1",
                           kFiringColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, schedule);
  auto rows = read_firings(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::vector<RunRow>> SqliteStore::unfinished_of(ScheduleKey schedule) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where run.schedule<>0 and run.status<6 and run.schedule=? "
                                "order by run.key",
                                run_columns()));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, schedule);
  return read_runs(*statement);
}

// ---- Writing

Status SqliteStore::put_schedule(ScheduleRow& row, const ProgramRow& program, const Doer& by) {
  return transaction(false, [&]() -> Status {
    note(audit_of(row, by));
    auto kept = keep(program);
    if (!kept) return tl::unexpected(kept.error());
    const bool is_new = row.key == 0;
    auto statement = writer_.prepare(
        is_new
            ? "insert into schedule(program,runbook,arguments,timing,overlap,missed,within,place,"
              "folder,umask,author,added,watermark,due,version,name,paused_by,removed) "
              "values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,1+?,?,'',0)"
            : "update schedule set program=?,runbook=?,arguments=?,timing=?,overlap=?,missed=?,"
              "within=?,place=?,folder=?,umask=?,author=?,added=?,watermark=?,due=?,"
              "version=version+1 where version=? and name=? and key=?");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind(1, *kept);
    statement->bind_text(2, row.runbook);
    statement->bind_text(3, row.arguments);
    statement->bind_text(4, row.timing);
    statement->bind(5, static_cast<int64_t>(row.overlap));
    statement->bind(6, static_cast<int64_t>(row.missed));
    statement->bind_optional(7, row.missed_within);
    statement->bind_text(8, row.place);
    statement->bind_text(9, row.folder);
    statement->bind(10, row.umask);
    statement->bind_text(11, row.author);
    statement->bind(12, row.added);
    statement->bind(13, row.watermark);
    statement->bind_optional(14, row.due);
    statement->bind(15, is_new ? 0 : row.version);
    statement->bind_text(16, row.name);
    if (!is_new) statement->bind(17, row.key);
    const int code = statement->step();
    const bool taken = sqlite3_extended_errcode(writer_.raw()) == SQLITE_CONSTRAINT_UNIQUE;
    if (code != SQLITE_DONE && taken) return schedule_moved();
    if (code != SQLITE_DONE) return tl::unexpected(writer_.error("write a schedule to it"));
    if (sqlite3_changes(writer_.raw()) != 1) return schedule_moved();
    if (is_new) row.key = sqlite3_last_insert_rowid(writer_.raw());
    row.version += 1;
    return wake_queued(row.key, row.added);
  });
}

Status SqliteStore::change_schedule(const ScheduleRow& row, ScheduleChange change, const Doer& by) {
  return transaction(false, [&]() -> Status {
    note(audit_of(row, change, by));
    auto statement = writer_.prepare(
        "update schedule set paused=?,paused_by=?,watermark=?,due=?,removed=?,version=version+1 "
        "where key=? and version=? and removed=0");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind_optional(1, row.paused);
    statement->bind_text(2, row.paused_by);
    statement->bind(3, row.watermark);
    statement->bind_optional(4, row.due);
    statement->bind(5, change == ScheduleChange::kRemove ? 1 : 0);
    statement->bind(6, row.key);
    statement->bind(7, row.version);
    if (auto ok = done(*statement, "write a schedule to it"); !ok) return ok;
    if (sqlite3_changes(writer_.raw()) != 1) return schedule_moved();
    if (change != ScheduleChange::kRemove) return wake_queued(row.key, row.watermark);
    auto queued = writer_.prepare(
        "update firing set outcome=2,why='the schedule was removed' where schedule=? and "
        "outcome=4");
    if (!queued) return tl::unexpected(queued.error());
    queued->bind(1, row.key);
    return done(*queued, "write a schedule to it");
  });
}

/// Whether a run of the schedule goes on, other than this one.
Result<bool> SqliteStore::goes_on(ScheduleKey schedule, RunKey but) {
  if (auto ok = writer_.ready(writes_.schedule_busy,
                              "select 1 from run where schedule<>0 and status<6 and schedule=? "
                              "and key<>? limit 1");
      !ok)
    return tl::unexpected(ok.error());
  writes_.schedule_busy.bind(1, schedule);
  writes_.schedule_busy.bind(2, but);
  Use busy(writes_.schedule_busy);
  const int code = busy->step();
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    return tl::unexpected(writer_.error("read its runs"));
  return code == SQLITE_ROW;
}

/// Where something is queued and no run goes on any more, the schedule is due.
Status SqliteStore::wake_queued(ScheduleKey schedule, int64_t time) {
  if (auto ok = writer_.ready(
          writes_.schedule_wake,
          "update schedule set due=min(coalesce(due,?1),?1) where key=?2 "
          "and exists(select 1 from firing where schedule=?2 and outcome=4) "
          "and not exists(select 1 from run where schedule<>0 and status<6 and schedule=?2)");
      !ok)
    return ok;
  writes_.schedule_wake.bind(1, time);
  writes_.schedule_wake.bind(2, schedule);
  return done(writes_.schedule_wake, "write a schedule to it");
}

Status SqliteStore::write_firing(const FiringRow& row, RunKey run) {
  if (row.key != 0) {  // it was queued
    auto statement =
        writer_.prepare("update firing set outcome=?,time=?,why=?,run=? where key=? and outcome=4");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind(1, static_cast<int64_t>(row.outcome));
    statement->bind(2, row.time);
    statement->bind_text(3, row.why);
    statement->bind(4, run);
    statement->bind(5, row.key);
    if (auto ok = done(*statement, "write a firing to it"); !ok) return ok;
    if (sqlite3_changes(writer_.raw()) != 1) return schedule_moved();
    return {};
  }
  if (auto ok = writer_.ready(
          writes_.firing,
          "insert into firing(schedule,zone,nominal,fold,at,time,kind,outcome,why,author,run,count,"
          "last) values(?,?,?,?,?,?,?,?,?,?,?,?,?) "
          "on conflict(schedule,zone,nominal,fold) where kind<>2 do update set at=excluded.at,"
          "time=excluded.time,kind=excluded.kind,outcome=excluded.outcome,why=excluded.why,"
          "author=excluded.author,run=excluded.run where outcome<>1");
      !ok)
    return ok;
  Statement& statement = writes_.firing;
  statement.bind(1, row.schedule);
  statement.bind_text(2, row.zone);
  statement.bind(3, row.nominal);
  statement.bind(4, row.fold);
  statement.bind(5, row.at);
  statement.bind(6, row.time);
  statement.bind(7, static_cast<int64_t>(row.kind));
  statement.bind(8, static_cast<int64_t>(row.outcome));
  statement.bind_text(9, row.why);
  statement.bind_text(10, row.by);
  statement.bind(11, run);
  statement.bind(12, row.count);
  statement.bind(13, row.last);
  if (auto ok = done(statement, "write a firing to it"); !ok) return ok;
  // A nominal time that has its run already gets no second one.
  if (row.outcome == FiringRow::Outcome::kStarted && sqlite3_changes(writer_.raw()) != 1 &&
      !RBK_MUTANT("fires_what_has_fired"))
    return schedule_moved();
  return {};
}

Status SqliteStore::write_step(const ScheduleStep& step, RunKey run, CommitResult& result) {
  if (auto ok =
          writer_.ready(writes_.schedule_step,
                        "update schedule set watermark=iif(?1,?2,watermark),due=iif(?1,?3,due) "
                        "where key=?4 and version=?5 and removed=0 and (not ?1 or watermark=?6)");
      !ok)
    return ok;
  Statement& statement = writes_.schedule_step;
  statement.bind(1, step.moves ? 1 : 0);
  statement.bind(2, step.watermark);
  statement.bind_optional(3, step.due);
  statement.bind(4, step.schedule);
  statement.bind(5, step.version);
  statement.bind(6, step.watermark_was);
  if (auto ok = done(statement, "write a schedule to it"); !ok) return ok;
  if (sqlite3_changes(writer_.raw()) != 1 && !RBK_MUTANT("fires_what_has_fired"))
    return schedule_moved();
  if (step.cancels) {
    auto superseded = writer_.prepare(
        "update firing set outcome=2,why='a later one took its place' where schedule=? and "
        "outcome=4 and kind<>3");
    if (!superseded) return tl::unexpected(superseded.error());
    superseded->bind(1, step.schedule);
    if (auto ok = done(*superseded, "write a firing to it"); !ok) return ok;
    if (auto ok = cancel_runs_of(step, result); !ok) return ok;
  }
  for (const FiringRow& row : step.records)
    if (auto ok = write_firing(row, 0); !ok) return ok;
  if (step.start) {
    auto busy = goes_on(step.schedule, run);
    if (!busy) return tl::unexpected(busy.error());
    if (*busy && !RBK_MUTANT("fires_what_has_fired")) return schedule_moved();
    if (auto ok = write_firing(*step.start, run); !ok) return ok;
  }
  return wake_queued(step.schedule, step.time);
}

Status SqliteStore::cancel_runs_of(const ScheduleStep& step, CommitResult& result) {
  std::vector<RunKey> runs;
  {
    auto statement =
        writer_.prepare("select key from run where schedule<>0 and status<6 and schedule=?");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind(1, step.schedule);
    int code = SQLITE_ROW;
    while ((code = statement->step()) == SQLITE_ROW) runs.push_back(statement->integer(0));
    if (code != SQLITE_DONE) return tl::unexpected(writer_.error("read its runs"));
  }
  result.messages_posted = true;  // there are new messages
  for (const RunKey run : runs) {
    const Message message = cancel_by(step, run);
    if (auto ok = tell(message); !ok) return ok;
    if (sqlite3_changes(writer_.raw()) == 1) note(audit_of(message, cancelled_by(step)));
  }
  return {};
}

}  // namespace rbk::engine::sqlite
