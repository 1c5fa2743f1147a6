// Steps and their clauses: what the machine asks for, in which order, and what is undone.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

TEST(LowerSteps, RollbacksRunNewestFirst) {
  ScriptedWorld world(R"rbk(runbook deploy(n: int = 3) -> string {
  step a "Put ${n}" = put("a${n}") rollback { put("undo ${a ?? "?"}") }
  var x = 5
  step b = put("b") timeout 2m rollback { put("undo b ${x}") }
  x = 6
  defer { log.info("deferred ${x}") }
  x = 7
  step c = put("c") rollback none "nothing to undo"
  return "${a} ${b} ${x}"
}
)rbk");
  // In the order written; a defer runs at the end in any case.
  EXPECT_EQ(world.run("deploy"), R"(begin a "Put 3"
do a: put("a3")
end a ok "a3"
begin b
do b: put("b") timeout 2m
end b ok "b"
begin c
do c: put("c")
end c ok "c"
info: deferred 6
=> succeeded "a3 b 7"
)");
  // With the values as they were when each was reached.
  world.at("c", {fails("Boom")});
  EXPECT_EQ(world.run("deploy"), R"(begin a "Put 3"
do a: put("a3")
end a ok "a3"
begin b
do b: put("b") timeout 2m
end b ok "b"
begin c
do c: put("c")
end c failed Boom
info: deferred 6
undo b
begin b/rollback/put
do b/rollback/put: put("undo b 5")
end b/rollback/put ok "undo b 5"
undone b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a3")
end a/rollback/put ok "undo a3"
undone a
=> failed Boom: no Boom (rolled back)
)");
}

TEST(LowerSteps, OwnRollbackReplacesInnerOnes) {
  ScriptedWorld world(R"rbk(runbook nested() {
  step outer {
    step one = put("1") rollback { put("undo 1") }
    step two = put("2") rollback { put("undo 2") }
    "value"
  } rollback { put("undo outer ${outer ?? "?"}") }
  step last = put("last") rollback none "x"
}
)rbk");
  world.at("last", {fails("Boom")});
  EXPECT_EQ(world.run("nested"), R"(begin outer
begin outer/one
do outer/one: put("1")
end outer/one ok "1"
begin outer/two
do outer/two: put("2")
end outer/two ok "2"
end outer ok "value"
begin last
do last: put("last")
end last failed Boom
undo outer
begin outer/rollback/put
do outer/rollback/put: put("undo outer value")
end outer/rollback/put ok "undo outer value"
undone outer
=> failed Boom: no Boom (rolled back)
)");
  // An open block undoes what is in it.
  world.at("outer/two", {fails("Boom")});
  EXPECT_EQ(world.run("nested"), R"(begin outer
begin outer/one
do outer/one: put("1")
end outer/one ok "1"
begin outer/two
do outer/two: put("2")
end outer/two failed Boom
end outer failed Boom
undo outer/one
begin outer/one/rollback/put
do outer/one/rollback/put: put("undo 1")
end outer/one/rollback/put ok "undo 1"
undone outer/one
=> failed Boom: no Boom (rolled back)
)");
}

TEST(LowerSteps, InnerRollbacksPassOutward) {
  ScriptedWorld world(R"rbk(runbook nested() {
  step outer {
    step one = put("1") rollback { put("undo 1") }
    defer { log.info("bye") }
  }
  step last = put("last") rollback none "x"
}
)rbk");
  world.at("last", {fails("Boom")});
  EXPECT_EQ(world.run("nested"), R"(begin outer
begin outer/one
do outer/one: put("1")
end outer/one ok "1"
end outer ok
begin last
do last: put("last")
end last failed Boom
info: bye
undo outer/one
begin outer/one/rollback/put
do outer/one/rollback/put: put("undo 1")
end outer/one/rollback/put ok "undo 1"
undone outer/one
=> failed Boom: no Boom (rolled back)
)");
}

