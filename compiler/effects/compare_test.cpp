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

TEST(Compare, OrderCommentsAndTitlesMakeNoDifference) {
  EXPECT_EQ(changes(runbook("step a = shell(\"a\") reads\n step b = shell(\"b\") reads"),
                    "/// Doc.\n" + runbook("// c\n step b \"B\" = shell(\"b\") reads\n\n step a = "
                                           "shell(\"a\") reads")),
            "");
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
  EXPECT_EQ(changes(one, none), "!-11 go :  -> \n~18  bound: no bound -> 0s\n");
}

TEST(Compare, AStepThatWritesOrIsNotUndoneAnyMoreWidens) {
  const std::string undone =
      runbook("step a = shell(\"a\") timeout 1m rollback { shell(\"u\") timeout 1m }");
  const std::string left = runbook("step a = shell(\"a\") timeout 1m rollback none \"x\"");
  const std::string reads = runbook("step a = shell(\"a\") timeout 1m reads rollback none \"x\"");
  EXPECT_EQ(changes(undone, left),
            "-6 u :  -> \n-7 a text: u -> \n!~16 a undo: rollback -> none \"x\"\n"
            "~19  bound: 1m -> 0s\n");
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

}  // namespace
}  // namespace rbk::effects
