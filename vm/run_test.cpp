// Steps, requests, retries, timers, approvals, doubt, cancellation, rollback. Traces are compared
// as a whole; the driver compares every turn with a machine restored just before.
#include <gtest/gtest.h>

#include "vm/testing/driver.h"

namespace rbk::vm {
namespace {

using testing::Driver;
using How = event::Performed::How;

constexpr const char* kShell = R"(
action shell(command: string) -> string writes
action probe(host: string) -> int reads
step drain rollback
step restart
step outer
error ShellError { exit_code: int? }
)";

std::string with(std::string_view text) { return std::string(kShell) + std::string(text); }

/// One step with a rollback, then one that may fail; the scope unwinds.
const std::string kTwoSteps = with(R"(
runbook main(host: string) -> string = main
function undo(host: string)
  reg out ref
  StepBegin drain _
  Perform out shell host | _ 0 0
  StepEnd out string
  ReturnNothing
end
function main(host: string) -> string
  reg out error undo ref
  reg mark int
  Mark mark
begin:
  StepBegin drain _
  keep host mark
  Perform out shell host | _ 0 0
  StepEnd out string
  MakeClosure undo undo host | 1
  UndoPush undo drain 0
  StepBegin restart host
  keep mark
  Perform out shell host | _ 0 0
  StepEnd out string
  Return out
end:
cleanup:
  keep error
  Unwind mark 0
  Raise error
  cleanup begin end cleanup error mark
end
)");

TEST(StepTest, SucceedsWithItsOutput) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.ok(R"("up")");
  EXPECT_EQ(driver.finish(), R"(began drain
> shell{"command":"web-1"} drain
ended drain succeeded "drained"
began restart "web-1"
> shell{"command":"web-1"} restart
ended restart succeeded "up"
= succeeded "up"
)");
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"drain", 1}}));
}

TEST(StepTest, FailureUnwinds) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.trace();
  driver.fails("ShellError", "exit 1");
  EXPECT_EQ(driver.trace(), R"(ended restart failed ShellError: exit 1
undo drain
began drain/rollback/drain
> shell{"command":"web-1"} drain/rollback/drain
)");
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain succeeded "back"
undone drain
= failed rolled_back ShellError: exit 1
)");
  driver.finish();
}

TEST(StepTest, FailedRollbackIsToldAndTheRestRunsOn) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.fails("ShellError", "exit 1");
  driver.trace();
  driver.fails("ShellError", "exit 2");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain failed ShellError: exit 2
undone drain failed ShellError: exit 2
= rollback_failed ShellError: exit 1
)");
  driver.finish();
}

TEST(StepTest, OutputOfAnotherTypeIsAnError) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.trace();
  driver.ok("5");
  EXPECT_EQ(driver.finish().substr(45),
            R"(ended drain failed JsonError: the output of shell: $: expected string, got 5
= failed JsonError: the output of shell: $: expected string, got 5
)");
}

TEST(CancelTest, WithRollbackLetsAWriteFinishFirst) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.trace();
  driver.cancel(true);
  EXPECT_EQ(driver.trace(), "> let finish 1\n");
  driver.ok(R"("drained")");
  EXPECT_EQ(driver.trace(), R"(ended drain succeeded "drained"
undo drain
began drain/rollback/drain
> shell{"command":"web-1"} drain/rollback/drain
)");
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain succeeded "back"
undone drain
= cancelled rolled_back Cancelled: cancelled by eve
)");
  driver.finish();
}

TEST(CancelTest, LeavingUndoesNothing) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.trace();
  driver.cancel(false);
  EXPECT_EQ(driver.trace(), "> let finish 2\n");
  driver.ends(How::kStopped, Effect::kUnknown);
  EXPECT_EQ(
      driver.trace(),
      R"(ended restart cancelled Cancelled: cancelled by eve; whether shell took effect is not known
= cancelled Cancelled: cancelled by eve; whether shell took effect is not known
)");
  EXPECT_EQ(driver.machine().undoable().size(), 1U);
  EXPECT_FALSE(driver.send(event::Cancelled{true, false, "eve"}));
  driver.finish();
}

TEST(CancelTest, UnwindingIsShielded) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.fails("ShellError", "exit 1");
  driver.trace();
  driver.cancel(false);
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain succeeded "back"
undone drain
= failed rolled_back ShellError: exit 1
)");
  driver.finish();
}

