// Schedules of a store and the workers that fire them, in virtual time.
#include "engine/firings.h"

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/units.h"
#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/store_sql.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"

namespace rbk::engine {
namespace {

using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;
using testing::VirtualClock;
using testing::VirtualSleeper;

constexpr int64_t kSecond = 1'000'000;
/// Seeds so far apart that no two engines try the same keys, nor the same ids for runs: those of
/// dead ones stay taken.
constexpr uint64_t kApart = (uint64_t{1} << 40) + 1000;
constexpr int64_t kMinute = 60 * kSecond;

class BusySleeper : public VirtualSleeper {
 public:
  explicit BusySleeper(std::shared_ptr<VirtualClock> clock) : VirtualSleeper(std::move(clock)) {}
  void sleep(int64_t until, int descriptor) override {
    if (before) before();
    VirtualSleeper::sleep(until, descriptor);
    if (after) after();
  }
  std::function<void()> before;
  std::function<void()> after;
};

class Told : public WorkObserver {
 public:
  void on_taken(const RunSummary&) override {}
  void on_left(const DriveEnd&) override {}
  void on_news(const std::string&, const News&) override {}
  void on_firing(const FiringSummary& firing) override {
    firings.push_back(firing);
    if (on_each) on_each();
  }
  void on_trouble(const std::string& schedule, const Error&) override {
    troubles.insert(schedule);
    if (on_each) on_each();
  }
  size_t count(FiringRow::Outcome outcome) const {
    return static_cast<size_t>(
        std::count_if(firings.begin(), firings.end(),
                      [&](const FiringSummary& one) { return one.outcome == outcome; }));
  }
  std::vector<FiringSummary> firings;
  std::set<std::string> troubles;
  std::function<void()> on_each;
};

class FiringsTest : public ::testing::Test {
 protected:
  FiringsTest() { actions_.add<ImmediateAction>("now"); }

  std::unique_ptr<Engine> open() {
    World world = testing::virtual_world(clock_, seeds_ += kApart);
    world.sleeper = sleeper_;
    world.look_every = look_every_;
    return Engine::open(folder_.store(), OpenMode::kCreate, std::move(world), &actions_).value();
  }
  /// Every minute.
  AddSchedule schedule(const std::string& name, const std::string& script) {
    AddSchedule made;
    made.name = name;
    made.program = testing::program(script);
    made.runbook = "main";
    made.timing.rules.emplace_back(timing::seconds(60));
    made.place = "a.rbk:" + name;
    return made;
  }
  /// Works for so long.
  void work(Engine& engine, int64_t microseconds) {
    const int64_t end = clock_->boot_time + microseconds;
    const auto before = sleeper_->before;
    sleeper_->before = [&] {
      if (before) before();
      if (clock_->boot_time >= end) engine.stop(StopHow::kAtBorder);
    };
    const Status done = engine.work({&told_, 4});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    sleeper_->before = before;
  }
  std::vector<std::string> readings(const std::string& name, FiringRow::Outcome outcome) {
    std::vector<std::string> found;
    const auto all = open()->firings(name, 0).value();
    for (const FiringSummary& one : all)
      if (one.outcome == outcome) found.push_back(one.reading);
    return found;
  }
  /// How SQLite answers a question.
  std::string plan_of(const std::string& question) {
    sqlite3* database = nullptr;
    std::string plan;
    EXPECT_EQ(sqlite3_open(folder_.file("store.db").c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    const auto each = [](void* to, int columns, char** values, char**) {
      if (values[columns - 1] != nullptr)
        *static_cast<std::string*>(to) += std::string(values[columns - 1]) + "\n";
      return 0;
    };
    const std::string text = "explain query plan " + question;
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), each, &plan, &error), SQLITE_OK) << error;
    sqlite3_close(database);
    return plan;
  }

