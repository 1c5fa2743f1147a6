// Retries: what they take over, what they do again, and whose it is then.
#include <algorithm>
#include <fstream>

#include "engine/engine.h"
#include "engine/paths.h"
#include "engine/replay.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"
#include "gtest/gtest.h"

namespace rbk::engine {
namespace {

using testing::FileAction;
using testing::ImmediateAction;
using testing::ScriptedAction;
using testing::TempFolder;
using testing::TestActions;

class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    actions_.add<FileAction>("file", folder_.file("effects"), 0);
    actions_.add<FileAction>("undo", folder_.file("effects"), 0);
    actions_.add<FileAction>("look", folder_.file("effects"), 0);
    break_it();
  }
  void break_it() {
    Outcome outcome;
    outcome.kind = Outcome::Kind::kError;
    outcome.effect = Effect::kNone;
    outcome.error.kind = "Error";
    outcome.error.message = "broken";
    actions_.add<ScriptedAction>("shaky", outcome);
  }
  void mend_it() { actions_.add<FileAction>("shaky", folder_.file("effects"), 0); }
  std::unique_ptr<Engine> open() {
    return Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_).value();
  }
  static std::string start(Engine& engine, const std::string& script) {
    return engine.start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
  }
  /// Starts it and drives it to its end.
  static std::string run(Engine& engine, const std::string& script) {
    const std::string made = start(engine, script);
    EXPECT_TRUE(engine.drive(made, {}));
    return made;
  }
  static RetryRun wanted(const std::string& run, RetryRule rule = {}) {
    return {run, std::move(rule), {"ann", {}, {}}};
  }
  static RunStatus drive(Engine& engine, const std::string& run) {
    auto end = engine.drive(run, {});
    EXPECT_TRUE(end) << (end ? "" : end.error().message);
    return end ? end->run.status : RunStatus::kQuarantined;
  }
  /// The paths of what had its effect since it was asked last.
  std::vector<std::string> effects() {
    std::ifstream file(folder_.file("effects"));
    std::vector<std::string> paths;
    size_t number = 0;
    for (std::string path, key; file >> path >> key; ++number)
      if (number >= seen_) paths.push_back(path);
    seen_ = number;
    return paths;
  }
  static std::vector<std::string> taken(Engine& engine, const std::string& run) {
    std::vector<std::string> paths;
    const RunDetail detail = engine.show(run).value();
    for (const StepDetail& step : detail.steps)
      if (!step.taken_over.empty()) paths.push_back(step.path);
    return paths;
  }
  using Paths = std::vector<std::string>;
  const Person leader_{"bob", {"sre"}, {}};
  TempFolder folder_;
  TestActions actions_;
  size_t seen_ = 0;
};

TEST_F(RetryTest, WhatWasDoneIsTakenOverAndWhatWasUndoneIsNot) {
  auto engine = open();
  const std::string first = run(*engine, "w file;b file;w shaky;w file 2");
  EXPECT_EQ(effects(), (Paths{"file", "file", "file/rollback"}));
  mend_it();
  const RetryPlan plan = engine->plan_retry(wanted(first)).value();
  ASSERT_EQ(plan.items.size(), 2u);
  EXPECT_EQ(plan.items[0].what, RetryPlan::Item::What::kTakenOver);
  EXPECT_EQ(plan.items[1].what, RetryPlan::Item::What::kBegins);
  EXPECT_EQ(effects(), Paths{});
  const std::string second = engine->retry(wanted(first)).value();
  EXPECT_EQ(drive(*engine, second), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), (Paths{"file", "shaky", "file[0]", "file[1]"}));
  EXPECT_EQ(taken(*engine, second), Paths{"file"});
  EXPECT_EQ(engine->summary(second)->retries, first);
  EXPECT_EQ(engine->summary(first)->retried_as, second);
}

