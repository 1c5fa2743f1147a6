// A pause keeps what is to come from beginning, whoever goes on with the run; a skip answers what
// was not begun.
#include "engine/engine.h"
#include "engine/recovery.h"
#include "engine/snapshot.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"

namespace rbk::engine {
namespace {

using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;

class PausingTest : public ::testing::Test {
 protected:
  PausingTest() { now_ = &actions_.add<ImmediateAction>("now"); }
  std::unique_ptr<Engine> open() {
    return Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_).value();
  }
  /// A run that waits for an approval, paused and then approved: it stands before a step.
  std::string before_a_step(Engine& engine, const std::string& script) {
    const std::string run =
        engine.start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
    EXPECT_EQ(engine.drive(run, {})->why, DriveEnd::Why::kSuspended);
    EXPECT_TRUE(engine.pause(run, leader_));
    EXPECT_EQ(engine.drive(run, {})->run.status, RunStatus::kPaused);
    EXPECT_TRUE(engine.approve(run, "", {}, leader_));
    EXPECT_EQ(engine.drive(run, {})->run.status, RunStatus::kPaused);
    return run;
  }
  const Person leader_{"bob", {"sre"}, {}};
  TempFolder folder_;
  TestActions actions_;
  ImmediateAction* now_ = nullptr;
};

TEST_F(PausingTest, NothingBeginsUntilItIsOver) {
  auto engine = open();
  const std::string run = before_a_step(*engine, "a go;w now 3");
  EXPECT_EQ(now_->started, 0);
  EXPECT_EQ(engine->pause(run, leader_).error().kind, ErrorKind::kRefused);
  engine.reset();
  engine = open();
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kPaused);
  EXPECT_TRUE(engine->drive_all({})->empty());
  EXPECT_EQ(now_->started, 0);
  ASSERT_TRUE(engine->unpause(run, leader_));
  const auto end = engine->drive(run, {}).value();
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(now_->started, 3);
  EXPECT_EQ(engine->unpause(run, leader_).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(engine->pause(run, leader_).error().kind, ErrorKind::kRefused);
}

TEST_F(PausingTest, ACancellationEndsAPause) {
  auto engine = open();
  const std::string run = before_a_step(*engine, "b now;a go;w now");
  const int before = now_->started;
  actions_.add<ImmediateAction>("undo");
  ASSERT_TRUE(engine->cancel(run, CancelHow::kRollback, false, leader_));
  const auto end = engine->drive(run, {}).value();
  EXPECT_EQ(end.run.status, RunStatus::kCancelled);
  EXPECT_TRUE(end.run.rolled_back);
  EXPECT_EQ(now_->started, before);
}

TEST_F(PausingTest, ASnapshotKnowsOfIt) {
  auto engine = open();
  const std::string run = before_a_step(*engine, "w now 50;a go;w now");
  auto store = open_store(folder_.store(), OpenMode::kExisting).value();
  const RunRow row = store->find_run(run).value();
  auto program = load_program(*store, row).value();
  const auto with = recover_run(*store, row, program).value();
  const auto without = recover_run(*store, row, program, false).value();
  EXPECT_TRUE(with.paused);
  EXPECT_TRUE(without.paused);
  const auto made =
      decode_snapshot(encode_snapshot(row.head, with.time, with.machine, with.asked, true));
  EXPECT_TRUE(made->paused);
  EXPECT_EQ(
      encode_snapshot(row.head, with.time, with.machine, with.asked, with.paused),
      encode_snapshot(row.head, without.time, without.machine, without.asked, without.paused));
}

TEST_F(PausingTest, WhatWasNotBegunCanBeLeftOut) {
  auto engine = open();
  const std::string run = before_a_step(*engine, "a go;w now 2");
  EXPECT_EQ(engine->skip(run, "later", {}, leader_).error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(engine->skip(run, "now[0]", boost::json::object{{"n", 7}}, leader_));
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kPaused);
  ASSERT_TRUE(engine->unpause(run, leader_));
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  EXPECT_EQ(now_->started, 1);
  const auto shown = engine->show(run).value();
  ASSERT_EQ(shown.steps.size(), 2u);
  EXPECT_EQ(shown.steps[0].status, StepStatus::kSkipped);
  EXPECT_EQ(shown.steps[1].status, StepStatus::kSucceeded);
}

}  // namespace
}  // namespace rbk::engine