  TempFolder folder_;
  TestActions actions_;
  std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>();
  std::shared_ptr<BusySleeper> sleeper_ = std::make_shared<BusySleeper>(clock_);
  Told told_;
  uint64_t seeds_ = 10;
  int64_t look_every_ = 100'000;
  const Person ann_{"ann", {}, {}};
};

TEST_F(FiringsTest, ARunIsStartedForEachTimeWithWhoeverAddedItAsItsStarter) {
  auto engine = open();
  const ScheduleAdded added = engine->add_schedule(schedule("often", "w now"), ann_).value();
  EXPECT_TRUE(added.is_new);
  EXPECT_EQ(added.next.size(), 3u);
  work(*engine, 5 * kMinute + kSecond);
  const auto runs = open()->runs({}).value();
  ASSERT_EQ(runs.size(), 5u);
  std::set<std::string> readings;
  for (const RunSummary& run : runs) {
    EXPECT_EQ(run.status, RunStatus::kSucceeded);
    EXPECT_EQ(run.starter, "ann");
    ASSERT_TRUE(run.firing.has_value());
    EXPECT_EQ(run.firing->schedule, "often");
    EXPECT_EQ(run.reason, "schedule often, " + run.firing->reading + " UTC");
    readings.insert(run.firing->reading);
  }
  EXPECT_EQ(readings.size(), 5u);
  // It is started at its time, not at the next look.
  for (const FiringSummary& one : told_.firings) EXPECT_LT(one.time - one.at, kSecond);
}

TEST_F(FiringsTest, TwoWorkersFireEachOnce) {
  look_every_ = 5 * kSecond;
  auto first = open();
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(first->add_schedule(schedule(name, "w now"), ann_));
  auto second = open();
  Told others;
  bool inside = false;
  int calls = 0;
  int slept = 0;
  // After each sleep of the first the second works, until it has slept a few times itself.
  sleeper_->after = [&] {
    if (std::exchange(inside, true)) {
      if (++slept > calls % 5) second->stop(StopHow::kAtBorder);
      return;
    }
    slept = 0;
    ++calls;
    EXPECT_TRUE(second->work({&others, 4}));
    second = open();
    inside = false;
  };
  work(*first, 5 * kMinute + kSecond);
  sleeper_->after = {};
  EXPECT_FALSE(others.firings.empty());
  for (const char* name : {"a", "b", "c"})
    EXPECT_EQ(readings(name, FiringRow::Outcome::kStarted).size(), 5u);
  EXPECT_EQ(open()->runs({})->size(), 15u);
}

TEST_F(FiringsTest, AClockThatIsPutBackFiresNothingTwice) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  bool jumped = false;
  sleeper_->before = [&] {
    if (jumped || told_.firings.size() < 3) return;
    clock_->wall_time -= 2 * kMinute;
    jumped = true;
  };
  work(*engine, 7 * kMinute + kSecond);
  EXPECT_TRUE(jumped);
  const auto started = readings("often", FiringRow::Outcome::kStarted);
  EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(), started.size());
  EXPECT_GE(started.size(), 4u);
  EXPECT_LE(started.size(), 6u);
  EXPECT_EQ(open()->runs({})->size(), started.size());
}

TEST_F(FiringsTest, AClockThatJumpsForwardHasMissedWhatLiesBetween) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  bool jumped = false;
  sleeper_->before = [&] {
    if (jumped || told_.firings.size() < 2) return;
    clock_->wall_time += 60 * kMinute;
    jumped = true;
  };
  work(*engine, 5 * kMinute + kSecond);
  EXPECT_LE(readings("often", FiringRow::Outcome::kStarted).size(), 6u);
  EXPECT_GE(readings("often", FiringRow::Outcome::kSkipped).size(), 57u);
}

TEST_F(FiringsTest, WhatIsQueuedStartsWhenTheRunBeforeItEnds) {
  AddSchedule queued = schedule("queued", "s 150000000;w now");
  queued.overlap = ScheduleRow::Overlap::kQueue;
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(queued, ann_));
  const int64_t before = clock_->wall_time;
  work(*engine, 8 * kMinute);
  const auto runs = open()->runs({}).value();
  EXPECT_GE(runs.size(), 3u);
  EXPECT_LE(runs.size(), 4u);
  for (size_t i = 1; i < runs.size(); ++i) {
    ASSERT_TRUE(runs[i].ended.has_value());  // newest first
    EXPECT_GE(runs[i - 1].started, *runs[i].ended);
    EXPECT_LT(runs[i - 1].started - *runs[i].ended, kSecond);
  }
  EXPECT_GE(readings("queued", FiringRow::Outcome::kQueued).size(), 3u);
  EXPECT_LT(before, clock_->wall_time);
}

TEST_F(FiringsTest, TheRunThatGoesOnIsCancelledForTheNext) {
  AddSchedule cancels = schedule("cancels", "s 150000000;w now");
  cancels.overlap = ScheduleRow::Overlap::kCancelRunning;
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(cancels, ann_));
  work(*engine, 4 * kMinute + kSecond);
  const auto runs = open()->runs({}).value();
  ASSERT_EQ(runs.size(), 4u);
  for (size_t i = 1; i < runs.size(); ++i) EXPECT_EQ(runs[i].status, RunStatus::kCancelled);
}

