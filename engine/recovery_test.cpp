// What an engine does when things are not as they should be: damaged journals and snapshots, full
// disks, other engines, clocks that jump, runs that are undone by hand.
#include "engine/recovery.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"

namespace rbk::engine {
namespace {

using testing::FileAction;
using testing::HangingAction;
using testing::ImmediateAction;
using testing::ScriptedAction;
using testing::SpoolAction;
using testing::TempFolder;
using testing::TestActions;
using testing::VirtualClock;

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    actions_.add<ImmediateAction>("now");
    actions_.add<FileAction>("file", folder_.file("effects"), 0);
    std::filesystem::create_directory(folder_.file("spool"));
    spool_ = &actions_.add<SpoolAction>("spool", folder_.file("spool"));
  }
  std::unique_ptr<Engine> open(World world = World::real()) {
    return Engine::open(folder_.store(), OpenMode::kCreate, std::move(world), &actions_).value();
  }
  static std::string start(Engine& engine, const std::string& script) {
    return engine.start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
  }
  void sql(const std::string& text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(folder_.file("store.db").c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }
  std::vector<std::string> effects() const {
    std::ifstream file(folder_.file("effects"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  size_t spooled() const {
    const std::filesystem::directory_iterator files(folder_.file("spool"));
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }
  const Person leader_{"bob", {"sre"}, {}};
  TempFolder folder_;
  TestActions actions_;
  SpoolAction* spool_ = nullptr;
};

TEST_F(RecoveryTest, ADamagedJournalQuarantinesItsRunAndNoOther) {
  auto engine = open();
  const std::string damaged = start(*engine, "w now;a go;w now");
  const std::string sound = start(*engine, "w now;s 1;w now");
  EXPECT_EQ(engine->drive(damaged, {})->why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->detach(sound));
  sql("update journal set body=zeroblob(3) where number=2 and run=(select key from run where id='" +
      damaged + "')");
  sql("delete from snapshot");
  ASSERT_EQ(engine->cancel(damaged, CancelHow::kLeave, false, leader_).has_value(), true);
  const auto ends = engine->drive_all({}).value();
  ASSERT_EQ(ends.size(), 2u);
  for (const DriveEnd& end : ends) {
    if (end.run.id == sound) {
      EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
      continue;
    }
    EXPECT_EQ(end.why, DriveEnd::Why::kQuarantined);
    EXPECT_NE(end.run.quarantine.find("entry 2"), std::string::npos) << end.run.quarantine;
  }
  EXPECT_EQ(engine->drive(damaged, {})->why, DriveEnd::Why::kQuarantined);
  EXPECT_EQ(engine->summary(damaged)->status, RunStatus::kQuarantined);
}

TEST_F(RecoveryTest, AReplayThatGoesAnotherWayQuarantines) {
  auto engine = open();
  const std::string run = start(*engine, "w now;a go;w now");
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  engine.reset();
  // As if another program had been put under the run.
  const auto other = testing::program("a go;w now");
  const std::string bytes = bytecode::save(*other);
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  sql("update program set bytes=x'" + hex + "', hash=x'" + to_hex(bytecode::content_hash(*other)) +
      "'");
  sql("delete from snapshot");
  engine = open();
  const auto end = engine->drive(run, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->why, DriveEnd::Why::kQuarantined);
  EXPECT_NE(end->run.quarantine.find("replay"), std::string::npos) << end->run.quarantine;
}

TEST_F(RecoveryTest, ADamagedSnapshotIsThrownAwayAndTheJournalReplayed) {
  auto engine = open();
  const std::string run = start(*engine, "w now 50;a go;w now");
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  for (const char* damage :
       {"bytes=zeroblob(40)", "bytes=substr(bytes,1,length(bytes)-1)", "bytes=x''"}) {
    sql(std::string("update snapshot set ") + damage);
    EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended) << damage;
    auto store = open_store(folder_.store(), OpenMode::kExisting).value();
    EXPECT_NE(store->snapshot(store->find_run(run)->key).value(), std::string(40, '\0'));
  }
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  const auto end = engine->drive(run, {}).value();
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(end.run.output, 51);
}

TEST_F(RecoveryTest, SnapshotAndReplayGiveTheSameState) {
  auto engine = open();
  const std::string run = start(*engine, "w now 50;a go;w now");
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  auto store = open_store(folder_.store(), OpenMode::kExisting).value();
  const RunRow row = store->find_run(run).value();
  auto program = load_program(*store, row).value();
  const auto with = recover_run(*store, row, program).value();
  const auto without = recover_run(*store, row, program, false).value();
  EXPECT_LT(with.since_snapshot, 2u);
  EXPECT_EQ(without.since_snapshot, row.head);
  EXPECT_EQ(with.machine.snapshot(), without.machine.snapshot());
  EXPECT_EQ(with.head, without.head);
  ASSERT_EQ(with.asked.all().size(), without.asked.all().size());
  EXPECT_EQ(with.asked.all().begin()->second.entry, without.asked.all().begin()->second.entry);
}

TEST_F(RecoveryTest, AFullDiskStopsTheRunWithoutLoss) {
  auto engine = open();
  const std::string run = start(*engine, "w spool 200");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200 * 1024, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto full = engine->drive(run, {});
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kFull);
  EXPECT_NE(full.error().cure.find("free space"), std::string::npos);
  EXPECT_LT(spooled(), 200u);
  const auto end = engine->drive(run, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->run.status, RunStatus::kSucceeded);
  EXPECT_EQ(spooled(), 200u);
  EXPECT_EQ(spool_->started_twice, 0);
}

TEST_F(RecoveryTest, ContendingEnginesDriveEachRunOnce) {
  {
    auto engine = open();
    for (int run = 0; run < 12; ++run) {
      const std::string id = start(*engine, "w spool 10");
      ASSERT_TRUE(engine->detach(id));
    }
  }
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      auto engine = open();
      const auto ends = engine->drive_all({});
      if (!ends) fmt::print(stderr, "a contender: {}\n", ends.error().message);
      _exit(ends && spool_->started_twice == 0 ? 0 : 1);
    }
    children.push_back(child);
  }
  usleep(50'000);
  kill(children[0], SIGKILL);
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (child != children[0]) {
      EXPECT_EQ(status, 0);
    }
  }
  auto engine = open();
  const auto ends = engine->drive_all({});
  ASSERT_TRUE(ends.has_value());
  for (const DriveEnd& end : *ends) EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  RunFilter filter;
  filter.status = RunStatus::kSucceeded;
  EXPECT_EQ(engine->runs(filter)->size(), 12u);
  EXPECT_EQ(spooled(), 120u);
  EXPECT_EQ(spool_->started_twice, 0);
}

