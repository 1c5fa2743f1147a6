// Parallel blocks: branches, limits, tolerance.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

TEST(LowerParallel, For) {
  ScriptedWorld world(R"rbk(runbook r(hosts: list<string>, limit_to: int = 2) -> list<string> {
  let prefix = "p"
  return parallel for i, h in hosts limit limit_to {
    step go = put("${prefix} ${i} ${h}") rollback { put("undo ${h}") }
    step on_it = put("on ${h}") rollback none "x"
    go
  }
}
)rbk");
  EXPECT_EQ(world.run("r", {{"hosts", {"a", "b", "c"}}}), R"(begin go[a]
begin go[b]
do go[a]: put("p 0 a")
do go[b]: put("p 1 b")
end go[a] ok "p 0 a"
begin on_it[a]
do on_it[a]: put("on a")
end go[b] ok "p 1 b"
begin on_it[b]
do on_it[b]: put("on b")
end on_it[a] ok "on a"
begin go[c]
do go[c]: put("p 2 c")
end on_it[b] ok "on b"
end go[c] ok "p 2 c"
begin on_it[c]
do on_it[c]: put("on c")
end on_it[c] ok "on c"
=> succeeded ["p 0 a","p 1 b","p 2 c"]
)");
  // Siblings stop, each branch unwinds.
  world.at("on_it[b]", {fails("Boom")});
  EXPECT_EQ(world.run("r", {{"hosts", {"a", "b", "c"}}}), R"(begin go[a]
begin go[b]
do go[a]: put("p 0 a")
do go[b]: put("p 1 b")
end go[a] ok "p 0 a"
begin on_it[a]
do on_it[a]: put("on a")
end go[b] ok "p 1 b"
begin on_it[b]
do on_it[b]: put("on b")
end on_it[a] ok "on a"
begin go[c]
do go[c]: put("p 2 c")
end on_it[b] failed Boom
undo go[b]
begin go[b]/rollback/put
do go[b]/rollback/put: put("undo b")
end go[c] ok "p 2 c"
undo go[c]
begin go[c]/rollback/put
do go[c]/rollback/put: put("undo c")
end go[b]/rollback/put ok "undo b"
undone go[b]
end go[c]/rollback/put ok "undo c"
undone go[c]
undo go[a]
begin go[a]/rollback/put
do go[a]/rollback/put: put("undo a")
end go[a]/rollback/put ok "undo a"
undone go[a]
=> failed Boom: no Boom (rolled back)
)");
}

TEST(LowerParallel, ForOverARange) {
  ScriptedWorld world(R"rbk(runbook r(n: int) -> list<int> {
  return parallel for i in 2..n {
    step go = put("${i}") reads
    i * 10
  }
}
)rbk");
  EXPECT_EQ(world.run("r", {{"n", 3}}), R"(begin go[2]
begin go[3]
do go[2]: put("2")
do go[3]: put("3")
end go[2] ok "2"
end go[3] ok "3"
=> succeeded [20,30]
)");
  EXPECT_EQ(world.run("r", {{"n", 1}}), "=> succeeded []\n");
}

