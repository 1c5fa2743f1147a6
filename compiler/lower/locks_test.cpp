// Locks, compiled and run on the machine: who has what, and when it is free. Of one turn the lines
// show the news first, then what is asked for.
#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

constexpr int64_t kSecond = 1'000'000;

TEST(LowerLocks, AreHeldForTheBlock) {
  ScriptedWorld world(R"rbk(runbook r() {
  lock "db" limit 2 {
    defer { log.info("deferred") }
    step a = look("x")
  }
  step b = look("y")
}
)rbk");
  EXPECT_EQ(world.run("r"),
            "acquire the lock `db` limit 2\n"
            "begin a\n"
            "do a: look(\"x\")\n"
            "end a ok \"x\"\n"
            "info: deferred\n"
            "begin b\n"
            "release the lock `db`\n"
            "do b: look(\"y\")\n"
            "end b ok \"y\"\n"
            "=> succeeded\n");
}

TEST(LowerLocks, AreWaitedForInTime) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  try {
    lock "db" timeout 5m {
      step a = look("x")
      return "got it"
    }
  } catch e {
    return e.kind
  }
}
)rbk");
  world.taken("db", 60 * kSecond);
  EXPECT_EQ(world.run("r"),
            "acquire the lock `db`\n"
            "another run frees what it had\n"
            "begin a\n"
            "do a: look(\"x\")\n"
            "end a ok \"x\"\n"
            "release the lock `db`\n"
            "=> succeeded \"got it\" after 1m\n");
  world.taken("db", 600 * kSecond);
  EXPECT_EQ(world.run("r"), "acquire the lock `db`\n=> succeeded \"Timeout\" after 5m\n");
}

constexpr std::string_view kUndone = R"rbk(runbook r() {
  lock "db" {
    step a = put("a") rollback { put("undo a") }
    step b = put("b") rollback { put("undo b") }
  }
  step c = put("c") rollback { put("undo c") }
  step d = look("d")
}
)rbk";

TEST(LowerLocks, UnwindingTakesThemAgain) {
  ScriptedWorld world{std::string(kUndone)};
  world.at("d", {fails("Failed")});
  const std::string run = world.run("r");
  EXPECT_EQ(run.substr(run.find("end d")),
            "end d failed Failed\n"
            "undo c\n"
            "begin c/rollback/put\n"
            "do c/rollback/put: put(\"undo c\")\n"
            "end c/rollback/put ok \"undo c\"\n"
            "undone c\n"
            "acquire the lock `db` to undo\n"
            "undo b\n"
            "begin b/rollback/put\n"
            "do b/rollback/put: put(\"undo b\")\n"
            "end b/rollback/put ok \"undo b\"\n"
            "undone b\n"
            "undo a\n"
            "begin a/rollback/put\n"
            "do a/rollback/put: put(\"undo a\")\n"
            "end a/rollback/put ok \"undo a\"\n"
            "undone a\n"
            "release the lock `db`\n"
            "=> failed Failed: no Failed (rolled back)\n");
}

TEST(LowerLocks, WhatFailsInsideIsUndoneBeforeTheyAreFree) {
  ScriptedWorld world(R"rbk(runbook r() {
  lock "db" {
    step a = put("a") rollback { put("undo a") }
    step b = look("b")
  }
  before rollback e { log.info("evidence") }
  after failure e { log.info("after") }
}
)rbk");
  world.at("b", {fails("Failed")});
  const std::string run = world.run("r");
  EXPECT_EQ(run.substr(run.find("end b")),
            "end b failed Failed\n"
            "info: evidence\n"
            "undo a\n"
            "begin a/rollback/put\n"
            "do a/rollback/put: put(\"undo a\")\n"
            "end a/rollback/put ok \"undo a\"\n"
            "undone a\n"
            "info: after\n"
            "release the lock `db`\n"
            "=> failed Failed: no Failed (rolled back)\n");
}

TEST(LowerLocks, ACancellationThatLeavesFreesThem) {
  ScriptedWorld world{std::string(kUndone)};
  world.cancel_at("b", false);
  const std::string run = world.run("r");
  EXPECT_EQ(run.substr(run.find("cancel")),
            "cancel\n"
            "end b ok \"b\"\n"
            "release the lock `db`\n"
            "=> cancelled Cancelled: cancelled by alice\n");
  ScriptedWorld waits{std::string(kUndone)};
  waits.taken("db", 600 * kSecond);
  EXPECT_EQ(waits.run("r").substr(0, 22), "acquire the lock `db`\n");
}