TEST_F(RecoveryTest, StoppingAtOnceWaitsForNothing) {
  actions_.add<HangingAction>("hang", HangingAction::How::kNever);
  auto engine = open();
  const std::string run = start(*engine, "w hang");
  testing::HangingAction* hang = static_cast<HangingAction*>(actions_.find("hang").value());
  std::thread stops([&] {
    while (hang->running == 0) usleep(1000);
    engine->stop(StopHow::kAtBorder);
    usleep(20'000);
    engine->stop(StopHow::kAtOnce);
  });
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kStopped);
  stops.join();
  engine = open();
  // It was under way, and nobody knows: a person is asked.
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kInDoubt);
}

TEST_F(RecoveryTest, AnUnknownOutcomeIsTreatedAsAfterACrash) {
  Outcome unknown;
  unknown.kind = Outcome::Kind::kUnknown;
  auto& lost = actions_.add<ScriptedAction>("lost", unknown);
  auto engine = open();
  EXPECT_EQ(engine->drive(start(*engine, "w lost"), {})->why, DriveEnd::Why::kInDoubt);
  EXPECT_EQ(lost.started, 1);
  const auto failed = engine->drive(start(*engine, "v lost"), {}).value();
  EXPECT_EQ(failed.run.status, RunStatus::kFailed);
  EXPECT_EQ(failed.run.error->kind, "InDoubt");
}

/// Counts, when it begins, how often the journal says that something is repeated.
class LookingAction : public Action {
 public:
  explicit LookingAction(std::string store) : store_(std::move(store)) {}
  void start(const Attempt&, std::shared_ptr<AttemptSink> sink) override {
    auto store = open_store(store_, OpenMode::kExisting).value();
    int found = 0;
    const auto runs = store->runs({}).value();
    for (const RunRow& row : runs) {
      const auto entries = store->entries(row.key, 0).value();
      for (const Entry& entry : entries) found += entry.kind == Entry::Kind::kRepeat ? 1 : 0;
    }
    repetitions.push_back(found);
    Outcome outcome;
    if (repetitions.size() == 1) outcome.kind = Outcome::Kind::kUnknown;
    sink->finish(std::move(outcome));
  }
  void stop(uint64_t, StopMode) override {}
  std::vector<int> repetitions;

 private:
  std::string store_;
};