TEST(LowerSteps, Retry) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") retry 3 times backoff 1s..4s
  step b = look("b") retry 2 times backoff 1s if error.message == "no Flaky"
  step c = put("c") retry 1 times on Timeout, ShellError
}
)rbk");
  // N further attempts.
  world.at("a", {fails("Flaky", true), fails("Flaky", true), ok("A")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
again a after #1 Flaky in a while
do a: put("a") #2
again a after #2 Flaky in a while
do a: put("a") #3
end a ok "A"
begin b
do b: look("b")
end b ok "b"
begin c
do c: put("c")
end c ok "c"
=> succeeded after 5s
)");
  // And no more.
  world.at("a", {fails("Flaky", true), fails("Flaky", true), fails("Flaky", true),
                 fails("Flaky", true)});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
again a after #1 Flaky in a while
do a: put("a") #2
again a after #2 Flaky in a while
do a: put("a") #3
again a after #3 Flaky in a while
do a: put("a") #4
end a failed Flaky
=> failed Flaky: no Flaky after 8s
)");
  // Only what may end otherwise.
  world.at("a", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a failed Boom
=> failed Boom: no Boom
)");
  // The condition decides.
  world.at("b", {fails("Flaky", true), fails("Other", true)});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: look("b")
again b after #1 Flaky in a while
do b: look("b") #2
end b failed Other
=> failed Other: no Other after 1s
)");
  // A kind that is named may be repeated, an unknown effect or not.
  world.at("c", {times_out(), ok("C")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: look("b")
end b ok "b"
begin c
do c: put("c")
again c after #1 Timeout in a while
do c: put("c") #2
end c ok "C"
=> succeeded after 1s
)");
  world.at("c", {fails("ShellError"), fails("Flaky", true)});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: look("b")
end b ok "b"
begin c
do c: put("c")
again c after #1 ShellError in a while
do c: put("c") #2
end c failed Flaky
=> failed Flaky: no Flaky after 1s
)");
  // A timeout leaves the effect open: not repeated without being named.
  world.at("a", {times_out(), ok("A")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a failed Timeout
=> failed Timeout: put did not end in time
not used: an outcome of a
)");
}

TEST(LowerSteps, TimeoutUndoesWhatMayHaveHappened) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") timeout 1m rollback { put("undo a ${a ?? "nothing known"}") }
  step b = same("b") timeout 1m rollback { put("undo b") }
}
)rbk");
  world.at("a", {times_out()});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
end a failed Timeout
undo a
begin a/rollback/put
do a/rollback/put: put("undo a nothing known")
end a/rollback/put ok "undo a nothing known"
undone a
=> failed Timeout: put did not end within 1m (rolled back)
)");
  // What has failed without an effect is not undone.
  world.at("a", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
end a failed Boom
=> failed Boom: no Boom
)");
  world.at("b", {times_out()});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
end a ok "a"
begin b
do b: same("b") timeout 1m
end b failed Timeout
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
end b/rollback/put ok "undo b"
undone b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a a")
end a/rollback/put ok "undo a a"
undone a
=> failed Timeout: same did not end within 1m (rolled back)
)");
  // Cut off by a cancellation.
  world.cancel_at("a").at("a", {stopped()});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
cancel
end a cancelled Cancelled
undo a
begin a/rollback/put
do a/rollback/put: put("undo a nothing known")
end a/rollback/put ok "undo a nothing known"
undone a
=> cancelled Cancelled: cancelled by alice; whether put took effect is not known (rolled back)
)");
}

TEST(LowerSteps, DoubtRetry) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") on doubt retry rollback none "x"
  step b = put("b") on doubt retry retry 3 times rollback none "x"
}
)rbk");
  // By itself: once.
  world.at("a", {times_out(), ok("A")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
again a after #1 Timeout
do a: put("a") #2
end a ok "A"
begin b
do b: put("b")
end b ok "b"
=> succeeded
)");
  world.at("a", {times_out(), times_out()});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
again a after #1 Timeout
do a: put("a") #2
end a failed Timeout
=> failed Timeout: put did not end in time
)");
  // A known failure is no doubt.
  world.at("a", {fails("Boom", true)});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a failed Boom
=> failed Boom: no Boom
)");
  // With retry: as often as it says.
  world.at("b", {times_out(), times_out(), ok("B")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
again b after #1 Timeout in a while
do b: put("b") #2
again b after #2 Timeout in a while
do b: put("b") #3
end b ok "B"
=> succeeded after 5s
)");
}