TEST(LowerLocks, BranchesExcludeEachOtherAndPassTheirParents) {
  ScriptedWorld world(R"rbk(runbook r() {
  lock "outer" {
    parallel for x in ["a", "b"] {
      lock "outer" {
        lock "inner" {
          step s = look(x)
        }
      }
    }
  }
}
)rbk");
  EXPECT_EQ(world.run("r"),
            "acquire the lock `outer`\n"
            "acquire the lock `inner`\n"
            "acquire the lock `inner`\n"
            "begin s[a]\n"
            "do s[a]: look(\"a\")\n"
            "end s[a] ok \"a\"\n"
            "release the lock `inner`\n"
            "begin s[b]\n"
            "do s[b]: look(\"b\")\n"
            "end s[b] ok \"b\"\n"
            "release the lock `inner`\n"
            "release the lock `outer`\n"
            "=> succeeded\n");
}

TEST(LowerLocks, ACircleFailsWhenItWouldForm) {
  ScriptedWorld world(R"rbk(runbook r(a: string = "a", b: string = "b") {
  parallel {
    step one {
      lock a {
        step first = look("1")
        lock b { step second = look("2") }
      }
    }
    step two {
      lock b {
        step third = look("3")
        lock a { step fourth = look("4") }
      }
    }
  }
}
)rbk");
  const std::string run = world.run("r");
  EXPECT_NE(run.find("=> failed Deadlock: branches of one run wait for each other: the lock `a`, "
                     "the lock `b`\n"),
            std::string::npos)
      << run;
}

TEST(LowerLocks, ExpiryEndsTheBlock) {
  ScriptedWorld world(R"rbk(runbook r() {
  lock "db" expires 1h {
    step a = put("a") rollback { put("undo a") }
    ask what "done?" { form { yes: bool } }
  }
}
)rbk");
  const std::string run = world.run("r");
  EXPECT_EQ(run.substr(run.find("undo a")),
            "undo a\n"
            "begin a/rollback/put\n"
            "do a/rollback/put: put(\"undo a\")\n"
            "end a/rollback/put ok \"undo a\"\n"
            "undone a\n"
            "release the lock `db`\n"
            "=> failed Timeout: the lock `db` was held for 1h, as long as it may be (rolled back) "
            "after 1h\n");
}

TEST(LowerLocks, APollThatIsNotYetThereFreesThem) {
  ScriptedWorld world(R"rbk(runbook r() {
  repeat every 10s at most 3 times {
    lock "db" {
      step a = look("x")
    }
    until true
  }
}
)rbk");
  world.at("a", {fails("Failed", true)});
  EXPECT_EQ(world.run("r"),
            "acquire the lock `db`\n"
            "begin a\n"
            "do a: look(\"x\")\n"
            "end a failed Failed\n"
            "release the lock `db`\n"
            "acquire the lock `db`\n"
            "begin a\n"
            "do a: look(\"x\")\n"
            "end a ok \"x\"\n"
            "release the lock `db`\n"
            "=> succeeded after 10s\n");
}

TEST(LowerLocks, HeadsOfRunbooksHoldThemAllTheWay) {
  ScriptedWorld world(R"rbk(runbook r(service: string = "api") max 3 exclusive "r-${service}" {
  step n = nested()
  step d = look("d")
  after failure e { log.info("after") }
}
runbook nested() exclusive "n" {
  step a = put("a") rollback { put("undo a") }
}
)rbk");
  world.at("d", {fails("Failed")});
  EXPECT_EQ(world.run("r"),
            "acquire `exclusive \"r-api\"`\n"
            "acquire `max 3` of test.rbk:r limit 3\n"
            "begin n\n"
            "acquire `exclusive \"n\"`\n"
            "begin n/a\n"
            "do n/a: put(\"a\")\n"
            "end n/a ok \"a\"\n"
            "end n ok\n"
            "begin d\n"
            "release `exclusive \"n\"`\n"
            "do d: look(\"d\")\n"
            "end d failed Failed\n"
            "acquire `exclusive \"n\"` to undo\n"
            "undo n/a\n"
            "begin n/a/rollback/put\n"
            "do n/a/rollback/put: put(\"undo a\")\n"
            "end n/a/rollback/put ok \"undo a\"\n"
            "undone n/a\n"
            "info: after\n"
            "release `exclusive \"n\"`\n"
            "release `max 3` of test.rbk:r\n"
            "release `exclusive \"r-api\"`\n"
            "=> failed Failed: no Failed (rolled back)\n");
}

TEST(LowerLocks, AnOwnLockOfARollbackIsFreedWhenItFails) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback {
    lock "db" { put("undo a") }
  }
  step d = look("d")
}
)rbk");
  world.at("d", {fails("Failed")}).at("a/rollback/put", {fails("Failed")});
  const std::string run = world.run("r");
  EXPECT_EQ(run.substr(run.find("undo a\n")),
            "undo a\n"
            "acquire the lock `db`\n"
            "begin a/rollback/put\n"
            "do a/rollback/put: put(\"undo a\")\n"
            "end a/rollback/put failed Failed\n"
            "undone a Failed: no Failed\n"
            "release the lock `db`\n"
            "=> rollback_failed Failed: no Failed\n");
}

}  // namespace
}  // namespace rbk::lower
