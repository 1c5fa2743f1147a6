// The audit trail, on every store: a change and its row are one, and what was refused or failed has
// none.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "engine/testing/store_conformance.h"
#include "engine/testing/store_sql.h"

namespace rbk::engine {
namespace {

using testing::StoreConformance;

std::string text_of(const AuditRow& row) {
  const AuditNote& note = row.note;
  return fmt::format("{}{} {} {} {} {}", note.by.user,
                     note.by.real.empty() ? "" : " by " + note.by.real, note.verb, note.kind,
                     note.object, note.payload);
}

class Audited : public StoreConformance {
 protected:
  /// The rows behind this one, as text.
  static std::vector<std::string> rows(Store& store, int64_t after = 1) {
    std::vector<std::string> texts;
    AuditFilter filter;
    filter.after = after;
    const auto found = store.audit(filter).value();
    texts.reserve(found.size());
    for (const AuditRow& row : found) texts.push_back(text_of(row));
    return texts;
  }
  static int64_t count(Store& store) {
    return static_cast<int64_t>(store.audit({}).value().size());
  }
  static AuditCheck check(Store& store, std::optional<AuditHead> kept = {}) {
    AuditCheck made(kept);
    const auto found = store.audit({}).value();
    for (const AuditRow& row : found)
      if (!made.add(row)) break;
    made.end();
    return made;
  }
  static std::string fault(Store& store, std::optional<AuditHead> kept = {}) {
    const AuditCheck made = check(store, kept);
    if (!made.fault()) return "intact";
    return fmt::format("{}: {}", made.fault()->number, made.fault()->what);
  }
  void sql(const std::string& text) { testing::store_sql(GetParam().url(folder_), text); }

  static Message message(const RunRow& row, Message::Kind kind, const std::string& id) {
    Message made;
    made.id = id;
    made.run = row.key;
    made.request = 3;
    made.kind = kind;
    made.body = R"({"user":"ann","form":{"n":1}})";
    made.by = "root (as ann)";
    made.time = 2000;
    made.path = "main/go";
    return made;
  }
  static ScheduleRow schedule(const std::string& name = "nightly") {
    ScheduleRow row;
    row.name = name;
    row.program = sha256("program");
    row.runbook = "hello";
    row.arguments = "[1]";
    row.timing = "{}";
    row.author = "ann";
    row.added = 1000;
    row.watermark = 1000;
    row.due = 2000;
    return row;
  }
  static ScheduleStep step_of(const ScheduleRow& row, int64_t time) {
    ScheduleStep step;
    step.schedule = row.key;
    step.name = row.name;
    step.version = row.version;
    step.moves = true;
    step.watermark_was = row.watermark;
    step.watermark = time;
    step.due = time + 1000;
    step.time = time;
    return step;
  }
  static FiringRow firing(const ScheduleRow& row, int64_t nominal, FiringRow::Outcome outcome) {
    FiringRow made;
    made.schedule = row.key;
    made.zone = "UTC";
    made.nominal = nominal;
    made.at = nominal;
    made.time = nominal + 1;
    made.outcome = outcome;
    made.last = nominal;
    return made;
  }
  static const ProgramRow& program() {
    static const ProgramRow made{sha256("program"), "program"};
    return made;
  }
};

const Doer kAnn{"ann", "root", 5000};

TEST_P(Audited, ANewStoreBeginsItsTrail) {
  auto store = open();
  const auto all = store->audit({}).value();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].note.verb, "begin");
  EXPECT_EQ(all[0].note.object, store->identity().id);
  EXPECT_GT(all[0].note.by.time, 1'700'000'000'000'000);
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, AStartHasARowAndWhatTheEngineDoesHasNone) {
  auto store = joined(open(), 7);
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa111"));
  group.runs[0].by = {"ann", "root", 4000};
  group.runs[0].arguments = R"(["x"])";
  group.runs[0].row.reason = "because";
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(rows(*store), std::vector<std::string>{fmt::format(
                              R"(ann by root start run aaa111 {{"runbook":"hello","program":"{}",)"
                              R"("arguments":["x"],"reason":"because","labels":{{"team":"sre"}}}})",
                              to_hex(sha256("program")))});
  RunRow row = store->run(group.runs[0].row.key).value();
  RunChange change = change_of(row);
  NewRun child = new_run("aaa112");
  child.row.link = Link::kStarted;
  child.row.parent_request = 5;
  change.children.push_back(std::move(child));
  EXPECT_TRUE(commit(*store, std::move(change)).empty());
  // Nor has what undoes a run because another one is undone.
  Group undoes;
  undoes.engine = 7;
  undoes.runs.push_back(new_run("aaa113"));
  undoes.runs[0].row.link = Link::kUndoing;
  undoes.runs[0].row.parent = row.key;
  undoes.runs[0].row.parent_request = 6;
  ASSERT_TRUE(store->commit(undoes));
  row = store->run(row.key).value();
  EXPECT_TRUE(commit(*store, ending(row)).empty());
  EXPECT_EQ(count(*store), 2);
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, ARollbackIsOneOfARunsOwn) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa112"));
  group.runs[0].row.origin = row.key;
  group.runs[0].row.starter = "bob";
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(rows(*store, 2).at(0).substr(0, 24), "bob rollback run aaa112 ");
}