TEST(LowerParallel, ForContinueAndTolerate) {
  ScriptedWorld world(R"rbk(runbook c(hosts: list<string>) -> int {
  let results = parallel for h in hosts on failure continue {
    step go = put(h) rollback none "x"
    go.length
  }
  for r in results {
    match r { case .ok(n) => log.info("ok ${n}")
      case .err(e) => log.info("err ${e.message}") }
  }
  return results.errors.length
}
runbook t(hosts: list<string>) -> int {
  let results = parallel for h in hosts limit 1 on failure tolerate 50% {
    step go = put(h) rollback none "x"
  }
  return results.errors.length
}
)rbk");
  world.at("go[b]", {fails("Boom")});
  EXPECT_EQ(world.run("c", {{"hosts", {"a", "b"}}}), R"(begin go[a]
begin go[b]
do go[a]: put("a")
do go[b]: put("b")
end go[a] ok "a"
end go[b] failed Boom
info: ok 1
info: err no Boom
=> partial 1
)");
  world.at("go[b]", {fails("Boom")});
  EXPECT_EQ(world.run("t", {{"hosts", {"a", "b"}}}), R"(begin go[a]
do go[a]: put("a")
end go[a] ok "a"
begin go[b]
do go[b]: put("b")
end go[b] failed Boom
=> partial 1
)");
  world.at("go[a]", {fails("Boom")}).at("go[b]", {fails("Boom")});
  EXPECT_EQ(world.run("t", {{"hosts", {"a", "b", "c"}}}), R"(begin go[a]
do go[a]: put("a")
end go[a] failed Boom
begin go[b]
do go[b]: put("b")
end go[b] failed Boom
=> failed TooManyFailures: 2 of 3 branches failed, 1 may: no Boom
)");
}

TEST(LowerParallel, Block) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  parallel {
    step a = put("a") rollback { put("undo ${a ?? "?"}") }
    step n = measure("n")
    step b { step inner = put("inner") rollback none "x"
      "block" }
  }
  step last = put("last") rollback none "x"
  return "${a} ${n + 1} ${b}"
}
runbook c() -> string {
  parallel on failure continue {
    step a = put("a") rollback none "x"
    step n = measure("n")
  }
  let first = match a { case .ok(v) => v
    case .err(e) => e.kind }
  let second = match n { case .ok(v) => v + 1
    case .err(e) => 0 }
  return "${first} ${second}"
}
)rbk");
  world.at("n", {ok(41)});
  EXPECT_EQ(world.run("r"), R"(begin a
begin n
begin b
begin b/inner
do a: put("a")
do n: measure("n")
do b/inner: put("inner")
end a ok "a"
end n ok 41
end b/inner ok "inner"
end b ok "block"
begin last
do last: put("last")
end last ok "last"
=> succeeded "a 42 block"
)");
  world.at("n", {ok(41)}).at("last", {fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin a
begin n
begin b
begin b/inner
do a: put("a")
do n: measure("n")
do b/inner: put("inner")
end a ok "a"
end n ok 41
end b/inner ok "inner"
end b ok "block"
begin last
do last: put("last")
end last failed Boom
undo a
begin a/rollback/put
do a/rollback/put: put("undo a")
end a/rollback/put ok "undo a"
undone a
=> failed Boom: no Boom (rolled back)
)");
  world.at("n", {ok(41)}).at("a", {fails("Boom")});
  EXPECT_EQ(world.run("c"), R"(begin a
begin n
do a: put("a")
do n: measure("n")
end a failed Boom
end n ok 41
=> partial "Boom 42"
)");
  world.at("n", {fails("Boom")});
  EXPECT_EQ(world.run("c"), R"(begin a
begin n
do a: put("a")
do n: measure("n")
end a ok "a"
end n failed Boom
=> partial "a 0"
)");
}

TEST(LowerParallel, ItemsInLoops) {
  ScriptedWorld world(R"rbk(enum Zone { north, south }
record Host { name: string, zone: Zone }
runbook r() {
  for h in ["a", "b"] {
    for zone in [Zone.north] { step s = put("${h}") rollback none "x" }
  }
  for i, host in [Host { name: "x", zone: .north }] { step t = put(host.name) rollback none "x" }
  for key, value in (map { "k": 1 }) { step u = put("${value}") rollback none "x" }
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin s[a][north]
do s[a][north]: put("a")
end s[a][north] ok "a"
begin s[b][north]
do s[b][north]: put("b")
end s[b][north] ok "b"
begin t[0]
do t[0]: put("x")
end t[0] ok "x"
begin u[k]
do u[k]: put("1")
end u[k] ok "1"
=> succeeded
)");
}

}  // namespace
}  // namespace rbk::lower
