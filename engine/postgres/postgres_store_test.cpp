// What a store on PostgreSQL does beyond what every store has to: with sessions of others, lost
// connections, leases that run out, formats that change.
#include "engine/postgres/postgres_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/postgres/schema.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine::postgres {
namespace {

using testing::TempFolder;

class OnPostgres : public ::testing::Test {
 protected:
  std::string url(const std::string& more = {}) const { return folder_.on_postgres() + more; }
  std::unique_ptr<Store> open(const std::string& more = {}) const {
    auto store = open_store(url("&application_name=" + name() + more), OpenMode::kCreate);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }
  std::unique_ptr<Store> joined(EngineKey key, const std::string& more = {}) const {
    auto store = open(more);
    EXPECT_TRUE(store->join({key, "boot:1", getpid(), 1, true}));
    return store;
  }
  /// What the sessions of this test's stores are known by on the server, which others use too.
  std::string name() const { return std::filesystem::path(folder_.path()).filename().string(); }
  /// A session of somebody else's.
  Connection session() const {
    return Connection::open(*library().value(), parse_url(url()).value()).value();
  }
  int64_t number(const std::string& sql) const {
    Connection connection = session();
    auto rows = connection.query(sql, {}, "ask it");
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
    return rows && rows->size() == 1 ? rows->integer(0, 0) : -1;
  }
  void sql(const std::string& text) const {
    Connection connection = session();
    const Status done = connection.run(text, "change it");
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
  }

