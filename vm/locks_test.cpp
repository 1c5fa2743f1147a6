// A lock in the machine: that it is taken again to undo what was done under it, also after the end,
// and what becomes of what can't be undone without it.
#include <gtest/gtest.h>

#include "vm/testing/driver.h"

namespace rbk::vm {
namespace {

using testing::Driver;
using How = event::Acquired::How;

constexpr const char* kUnderLock = R"(
action shell(command: string) -> string writes
step drain rollback
step restart
error Deadlock { name: string? }
runbook main(host: string) -> string = main
function undo(host: string)
  reg out ref
  Perform out shell host | _ 0 0
  ReturnNothing
end
function main(host: string) -> string
  reg out error undo ref
  reg mark inner int
  Mark mark
begin:
  Mark inner
  Lock host _ _ | 0 0
  StepBegin drain _
  Perform out shell host | _ 0 0
  StepEnd out string
  MakeClosure undo undo host | 1
  UndoPush undo drain 0
  Unwind inner 1
  StepBegin restart host
  Perform out shell host | _ 0 0
  StepEnd out string
  Return out
end:
cleanup:
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
)";

TEST(LockTest, IsTakenAgainAndNamesWhatItIsUnder) {
  Driver driver(kUnderLock);
  driver.start(R"(["web-1"])");
  EXPECT_EQ(driver.trace(), "> acquire the lock `web-1` (1 at once) under []\n");
  driver.lock();
  driver.ok(R"("drained")");
  EXPECT_EQ(driver.machine().undoable().size(), 0U);  // it goes on
  driver.trace();
  driver.fails("Failed", "exit 1");
  EXPECT_EQ(driver.trace(),
            "ended restart failed Failed: exit 1\n"
            "> acquire the lock `web-1` (1 at once) to undo under []\n");
  driver.lock();
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(undo drain
> shell{"command":"web-1"} drain/rollback
undone drain
> release 5
= failed rolled_back Failed: exit 1
)");
  driver.finish();
}

TEST(LockTest, WhatCannotBeUndoneForWantOfItIsUndoneByHandUnderIt) {
  Driver driver(kUnderLock);
  driver.start(R"(["web-1"])");
  driver.lock();
  driver.ok(R"("drained")");
  driver.fails("Failed", "exit 1");
  driver.trace();
  driver.lock(How::kDeadlock);
  EXPECT_EQ(driver.trace(),
            "undone drain failed Deadlock: the lock `web-1` can't be waited for "
            "{\"name\":\"web-1\"}\n"
            "= rollback_failed Failed: exit 1\n");
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"drain", 1}}));
  driver.roll_back("drain");
  EXPECT_EQ(driver.trace(), "> acquire the lock `web-1` (1 at once) to undo under []\n");
  driver.lock();
  driver.fails("Failed", "not yet");
  EXPECT_EQ(driver.ending()->status, Ending::Status::kRollbackFailed);
  driver.roll_back();
  driver.lock();
  driver.ok(R"("back")");
  EXPECT_EQ(driver.ending()->status, Ending::Status::kSucceeded);
  EXPECT_TRUE(driver.machine().undoable().empty());
  driver.finish();
}

TEST(LockTest, ACancellationEndsTheWait) {
  Driver driver(kUnderLock);
  driver.start(R"(["web-1"])");
  driver.trace();
  driver.cancel(true);
  EXPECT_EQ(driver.trace(), "> forget 1\n= cancelled Cancelled: cancelled by eve\n");
  const Result<Turn> late = driver.send(event::Acquired{1, How::kGranted, {}});
  EXPECT_FALSE(late);
  driver.finish();
}

TEST(LockTest, AnEmptyNameOrNoRoomFails) {
  Driver driver(R"(
runbook main(name: string, limit: int) = main
function main(name: string, limit: int)
  Lock name limit _ | 0 0
  ReturnNothing
end
)");
  Driver other(R"(
runbook main(name: string, limit: int) = main
function main(name: string, limit: int)
  Lock name limit _ | 0 0
  ReturnNothing
end
)");
  driver.start(R"(["",1])");
  EXPECT_EQ(driver.finish(), "= failed Failed: a lock has an empty name\n");
  other.start(R"(["db",0])");
  EXPECT_EQ(other.finish(),
            "= failed Failed: the lock `db`: 0 may have it at once, and at least 1 has to\n");
}

}  // namespace
}  // namespace rbk::vm
