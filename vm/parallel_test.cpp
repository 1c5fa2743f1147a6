// Branches side by side: order, limits, the three policies, gentle stopping, rollback.
#include <gtest/gtest.h>

#include "vm/testing/driver.h"

namespace rbk::vm {
namespace {

using testing::Driver;
using How = event::Performed::How;

/// Each branch runs step `work` on its host; its rollback is step `back`. POLICY and LIMIT stand
/// for the operands.
std::string rollout(std::string_view policy, std::string_view limit, std::string_view result,
                    std::string_view tolerance = "_ 0") {
  std::string text = R"(
action shell(command: string) -> string writes
action probe(host: string) -> int reads
step work rollback
step check
error ShellError { exit_code: int? }
runbook main(hosts: list<string>) -> json = main
function name(host: string) -> string pure
  Return host
end
function undo(host: string)
  reg out ref
  StepBegin work _
  Perform out shell host | _ 0 0
  StepEnd out string
  ReturnNothing
end
function branch(host: string, index: int) -> string
  reg out error undo ref
  reg mark number int
  Mark mark
begin:
  StepBegin work _
  keep host mark
  Perform out shell host | _ 0 0
  StepEnd out string
  MakeClosure undo undo host | 1
  UndoPush undo work 0
  StepBegin check _
  keep out mark
  Perform number probe host | _ 0 0
  StepEnd number int
  Return out
end:
cleanup:
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
function main(hosts: list<string>) -> json
  reg body item out error json ref
  reg mark limit tolerance int
  Mark mark
begin:
  LoadInt tolerance 1
  LoadInt limit LIMIT
  MakeClosure body branch hosts | 0
  MakeClosure item name hosts | 0
  keep mark
  ParallelFor out hosts body | limit list<RESULT> POLICY | TOLERANCE item
  ToJson json out list<RESULT>
  Return json
end:
cleanup:
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
)";
  const auto replace = [&text](std::string_view what, std::string_view by) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what)) {
      text.replace(at, what.size(), by);
    }
  };
  replace("POLICY", policy);
  replace("LIMIT", limit);
  replace("RESULT", result);
  replace("TOLERANCE", tolerance);
  return text;
}

TEST(ParallelTest, ACommitForgetsTheRollbacksOfBranchesThatHaveEnded) {
  std::string text = rollout("0", "0", "string");
  const std::string_view end = "  Return json\n";
  text.replace(text.find(end), end.size(),
               "  UndoCommit item\n  LoadConst pause duration:1s\n  keep json mark\n  Sleep pause\n"
               "  Return json\n");
  const std::string_view registers = "  reg body item out error json ref\n";
  text.replace(text.find(registers), registers.size(),
               "  reg body item out error json ref\n  reg pause duration\n");
  Driver driver(text);
  driver.start(R"([["a","b"]])");
  for (const char* host : {"a", "b"}) {
    driver.ok("\"did\"", "work[" + std::string(host) + "]");
    driver.ok("1", "check[" + std::string(host) + "]");
  }
  driver.wake();  // compared with a machine restored while it slept
  EXPECT_NE(driver.finish().find(R"(= succeeded ["did","did"])"), std::string::npos);
  EXPECT_TRUE(driver.machine().undoable().empty());
}

TEST(ParallelTest, ResultsComeInTheListsOrderWhateverEndsFirst) {
  Driver driver(rollout("0", "0", "string"));
  driver.start(R"([["a","b","c"]])");
  EXPECT_EQ(driver.trace(), R"(began work[a]
began work[b]
began work[c]
> shell{"command":"a"} work[a]
> shell{"command":"b"} work[b]
> shell{"command":"c"} work[c]
)");
  for (const char* host : {"c", "a", "b"}) {
    driver.ok("\"did " + std::string(host) + "\"", "work[" + std::string(host) + "]");
    driver.ok("1", "check[" + std::string(host) + "]");
  }
  const std::string trace = driver.finish();
  EXPECT_NE(trace.find(R"(= succeeded ["did a","did b","did c"])"), std::string::npos) << trace;
  // The branches' rollbacks have become one entry, undone side by side.
  EXPECT_EQ(driver.machine().undoable().size(), 3U);
  driver.trace();
  driver.roll_back();
  EXPECT_EQ(driver.trace(), R"(undo work[a]
began work[a]/rollback/work
undo work[b]
began work[b]/rollback/work
undo work[c]
began work[c]/rollback/work
> shell{"command":"a"} work[a]/rollback/work
> shell{"command":"b"} work[b]/rollback/work
> shell{"command":"c"} work[c]/rollback/work
)");
  driver.ok(R"("")", "work[b]/rollback/work");
  driver.fails("ShellError", "no", false, Effect::kDone, "work[a]/rollback/work");
  driver.ok(R"("")", "work[c]/rollback/work");
  driver.finish();
  EXPECT_EQ(driver.ending()->status, Ending::Status::kRollbackFailed);
}

