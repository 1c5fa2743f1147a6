// The engine over a real store: runs that end, wait, are decided upon, are cut off and go on.
#include "engine/engine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine {
namespace {

using testing::FileAction;
using testing::HangingAction;
using testing::ImmediateAction;
using testing::ScriptedAction;
using testing::SpoolAction;
using testing::TempFolder;
using testing::TestActions;

class Heard : public Observer {
 public:
  void on_news(const std::string&, const News& item) override {
    news.push_back(item);
    if (on_each) on_each(item);
  }
  void on_log(const std::string&, const LogLine& line) override { lines.push_back(line); }
  size_t count(News::Kind kind) const {
    return static_cast<size_t>(std::count_if(news.begin(), news.end(),
                                             [&](const News& item) { return item.kind == kind; }));
  }
  std::vector<News> news;
  std::vector<LogLine> lines;
  std::function<void(const News&)> on_each;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    actions_.add<ImmediateAction>("now");
    actions_.add<FileAction>("file", folder_.file("effects"), 5);
    std::filesystem::create_directory(folder_.file("spool"));
    spool_ = &actions_.add<SpoolAction>("spool", folder_.file("spool"));
  }

  std::unique_ptr<Engine> open() {
    auto engine = Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_);
    EXPECT_TRUE(engine.has_value()) << (engine ? "" : engine.error().message);
    return std::move(*engine);
  }
  static std::string start(Engine& engine, const std::string& script) {
    auto run = engine.start(
        {testing::program(script), "main", {}, "because", {{"team", "sre"}}, {"ann", {}, {}}});
    EXPECT_TRUE(run.has_value()) << (run ? "" : run.error().message);
    return run ? *run : "";
  }
  DriveEnd drive(Engine& engine, const std::string& run, DriveOptions options = {}) {
    options.observer = &heard_;
    auto end = engine.drive(run, options);
    EXPECT_TRUE(end.has_value()) << (end ? "" : end.error().message);
    return end ? *end : DriveEnd{};
  }
  static std::vector<LogLine> logged(Engine& engine, const std::string& run,
                                     const std::string& path = {}, int64_t after = 0) {
    std::vector<LogLine> lines;
    auto read = engine.logs(run, path, after, [&](LogLine line) {
      lines.push_back(std::move(line));
      return true;
    });
    EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().message);
    return lines;
  }
  std::vector<std::string> effects() const {
    std::ifstream file(folder_.file("effects"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  /// Starts and drives the script in a process of its own; returns its pid.
  pid_t drive_in_child(const std::string& script) {
    const pid_t child = fork();
    if (child != 0) return child;
    auto engine = Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_);
    auto run = (*engine)->start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}});
    if (!run) _exit(1);
    (void)(*engine)->drive(*run, {});
    _exit(0);
  }
  /// The script in a process that is killed while its first effect is under way.
  void die_under(const std::string& script) {
    const pid_t child = drive_in_child(script);
    while (effects().empty()) usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  std::string only_run(Engine& engine) { return engine.runs({}).value().at(0).id; }

  size_t spooled() const {
    const std::filesystem::directory_iterator files(folder_.file("spool"));
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }

  TempFolder folder_;
  TestActions actions_;
  SpoolAction* spool_ = nullptr;
  Heard heard_;
  const Person leader_{"bob", {"sre"}, {}};
};

TEST_F(EngineTest, ARunThatNeverWaitsEndsWithOneCommit) {
  auto engine = open();
  const std::string run = start(*engine, "l hello");
  EXPECT_EQ(run.size(), 9u);
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kOver);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  ASSERT_EQ(heard_.lines.size(), 1u);
  EXPECT_EQ(heard_.lines[0].text, "hello");
  EXPECT_EQ(logged(*engine, run).at(0).text, "hello");
}

