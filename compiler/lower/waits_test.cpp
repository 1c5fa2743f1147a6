// Waiting: repeat, wait, approvals.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

TEST(LowerWaits, RepeatUntil) {
  ScriptedWorld world(R"rbk(runbook r() {
  repeat every 10s at most 1m {
    step probe = measure("p")
    until probe > 2
    log.info("not yet")
  }
  step go_on = put("on") rollback none "x"
}
)rbk");
  world.at("probe", {ok(1), ok(2), ok(3)});
  EXPECT_EQ(world.run("r"), R"(begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 2
info: not yet
begin probe
do probe: measure("p")
end probe ok 3
begin go_on
do go_on: put("on")
end go_on ok "on"
=> succeeded after 20s
)");
  // A retryable error of a reads step means: not yet.
  world.at("probe", {ok(1), fails("Flaky", true), ok(3)});
  EXPECT_EQ(world.run("r"), R"(begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe failed Flaky
begin probe
do probe: measure("p")
end probe ok 3
begin go_on
do go_on: put("on")
end go_on ok "on"
=> succeeded after 20s
)");
  world.at("probe", {ok(1), fails("Boom")});
  EXPECT_EQ(world.run("r"), R"(begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe failed Boom
=> failed Boom: no Boom after 10s
)");
  // The last round begins at the deadline.
  world.at("probe", {ok(1), ok(1), ok(1), ok(1), ok(1), ok(1), ok(1), ok(1)});
  EXPECT_EQ(world.run("r"), R"(begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
begin probe
do probe: measure("p")
end probe ok 1
info: not yet
=> failed Timeout: `repeat` did not come to its end within 1m after 1m
not used: an outcome of probe
)");
}

TEST(LowerWaits, RepeatTimes) {
  ScriptedWorld world(R"rbk(runbook r() {
  repeat every 1s at most 2 times {
    step write = put("w") rollback none "x"
    step probe = measure("p")
    if probe > 2 { break }
    until probe > 100
  }
}
)rbk");
  world.at("probe", {ok(1), ok(3)});
  EXPECT_EQ(world.run("r"), R"(begin write
do write: put("w")
end write ok "w"
begin probe
do probe: measure("p")
end probe ok 1
begin write
do write: put("w")
end write ok "w"
begin probe
do probe: measure("p")
end probe ok 3
=> succeeded after 1s
)");
  world.at("probe", {ok(1), ok(1), ok(1)});
  EXPECT_EQ(world.run("r"), R"(begin write
do write: put("w")
end write ok "w"
begin probe
do probe: measure("p")
end probe ok 1
begin write
do write: put("w")
end write ok "w"
begin probe
do probe: measure("p")
end probe ok 1
=> failed Timeout: `repeat` did not come to its end in 2 rounds after 1s
not used: an outcome of probe
)");
  // Of a step that writes it is an error.
  world.at("write", {fails("Flaky", true)});
  EXPECT_EQ(world.run("r"), R"(begin write
do write: put("w")
end write failed Flaky
=> failed Flaky: no Flaky
)");
}

TEST(LowerWaits, HoldChecksFromItsBeginToItsEnd) {
  ScriptedWorld world(R"rbk(runbook r() {
  hold 1m every 25s {
    step gate = measure("g")
    require gate < 3
  }
}
)rbk");
  const std::string check = "begin gate\ndo gate: measure(\"g\")\nend gate ok ";
  // At 0s, 25s, 50s, and the last when the time is up.
  world.at("gate", {ok(1), ok(1), ok(2), ok(2)});
  EXPECT_EQ(world.run("r"),
            check + "1\n" + check + "1\n" + check + "2\n" + check + "2\n=> succeeded after 1m\n");
  world.at("gate", {ok(1), ok(1), ok(1), ok(3)});
  EXPECT_EQ(world.run("r"),
            check + "1\n" + check + "1\n" + check + "1\n" + check +
                "3\n=> failed Failed: `gate < 3` does not hold: gate = 3 after 1m\n");
  // The interval is from begin to begin; what takes longer is followed at once: 0s, 25s, 65s.
  const int64_t s = 1'000'000;
  world.at("gate", {ok(1, 5 * s), ok(1, 40 * s), ok(2, 10 * s)});
  EXPECT_EQ(world.run("r"),
            check + "1\n" + check + "1\n" + check + "2\n=> succeeded after 1m15s\n");
  // One that began before the end of the time and ended after it was not the last: 0s, 59s.
  world.at("gate", {ok(1, 59 * s), ok(1, 20 * s), ok(2, 1 * s)});
  EXPECT_EQ(world.run("r"),
            check + "1\n" + check + "1\n" + check + "2\n=> succeeded after 1m20s\n");
  world.at("gate", {ok(1), fails("Flaky", true)});
  EXPECT_EQ(world.run("r"), check + "1\n" +
                                "begin gate\ndo gate: measure(\"g\")\nend gate failed Flaky\n"
                                "=> failed Flaky: no Flaky after 25s\n");
}