TEST(ParallelTest, ALimitStartsBranchesAsOthersEnd) {
  Driver driver(rollout("0", "2", "string"));
  driver.start(R"([["a","b","c"]])");
  EXPECT_EQ(driver.trace(), R"(began work[a]
began work[b]
> shell{"command":"a"} work[a]
> shell{"command":"b"} work[b]
)");
  driver.ok(R"("x")", "work[b]");
  driver.trace();
  driver.ok("1", "check[b]");
  EXPECT_EQ(driver.trace(), R"(ended check[b] succeeded 1
began work[c]
> shell{"command":"c"} work[c]
)");
  driver.ok(R"("x")", "work[c]");
  driver.ok("1", "check[c]");
  driver.ok(R"("x")", "work[a]");
  driver.ok("1", "check[a]");
  driver.finish();
  EXPECT_EQ(driver.ending()->status, Ending::Status::kSucceeded);
}

TEST(ParallelTest, NothingToDoEndsAtOnce) {
  Driver driver(rollout("0", "0", "string"));
  driver.start("[[]]");
  EXPECT_EQ(driver.finish(), "= succeeded []\n");
}

TEST(ParallelTest, AFailureStopsTheOthersGently) {
  Driver driver(rollout("0", "0", "string"));
  driver.start(R"([["a","b","c","d"]])");
  driver.ok(R"("x")", "work[b]");
  driver.ok(R"("x")", "work[c]");
  driver.ok("1", "check[c]");  // c is done
  driver.trace();
  // d writes and is let finish, b reads and is stopped.
  driver.fails("ShellError", "exit 1", false, Effect::kDone, "work[a]");
  EXPECT_EQ(driver.trace(), R"(ended work[a] failed ShellError: exit 1
> stop 5
> let finish 4
)");
  driver.ends(How::kStopped, Effect::kNone, "check[b]");
  EXPECT_EQ(driver.trace(), R"(ended check[b] cancelled Cancelled: another branch has failed
undo work[b]
began work[b]/rollback/work
> shell{"command":"b"} work[b]/rollback/work
)");
  driver.ok(R"("x")", "work[d]");
  EXPECT_EQ(driver.trace(), R"(ended work[d] succeeded "x"
undo work[d]
began work[d]/rollback/work
> shell{"command":"d"} work[d]/rollback/work
)");
  driver.ok(R"("x")", "work[b]/rollback/work");
  driver.trace();
  driver.ok(R"("x")", "work[d]/rollback/work");
  // Now the scope unwinds: c had ended well, and is undone by the parent.
  EXPECT_EQ(driver.trace(), R"(ended work[d]/rollback/work succeeded "x"
undone work[d]
undo work[c]
began work[c]/rollback/work
> shell{"command":"c"} work[c]/rollback/work
)");
  driver.ok(R"("x")", "work[c]/rollback/work");
  EXPECT_EQ(driver.trace(), R"(ended work[c]/rollback/work succeeded "x"
undone work[c]
= failed rolled_back ShellError: exit 1
)");
  driver.finish();
}