  static Entry entry(uint64_t number) {
    Entry made;
    made.number = number;
    made.time = 1000 + static_cast<int64_t>(number);
    made.body = "body";
    made.news = "news";
    return made;
  }
  static NewRun fresh_run(const std::string& id) {
    NewRun fresh;
    fresh.row.id = id;
    fresh.row.runbook = "hello";
    fresh.row.program = sha256("program");
    fresh.program = std::make_shared<ProgramRow>(ProgramRow{fresh.row.program, "program"});
    fresh.change.entries.push_back(entry(1));
    return fresh;
  }
  static Notice notice(const std::string& id) {
    Notice made;
    made.id = id;
    made.kind = "approval";
    made.target = "sre";
    made.payload = "{}";
    return made;
  }
  static ScheduleRow schedule(Store& store) {
    ScheduleRow row;
    row.name = "often";
    row.program = sha256("program");
    row.timing = "{}";
    row.arguments = "[]";
    row.due = 1;
    EXPECT_TRUE(store.put_schedule(row, {row.program, "program"}));
    return row;
  }
  static ScheduleStep step_of(const ScheduleRow& row, int64_t watermark) {
    ScheduleStep step;
    step.schedule = row.key;
    step.name = row.name;
    step.version = row.version;
    step.moves = true;
    step.watermark_was = row.watermark;
    step.watermark = watermark;
    step.due = watermark + 1'000'000;
    step.time = watermark;
    return step;
  }
  static FiringRow firing(const ScheduleRow& row, int64_t nominal, FiringRow::Outcome outcome) {
    FiringRow made;
    made.schedule = row.key;
    made.zone = "UTC";
    made.nominal = made.at = made.last = nominal;
    made.outcome = outcome;
    return made;
  }
  static Result<CommitResult> fire(Store& store, EngineKey engine, ScheduleStep step,
                                   FiringRow firing, const std::string& id) {
    Group group;
    group.engine = engine;
    group.runs.push_back(fresh_run(id));
    group.runs[0].row.schedule = step.schedule;
    step.start = std::move(firing);
    group.schedules.push_back(std::move(step));
    return store.commit(group);
  }
  static RunRow put(Store& store, EngineKey engine, const std::string& id) {
    Group group;
    group.engine = engine;
    group.runs.push_back(fresh_run(id));
    const auto done = store.commit(group);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return store.run(group.runs[0].row.key).value();
  }
  static RunChange change_of(const RunRow& row) {
    RunChange change;
    change.run = row.key;
    change.token = row.token;
    change.head = row.head;
    change.entries.push_back(entry(row.head + 1));
    return change;
  }
  static Result<CommitResult> commit(Store& store, RunChange change, EngineKey engine) {
    Group group;
    group.engine = engine;
    group.changes.push_back(std::move(change));
    return store.commit(group);
  }
  template <typename Test>
  static bool eventually(Test test) {
    for (int i = 0; i < 1000; ++i) {
      if (test()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // looks again, for 20 s at most
    }
    return false;
  }

  TempFolder folder_;
};

TEST_F(OnPostgres, ManyOpenANewOneAtOnceAndAgreeOnIt) {
  (void)url();  // the server starts before the children do
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      auto store = open_store(url(), OpenMode::kCreate);
      if (!store || !(*store)->join({100 + i, "boot:1", 1, 1, true})) _exit(1);
      for (int run = 0; run < 20; ++run) put(**store, 100 + i, "r" + std::to_string(i * 100 + run));
      _exit(HasFailure() ? 2 : 0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(open()->runs({})->size(), 160u);
  EXPECT_EQ(number("select count(*) from meta"), 1);
  EXPECT_EQ(number("select sum(count)::bigint from change"), 160);
}

TEST_F(OnPostgres, ADamagedEntryIsFound) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  ASSERT_TRUE(commit(*store, change_of(row), 7));
  sql("update journal set body='y' where number=2");
  auto entries = store->entries(row.key, 0);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(entries.error().message.find("entry 2"), std::string::npos);
  sql("delete from journal where number=1");
  EXPECT_NE(store->entries(row.key, 0).error().message.find("entry 1"), std::string::npos);
}

TEST_F(OnPostgres, AMigrationUnderAnOpenStoreIsNoticedByEachWrite) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  sql("update meta set format=99");
  EXPECT_EQ(commit(*store, change_of(row), 7).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(store->claim(row.key, 7).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(
      store->post({0, "m", row.key, 0, Message::Kind::kCancel, "{}", "ann", 1, {}}).error().kind,
      ErrorKind::kUnsupported);
  EXPECT_EQ(store->quarantine(row.key, row.token, "x").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(store->drop_snapshot(row.key).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(open_store(url(), OpenMode::kCreate).error().kind, ErrorKind::kUnsupported);
  sql("update meta set format=" + std::to_string(kFormat));
  EXPECT_EQ(store->run(row.key)->head, 1u);
  EXPECT_EQ(store->run(row.key)->token, row.token);
  EXPECT_TRUE(store->messages(0)->empty());
}

TEST_F(OnPostgres, AnOlderFormatIsBroughtUpOnceByWhoeverComesFirst) {
  open();
  // Behind those that there are.
  std::vector<const char*> steps(kFormat, "");
  steps.push_back("create table one(x int);");
  steps.push_back("create table two(x int);");
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Connection connection = session();
      if (!migrate_by(connection, steps)) ++failures;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(number("select format from meta"), kFormat + 2);
  EXPECT_EQ(number("select count(*) from two"), 0);
  Connection connection = session();
  std::vector<const char*> broken = steps;
  broken.push_back("create table three(x int); create nonsense;");
  EXPECT_FALSE(migrate_by(connection, broken));
  EXPECT_EQ(number("select format from meta"), kFormat + 2);
  EXPECT_EQ(number("select count(*) from pg_tables where schemaname=current_schema() and "
                   "tablename='three'"),
            0);
}

TEST_F(OnPostgres, AStoreOfTheFirstFormatLearnsWhereItLives) {
  {
    auto store = joined(7);
    put(*store, 7, "aaa");
  }
  sql("alter table meta drop column home, drop column incarnation, drop column hold;"
      "alter table engine drop column epoch; alter table run drop column stood;"
      "drop index run_retries, run_follows;"
      "alter table run drop column retries, drop column retry_rule, drop column placement;"
      "alter table engine drop column takes;"
      "create index run_ready on run(key) where holder = 0 and status = 1;"
      "create index run_wake on run(wake) where holder = 0 and wake is not null;"
      "alter table blob drop column plain_size; alter table log drop column plain_size;"
      "update meta set format=1");
  EXPECT_EQ(open_store(url(), OpenMode::kReading).error().kind, ErrorKind::kUnsupported);
  auto store = open_store(url(), OpenMode::kExisting);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->identity().epoch, 1);
  EXPECT_FALSE((*store)->identity().hold);
  EXPECT_EQ(number("select count(*) from meta where format=3 and home<>''"), 1);
  EXPECT_EQ((*store)->find_run("aaa")->held, std::nullopt);
}

TEST_F(OnPostgres, AConnectionThatWasEndedIsMadeAnew) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  EXPECT_TRUE(store->run(row.key));
  const auto end_all = [&] {
    const std::string ours = " from pg_stat_activity where application_name='" + name() + "'";
    sql("select pg_terminate_backend(pid)" + ours);
    EXPECT_TRUE(eventually([&] { return number("select count(*)" + ours) == 0; }));
  };
  end_all();
  EXPECT_EQ(store->run(row.key)->head, 1u);
  EXPECT_TRUE(store->changed());
  // Nothing was sent over it since: nothing is unknown.
  const auto done = commit(*store, change_of(row), 7);
  ASSERT_TRUE(done) << done.error().message;
  end_all();
  EXPECT_TRUE(store->post({0, "m", row.key, 0, Message::Kind::kCancel, "{}", "ann", 1, {}}));
  EXPECT_EQ(store->run(row.key)->head, 2u);
}

TEST_F(OnPostgres, ACommitThatWasCutOffIsAFailureAndLeavesNothingHalf) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  Connection other = session();
  ASSERT_TRUE(other.run("begin; select * from run for update", "hold it"));
  std::thread ends([&] {
    Connection looks = session();
    const bool waited = eventually([&] {
      auto rows = looks.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type='Lock' "
          "and application_name='" +
              name() + "'",
          {}, "look");
      return rows && rows->size() > 0;
    });
    EXPECT_TRUE(waited);
  });
  const auto cut = commit(*store, change_of(row), 7);
  ends.join();
  ASSERT_TRUE(other.run("rollback", "let go"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, ErrorKind::kIo) << cut.error().message;
  ASSERT_TRUE(store->reopen());
  EXPECT_EQ(store->run(row.key)->head, 1u);
  EXPECT_EQ(store->entries(row.key, 0)->size(), 1u);
  EXPECT_TRUE(commit(*store, change_of(row), 7));
}

TEST_F(OnPostgres, ADeadlockWithAnotherSessionIsTriedAgain) {
  auto store = joined(7);
  const RunRow first = put(*store, 7, "aaa");
  const RunRow second = put(*store, 7, "bbb");
  Connection other = session();
  ASSERT_TRUE(other.run(
      "set deadlock_timeout='10s'; begin; update run set reason='x' where id='bbb'", "hold it"));
  std::thread crosses([&] {
    Connection looks = session();
    EXPECT_TRUE(eventually([&] {
      auto rows = looks.query(
          "select 1 from pg_stat_activity where wait_event_type='Lock' and application_name='" +
              name() + "'",
          {}, "look");
      return rows && rows->size() > 0;
    }));
    EXPECT_TRUE(other.run("update run set reason='x' where id='aaa'; commit", "cross it"));
  });
  Group group;
  group.engine = 7;
  group.changes.push_back(change_of(first));
  group.changes.push_back(change_of(second));
  const auto done = store->commit(group);
  crosses.join();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->lost.empty());
  EXPECT_EQ(store->run(first.key)->head, 2u);
  EXPECT_EQ(store->run(second.key)->head, 2u);
}

TEST_F(OnPostgres, ALeaseThatRanOutLosesTheRunAndAllThatIsWrittenToIt) {
  auto first = joined(7, "&lease=1h");
  const RunRow row = put(*first, 7, "aaa");
  auto second = joined(8);
  EXPECT_EQ(second->claim(row.key, 8).error().kind, ErrorKind::kLocked);
  sql("update engine set lease=clock_timestamp() where key=7");
  EXPECT_FALSE(second->engine(7)->alive);
  const auto claimed = second->claim(row.key, 8);
  ASSERT_TRUE(claimed) << claimed.error().message;
  RunChange late = change_of(row);
  late.blobs.push_back({sha256("late"), "late"});
  late.snapshot = "late";
  late.waits.push_back({row.key, "", 5, Wait::Kind::kApproval, "go", "{}", 1, std::nullopt});
  late.children.push_back(fresh_run("aaa-b"));
  late.children[0].row.parent_request = 6;
  late.children[0].row.link = Link::kStarted;
  late.cancels.push_back({"aaa", false, false, "late", 1});
  late.notices.push_back(notice("late"));
  Group group;
  group.engine = 7;
  group.changes.push_back(late);
  group.logs.push_back({0, row.key, 1, 1, "late", "late"});
  EXPECT_EQ(first->commit(group).value().lost, std::vector<RunKey>{row.key});
  Group logs;
  logs.engine = 7;
  logs.logs.push_back({0, row.key, 1, 1, "late", "late"});
  EXPECT_TRUE(first->commit(logs));
  ASSERT_TRUE(first->quarantine(row.key, row.token, "late"));
  EXPECT_EQ(second->run(row.key)->status, RunStatus::kRunning);
  EXPECT_EQ(second->entries(row.key, 0)->size(), 1u);
  EXPECT_FALSE(second->snapshot(row.key)->has_value());
  EXPECT_TRUE(second->waits(0)->empty());
  EXPECT_TRUE(second->logs(row.key, 0, SIZE_MAX)->empty());
  EXPECT_EQ(second->run(row.key)->log_bytes, 0);
  EXPECT_FALSE(second->blob(sha256("late")));
  EXPECT_EQ(second->runs({})->size(), 1u);
  EXPECT_TRUE(second->messages(0)->empty());
  EXPECT_TRUE(second->notices(0)->empty());
  EXPECT_TRUE(commit(*second, change_of(*claimed), 8).value().lost.empty());
}

TEST_F(OnPostgres, ALeaseIsRenewedAndWhoeverLostItNotices) {
  auto store = joined(7, "&lease=1s");
  EXPECT_FALSE(store->lapsed());
  const auto lease = [&] {
    return number("select (extract(epoch from lease) * 1000000)::bigint from engine");
  };
  const int64_t before = lease();
  EXPECT_TRUE(eventually([&] { return lease() > before + 1'000'000; }));
  sql("update engine set lease=clock_timestamp()");
  EXPECT_TRUE(eventually([&] { return store->lapsed(); }));
  EXPECT_TRUE(eventually([&] { return number("select 1 from engine where lease > now()") == 1; }));
  store.reset();
  EXPECT_EQ(number("select 1 from engine where lease is null"), 1);
}

TEST_F(OnPostgres, OfManyWhoClaimARunOneHasIt) {
  auto first = joined(7);
  const RunRow row = put(*first, 7, "aaa");
  RunChange release = change_of(row);
  release.release = true;
  ASSERT_TRUE(commit(*first, release, 7));
  std::atomic<int> winners = 0;
  std::atomic<int> tried = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      auto store = joined(100 + i);
      const auto claimed = store->claim(row.key, 100 + i);
      if (claimed && claimed->holder == 100 + i) ++winners;
      // Those who came later find a living holder.
      if (!claimed) {
        EXPECT_EQ(claimed.error().kind, ErrorKind::kLocked);
      }
      ++tried;
      eventually([&] { return tried.load() == 8; });  // until then nobody leaves
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(first->run(row.key)->token, 2);
}

TEST_F(OnPostgres, WhatComesAndGoesInOneChangeIsGone) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  RunChange change = change_of(row);
  change.waits.push_back({row.key, "", 5, Wait::Kind::kApproval, "a", "{}", 1, std::nullopt});
  change.waits.push_back({row.key, "", 6, Wait::Kind::kApproval, "b", "{}", 1, std::nullopt});
  change.waits.push_back({row.key, "", 6, Wait::Kind::kDoubt, "c", "{}", 2, std::nullopt});
  change.waits_over.push_back(5);
  ASSERT_TRUE(commit(*store, change, 7));
  const auto waits = store->waits(row.key).value();
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].path, "c");
}