TEST_P(Audited, EachThingThatPeopleWantOfARunHasItsVerb) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  using Kind = Message::Kind;
  const std::vector<std::pair<Kind, std::string>> kinds = {
      {Kind::kVote, "approve"},  {Kind::kReject, "reject"},  {Kind::kCancel, "cancel"},
      {Kind::kAnswer, "answer"}, {Kind::kSignal, "signal"},  {Kind::kResolve, "resolve"},
      {Kind::kPause, "pause"},   {Kind::kUnpause, "unpause"}};
  for (const auto& [kind, verb] : kinds) {
    const int64_t before = count(*store);
    ASSERT_TRUE(store->post(message(row, kind, verb), {"ann", "root", 2000}));
    EXPECT_EQ(rows(*store, before),
              std::vector<std::string>{fmt::format(
                  R"(ann by root {} run aaa111 {{"form":{{"n":1}},"path":"main/go"}})", verb)});
  }
  Message skip = message(row, Kind::kResolve, "skip");
  skip.body = R"({"how":"skip","user":"ann"})";
  ASSERT_TRUE(store->post(skip, {"ann", "", 2000}));
  EXPECT_EQ(rows(*store, count(*store) - 1).at(0),
            R"(ann skip run aaa111 {"how":"skip","path":"main/go"})");
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, WhatIsLongStandsThereByItsHash) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  Message signal = message(row, Message::Kind::kSignal, "long");
  const std::string text = '"' + std::string(5000, 'x') + '"';
  signal.body = R"({"payload":)" + text + "}";
  signal.path = "";
  ASSERT_TRUE(store->post(signal, kAnn));
  EXPECT_EQ(
      rows(*store, 2).at(0),
      fmt::format(R"(ann by root signal run aaa111 {{"payload":{{"sha256":"{}","bytes":5002}}}})",
                  to_hex(sha256(text))));
}