TEST(ParallelTest, ContinueGivesResultsAndTheRunIsPartial) {
  Driver driver(rollout("1", "0", "Result<string>"));
  driver.start(R"([["a","b"]])");
  driver.fails("ShellError", "exit 1", false, Effect::kDone, "work[a]");
  driver.ok(R"("x")", "work[b]");
  driver.trace();
  driver.ok("1", "check[b]");
  EXPECT_EQ(driver.trace(),
            "ended check[b] succeeded 1\n"
            "= partial [{\"error\":{\"kind\":\"ShellError\",\"message\":\"exit 1\","
            "\"retryable\":false}},{\"ok\":\"x\"}]\n");
  driver.finish();
}

TEST(ParallelTest, PastTheToleranceNothingNewBegins) {
  Driver driver(rollout("2", "2", "Result<string>", "tolerance 0"));
  driver.start(R"([["a","b","c","d","e"]])");
  driver.fails("ShellError", "exit 1", false, Effect::kDone, "work[a]");
  driver.ok(R"("x")", "work[b]");
  driver.trace();
  driver.fails("ShellError", "exit 2", false, Effect::kDone, "work[c]");
  EXPECT_EQ(driver.trace(), "ended work[c] failed ShellError: exit 2\n");
  driver.ok("1", "check[b]");  // goes on to its end, and then the scope fails
  EXPECT_EQ(driver.trace(), R"(ended check[b] succeeded 1
undo work[b]
began work[b]/rollback/work
> shell{"command":"b"} work[b]/rollback/work
)");
  driver.ok(R"("x")", "work[b]/rollback/work");
  driver.finish();
  EXPECT_EQ(driver.ending()->error->kind, "TooManyFailures");
  EXPECT_EQ(driver.ending()->error->message, "2 of 5 branches failed, 1 may: exit 1");
  EXPECT_TRUE(driver.ending()->rolled_back);
}

TEST(ParallelTest, APercentageIsOfAllBranches) {
  Driver driver(rollout("2", "0", "Result<string>", "tolerance 1"));
  driver.start(R"([["a","b"]])");  // one percent of two: none
  driver.fails("ShellError", "exit 1", false, Effect::kDone, "work[a]");
  driver.fails("ShellError", "exit 2", false, Effect::kDone, "work[b]");
  driver.finish();
  EXPECT_EQ(driver.ending()->error->message, "2 of 2 branches failed, 0 may: exit 1");
}

TEST(ParallelTest, CancellationReachesTheBranches) {
  Driver driver(rollout("0", "1", "string"));
  driver.start(R"([["a","b"]])");
  driver.ok(R"("x")", "work[a]");
  driver.trace();
  driver.cancel(true);
  EXPECT_EQ(driver.trace(), "> stop 2\n");
  driver.ok("1", "check[a]");  // it was done before it could be stopped
  EXPECT_EQ(driver.trace(), R"(ended check[a] succeeded 1
undo work[a]
began work[a]/rollback/work
> shell{"command":"a"} work[a]/rollback/work
)");
  driver.ok(R"("x")", "work[a]/rollback/work");
  EXPECT_EQ(driver.trace(), R"(ended work[a]/rollback/work succeeded "x"
undone work[a]
= cancelled rolled_back Cancelled: cancelled by eve
)");
  driver.finish();
}

TEST(ParallelTest, LeavingKeepsWhatTheBranchesDid) {
  Driver driver(rollout("0", "0", "string"));
  driver.start(R"([["a","b"]])");
  driver.ok(R"("x")", "work[a]");
  driver.cancel(false);
  driver.ends(How::kStopped, Effect::kNone, "check[a]");
  driver.ok(R"("x")", "work[b]");
  EXPECT_EQ(driver.ending()->status, Ending::Status::kCancelled);
  EXPECT_FALSE(driver.ending()->rolled_back);
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"work[a]", 1}, {"work[b]", 2}}));
  EXPECT_EQ(driver.machine().undoable(1), driver.machine().undoable());
  EXPECT_EQ(driver.machine().undoable(2), (std::vector<Undoable>{{"work[b]", 2}}));
  driver.trace();
  driver.roll_back("work[b]");
  driver.ok(R"("x")");
  driver.finish();
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"work[a]", 1}}));
}

