// Workers: what they take up and when, what they leave to others, and runs that get nowhere. In
// virtual time but where a process has to die.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/store_sql.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"

namespace rbk::engine {
namespace {

using testing::HangingAction;
using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;
using testing::VirtualClock;
using testing::VirtualSleeper;

constexpr int64_t kSecond = 1'000'000;
/// Seeds so far apart that no two engines try the same keys, nor the same ids for runs: those of
/// dead ones stay taken.
constexpr uint64_t kApart = (uint64_t{1} << 40) + 1000;

/// As the virtual one, and does something before and after each sleep.
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

/// Ends its process: whatever goes on with a run that needs it gets nowhere.
class DeadlyAction : public Action {
 public:
  void start(const Attempt&, std::shared_ptr<AttemptSink>) override { _exit(9); }
  void stop(uint64_t, StopMode) override {}
};

class Told : public WorkObserver {
 public:
  void on_taken(const RunSummary& run) override {
    lines.push_back("taken " + run.id);
    if (on_each) on_each(lines.back());
  }
  void on_left(const DriveEnd& end) override {
    lines.push_back("left " + end.run.id + " " + std::string(to_string(end.run.status)));
    if (on_each) on_each(lines.back());
  }
  void on_news(const std::string&, const News&) override {}
  std::vector<std::string> lines;
  std::function<void(const std::string&)> on_each;
};

class WorkTest : public ::testing::Test {
 protected:
  WorkTest() { actions_.add<ImmediateAction>("now"); }