TEST_F(OnPostgres, ARunThatAGroupChangesTwiceIsChangedTwice) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  Group group;
  group.engine = 7;
  group.changes.push_back(change_of(row));
  group.changes.push_back(change_of(row));
  group.changes.back().head = 2;
  group.changes.back().entries[0].number = 3;
  group.logs.push_back({0, row.key, 1, 1, "a", "12345"});
  const auto done = store->commit(group);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->lost.empty());
  EXPECT_EQ(store->entries(row.key, 0)->size(), 3u);
  EXPECT_EQ(store->run(row.key)->log_bytes, 5);
}

TEST_F(OnPostgres, ManyLogLinesKeepTheirOrder) {
  auto store = joined(7);
  const RunRow first = put(*store, 7, "aaa");
  const RunRow second = put(*store, 7, "bbb");
  Group group;
  group.engine = 7;
  for (uint64_t i = 1; i <= 2000; ++i)
    group.logs.push_back({0, i % 3 == 0 ? second.key : first.key, i, 1, "a", "line"});
  group.changes.push_back(change_of(second));
  ASSERT_TRUE(store->commit(group));
  size_t count = 0;
  for (const RunRow& row : {first, second}) {
    uint64_t last = 0;
    const auto chunks = store->logs(row.key, 0, SIZE_MAX).value();
    for (const LogChunk& chunk : chunks) {
      EXPECT_GT(chunk.step, last);
      last = chunk.step;
    }
    EXPECT_EQ(store->run(row.key)->log_bytes, static_cast<int64_t>(4 * chunks.size()));
    count += chunks.size();
  }
  EXPECT_EQ(count, 2000u);
}