TEST(LowerSteps, DoubtVerify) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  step a = put("a") timeout 1m
    on doubt verify {
      step seen = look("a")
      if seen == "yes" { Doubt.done("verified") } else if seen == "no" { Doubt.not_done } else { Doubt.unknown }
    }
    rollback { put("undo a") }
  return a
}
)rbk");
  // Done: the step has the output that was found.
  world.at("a", {crashes()}).at("a/seen", {ok("yes")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen ok "yes"
end a ok "verified"
=> succeeded "verified"
)");
  // Not done, after a crash: it is done now.
  world.at("a", {crashes(), ok("A")}).at("a/seen", {ok("no")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen ok "no"
again a after #1 InDoubt
do a: put("a") #2 timeout 1m
end a ok "A"
=> succeeded "A"
)");
  // Not done, after a timeout: it has failed, and there is nothing to undo.
  world.at("a", {times_out()}).at("a/seen", {ok("no")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen ok "no"
end a failed Timeout
=> failed Timeout: put did not end within 1m
)");
  // Unknown: a person is asked.
  world.at("a", {crashes()})
      .at("a/seen", {ok("?")})
      .answer_doubt(vm::event::Resolved::How::kDone, "asked");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen ok "?"
ask what became of a
end a ok "asked"
=> succeeded "asked"
)");
  // A verify that fails knows nothing.
  world.at("a", {crashes(), ok("A")})
      .at("a/seen", {fails("Boom")})
      .answer_doubt(vm::event::Resolved::How::kNotDone);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen failed Boom
ask what became of a
again a after #1 InDoubt
do a: put("a") #2 timeout 1m
end a ok "A"
=> succeeded "A"
)");
  // The person says that it failed: what it did is undone.
  world.at("a", {crashes()}).at("a/seen", {ok("?")}).answer_doubt(vm::event::Resolved::How::kFail);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
begin a/seen
do a/seen: look("a")
end a/seen ok "?"
ask what became of a
end a failed InDoubt
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> failed InDoubt: bob said that put failed (rolled back)
)");
  // Nothing is asked where there is no doubt.
  world.at("a", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
end a failed Boom
=> failed Boom: no Boom
)");
}

TEST(LowerSteps, DoubtUndoFailAsk) {
  ScriptedWorld world(R"rbk(runbook u() {
  step a = put("a") on doubt undo rollback { put("undo a") }
}
runbook f() {
  step a = put("a") on doubt fail retry 2 times rollback { put("undo a") }
}
runbook q() {
  step a = put("a") on doubt ask rollback { put("undo a") }
}
)rbk");
  world.at("a", {crashes()});
  EXPECT_EQ(world.run("u"), R"(begin a
do a: put("a")
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
end a failed InDoubt
=> failed InDoubt: whether put took effect is not known: who ran it has died (rolled back)
)");
  world.at("a", {crashes()});
  EXPECT_EQ(world.run("f"), R"(begin a
do a: put("a")
end a failed InDoubt
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> failed InDoubt: whether put took effect is not known: who ran it has died (rolled back)
)");
  world.at("a", {times_out(), ok("A")}).answer_doubt(vm::event::Resolved::How::kNotDone);
  EXPECT_EQ(world.run("q"), R"(begin a
do a: put("a")
ask what became of a
again a after #1 Timeout
do a: put("a") #2
end a ok "A"
=> succeeded
)");
}

using Said = vm::event::Resolved::How;

TEST(LowerSteps, OnFailureAskIsAskedAfterRetriesWhichBeginAnew) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  step a = put("a") retry 1 times backoff 1s on failure ask by group "sre" rollback { put("undo a") }
  return a
}
)rbk");
  world.at("a", {fails("Boom", true), fails("Boom", true), fails("Boom", true), ok("A")})
      .answer_doubt(Said::kNotDone);
  const std::string story = world.run("r");
  EXPECT_NE(story.find(R"(ask what becomes of a: Boom by [{"group":"sre"}])"), std::string::npos)
      << story;
  EXPECT_NE(story.find("do a: put(\"a\") #4"), std::string::npos) << story;
  EXPECT_NE(story.find("=> succeeded \"A\""), std::string::npos) << story;
  EXPECT_EQ(story.find("undo"), std::string::npos) << story;
}

TEST(LowerSteps, OnFailureAskDoneFailAndLeave) {
  const std::string text = R"rbk(runbook r() -> string {
  step before = put("before") rollback { put("undo before") }
  step a = put("a") on failure ask rollback { put("undo a") }
  step after = put("after") rollback none "x"
  return a
}
)rbk";
  ScriptedWorld world(text);
  world.at("a", {fails("Boom")}).answer_doubt(Said::kDone, "by hand");
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
do a: put("a")
ask what becomes of a: Boom
end a ok "by hand"
begin after
do after: put("after")
end after ok "after"
=> succeeded "by hand"
)");
  world.at("a", {fails("Boom")}).answer_doubt(Said::kFail);
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
do a: put("a")
ask what becomes of a: Boom
end a failed Boom
undo before
begin before/rollback/put
do before/rollback/put: put("undo before")
end before/rollback/put ok "undo before"
undone before
=> failed Boom: no Boom (rolled back)
)");
  world.at("a", {fails("Boom")}).answer_doubt(Said::kLeave);
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
do a: put("a")
ask what becomes of a: Boom
end a failed Boom
=> failed Boom: no Boom
)");
}