TEST(LowerWaits, WaitAndNow) {
  ScriptedWorld world(R"rbk(runbook r() -> duration {
  let started = now()
  wait 90s
  wait until started + 5m
  return now() - started
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(=> succeeded "5m" after 5m
)");
}

TEST(LowerWaits, Approval) {
  ScriptedWorld world(R"rbk(runbook r(n: int = 2) -> string {
  approval go "Go on with ${n}?" {
    by group "ops", user "carol"
    quorum n
    form { ticket: string where ticket matches r"^OPS-\d+$", note: string? = null }
    expires 4h then reject
  }
  return "${go.ticket} by ${go.approvers.join(",")}"
}
)rbk");
  world.decide({{"ticket", "OPS-1"}});
  EXPECT_EQ(
      world.run("r"),
      R"(approve: {"name":"go","question":"Go on with 2?","by":[{"group":"ops"},{"user":"carol"}],"quorum":2,"allow_starter":false,"form":{"fields":[{"name":"ticket","type":"string","where":["ticket matches r\"^OPS-\\d+$\""]},{"name":"note","type":"string?","optional":true,"default":"null"}]}} expires in 4h
=> succeeded "OPS-1 by bob"
)");
  // A form that does not fit is asked for again.
  world.decide({{"ticket", "x"}}).decide({{"ticket", "OPS-2"}});
  EXPECT_EQ(
      world.run("r"),
      R"(approve: {"name":"go","question":"Go on with 2?","by":[{"group":"ops"},{"user":"carol"}],"quorum":2,"allow_starter":false,"form":{"fields":[{"name":"ticket","type":"string","where":["ticket matches r\"^OPS-\\d+$\""]},{"name":"note","type":"string?","optional":true,"default":"null"}]}} expires in 4h
warn: approval `go` is asked again, `ticket` does not fit: `ticket matches r"^OPS-\d+$"` does not hold: ticket = "x"
approve: {"name":"go","question":"Go on with 2?","by":[{"group":"ops"},{"user":"carol"}],"quorum":2,"allow_starter":false,"form":{"fields":[{"name":"ticket","type":"string","where":["ticket matches r\"^OPS-\\d+$\""]},{"name":"note","type":"string?","optional":true,"default":"null"}]}} expires in 4h
=> succeeded "OPS-2 by bob"
)");
  world.decide({}, false);
  EXPECT_EQ(
      world.run("r"),
      R"(approve: {"name":"go","question":"Go on with 2?","by":[{"group":"ops"},{"user":"carol"}],"quorum":2,"allow_starter":false,"form":{"fields":[{"name":"ticket","type":"string","where":["ticket matches r\"^OPS-\\d+$\""]},{"name":"note","type":"string?","optional":true,"default":"null"}]}} expires in 4h
=> failed Rejected: rejected by bob
)");
  EXPECT_EQ(
      world.run("r"),
      R"(approve: {"name":"go","question":"Go on with 2?","by":[{"group":"ops"},{"user":"carol"}],"quorum":2,"allow_starter":false,"form":{"fields":[{"name":"ticket","type":"string","where":["ticket matches r\"^OPS-\\d+$\""]},{"name":"note","type":"string?","optional":true,"default":"null"}]}} expires in 4h
=> failed Rejected: nobody decided in time after 4h
)");
}

