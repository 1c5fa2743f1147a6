#include "compiler/effects/compare.h"

#include <gtest/gtest.h>

#include "compiler/check/check_testing.h"

namespace rbk::effects {
namespace {

Summary summary_of(const std::string& text) {
  const check::CheckedProgram program = check::testing::check_text(text);
  EXPECT_FALSE(program.diagnostics.has_errors()) << check::testing::lines_of(program).front();
  return summarise(program, runbooks_of(program).front());
}

/// "! 2 step/undo x: a -> b": what counts of each change.
std::string changes(const std::string& before, const std::string& after) {
  std::string text;
  for (const Change& one : compare(summary_of(before), summary_of(after)))
    text += fmt::format("{}{}{} {} {}: {} -> {}\n", one.widens ? "!" : "", "+-~"[int(one.kind)],
                        int(one.what), one.subject, one.aspect, one.before, one.after);
  return text;
}

std::string runbook(const std::string& body, const std::string& head = "") {
  return "runbook r(" + head + ") {\n" + body + "\n}\n";
}

TEST(Compare, CommentsAndTitlesMakeNoDifference) {
  EXPECT_EQ(changes(runbook("step a = shell(\"a\") reads\n step b = shell(\"b\") reads"),
                    "/// Doc.\n" + runbook("// c\n step a = shell(\"a\") reads\n\n step b \"B\" = "
                                           "shell(\"b\") reads")),
            "");
}

TEST(Compare, WhatComesAfterWhat) {
  const std::string a = "step a = shell(\"a\") reads\n";
  const std::string b = "step b = shell(\"b\") reads\n";
  EXPECT_EQ(changes(runbook(a + b), runbook(b + a)), "!~17 order b, a text: a, b -> b, a\n");
  EXPECT_EQ(changes(runbook(a + "commit \"x\"\n" + b), runbook(a + b + "commit \"x\"")),
            "!~17 order a, b, commit text: a, commit, b -> a, b, commit\n");
  // One more is told as that.
  EXPECT_EQ(changes(runbook(a), runbook(b + a)).find("order"), std::string::npos);
}

TEST(Compare, WhatUndoesAndEndsIsCompared) {
  const auto undo = [](const std::string& in) {
    return runbook("step a = shell(\"a\") timeout 1m rollback {\n" + in +
                       "\n}\nafter failure e {\n" + in + "\n}",
                   "n: int");
  };
  const auto count = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  const std::string post = "http.post(\"https://a.example.com\", json: json { a: 1 }) timeout 1m";
  EXPECT_EQ(count(changes(undo(post), undo(post))), 0);
  const std::string others[] = {
      "http.post(\"https://a.example.com\", json: json { a: 2 }) timeout 1m",
      post + " retry 2 times", post + " on failure continue", "if n > 1 { " + post + " }"};
  for (const std::string& other : others) {
    const std::string told = changes(undo(post), undo(other));
    EXPECT_NE(told.find("17 call"), std::string::npos) << other;
  }
  const auto verify = [](const std::string& value) {
    return runbook("step a = shell(\"a\") timeout 1m on doubt verify {\n" + value +
                   "\n} rollback none \"x\"");
  };
  EXPECT_EQ(changes(verify("Doubt.not_done"), verify("Doubt.unknown")),
            "~17 value Doubt.unknown text: Doubt.not_done -> Doubt.unknown\n");
}

TEST(Compare, ConstantsAndDefaultsOfRecords) {
  const auto of = [](const std::string& most, const std::string& mode) {
    return "const most = " + most + "\nrecord Opt { mode: string = \"" + mode + "\" }\n" +
           runbook("let opt = Opt { }\nrequire n < most\nlog.info(opt.mode)", "n: int");
  };
  EXPECT_EQ(changes(of("4", "soft"), of("400", "soft")),
            "~17 const most text: most = 4 -> most = 400\n");
  EXPECT_EQ(changes(of("4", "soft"), of("4", "hard")),
            "~17 record Opt text: Opt { mode: string = \"soft\" } -> Opt { mode: string = "
            "\"hard\" }\n");
}

TEST(Compare, ARangeThatGrowsWidensOneThatShrinksDoesNot) {
  const std::string narrow = runbook("log.info(\"${n}\")", "n: int = 1 where n in 1..10");
  const std::string wide = runbook("log.info(\"${n}\")", "n: int = 1 where n in 1..20");
  const std::string free = runbook("log.info(\"${n}\")", "n: int = 1");
  EXPECT_EQ(changes(narrow, wide), "!~1 n where: n in 1..10 -> n in 1..20\n");
  EXPECT_EQ(changes(wide, narrow), "~1 n where: n in 1..20 -> n in 1..10\n");
  EXPECT_EQ(changes(narrow, free), "!~1 n where: n in 1..10 -> \n");
  EXPECT_EQ(changes(free, narrow), "~1 n where:  -> n in 1..10\n");
}

TEST(Compare, AnApprovalThatIsGoneOrWeakerWidens) {
  const std::string two = runbook("approval go \"?\" {\n by group \"a\"\n quorum 2\n}");
  const std::string one = runbook("approval go \"?\" {\n by group \"a\"\n}");
  const std::string starter = runbook("approval go \"?\" {\n by group \"a\"\n allow starter\n}");
  const std::string none = runbook("log.info(\"x\")");
  EXPECT_EQ(changes(two, one), "!~11 go quorum: 2 -> 1\n");
  EXPECT_EQ(changes(one, two), "~11 go quorum: 1 -> 2\n");
  EXPECT_EQ(changes(one, starter), "!~11 go starter: not allowed -> allowed\n");
  EXPECT_EQ(changes(one, none), "!-11 go :  -> \n~19  bound: no bound -> 0s\n");
}

TEST(Compare, AStepThatWritesOrIsNotUndoneAnyMoreWidens) {
  const std::string undone =
      runbook("step a = shell(\"a\") timeout 1m rollback { shell(\"u\") timeout 1m }");
  const std::string left = runbook("step a = shell(\"a\") timeout 1m rollback none \"x\"");
  const std::string reads = runbook("step a = shell(\"a\") timeout 1m reads rollback none \"x\"");
  EXPECT_EQ(changes(undone, left),
            "-6 u :  -> \n-7 a text: u -> \n!~16 a undo: rollback -> none \"x\"\n"
            "-17 call shell(\"u\") timeout 1m : shell(\"u\") timeout 1m -> \n"
            "~20  bound: 1m -> 0s\n");
  EXPECT_EQ(changes(reads, left), "!~16 a behaviour: reads -> writes\n");
  EXPECT_EQ(changes(left, reads), "~16 a behaviour: writes -> reads\n");
}

TEST(Compare, WhatIsReachedNewlyWidens) {
  const std::string before =
      runbook("step a = http.get(\"https://a.example.com/x\") timeout 1m", "k: secret");
  const std::string after =
      runbook("step a = http.get(\"https://b.example.com/x\", bearer: k) timeout 1m", "k: secret");
  EXPECT_EQ(changes(before, after),
            "-4 a.example.com :  -> \n!+4 b.example.com :  -> \n"
            "-5 GET https://a.example.com/x :  -> \n!+5 GET https://b.example.com/x :  -> \n"
            "!+9 k :  -> \n");
}

TEST(Compare, WhatHoldsBackIsARule) {
  const auto rule = [](const std::string& before, const std::string& after) {
    std::string all;
    for (const Change& one : compare(summary_of(before), summary_of(after)))
      if (one.what == Change::What::kRule)
        all += fmt::format("{}{}{} {} {}: {} -> {}\n", one.widens ? "!" : "", "+-~"[int(one.kind)],
                           one.subject, one.aspect, one.place.step, one.before, one.after);
    return all;
  };
  const std::string head = "hosts: list<string>, n: int";
  const auto of = [&](const std::string& body) { return runbook(body, head); };
  const std::string step = "step a { log.info(\"${n}\") }";
  const std::pair<std::string, std::string> cases[] = {
      {"require n > 1", "!~require n > 2 text : n > 1 -> n > 2\n"},
      {"wait 5m", "!~wait 6m text : 5m -> 6m\n"},
      {"hold 5m every 1m { require n > 0 }",
       "!~hold 6m every 1m text : 5m every 1m -> 6m every 1m\n"},
      {"repeat every 5s at most 3 times { until n > 1 }",
       "~repeat every 6s at most 3 times text : every 5s at most 3 times -> every 6s at most 3 "
       "times\n"},
      {"for h in hosts { log.info(h) }",
       "!~for h in hosts.sort() text : h in hosts -> h in "
       "hosts.sort()\n"},
  };
  const std::string others[] = {"require n > 2", "wait 6m", "hold 6m every 1m { require n > 0 }",
                                "repeat every 6s at most 3 times { until n > 1 }",
                                "for h in hosts.sort() { log.info(h) }"};
  for (size_t i = 0; i < std::size(others); ++i)
    EXPECT_EQ(rule(of(cases[i].first), of(others[i])), cases[i].second);
  for (const auto& [text, told] : cases) EXPECT_EQ(rule(of(text), of(text)), "");
  EXPECT_EQ(rule(of(step + "\nwait 5m"), of(step)), "!-wait 5m  : 5m -> \n");
  EXPECT_EQ(rule(of(step), of(step + "\nwait 5m")), "+wait 5m  :  -> 5m\n");
  // What is laid out differently is the same.
  EXPECT_EQ(rule(of("require n > 1 and\n    n < 5"), of("require n > 1 and n < 5")), "");
}

TEST(Compare, WhichRoundsFailAloneAndHowManyAtOnce) {
  const auto of = [](const std::string& head) {
    return runbook(
        "let all = parallel for h in hosts " + head +
            " {\n step a = shell(\"x ${h}\") reads timeout 1m\n h\n}\nlog.info(\"${all.length}\")",
        "hosts: list<string>");
  };
  EXPECT_EQ(changes(of("limit 2"), of("limit 3")).substr(0, 47),
            "!~17 parallel for h in hosts limit: 2 -> 3\n~19 ");
  EXPECT_EQ(changes(of("limit 3"), of("limit 2")).substr(0, 42),
            "~17 parallel for h in hosts limit: 3 -> 2\n");
  EXPECT_EQ(changes(of("limit 1"), of("limit 1 on failure continue")),
            "!~17 parallel for h in hosts on failure: fail -> continue\n");
}

TEST(Compare, AConditionAroundAStepOrAnApproval) {
  const std::string approval = "approval go \"?\" {\n by group \"a\"\n expires 1h then reject\n}";
  const std::string step = "step a = shell(\"a\") timeout 1m reads";
  const auto under = [](const std::string& body, const std::string& condition) {
    return runbook("if " + condition + " {\n" + body + "\n}", "n: int");
  };
  EXPECT_EQ(changes(runbook(step, "n: int"), under(step, "n > 1")), "~16 a only_if:  -> n > 1\n");
  EXPECT_EQ(changes(under(step, "n > 1"), runbook(step, "n: int")), "!~16 a only_if: n > 1 -> \n");
  EXPECT_EQ(changes(runbook(approval, "n: int"), under(approval, "n > 1")),
            "!~11 go only_if:  -> n > 1\n");
  EXPECT_EQ(changes(under(step, "n > 1"),
                    runbook("match n {\n case 2 => { " + step + " }\n case _ => { }\n}", "n: int")),
            "!~16 a only_if: n > 1 -> n is 2\n+17 match n by 2 | _ :  -> n by 2 | _\n");
}

TEST(Compare, WhatElseAStepGivesToItsAction) {
  const auto of = [](const std::string& more) {
    return runbook("step a = http.post(\"https://a.example.com\"" + more +
                   ") timeout 1m on doubt retry rollback none \"x\"");
  };
  EXPECT_EQ(changes(of(", json: json { a: 1 }"), of(", json: json { a: 2 }")),
            "~16 a argument json: json { a: 1 } -> json { a: 2 }\n");
  EXPECT_EQ(changes(of(", json: json { a: 1 }"), of("")),
            "~16 a argument json: json { a: 1 } -> \n");
}

TEST(Compare, FunctionsAndNamesThatItDependsOn) {
  const auto of = [](const std::string& fn, const std::string& let) {
    return "fn f(n: int) -> int { return g(n) }\nfn g(n: int) -> int { return " + fn + " }\n" +
           runbook("let x = f(n) + " + let + "\nrequire x > 1", "n: int");
  };
  EXPECT_EQ(changes(of("n", "1"), of("n * 2", "1")),
            "~17 fn g text: g(n: int) -> int { return n } -> g(n: int) -> int { return n * 2 }\n");
  EXPECT_EQ(changes(of("n", "1"), of("n", "2")), "~17 let x text: x = f(n) + 1 -> x = f(n) + 2\n");
}

TEST(Compare, WhoMaySendASignalAndWhatIsSentWithIt) {
  const auto of = [](const std::string& more) {
    return runbook("let _go = wait for signal go" + more + " timeout 1h");
  };
  EXPECT_EQ(changes(of(": int by group \"a\""), of(": int")), "!~13 go by: group \"a\" -> \n");
  EXPECT_EQ(changes(of(""), of(" by group \"a\"")), "~13 go by:  -> group \"a\"\n");
  EXPECT_EQ(changes(of(": int"), of(": string")), "~13 go type: int -> string\n");
}

}  // namespace
}  // namespace rbk::effects