TEST(LowerSteps, WhatMayHaveHappenedIsUndoneOnceAPersonSaysThatItFailed) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") timeout 1m on failure ask rollback { put("undo a") }
}
)rbk");
  world.at("a", {times_out()}).answer_doubt(Said::kFail);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a") timeout 1m
ask what becomes of a: Timeout, in doubt
end a failed Timeout
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> failed Timeout: put did not end within 1m (rolled back)
)");
}

TEST(LowerSteps, ABlockThatAsksIsUndoneAfterTheAnswer) {
  ScriptedWorld world(R"rbk(runbook r() {
  step all {
    step a = put("a") rollback { put("undo a") }
    step b = put("b") rollback none "x"
  } on failure ask
  step c = put("c") rollback none "x"
}
)rbk");
  world.at("all/b", {fails("Boom"), ok("B")}).answer_doubt(Said::kNotDone);
  EXPECT_EQ(world.run("r"), R"(begin all
begin all/a
do all/a: put("a")
end all/a ok "a"
begin all/b
do all/b: put("b")
end all/b failed Boom
ask what becomes of all: Boom
undo all/a
begin all/a/rollback/put
do all/a/rollback/put: put("undo a")
end all/a/rollback/put ok "undo a"
undone all/a
again all after #1 Boom
begin all/a
do all/a: put("a")
end all/a ok "a"
begin all/b
do all/b: put("b")
end all/b ok "B"
end all ok
begin c
do c: put("c")
end c ok "c"
=> succeeded
)");
  world.at("all/b", {fails("Boom")}).at("c", {fails("Late")}).answer_doubt(Said::kDone);
  const std::string story = world.run("r");
  EXPECT_LT(story.find("end c failed Late"), story.find("undo all/a")) << story;
}

TEST(LowerSteps, OnFailureContinueAndWhen) {
  ScriptedWorld world(R"rbk(runbook r(go: bool = true) -> string {
  step a = put("a") rollback none "x" on failure continue
  let what = match a { case .ok(v) => "ok ${v}"
    case .err(e) => "err ${e.kind}" }
  step b = put("b") rollback none "x" when go and a.ok
  step n = measure("n") when go on failure continue
  let size = match n {
    case null => "none"
    case .ok(v) => "${v + 1}"
    case .err(e) => e.message
  }
  step block {
    step inner = put("inner") rollback { put("undo inner") }
    step other = put("other") rollback none "x"
  } on failure continue
  return "${what} ${b ?? "skipped"} ${size}"
}
)rbk");
  world.at("n", {ok(41)});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
begin n
do n: measure("n")
end n ok 41
begin block
begin block/inner
do block/inner: put("inner")
end block/inner ok "inner"
begin block/other
do block/other: put("other")
end block/other ok "other"
end block ok
=> succeeded "ok a b 42"
)");
  world.at("a", {fails("Boom")}).at("n", {fails("Bang")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a failed Boom
begin b
end b skipped
begin n
do n: measure("n")
end n failed Bang
begin block
begin block/inner
do block/inner: put("inner")
end block/inner ok "inner"
begin block/other
do block/other: put("other")
end block/other ok "other"
end block ok
=> partial "err Boom skipped no Bang"
)");
  EXPECT_EQ(world.run("r", {{"go", false}}), R"(begin a
do a: put("a")
end a ok "a"
begin b
end b skipped
begin n
end n skipped
begin block
begin block/inner
do block/inner: put("inner")
end block/inner ok "inner"
begin block/other
do block/other: put("other")
end block/other ok "other"
end block ok
=> succeeded "ok a skipped none"
)");
  // A block that is left undoes what is in it.
  world.at("n", {ok(1)}).at("block/other", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
begin n
do n: measure("n")
end n ok 1
begin block
begin block/inner
do block/inner: put("inner")
end block/inner ok "inner"
begin block/other
do block/other: put("other")
end block/other failed Boom
undo block/inner
begin block/inner/rollback/put
do block/inner/rollback/put: put("undo inner")
end block/inner/rollback/put ok "undo inner"
undone block/inner
end block failed Boom
=> partial "ok a b 2"
)");
}