TEST(LowerWaits, AQuestionIsAnsweredOrHasItsDefaults) {
  ScriptedWorld world(R"rbk(enum Blocked { skip, force }
runbook r(least: int = 0) -> string {
  ask what "Which?" {
    by starter, user "carol"
    form { choice: Blocked = .skip, count: int = 2 where count > least, note: string? }
    expires 30m then default
  }
  return "${what.choice} ${what.count} ${what.note ?? "-"}"
}
)rbk");
  const std::string ask =
      R"(ask: {"name":"what","question":"Which?","by":[{"starter":true},{"user":"carol"}],"form":{"fields":[)"
      R"({"name":"choice","type":"Blocked","default":".skip","members":["skip","force"]},)"
      R"({"name":"count","type":"int","default":"2","where":["count > least"]},)"
      R"({"name":"note","type":"string?","optional":true}]}} expires in 30m
)";
  world.decide({{"choice", "force"}, {"count", 7}, {"note", "why not"}});
  EXPECT_EQ(world.run("r"), ask + "=> succeeded \"force 7 why not\"\n");
  world.decide({});
  EXPECT_EQ(world.run("r"), ask + "=> succeeded \"skip 2 -\"\n");
  // Nobody answers.
  EXPECT_EQ(world.run("r"), ask + "=> succeeded \"skip 2 -\" after 30m\n");
  EXPECT_EQ(
      world.run("r", {{"least", 5}}),
      ask +
          "=> failed Failed: question `what` has no answer, and the default of `count` does not "
          "fit: `count > least` does not hold: count = 2, least = 5 after 30m\n");
  world.decide({{"count", 0}}).decide({{"count", 1}});
  EXPECT_EQ(world.run("r"),
            ask +
                "warn: question `what` is asked again, `count` does not fit: `count "
                "> least` does not hold: count = 0, least = 0\n" +
                ask + "=> succeeded \"skip 1 -\"\n");
  world.decide({}, false);
  EXPECT_EQ(world.run("r"), ask +
                                "not taken: a question is answered, not rejected\n"
                                "stuck: nothing more happens\n");
}

TEST(LowerWaits, AQuestionThatNobodyAnswersFails) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  ask what "Which?" { expires 30m then fail }
  return "answered"
}
)rbk");
  const std::string ask =
      R"(ask: {"name":"what","question":"Which?","by":[],"form":{"fields":[]}} expires in 30m
)";
  EXPECT_EQ(world.run("r"), ask + "=> failed Timeout: nobody answered in time after 30m\n");
  world.decide({});
  EXPECT_EQ(world.run("r"), ask + "=> succeeded \"answered\"\n");
}

constexpr int64_t kMinute = 60'000'000;

TEST(LowerSignals, GiveWhatTheyBringAndWhoSentThem) {
  ScriptedWorld world(R"rbk(record Go { version: string, hosts: list<string> = [], sender: string? }
fn show(go: Go) -> string {
  return "${go.version} ${go.sender ?? "-"}"
}
runbook r() -> string {
  let go = wait for signal go: Go by starter by group "ops" timeout 1h
  return "${go.version} ${go.hosts.length} ${show(go.payload)} by ${go.sender}"
}
)rbk");
  const std::string await = "await go by [{\"starter\":true},{\"group\":\"ops\"}]\nsignal go\n";
  world.signal(kMinute, {"go", {{"version", "1.2"}, {"sender", "me"}}, "alice", {}});
  EXPECT_EQ(world.run("r"), await + "=> succeeded \"1.2 0 1.2 me by alice\" after 1m\n");
  // Of a sender whom `by` does not name it does not count; of one of the group it does.
  world.signal(kMinute, {"go", {{"version", "1.2"}}, "eve", {"dev"}});
  world.signal(2 * kMinute, {"go", {{"version", "1.3"}, {"hosts", {"a"}}}, "eve", {"dev", "ops"}});
  EXPECT_EQ(world.run("r"), await +
                                "signal go\n"
                                "warn: nothing waited for the signal `go` that eve sent\n"
                                "=> succeeded \"1.3 1 1.3 - by eve\" after 2m\n");
  // What does not fit is not taken.
  world.signal(kMinute, {"go", {{"version", 5}}, "alice", {}});
  world.signal(kMinute, {"stop", {}, "alice", {}});
  EXPECT_EQ(world.run("r"),
            await +
                "not taken: the signal `go`: $.version: expected string, got 5\n"
                "signal stop\n"
                "not taken: nothing waits for a signal `stop`\n"
                "=> failed Timeout: the signal `go` did not come in time after 1h\n");
}

