// What a store on SQLite writes. The order within a commit does not matter to anybody: it is all or
// nothing.
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "engine/audit_rows.h"
#include "engine/entry_sum.h"
#include "engine/packing.h"
#include "engine/placement.h"
#include "engine/request_list.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

/// Why one run can't be claimed, beside which others may be.
bool is_of_one_run(const Error& error) {
  return error.kind == ErrorKind::kLocked || error.kind == ErrorKind::kRefused ||
         error.kind == ErrorKind::kNotFound;
}

}  // namespace

Result<CommitResult> SqliteStore::commit(Group& group) {
  pack(group);
  CommitResult result;
  const auto lets_go = [](const RunChange& change) { return change.release; };
  const bool look = std::any_of(group.changes.begin(), group.changes.end(), lets_go);
  const Status committed = transaction(look, [&]() -> Status {
    if (auto ok = writer_.ready(writes_.last_journal, "select max(key) from journal"); !ok)
      return ok;
    {
      Use last(writes_.last_journal);
      if (last->step() != SQLITE_ROW) return tl::unexpected(writer_.error("read its journal"));
      next_journal_ = last->integer(0) + 1;
    }
    for (NewRun& fresh : group.runs)
      if (auto ok = insert(fresh, group.engine, result); !ok) return ok;
    for (const ScheduleStep& step : group.schedules)
      if (auto ok = write_step(step, step.start ? group.runs.front().row.key : 0, result); !ok)
        return ok;
    for (RunChange& change : group.changes) {
      auto kept = write(change, group.engine);
      if (!kept) return tl::unexpected(kept.error());
      if (!*kept) {
        result.lost.push_back(change.run);
      } else if (auto ok = write_others(change, false, group.engine, result); !ok) {
        return ok;
      }
    }
    for (const LogChunk& chunk : group.logs) {
      if (auto ok = write_chunk(chunk); !ok) return ok;
      if (auto ok =
              writer_.ready(writes_.log_bytes, "update run set log_bytes=log_bytes+? where key=?");
          !ok)
        return ok;
      writes_.log_bytes.bind(1, size_of_lines(chunk));
      writes_.log_bytes.bind(2, chunk.run);
      if (auto ok = done(writes_.log_bytes, "write a log to it"); !ok) return ok;
    }
    if (is_audited(group))
      for (AuditNote& one : audit_of(group, result)) note(std::move(one));
    return {};
  });
  if (!committed) return tl::unexpected(committed.error());
  return result;
}

Status SqliteStore::write_chunk(const LogChunk& chunk) {
  if (auto ok = writer_.ready(writes_.log,
                              "insert into log(run,step,attempt,path,lines,plain_size) "
                              "values(?,?,?,?,?,?)");
      !ok)
    return ok;
  writes_.log.bind(1, chunk.run);
  writes_.log.bind(2, static_cast<int64_t>(chunk.step));
  writes_.log.bind(3, chunk.attempt);
  writes_.log.bind_text(4, chunk.path);
  writes_.log.bind_blob(5, chunk.lines);
  writes_.log.bind(6, chunk.plain_size);
  return done(writes_.log, "write a log to it");
}