TEST(RollBackTest, UndoesAFinishedRunOnce) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  EXPECT_FALSE(driver.send(event::RollBack{"", "eve"}));
  driver.ok(R"("drained")");
  driver.ok(R"("up")");
  driver.trace();
  EXPECT_FALSE(driver.send(event::RollBack{"nothing", "eve"}));
  driver.roll_back("drain");
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(undo drain
began drain/rollback/drain
> shell{"command":"web-1"} drain/rollback/drain
ended drain/rollback/drain succeeded "back"
undone drain
= succeeded rolled_back
)");
  EXPECT_TRUE(driver.machine().undoable().empty());
  driver.finish();
}

TEST(RollBackTest, WhatFailedIsTriedAgain) {
  Driver driver(kTwoSteps);
  driver.start(R"(["web-1"])");
  driver.ok(R"("drained")");
  driver.fails("ShellError", "exit 1");
  driver.trace();
  driver.fails("ShellError", "no way back");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain failed ShellError: no way back
undone drain failed ShellError: no way back
= rollback_failed ShellError: exit 1
)");
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"drain", 1}}));
  driver.roll_back("");
  driver.fails("ShellError", "still none");
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"drain", 1}}));
  driver.roll_back("");
  driver.trace();
  driver.ok(R"("back")");
  EXPECT_EQ(driver.trace(), R"(ended drain/rollback/drain succeeded "back"
undone drain
= succeeded rolled_back
)");
  EXPECT_TRUE(driver.machine().undoable().empty());
  driver.finish();
}

