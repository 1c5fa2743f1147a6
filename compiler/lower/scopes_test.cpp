// Failure: what is undone, which handlers run, in which order.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

TEST(LowerScopes, Handlers) {
  ScriptedWorld world(R"rbk(runbook r(name: string = "x") {
  let early = "early"
  step a = put("a") rollback { put("undo a") }
  step b = put("b") rollback none "x"
  let late = 5
  before rollback e { log.info("before: ${e.message}, ${early ?? "none"}, ${a ?? "none"}, ${b ?? "none"}") }
  after failure e {
    log.info("failure of ${name}: ${e.kind}, late ${late ?? 0}")
    put("report") on failure continue
  }
  after success { log.info("success, late ${late ?? 0}, ${b ?? "none"}") }
  after cancel { log.info("cancelled, ${a ?? "none"}") }
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b ok "b"
info: success, late 5, b
=> succeeded
)");
  world.at("b", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b failed Boom
info: before: no Boom, early, a, none
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: failure of x: Boom, late 0
begin put
do put: put("report")
end put ok "report"
=> failed Boom: no Boom (rolled back)
)");
  world.at("b", {fails("Boom")}).at("put", {fails("Bang")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
end b failed Boom
info: before: no Boom, early, a, none
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: failure of x: Boom, late 0
begin put
do put: put("report")
end put failed Bang
=> failed Boom: no Boom (rolled back)
)");
  world.cancel_at("b");
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
cancel
end b ok "b"
info: before: cancelled by alice, early, a, b
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
info: cancelled, a
=> cancelled Cancelled: cancelled by alice (rolled back)
)");
  // Left as it is.
  world.cancel_at("b", false);
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
begin b
do b: put("b")
cancel
end b ok "b"
info: before: cancelled by alice, early, a, b
info: cancelled, a
=> cancelled Cancelled: cancelled by alice
)");
}

TEST(LowerScopes, HandlersThatFail) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  before rollback e { fail "evidence is gone" }
  after failure e { put("report") }
}
)rbk");
  // Their own errors are logged; the run fails with the first.
  world.at("a", {fails("Boom")}).at("put", {fails("Bang")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a failed Boom
error: `before rollback` failed: evidence is gone
begin put
do put: put("report")
end put failed Bang
error: `after failure` failed: no Bang
=> failed Boom: no Boom
)");
}

TEST(LowerScopes, RollbackThatFails) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  step b = put("b") rollback { put("undo b") retry 1 times backoff 1s }
  step c = put("c") rollback none "x"
}
)rbk");
  // Retried by its own clauses, then recorded; the others still run.
  world.at("c", {fails("Boom")}).at("b/rollback/put", {fails("Flaky", true), fails("Flaky", true)});
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
again b/rollback/put after #1 Flaky in a while
do b/rollback/put: put("undo b") #2
end b/rollback/put failed Flaky
undone b Flaky: no Flaky
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> rollback_failed Boom: no Boom after 1s
)");
}

TEST(LowerScopes, Try) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  step first = put("first") rollback { put("undo first") }
  let got = try {
    defer { log.info("left") }
    step in1 = put("in1") rollback { put("undo in1") }
    step in2 = put("in2") rollback none "x"
    in2
  } catch e {
    "caught ${e.kind}"
  }
  step last = put("last") rollback none "x"
  return got
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin first
do first: put("first")
end first ok "first"
begin in1
do in1: put("in1")
end in1 ok "in1"
begin in2
do in2: put("in2")
end in2 ok "in2"
info: left
begin last
do last: put("last")
end last ok "last"
=> succeeded "in2"
)");
  // It unwinds what is in it, nothing else.
  world.at("in2", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin first
do first: put("first")
end first ok "first"
begin in1
do in1: put("in1")
end in1 ok "in1"
begin in2
do in2: put("in2")
end in2 failed Boom
undo in1
begin in1/rollback/put
do in1/rollback/put: put("undo in1")
end in1/rollback/put ok "undo in1"
undone in1
info: left
begin last
do last: put("last")
end last ok "last"
=> succeeded "caught Boom"
)");
  // What ended well in it passes outward.
  world.at("last", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin first
do first: put("first")
end first ok "first"
begin in1
do in1: put("in1")
end in1 ok "in1"
begin in2
do in2: put("in2")
end in2 ok "in2"
info: left
begin last
do last: put("last")
end last failed Boom
undo in1
begin in1/rollback/put
do in1/rollback/put: put("undo in1")
end in1/rollback/put ok "undo in1"
undone in1
undo first
begin first/rollback/put
do first/rollback/put: put("undo first")
end first/rollback/put ok "undo first"
undone first
=> failed Boom: no Boom (rolled back)
)");
  // A cancellation is not caught.
  world.cancel_at("in2");
  EXPECT_EQ(world.run("r"), R"(begin first
do first: put("first")
end first ok "first"
begin in1
do in1: put("in1")
end in1 ok "in1"
begin in2
do in2: put("in2")
cancel
end in2 ok "in2"
info: left
undo in1
begin in1/rollback/put
do in1/rollback/put: put("undo in1")
end in1/rollback/put ok "undo in1"
undone in1
undo first
begin first/rollback/put
do first/rollback/put: put("undo first")
end first/rollback/put ok "undo first"
undone first
=> cancelled Cancelled: cancelled by alice (rolled back)
)");
}