/// False: another has claimed the run, or its head is not where the change begins.
Result<bool> SqliteStore::write(const RunChange& change, EngineKey engine) {
  int64_t previous = 0;
  Tail& tail = tails_[change.run];
  if (tail.token == change.token) {
    previous = tail.journal_key;
  } else {
    if (auto ok = writer_.ready(writes_.run_head, "select last from run where key=?"); !ok)
      return tl::unexpected(ok.error());
    writes_.run_head.bind(1, change.run);
    Use head(writes_.run_head);
    if (head->step() != SQLITE_ROW) return false;
    previous = head->integer(0);
  }
  // The run row decides who may append: everything else in this change hangs on this update.
  if (auto ok = writer_.ready(
          writes_.advance,
          "update run set head=?,last=?,updated=max(updated,?),claims=iif(?,0,claims) "
          "where key=? and token=? and head=?");
      !ok)
    return tl::unexpected(ok.error());
  const auto count = static_cast<int64_t>(change.entries.size());
  const int64_t last = count > 0 ? next_journal_ + count - 1 : previous;
  writes_.advance.bind(1, static_cast<int64_t>(change.head) + count);
  writes_.advance.bind(2, last);
  writes_.advance.bind(3, count > 0 ? change.entries.back().time : 0);
  const auto is_event = [](const Entry& entry) { return entry.kind == Entry::Kind::kEvent; };
  const bool got_further = std::any_of(change.entries.begin(), change.entries.end(), is_event);
  writes_.advance.bind(4, change.release || got_further ? 1 : 0);
  writes_.advance.bind(5, change.run);
  writes_.advance.bind(6, change.token);
  writes_.advance.bind(7, static_cast<int64_t>(change.head));
  if (auto ok = done(writes_.advance, "write to it"); !ok) return tl::unexpected(ok.error());
  if (sqlite3_changes(writer_.raw()) != 1) {
    tails_.erase(change.run);
    return false;
  }
  if (auto ok = write_entries(change, engine, previous); !ok) return tl::unexpected(ok.error());
  if (auto ok = write_facts(change); !ok) return tl::unexpected(ok.error());
  if (change.release || is_over(change.status))
    tails_.erase(change.run);
  else
    tails_[change.run] = {change.token, last};
  return true;
}

Status SqliteStore::write_entries(const RunChange& change, EngineKey engine, int64_t previous) {
  for (const Blob& blob : change.blobs) {
    if (RBK_MUTANT("loses_long_outputs")) continue;
    if (auto ok = writer_.ready(
            writes_.blob,
            "insert into blob(hash,bytes,plain_size) values(?,?,?) on conflict(hash) do nothing");
        !ok)
      return ok;
    writes_.blob.bind_blob(1, view(blob.hash));
    writes_.blob.bind_blob(2, blob.bytes);
    writes_.blob.bind(3, blob.plain_size);
    if (auto ok = done(writes_.blob, "write an output to it"); !ok) return ok;
  }
  if (auto ok = writer_.ready(
          writes_.entry,
          "insert into journal(key,run,number,previous,kind,time,boot_time,engine,body,news,sum) "
          "values(?,?,?,?,?,?,?,?,?,?,?)");
      !ok)
    return ok;
  for (const Entry& entry : change.entries) {
    Statement& row = writes_.entry;
    row.bind(1, next_journal_);
    row.bind(2, change.run);
    row.bind(3, static_cast<int64_t>(entry.number));
    row.bind(4, previous);
    row.bind(5, static_cast<int64_t>(entry.kind));
    row.bind(6, entry.time);
    row.bind(7, entry.boot_time);
    row.bind(8, entry.engine != 0 ? entry.engine : engine);
    row.bind_blob(9, entry.body);
    row.bind_blob(10, entry.news);
    row.bind(11, entry_sum(change.run, entry));
    if (auto ok = done(row, "write to its journal"); !ok) return ok;
    previous = next_journal_++;
  }
  return {};
}

