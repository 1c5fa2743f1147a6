#include "engine/postgres/batch.h"

#include <algorithm>
#include <map>

#include "engine/entry_sum.h"
#include "engine/packing.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"
#include "engine/request_list.h"

namespace rbk::engine::postgres {
namespace {

int64_t number(uint64_t value) { return static_cast<int64_t>(value); }

bool gets_further(const RunChange& change) {
  return std::any_of(change.entries.begin(), change.entries.end(),
                     [](const Entry& entry) { return entry.kind == Entry::Kind::kEvent; });
}

/// One part of a statement, if there are rows for it: `text` names them by "{}".
void part(std::string& sql, Parameters& parameters, const Input& input, std::string_view text) {
  if (!input.empty()) sql += fmt::format(fmt::runtime(text), input.bound(parameters));
}

}  // namespace

void Batch::add(const NewRun& fresh, RunKey root) {
  const RunRow& row = fresh.row;
  const RunChange& change = fresh.change;
  const bool facts = change.facts_changed;
  made_.row(row.key, row.id, view(fresh.program->hash), row.runbook,
            static_cast<int64_t>(facts ? change.status : row.status), row.starter, row.reason,
            change.labels.empty() ? row.labels : change.labels, row.started,
            std::max(row.started, last_time(change)), number(change.entries.size()),
            change.release ? 0 : engine_, facts ? change.wake : std::optional<int64_t>(),
            facts ? change.ending : std::string(), row.origin, row.folder,
            static_cast<int64_t>(row.umask), row.parent, static_cast<int64_t>(row.link),
            number(row.parent_request), row.parent_path, list_text(row.parent_under), row.schedule,
            row.retries, row.retry_rule, row.placement, size_of_lines(fresh.logs), root);
  for (const LogChunk& chunk : fresh.logs) add(chunk);
  // Of a child its parent's program is kept already.
  if (row.parent == 0) programs_.row(view(fresh.program->hash), fresh.program->bytes);
  add_rows(change, root);
}

void Batch::add(const RunChange& change, int64_t log_bytes) {
  changes_.row(change.run, change.token, number(change.head), number(change.entries.size()),
               last_time(change), int64_t{change.facts_changed ? 1 : 0},
               static_cast<int64_t>(change.status), change.wake, change.ending, change.labels,
               int64_t{change.release ? 1 : 0},
               int64_t{change.release || gets_further(change) ? 1 : 0}, log_bytes,
               change.program ? view(change.program->hash) : std::string_view());
  if (change.program) programs_.row(view(change.program->hash), change.program->bytes);
  add_rows(change, change.run);
}

void Batch::add(const LogChunk& chunk) {
  logs_.row(++last_log_, chunk.run, number(chunk.step), int64_t{chunk.attempt}, chunk.path,
            chunk.lines, chunk.plain_size);
}

void Batch::add_rows(const RunChange& change, RunKey root) {
  for (const Entry& entry : change.entries)
    entries_.row(change.run, number(entry.number), static_cast<int64_t>(entry.kind), entry.time,
                 entry.boot_time, entry.engine != 0 ? entry.engine : engine_, entry.body,
                 entry.news, entry_sum(change.run, entry));
  for (const Blob& blob : change.blobs)
    blobs_.row(change.run, view(blob.hash), blob.bytes, blob.plain_size);
  for (const int64_t key : change.messages_taken) taken_.row(change.run, key);
  for (const Notice& notice : change.notices)
    notices_.row(++last_notice_, change.run, notice.id, number(notice.request), notice.kind,
                 notice.target, notice.payload, notice.made, notice.due);
  for (const NewRun& child : change.children) add(child, root);
  for (const RunCancel& cancel : change.cancels)
    cancels_.row(change.run, cancel.run, std::string_view(cancel.now ? ":now" : ""),
                 fmt::format(R"({{"rollback":{},"now":{}}})", cancel.rollback, cancel.now),
                 cancel.by, cancel.time);
  if (ends(change)) {
    ended_.row(change.run, last_time(change));
    return;
  }
  if (change.snapshot) snapshots_.row(change.run, *change.snapshot);
  add_waits(change);
}

/// All parts of a statement see what was there before it: so a wait is written or taken away in it,
/// and once.
void Batch::add_waits(const RunChange& change) {
  std::map<uint64_t, const Wait*> latest;
  for (const Wait& wait : change.waits) latest[wait.request] = &wait;
  for (const uint64_t request : change.waits_over) {
    latest.erase(request);
    waits_over_.row(change.run, number(request));
  }
  for (const auto& [request, wait] : latest)
    waits_.row(change.run, number(request), static_cast<int64_t>(wait->kind), wait->path,
               wait->description, wait->since, wait->expires);
}

std::string Batch::statement(Parameters& parameters) const {
  parameters.integer(kFormat).integer(slot_).integer(engine_);
  std::string sql = std::string(kHere) + kCounted;
  write_runs(sql, parameters);
  write_rows(sql, parameters);
  tell_others(sql, parameters);
  sql += " select 0::bigint, 1::bigint from here union all select 1, key from written";
  if (!ended_.empty()) sql += " union all select 2, run from told";
  return sql;
}

/// The rows of runs. `written` are those that took their change: all else hangs on them.
void Batch::write_runs(std::string& sql, Parameters& parameters) const {
  constexpr std::string_view kWritten = "key,id,parent,link,parent_request";
  std::string written;
  // The run's row decides who may append.
  if (!changes_.empty()) {
    sql += fmt::format(
        ", advanced as (update run r set head=c.head+c.count, updated=greatest(r.updated,c.time), "
        "status=case when c.facts=1 then c.status else r.status end, "
        "wake=case when c.facts=1 then c.wake else r.wake end, "
        "ending=case when c.facts=1 then c.ending else r.ending end, "
        "labels=case when c.labels='' then r.labels else c.labels end, "
        "holder=case when c.release=1 then 0 else r.holder end, "
        "claims=case when c.further=1 then 0 else r.claims end, "
        "log_bytes=r.log_bytes+c.log_bytes, "
        "program=case when c.program='' then r.program else c.program end from {}, here "
        "where r.key=c.run and r.token=c.token and r.head=c.head "
        "returning r.key,r.id,r.parent,r.link,r.parent_request)",
        changes_.bound(parameters));
    written = fmt::format("select {} from advanced", kWritten);
  }
  part(sql, parameters, programs_,
       ", kept as (insert into program(hash,bytes) select p.hash,p.bytes from {}, here "
       "on conflict (hash) do nothing)");
  if (!made_.empty()) {
    sql += fmt::format(
        ", made as (insert into run(key,id,program,runbook,status,starter,reason,labels,started,"
        "updated,head,token,holder,wake,ending,log_bytes,origin,folder,umask,parent,link,"
        "parent_request,parent_path,parent_under,claims,schedule,retries,retry_rule,placement) "
        "select n.key,n.id,n.program,n.runbook,n.status,n.starter,n.reason,n.labels,n.started,"
        "n.updated,n.head,1,n.holder,n.wake,n.ending,n.log_bytes,n.origin,n.folder,n.umask,n."
        "parent,n.link,"
        "n.parent_request,n.parent_path,n.parent_under,0,n.schedule,n.retries,n.retry_rule,n."
        "placement "
        "from {}, here where "
        "(n.root=0{}) "
        "and (n.origin=0 or exists(select 1 from run undone where undone.key=n.origin)) "
        "and (n.retries=0 or exists(select 1 from run retried where retried.key=n.retries)) "
        "returning {},status)",
        made_.bound(parameters), changes_.empty() ? "" : " or n.root in (select key from advanced)",
        kWritten);
    written += fmt::format("{}select {} from made", written.empty() ? "" : " union all ", kWritten);
  }
  if (written.empty()) written = fmt::format("select {} from run where false", kWritten);
  sql += fmt::format(", written as ({})", written);
}

void Batch::write_rows(std::string& sql, Parameters& parameters) const {
  part(sql, parameters, entries_,
       ", entered as (insert into journal(run,number,kind,time,boot_time,engine,body,news,sum) "
       "select e.* from {} join written on written.key=e.run)");
  part(sql, parameters, blobs_,
       ", blobbed as (insert into blob(hash,bytes,plain_size) "
       "select b.hash,b.bytes,b.plain_size from {} "
       "join written on written.key=b.run on conflict (hash) do nothing)");
  part(sql, parameters, snapshots_,
       ", snapped as (insert into snapshot(run,bytes) select s.run,s.bytes from {} "
       "join written on written.key=s.run on conflict (run) do update set bytes=excluded.bytes)");
  part(sql, parameters, waits_,
       ", waiting as (insert into wait(run,request,kind,path,description,since,expires) "
       "select w.* from {} join written on written.key=w.run on conflict (run,request) do update "
       "set kind=excluded.kind,path=excluded.path,description=excluded.description,"
       "since=excluded.since,expires=excluded.expires)");
  part(sql, parameters, waits_over_,
       ", waited as (delete from wait using {}, written "
       "where written.key=o.run and wait.run=o.run and wait.request=o.request)");
  part(sql, parameters, taken_,
       ", taken as (update message set taken=1 from {}, written "
       "where written.key=t.run and message.key=t.key)");
  part(sql, parameters, notices_,
       ", noticed as (insert into notice(id,run,request,kind,target,payload,made,due,attempts,"
       "state,problem) select n.id,n.run,n.request,n.kind,n.target,n.payload,n.made,n.due,0,0,'' "
       "from {} join written on written.key=n.run order by n.place on conflict (id) do nothing)");
  part(sql, parameters, log_bytes_,
       ", logged as (update run r set log_bytes=r.log_bytes+g.bytes from {}, here "
       "where r.key=g.run and r.holder in (0,$3) returning r.key)");
  // Their keys follow the order in which they came.
  part(sql, parameters, logs_,
       fmt::format(", lined as (insert into log(run,step,attempt,path,lines,plain_size) "
                   "select l.run,l.step,l.attempt,l.path,l.lines,l.plain_size from {{}} "
                   "where l.run in (select key from written{}) order by l.place)",
                   log_bytes_.empty() ? "" : " union all select key from logged"));
}

/// What others are told: runs that are cancelled, and runs that wait for one that has ended. Those
/// that this statement makes are not in `run` yet, and it does not see there what it ends.
void Batch::tell_others(std::string& sql, Parameters& parameters) const {
  part(sql, parameters, cancels_,
       fmt::format(", cancelled as (insert into message(id,run,request,kind,body,author,time,taken)"
                   " select 'cancel-run:'||x.child||x.how,{},0,3,x.body,x.author,x.time,0 from {{}}"
                   " join written on written.key=x.run left join run r on r.id=x.child"
                   "{} on conflict (id) do nothing)",
                   made_.empty() ? "r.key" : "coalesce(r.key,made.key)",
                   made_.empty() ? " where r.status<6"
                                 : " left join made on made.id=x.child "
                                   "where coalesce(r.status,made.status)<6"));
  part(sql, parameters, ended_,
       ", ending as (select x.run,x.time,w.id,w.parent,w.link,w.parent_request from {} "
       "join written w on w.key=x.run)"
       ", unwaited as (delete from wait using ending where wait.run=ending.run)"
       ", unsnapped as (delete from snapshot using ending where snapshot.run=ending.run)"
       ", told as (insert into message(id,run,request,kind,body,author,time,taken) "
       "select 'ended:'||e.id,e.parent,e.parent_request,8,'{{\"run\":'||to_json(e.id)||'}}','',"
       "e.time,0 from ending e left join run p on p.key=e.parent "
       "where e.link in (1,3) and coalesce(p.status,1)<6 "
       "and e.parent not in (select run from ending) on conflict (id) do nothing returning run)");
}

}  // namespace rbk::engine::postgres