TEST_P(Audited, WhatIsRefusedHasNoRow) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  ASSERT_TRUE(store->post(message(row, Message::Kind::kVote, "once"), kAnn));
  ScheduleRow nightly = schedule();
  ASSERT_TRUE(store->put_schedule(nightly, program(), kAnn));
  const int64_t before = count(*store);
  EXPECT_EQ(store->post(message(row, Message::Kind::kVote, "once"), kAnn).error().kind,
            ErrorKind::kExists);
  Group again;
  again.engine = 7;
  again.runs.push_back(new_run("aaa111"));
  EXPECT_EQ(store->commit(again).error().kind, ErrorKind::kExists);
  ScheduleRow same = schedule();
  EXPECT_EQ(store->put_schedule(same, program(), kAnn).error().kind, ErrorKind::kExists);
  ScheduleRow stale = nightly;
  stale.version = 7;
  EXPECT_EQ(store->change_schedule(stale, ScheduleChange::kRemove, kAnn).error().kind,
            ErrorKind::kExists);
  EXPECT_EQ(store->free_locks(row.key, kAnn).error().kind, ErrorKind::kRefused);
  ASSERT_TRUE(store->quarantine(row.key, row.token + 1, "no", kAnn));
  Group fires;
  fires.engine = 7;
  fires.runs.push_back(new_run("aaa112"));
  fires.schedules.push_back(step_of(nightly, 3000));
  fires.schedules[0].watermark_was = 1;
  fires.schedules[0].start = firing(nightly, 2000, FiringRow::Outcome::kStarted);
  EXPECT_EQ(store->commit(fires).error().kind, ErrorKind::kExists);
  RunChange stale_change = change_of(row);
  stale_change.token = row.token + 1;
  stale_change.program = std::make_shared<const ProgramRow>(ProgramRow{sha256("newer"), "newer"});
  EXPECT_EQ(commit(*store, stale_change).size(), 1u);
  EXPECT_EQ(count(*store), before);
  EXPECT_EQ(fault(*store), "intact");
}

/// Nor is there a change where its row can't be written.
TEST_P(Audited, WhatCantBeAuditedDoesNotHappen) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  sql("alter table audit rename to audit_away");
  EXPECT_FALSE(store->post(message(row, Message::Kind::kCancel, "once"), kAnn));
  ScheduleRow nightly = schedule();
  EXPECT_FALSE(store->put_schedule(nightly, program(), kAnn));
  EXPECT_FALSE(store->quarantine(row.key, row.token, "broken", kAnn));
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa112"));
  EXPECT_FALSE(store->commit(group));
  // What needs no row goes on.
  EXPECT_TRUE(commit(*store, change_of(row)).empty());
  sql("alter table audit_away rename to audit");
  ASSERT_TRUE(store->reopen());
  EXPECT_TRUE(store->messages(0)->empty());
  EXPECT_TRUE(store->schedules()->empty());
  EXPECT_EQ(store->run(row.key)->status, RunStatus::kRunning);
  EXPECT_FALSE(store->find_run("aaa112"));
  EXPECT_EQ(count(*store), 2);
  ASSERT_TRUE(store->post(message(row, Message::Kind::kCancel, "once"), kAnn));
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, AnotherProgramHasARow) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  RunChange change = change_of(row);
  change.program = std::make_shared<const ProgramRow>(ProgramRow{sha256("newer"), "newer"});
  change.by = kAnn;
  EXPECT_TRUE(commit(*store, change).empty());
  EXPECT_EQ(rows(*store, 2),
            std::vector<std::string>{fmt::format(
                R"(ann by root upgrade run aaa111 {{"program":"{}"}})", to_hex(sha256("newer")))});
}