Status SqliteStore::write_facts(const RunChange& change) {
  if (change.facts_changed) {
    if (auto ok =
            writer_.ready(writes_.update, "update run set status=?,wake=?,ending=? where key=?");
        !ok)
      return ok;
    writes_.update.bind(1, static_cast<int64_t>(change.status));
    writes_.update.bind_optional(2, change.wake);
    writes_.update.bind_text(3, change.ending);
    writes_.update.bind(4, change.run);
    if (auto ok = done(writes_.update, "write to it"); !ok) return ok;
  }
  if (!change.labels.empty()) {
    if (auto ok = writer_.ready(writes_.labels, "update run set labels=? where key=?"); !ok)
      return ok;
    writes_.labels.bind_text(1, change.labels);
    writes_.labels.bind(2, change.run);
    if (auto ok = done(writes_.labels, "write to it"); !ok) return ok;
  }
  if (change.program != nullptr) {
    auto program = keep(*change.program);
    if (!program) return tl::unexpected(program.error());
    if (auto ok = writer_.ready(writes_.pin, "update run set program=? where key=?"); !ok)
      return ok;
    writes_.pin.bind(1, *program);
    writes_.pin.bind(2, change.run);
    if (auto ok = done(writes_.pin, "write to it"); !ok) return ok;
  }
  for (const Wait& wait : change.waits) {
    if (auto ok = writer_.ready(writes_.wait, "insert or replace into wait values(?,?,?,?,?,?,?)");
        !ok)
      return ok;
    Statement& row = writes_.wait;
    row.bind(1, change.run);
    row.bind(2, static_cast<int64_t>(wait.request));
    row.bind(3, static_cast<int64_t>(wait.kind));
    row.bind_text(4, wait.path);
    row.bind_text(5, wait.description);
    row.bind(6, wait.since);
    row.bind_optional(7, wait.expires);
    if (auto ok = done(row, "write to it"); !ok) return ok;
  }
  for (const uint64_t request : change.waits_over) {
    if (auto ok = writer_.ready(writes_.wait_over, "delete from wait where run=? and request=?");
        !ok)
      return ok;
    writes_.wait_over.bind(1, change.run);
    writes_.wait_over.bind(2, static_cast<int64_t>(request));
    if (auto ok = done(writes_.wait_over, "write to it"); !ok) return ok;
  }
  for (const int64_t key : change.messages_taken) {
    if (auto ok = writer_.ready(writes_.taken, "update message set taken=1 where key=?"); !ok)
      return ok;
    writes_.taken.bind(1, key);
    if (auto ok = done(writes_.taken, "write to it"); !ok) return ok;
  }
  if (change.snapshot) {
    if (auto ok = writer_.ready(writes_.snapshot, "insert or replace into snapshot values(?,?)");
        !ok)
      return ok;
    writes_.snapshot.bind(1, change.run);
    writes_.snapshot.bind_blob(2, *change.snapshot);
    if (auto ok = done(writes_.snapshot, "write a snapshot to it"); !ok) return ok;
  }
  if (is_over(change.status) && change.facts_changed) {
    for (const auto& [slot, sql] :
         {std::pair{&writes_.waits_over, "delete from wait where run=?"},
          std::pair{&writes_.snapshot_drop, "delete from snapshot where run=?"}}) {
      if (auto ok = writer_.ready(*slot, sql); !ok) return ok;
      slot->bind(1, change.run);
      if (auto ok = done(*slot, "write to it"); !ok) return ok;
    }
  }
  if (auto ok = write_notices(change); !ok) return ok;
  if (is_over(change.status) && change.facts_changed && change.schedule != 0)
    if (auto ok =
            wake_queued(change.schedule, change.entries.empty() ? 0 : change.entries.back().time);
        !ok)
      return ok;
  if (change.release) {
    if (auto ok = writer_.ready(writes_.release, "update run set holder=0 where key=?"); !ok)
      return ok;
    writes_.release.bind(1, change.run);
    if (auto ok = done(writes_.release, "write to it"); !ok) return ok;
  }
  return {};
}

Result<int64_t> SqliteStore::keep(const ProgramRow& program) {
  if (auto ok = writer_.ready(writes_.program_find, "select key from program where hash=?"); !ok)
    return tl::unexpected(ok.error());
  {
    writes_.program_find.bind_blob(1, view(program.hash));
    Use found(writes_.program_find);
    const int code = found->step();
    if (code == SQLITE_ROW) return found->integer(0);
    if (code != SQLITE_DONE) return tl::unexpected(writer_.error("read its programs"));
  }
  if (auto ok = writer_.ready(writes_.program, "insert into program(hash,bytes) values(?,?)"); !ok)
    return tl::unexpected(ok.error());
  writes_.program.bind_blob(1, view(program.hash));
  writes_.program.bind_blob(2, program.bytes);
  if (auto ok = done(writes_.program, "write a program to it"); !ok)
    return tl::unexpected(ok.error());
  return sqlite3_last_insert_rowid(writer_.raw());
}