constexpr std::string_view kBlock = R"(
action shell(command: string) -> string writes
action probe(host: string) -> int reads
step left
step right
step around
runbook main() -> json = main
function left(text: string) -> string
  StepBegin left _
  Perform text shell text | _ 0 0
  StepEnd text string
  Return text
end
function right() -> int
  reg pause duration
  reg n int
  LoadConst pause duration:1h
  StepBegin right _
  Sleep pause
  LoadInt n 7
  StepEnd n int
  Return n
end
function main() -> json
  reg left right out text error ref
  reg mark none timer int
  reg most duration
  LoadConst text "x"
  LoadInt none 0
  MakeClosure left left text | 1
  MakeClosure right right text | 0
  LoadConst most duration:30m
  StepBegin around _
  Mark mark
  TimerStart timer most
begin:
  ParallelBlock out left 2 | list<json> none 0 | _ 0 _
  StepEnd _ _
  ToJson out out list<json>
  Return out
end:
late:
  StepEnd _ _
  LoadConst out "too late"
  Return out
  timeout begin end late error mark timer
end
)";

TEST(BlockTest, BranchesGiveTheirResults) {
  std::string text(kBlock);
  text.replace(text.find("duration:30m"), 12, "duration:2h");
  Driver driver(text);
  driver.start();
  driver.ok(R"("done")");
  driver.wake();
  EXPECT_EQ(driver.finish(), R"(began around
began around/left
began around/right
> sleep until 2h
> shell{"command":"x"} around/left within 2h
> sleep until 1h
ended around/left succeeded "done"
ended around/right succeeded 7
ended around succeeded
> forget 1
= succeeded ["done",7]
)");
}

TEST(BlockTest, ATimeoutAroundStopsThem) {
  Driver driver(kBlock);
  driver.start();
  driver.trace();
  driver.wake();
  EXPECT_EQ(driver.trace(), R"(ended around/right cancelled Cancelled: the block around it has ended
> forget 3
> let finish 2
)");
  // The write was given no more time than the timer around it.
  driver.ends(How::kTimeout, Effect::kUnknown);
  EXPECT_EQ(driver.trace(),
            R"(ended around/left cancelled Cancelled: the block around it has ended
ended around succeeded
= succeeded "too late"
)");
  driver.finish();
}

TEST(ParallelTest, WrongBranchesAreRefused) {
  Driver driver(R"(
runbook main() -> json = main
function one(a: string) -> string
  Return a
end
function main() -> json
  reg list body out ref
  reg none int
  MakeList list list<string> list | 0
  MakeClosure body one list | 0
  ParallelFor out list body | none list<string> 0 | _ 0 _
  Return out
end
)");
  driver.start();
  EXPECT_NE(driver.finish().find("a branch that takes an element and its index"),
            std::string::npos);
}

TEST(ParallelTest, NestedTooDeepIsRefused) {
  Driver driver(R"(
runbook main() = main
function deeper(n: int)
  reg body ref
  reg none int
  MakeClosure body deeper n | 1
  ParallelBlock _ body 1 | list<json> none 0 | _ 0 _
  ReturnNothing
end
function main()
  reg n int
  Call _ deeper n
  ReturnNothing
end
)");
  driver.start();
  EXPECT_EQ(driver.finish(), "= failed LimitError: parallel blocks are nested too deep\n");
}

TEST(ParallelTest, AThousandBranchesAtOnce) {
  Driver driver(R"(
action shell(command: string) -> string writes
runbook main(n: int) -> int = main
function branch(item: int, index: int) -> int
  reg pause duration
  LoadConst pause duration:1s
  Sleep pause
  MulInt item item index
  Return item
end
function main(n: int) -> int
  reg list body out ref
  reg i none int
  MakeList list list<int> i | 0
again:
  ListAppend list list i
  ForLoop i n @again
  MakeClosure body branch i | 0
  ParallelFor out list body | none list<int> 0 | _ 0 _
  CallNative i list.sum out
  Return i
end
)");
  driver.start("[99]");
  for (int i = 0; i < 100; ++i) driver.wake();
  driver.finish();
  EXPECT_EQ(driver.ending()->output, 328350);
}

}  // namespace
}  // namespace rbk::vm
