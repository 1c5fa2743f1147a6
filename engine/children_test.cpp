// Runs that runs begin: when they are there, who goes on with them, what becomes of them.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/temp_folder.h"
#include "gtest/gtest.h"
#include "vm/testing/assembler.h"

namespace rbk::engine {
namespace {

using testing::FileAction;
using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;

/// `main` starts `other`, then fails if it is told to; `other` acts and, if `asks`, asks before.
constexpr const char* kProgram = R"(
record Form { ticket: string? }
error RunFailed { run: string?, name: string?, status: string?, cause: string? }
error Failed { }
action effect(n: int) -> json writes
step child rollback
step acts rollback
runbook main(fails: bool, asks: bool) -> int = main
runbook other(asks: bool) -> int = other
function main(fails: bool, asks: bool) -> int
  reg out int
  reg id undo message error ref
  StepBegin child _
  keep fails
  Start out other asks | id 0
  MakeClosure undo back id | 1
  UndoPush undo child 0
  StepEnd out int
  JumpUnless fails @end
  LoadConst message "no"
  MakeError error Failed _ | message _
  Raise error
end:
  Return out
end
function back(id: string)
  keep
  UndoRun id
  ReturnNothing
end
function other(asks: bool) -> int
  reg form about undo value ref
  reg n int
  LoadInt n 7
  JumpUnless asks @act
  LoadConst about json:"{\"name\":\"go\",\"question\":\"ok?\",\"quorum\":1,\"by\":[{\"group\":\"sre\"}],\"form\":{\"fields\":[{\"name\":\"ticket\"}]}}"
  keep n
  Approve form about Form | _ 0
act:
  StepBegin acts _
  keep n
  Perform value effect n | _ 0 0
  StepEnd value json
  MakeClosure undo undoes _ | 0
  UndoPush undo acts 0
  Return n
end
function undoes()
  reg n int
  reg value ref
  LoadInt n 8
  keep
  Perform value effect n | _ 0 0
  ReturnNothing
end
)";

class ChildrenTest : public ::testing::Test {
 protected:
  ChildrenTest() {
    actions_.add<FileAction>("effect", folder_.file("effects"), 5);
    auto made = std::make_shared<bytecode::Program>(vm::testing::assemble(kProgram));
    const Status sound = bytecode::verify(*made);
    EXPECT_TRUE(sound.has_value()) << (sound ? "" : sound.error().message);
    program_ = std::move(made);
  }
  std::unique_ptr<Engine> open() {
    auto engine = Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_);
    EXPECT_TRUE(engine.has_value()) << (engine ? "" : engine.error().message);
    return std::move(*engine);
  }
  std::string start(Engine& engine, bool fails, bool asks) {
    auto run = engine.start(
        {program_, "main", {fails, asks}, "because", {{"team", "sre"}}, {"ann", {}, {}}});
    EXPECT_TRUE(run.has_value()) << (run ? "" : run.error().message);
    return run ? *run : "";
  }
  static DriveEnd drive(Engine& engine, const std::string& run) {
    auto end = engine.drive(run, {});
    EXPECT_TRUE(end.has_value()) << (end ? "" : end.error().message);
    return end ? *end : DriveEnd{};
  }
  std::vector<std::string> effects() const {
    std::ifstream file(folder_.file("effects"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
      lines.push_back(line.substr(0, line.find(' ')));
    return lines;
  }

  TempFolder folder_;
  TestActions actions_;
  std::shared_ptr<const bytecode::Program> program_;
};

TEST_F(ChildrenTest, AChildIsThereWithItsParentsIntent) {
  auto engine = open();
  const std::string run = start(*engine, false, false);
  auto all = engine->runs({});
  ASSERT_EQ(all->size(), 2U);
  const RunSummary& child = all->front();
  EXPECT_EQ(child.id, run + "-1");
  EXPECT_EQ(child.parent, run);
  EXPECT_EQ(child.parent_step, "child");
  EXPECT_EQ(child.link, Link::kStarted);
  EXPECT_EQ(child.starter, "ann");
  EXPECT_EQ(child.reason, "because");
  EXPECT_EQ(child.labels.at("team"), "sre");
  EXPECT_TRUE(effects().empty());
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  EXPECT_EQ(end.run.output, 7);
  EXPECT_EQ(end.run.began, std::vector{run + "-1"});
  EXPECT_EQ(effects(), std::vector<std::string>{"acts"});
  auto detail = engine->show(run);
  ASSERT_EQ(detail->children.size(), 1U);
  EXPECT_EQ(detail->steps.front().runs, std::vector{run + "-1"});
}

TEST_F(ChildrenTest, ABeginningOfAnIdMeansTheParent) {
  auto engine = open();
  const std::string run = start(*engine, false, false);
  EXPECT_EQ(engine->summary(run.substr(0, 8))->id, run);
  EXPECT_EQ(engine->summary(run + "-")->id, run + "-1");
}

TEST_F(ChildrenTest, AFinishedChildIsUndoneOnceByARunOfItsOwn) {
  auto engine = open();
  const std::string run = start(*engine, true, false);
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_TRUE(end.run.rolled_back);
  EXPECT_EQ(effects(), (std::vector<std::string>{"acts", "acts/rollback"}));
  auto detail = engine->show(run + "-1");
  ASSERT_EQ(detail->rollbacks.size(), 1U);
  EXPECT_EQ(detail->rollbacks.front().link, Link::kUndoing);
  EXPECT_EQ(detail->rollbacks.front().parent, run);
  auto again = engine->rollback(run + "-1", {}, {"ann", {}, {}});
  EXPECT_EQ(again.error().kind, ErrorKind::kRefused);
}

TEST_F(ChildrenTest, ARollbackByHandUndoesItToo) {
  auto engine = open();
  const std::string run = start(*engine, false, false);
  drive(*engine, run);
  auto rollback = engine->rollback(run, {}, {"ann", {}, {}});
  ASSERT_TRUE(rollback.has_value()) << rollback.error().message;
  EXPECT_EQ(drive(*engine, *rollback).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects(), (std::vector<std::string>{"acts", "acts/rollback"}));
}

TEST_F(ChildrenTest, UndoneByHandBeforeItIsNotUndoneAgain) {
  auto engine = open();
  const std::string run = start(*engine, false, false);
  drive(*engine, run);
  auto first = engine->rollback(run + "-1", {}, {"ann", {}, {}});
  EXPECT_EQ(drive(*engine, *first).run.status, RunStatus::kSucceeded);
  auto rollback = engine->rollback(run, {}, {"ann", {}, {}});
  EXPECT_EQ(drive(*engine, *rollback).run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects(), (std::vector<std::string>{"acts", "acts/rollback"}));
}

TEST_F(ChildrenTest, AnApprovalInTheChildSuspendsBothAndGoesOnWithBoth) {
  auto engine = open();
  const std::string run = start(*engine, false, true);
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(end.run.status, RunStatus::kWaiting);
  EXPECT_EQ(end.run.awaits, std::vector{run + "-1"});
  ASSERT_EQ(end.waits.size(), 1U);
  EXPECT_EQ(end.waits.front().run, run + "-1");
  // Another process decides, and goes on with the child alone: the parent follows.
  auto other = open();
  ASSERT_TRUE(other->approve(run + "-1", "go", {{"ticket", "x"}}, {"bob", {"sre"}, {}}));
  EXPECT_EQ(drive(*other, run + "-1").run.id, run + "-1");
  EXPECT_EQ(other->summary(run)->status, RunStatus::kSucceeded);
  EXPECT_EQ(effects(), std::vector<std::string>{"acts"});
}

TEST_F(ChildrenTest, ACancellationReachesTheChild) {
  for (const bool rollback : {false, true}) {
    auto engine = open();
    const std::string run = start(*engine, false, true);
    drive(*engine, run);
    const CancelHow how = rollback ? CancelHow::kRollback : CancelHow::kLeave;
    ASSERT_TRUE(engine->cancel(run, how, false, {"ann", {}, {}}));
    EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kCancelled);
    EXPECT_EQ(engine->summary(run + "-1")->status, RunStatus::kCancelled);
    EXPECT_EQ(engine->cancellation(run + "-1")->value().rollback, rollback);
  }
}

TEST_F(ChildrenTest, ACancelledChildFailsItsParent) {
  auto engine = open();
  const std::string run = start(*engine, false, true);
  drive(*engine, run);
  ASSERT_TRUE(engine->cancel(run + "-1", CancelHow::kLeave, false, {"ann", {}, {}}));
  drive(*engine, run + "-1");
  const RunSummary parent = *engine->summary(run);
  EXPECT_EQ(parent.status, RunStatus::kFailed);
  ASSERT_TRUE(parent.error);
  EXPECT_EQ(parent.error->kind, "RunFailed");
  EXPECT_EQ(parent.error->fields.at("status"), "cancelled");
  EXPECT_EQ(parent.error->fields.at("run").as_string(), run + "-1");
}

TEST_F(ChildrenTest, WhatWasKilledGoesOnWithTheFamily) {
  const pid_t process = fork();
  if (process == 0) {
    auto engine = open();
    const std::string run = start(*engine, true, false);
    kill(getpid(), SIGKILL);
  }
  waitpid(process, nullptr, 0);
  auto engine = open();
  ASSERT_EQ(engine->runs({})->size(), 2U);
  const std::string run = engine->runs({})->back().id;
  const DriveEnd end = drive(*engine, run);
  // The child's attempt may have begun when the process died: nobody knows.
  EXPECT_EQ(end.run.status, RunStatus::kWaiting);
  ASSERT_EQ(end.waits.size(), 1U);
  EXPECT_EQ(end.waits.front().kind, Wait::Kind::kDoubt);
  ASSERT_TRUE(engine->resolve(run + "-1", "acts", Resolution::kNotDone, {}, {"ann", {}, {}}));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kFailed);
  EXPECT_EQ(effects(), (std::vector<std::string>{"acts", "acts/rollback"}));
}

TEST_F(ChildrenTest, WhatIsLetGoBeforeItIsDrivenGoesOnLater) {
  {
    auto engine = open();
    const std::string run = start(*engine, false, false);
    ASSERT_TRUE(engine->detach(run));
  }
  auto engine = open();
  auto ends = engine->drive_all({});
  ASSERT_TRUE(ends.has_value());
  const auto runs = engine->runs({});
  for (const RunSummary& run : *runs) EXPECT_EQ(run.status, RunStatus::kSucceeded);
  EXPECT_EQ(effects(), std::vector<std::string>{"acts"});
}

}  // namespace
}  // namespace rbk::engine
