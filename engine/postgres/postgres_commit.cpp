// A commit on PostgreSQL: one statement and so one round trip, whatever the group holds; only what
// touches locks or schedules takes a transaction of several.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/audit_rows.h"
#include "engine/packing.h"
#include "engine/postgres/batch.h"
#include "engine/postgres/postgres_store.h"
#include "engine/schedule_rows.h"

namespace rbk::engine::postgres {
namespace {

/// A run and all that are begun with it.
size_t count_of(const std::vector<NewRun>& runs) {
  size_t count = runs.size();
  for (const NewRun& run : runs) count += count_of(run.change.children);
  return count;
}

/// Where new runs stand: `keys` has one for each, in the order in which they are begun.
void place(std::vector<NewRun>& runs, RunKey parent, EngineKey engine, const RunKey*& keys) {
  for (NewRun& fresh : runs) {
    fresh.row.key = *keys++;
    fresh.row.token = 1;
    fresh.row.holder = fresh.change.release ? 0 : engine;
    fresh.row.head = fresh.change.entries.size();
    if (parent != 0) fresh.row.parent = parent;
    fresh.change.run = fresh.row.key;
    for (LogChunk& chunk : fresh.logs) chunk.run = fresh.row.key;
    fresh.change.token = 1;
    fresh.change.head = 0;
    place(fresh.change.children, fresh.row.key, engine, keys);
  }
}

bool asks_for_locks(const std::vector<NewRun>& runs) {
  return std::any_of(runs.begin(), runs.end(), [](const NewRun& run) {
    return !run.change.locks_asked.empty() || asks_for_locks(run.change.children);
  });
}

bool is_lost(const CommitResult& result, const RunChange& change) {
  return std::find(result.lost.begin(), result.lost.end(), change.run) != result.lost.end();
}

/// Of a change and of the runs that it begins. What refuses to wait refuses the run that a person
/// starts; a child is there, and fails.
Status write_all_locks(ClaimRows& rows, const RunChange& change, bool is_new,
                       CommitResult& result) {
  if (auto done = write_locks(rows, change, is_new, result); !done) return done;
  for (const NewRun& child : change.children)
    if (auto done = write_all_locks(rows, child.change, false, result); !done) return done;
  return {};
}

/// Whose rows are locked before anything is looked at: else of two, one of which queues a firing
/// and the other ends the run that it waits for, neither would see the other.
std::set<ScheduleKey> schedules_of(const Group& group) {
  std::set<ScheduleKey> keys;
  for (const ScheduleStep& step : group.schedules) keys.insert(step.schedule);
  for (const NewRun& fresh : group.runs)
    if (ends(fresh.change) && fresh.change.schedule != 0) keys.insert(fresh.change.schedule);
  for (const RunChange& change : group.changes)
    if (ends(change) && change.schedule != 0) keys.insert(change.schedule);
  return keys;
}

/// Of those that a group makes, for a message.
std::string first_new_run(const Group& group) {
  if (!group.runs.empty()) return group.runs.front().row.id;
  for (const RunChange& change : group.changes)
    if (!change.children.empty()) return change.children.front().row.id;
  return "?";
}

/// Runs that are changed once, then those that are changed a second time, and so on.
std::vector<std::vector<const RunChange*>> rounds_of(const Group& group) {
  std::vector<std::vector<const RunChange*>> rounds(1);
  std::map<RunKey, size_t> seen;
  for (const RunChange& change : group.changes) {
    const size_t round = seen[change.run]++;
    if (round >= rounds.size()) rounds.resize(round + 1);
    rounds[round].push_back(&change);
  }
  // In one order for everybody: fewer deadlocks.
  for (auto& round : rounds)
    std::sort(round.begin(), round.end(),
              [](const RunChange* a, const RunChange* b) { return a->run < b->run; });
  return rounds;
}

}  // namespace

bool PostgresStore::needs_gate(const Group& group) const {
  if (asks_for_locks(group.runs)) return true;
  return std::any_of(group.changes.begin(), group.changes.end(), [&](const RunChange& change) {
    if (!change.locks_asked.empty() || !change.locks_freed.empty()) return true;
    if (asks_for_locks(change.children)) return true;
    const auto known = lockless_.find(change.run);
    return ends(change) && (known == lockless_.end() || known->second != change.token);
  });
}

void PostgresStore::remember_locks(const RunChange& change, bool is_new, bool is_lost) {
  if (is_lost || change.release || ends(change) || !change.locks_asked.empty())
    lockless_.erase(change.run);
  else if (is_new)
    lockless_[change.run] = change.token;
  if (is_lost) return;
  for (const NewRun& child : change.children) remember_locks(child.change, true, false);
}

Result<std::vector<RunKey>> PostgresStore::take_keys(size_t count) {
  std::vector<RunKey> keys;
  if (count == 0) return keys;
  Parameters parameters;
  parameters.integer(static_cast<int64_t>(count));
  auto rows = writer_.query("select nextval('run_key') from generate_series(1, $1)", parameters,
                            "write a run to it");
  if (!rows) return tl::unexpected(rows.error());
  keys.reserve(count);
  for (int row = 0; row < rows->size(); ++row) keys.push_back(rows->integer(row, 0));
  return keys;
}

Result<CommitResult> PostgresStore::commit(Group& group) {
  pack(group);
  CommitResult result;
  const Status committed = write(false, [&]() -> Status {
    result = {};
    return commit_once(group, result);
  });
  if (!committed) return tl::unexpected(committed.error());
  const std::lock_guard guard(writing_);
  for (const NewRun& fresh : group.runs) remember_locks(fresh.change, true, false);
  for (const RunChange& change : group.changes)
    remember_locks(change, false, is_lost(result, change));
  return result;
}

Status PostgresStore::commit_once(Group& group, CommitResult& result) {
  size_t count = count_of(group.runs);
  for (const RunChange& change : group.changes) count += count_of(change.children);
  auto keys = take_keys(count);
  if (!keys) return tl::unexpected(keys.error());
  const RunKey* next = keys->data();
  place(group.runs, 0, group.engine, next);
  for (RunChange& change : group.changes) place(change.children, change.run, group.engine, next);
  const bool gate = needs_gate(group);
  const std::set<ScheduleKey> schedules = schedules_of(group);
  const bool audited = is_audited(group);
  if (!gate && !audited && schedules.empty() && rounds_of(group).size() == 1)
    return commit_rows(group, result);
  return transaction(gate, [&]() -> Status {
    if (auto locked = lock_schedules(schedules); !locked) return locked;
    if (auto done = commit_rows(group, result); !done) return done;
    if (gate) {
      for (const NewRun& fresh : group.runs)
        if (auto done = write_all_locks(*this, fresh.change, fresh.row.link == Link::kNone, result);
            !done)
          return done;
      for (const RunChange& change : group.changes)
        if (!is_lost(result, change))
          if (auto done = write_all_locks(*this, change, false, result); !done) return done;
    }
    for (const ScheduleStep& step : group.schedules) {
      const RunKey run = step.start ? group.runs.front().row.key : 0;
      if (auto done = write_step(step, run, result); !done) return done;
    }
    for (const NewRun& fresh : group.runs)
      if (auto done = wake_after(fresh.change); !done) return done;
    for (const RunChange& change : group.changes)
      if (!is_lost(result, change))
        if (auto done = wake_after(change); !done) return done;
    if (audited)
      for (AuditNote& one : audit_of(group, result)) note(std::move(one));
    return {};
  });
}

/// The end of a run lets what is queued behind it be started.
Status PostgresStore::wake_after(const RunChange& change) {
  if (!ends(change) || change.schedule == 0) return {};
  return wake_queued(change.schedule, last_time(change));
}

Status PostgresStore::commit_rows(Group& group, CommitResult& result) {
  std::map<RunKey, int64_t> log_bytes;
  for (const LogChunk& chunk : group.logs) log_bytes[chunk.run] += size_of_lines(chunk);
  const auto rounds = rounds_of(group);
  for (size_t i = 0; i < rounds.size(); ++i) {
    const bool is_last = i + 1 == rounds.size();
    Batch batch(group.engine, slot_);
    if (i == 0)
      for (const NewRun& fresh : group.runs) batch.add(fresh);
    for (const RunChange* change : rounds[i]) {
      const auto bytes = log_bytes.find(change->run);
      const bool logs = is_last && bytes != log_bytes.end();
      batch.add(*change, logs ? bytes->second : 0);
      if (logs) log_bytes.erase(bytes);
    }
    if (is_last) {
      for (const auto& [run, bytes] : log_bytes) batch.add_log_bytes(run, bytes);
      for (const LogChunk& chunk : group.logs) batch.add(chunk);
    }
    Parameters parameters;
    const std::string sql = batch.statement(parameters);
    auto rows = writer_.query(sql, parameters, "commit to it");
    if (!rows) {
      const Failure& failure = writer_.failure();
      if (failure.is_unique() && failure.constraint.starts_with("run_"))
        return fail(ErrorKind::kExists,
                    fmt::format("a run {} exists already", first_new_run(group)));
      return tl::unexpected(rows.error());
    }
    bool is_ours = false;
    std::set<RunKey> written;
    for (int row = 0; row < rows->size(); ++row) {
      switch (rows->integer(row, 0)) {
        case 0:
          is_ours = true;
          break;
        case 1:
          written.insert(rows->integer(row, 1));
          break;
        default:
          result.messages_posted = true;
      }
    }
    if (!is_ours)
      return fail(
          ErrorKind::kUnsupported,
          fmt::format("store {} was brought to a newer format by a newer rbk", identity_.place),
          "go on with that rbk: `rbk resume`");
    if (i == 0)
      for (const NewRun& fresh : group.runs)
        if (!written.contains(fresh.row.key))
          return fail(ErrorKind::kRefused,
                      fmt::format("the run that is to be {} was removed meanwhile",
                                  fresh.row.retries != 0 ? "retried" : "undone"));
    for (const RunChange* change : rounds[i])
      if (!written.contains(change->run))
        result.lost.push_back(change->run);
      else if (!change->cancels.empty())
        result.messages_posted = true;
  }
  return {};
}

}  // namespace rbk::engine::postgres