TEST_F(OnPostgres, AnythingIsTakenAsTextAndBytesComeBackAsTheyWere) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  RunChange change = change_of(row);
  change.entries[0].body = every;
  change.ending = std::string("a\0b\xff", 4);
  change.snapshot = every + std::string(5 << 20, 'x');
  ASSERT_TRUE(commit(*store, change, 7));
  EXPECT_EQ(store->entries(row.key, 1)->front().body, every);
  EXPECT_EQ(store->snapshot(row.key).value(), change.snapshot);
  EXPECT_EQ(store->run(row.key)->ending,
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
}

TEST_F(OnPostgres, ACommitIsOneTransaction) {
  auto store = joined(7);
  const RunRow row = put(*store, 7, "aaa");
  RunChange change = change_of(row);
  change.children.push_back(fresh_run("aaa-b"));
  change.children[0].row.parent_request = 6;
  change.notices.push_back(notice("n"));
  ASSERT_TRUE(commit(*store, change, 7));
  EXPECT_EQ(number("select count(distinct xmin::text) from (select xmin from journal where "
                   "number=2 union all select xmin from run union all select xmin from notice "
                   "union all select xmin from journal where run=(select max(key) from run)) rows"),
            1);
  EXPECT_EQ(store->runs({})->size(), 2u);
}

