// Cancellation: what it ends, what it lets run on, and how the run then ends.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

constexpr const char* kThree = R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  step b = put("b") rollback { put("undo b") }
  step c = put("c") rollback { put("undo c") }
  after success { log.info("after success") }
  after failure e { log.info("after failure") }
  after cancel { log.info("after cancel") }
}
)rbk";

TEST(Cancel, UnwindingGoesOn) {
  ScriptedWorld world(kThree);
  // The run has failed before: everything is undone, and it stays a failure.
  for (const bool rollback : {false, true})
    for (const bool now : {false, true}) {
      world.at("c", {fails("Boom")}).cancel_at("b/rollback/put", rollback, now);
      EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
begin c
do c: put("c")
end c failed Boom
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
cancel
end b/rollback/put ok "undo b"
undone b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: after failure
=> failed Boom: no Boom (rolled back)
)") << rollback
    << now;
    }
}

TEST(Cancel, TheLastStepIsNotTooLate) {
  ScriptedWorld world(kThree);
  world.cancel_at("c");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
begin c
do c: put("c")
cancel
end c ok "c"
undo c
begin c/rollback/put
do c/rollback/put: put("undo c")
end c/rollback/put ok "undo c"
undone c
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
end b/rollback/put ok "undo b"
undone b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: after cancel
=> cancelled Cancelled: cancelled by alice (rolled back)
)");
}

TEST(Cancel, WhatFailsAfterItDoesNotCount) {
  ScriptedWorld world(kThree);
  world.at("b", {fails("Boom")}).cancel_at("b", false);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
cancel
end b cancelled Cancelled
info: after cancel
=> cancelled Cancelled: cancelled by alice; what was let finish failed: no Boom
)");
}

TEST(Cancel, NowKillsWhatWouldBeLetFinish) {
  ScriptedWorld world(kThree);
  world.at("b", {stopped()}).cancel_at("b", true, true);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
cancel
kill
end b cancelled Cancelled
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
end b/rollback/put ok "undo b"
undone b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: after cancel
=> cancelled Cancelled: cancelled by alice; whether put took effect is not known (rolled back)
)");
}

TEST(Cancel, AfterTheEndOfTheBodyItIsTooLate) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  defer { put("clean") }
  after success { put("tell") }
  after cancel { log.info("after cancel") }
}
)rbk");
  world.cancel_at("defer/put");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin defer/put
do defer/put: put("clean")
cancel
end defer/put ok "clean"
begin put
do put: put("tell")
end put ok "tell"
=> succeeded
)");
  world.cancel_at("put");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin defer/put
do defer/put: put("clean")
end defer/put ok "clean"
begin put
do put: put("tell")
cancel
end put ok "tell"
=> succeeded
)");
}

TEST(Cancel, AHandlerOfAFailureIsNoReasonForAnotherEnd) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  step b = put("b") rollback none "x"
  before rollback e { put("look") }
  after failure e { put("tell") }
  after cancel { log.info("after cancel") }
}
)rbk");
  world.at("b", {fails("Boom")}).cancel_at("put");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b failed Boom
begin put
do put: put("look")
cancel
end put ok "look"
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
begin put
do put: put("tell")
end put ok "tell"
=> failed Boom: no Boom (rolled back)
)");
  world.at("b", {fails("Boom")}).cancel_at("a/rollback/put");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b failed Boom
begin put
do put: put("look")
end put ok "look"
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
cancel
end a/rollback/put ok "undo a"
undone a
begin put
do put: put("tell")
end put ok "tell"
=> failed Boom: no Boom (rolled back)
)");
}

TEST(Cancel, OneThatComesDuringCleanUpCountsAfterIt) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  try {
    step b = put("b") rollback { put("undo b") }
    step c = put("c") rollback none "x"
  } catch e {
    log.info("caught ${e.message}")
  }
  step d = put("d") rollback none "x"
}
)rbk");
  world.at("c", {fails("Boom")}).cancel_at("b/rollback/put", false);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