TEST_F(EngineTest, StepsArePerformedAndShown) {
  auto engine = open();
  const std::string run = start(*engine, "w now 3;r now");
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(end.run.output, 4);
  const RunDetail detail = engine->show(run.substr(0, 8)).value();
  EXPECT_EQ(detail.run.starter, "ann");
  EXPECT_EQ(detail.run.labels.at("team"), "sre");
  EXPECT_TRUE(detail.run.ended.has_value());
  ASSERT_EQ(detail.steps.size(), 4u);
  EXPECT_EQ(detail.steps[1].path, "now[1]");
  EXPECT_EQ(detail.steps[1].status, StepStatus::kSucceeded);
  EXPECT_EQ(detail.steps[1].action, "now");
  EXPECT_EQ(detail.steps[1].input.at("n"), 1);
  EXPECT_EQ(detail.steps[1].output.at("n"), 1);
  ASSERT_EQ(detail.steps[1].attempts.size(), 1u);
  EXPECT_TRUE(detail.steps[1].attempts[0].ended.has_value());
  EXPECT_EQ(detail.timeline.size(), heard_.news.size());
}

TEST_F(EngineTest, AnUnknownRunbookIsNamed) {
  auto engine = open();
  const auto refused =
      engine->start({testing::program("l x"), "nope", {}, "", {}, {"ann", {}, {}}});
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(refused.error().cure.find("main"), std::string::npos);
}

TEST_F(EngineTest, AMissingActionFailsItsStepWithoutEffect) {
  auto engine = open();
  const DriveEnd end = drive(*engine, start(*engine, "w nothing"));
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_NE(end.run.error->message.find("nothing"), std::string::npos);
}

TEST_F(EngineTest, LogLinesOfAttemptsAreKeptAndReplacedWhereTheyAreNoText) {
  Outcome ok;
  actions_.add<ScriptedAction>("talk", ok).lines = {"one", "tw\xff", "three"};
  auto engine = open();
  const std::string run = start(*engine, "w talk");
  drive(*engine, run);
  const auto lines = logged(*engine, run);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].text, "tw\xef\xbf\xbd");
  EXPECT_EQ(lines[2].path, "talk");
  EXPECT_TRUE(logged(*engine, run, "other").empty());
  EXPECT_TRUE(logged(*engine, run, {}, lines[2].key).empty());
  EXPECT_EQ(heard_.lines.size(), 3u);
  int given = 0;
  const auto last = engine->logs(run, {}, 0, [&](const LogLine&) { return ++given < 2; });
  EXPECT_EQ(given, 2);
  EXPECT_EQ(last.value(), lines[1].key);
}

TEST_F(EngineTest, ASleepEndsInItsTime) {
  auto engine = open();
  const auto before = std::chrono::steady_clock::now();
  const DriveEnd end = drive(*engine, start(*engine, "s 150000;w now"));
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(150));
}

TEST_F(EngineTest, ALongSleepLeavesTheRunSuspended) {
  auto engine = open();
  const std::string run = start(*engine, "w now;s 3600000000;w now");
  const DriveEnd end = drive(*engine, run, {.longest_sleep = 1'000'000});
  EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(end.run.status, RunStatus::kWaiting);
  ASSERT_TRUE(end.run.wake.has_value());
  EXPECT_FALSE(engine->summary(run)->process.has_value());
  EXPECT_TRUE(engine->drive_all({.longest_sleep = 1'000'000}).value().empty());
}