Status SqliteStore::insert(NewRun& fresh, EngineKey engine, CommitResult& result) {
  auto program = keep(*fresh.program);
  if (!program) return tl::unexpected(program.error());
  if (auto ok = writer_.ready(
          writes_.new_run,
          "insert into "
          "run(key,id,program,runbook,status,starter,reason,labels,started,updated,head,last,"
          "token,holder,wake,ending,log_bytes,origin,folder,umask,parent,link,parent_request,"
          "parent_path,parent_under,schedule,retries,retry_rule,placement) "
          // `run_key`: one that was given to a run that is gone.
          "values(1+max(coalesce((select max(key) from run),0),"
          "coalesce((select value from meta where name='run_key'),0)),"
          "?,?,?,?,?,?,?,?,?,0,0,1,?,null,'',?,?,?,?,?,?,?,?,?,?,?,?,?)");
      !ok)
    return ok;
  RunRow& row = fresh.row;
  if (row.origin != 0 || row.retries != 0) {
    auto origin = writer_.prepare("select 1 from run where key=?");
    if (!origin) return tl::unexpected(origin.error());
    origin->bind(1, row.origin != 0 ? row.origin : row.retries);
    if (origin->step() != SQLITE_ROW)
      return fail(ErrorKind::kRefused, fmt::format("the run that is to be {} was removed meanwhile",
                                                   row.origin != 0 ? "undone" : "retried"));
  }
  Statement& statement = writes_.new_run;
  statement.bind_text(1, row.id);
  statement.bind(2, *program);
  statement.bind_text(3, row.runbook);
  statement.bind(4, static_cast<int64_t>(row.status));
  statement.bind_text(5, row.starter);
  statement.bind_text(6, row.reason);
  statement.bind_text(7, row.labels);
  statement.bind(8, row.started);
  statement.bind(9, row.started);
  statement.bind(10, engine);
  statement.bind(11, size_of_lines(fresh.logs));
  statement.bind(12, row.origin);
  statement.bind_text(13, row.folder);
  statement.bind(14, row.umask);
  statement.bind(15, row.parent);
  statement.bind(16, static_cast<int64_t>(row.link));
  statement.bind(17, static_cast<int64_t>(row.parent_request));
  statement.bind_text(18, row.parent_path);
  const std::string under = list_text(row.parent_under);
  statement.bind_text(19, under);
  statement.bind(20, row.schedule);
  statement.bind(21, row.retries);
  statement.bind_text(22, row.retry_rule);
  statement.bind_text(23, row.placement);
  if (statement.step() != SQLITE_DONE) {
    const bool taken = sqlite3_extended_errcode(writer_.raw()) == SQLITE_CONSTRAINT_UNIQUE;
    Error error = writer_.error("write a run to it");
    statement.reset();
    if (taken) return fail(ErrorKind::kExists, fmt::format("a run {} exists already", row.id));
    return tl::unexpected(std::move(error));
  }
  statement.reset();
  row.key = sqlite3_last_insert_rowid(writer_.raw());
  row.token = 1;
  row.holder = fresh.change.release ? 0 : engine;
  fresh.change.run = row.key;
  fresh.change.token = 1;
  fresh.change.head = 0;
  auto kept = write(fresh.change, engine);
  if (!kept) return tl::unexpected(kept.error());
  row.head = fresh.change.entries.size();
  for (LogChunk& chunk : fresh.logs) {
    chunk.run = row.key;
    if (auto ok = write_chunk(chunk); !ok) return ok;
  }
  // What refuses to wait refuses the run that a person starts; a child is there, and fails.
  return write_others(fresh.change, row.link == Link::kNone, engine, result);
}

Status SqliteStore::write_others(RunChange& change, bool is_new, EngineKey engine,
                                 CommitResult& result) {
  if (auto ok = write_locks(*this, change, is_new, result); !ok) return ok;
  for (NewRun& child : change.children) {
    child.row.parent = change.run;
    if (auto ok = insert(child, engine, result); !ok) return ok;
  }
  for (const RunCancel& cancel : change.cancels) {
    if (auto ok = writer_.ready(
            writes_.run_cancel,
            "insert or ignore into message(id,run,request,kind,body,author,time,taken) "
            "select 'cancel-run:'||id||?2,key,0,3,?3,?4,?5,0 from run where id=?1 and status<6");
        !ok)
      return ok;
    writes_.run_cancel.bind_text(1, cancel.run);
    writes_.run_cancel.bind_text(2, cancel.now ? ":now" : "");
    const std::string body =
        fmt::format(R"({{"rollback":{},"now":{}}})", cancel.rollback, cancel.now);
    writes_.run_cancel.bind_text(3, body);
    writes_.run_cancel.bind_text(4, cancel.by);
    writes_.run_cancel.bind(5, cancel.time);
    if (auto ok = done(writes_.run_cancel, "write a message to it"); !ok) return ok;
    result.messages_posted = true;
  }
  if (!is_over(change.status) || !change.facts_changed) return {};
  if (auto ok = writer_.ready(
          writes_.run_end,
          "insert or ignore into message(id,run,request,kind,body,author,time,taken) "
          "select 'ended:'||c.id,c.parent,c.parent_request,8,json_object('run',c.id),'',?2,0 "
          "from run c join run p on p.key=c.parent where c.key=?1 and c.link in (1,3) "
          "and p.status<6");
      !ok)
    return ok;
  writes_.run_end.bind(1, change.run);
  writes_.run_end.bind(2, change.entries.empty() ? 0 : change.entries.back().time);
  if (auto ok = done(writes_.run_end, "write a message to it"); !ok) return ok;
  result.messages_posted = result.messages_posted || sqlite3_changes(writer_.raw()) > 0;
  return {};
}