begin c
do c: put("c")
end c failed Boom
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
cancel
end b/rollback/put ok "undo b"
undone b
info: caught no Boom
=> cancelled Cancelled: cancelled by alice
)");
}

TEST(Cancel, BranchesThatHaveFailedUndoEverything) {
  ScriptedWorld world(R"rbk(runbook r() {
  step before = put("before") rollback { put("undo before") }
  parallel {
    step a {
      step one = put("one") rollback { put("undo one") }
      step two = put("two") rollback none "x"
    }
    step b = put("b") rollback { put("undo b") }
  }
}
)rbk");
  world.at("a/two", {fails("Boom")}).cancel_at("a/one/rollback/put", false);
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
begin a/one
begin b
do a/one: put("one")
do b: put("b")
end a/one ok "one"
begin a/two
do a/two: put("two")
end b ok "b"
end a/two failed Boom
end a failed Boom
undo a/one
begin a/one/rollback/put
do a/one/rollback/put: put("undo one")
cancel
end a/one/rollback/put ok "undo one"
undone a/one
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
end b/rollback/put ok "undo b"
undone b
undo before
begin before/rollback/put
do before/rollback/put: put("undo before")
end before/rollback/put ok "undo before"
undone before
=> failed Boom: no Boom (rolled back)
)");
  // The cancellation was first.
  world.at("a/two", {fails("Boom")}).cancel_at("a/two", false);
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
begin a/one
begin b
do a/one: put("one")
do b: put("b")
end a/one ok "one"
begin a/two
do a/two: put("two")
cancel
end b ok "b"
end a/two cancelled Cancelled
end a cancelled Cancelled
=> cancelled Cancelled: cancelled by alice
)");
}

TEST(Cancel, WhatIsInDoubtIsUndone) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a")
    on doubt verify {
      step seen = look("a")
      if seen == "yes" { Doubt.done("verified") } else { Doubt.not_done }
    }
    rollback { put("undo a") }
}
)rbk");
  world.at("a", {crashes()}).at("a/seen", {stopped()}).cancel_at("a/seen");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
begin a/seen
do a/seen: look("a")
cancel
stop
end a/seen cancelled Cancelled
end a cancelled Cancelled
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> cancelled Cancelled: cancelled by alice (rolled back)
)");
}

TEST(Cancel, APersonWhoLeavesAllAsItIs) {
  ScriptedWorld world(R"rbk(runbook r() {
  step before = put("before") rollback { put("undo before") }
  try {
    parallel {
      step a = put("a") on doubt ask rollback { put("undo a") }
      step b {
        step one = put("one") rollback { put("undo one") }
        wait 1h
      }
    }
  } catch e {
    log.info("caught ${e.message}")
  }
  after failure e { log.info("after failure") }
  after cancel { log.info("after cancel") }
}
)rbk");
  world.at("a", {crashes()}).answer_doubt(vm::event::Resolved::How::kLeave);
  EXPECT_EQ(world.run("r"), R"(begin before
do before: put("before")
end before ok "before"
begin a
begin b
begin b/one
do a: put("a")
do b/one: put("one")
ask what became of a
end b/one ok "one"
end a failed InDoubt
end b cancelled Cancelled
info: after failure
=> failed InDoubt: bob had put left as it is
)");
}

TEST(Cleanup, WhatFailsInItDoesNotUndoASuccess) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  defer { put("clean") }
  after success { put("tell") }
}
)rbk");
  world.at("put", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin defer/put
do defer/put: put("clean")
end defer/put ok "clean"
begin put
do put: put("tell")
end put failed Boom
error: `after success` failed: no Boom
=> succeeded
)");
  world.at("defer/put", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin defer/put
do defer/put: put("clean")
end defer/put failed Boom
error: defer failed: no Boom
begin put
do put: put("tell")
end put ok "tell"
=> partial
)");
}

}  // namespace
}  // namespace rbk::lower