  World world(uint64_t seed) {
    World made = testing::virtual_world(clock_, seed);
    made.sleeper = sleeper_;
    made.look_every = look_every_;
    return made;
  }
  std::unique_ptr<Engine> open(uint64_t seed) {
    return Engine::open(folder_.store(), OpenMode::kCreate, world(seed), &actions_).value();
  }
  std::string detached(const std::string& script) {
    auto engine = open(seeds_ += kApart);
    const std::string run =
        engine->start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
    EXPECT_TRUE(engine->detach(run));
    return run;
  }
  /// Works until something that ends so was told, or far too long.
  void work(Engine& engine, const std::string& last, size_t slots = 32) {
    const int64_t too_long = clock_->boot_time + 1000 * 86'400 * kSecond;
    told_.on_each = [&](const std::string& line) {
      if (line.ends_with(last)) engine.stop(StopHow::kAtBorder);
    };
    const auto before = sleeper_->before;
    sleeper_->before = [&] {
      if (before) before();
      if (clock_->boot_time > too_long) engine.stop(StopHow::kAtOnce);
    };
    const Status done = engine.work({&told_, slots});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    EXPECT_LE(clock_->boot_time, too_long);
    sleeper_->before = before;
  }
  RunSummary summary(const std::string& run) { return open(77)->summary(run).value(); }
  TempFolder folder_;
  TestActions actions_;
  std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>();
  std::shared_ptr<BusySleeper> sleeper_ = std::make_shared<BusySleeper>(clock_);
  Told told_;
  uint64_t seeds_ = 10;
  int64_t look_every_ = 100'000;
};

TEST_F(WorkTest, WhatWaitsForPeopleIsLeftAloneThoughTheWallsClockHasJumped) {
  const std::string run = detached("a exp");
  auto engine = open(1);
  bool has_jumped = false;
  told_.on_each = [&](const std::string& line) {
    if (!has_jumped && line.starts_with("left")) {
      clock_->wall_time += 60 * kSecond;
      has_jumped = true;
    }
    if (line.ends_with("failed") || told_.lines.size() > 50) engine->stop(StopHow::kAtBorder);
  };
  EXPECT_TRUE(engine->work({&told_, 32}));
  EXPECT_LT(told_.lines.size(), 10u);
  EXPECT_EQ(told_.lines.back(), "left " + run + " failed");
}

TEST_F(WorkTest, ARunThatSleepsIsLetGoAndTakenUpWhenItIsDue) {
  const std::string run = detached("w now;s 3600000000;w now");
  auto engine = open(1);
  const int64_t before = clock_->boot_time;
  work(*engine, "succeeded");
  EXPECT_EQ(told_.lines, (std::vector<std::string>{"taken " + run, "left " + run + " waiting",
                                                   "taken " + run, "left " + run + " succeeded"}));
  EXPECT_GE(clock_->boot_time - before, 3600 * kSecond);
  EXPECT_LT(clock_->boot_time - before, 3601 * kSecond);
}

TEST_F(WorkTest, ADecisionIsTakenUpAtOnce) {
  const std::string run = detached("w now;a go;w now");
  auto engine = open(1);
  auto other = open(2);
  int64_t decided = 0;
  sleeper_->before = [&] {
    if (decided != 0 || other->approvals()->empty()) return;
    EXPECT_FALSE(other->summary(run)->process.has_value());
    EXPECT_TRUE(other->approve(run, "", {}, {"bob", {"sre"}, {}}));
    decided = clock_->boot_time;
  };
  work(*engine, "succeeded");
  EXPECT_LE(clock_->boot_time - decided, kSecond / 5);
}

TEST_F(WorkTest, SlotsAreForRunsThatGoOn) {
  std::vector<std::string> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(detached("w now;s 5000000;w now"));
  auto engine = open(1);
  size_t held = 0;
  size_t most = 0;
  size_t over = 0;
  told_.on_each = {};
  const int64_t before = clock_->boot_time;
  work(*engine, runs.back() + " succeeded", 2);
  for (const std::string& line : told_.lines) {
    held = line.starts_with("taken") ? held + 1 : held - 1;
    most = std::max(most, held);
    over += line.ends_with("succeeded") ? 1 : 0;
  }
  EXPECT_LE(most, 2u);
  EXPECT_GE(over, 1u);
  // They sleep side by side, though there are but two slots.
  EXPECT_LT(clock_->boot_time - before, 8 * kSecond);
}

TEST_F(WorkTest, TwoWorkersNeverHaveARunTogether) {
  look_every_ = kSecond;
  std::vector<std::string> runs;
  for (int i = 0; i < 10; ++i)
    runs.push_back(detached(fmt::format("w now;s {0}000000;w now;s {0}000000;w now", 20 + i)));
  auto first = open(1);
  auto second = open(2);
  Told others;
  bool inside = false;
  // After each sleep of the first the second works, until it has slept a few times itself.
  int calls = 0;
  int slept = 0;
  sleeper_->after = [&] {
    if (std::exchange(inside, true)) {
      if (++slept > calls % 5) second->stop(StopHow::kAtBorder);
      return;
    }
    slept = 0;
    ++calls;
    EXPECT_TRUE(second->work({&others, 3}));
    second = open(seeds_ += kApart);
    inside = false;
  };
  size_t over = 0;
  const auto count = [&](const std::string& line) {
    if (line.ends_with("succeeded") && ++over == runs.size()) first->stop(StopHow::kAtBorder);
  };
  others.on_each = count;
  told_.on_each = count;
  ASSERT_TRUE(first->work({&told_, 3}));
  for (const std::string& run : runs) {
    EXPECT_EQ(summary(run).status, RunStatus::kSucceeded);
    EXPECT_EQ(summary(run).output, 3);
  }
  EXPECT_FALSE(others.lines.empty());
}

TEST_F(WorkTest, AWorkerIsSeenForAsLongAsItWorks) {
  auto engine = open(1);
  auto other = open(2);
  EXPECT_TRUE(other->workers()->empty());
  size_t seen = 0;
  sleeper_->before = [&] {
    seen = other->workers()->size();
    engine->stop(StopHow::kAtBorder);
  };
  ASSERT_TRUE(engine->work({}));
  EXPECT_EQ(seen, 1u);
  EXPECT_TRUE(other->workers()->empty());
}

TEST_F(WorkTest, StoppedAtABorderItLeavesTheRestToOthers) {
  const std::string run = detached("w now;w last;w now");
  actions_.add<ImmediateAction>("last");
  auto engine = open(1);
  class Stops : public Told {
   public:
    void on_news(const std::string&, const News& news) override {
      if (news.kind == News::Kind::kAttemptBegan && news.path == "now")
        engine->stop(StopHow::kAtBorder);
    }
    Engine* engine = nullptr;
  } stops;
  stops.engine = engine.get();
  ASSERT_TRUE(engine->work({&stops, 4}));
  EXPECT_EQ(summary(run).status, RunStatus::kRunning);
  EXPECT_FALSE(summary(run).process.has_value());
  auto next = open(2);
  work(*next, "succeeded");
  EXPECT_EQ(summary(run).output, 3);
}

TEST_F(WorkTest, AClockThatJumpsNeitherDelaysNorHurriesASleep) {
  for (const int64_t jump : {-3600 * kSecond, 3600 * kSecond}) {
    const std::string run = detached("s 60000000;w now");
    auto engine = open(seeds_ += kApart);
    const int64_t before = clock_->boot_time;
    bool jumped = false;
    sleeper_->before = [&] {
      if (!jumped && clock_->boot_time > before + 10 * kSecond) {
        clock_->wall_time += jump;
        jumped = true;
      }
    };
    told_.lines.clear();
    work(*engine, "succeeded");
    EXPECT_TRUE(jumped);
    EXPECT_GE(clock_->boot_time - before, 60 * kSecond) << jump;
    EXPECT_LT(clock_->boot_time - before, 62 * kSecond) << jump;
    EXPECT_LE(told_.lines.size(), 6u);
    const RunDetail detail = engine->show(run).value();
    for (size_t i = 1; i < detail.timeline.size(); ++i)
      EXPECT_GE(detail.timeline[i].time, detail.timeline[i - 1].time);
    sleeper_->before = {};
  }
}

TEST_F(WorkTest, WhatGotNowhereGoesAlone) {
  const std::string suspect = detached("s 20000000;w now");
  const std::string other = detached("s 5000000;w now");
  const std::string third = detached("s 1;w now");
  testing::store_sql(folder_, "update run set claims=1 where id='" + suspect + "'");
  auto engine = open(1);
  work(*engine, suspect + " succeeded");
  const auto at = [&](const std::string& line) {
    return std::find(told_.lines.begin(), told_.lines.end(), line) - told_.lines.begin();
  };
  EXPECT_GT(at("taken " + suspect), at("left " + other + " succeeded"));
  EXPECT_GT(at("taken " + suspect), at("left " + third + " succeeded"));
}

TEST_F(WorkTest, TheFourthClaimThatGetsNowhereQuarantines) {
  actions_.add<DeadlyAction>("deadly");
  const std::string run = detached("w now;r deadly");
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      auto engine = Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_);
      (void)(*engine)->work({});
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 9);
  }
  auto engine = open(1);
  work(*engine, "quarantined");
  const std::string why = summary(run).quarantine;
  EXPECT_NE(why.find("3 times in a row"), std::string::npos) << why;
  EXPECT_NE(why.find("under way was deadly"), std::string::npos) << why;
  EXPECT_NE(why.find("rbk resume " + run), std::string::npos) << why;
  // A person may try it once more.
  actions_.add<ImmediateAction>("deadly");
  EXPECT_EQ(open(2)->drive(run, {})->run.status, RunStatus::kSucceeded);
}

TEST_F(WorkTest, WhatIsLetGoCleanlyIsNoClaimThatGotNowhere) {
  const std::string run = detached("w now;a go;w now");
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(open(seeds_ += kApart)->drive(run, {})->why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(open(1)->approve(run, "", {}, {"bob", {"sre"}, {}}));
  auto engine = open(2);
  work(*engine, "succeeded");
}

}  // namespace
}  // namespace rbk::engine