TEST(LowerSteps, BlockWithRetryAndTimeout) {
  ScriptedWorld world(R"rbk(runbook r() {
  step block {
    defer { log.info("attempt over") }
    step one = put("1") rollback { put("undo 1") }
    step two = put("2") rollback none "x"
  } retry 1 times backoff 1s
  step slow {
    step one = put("1") rollback { put("undo 1") }
    wait until now() + 10m
    step two = put("2") rollback none "x"
  } timeout 5m rollback none "x"
}
)rbk");
  // Each attempt is a scope.
  world.at("block/two", {fails("Flaky", true)});
  EXPECT_EQ(world.run("r"), R"(begin block
begin block/one
do block/one: put("1")
end block/one ok "1"
begin block/two
do block/two: put("2")
end block/two failed Flaky
undo block/one
begin block/one/rollback/put
do block/one/rollback/put: put("undo 1")
end block/one/rollback/put ok "undo 1"
undone block/one
info: attempt over
again block after #1 Flaky in a while
begin block/one
do block/one: put("1")
end block/one ok "1"
begin block/two
do block/two: put("2")
end block/two ok "2"
info: attempt over
end block ok
begin slow
begin slow/one
do slow/one: put("1") timeout 5m
end slow/one ok "1"
undo slow/one
begin slow/one/rollback/put
do slow/one/rollback/put: put("undo 1")
end slow/one/rollback/put ok "undo 1"
undone slow/one
end slow failed Timeout
undo block/one
begin block/one/rollback/put
do block/one/rollback/put: put("undo 1")
end block/one/rollback/put ok "undo 1"
undone block/one
=> failed Timeout: the time was up (rolled back) after 5m1s
)");
}

TEST(LowerSteps, NestedRunbooks) {
  ScriptedWorld world(
      R"rbk(runbook inner(host: string where host != "bad", n: int = host.length where n < 10) -> string {
  step put_it = put("${host} ${n}") rollback { put("undo ${host}") }
  return put_it
  after failure e { log.info("inner: ${e.message}") }
}
runbook r(host: string = "web-1") {
  step one = inner(host)
  step two = inner("two", n: 3) timeout 10m rollback { put("undo two") }
  step last = put("last") rollback none "x"
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin one
begin one/put_it
do one/put_it: put("web-1 5")
end one/put_it ok "web-1 5"
end one ok "web-1 5"
begin two
begin two/put_it
do two/put_it: put("two 3") timeout 10m
end two/put_it ok "two 3"
end two ok "two 3"
begin last
do last: put("last")
end last ok "last"
=> succeeded
)");
  // The rollback of the step around it replaces its own.
  world.at("last", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin one
begin one/put_it
do one/put_it: put("web-1 5")
end one/put_it ok "web-1 5"
end one ok "web-1 5"
begin two
begin two/put_it
do two/put_it: put("two 3") timeout 10m
end two/put_it ok "two 3"
end two ok "two 3"
begin last
do last: put("last")
end last failed Boom
undo two
begin two/rollback/put
do two/rollback/put: put("undo two")
end two/rollback/put ok "undo two"
undone two
undo one/put_it
begin one/put_it/rollback/put
do one/put_it/rollback/put: put("undo web-1")
end one/put_it/rollback/put ok "undo web-1"
undone one/put_it
=> failed Boom: no Boom (rolled back)
)");
  // Its parameters are checked.
  EXPECT_EQ(world.run("r", {{"host", "bad"}}), R"(begin one
end one failed Failed
=> failed Failed: parameter `host` of `inner`: `host != "bad"` does not hold: host = "bad"
)");
  EXPECT_EQ(world.run("r", {{"host", "averylongname"}}), R"(begin one
end one failed Failed
=> failed Failed: parameter `n` of `inner`: `n < 10` does not hold: n = 13
)");
  world.at("two/put_it", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin one
begin one/put_it
do one/put_it: put("web-1 5")
end one/put_it ok "web-1 5"
end one ok "web-1 5"
begin two
begin two/put_it
do two/put_it: put("two 3") timeout 10m
end two/put_it failed Boom
info: inner: no Boom
end two failed Boom
undo one/put_it
begin one/put_it/rollback/put
do one/put_it/rollback/put: put("undo web-1")
end one/put_it/rollback/put ok "undo web-1"
undone one/put_it
=> failed Boom: no Boom (rolled back)
)");
}

}  // namespace
}  // namespace rbk::lower
