// Runs that a run starts, in the machine: what is asked for, what comes of it, what is undone.
#include <gtest/gtest.h>

#include "vm/testing/driver.h"

namespace rbk::vm {
namespace {

using testing::Driver;

constexpr const char* kStarts = R"(
error RunFailed { run: string?, status: string? }
action shell(command: string) -> string writes
step child rollback
step after
runbook main(host: string) -> int = main
runbook other(host: string) -> int = other
function back(id: string)
  UndoRun id
  ReturnNothing
end
function main(host: string) -> int
  reg error undo id text ref
  reg mark out int
  Mark mark
begin:
  StepBegin child _
  Start out other host | id 0
  MakeClosure undo back id | 1
  UndoPush undo child 0
  StepEnd out int
  StepBegin after _
  Perform text shell host | _ 0 0
  StepEnd text string
  Return out
end:
cleanup:
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
function other(host: string) -> int
  reg out int
  LoadInt out 3
  Return out
end
)";

event::RunEnded ended(Driver& driver, bool ok, std::string_view status = "failed") {
  event::RunEnded event;
  for (const Request& request : driver.machine().pending())
    if (std::holds_alternative<request::Start>(request.what) ||
        std::holds_alternative<request::UndoRun>(request.what))
      event.request = request.id;
  event.ok = ok;
  event.output = 5;
  if (!ok)
    event.error = {"RunFailed", "it did not", false, {{"status", status}, {"run", "run1-1"}}};
  return event;
}

TEST(RunsTest, OneIsStartedUnderAnIdOfItsOwnAndGivesItsOutput) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  EXPECT_EQ(driver.trace(), "began child\n> start child other[\"web-1\"] as run1-1 under []\n");
  ASSERT_TRUE(driver.send(ended(driver, true)));
  driver.ok(R"("x")");
  EXPECT_EQ(driver.ending()->output, 5);
  driver.finish();
}

TEST(RunsTest, WhatItGivesHasToFit) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  event::RunEnded wrong = ended(driver, true);
  wrong.output = "five";
  ASSERT_TRUE(driver.send(wrong));
  EXPECT_EQ(driver.ending()->error->kind, "JsonError");
  driver.finish();
}

TEST(RunsTest, AFinishedOneIsUndoneAlsoByHandAndAgainIfThatFails) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  ASSERT_TRUE(driver.send(ended(driver, true)));
  driver.trace();
  driver.fails("Failed", "exit 1");
  EXPECT_EQ(driver.trace(),
            "ended after failed Failed: exit 1\nundo child\n"
            "> undo run run1-1 of child/rollback under []\n");
  ASSERT_TRUE(driver.send(ended(driver, false, "rollback_failed")));
  EXPECT_EQ(driver.ending()->status, Ending::Status::kRollbackFailed);
  ASSERT_EQ(driver.machine().undoable().size(), 1U);
  driver.roll_back();
  ASSERT_TRUE(driver.send(ended(driver, true)));
  EXPECT_EQ(driver.ending()->status, Ending::Status::kSucceeded);
  EXPECT_TRUE(driver.machine().undoable().empty());
  driver.finish();
}

TEST(RunsTest, ACancellationIsPassedOnAndWaitsForTheEnd) {
  for (const bool rollback : {false, true}) {
    Driver driver(kStarts);
    driver.start(R"(["web-1"])");
    driver.trace();
    driver.cancel(rollback);
    EXPECT_EQ(driver.trace(), rollback ? "> cancel run of 1 rollback\n" : "> cancel run of 1\n");
    driver.cancel(rollback, true);
    EXPECT_EQ(driver.trace(),
              rollback ? "> cancel run of 1 rollback now\n" : "> cancel run of 1 now\n");
    EXPECT_EQ(driver.ending(), nullptr);
    ASSERT_TRUE(driver.send(ended(driver, false, "cancelled")));
    EXPECT_EQ(driver.ending()->status, Ending::Status::kCancelled);
    EXPECT_EQ(driver.ending()->error->message, "cancelled by eve");
    driver.finish();
  }
}

TEST(RunsTest, WhatEndsWellInSpiteOfACancellationIsUndone) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  driver.cancel(true);
  driver.trace();
  ASSERT_TRUE(driver.send(ended(driver, true)));
  EXPECT_NE(driver.trace().find("> undo run run1-1"), std::string::npos);
  ASSERT_TRUE(driver.send(ended(driver, true)));
  EXPECT_EQ(driver.ending()->status, Ending::Status::kCancelled);
  EXPECT_TRUE(driver.ending()->rolled_back);
  driver.finish();
}

TEST(RunsTest, WhatCouldNotBeUndoneOfItIsNotLostHere) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  event::RunEnded failed = ended(driver, false, "rollback_failed");
  failed.undo_failed = true;
  ASSERT_TRUE(driver.send(failed));
  EXPECT_EQ(driver.ending()->status, Ending::Status::kRollbackFailed);
  driver.finish();
}

TEST(RunsTest, NothingElseAnswersIt) {
  Driver driver(kStarts);
  driver.start(R"(["web-1"])");
  event::RunEnded other = ended(driver, true);
  other.request += 7;
  EXPECT_FALSE(driver.send(other));
  event::Performed performed;
  performed.request = 1;
  EXPECT_FALSE(driver.send(performed));
}

}  // namespace
}  // namespace rbk::vm