TEST_P(Audited, WhatPeopleDoToASchedule) {
  auto store = joined(open(), 7);
  ScheduleRow row = schedule();
  ASSERT_TRUE(store->put_schedule(row, program(), kAnn));
  EXPECT_EQ(rows(*store).at(0).substr(0, 58),
            R"(ann by root schedule add schedule nightly {"version":1,"ru)");
  ASSERT_TRUE(store->put_schedule(row, program(), {"bob", "", 5000}));
  EXPECT_EQ(rows(*store, 2).at(0).substr(0, 47),
            R"(bob schedule add schedule nightly {"version":2,)");
  row.paused = 3000;
  row.paused_by = "ann";
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kFacts, kAnn));
  row = store->schedule(row.key)->value();
  row.paused.reset();
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kFacts, {"bob", "", 6000}));
  row = store->schedule(row.key)->value();
  ASSERT_TRUE(store->change_schedule(row, ScheduleChange::kRemove, kAnn));
  EXPECT_EQ(rows(*store, 3), (std::vector<std::string>{
                                 R"(ann by root schedule pause schedule nightly {"version":3})",
                                 R"(bob schedule resume schedule nightly {"version":4})",
                                 R"(ann by root schedule remove schedule nightly {"version":5})"}));
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, FiringsByThePlanAndByHand) {
  auto store = joined(open(), 7);
  ScheduleRow row = schedule();
  ASSERT_TRUE(store->put_schedule(row, program(), kAnn));
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa111"));
  group.runs[0].row.schedule = group.runs[0].change.schedule = row.key;
  group.schedules.push_back(step_of(row, 3000));
  group.schedules[0].records.push_back(firing(row, 1500, FiringRow::Outcome::kSkipped));
  group.schedules[0].start = firing(row, 2000, FiringRow::Outcome::kStarted);
  ASSERT_TRUE(store->commit(group));
  const auto fired = rows(*store, 2);
  ASSERT_EQ(fired.size(), 2u);
  EXPECT_EQ(fired[0], R"(schedule nightly fire schedule nightly {"schedule":"nightly","at":1500,)"
                      R"("kind":"plan","outcome":"skipped"})");
  EXPECT_TRUE(fired[1].starts_with(
      R"(schedule nightly fire run aaa111 {"schedule":"nightly","at":2000,"kind":"plan",)"
      R"("outcome":"started","runbook":"hello")"))
      << fired[1];
  // By hand, while that one goes on: it is cancelled, by whoever did this.
  row = store->schedule(row.key)->value();
  Group by_hand;
  by_hand.engine = 7;
  by_hand.schedules.push_back(step_of(row, 4000));
  by_hand.schedules[0].moves = false;
  by_hand.schedules[0].cancels = true;
  by_hand.schedules[0].by = kAnn;
  by_hand.schedules[0].records.push_back(firing(row, 4000, FiringRow::Outcome::kQueued));
  by_hand.schedules[0].records[0].kind = FiringRow::Kind::kHand;
  by_hand.schedules[0].records[0].by = "ann";
  ASSERT_TRUE(store->commit(by_hand));
  EXPECT_EQ(rows(*store, 4),
            (std::vector<std::string>{
                R"(ann by root cancel run aaa111 {"rollback":false,"now":false})",
                R"(ann by root schedule run schedule nightly {"schedule":"nightly","at":4000,)"
                R"("kind":"hand","outcome":"queued"})"}));
  // A worker starts what was queued.
  const RunRow running = store->find_run("aaa111").value();
  EXPECT_TRUE(commit(*store, ending(running)).empty());
  row = store->schedule(row.key)->value();
  Group later;
  later.engine = 7;
  later.runs.push_back(new_run("aaa113"));
  later.runs[0].row.schedule = row.key;
  later.schedules.push_back(step_of(row, 5000));
  later.schedules[0].start = store->queued_firing(row.key)->value();
  later.schedules[0].start->outcome = FiringRow::Outcome::kStarted;
  ASSERT_TRUE(store->commit(later));
  EXPECT_EQ(rows(*store, 6).at(0).substr(0, 36), "schedule nightly fire run aaa113 {\"s");
  EXPECT_EQ(count(*store), 7);
  EXPECT_EQ(fault(*store), "intact");
}

TEST_P(Audited, BackfillsAndOverridesArePeoples) {
  auto store = joined(open(), 7);
  ScheduleRow row = schedule();
  ASSERT_TRUE(store->put_schedule(row, program(), kAnn));
  Group group;
  group.engine = 7;
  group.schedules.push_back(step_of(row, 3000));
  group.schedules[0].moves = false;
  group.schedules[0].by = kAnn;
  group.schedules[0].records.push_back(firing(row, 500, FiringRow::Outcome::kQueued));
  group.schedules[0].records[0].kind = FiringRow::Kind::kBackfill;
  group.schedules[0].records[0].by = "ann";
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(rows(*store, 2).at(0).substr(0, 46), "ann by root schedule backfill schedule nightly");
  group.schedules[0].records.clear();
  group.runs.push_back(new_run("aaa111"));
  group.schedules[0].start = firing(row, 2000, FiringRow::Outcome::kStarted);
  group.schedules[0].start->by = "ann";
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(rows(*store, 3).at(0).substr(0, 40), "ann by root calendar override run aaa111");
}