TEST(LowerSignals, OneThatCameEarlyIsKept) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  wait 10m
  let first = wait for signal go: int timeout 1h
  let second = wait for signal go: int by user "bob" timeout 1h
  wait for signal done timeout 1h
  return "${first.payload} by ${first.sender}, ${second.payload} by ${second.sender}"
}
)rbk");
  world.signal(kMinute, {"go", 1, "ann", {}})
      .signal(2 * kMinute, {"go", 2, "eve", {}})
      .signal(3 * kMinute, {"done", nullptr, "eve", {}})
      .signal(20 * kMinute, {"go", 3, "bob", {}});
  EXPECT_EQ(world.run("r"), R"(signal go
signal go
signal done
warn: the signal `go` that eve sent before does not count here, by `by`
await go by [{"user":"bob"}]
signal go
warn: nothing waited for the signal `go` that eve sent
=> succeeded "1 by ann, 3 by bob" after 20m
)");
}

TEST(LowerSignals, WhoWaitsLongestComesFirst) {
  ScriptedWorld world(R"rbk(runbook r() -> list<int> {
  return parallel for host in ["a", "b", "c"] {
    let go = wait for signal go: int
    go.payload
  }
}
)rbk");
  world.signal(kMinute, {"go", 1, "ann", {}})
      .signal(2 * kMinute, {"go", 2, "ann", {}})
      .signal(3 * kMinute, {"go", 3, "ann", {}});
  EXPECT_EQ(world.run("r"), R"(await go[a]
await go[b]
await go[c]
signal go
signal go
signal go
=> succeeded [1,2,3] after 3m
)");
}

TEST(LowerSignals, CancellationAndTimeoutsEndTheWait) {
  ScriptedWorld world(R"rbk(runbook r() {
  step gate {
    step prepare = put("p") rollback { put("undone") }
    wait for signal go
  } timeout 5m
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin gate
begin gate/prepare
do gate/prepare: put("p") timeout 5m
end gate/prepare ok "p"
await gate/go
undo gate/prepare
begin gate/prepare/rollback/put
do gate/prepare/rollback/put: put("undone")
end gate/prepare/rollback/put ok "undone"
undone gate/prepare
end gate failed Timeout
=> failed Timeout: the time was up (rolled back) after 5m
)");
}

TEST(LowerWaitFirst, TheFirstCaseGivesTheValueAndTheOthersEnd) {
  ScriptedWorld world(R"rbk(record Cutover { version: string }
runbook r() -> string {
  let begin = now()
  let how = wait first {
    case signal cutover: Cutover as c => "${c.version} by ${c.sender}"
    case until begin + 90m => "window"
    case repeat every 10m { step lag = measure("lag"); until lag < 1 } => "caught up"
    case 2h => fail "nobody came"
  }
  step go_on = put(how) rollback none "x"
  return how
}
)rbk");
  const std::string first = "begin lag\nawait cutover\ndo lag: measure(\"lag\")\nend lag ok 5\n";
  const std::string poll = "begin lag\ndo lag: measure(\"lag\")\nend lag ";
  const auto done = [](const std::string& how, const std::string& after) {
    return "begin go_on\ndo go_on: put(\"" + how + "\")\nend go_on ok \"" + how +
           "\"\n=> succeeded \"" + how + "\" after " + after + "\n";
  };
  world.at("lag", {ok(5)}).signal(5 * kMinute, {"cutover", {{"version", "1.2"}}, "ann", {}});
  EXPECT_EQ(world.run("r"), first + "signal cutover\n" + done("1.2 by ann", "5m"));
  world.at("lag", {ok(5), ok(0)});
  EXPECT_EQ(world.run("r"), first + poll + "ok 0\n" + done("caught up", "10m"));
  world.at("lag", std::vector<Outcome>(9, ok(5)));
  std::string polls;
  for (int i = 1; i < 9; ++i) polls += poll + "ok 5\n";
  EXPECT_EQ(world.run("r"), first + polls + done("window", "1h30m"));
  // What fails before another has won is the failure of the whole.
  world.at("lag", {ok(5), fails("Boom")});
  EXPECT_EQ(world.run("r"), first + poll + "failed Boom\n=> failed Boom: no Boom after 10m\n");
}