TEST_F(RetryTest, WhatItTookOverIsUndoneWithIt) {
  auto engine = open();
  const std::string first = start(*engine, "b file;a go;w shaky");
  EXPECT_EQ(engine->drive(first, {})->why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->cancel(first, CancelHow::kLeave, false, leader_));
  EXPECT_EQ(drive(*engine, first), RunStatus::kCancelled);
  EXPECT_EQ(effects(), Paths{"file"});
  const std::string second = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->drive(second, {})->why, DriveEnd::Why::kSuspended);  // it asks once more
  EXPECT_EQ(engine->rollback(first, "", leader_).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(engine->retry(wanted(first)).error().kind, ErrorKind::kRefused);
  ASSERT_TRUE(engine->approve(second, "go", {}, leader_));
  EXPECT_EQ(drive(*engine, second), RunStatus::kFailed);
  EXPECT_EQ(effects(), Paths{"file/rollback"});
  // Of the latest one nothing is left to be taken over.
  const std::string third = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->summary(third)->retries, second);
  EXPECT_EQ(engine->drive(third, {})->why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(effects(), Paths{"file"});
}

TEST_F(RetryTest, WhatTheRetryDidNotComeToIsTakenOverByTheNextOne) {
  auto engine = open();
  const std::string first = run(*engine, "w file;a go;l x");
  ASSERT_TRUE(engine->approve(first, "go", {}, leader_));
  EXPECT_EQ(drive(*engine, first), RunStatus::kSucceeded);
  effects();
  RetryRule from;
  from.from = "file";
  const std::string second = engine->retry(wanted(first, from)).value();
  ASSERT_TRUE(engine->detach(second));
  ASSERT_TRUE(engine->cancel(second, CancelHow::kLeave, false, leader_));
  EXPECT_EQ(drive(*engine, second), RunStatus::kCancelled);
  EXPECT_EQ(effects(), Paths{});
  // That one was told to leave it out.
  const std::string third = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->drive(third, {})->why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(effects(), Paths{"file"});
  ASSERT_TRUE(engine->cancel(third, CancelHow::kLeave, false, leader_));
  EXPECT_EQ(drive(*engine, third), RunStatus::kCancelled);
  const std::string fourth = engine->retry(wanted(first)).value();
  ASSERT_TRUE(engine->detach(fourth));
  ASSERT_TRUE(engine->cancel(fourth, CancelHow::kLeave, false, leader_));
  EXPECT_EQ(drive(*engine, fourth), RunStatus::kCancelled);
  const std::string fifth = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->drive(fifth, {})->why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(effects(), Paths{});
  EXPECT_EQ(taken(*engine, fifth), Paths{"file"});
}

TEST_F(RetryTest, AnotherEngineTakesOverTheSame) {
  std::string second;
  {
    auto engine = open();
    const std::string first = run(*engine, "w file 3;a go;w file 9;w shaky");
    ASSERT_TRUE(engine->approve(first, "go", {}, leader_));
    EXPECT_EQ(drive(*engine, first), RunStatus::kFailed);
    EXPECT_EQ(effects().size(), 12u);
    mend_it();
    second = engine->retry(wanted(first)).value();
    EXPECT_EQ(engine->drive(second, {})->why, DriveEnd::Why::kSuspended);
    ASSERT_TRUE(engine->approve(second, "go", {}, leader_));
  }
  auto engine = open();
  EXPECT_EQ(drive(*engine, second), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), Paths{"shaky"});
  EXPECT_EQ(taken(*engine, second).size(), 12u);
  auto replay = engine->replay(second).value();
  EXPECT_TRUE(replay->seek(replay->count()));
}

TEST_F(RetryTest, FromAStepOnAndItemsByName) {
  auto engine = open();
  const std::string first = run(*engine, "w file 3;w look");
  effects();
  EXPECT_EQ(engine->retry(wanted(first)).error().kind, ErrorKind::kRefused);  // it has succeeded
  RetryRule from;
  from.from = "file[7]";
  EXPECT_EQ(engine->retry(wanted(first, from)).error().kind, ErrorKind::kNotFound);
  from.from = "file[1]";
  const std::string second = engine->retry(wanted(first, from)).value();
  EXPECT_EQ(drive(*engine, second), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), (Paths{"file[1]", "file[2]", "look"}));
  RetryRule only;
  only.only = {"9"};
  EXPECT_EQ(engine->retry(wanted(second, only)).error().kind, ErrorKind::kNotFound);
  only.only = {"0"};
  const std::string third = engine->retry(wanted(second, only)).value();
  EXPECT_EQ(drive(*engine, third), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), Paths{"file[0]"});
  RetryRule both;
  both.failed = true;
  EXPECT_EQ(engine->retry(wanted(third, both)).error().kind, ErrorKind::kRefused);
  both.from = "look";
  EXPECT_EQ(engine->retry(wanted(third, both)).error().kind, ErrorKind::kInvalid);
}