TEST_F(OnPostgres, OfManyWhoFireAScheduleOneDoes) {
  auto first = joined(7);
  ScheduleRow row = schedule(*first);
  constexpr int kFirings = 5;
  constexpr int kWorkers = 8;
  for (int nominal = 1; nominal <= kFirings; ++nominal) {
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    threads.reserve(kWorkers);
    for (int i = 0; i < kWorkers; ++i)
      threads.emplace_back([&, i] {
        auto store = joined(nominal * 100 + i);
        const auto fired = fire(*store, nominal * 100 + i, step_of(row, nominal),
                                firing(row, nominal, FiringRow::Outcome::kStarted),
                                "r" + std::to_string(nominal) + std::to_string(i));
        if (fired) {
          ++winners;
        } else {
          EXPECT_EQ(fired.error().kind, ErrorKind::kExists) << fired.error().message;
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(first->runs({})->size(), static_cast<size_t>(nominal));
    sql("update run set status=6, holder=0");
    row = first->schedule(row.key).value().value();
    EXPECT_EQ(row.watermark, nominal);
  }
}

/// One queues a firing behind a run while another ends that run: whoever is second sees the first.
TEST_F(OnPostgres, WhatIsQueuedWhileTheRunBeforeItEndsIsNotForgotten) {
  auto store = joined(7);
  auto other = joined(8);
  ScheduleRow row = schedule(*store);
  constexpr int kRounds = 30;
  for (int round = 1; round <= kRounds; ++round) {
    const std::string id = "r" + std::to_string(round);
    const int64_t now = 10 * round;
    ASSERT_TRUE(
        fire(*store, 7, step_of(row, now), firing(row, now, FiringRow::Outcome::kStarted), id));
    row = store->schedule(row.key).value().value();
    RunChange end = change_of(store->find_run(id).value());
    end.status = RunStatus::kSucceeded;
    end.ending = "{}";
    end.release = true;
    end.schedule = row.key;
    Group queues;
    queues.engine = 8;
    queues.schedules.push_back(step_of(row, now + 1));
    queues.schedules[0].records.push_back(firing(row, now + 1, FiringRow::Outcome::kQueued));
    std::thread ends([&] { EXPECT_TRUE(commit(*store, end, 7)); });
    EXPECT_TRUE(other->commit(queues));
    ends.join();
    row = store->schedule(row.key).value().value();
    EXPECT_LE(row.due.value(), std::max<int64_t>(now + 1, 1002)) << "round " << round;
    sql("update firing set outcome=2 where outcome=4");
  }
}

TEST_F(OnPostgres, OfManyWhoTakeNoticesEachHasItsOwn) {
  constexpr size_t kNotices = 200;
  auto first = joined(7);
  RunChange change = change_of(put(*first, 7, "aaa"));
  for (size_t i = 0; i < kNotices; ++i) change.notices.push_back(notice("n" + std::to_string(i)));
  ASSERT_TRUE(commit(*first, change, 7));
  std::atomic<size_t> taken = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      auto store = open();
      while (taken.load() < kNotices) {
        const auto some = store->take_notices(1000, 5000, 7);
        EXPECT_TRUE(some) << (some ? "" : some.error().message);
        if (!some) return;
        taken += some->size();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kNotices);
  EXPECT_EQ(number("select count(*) from notice where attempts=1"), static_cast<int64_t>(kNotices));
}

TEST_F(OnPostgres, OneThatStoodStillIsAliveAgainAndStillAWorker) {
  auto first = open("&lease=1h");
  ASSERT_TRUE(first->join({7, "boot:1", getpid(), 1, true, true}));
  const RunRow row = put(*first, 7, "aaa");
  auto second = joined(8);
  EXPECT_TRUE(second->lives(7));
  EXPECT_EQ(second->waiting_work(0, 8, {""}, 10)->holders, std::vector<EngineKey>{7});
  sql("update engine set lease=clock_timestamp() where key=7");
  EXPECT_TRUE(second->lives(7)) << "as far as was known";
  EXPECT_TRUE(second->workers()->empty());
  const auto work = second->waiting_work(0, 8, {""}, 10);
  ASSERT_EQ(work->runs.size(), 1u);
  EXPECT_EQ(work->runs[0].key, row.key);
  EXPECT_FALSE(second->lives(7));
  ASSERT_TRUE(second->leave_work());
  sql("update engine set lease=clock_timestamp() + interval '1 hour' where key=7");
  EXPECT_EQ(second->workers()->size(), 1u);
  EXPECT_TRUE(eventually([&] { return second->lives(7); }));
}

TEST_F(OnPostgres, WhatIsAskedOftenHasItsIndex) {
  auto store = joined(7);
  put(*store, 7, "aaa");
  Connection connection = session();
  ASSERT_TRUE(connection.run("set enable_seqscan=off", "ask it"));
  const std::pair<const char*, const char*> questions[] = {
      {"select key from run where holder=0 and status=1 and placement='' order by key limit 9",
       "run_ready"},
      {"select key from run where holder=0 and wake is not null and placement='' and wake<=5 "
       "and status in (2,4) order by wake limit 9",
       "run_wake"},
      {"select min(holder) from run where holder<>0 and holder>5", "run_held"},
      {"select key from run where schedule<>0 and status<6 and schedule=5", "run_schedule"},
      {"select key from run where parent=5 and parent_request=6 and parent<>0", "run_parent"},
      {"select c.key from run c where c.status<6 and c.link in (1,3)", "run_awaited"},
      {"select min(due) from notice where state=0", "notice_due"},
      {"select due from schedule where removed=0 and paused is null and due is not null and due>5 "
       "order by due limit 1",
       "schedule_due"},
      {"select key from firing where schedule=5 and outcome=4 order by key limit 1",
       "firing_queued"},
      {"select key from engine where works=1", "engine_works"},
  };
  for (const auto& [question, index] : questions) {
    auto rows = connection.query(std::string("explain ") + question, {}, "ask it");
    ASSERT_TRUE(rows) << rows.error().message;
    std::string plan;
    for (int row = 0; row < rows->size(); ++row) plan += rows->text(row, 0) + "\n";
    EXPECT_NE(plan.find(index), std::string::npos) << plan;
  }
}

}  // namespace
}  // namespace rbk::engine::postgres