TEST_P(Audited, QuarantineAndTheWayOutOfIt) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  ASSERT_TRUE(store->quarantine(row.key, row.token, "broken", {"engine", "", 5000}));
  ASSERT_TRUE(store->free_locks(row.key, kAnn));
  EXPECT_EQ(rows(*store, 2),
            (std::vector<std::string>{R"(engine quarantine run aaa111 {"why":"broken"})",
                                      R"(ann by root locks free run aaa111 {"locks":0})"}));
  sql("update run set claims=4");
  ASSERT_TRUE(store->reopen());
  ASSERT_TRUE(store->claim(row.key, 7, Claimer::kPerson, kAnn));
  EXPECT_EQ(rows(*store, 4), std::vector<std::string>{
                                 R"(ann by root resume run aaa111 {"engine":7,"as":"person"})"});
}

TEST_P(Audited, ATakeOverHasARowAndAnOrdinaryClaimHasNone) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  ASSERT_TRUE(store->claim(row.key, 7, Claimer::kWorker, kAnn));
  EXPECT_EQ(count(*store), 2);
  store.reset();
  // Its process is gone: so it counts at once.
  auto other = joined(open(), 8);
  ASSERT_TRUE(other->claim(row.key, 8, Claimer::kWorker, kAnn));
  EXPECT_EQ(
      rows(*other, 2),
      std::vector<std::string>{R"(ann by root take over run aaa111 )"
                               R"({"engine":8,"as":"worker","from":{"engine":7,"process":4711}})"});
  const RunRow held = other->run(row.key).value();
  RunChange change = change_of(held);
  change.release = true;
  EXPECT_TRUE(commit(*other, change, 8).empty());
  ASSERT_TRUE(other->claim(row.key, 8, Claimer::kWorker, kAnn));
  EXPECT_EQ(count(*other), 3);
  EXPECT_EQ(fault(*other), "intact");
}

TEST_P(Audited, ItIsReadByRunWhoAndTime) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  put(*store, 7, "aaa112");
  Message vote = message(row, Message::Kind::kVote, "vote");
  ASSERT_TRUE(store->post(vote, {"ann", "root", 2000}));
  ASSERT_TRUE(store->post(message(row, Message::Kind::kCancel, "cancel"), {"bob", "", 3000}));
  const auto numbers = [&](const AuditFilter& filter) {
    std::string text;
    const auto found = store->audit(filter).value();
    for (const AuditRow& one : found) text += std::to_string(one.number) + " ";
    return text;
  };
  AuditFilter filter;
  EXPECT_EQ(numbers(filter), "1 2 3 4 5 ");
  filter.run = "aaa111";
  EXPECT_EQ(numbers(filter), "2 4 5 ");
  filter.user = "root";
  EXPECT_EQ(numbers(filter), "4 ");
  filter = {};
  filter.user = "bob";
  EXPECT_EQ(numbers(filter), "5 ");
  filter = {};
  filter.since = 2000;
  filter.until = 3000;
  EXPECT_EQ(numbers(filter), "4 ");
  filter = {};
  filter.after = 2;
  filter.limit = 2;
  EXPECT_EQ(numbers(filter), "3 4 ");
  filter = {};
  filter.limit = 2;
  filter.newest = true;
  EXPECT_EQ(numbers(filter), "4 5 ");
}