TEST(LowerScopes, ReturnAndBreakLeaveScopes) {
  ScriptedWorld world(R"rbk(runbook r(n: int) -> string {
  for i in 1..3 {
    try {
      defer { log.info("left ${i}") }
      step s = put("${i}") rollback none "x"
      if i == n { return "returned ${i}" }
      if i == 2 { break }
    } catch e { log.info("never") }
  }
  step after_loop = put("after") rollback none "x"
  return "end"
}
)rbk");
  EXPECT_EQ(world.run("r", {{"n", 1}}), R"(begin s[1]
do s[1]: put("1")
end s[1] ok "1"
info: left 1
=> succeeded "returned 1"
)");
  EXPECT_EQ(world.run("r", {{"n", 5}}), R"(begin s[1]
do s[1]: put("1")
end s[1] ok "1"
info: left 1
begin s[2]
do s[2]: put("2")
end s[2] ok "2"
info: left 2
begin after_loop
do after_loop: put("after")
end after_loop ok "after"
=> succeeded "end"
)");
}

TEST(LowerScopes, Commit) {
  ScriptedWorld world(R"rbk(runbook r() {
  step a = put("a") rollback { put("undo a") }
  commit "the new one is live"
  step b = put("b") rollback { put("undo b") }
  step c = put("c") rollback none "x"
}
)rbk");
  world.at("c", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
do a: put("a")
end a ok "a"
committed: the new one is live
begin b
do b: put("b")
end b ok "b"
begin c
do c: put("c")
end c failed Boom
undo b
begin b/rollback/put
do b/rollback/put: put("undo b")
end b/rollback/put ok "undo b"
undone b
=> failed Boom: no Boom
)");
}

TEST(LowerScopes, FailAndCatchOwnKinds) {
  ScriptedWorld world(R"rbk(error Drift { host: string, by: int }
fn check(n: int) -> int {
  if n > 10 { fail Drift { host: "h", by: n, message: "too far" } }
  if n < 0 { fail "negative" }
  return n
}
runbook r(n: int) -> string {
  return try { "fine ${check(n)}" } catch e {
    match e {
      case Drift { host, by } if by > 20 => "far ${host} ${by} ${e.message}"
      case Drift { by } => "drift ${by}"
      case _ => "other ${e.kind} ${e.message} ${e.retryable}"
    }
  }
}
runbook uncaught() {
  let x = check(50)
  log.info("${x}")
}
)rbk");
  EXPECT_EQ(world.run("r", {{"n", 3}}), R"(=> succeeded "fine 3"
)");
  EXPECT_EQ(world.run("r", {{"n", 11}}), R"(=> succeeded "drift 11"
)");
  EXPECT_EQ(world.run("r", {{"n", 30}}), R"(=> succeeded "far h 30 too far"
)");
  EXPECT_EQ(world.run("r", {{"n", -1}}), R"(=> succeeded "other Failed negative false"
)");
}

}  // namespace
}  // namespace rbk::lower
