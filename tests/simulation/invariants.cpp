#include "tests/simulation/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/journal.h"
#include "engine/news.h"
#include "engine/snapshot.h"
#include "engine/status.h"

namespace rbk::simulation {

using engine::RunRow;
using engine::RunStatus;

namespace {

using How = vm::event::Performed::How;

/// Runs that could not be brought back say so, and were given up for nothing else.
bool got_nowhere(const RunRow& row) {
  return row.status == RunStatus::kQuarantined &&
         row.ending.find("before the run gets any further") != std::string::npos;
}

}  // namespace

void check_terminal_events(Evidence& evidence) {
  for (const RunRow& row : evidence.oracle.runs()) {
    const Mirror* mirror = evidence.oracle.look(row.id);
    if (mirror == nullptr) continue;
    for (const auto& [request, asked] : mirror->performs)
      if (asked.answers > 1)
        evidence.violated(1, fmt::format("attempt {} of {} {} has {} terminal events", request,
                                         row.id, asked.perform.path, asked.answers));
  }
}

void check_undone_once(Evidence& evidence) {
  struct Line {                    // of retries
    std::set<std::string> done;    // runs that wanted it: in doubt, it is undone as well
    std::set<std::string> undone;  // keys under which it was really undone
  };
  using Subject = std::pair<std::string, std::string>;  // of a line, or a run
  std::map<Subject, Line> lines;
  std::map<Subject, bool> succeeded;  // as its run knows; whether it was really undone
  std::set<Subject> failed;           // undos that their run knows as such: it may be tried again
  Outside& outside = evidence.outside;
  for (const RunRow& row : evidence.oracle.runs()) {
    const Mirror* mirror = evidence.oracle.look(row.id);
    if (mirror == nullptr) continue;
    for (const auto& [request, asked] : mirror->performs) {
      const Command command = outside.command(asked.perform.arguments);
      if (command.verb == "undo" && asked.answers > 0 && asked.answer.how != How::kOk)
        failed.insert({row.id, command.subject});
      if (command.verb != "do" || !command.site->has_rollback) continue;
      lines[{outside.line(row.id), command.subject}].done.insert(row.id);
      if (asked.answers > 0 && asked.answer.how == How::kOk)
        succeeded[{outside.origin(row.id), command.subject}] = false;
    }
  }
  for (const auto& one : outside.executions()) {
    if (!one->site->has_rollback) continue;
    Line& line = lines[{outside.line(one->run), one->subject}];
    if (one->verb == "do")
      for (int time = 0; time < outside.times_anew(one->run, one->path); ++time)
        line.done.insert(fmt::format("{}, anew {}", one->run, time));
    if (one->verb != "undo" || !one->took_effect) continue;
    if (!failed.contains({one->run, one->subject})) line.undone.insert(one->key);
    const auto found = succeeded.find({outside.origin(one->run), one->subject});
    if (found != succeeded.end()) found->second = true;
  }
  for (const auto& [what, line] : lines)
    if (line.undone.size() > std::max<size_t>(line.done.size(), 1))
      evidence.violated(4, fmt::format("`do {}` of {} is undone {} times", what.second, what.first,
                                       line.undone.size()));
  for (const auto& [what, is_undone] : succeeded) {
    const auto& [run, subject] = what;
    const Mirror* mirror = evidence.oracle.look(run);
    if (mirror == nullptr || mirror->committed) continue;
    auto ending = engine::parse_ending(mirror->row.ending);
    const bool unwound = engine::is_over(mirror->row.status) && ending && ending->rolled_back;
    if (unwound && !is_undone)
      evidence.violated(4,
                        fmt::format("{} is rolled back, and `do {}` is not undone", run, subject));
  }
}

void check_snapshots(Evidence& evidence) {
  Oracle& oracle = evidence.oracle;
  if (oracle.store() == nullptr) return;
  for (const RunRow& row : oracle.runs()) {
    const Mirror* mirror = oracle.look(row.id);
    if (mirror != nullptr && !mirror->problem.empty())
      evidence.violated(6, fmt::format("{} can't be replayed: {}", row.id, mirror->problem));
    if (engine::is_over(row.status)) continue;
    auto program = engine::load_program(*oracle.store(), row);
    if (!program) continue;
    auto kept = oracle.store()->snapshot(row.key);
    if (!kept || !*kept) continue;
    auto quick = engine::recover_run(*oracle.store(), row, *program, true);
    auto whole = engine::recover_run(*oracle.store(), row, *program, false);
    if (!quick || !whole) {
      evidence.violated(6, fmt::format("{} can't be brought back: {}", row.id,
                                       (quick ? whole : quick).error().message));
      continue;
    }
    const auto bytes = [](engine::RecoveredRun& run) {
      return engine::encode_snapshot(run.head, run.time, run.machine, run.asked, run.paused);
    };
    if (quick->snapshot_was_bad || bytes(*quick) != bytes(*whole))
      evidence.violated(6, fmt::format("{} is another one by its snapshot", row.id));
  }
}

void check_children(Evidence& evidence) {
  for (const RunRow& row : evidence.oracle.runs()) {
    const Mirror* mirror = evidence.oracle.look(row.id);
    if (mirror == nullptr || !mirror->problem.empty()) continue;
    std::vector<std::string> wanted;
    wanted.reserve(mirror->starts.size());
    for (const auto& [request, start] : mirror->starts) wanted.push_back(start.run);
    std::sort(wanted.begin(), wanted.end());
    const std::vector<std::string> there = evidence.oracle.query(
        fmt::format("select id from run where parent={} and link in (1,2) order by id", row.key));
    if (wanted != there)
      evidence.violated(9, fmt::format("{} has started {} runs, and has {}", row.id, wanted.size(),
                                       there.size()));
  }
}

void check_firings(Evidence& evidence) {
  Oracle& oracle = evidence.oracle;
  for (const std::string& twice :
       oracle.query("select nominal from firing where run<>0 and kind<>2 "
                    "group by schedule,zone,nominal,fold having count(*)>1"))
    evidence.violated(10, fmt::format("nominal time {} has fired twice", twice));
  for (const std::string& run :
       oracle.query("select id from run where schedule<>0 and "
                    "(select count(*) from firing where firing.run=run.key)<>1"))
    evidence.violated(10, fmt::format("{} belongs to no firing of its own", run));
}

void check_signals(Evidence& evidence) {
  for (const auto& signal : evidence.acknowledged.signals) {
    const int64_t payload = signal.first;
    const auto& run = signal.second;
    const Mirror* mirror = evidence.oracle.look(run);
    if (mirror == nullptr) continue;
    const auto journaled = std::count_if(
        mirror->signals.begin(), mirror->signals.end(), [&](const vm::event::Signalled& one) {
          return one.payload.is_int64() && one.payload.as_int64() == payload;
        });
    const int64_t open = evidence.oracle.number(
        fmt::format("select count(*) from message where run={} and kind=6 and taken=0 "
                    "and id like '%:id-{}'",
                    mirror->row.key, payload));
    if (journaled + open != 1)
      evidence.violated(11, fmt::format("signal {} of {} is taken {} times, and waits {} times",
                                        payload, run, journaled, open));
  }
}

void check_references(Evidence& evidence) {
  static constexpr std::pair<const char*, const char*> kReferences[] = {
      {"a run's program", "select id from run where program not in (select key from program)"},
      {"a run's parent",
       "select id from run where parent<>0 and parent not in (select key from run)"},
      {"a run's origin",
       "select id from run where origin<>0 and origin not in (select key from run)"},
      {"what a run retries",
       "select id from run where retries<>0 and retries not in (select key from run)"},
      {"a run's holder",
       "select id from run where holder<>0 and holder not in (select key from engine)"},
      {"a run's last entry",
       "select id from run where last<>0 and not exists (select 1 from journal where key=run.last "
       "and run=run.key and number=run.head)"},
      {"an entry's run", "select key from journal where run not in (select key from run)"},
      {"the entry before an entry",
       "select key from journal j where previous<>0 and not exists "
       "(select 1 from journal p where p.key=j.previous and p.run=j.run and p.number=j.number-1)"},
      {"an entry's engine", "select key from journal where engine not in (select key from engine)"},
      {"a wait's run", "select run from wait where run not in (select key from run)"},
      {"a message's run", "select id from message where run not in (select key from run)"},
      {"a lock's run", "select key from claim where run not in (select key from run)"},
      {"a snapshot's run", "select run from snapshot where run not in (select key from run)"},
      {"a log's run", "select key from log where run not in (select key from run)"},
      {"a notice's run", "select id from notice where run not in (select key from run)"},
      {"a firing's run",
       "select key from firing where run<>0 and run not in (select key from run)"},
      {"a lock of a run that is over",
       "select run from claim where run in (select key from run where status>=6)"},
  };
  for (const auto& [what, sql] : kReferences)
    for (const std::string& row : evidence.oracle.query(sql))
      evidence.violated(13, fmt::format("{} is not there: {}", what, row));
  if (evidence.oracle.store() == nullptr) return;
  for (const RunRow& row : evidence.oracle.runs()) {
    auto entries = evidence.oracle.store()->entries(row.key, 0);
    if (!entries) {
      evidence.violated(13, fmt::format("{}: {}", row.id, entries.error().message));
      continue;
    }
    for (const engine::Entry& entry : *entries) {
      if (entry.kind != engine::Entry::Kind::kEvent) continue;
      if (auto event = engine::decode_body(entry.body, *evidence.oracle.store()); !event)
        evidence.violated(
            13, fmt::format("{}, entry {}: {}", row.id, entry.number, event.error().message));
    }
  }
}

void check_acknowledged(Evidence& evidence) {
  const auto rows = evidence.oracle.runs();
  std::map<std::string, uint64_t> heads;
  for (const RunRow& row : rows) heads[row.id] = row.head;
  for (const std::string& run : evidence.acknowledged.runs)
    if (!heads.contains(run)) evidence.violated(14, fmt::format("{} was started and is gone", run));
  for (const auto& [run, head] : evidence.acknowledged.heads)
    if (heads[run] < head)
      evidence.violated(14, fmt::format("entry {} of {} was told and is gone", head, run));
  for (const auto& [run, head] : evidence.outside.acted_upon())
    if (heads[run] < head)
      evidence.violated(14, fmt::format("entry {} of {} was acted upon and is gone", head, run));
  const int64_t messages = evidence.oracle.number("select count(*) from message");
  if (messages < evidence.acknowledged.messages)
    evidence.violated(14, fmt::format("{} messages were accepted, {} are there",
                                      evidence.acknowledged.messages, messages));
}

void check_listed(Evidence& evidence) {
  static constexpr const char* kUnlisted =
      "select id from run r where holder=0 and ("
      "status=2 and wake is null"
      " and not exists (select 1 from wait where run=r.key)"
      " and not exists (select 1 from claim where run=r.key and held=0)"
      " and not exists (select 1 from message where run=r.key and taken=0)"
      " and not exists (select 1 from run c where c.parent=r.key and c.link in (1,3) and "
      "c.status<6)"
      " or status=4 and not exists (select 1 from wait where run=r.key))";
  for (const std::string& run : evidence.oracle.query(kUnlisted))
    evidence.violated(15, fmt::format("{} waits, and nothing says for what", run));
  for (const RunRow& row : evidence.oracle.runs())
    if (row.status == RunStatus::kQuarantined && !got_nowhere(row))
      evidence.violated(15, fmt::format("{} is quarantined: {}", row.id, row.ending));
}

void check_audit(Evidence& evidence) {
  Oracle& oracle = evidence.oracle;
  if (oracle.store() == nullptr) return;
  auto rows = oracle.store()->audit({});
  if (!rows) {
    evidence.violated(16, rows.error().message);
    return;
  }
  engine::AuditCheck check({});
  for (const engine::AuditRow& row : *rows)
    if (!check.add(row)) break;
  check.end();
  if (const auto& fault = check.fault())
    evidence.violated(16, fmt::format("row {}: {}", fault->number, fault->what));
  for (const std::string& run : oracle.query(
           "select id from run where link=0 and (select count(*) from audit where kind='run' "
           "and object=run.id and verb in ('start','rollback','retry','fire','schedule run',"
           "'calendar override'))<>1"))
    evidence.violated(16, fmt::format("that {} began is not there once", run));
  // What people post, with the kinds of messages that it is.
  static constexpr std::pair<const char*, const char*> kPosted[] = {
      {"1", "'approve'"}, {"2", "'reject'"}, {"3", "'cancel'"}, {"4", "'resolve','skip'"},
      {"5", "'answer'"},  {"6", "'signal'"}, {"9", "'pause'"},  {"10", "'unpause'"}};
  for (const auto& [kind, verbs] : kPosted) {
    const int64_t posted = oracle.number(fmt::format(
        "select count(*) from message where kind={} and id not like 'cancel-run:%'", kind));
    const int64_t there =
        oracle.number(fmt::format("select count(*) from audit where verb in ({})", verbs));
    if (posted != there)
      evidence.violated(16,
                        fmt::format("{} of {} were posted, {} are there", posted, verbs, there));
  }
}

void check_now(Evidence& evidence) {
  check_acknowledged(evidence);
  check_snapshots(evidence);
  check_listed(evidence);
  check_audit(evidence);
}

void check_in_the_end(Evidence& evidence) {
  check_now(evidence);
  check_terminal_events(evidence);
  check_undone_once(evidence);
  check_children(evidence);
  check_firings(evidence);
  check_signals(evidence);
  check_references(evidence);
}

}  // namespace rbk::simulation