TEST_P(Audited, WhatIsDoneToItBehindItsBackShows) {
  auto store = joined(open(), 7);
  for (const char* id : {"aaa111", "aaa112", "aaa113", "aaa114"}) put(*store, 7, id);
  ASSERT_EQ(fault(*store), "intact");
  sql("update audit set author='eve' where number=3");
  EXPECT_EQ(fault(*store), "3: what it says was changed");
  sql("update audit set author='ann' where number=3");
  EXPECT_EQ(fault(*store), "intact");
  sql("update audit set payload='{}' where number=4");
  EXPECT_EQ(fault(*store), "4: its payload was changed");
  sql("update audit set redacted=1,payload='' where number=4");
  EXPECT_EQ(fault(*store), "intact");
  EXPECT_EQ(check(*store).redacted(), std::vector<int64_t>{4});
  const AuditHead head = check(*store).head();
  // Two change places.
  sql("update audit set number=99 where number=2; update audit set number=2 where number=3;"
      "update audit set number=3 where number=99");
  EXPECT_EQ(fault(*store), "2: it does not follow the row before");
  sql("update audit set number=99 where number=2; update audit set number=2 where number=3;"
      "update audit set number=3 where number=99");
  ASSERT_EQ(fault(*store, head), "intact");
  sql("delete from audit where number=5");
  EXPECT_EQ(fault(*store), "intact");
  EXPECT_EQ(fault(*store, head), "5: the end of the trail was cut off");
  sql("delete from audit where number=3");
  EXPECT_EQ(fault(*store), "3: it is not there");
}

TEST_P(Audited, ARowIsRedactedOnceAndThatHasARow) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  ASSERT_TRUE(store->redact_audit(2, "a name in the reason", kAnn));
  const auto all = store->audit({}).value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(all[1].redacted);
  EXPECT_EQ(all[1].note.payload, "");
  EXPECT_EQ(text_of(all[2]), fmt::format(R"(ann by root audit redact store {} )"
                                         R"({{"row":2,"reason":"a name in the reason"}})",
                                         store->identity().id));
  EXPECT_EQ(store->redact_audit(2, "again", kAnn).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(store->redact_audit(9, "none", kAnn).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(count(*store), 3);
  EXPECT_EQ(fault(*store), "intact");
  EXPECT_EQ(check(*store).redacted(), std::vector<int64_t>{2});
}

// Whoever writes at the same time: one chain, nobody waits for ever, no row is lost.
TEST_P(Audited, SeveralWritersMakeOneChain) {
  constexpr int kWriters = 4;
  constexpr int kEach = 20;
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  std::vector<std::thread> writers;
  std::atomic<int> failed = 0;
  writers.reserve(kWriters);
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      auto own = joined(open(), 100 + writer);
      ScheduleRow nightly = schedule(fmt::format("nightly{}", writer));
      if (!own->put_schedule(nightly, program(), kAnn)) ++failed;
      for (int i = 0; i < kEach; ++i) {
        Group group;
        group.engine = 100 + writer;
        group.runs.push_back(new_run(fmt::format("run{}{:03}", writer, i)));
        // With a lock that all want, so that the other locks of the store take part.
        LockAsk ask;
        ask.request = 1;
        ask.acquire.lock = {vm::Lock::Space::kLock, "db", 1};
        group.runs[0].change.locks_asked.push_back(ask);
        if (!own->commit(group)) ++failed;
        if (!own->post(message(row, Message::Kind::kPause, fmt::format("p{}:{}", writer, i)), kAnn))
          ++failed;
        Group fires;
        fires.engine = 100 + writer;
        fires.schedules.push_back(step_of(nightly, nightly.watermark + 1));
        fires.schedules[0].records.push_back(
            firing(nightly, 1000 + i, FiringRow::Outcome::kSkipped));
        if (!own->commit(fires)) ++failed;
        nightly.watermark += 1;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(count(*store), 2 + kWriters * (1 + 3 * kEach));
  EXPECT_EQ(fault(*store), "intact");
}

INSTANTIATE_TEST_SUITE_P(Backends, Audited,
                         ::testing::Values(testing::Backend{"sqlite",
                                                            [](const testing::TempFolder& folder) {
                                                              return "sqlite:" +
                                                                     folder.file("store.db");
                                                            }},
                                           testing::Backend{"postgresql",
                                                            [](const testing::TempFolder& folder) {
                                                              return folder.on_postgres();
                                                            }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace rbk::engine