TEST(RollBackTest, GoesBackToAStep) {
  Driver driver(with(R"(
runbook main() = main
function undo(name: string)
  Emit "log.info" name _
  ReturnNothing
end
function main()
  reg name undo ref
  LoadConst name "first"
  StepBegin drain _
  StepEnd _ _
  MakeClosure undo undo name | 1
  UndoPush undo drain 0
  LoadConst name "second"
  StepBegin restart _
  StepEnd _ _
  MakeClosure undo undo name | 1
  UndoPush undo restart 0
  LoadConst name "third"
  StepBegin outer _
  StepEnd _ _
  MakeClosure undo undo name | 1
  UndoPush undo outer 0
  ReturnNothing
end
)"));
  driver.start();
  driver.trace();
  driver.roll_back("restart");
  EXPECT_EQ(driver.trace(), R"(undo outer
info: third
undone outer
undo restart
info: second
undone restart
= succeeded
)");
  EXPECT_EQ(driver.machine().undoable(), (std::vector<Undoable>{{"drain", 1}}));
  driver.roll_back();
  EXPECT_EQ(driver.trace(), "undo drain\ninfo: first\nundone drain\n= succeeded rolled_back\n");
  driver.finish();
}

TEST(UndoTest, DropCommitAndDefer) {
  Driver driver(with(R"(
runbook main() = main
function undo(name: string)
  Emit "log.info" name _
  ReturnNothing
end
function main()
  reg name undo error ref
  reg outer inner int
  Mark outer
begin:
  LoadConst name "dropped"
  Mark inner
  MakeClosure undo undo name | 1
  UndoPush undo drain 0
  LoadConst name "deferred"
  MakeClosure undo undo name | 1
  UndoPush undo _ 1
  UndoDrop inner
  LoadConst name "own"
  MakeClosure undo undo name | 1
  UndoPush undo outer 0
  LoadConst name "the new one is live"
  UndoCommit name
  LoadConst name "after"
  MakeClosure undo undo name | 1
  UndoPush undo restart 0
  LoadNull name
  Emit "log.info" name _
  Raise name
end:
cleanup:
  Unwind outer 0
  Raise error
  cleanup begin end cleanup error outer
end
)"));
  driver.start();
  EXPECT_EQ(driver.finish(), R"(committed: the new one is live
info: null
undo restart
info: after
undone restart
info: deferred
= failed NullError: expected an error, got null
)");
}

TEST(RetryTest, BacksOffAndTriesAgain) {
  Driver driver(with(R"(
runbook main() -> int = main
function main() -> int
  reg host error ref
  reg mark out attempt one int
  reg least most pause duration
  LoadInt attempt 1
  LoadInt one 3
  LoadConst least duration:1s
  LoadConst most duration:30s
  LoadConst host "web-1"
  StepBegin restart _
  Mark mark
begin:
  Perform out probe host | _ 0 0
  StepEnd out int
  Return out
end:
failed:
  JumpGeInt attempt one @give_up
  Backoff pause attempt least | most
  StepRetry error attempt pause
  AddImm attempt attempt 1
  Sleep pause
  Jump @begin
give_up:
  Raise error
  catch begin end failed error mark
end
)"));
  driver.start();
  driver.fails("ShellError", "exit 1");
  driver.wake();
  driver.fails("ShellError", "exit 2");
  driver.wake();
  driver.ok("7");
  EXPECT_EQ(driver.finish(), R"(began restart
> probe{"host":"web-1"} restart
attempt 1 of restart failed, 1s422ms102us: ShellError: exit 1
> sleep until 1s422ms102us
> probe{"host":"web-1"} restart #2
attempt 2 of restart failed, 2s583ms684us: ShellError: exit 2
> sleep until 4s5ms786us
> probe{"host":"web-1"} restart #3
ended restart succeeded 7
= succeeded 7
)");
}

/// A timeout around a read, and a `catch` outside of it.
const std::string kTimeout = with(R"(
runbook main() -> string = main
function main() -> string
  reg host error text ref
  reg mark out timer int
  reg limit duration
  reg f bool
  Mark mark
begin:
  LoadConst host "web-1"
  LoadConst limit duration:10s
  TimerStart timer limit
inner:
  Perform out probe host | _ 0 0
  TimerStop timer
  ToText text out int
  Return text
end:
timed_out:
  ErrorMessage text error
  Return text
caught:
  LoadConst text "caught"
  Return text
cleanup:
  Emit "log.info" host _
  Raise error
  cleanup inner end cleanup error mark
  timeout inner caught timed_out error mark timer
  catch begin end caught error mark
end
)");

TEST(TimerTest, StopsAReadAndIsCaughtByItsOwnScopeOnly) {
  Driver driver(kTimeout);
  driver.start();
  driver.wake();
  driver.ends(How::kStopped, Effect::kNone);
  // The clean-up raises again outside of the timer's region: nothing there may catch it.
  EXPECT_EQ(driver.finish(), R"(> sleep until 10s
> probe{"host":"web-1"}  within 10s
> stop 2
info: web-1
= failed Timeout: the time was up
)");
}

TEST(TimerTest, ForgottenWhenItIsNotNeeded) {
  Driver driver(kTimeout);
  driver.start();
  driver.ok("3");
  EXPECT_EQ(driver.finish(), R"(> sleep until 10s
> probe{"host":"web-1"}  within 10s
> forget 1
= succeeded "3"
)");
}

TEST(TimerTest, TheEnginesTimeoutIsTheScopes) {
  Driver driver(with(R"(
runbook main() -> string = main
function main() -> string
  reg host error text ref
  reg mark timer int
  reg limit duration
  reg f bool
  LoadConst host "web-1"
  LoadConst limit duration:10s
  Mark mark
  TimerStart timer limit
inner:
  Perform text shell host | _ 0 0
  TimerStop timer
  Return text
end:
timed_out:
  ErrorInDoubt f error
  ErrorKindName text error
  JumpIf f @doubt
  Return text
doubt:
  LoadConst text "in doubt"
  Return text
caught:
  LoadConst text "caught"
  Return text
  catch inner end caught error mark
  timeout inner end timed_out error mark timer
end
)"));
  driver.start();
  driver.pass(10'000'000);
  driver.ends(How::kTimeout, Effect::kUnknown);
  EXPECT_EQ(driver.finish(), R"(> sleep until 10s
> shell{"command":"web-1"}  within 10s
> forget 1
= succeeded "in doubt"
)");
}

TEST(TimerTest, WaitsForAWriteAndForAShield) {
  Driver driver(with(R"(
runbook main() -> string = main
function main() -> string
  reg host error text ref
  reg mark timer int
  reg limit short duration
  LoadConst host "web-1"
  LoadConst limit duration:10s
  LoadConst short duration:1m
  Mark mark
  TimerStart timer limit
inner:
  ShieldBegin
  Sleep short
  ShieldEnd
  Sleep short
  LoadConst text "not here"
  Return text
end:
timed_out:
  LoadConst text "after the shield"
  Return text
  timeout inner end timed_out error mark timer
end
)"));
  driver.start();
  driver.wake();
  driver.wake();
  EXPECT_EQ(driver.finish(), R"(> sleep until 10s
> sleep until 1m
= succeeded "after the shield"
)");
}

TEST(ApprovalTest, FormIsReadAndApproversAreFilledIn) {
  const std::string text = with(R"(
record Form { ticket: string, count: int = 2, approvers: list<string> }
error Rejected { by: list<string>?, reason: string? }
runbook main() -> json = main
function main() -> json
  reg about form out ref
  reg limit duration
  LoadConst about json:"{\"name\":\"go\"}"
  LoadConst limit duration:4h
  Approve form about Form | limit 0
  ToJson out form Form
  Return out
end
)");
  Driver approved(text);
  approved.start();
  EXPECT_FALSE(approved.send(event::Decided{1, true, {{"ticket", 5}}, {"eve"}, ""}));
  EXPECT_FALSE(approved.send(event::Decided{9, true, {}, {"eve"}, ""}));
  approved.approve(R"({"ticket":"OPS-1"})", {"eve", "bob"});
  EXPECT_FALSE(approved.send(event::Decided{1, true, {{"ticket", "OPS-2"}}, {"eve"}, ""}));
  EXPECT_EQ(approved.finish(), R"(> approve {"name":"go"} until 4h
= succeeded {"ticket":"OPS-1","count":2,"approvers":["eve","bob"]}
)");
  Driver rejected(text);
  rejected.start();
  rejected.reject("not today");
  EXPECT_EQ(rejected.finish(), R"(> approve {"name":"go"} until 4h
= failed Rejected: rejected by eve: not today {"by":["eve"],"reason":"not today"}
)");
  Driver expired(text);
  expired.start();
  expired.expire();
  EXPECT_EQ(expired.finish(), R"(> approve {"name":"go"} until 4h
= failed Rejected: nobody decided in time {"by":[],"reason":"nobody decided in time"}
)");
  Driver cancelled(text);
  cancelled.start();
  cancelled.cancel(true);
  EXPECT_EQ(cancelled.finish(), R"(> approve {"name":"go"} until 4h
> forget 1
= cancelled Cancelled: cancelled by eve
)");
}

TEST(QuestionTest, AnAnswerIsTheForm) {
  const auto asks = [](int on_expiry) {
    return with(fmt::format(R"(
record Form {{ ticket: string, count: int = 2 }}
runbook main() -> json = main
function main() -> json
  reg about form out ref
  reg limit duration
  LoadConst about json:"{{\"name\":\"what\"}}"
  LoadConst limit duration:30m
  Ask form about Form | limit {}
  ToJson out form Form?
  Return out
end
)",
                            on_expiry));
  };
  const std::string asked = "> ask {\"name\":\"what\"} until 30m\n";
  Driver answered(asks(0));
  answered.start();
  EXPECT_FALSE(answered.send(event::Decided{1, true, {{"ticket", 5}}, {"eve"}, ""}));
  EXPECT_FALSE(answered.send(event::Decided{1, false, {}, {"eve"}, "no"}));
  answered.approve(R"({"ticket":"OPS-1"})");
  EXPECT_EQ(answered.finish(), asked + "= succeeded {\"ticket\":\"OPS-1\",\"count\":2}\n");
  Driver late(asks(0));
  late.start();
  late.expire();
  EXPECT_EQ(late.finish(), asked + "= failed Timeout: nobody answered in time\n");
  Driver defaults(asks(1));
  defaults.start();
  defaults.expire();
  EXPECT_EQ(defaults.finish(), asked + "= succeeded\n");
  Driver cancelled(asks(1));
  cancelled.start();
  cancelled.cancel(true);
  EXPECT_EQ(cancelled.finish(), asked + "> forget 1\n= cancelled Cancelled: cancelled by eve\n");
}

TEST(SignalTest, ItIsTakenOrKept) {
  const std::string text = with(R"(
record Given { payload: int, sender: string }
runbook main() -> json = main
function main() -> json
  reg by given out ref
  reg limit duration
  LoadConst by json:"[{\"group\":\"ops\"}]"
  LoadConst limit duration:1h
  WaitSignal _ "first" Given | _ _
  WaitSignal given "go" Given | limit by
  ToJson out given Given
  Return out
end
)");
  Driver early(text);
  early.start();
  early.signal("go", "1", "eve");  // nobody of ops
  early.signal("go", "2", "bob", {"ops"});
  EXPECT_FALSE(early.send(event::Signalled{"go", "two", "bob", {"ops"}}));
  EXPECT_FALSE(early.send(event::Signalled{"stop", 1, "bob", {"ops"}}));
  early.signal("first", "0", "eve");
  EXPECT_EQ(early.finish(),
            "> await first\n"
            "warn: the signal `go` that eve sent before does not count here, by `by`\n"
            "warn: nothing waited for the signal `go` that eve sent\n"
            "> forget 1\n"
            "= succeeded {\"payload\":2,\"sender\":\"bob\"}\n");
  Driver late(text);
  late.start();
  late.signal("first", "0");
  late.signal_late();
  EXPECT_EQ(late.finish(),
            "> await first\n"
            "> forget 1\n"
            "> await go by [{\"group\":\"ops\"}] until 1h\n"
            "= failed Timeout: the signal `go` did not come in time\n");
  Driver cancelled(text);
  cancelled.start();
  cancelled.signal("first", "0");
  cancelled.signal("go", "1", "eve");
  cancelled.cancel(true);
  EXPECT_FALSE(cancelled.send(event::Signalled{"go", 1, "bob", {"ops"}}));
  EXPECT_EQ(cancelled.finish(),
            "> await first\n"
            "> forget 1\n"
            "> await go by [{\"group\":\"ops\"}] until 1h\n"
            "warn: nothing waited for the signal `go` that eve sent\n"
            "> forget 3\n"
            "= cancelled Cancelled: cancelled by eve\n");
}

TEST(SignalTest, TheMachineKeepsSoManyAndNoMore) {
  Driver driver(with(R"(
record Given { payload: json, sender: string }
runbook main() -> int = main
function main() -> int
  reg n int
  reg limit duration
  LoadConst limit duration:1h
  Sleep limit
  WaitSignal _ "go" Given | _ _
  LoadInt n 1
  Return n
end
)"));
  driver.start();
  for (size_t i = 0; i < kMostSignals; ++i) driver.signal("go");
  EXPECT_FALSE(driver.send(event::Signalled{"go", nullptr, "eve", {}}));
  driver.wake();
}

TEST(FirstTest, TheOthersAreCancelledAndTheWinnerIsKept) {
  const std::string text = with(R"(
record Given { payload: int, sender: string }
action look(what: string) -> string reads
step probe
runbook main() -> json = main
function main() -> json
  reg a b c won out ref
  reg which int
  MakeClosure a signals _ | 0
  MakeClosure b sleeps _ | 0
  MakeClosure c probes _ | 0
  WaitFirst which won a | 3
  ToText out which int
  Concat out out 1
  JumpEqImm which 0 @signal
  ToJson out out string
  Return out
signal:
  ToJson out won Given
  Return out
end
function signals() -> json
  reg given ref
  WaitSignal given "go" Given | _ _
  Return given
end
function sleeps() -> json
  reg limit duration
  reg none ref
  LoadConst limit duration:1h
  LoadNull none
  Sleep limit
  Return none
end
function probes() -> json
  reg what out ref
  LoadConst what "x"
  StepBegin probe _
  Perform out look what | _ 0 0
  StepEnd out string
  Return out
end
)");
  Driver by_signal(text);
  by_signal.start();
  by_signal.signal("go", "7", "bob");
  by_signal.ends(event::Performed::How::kStopped, Effect::kNone);
  EXPECT_EQ(by_signal.finish(),
            "began probe\n> await go\n> sleep until 1h\n> look{\"what\":\"x\"} probe\n"
            "> forget 1\n> forget 2\n> stop 3\n"
            "ended probe cancelled Cancelled: another case came first\n"
            "= succeeded {\"payload\":7,\"sender\":\"bob\"}\n");
  Driver by_time(text);
  by_time.start();
  by_time.wake();
  by_time.ok("\"x\"");
  EXPECT_EQ(by_time.ending()->output, boost::json::value("1"));
  Driver by_probe(text);
  by_probe.start();
  by_probe.ok("\"x\"");
  EXPECT_EQ(by_probe.ending()->output, boost::json::value("2"));
  Driver failed(text);
  failed.start();
  failed.fails("Boom", "no");
  EXPECT_EQ(failed.ending()->error->kind, "Boom");
  Driver cancelled(text);
  cancelled.start();
  cancelled.cancel(true);
  cancelled.ok("\"x\"");
  EXPECT_EQ(cancelled.ending()->status, Ending::Status::kCancelled);
  // A cancellation that comes while the losers end counts.
  Driver meanwhile(text);
  meanwhile.start();
  meanwhile.signal("go", "7");
  meanwhile.cancel(true);
  meanwhile.ok("\"x\"");
  EXPECT_EQ(meanwhile.ending()->status, Ending::Status::kCancelled);
  for (Driver* one : {&by_time, &by_probe, &failed, &cancelled, &meanwhile}) one->finish();
}

TEST(DoubtTest, APersonSaysWhatBecameOfIt) {
  const std::string text = with(R"(
runbook main() -> string = main
function main() -> string
  reg host error out ref
  reg mark int
  reg done f bool
  LoadConst host "web-1"
  StepBegin restart _
  Mark mark
begin:
  Perform out shell host | _ 0 5
end:
  StepEnd out string
  Return out
failed:
  ErrorInDoubt f error
  JumpIf f @ask
  Raise error
ask:
  AskDoubt out done shell
  JumpUnless done @begin
  StepEnd out string
  Return out
  catch begin end failed error mark
end
)");
  Driver done(text);
  done.start();
  done.ends(How::kInDoubt, Effect::kUnknown);
  EXPECT_FALSE(done.send(event::Resolved{2, event::Resolved::How::kDone, 5, "eve"}));
  done.resolve(event::Resolved::How::kDone, R"("it was up")");
  EXPECT_EQ(done.finish(), R"(began restart
> shell{"command":"web-1"} restart
> doubt restart of 1
ended restart succeeded "it was up"
= succeeded "it was up"
)");
  Driver repeated(text);
  repeated.start();
  repeated.ends(How::kTimeout, Effect::kUnknown);
  repeated.resolve(event::Resolved::How::kNotDone);
  repeated.ok(R"("up")");
  EXPECT_EQ(repeated.finish(), R"(began restart
> shell{"command":"web-1"} restart
> doubt restart of 1
> shell{"command":"web-1"} restart #2
ended restart succeeded "up"
= succeeded "up"
)");
  Driver failed(text);
  failed.start();
  failed.ends(How::kInDoubt, Effect::kUnknown);
  failed.resolve(event::Resolved::How::kFail);
  EXPECT_EQ(failed.finish(), R"(began restart
> shell{"command":"web-1"} restart
> doubt restart of 1
ended restart failed InDoubt: eve said that shell failed
= failed InDoubt: eve said that shell failed
)");
}

TEST(FailureTest, APersonSaysWhatBecomesOfAStep) {
  const std::string text = with(R"(
runbook main() -> string = main
function main() -> string
  reg host error out ref
  reg mark int
  reg done bool
  LoadConst host "web-1"
  StepBegin restart _
  Mark mark
begin:
  Perform out shell host | _ 0 0
end:
  StepEnd out string
  Return out
failed:
  AskFailure out done string | error _
  JumpUnless done @begin
  StepEnd out string
  Return out
  catch begin end failed error mark
end
)");
  Driver done(text);
  done.start();
  done.fails("ShellError", "exit 1");
  EXPECT_FALSE(done.send(event::Resolved{2, event::Resolved::How::kDone, 5, "eve"}));
  EXPECT_FALSE(done.send(event::Woke{2}));
  done.resolve(event::Resolved::How::kDone, R"("by hand")");
  EXPECT_EQ(done.finish(), R"(began restart
> shell{"command":"web-1"} restart
> failed restart: ShellError: exit 1
ended restart succeeded "by hand"
= succeeded "by hand"
)");
  Driver retried(text);
  retried.start();
  retried.fails("ShellError", "exit 1");
  retried.resolve(event::Resolved::How::kNotDone);
  retried.ok(R"("up")");
  EXPECT_EQ(retried.finish(), R"(began restart
> shell{"command":"web-1"} restart
> failed restart: ShellError: exit 1
> shell{"command":"web-1"} restart #2 generation 1
ended restart succeeded "up"
= succeeded "up"
)");
  Driver left(text);
  left.start();
  left.fails("ShellError", "exit 1");
  left.resolve(event::Resolved::How::kLeave);
  EXPECT_EQ(left.finish(), R"(began restart
> shell{"command":"web-1"} restart
> failed restart: ShellError: exit 1
ended restart failed ShellError: exit 1
= failed ShellError: exit 1
)");
}

TEST(SkipTest, WhatWasLeftOutIsNotUndone) {
  const std::string text = with(R"(
runbook main() -> string = main
function main() -> string
  reg host out undo ref
  LoadConst host "web-1"
  StepBegin restart _
  Perform out shell host | _ 0 0
  StepEnd out string
  MakeClosure undo back _ | 0
  UndoPush undo restart 0
  Return out
end
function back()
  ReturnNothing
end
)");
  Driver done(text);
  done.start();
  done.ok(R"("up")");
  EXPECT_EQ(done.machine().undoable().size(), 1u);
  Driver skipped(text);
  skipped.start();
  EXPECT_FALSE(skipped.send(event::Resolved{1, event::Resolved::How::kDone, "x", "eve"}));
  EXPECT_FALSE(skipped.send(event::Resolved{1, event::Resolved::How::kSkip, 5, "eve"}));
  skipped.resolve(event::Resolved::How::kSkip, R"("as it was")");
  EXPECT_TRUE(skipped.machine().undoable().empty());
  EXPECT_EQ(skipped.finish(), R"(began restart
> shell{"command":"web-1"} restart
ended restart skipped "as it was"
= succeeded "as it was"
)");
}

TEST(NewsTest, WhatDoesNotWait) {
  Driver driver(with(R"(
runbook main() -> json = main
function main() -> json
  reg text value labels out ref
  reg a b int
  reg now begun time
  reg ago duration
  LoadInt a 3
  LoadInt b 10
  Box text a
  Box value b
  Emit "progress" text value
  LoadConst text "ticket"
  LoadConst value "OPS-1"
  Emit "label" text value
  Emit "log.warn" text _
  Emit "note" value _
  Emit "attach" value _
  Now now
  RunInfo begun "started"
  DiffTime ago now begun
  RunInfo labels "labels"
  RunInfo value "id"
  ToText text ago duration
  MakeList out list<json> text | 3
  ToJson out out list<json>
  Return out
end
)"));
  driver.start();
  EXPECT_EQ(driver.finish(), R"(progress [3,10]
label ticket="OPS-1"
warn: ticket
note: OPS-1
attach OPS-1
= succeeded ["0s","run1",{"team":"sre","ticket":"OPS-1"}]
)");
}

TEST(MachineTest, RefusesWhatDoesNotFit) {
  Driver driver(kTwoSteps);
  event::Started started;
  event::Performed performed;
  EXPECT_FALSE(driver.send(event::Woke{1}));
  EXPECT_FALSE(driver.send(event::Cancelled{}));
  started.runbook = 7;
  EXPECT_FALSE(driver.send(started));
  started.runbook = 0;
  started.arguments = {1, 2};
  EXPECT_FALSE(driver.send(started));
  started.arguments = boost::json::array{1};
  EXPECT_FALSE(driver.send(started));
  driver.start(R"(["web-1"])");
  started.arguments = boost::json::array{"web-1"};
  EXPECT_FALSE(driver.send(started));
  EXPECT_FALSE(driver.send(event::Woke{1}));
  performed.request = 2;
  EXPECT_FALSE(driver.send(performed));
  driver.pass(-10);
  performed.request = 1;
  const Result<Turn> early = driver.send(performed);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::kInvalid);
}

TEST(SnapshotTest, OfAnotherProgramOrDamagedIsRefused) {
  Driver one(kTwoSteps);
  one.start(R"(["web-1"])");
  const std::string bytes = one.machine().snapshot();
  Driver other(kTimeout);
  const Result<Machine> foreign = Machine::restore(other.program(), {}, bytes);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().kind, ErrorKind::kInvalid);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(Machine::restore(one.program(), {}, damaged)) << i;
    EXPECT_FALSE(Machine::restore(one.program(), {}, bytes.substr(0, i))) << i;
  }
}

}  // namespace
}  // namespace rbk::vm