Status SqliteStore::join(const EngineRow& engine) {
  const std::lock_guard guard(writing_);
  // The lock before the row, so that nobody takes us for dead.
  if (auto held = locks_.holds_engine(engine.key) ? Status() : locks_.hold_engine(engine.key);
      !held)
    return fail(ErrorKind::kExists, held.error().message);
  joining_ = engine;
  return {};
}

Status SqliteStore::write_engine() {
  if (!joining_) return {};
  // A commit that failed may have happened: then the row is there already.
  if (auto ok = writer_.ready(writes_.engine,
                              "insert into engine(key,boot,process,started,works,epoch,takes) "
                              "values(?,?,?,?,?,?,?) on conflict(key) do update "
                              "set works=excluded.works,takes=excluded.takes");
      !ok)
    return ok;
  writes_.engine.bind(1, joining_->key);
  writes_.engine.bind_text(2, joining_->boot);
  writes_.engine.bind(3, joining_->process);
  writes_.engine.bind(4, joining_->started);
  writes_.engine.bind(5, joining_->works ? 1 : 0);
  writes_.engine.bind(6, identity_.epoch);
  const std::string takes = takes_text(joining_->takes);
  writes_.engine.bind_text(7, takes);
  return done(writes_.engine, "write to it");
}

Status SqliteStore::leave_work() {
  auto working = workers();
  if (!working) return tl::unexpected(working.error());
  return transaction(false, [&]() -> Status {
    std::string others;
    for (const EngineRow& one : *working)
      if (!locks_.holds_engine(one.key))
        others += (others.empty() ? "" : ",") + fmt::format("{}", one.key);
    auto statement = writer_.prepare(
        fmt::format("update engine set works=0 where works=1 and key not in({})", others));
    if (!statement) return tl::unexpected(statement.error());
    return done(*statement, "write to it");
  });
}

Status SqliteStore::write_claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by) {
  if (auto ok =
          writer_.ready(writes_.holder,
                        "select run.holder,run.id,engine.process,run.status,run.claims,run.stood "
                        "from run left join engine on engine.key=run.holder "
                        "where run.key=?");
      !ok)
    return ok;
  if (auto ok = writer_.ready(writes_.claim,
                              "update run set token=token+1,holder=?,claims=?,ending='',"
                              "status=iif(status=5,1,status) where key=?");
      !ok)
    return ok;
  int64_t claims = 0;
  Claimed was;
  {
    writes_.holder.bind(1, run);
    Use holder(writes_.holder);
    const int code = holder->step();
    if (code == SQLITE_DONE) return fail(ErrorKind::kNotFound, "there is no such run");
    if (code != SQLITE_ROW) return tl::unexpected(writer_.error("read its runs"));
    const auto status = static_cast<RunStatus>(holder->integer(3));
    claims = holder->integer(4);
    const bool may_be_tried =
        claimer == Claimer::kPerson && claims >= kMostClaims && holder->integer(5) == 0;
    if (is_over(status) || (status == RunStatus::kQuarantined && !may_be_tried))
      return fail(ErrorKind::kRefused,
                  fmt::format("run {} is {}", holder->text(1), to_string(status)));
    const int64_t key = holder->integer(0);
    if (key != 0 && key != engine && locks_.engine_lives(key))
      return fail(
          ErrorKind::kLocked,
          fmt::format("run {} is driven by process {}", holder->text(1), holder->integer(2)),
          "it goes on there; `rbk show` follows it");
    was = {holder->text(1), status, key, holder->integer(2)};
  }
  if (auto taken = audit_of(was, engine, claimer, by)) note(std::move(*taken));
  writes_.claim.bind(1, engine);
  writes_.claim.bind(2, claimer == Claimer::kPerson ? 1 : claims + 1);
  writes_.claim.bind(3, run);
  return done(writes_.claim, "claim a run in it");
}

