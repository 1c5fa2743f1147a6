#include "compiler/effects/effects.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "compiler/check/check_testing.h"
#include "compiler/effects/touches.h"

namespace rbk::effects {
namespace {

Summary summary_of(const std::string& text, const std::map<std::string, std::string>& files = {}) {
  const check::CheckedProgram program = check::testing::check_text(text, files);
  EXPECT_FALSE(program.diagnostics.has_errors()) << check::testing::lines_of(program).front();
  return summarise(program, runbooks_of(program).front());
}

std::string requests(const Summary& summary) {
  std::string text;
  for (const Request& one : summary.requests)
    text += fmt::format("{} {} {} {} {}\n", one.behaviour, one.method, one.url, one.place.step,
                        static_cast<int>(one.place.phase));
  return text;
}

std::string commands(const Summary& summary) {
  std::string text;
  for (const Command& one : summary.commands)
    text += fmt::format("{}: {}\n", one.place.step, one.text);
  return text;
}

std::string time(const Bound& bound) {
  std::string text = format_duration(bound.fixed);
  for (const Bound::Term& term : bound.terms)
    text += fmt::format(" + {} / {} {}", format_duration(term.each), term.at_a_time, term.over);
  for (const Bound::Open& open : bound.open) text += fmt::format(" [{}: {}]", open.step, open.why);
  return text;
}

TEST(Effects, ACommandsValuesAreShownAsTheShellIsGivenThem) {
  const Summary found = summary_of(R"(
const odd = "it's; so"
const more = "; echo"
runbook r(word: string) {
  step a = shell("echo ${odd} ${"a b"} ${"it's ${word}"}") reads
  step b = shell(shell.raw("echo ${word} ${more}")) reads
}
)");
  EXPECT_EQ(commands(found),
            "a: echo 'it'\\''s; so' a b 'it'\\''s '${word}\n"
            "b: echo ${shell.raw(word)} ; echo\n");
}

TEST(Effects, AnAddressIsAHost) {
  EXPECT_EQ(host_of("http://[::1]:8080/x"), "[::1]");
  EXPECT_EQ(host_of("http://me@${host}:80/x"), "${host}");
}

TEST(Effects, AUrlIsShownAsFarAsItIsKnown) {
  const Summary found = summary_of(R"(
enum Env { staging, prod }
const desk: Url = "https://desk.example.com"
runbook r(service: string, env: Env = .staging, mirror: Url) {
  let lb: Url = "https://lb.${env}.example.com"
  let pool = "pools-" + service
  step a = http.post("${lb}/${pool}/drain") rollback { http.delete("${lb}/${pool}") }
  for zone in ["a", "b"] {
    step b = http.put("${desk}/zones/${zone}") rollback none "x"
  }
  step c = http.request("PURGE", "${mirror}/x?y=${a.url}") idempotent
}
)");
  EXPECT_EQ(requests(found),
            "writes POST https://lb.${env}.example.com/pools-${service}/drain a 0\n"
            "idempotent DELETE https://lb.${env}.example.com/pools-${service} a 1\n"
            "idempotent PUT https://desk.example.com/zones/a b 0\n"
            "idempotent PUT https://desk.example.com/zones/b b 0\n"
            "idempotent PURGE ${mirror}/x?y=${a.url} c 0\n");
  EXPECT_EQ(found.hosts.front().name, "lb.${env}.example.com");
  EXPECT_EQ(found.parameters.at(1).members, (std::vector<std::string>{"staging", "prod"}));
}

TEST(Effects, TheHostOfAUrl) {
  EXPECT_EQ(host_of("https://user:pw@h.${a.b(\"/\")}.com:8080/x?y"), "h.${a.b(\"/\")}.com");
  EXPECT_EQ(host_of("${base}/x"), "${base}");
  EXPECT_EQ(host_of("root@web-1"), "web-1");
}

TEST(Effects, CalledRunbooksAreFollowedWithWhatTheyAreGiven) {
  const Summary found = summary_of(R"(
import "lib.rbk" as lib
runbook r(host: string, pw: secret) {
  let whole = "${host}.example.com"
  step one = lib.stop(whole, pw)
  step two = lib.stop("db-1", pw)
}
)",
                                   {{"lib.rbk", R"(
runbook stop(name: string, password: secret, grace: int = 5) {
  step halt = shell("halt ${name} ${grace}", env: env { PW: password })
    rollback { shell("start ${name}") }
}
)"}});
  EXPECT_EQ(commands(found),
            "one/halt: halt ${host}.example.com 5\none/halt: start ${host}.example.com\n"
            "two/halt: halt db-1 5\ntwo/halt: start db-1\n");
  ASSERT_EQ(found.secrets.size(), 2U);
  EXPECT_EQ(found.secrets[0].name, "pw");
  EXPECT_EQ(found.secrets[0].to, "shell PW");
  ASSERT_EQ(found.calls.size(), 2U);
  EXPECT_EQ(found.calls[0].runbook, "lib.stop");
  EXPECT_FALSE(found.cut_short);
}

TEST(Effects, SecretsAreFoundThroughConditionsNamesAndFunctions) {
  const Summary found = summary_of(R"(
record Login { user: string, password: secret }
fn pick(prod: bool) -> secret {
  if prod { return secrets.prod }
  return other(prod)
}
fn other(prod: bool) -> secret {
  return match prod { case true => secrets.a
    case false => secrets.b }
}
runbook r(prod: bool, pw: secret) {
  let one = if prod { secrets.c } else { pw }
  let login = Login { user: "u", password: one }
  step a = inner(pick(prod), login.password)
  step b = shell("b", env: env { A: if prod { secrets.d } else { one } })
}
runbook inner(x: secret, y: secret) {
  step it = shell("in", env: env { X: x, Y: y })
}
)");
  std::string text;
  for (const Secret& one : found.secrets)
    text += fmt::format("{} {}: {}\n", one.place.step, one.to, one.name);
  EXPECT_EQ(text,
            "a/it shell X: secrets.prod\na/it shell X: secrets.a\na/it shell X: secrets.b\n"
            "a/it shell Y: secrets.c\na/it shell Y: pw\n"
            "b shell A: secrets.d\nb shell A: secrets.c\nb shell A: pw\n");
}

TEST(Effects, EveryPlaceWhereSomethingHappensIsThere) {
  const Summary found = summary_of(R"(
runbook r(x: bool) -> int {
  let n = if x { step a = shell("a") reads
    1 } else { step b = shell("b") reads
    2 }
  try { step c = shell("c") reads } catch e { step d = shell("d") reads }
  parallel { step f = shell("f") reads
    step g { step inner = shell("g") reads } }
  let many = parallel for i in [1, 2] { step h = shell("h ${i}") reads
    i }
  repeat every 1s at most 3 times { step k = shell("k") reads; until k.exit_code == 0 }
  step w = shell("w") timeout 1s
    on doubt verify { step v = shell("v") reads
      if v.exit_code == 0 { Doubt.done(shell.Output { }) } else { Doubt.not_done } }
    rollback { shell("undo-w") }
  defer { shell("defer") }
  match n { case 1 => { step m = shell("m") reads }
    case _ => { log.info("no") } }
  log.info("${many.length}")
  run.attach("/tmp/evidence")
  return n
  before rollback e { shell("before") reads }
  after success { shell("success") reads }
  after failure e { shell("failure") reads }
  after cancel { shell("cancel") reads }
}
)");
  std::string all;
  for (const Command& one : found.commands)
    all += fmt::format("{}{} ", one.text, static_cast<int>(one.place.phase));
  EXPECT_EQ(all,
            "a0 b0 c0 d0 f0 g0 h 10 h 20 k0 w0 v2 undo-w1 defer3 m0 before4 success5 failure6 "
            "cancel7 ");
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_EQ(found.files[0].path, "/tmp/evidence");
}

TEST(Effects, AKnownConditionLeavesTheOtherArmOut) {
  EXPECT_EQ(commands(summary_of(R"(
const wet: bool = false
runbook r() {
  if wet { step a = shell("a") reads } else { step b = shell("b") reads }
  step c = shell("c") reads when wet
}
)")),
            "b: b\n");
}

TEST(Effects, TheWorstCaseOfTimeoutsAndRetries) {
  const Summary found = summary_of(R"(
runbook r(hosts: list<string>, at_once: int where at_once in 1..5, soak: duration where soak <= 2m) {
  step a = shell("a") timeout 1m retry 2 times backoff 1s..10s rollback { shell("u") timeout 30s }
  wait soak
  for h in hosts {
    step b = shell("b ${h}") timeout 10s on doubt retry rollback { shell("v") timeout 5s }
  }
  parallel for h in hosts limit 4 { step c = shell("c ${h}") reads timeout 8s }
  parallel for h in hosts { step d = shell("d ${h}") reads timeout 7s }
  repeat every 5s at most 1m { step e = shell("e") reads timeout 3s; until e.exit_code == 0 }
  step g {
    step inner = shell("long") reads
  } timeout 40s
  for i in 1..at_once { step k = shell("k ${i}") reads timeout 2s }
}
)");
  // a 3m20s, soak 2m, d 7s, e 1m3s, g 40s, k 10s; b 20s each, c 8s for every 4.
  EXPECT_EQ(time(found.forward), "7m20s + 20s / 1 hosts + 8s / 4 hosts");
  EXPECT_EQ(time(found.rollback), "30s + 5s / 1 hosts");
}

TEST(Effects, WhatHasNoBoundIsNamed) {
  const Summary found = summary_of(R"(
runbook r(patience: duration = 5s, t: time) {
  step a = shell("a") reads
  step b = shell("b") reads timeout patience
  wait until t
  approval go "Go?" { }
  step c = r(patience, t)
}
)");
  EXPECT_EQ(time(found.forward),
            "0s [a: `shell` has no `timeout`] [b: the `timeout` `patience` is not known before the "
            "run] [: `wait until t` ends at a time that is not known before the run] [go: the "
            "approval has no `expires`] [c: `r` calls itself]");
}

TEST(Effects, WaitsEndWhenTheFirstOfThemDoes) {
  const Summary found = summary_of(R"(
record Go { version: string }
runbook r(t: time) {
  let go = wait for signal go: Go by group "ci" timeout 1h
  hold 10m every 30s { step gate = shell("gate") reads timeout 5s }
  wait first {
    case signal stop: Go => log.info("s")
    case until t => log.info("t")
    case repeat every 15s { step lag = shell("lag") reads timeout 5s; until lag.exit_code == 0 } => log.info("u")
    case 2h => log.info(go.version)
  }
  wait first {
    case repeat every 1s at most 1m { step a = shell("a") reads timeout 5s; until a.exit_code == 0 } => log.info("v")
    case until t => log.info("w")
  }
  ask what "Which?" { by starter; form { n: int = 1 }; expires 30m then default }
  log.info("${what.n}")
}
)");
  EXPECT_EQ(time(found.forward), "3h41m10s");  // 1h, 10m5s, 2h, 1m5s, 30m
  ASSERT_EQ(found.signals.size(), 2U);
  EXPECT_EQ(found.signals[0].by, std::vector<std::string>{"group \"ci\""});
  ASSERT_EQ(found.approvals.size(), 1U);
  EXPECT_TRUE(found.approvals[0].is_ask);
  EXPECT_EQ(found.commands.size(), 3U);
}

TEST(Effects, ACommitEndsWhatIsUndone) {
  const Summary found = summary_of(R"(
runbook r() {
  step a = shell("a") timeout 1s rollback { shell("x") timeout 1m }
  commit "done"
  step b = shell("b") timeout 1s rollback { shell("y") timeout 20s }
}
)");
  EXPECT_EQ(time(found.rollback), "1m");
}

TEST(Effects, ManyCallsAreCutShortAndSaySo) {
  std::string text = "runbook r() {\n  step a = _f0()\n}\n";
  for (int i = 0; i < 12; ++i)
    text +=
        fmt::format("runbook _f{0}() {{\n  step a = _f{1}()\n  step b = _f{1}()\n}}\n", i, i + 1);
  text += "runbook _f12() {\n  step x = shell(\"x\") reads\n}\n";
  EXPECT_TRUE(summary_of(text).cut_short);
}

TEST(Effects, ATextThatDoublesItselfStaysShort) {
  std::string text = "runbook r(a: string) {\n  let x0 = \"${a}${a}\"\n";
  for (int i = 1; i < 40; ++i)
    text += fmt::format("  let x{0} = \"${{x{1}}}${{x{1}}}\"\n", i, i - 1);
  text += "  step s = shell(\"echo ${x39}\") reads\n}\n";
  EXPECT_LT(summary_of(text).commands.front().text.size(), 2100U);
}

}  // namespace
}  // namespace rbk::effects
