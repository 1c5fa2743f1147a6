// `start` and `detach`, compiled and run on the machine.
#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

constexpr int64_t kSecond = 1'000'000;

constexpr std::string_view kTwo = R"rbk(
runbook _one(n: int where n < 10) -> string {
  step a = put("${n}") rollback none "nothing"
  return a
}
)rbk";

std::string with_two(std::string_view text) { return std::string(text) + std::string(kTwo); }

TEST(LowerRuns, AreWaitedForAndUndoneByAnotherRun) {
  ScriptedWorld world(with_two(R"rbk(runbook r() -> string {
  step one = start _one(n: 1)
  step b = put(one) rollback none "nothing"
  return one
})rbk"));
  world.at("one", {ok("x")}).at("b", {fails("Failed")});
  EXPECT_EQ(world.run("r"),
            "begin one\n"
            "start one: _one[1] as r1-1\n"
            "end one ok \"x\"\n"
            "begin b\n"
            "do b: put(\"x\")\n"
            "end b failed Failed\n"
            "undo one\n"
            "undo run r1-1\n"
            "undone one\n"
            "=> failed Failed: no Failed (rolled back)\n");
}

TEST(LowerRuns, AreUndoneAsTheStepSays) {
  for (const auto& [clause, undone] :
       {std::pair{"rollback { put(\"back\") }",
                  "undo one\nbegin one/rollback/put\n"
                  "do one/rollback/put: put(\"back\")\n"
                  "end one/rollback/put ok \"back\"\nundone one\n"},
        std::pair{"rollback none \"no\"", ""}, std::pair{"irreversible \"no\"", ""}}) {
    ScriptedWorld world(with_two(std::string("runbook r() {\n  step one = start _one(n: 1) ") +
                                 clause + "\n  fail \"no\"\n}\n"));
    world.at("one", {ok("x")});
    const std::string trace = world.run("r");
    const std::string begin = "end one ok \"x\"\n";
    const size_t from = trace.find(begin) + begin.size();
    EXPECT_EQ(trace.substr(from, trace.find("=>") - from), undone) << trace;
  }
}

TEST(LowerRuns, FailWithWhatCameOfThem) {
  ScriptedWorld world(with_two(R"rbk(runbook r() -> string {
  try {
    step one = start _one(n: 1) retry 1 times on RunFailed if error.cause == "Timeout"
  } catch e {
    match e {
      case RunFailed { run, cause } => return "${run} ${cause}"
      case _ => return "other"
    }
  }
  return "none"
})rbk"));
  world.at("one", {fails("Timeout", true), fails("Failed")});
  EXPECT_EQ(world.run("r"),
            "begin one\n"
            "start one: _one[1] as r1-1\n"
            "again one after #1 RunFailed in a while\n"
            "start one: _one[1] as r1-2\n"
            "end one failed RunFailed\n"
            "=> succeeded \"r1-1 Failed\" after 1s\n");
}

TEST(LowerRuns, ATimeoutCancelsThem) {
  ScriptedWorld world(with_two(R"rbk(runbook r() {
  step one = start _one(n: 1) timeout 5s on failure continue
  log.info(one.error?.kind ?? "fine")
})rbk"));
  Outcome slow = ok("x");
  slow.takes = 60 * kSecond;
  world.at("one", {slow});
  EXPECT_EQ(world.run("r"),
            "begin one\n"
            "start one: _one[1] as r1-1\n"
            "cancel its run rollback\n"
            "undo one\n"
            "undo run r1-1\n"
            "undone one\n"
            "end one failed Timeout\n"
            "info: Timeout\n"
            "=> partial after 5s\n");
}

TEST(LowerRuns, AreCancelledAsThisOneIs) {
  for (const auto& [rollback, now, word] :
       {std::tuple{false, false, ""}, std::tuple{true, false, " rollback"},
        std::tuple{false, true, " now"}}) {
    ScriptedWorld world(with_two("runbook r() {\n  step one = start _one(n: 1)\n}\n"));
    Outcome slow = ok("x");
    slow.takes = 60 * kSecond;
    world.at("one", {slow}).cancel_at("one", rollback, now);
    const std::string trace = world.run("r");
    EXPECT_NE(trace.find(std::string("cancel its run") + word + "\n"), std::string::npos) << trace;
    EXPECT_NE(trace.find("=> cancelled"), std::string::npos) << trace;
  }
}

TEST(LowerRuns, DetachedOnesAreNotWaitedFor) {
  ScriptedWorld world(with_two(R"rbk(runbook r() -> string {
  step one = detach _one(n: 1) rollback none "it ends by itself"
  if one.id != "" { fail "no" }
  return one.id
  after failure e { log.info(one?.id ?? "?") }
})rbk"));
  EXPECT_EQ(world.run("r"),
            "begin one\n"
            "end one ok {\"id\":\"r1-1\"}\n"
            "info: r1-1\n"
            "detach one: _one[1] as r1-1\n"
            "=> failed Failed: no\n");
}

TEST(LowerRuns, AreNotBegunWithWrongParameters) {
  ScriptedWorld world(with_two(R"rbk(runbook r(n: int) {
  step one = start _one(n: n)
})rbk"));
  const std::string trace = world.run("r", {{"n", 12}});
  EXPECT_EQ(trace.find("start one"), std::string::npos) << trace;
  EXPECT_NE(trace.find("parameter `n` of `_one`"), std::string::npos) << trace;
}

}  // namespace
}  // namespace rbk::lower