Result<RunRow> SqliteStore::claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by) {
  auto claimed = claim_each({run}, engine, claimer, by);
  if (!claimed) return tl::unexpected(claimed.error());
  return std::move(claimed->front());
}

Result<std::vector<Result<RunRow>>> SqliteStore::claim_each(const std::vector<RunKey>& runs,
                                                            EngineKey engine, Claimer claimer,
                                                            const Doer& by) {
  std::vector<Status> each;
  each.reserve(runs.size());
  bool any = false;
  const Status committed = transaction(false, [&]() -> Status {
    for (const RunKey run : runs) {
      each.push_back(write_claim(run, engine, claimer, by));
      if (!each.back() && !is_of_one_run(each.back().error())) return each.back();
      any = any || each.back();
    }
    return any || each.empty() ? Status{} : each.back();  // else nothing was written
  });
  const bool refused = !committed && !any && !each.empty() && is_of_one_run(committed.error());
  if (!committed && !refused) return tl::unexpected(committed.error());
  std::vector<Result<RunRow>> rows;
  rows.reserve(runs.size());
  for (size_t i = 0; i < runs.size(); ++i)
    rows.push_back(each[i] ? run(runs[i]) : tl::unexpected(each[i].error()));
  return rows;
}

Status SqliteStore::post(const Message& message, const Doer& by) {
  return transaction(false, [&]() -> Status {
    note(audit_of(message, by));
    if (auto ok = writer_.ready(writes_.message,
                                "insert into message(id,run,request,kind,body,author,time,taken) "
                                "values(?,?,?,?,?,?,?,0)");
        !ok)
      return ok;
    Statement& row = writes_.message;
    row.bind_text(1, message.id);
    row.bind(2, message.run);
    row.bind(3, static_cast<int64_t>(message.request));
    row.bind(4, static_cast<int64_t>(message.kind));
    row.bind_text(5, message.body);
    row.bind_text(6, message.by);
    row.bind(7, message.time);
    const int code = row.step();
    const bool taken = sqlite3_extended_errcode(writer_.raw()) == SQLITE_CONSTRAINT_UNIQUE;
    Error error = writer_.error("write a message to it");
    row.reset();
    if (code == SQLITE_DONE) return {};
    if (taken)
      return fail(ErrorKind::kExists, fmt::format("message {} is there already", message.id));
    return tl::unexpected(std::move(error));
  });
}

Status SqliteStore::drop_snapshot(RunKey run) {
  return transaction(false, [&]() -> Status {
    if (auto ok = writer_.ready(writes_.snapshot_drop, "delete from snapshot where run=?"); !ok)
      return ok;
    writes_.snapshot_drop.bind(1, run);
    return done(writes_.snapshot_drop, "write to it");
  });
}

Status SqliteStore::quarantine(RunKey run, Token token, const std::string& why, const Doer& by) {
  return transaction(false, [&]() -> Status {
    if (auto ok = writer_.ready(writes_.quarantine,
                                "update run set status=?,ending=?,wake=null,token=token+1,holder=0 "
                                "where key=? and token=?");
        !ok)
      return ok;
    writes_.quarantine.bind(1, static_cast<int64_t>(RunStatus::kQuarantined));
    writes_.quarantine.bind_text(2, why);
    writes_.quarantine.bind(3, run);
    writes_.quarantine.bind(4, token);
    if (auto ok = done(writes_.quarantine, "write to it"); !ok) return ok;
    if (sqlite3_changes(writer_.raw()) == 1) note(audit_of_quarantine(run, why, by));
    tails_.erase(run);
    return {};
  });
}

}  // namespace rbk::engine::sqlite