TEST_F(RetryTest, ReadingsAreMadeAnewOnceTheRetryHasBegunSomething) {
  auto engine = open();
  const std::string first = run(*engine, "r look;w shaky");
  EXPECT_EQ(effects(), Paths{"look"});
  mend_it();
  EXPECT_EQ(drive(*engine, engine->retry(wanted(first)).value()), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), Paths{"shaky"});
}

TEST_F(RetryTest, WhatNobodyKnowsIsAskedAbout) {
  Outcome unknown;
  unknown.kind = Outcome::Kind::kError;
  unknown.error.kind = "Error";
  unknown.error.message = "lost";
  unknown.effect = Effect::kUnknown;
  actions_.add<ScriptedAction>("shaky", unknown);
  auto engine = open();
  const std::string first = run(*engine, "w shaky;w file");
  mend_it();
  const std::string second = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->drive(second, {})->why, DriveEnd::Why::kInDoubt);
  EXPECT_EQ(effects(), Paths{});
  ASSERT_TRUE(engine->resolve(second, "shaky", Resolution::kDone, boost::json::value(1), leader_));
  EXPECT_EQ(drive(*engine, second), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), Paths{"file"});
  // What a person said counts from then on.
  RetryRule from;
  from.from = "file";
  EXPECT_EQ(drive(*engine, engine->retry(wanted(second, from)).value()), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), Paths{"file"});
}

TEST_F(RetryTest, WhereSomethingCouldNotBeUndoneItIsRefused) {
  Outcome broken;
  broken.kind = Outcome::Kind::kError;
  broken.error.kind = "Error";
  broken.error.message = "no";
  actions_.add<ScriptedAction>("undo", broken);
  auto engine = open();
  const std::string first = run(*engine, "b file;w shaky");
  EXPECT_EQ(engine->summary(first)->status, RunStatus::kRollbackFailed);
  EXPECT_EQ(engine->retry(wanted(first)).error().kind, ErrorKind::kRefused);
  actions_.add<FileAction>("undo", folder_.file("effects"), 0);
  const std::string undoing = engine->rollback(first, "", leader_).value();
  EXPECT_EQ(engine->retry(wanted(first)).error().kind, ErrorKind::kRefused);  // it goes on
  EXPECT_EQ(drive(*engine, undoing), RunStatus::kSucceeded);
  effects();
  mend_it();
  const std::string second = engine->retry(wanted(first)).value();
  EXPECT_EQ(engine->summary(second)->retries, first);
  EXPECT_EQ(drive(*engine, second), RunStatus::kSucceeded);
  EXPECT_EQ(effects(), (Paths{"file", "shaky"}));
}

TEST(Paths, HaveParts) {
  const auto parts = parts_of("patch[a/b][c\\]d]/boot");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "patch");
  ASSERT_EQ(parts[0].items.size(), 2u);
  EXPECT_EQ(parts[0].items[0], "a/b");
  EXPECT_EQ(item_text(parts[0].items[1]), "c]d");
  EXPECT_EQ(parts[1].name, "boot");
  const auto items = items_of("patch[a][b]/boot[c]");
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[1].loop, "[a][");
  EXPECT_EQ(items[2].loop, "patch[a][b]/[");
  EXPECT_TRUE(is_in_scope_of("x/step[web]", "x/defer[web]/act"));
  EXPECT_TRUE(is_in_scope_of("x/step[web][1]/inner", "x/defer[web]/act"));
  EXPECT_FALSE(is_in_scope_of("x/step[db]", "x/defer[web]/act"));
  EXPECT_FALSE(is_in_scope_of("x/step", "x/defer[web]/act"));
  EXPECT_TRUE(is_in_scope_of("x/step[web]", "x/defer/act"));
  EXPECT_FALSE(is_in_scope_of("y/step", "x/defer"));
  EXPECT_TRUE(is_in_scope_of("y/step", "defer"));
}

}  // namespace
}  // namespace rbk::engine