TEST(LowerWaitFirst, ACaseThatLosesIsUnwoundAndItsWritesAreLetFinish) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  return wait first {
    case signal stop => "stopped"
    case repeat every 1m {
      step mark = put("m") rollback { put("unmark") }
      step probe = look("p")
      until probe == "yes"
    } => "yes"
  }
}
)rbk");
  const std::string begun = "begin mark\nawait stop\ndo mark: put(\"m\")\n";
  const std::string probe = "begin probe\ndo probe: look(\"p\")\n";
  const std::string undone =
      "undo mark\nbegin mark/rollback/put\ndo mark/rollback/put: put(\"unmark\")\n"
      "end mark/rollback/put ok \"unmark\"\nundone mark\n=> succeeded \"stopped\"";
  // A write under way is let finish, and then undone.
  world.at("mark", {ok("m", 10'000'000)}).signal(kMinute / 12, {"stop", nullptr, "ann", {}});
  EXPECT_EQ(world.run("r"), begun + "signal stop\nend mark ok \"m\"\n" + undone + " after 10s\n");
  // What reads is told to end.
  world.at("probe", {ok("no", 10'000'000)}).signal(kMinute / 12, {"stop", nullptr, "ann", {}});
  EXPECT_EQ(world.run("r"), begun + "end mark ok \"m\"\n" + probe +
                                "signal stop\nstop\nend probe ok \"no\"\n" + undone +
                                " after 10s\n");
  // The winner's rollbacks stay.
  world.at("probe", {ok("yes")});
  EXPECT_EQ(world.run("r"),
            begun + "end mark ok \"m\"\n" + probe + "end probe ok \"yes\"\n=> succeeded \"yes\"\n");
}

TEST(LowerWaitFirst, TheCasesAreInTheirOrderWhenSeveralAreThere) {
  ScriptedWorld world(R"rbk(runbook r() -> string {
  var seen = ""
  wait 10m
  for i in 1..4 {
    wait first {
      case signal b: int as got => seen = "${seen} b${got.payload}"
      case signal a: int as got => seen = "${seen} a${got.payload}"
      case 1h => {
        seen = "${seen} late"
        break
      }
    }
  }
  return seen
}
)rbk");
  world.signal(kMinute, {"a", 1, "ann", {}}).signal(2 * kMinute, {"b", 2, "ann", {}});
  EXPECT_EQ(world.run("r"), R"(signal a
signal b
await b[2]
await b[3]
await a[3]
=> succeeded " b2 a1 late" after 1h10m
)");
}

TEST(LowerWaitFirst, WhatIsAroundItEndsAllOfIt) {
  ScriptedWorld world(R"rbk(runbook r(bake: duration = 1h) {
  step gate {
    wait first {
      case signal go => log.info("went")
      case hold bake every 10m { step look_at = look("x") } => log.info("held")
    }
  } timeout 15m
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(begin gate
begin gate/look_at
await gate/go
do gate/look_at: look("x") timeout 15m
end gate/look_at ok "x"
begin gate/look_at
do gate/look_at: look("x") timeout 5m
end gate/look_at ok "x"
end gate failed Timeout
=> failed Timeout: the time was up after 15m
)");
}

TEST(LowerWaits, RunAndLog) {
  ScriptedWorld world(R"rbk(runbook r() {
  run.label("ticket", "OPS-1")
  run.note("half way")
  run.progress(1, 2)
  log.warn("from ${run.starter} ${run.id}")
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(label ticket = "OPS-1"
note: half way
progress [1,2]
warn: from alice r1
=> succeeded
)");
}

}  // namespace
}  // namespace rbk::lower