TEST_F(EngineTest, AnApprovalIsGivenByAnotherEngineWhileTheFirstDrives) {
  auto engine = open();
  auto other = open();
  const std::string run = start(*engine, "w now;a go;w now");
  std::thread decides([&] {
    while (other->approvals().value().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto waiting = other->approvals(run).value();
    EXPECT_EQ(waiting[0].name, "go");
    EXPECT_EQ(waiting[0].question, "ok?");
    EXPECT_EQ(other->approve(run, "", {}, {"ann", {"sre"}, {}}).error().kind,
              ErrorKind::kPermission);
    EXPECT_EQ(other->approve(run, "", {}, {"eve", {"dev"}, {}}).error().kind,
              ErrorKind::kPermission);
    EXPECT_EQ(other->approve(run, "stop", {}, leader_).error().kind, ErrorKind::kNotFound);
    EXPECT_TRUE(other->approve(run, "go", {}, leader_));
  });
  const auto before = std::chrono::steady_clock::now();
  const DriveEnd end = drive(*engine, run, {.wait_for_people = true});
  decides.join();
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
  EXPECT_TRUE(other->approvals().value().empty());
}

TEST_F(EngineTest, WhoApprovesASuspendedRunDrivesItOn) {
  std::string run;
  {
    auto engine = open();
    run = start(*engine, "w now;a go 2;w now");
    const DriveEnd end = drive(*engine, run);
    EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
    ASSERT_EQ(end.waits.size(), 1u);
    EXPECT_EQ(end.waits[0].quorum, 2);
  }
  auto engine = open();
  EXPECT_EQ(engine->inbox(leader_).value().size(), 1u);
  EXPECT_TRUE(engine->inbox({"eve", {}, {}}).value().empty());
  EXPECT_EQ(engine->approve(run, "", {{"ticket", "OPS-1"}}, leader_)->approved_by.size(), 1u);
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(engine->approve(run, "", {}, leader_).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(engine->approve(run, "", {{"ticket", "OPS-2"}}, {"cyd", {"sre"}, {}}).error().kind,
            ErrorKind::kInvalid);
  EXPECT_TRUE(engine->approve(run, "", {}, {"cyd", {"sre"}, "root"}));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(engine->approve(run, "", {}, leader_).error().kind, ErrorKind::kRefused);
}

TEST_F(EngineTest, ARejectionFailsTheRun) {
  auto engine = open();
  const std::string run = start(*engine, "a go;w now");
  drive(*engine, run);
  ASSERT_TRUE(engine->reject(run, "", "not today", leader_));
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_NE(end.run.error->message.find("not today"), std::string::npos);
}

TEST_F(EngineTest, AnApprovalExpires) {
  auto engine = open();
  const std::string run = start(*engine, "a exp;w now");
  const DriveEnd end = drive(*engine, run, {.wait_for_people = true});
  EXPECT_EQ(end.why, DriveEnd::Why::kOver);
  EXPECT_EQ(engine->approve(run, "", {}, leader_).error().kind, ErrorKind::kRefused);
}

TEST_F(EngineTest, AQuestionIsAnsweredByWhomItNamesAndOnce) {
  auto engine = open();
  const std::string run = start(*engine, "q what;w now");
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
  ASSERT_EQ(end.waits.size(), 1u);
  EXPECT_EQ(end.waits[0].kind, Wait::Kind::kQuestion);
  EXPECT_TRUE(engine->approvals(run)->empty());
  EXPECT_EQ(engine->approve(run, "", {}, leader_).error().kind, ErrorKind::kRefused);
  const Person ann{"ann", {}, {}};
  EXPECT_TRUE(engine->inbox(leader_)->empty());
  EXPECT_EQ(engine->inbox(ann)->size(), 1u);
  EXPECT_EQ(engine->answer(run, "", {}, leader_).error().kind, ErrorKind::kPermission);
  EXPECT_EQ(engine->answer(run, "", {{"tickt", "x"}}, ann).error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(engine->answer(run, "what", {{"ticket", "OPS-1"}}, ann));
  EXPECT_EQ(engine->answer(run, "what", {{"ticket", "OPS-2"}}, ann).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
}

TEST_F(EngineTest, ASignalIsTakenOrKeptAndCountsOnceUnderItsId) {
  auto engine = open();
  const std::string run = start(*engine, "a go;g one;g one;g two;w now");
  drive(*engine, run);
  const Person ann{"ann", {"dev"}, {}};
  EXPECT_EQ(engine->signal(run, "one", 1, "first", ann).value(), SignalSent::kNow);
  EXPECT_EQ(engine->signal(run, "one", 1, "first", ann).value(), SignalSent::kBefore);
  EXPECT_EQ(engine->signal(run, "two", 1, "first", ann).value(), SignalSent::kNow);
  EXPECT_EQ(engine->signal(run, "one", "1", "", ann).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(engine->signal(run, "three", 1, "", ann).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(engine->signal(run, "one", boost::json::string(70'000, 'x'), "", ann).error().kind,
            ErrorKind::kInvalid);
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
  ASSERT_EQ(end.waits.size(), 1u);
  EXPECT_EQ(end.waits[0].kind, Wait::Kind::kSignal);
  EXPECT_EQ(end.waits[0].name, "one");
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(engine->signal(run, "one", 2, "second", ann).value(), SignalSent::kNow);
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(engine->signal(run, "one", 3, "", ann).error().kind, ErrorKind::kRefused);
}

TEST_F(EngineTest, ASignalBehindACancellationIsNotTaken) {
  auto engine = open();
  const std::string run = start(*engine, "g one;w now");
  drive(*engine, run);
  ASSERT_TRUE(engine->cancel(run, CancelHow::kLeave, true, leader_));
  EXPECT_EQ(engine->signal(run, "one", 1, "", {"ann", {}, {}}).value(), SignalSent::kNow);
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kCancelled);
  auto store = open_store(folder_.store(), OpenMode::kExisting).value();
  const auto left = store->messages(store->find_run(run)->key).value();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].kind, Message::Kind::kSignal);
}

TEST_F(EngineTest, ARunKeepsSoManySignalsAndNoMore) {
  auto engine = open();
  const std::string run = start(*engine, "a go;g one;w now");
  drive(*engine, run);
  const Person ann{"ann", {}, {}};
  // Taken up by the run, and still in its inbox.
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(engine->signal(run, "one", i, "", ann));
  drive(*engine, run);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(engine->signal(run, "one", i, "", ann));
  EXPECT_EQ(engine->signal(run, "one", 1, "", ann).error().kind, ErrorKind::kRefused);
  drive(*engine, run);
  EXPECT_EQ(engine->signal(run, "one", 1, "", ann).error().kind, ErrorKind::kRefused);
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
}

TEST_F(EngineTest, WhatCameBeforeTheTimeWasUpCountsHoweverLateItIsTaken) {
  const auto pass = [] { std::this_thread::sleep_for(std::chrono::milliseconds(400)); };
  const Person ann{"ann", {}, {}};
  auto engine = open();
  const std::string in_time = start(*engine, "g one 300000;w now");
  EXPECT_EQ(drive(*engine, in_time).why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->signal(in_time, "one", 1, "", ann));
  pass();
  EXPECT_EQ(drive(*engine, in_time).run.status, RunStatus::kSucceeded);

  const std::string too_late = start(*engine, "g one 300000;w now");
  EXPECT_EQ(drive(*engine, too_late).why, DriveEnd::Why::kSuspended);
  pass();
  ASSERT_TRUE(engine->signal(too_late, "one", 1, "", ann));
  const DriveEnd end = drive(*engine, too_late);
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_EQ(end.run.error->kind, "Timeout");

  const std::string approved = start(*engine, "a exp;w now");
  EXPECT_EQ(drive(*engine, approved).why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->approve(approved, "", {}, leader_));
  pass();
  EXPECT_EQ(drive(*engine, approved).run.status, RunStatus::kSucceeded);
}

TEST_F(EngineTest, CancellingStopsGently) {
  auto& hang = actions_.add<HangingAction>("hang", HangingAction::How::kEndsWhenAsked);
  auto engine = open();
  auto other = open();
  const std::string run = start(*engine, "r hang;w now");
  std::thread cancels([&] {
    while (hang.running == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(other->cancel(run, CancelHow::kLeave, false, leader_));
  });
  const DriveEnd end = drive(*engine, run);
  cancels.join();
  EXPECT_EQ(end.run.status, RunStatus::kCancelled);
  EXPECT_EQ(hang.stops, std::vector<StopMode>{StopMode::kGentle});
  EXPECT_EQ(other->cancel(run, CancelHow::kLeave, false, leader_).error().kind,
            ErrorKind::kRefused);
}

TEST_F(EngineTest, CancellingNowKills) {
  auto& hang = actions_.add<HangingAction>("hang", HangingAction::How::kEndsWhenKilled);
  auto engine = open();
  auto other = open();
  const std::string run = start(*engine, "w hang;w now");
  std::thread cancels([&] {
    while (hang.running == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(other->cancel(run, CancelHow::kLeave, true, leader_));
  });
  const DriveEnd end = drive(*engine, run);
  cancels.join();
  EXPECT_EQ(end.run.status, RunStatus::kCancelled);
  EXPECT_EQ(hang.stops.back(), StopMode::kKill);
}

TEST_F(EngineTest, ATimeoutAsksThenKills) {
  auto& hang = actions_.add<HangingAction>("hang", HangingAction::How::kEndsWhenKilled);
  auto engine = open();
  const DriveEnd end = drive(*engine, start(*engine, "t hang"));
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_EQ(end.run.error->kind, "Timeout");
  EXPECT_EQ(hang.stops, (std::vector<StopMode>{StopMode::kGentle, StopMode::kKill}));
}

TEST_F(EngineTest, StoppingAtTheBorderLetsAttemptsEnd) {
  auto engine = open();
  const std::string run = start(*engine, "w file 50");
  heard_.on_each = [&](const News& item) {
    if (item.kind == News::Kind::kAttemptBegan && item.request >= 3)
      engine->stop(StopHow::kAtBorder);
  };
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kStopped);
  const size_t done = effects().size();
  EXPECT_LT(done, 6u);
  engine.reset();
  // What was not begun is begun by the next engine, and nobody is asked about it.
  heard_.on_each = {};
  auto next = open();
  EXPECT_EQ(drive(*next, run).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects().size(), 50u);
}

TEST_F(EngineTest, ARunThatWasStartedAndNeverDrivenBeginsLater) {
  std::string run;
  {
    auto engine = open();
    run = start(*engine, "w file;w file");
    ASSERT_TRUE(engine->detach(run));
    start(*engine, "w file");
  }
  EXPECT_TRUE(effects().empty());
  auto engine = open();
  const auto ends = engine->drive_all({}).value();
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_EQ(ends[0].run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects().size(), 3u);
}

TEST_F(EngineTest, ALivingProcessKeepsItsRun) {
  auto engine = open();
  auto other = open();
  const std::string run = start(*engine, "a go");
  const auto held = other->drive(run, {});
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->why, DriveEnd::Why::kHeld);
  EXPECT_EQ(held->run.process, getpid());
}

TEST_F(EngineTest, AKilledProcessIsFollowedAndFinishedStepsAreNotRepeated) {
  constexpr size_t kSteps = 100;
  size_t caught = 0;
  for (size_t round = 0; round < 10; ++round) {
    const pid_t child = drive_in_child(fmt::format("w spool {}", kSteps));
    while (spooled() < round * kSteps + 3 + 7 * round) usleep(200);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    auto engine = open();
    const auto ends = engine->drive_all({}).value();
    EXPECT_EQ(spooled(), (round + 1) * kSteps);
    EXPECT_EQ(spool_->started_twice, 0);
    if (ends.empty()) continue;  // it was over before the signal came
    ASSERT_EQ(ends.size(), 1u) << "round " << round;
    EXPECT_EQ(ends[0].run.status, RunStatus::kSucceeded);
    EXPECT_GT(spool_->acknowledged.size(), caught++);
  }
  EXPECT_GT(caught, 0u);
}

TEST_F(EngineTest, AWritesStepThatMayHaveHappenedWaitsForAPerson) {
  actions_.add<FileAction>("slow", folder_.file("effects"), 60'000);
  die_under("w now;w slow;w now");
  auto& quick = actions_.add<FileAction>("slow", folder_.file("effects"), 1);
  (void)quick;
  auto engine = open();
  const std::string run = only_run(*engine);
  DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kInDoubt);
  EXPECT_EQ(end.run.status, RunStatus::kInDoubt);
  ASSERT_EQ(end.waits.size(), 1u);
  EXPECT_EQ(end.waits[0].path, "slow");
  EXPECT_EQ(engine->show(run)->steps[1].status, StepStatus::kInDoubt);
  EXPECT_EQ(engine->inbox({"eve", {}, {}})->size(), 1u);
  EXPECT_EQ(effects().size(), 1u);
  // Asked again it is still in doubt.
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kInDoubt);
  EXPECT_EQ(engine->resolve(run, "other", Resolution::kDone, {}, leader_).error().kind,
            ErrorKind::kNotFound);
  ASSERT_TRUE(engine->resolve(run, "slow", Resolution::kNotDone, {}, leader_));
  end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  const auto lines = effects();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], lines[1]) << "the repetition keeps its idempotency key";
  EXPECT_EQ(engine->resolve(run, "slow", Resolution::kDone, {}, leader_).error().kind,
            ErrorKind::kRefused);
}

TEST_F(EngineTest, ADoubtIsResolvedAsDoneWithItsOutput) {
  actions_.add<FileAction>("slow", folder_.file("effects"), 60'000);
  die_under("w slow;w now");
  auto engine = open();
  const std::string run = only_run(*engine);
  actions_.add<FileAction>("slow", folder_.file("effects"), 1);
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kInDoubt);
  ASSERT_TRUE(engine->resolve(run, "", Resolution::kDone, boost::json::object{{"n", 7}}, leader_));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(engine->show(run)->steps[0].output.at("n"), 7);
  EXPECT_EQ(effects().size(), 1u);
}

TEST_F(EngineTest, ARunInDoubtThatIsCancelledEndsAndRepeatsNothing) {
  actions_.add<FileAction>("slow", folder_.file("effects"), 60'000);
  for (const bool engine_dies : {true, false}) {
    std::filesystem::remove(folder_.file("effects"));
    die_under("w slow;w now");
    auto engine = open();
    const std::string run = only_run(*engine);
    // Told before it is known that it is in doubt, or after.
    if (!engine_dies) {
      EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kInDoubt);
    }
    ASSERT_TRUE(engine->cancel(run, CancelHow::kLeave, false, leader_));
    const DriveEnd end = drive(*engine, run);
    EXPECT_EQ(end.run.status, RunStatus::kCancelled);
    EXPECT_EQ(effects().size(), 1u);
    EXPECT_EQ(engine->resolve(run, "", Resolution::kNotDone, {}, leader_).error().kind,
              ErrorKind::kRefused);
    EXPECT_TRUE(engine->inbox({"eve", {}, {}})->empty());
  }
}

TEST_F(EngineTest, ADoubtIsLeftAsItIs) {
  actions_.add<FileAction>("slow", folder_.file("effects"), 60'000);
  die_under("b now;w slow;w now");
  auto engine = open();
  const std::string run = only_run(*engine);
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kInDoubt);
  ASSERT_TRUE(engine->resolve(run, "slow", Resolution::kLeave, {}, leader_));
  // Of several who answer the first counts.
  EXPECT_EQ(engine->resolve(run, "slow", Resolution::kNotDone, {}, leader_).error().kind,
            ErrorKind::kRefused);
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_FALSE(end.run.rolled_back);
  EXPECT_EQ(end.run.error->kind, "InDoubt");
  EXPECT_EQ(engine->undoable(run)->size(), 1u);
}

TEST_F(EngineTest, AStoreThatIsRemovedIsNoticed) {
  auto& file = actions_.add<FileAction>("slow", folder_.file("effects"), 1);
  (void)file;
  auto engine = open();
  const std::string run = start(*engine, "w slow 500");
  heard_.on_each = [&](const News& news) {
    if (news.kind == News::Kind::kAttemptEnded) std::filesystem::remove(folder_.file("store.db"));
  };
  DriveOptions options;
  options.observer = &heard_;
  const auto end = engine->drive(run, options);
  ASSERT_FALSE(end);
  EXPECT_NE(end.error().message.find("removed or moved away"), std::string::npos)
      << end.error().message;
  EXPECT_LT(effects().size(), 400u);
}

TEST_F(EngineTest, AnIdempotentStepIsRepeatedWithItsKey) {
  actions_.add<FileAction>("slow", folder_.file("effects"), 60'000);
  die_under("i slow");
  actions_.add<FileAction>("slow", folder_.file("effects"), 1);
  auto engine = open();
  EXPECT_EQ(drive(*engine, only_run(*engine)).run.status, RunStatus::kSucceeded);
  const auto lines = effects();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], lines[1]);
  EXPECT_EQ(heard_.count(News::Kind::kRepeat), 1u);
  // Told of it, read back, and followed from after the beginning of the attempt.
  const auto is_repeat = [](const News& item) { return item.kind == News::Kind::kRepeat; };
  const std::vector<News> timeline = engine->show(only_run(*engine))->timeline;
  const auto read = std::find_if(timeline.begin(), timeline.end(), is_repeat);
  ASSERT_NE(read, timeline.end());
  Heard follower;
  ASSERT_TRUE(
      engine->follow(only_run(*engine), {.observer = &follower}, read->entry - 1).has_value());
  for (const auto& all : {heard_.news, timeline, follower.news}) {
    const auto repeat = std::find_if(all.begin(), all.end(), is_repeat);
    ASSERT_NE(repeat, all.end());
    EXPECT_EQ(repeat->path, "slow");
    EXPECT_EQ(repeat->attempt, 1u);
    EXPECT_NE(repeat->step, 0u);
  }
}

TEST_F(EngineTest, ResumingALongRunReadsASnapshotAndItsTail) {
  std::string run;
  {
    auto engine = open();
    run = start(*engine, "w now 700;a go;w now");
    EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
  }
  auto store = open_store(folder_.store(), OpenMode::kExisting).value();
  const RunRow row = store->find_run(run).value();
  ASSERT_TRUE(store->snapshot(row.key).value().has_value());
  auto engine = open();
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(end.run.output, 701);
}

TEST_F(EngineTest, LargeOutputsAreKeptOutOfLineAndComeBack) {
  Outcome big;
  big.output = std::string(200'000, 'x');
  actions_.add<ScriptedAction>("big", big);
  std::string run;
  {
    auto engine = open();
    run = start(*engine, "w big 2;a go");
    EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
    EXPECT_EQ(engine->show(run)->steps[1].output.get_string().size(), 200'000u);
  }
  EXPECT_LT(std::filesystem::file_size(folder_.file("store.db-wal")), 500'000u);
  auto engine = open();
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
}

TEST_F(EngineTest, AnotherProcessMayFollow) {
  auto engine = open();
  const std::string run = start(*engine, "w file 20");
  Heard follower;
  std::thread follows([&] {
    auto other = open();
    const auto end = other->follow(run, {.observer = &follower});
    ASSERT_TRUE(end.has_value()) << end.error().message;
    EXPECT_EQ(end->why, DriveEnd::Why::kOver);
  });
  drive(*engine, run);
  follows.join();
  EXPECT_EQ(follower.news.size(), heard_.news.size());
}

TEST_F(EngineTest, ARunThatIsHeldUpStopsAloneAndLosesNothing) {
  Outcome changed;
  changed.kind = Outcome::Kind::kHeldUp;
  changed.error.message = "`p` is not what it was";
  auto& held = actions_.add<ScriptedAction>("held", changed);
  auto engine = open();
  const std::string run = start(*engine, "w file 1;w held 1;w file 1");
  const std::string other = start(*engine, "w file 2");
  ASSERT_TRUE(engine->detach(run) && engine->detach(other));
  const auto ends = engine->drive_all({}).value();
  ASSERT_EQ(ends.size(), 2u);
  for (const DriveEnd& end : ends) {
    EXPECT_EQ(end.held_up.has_value(), end.run.id == run);
    EXPECT_EQ(end.why, end.run.id == run ? DriveEnd::Why::kStopped : DriveEnd::Why::kOver);
  }
  EXPECT_EQ(drive(*engine, run).held_up->message, "`p` is not what it was");
  EXPECT_EQ(held.started, 2);
  EXPECT_EQ(effects().size(), 3u);
  actions_.actions.erase("held");
  actions_.add<ImmediateAction>("held");
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_FALSE(end.held_up);
  EXPECT_EQ(effects().size(), 4u);
}

TEST_F(EngineTest, ManyRunsGoOnTogether) {
  auto engine = open();
  std::vector<std::string> runs;
  for (int i = 0; i < 20; ++i) {
    runs.push_back(start(*engine, "w file 5"));
    ASSERT_TRUE(engine->detach(runs.back()));
  }
  EXPECT_EQ(std::set<std::string>(runs.begin(), runs.end()).size(), 20u);
  const auto ends = engine->drive_all({}).value();
  EXPECT_EQ(ends.size(), 20u);
  EXPECT_EQ(effects().size(), 100u);
  RunFilter filter;
  filter.status = RunStatus::kSucceeded;
  filter.labels = {{"team", "sre"}};
  EXPECT_EQ(engine->runs(filter)->size(), 20u);
}

}  // namespace
}  // namespace rbk::engine