TEST_F(RecoveryTest, WhatAPersonHasRepeatedBeginsOnceThatIsDurable) {
  auto& looking = actions_.add<LookingAction>("looking", folder_.store());
  auto engine = open();
  const std::string run = start(*engine, "w looking");
  EXPECT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kInDoubt);
  ASSERT_TRUE(engine->resolve(run, "looking", Resolution::kNotDone, std::nullopt, leader_));
  engine = open();
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  EXPECT_EQ(looking.repetitions, (std::vector<int>{0, 1}));
}

TEST_F(RecoveryTest, AFinishedRunIsUndoneByHandAndOnlyOnce) {
  auto& undo = actions_.add<FileAction>("undo", folder_.file("effects"), 0);
  (void)undo;
  auto engine = open();
  const std::string run = start(*engine, "b one;b two;b three");
  EXPECT_EQ(engine->undoable(run).error().kind, ErrorKind::kRefused);
  actions_.add<ImmediateAction>("one");
  actions_.add<ImmediateAction>("two");
  actions_.add<ImmediateAction>("three");
  ASSERT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  const auto steps = engine->undoable(run).value();
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].path, "three");
  EXPECT_EQ(engine->rollback(run, "nope", leader_).error().kind, ErrorKind::kNotFound);
  const std::string part = engine->rollback(run, "two", leader_).value();
  EXPECT_EQ(engine->rollback(run, "", leader_).error().kind, ErrorKind::kRefused);
  auto end = engine->drive(part, {}).value();
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(end.run.undoes, run);
  EXPECT_EQ(effects().size(), 2u);
  engine = open();
  ASSERT_EQ(engine->undoable(run)->size(), 1u);
  const std::string rest = engine->rollback(run, "", leader_).value();
  // It survives being cut off.
  ASSERT_TRUE(engine->detach(rest));
  engine = open();
  EXPECT_EQ(engine->drive(rest, {})->run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects().size(), 3u);
  EXPECT_EQ(engine->rollback(run, "", leader_).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(engine->show(rest)->run.reason, "rollback of " + run);
}

TEST_F(RecoveryTest, AMonthPassesInNoTime) {
  auto clock = std::make_shared<VirtualClock>();
  auto engine = open(testing::virtual_world(clock, 1));
  const int64_t before = clock->wall_time;
  const int64_t month = int64_t{30} * 86'400'000'000;
  const auto end =
      engine->drive(start(*engine, fmt::format("w now;s {};w now", month)), {}).value();
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_GE(clock->wall_time - before, month);
  EXPECT_LT(clock->wall_time - before, month + 1'000'000);
}

TEST_F(RecoveryTest, DurationsAreCountedOnTheBootClockWithinABoot) {
  auto clock = std::make_shared<VirtualClock>();
  std::string run;
  {
    auto engine = open(testing::virtual_world(clock, 1));
    run = start(*engine, "w now;s 3600000000;w now");
    EXPECT_EQ(engine->drive(run, {.longest_sleep = 1000})->why, DriveEnd::Why::kSuspended);
  }
  // The wall clock jumps a day ahead, ten minutes pass.
  clock->wall_time += int64_t{86'400} * 1'000'000;
  clock->boot_time += int64_t{600} * 1'000'000;
  auto engine = open(testing::virtual_world(clock, 2));
  const int64_t before = clock->boot_time;
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  EXPECT_NEAR(static_cast<double>(clock->boot_time - before), 3000e6, 1e6);
}

TEST_F(RecoveryTest, AcrossBootsTheWallClockCountsAndTimeNeverGoesBack) {
  auto clock = std::make_shared<VirtualClock>();
  std::string run;
  {
    auto engine = open(testing::virtual_world(clock, 1));
    run = start(*engine, "w now;s 3600000000;w now");
    EXPECT_EQ(engine->drive(run, {.longest_sleep = 1000})->why, DriveEnd::Why::kSuspended);
  }
  const int64_t last = open()->summary(run)->updated;
  clock->boot_name = "boot-2:pid-1";
  clock->boot_time = 5;
  clock->wall_time -= int64_t{60} * 1'000'000;
  auto engine = open(testing::virtual_world(clock, 2));
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  EXPECT_NEAR(static_cast<double>(clock->boot_time), 3660e6, 1e6);
  int64_t time = 0;
  const auto detail = engine->show(run).value();
  for (const News& news : detail.timeline) {
    EXPECT_GE(news.time, time);
    time = news.time;
  }
  EXPECT_GE(detail.run.updated, last);
}

}  // namespace
}  // namespace rbk::engine