TEST_F(FiringsTest, AddedAgainItDoesNotDoAgainWhatItDid) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  work(*engine, 2 * kMinute + kSecond);
  AddSchedule changed = schedule("often", "w now;w now");
  changed.missed = ScheduleRow::Missed::kRunAll;
  clock_->wall_time -= 90 * kSecond;
  const ScheduleAdded added = open()->add_schedule(changed, ann_).value();
  EXPECT_FALSE(added.is_new);
  EXPECT_EQ(added.changes.size(), 2u);
  auto next = open();
  work(*next, 4 * kMinute);
  const auto started = readings("often", FiringRow::Outcome::kStarted);
  EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(), started.size());
  EXPECT_EQ(open()->runs({})->front().output, 2);
}

TEST_F(FiringsTest, APausedScheduleFiresNothingAndGoesOnFromNow) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  ASSERT_TRUE(engine->pause_schedule("often", ann_));
  EXPECT_EQ(engine->pause_schedule("often", ann_).error().kind, ErrorKind::kRefused);
  work(*engine, 3 * kMinute);
  EXPECT_TRUE(open()->runs({})->empty());
  auto next = open();
  ASSERT_TRUE(next->resume_schedule("often", ann_));
  EXPECT_EQ(next->resume_schedule("often", ann_).error().kind, ErrorKind::kRefused);
  work(*next, kMinute);
  EXPECT_EQ(open()->runs({})->size(), 1u);
  ASSERT_TRUE(open()->remove_schedule("often", ann_));
  auto last = open();
  work(*last, 2 * kMinute);
  EXPECT_EQ(open()->runs({})->size(), 1u);
  EXPECT_EQ(open()->runs({})->front().firing->schedule, "often");
  EXPECT_EQ(open()->schedule("often").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(open()->add_schedule(schedule("often", "w now"), ann_)->is_new);
}

TEST_F(FiringsTest, ByHandAndMadeUpForBesideThePlan) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  work(*engine, 2 * kMinute + kSecond);
  const int64_t now = clock_->wall_time;
  auto other = open();
  const auto made_up = other->backfill("often", now - 5 * kMinute, now, {"bob", {}, {}}).value();
  ASSERT_EQ(made_up.size(), 5u);
  EXPECT_EQ(made_up[0].outcome, FiringRow::Outcome::kQueued);
  EXPECT_EQ(made_up[4].outcome, FiringRow::Outcome::kStarted);  // it had its run
  EXPECT_EQ(other->backfill("often", now, now + kMinute, ann_).error().kind, ErrorKind::kInvalid);
  const FiringSummary by_hand = open()->run_schedule("often", {"bob", {}, {}}).value();
  EXPECT_EQ(open()->summary(by_hand.run)->starter, "bob");
  EXPECT_EQ(open()->run_schedule("often", ann_).error().kind, ErrorKind::kRefused);
  auto next = open();
  work(*next, 30 * kSecond);
  EXPECT_EQ(readings("often", FiringRow::Outcome::kStarted).size(), 6u);
  EXPECT_EQ(open()->runs({})->size(), 6u);
}

TEST_F(FiringsTest, OneThatCannotFireHereKeepsNoOtherBack) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("broken", "w now"), ann_));
  ASSERT_TRUE(engine->add_schedule(schedule("sound", "w now"), ann_));
  testing::store_sql(folder_, "update schedule set timing='{}' where name='broken'");
  work(*engine, 3 * kMinute + kSecond);
  EXPECT_EQ(told_.troubles, std::set<std::string>{"broken"});
  EXPECT_EQ(readings("sound", FiringRow::Outcome::kStarted).size(), 3u);
  EXPECT_FALSE(open()->schedule("broken")->fault.empty());
}

TEST_F(FiringsTest, WhatIsNotDueCostsNothing) {
  auto engine = open();
  ASSERT_TRUE(engine->add_schedule(schedule("often", "w now"), ann_));
  for (const std::string question :
       {"select key from schedule where removed=0 and paused is null and due is not null and "
        "due<=1 order by due limit 16",
        "select due from schedule where removed=0 and paused is null and due is not null and due>1 "
        "order by due limit 1"}) {
    const std::string plan = plan_of(question);
    EXPECT_NE(plan.find("schedule_due (due"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
  }
  for (const std::string question :
       {"select key from run where holder=0 and wake is not null and placement='' and wake<=1 "
        "and status in (2,4) order by wake limit 1",
        "select key from run where holder=0 and status=1 and placement='' order by key limit 1",
        "select key from run where holder<>0 and status in (1,2,4)",
        "select key from run where schedule<>0 and status<6 and schedule=1"}) {
    const std::string plan = plan_of(question);
    EXPECT_NE(plan.find("INDEX run_"), std::string::npos) << plan;
  }
}

}  // namespace
}  // namespace rbk::engine
