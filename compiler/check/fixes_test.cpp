// What `--fix` makes of a text: the whole of it, to the letter.
#include "compiler/diagnostics/fixes.h"

#include "compiler/check/check_testing.h"

namespace rbk::check {
namespace {

std::string fixed(const std::string& text) {
  const CheckedProgram program = testing::check_text(text);
  return diagnostics::apply_fixes(program.sources.get(0), program.diagnostics.sorted()).text;
}

/// In a runbook that has what the calls need; the statements alone, before and after.
std::string fixed_body(const std::string& statements) {
  const std::string before = "runbook inner() {\n}\nrunbook r(hosts: list<string>) {\n";
  const std::string text = fixed(before + statements + "}\n");
  return text.substr(before.size(), text.size() - before.size() - 2);
}

TEST(Fixes, ACallThatIsItsWholeStatementBecomesAStep) {
  EXPECT_EQ(fixed_body("  let out = shell(\"ls\")\n"), "  step out = shell(\"ls\")\n");
  EXPECT_EQ(fixed_body("  let out =\n    shell(\"ls\")\n"), "  step out = shell(\"ls\")\n");
  EXPECT_EQ(fixed_body("  let out: shell.Output = shell(\"ls\")\n"),
            "  step out = shell(\"ls\")\n");
  EXPECT_EQ(fixed_body("  http.get(\"http://x/\") timeout 5s\n"),
            "  step get = http.get(\"http://x/\") timeout 5s\n");
  EXPECT_EQ(fixed_body("  for h in hosts { shell(\"ls ${h}\") }\n"),
            "  for h in hosts { step run_shell = shell(\"ls ${h}\") }\n");
  EXPECT_EQ(
      fixed_body("  match hosts.length {\n    case 1 => inner()\n    case _ => { }\n  }\n"),
      "  match hosts.length {\n    case 1 => step run_inner = inner()\n    case _ => { }\n  }\n");
}

TEST(Fixes, ADurationIsWrittenWithoutQuotes) {
  EXPECT_EQ(fixed_body("  step a = shell(\"ls\") reads timeout \"5m\"\n  let b: size = \"1GiB\"\n"
                       "  log.info(\"${b}\")\n"),
            "  step a = shell(\"ls\") reads timeout 5m\n  let b: size = 1GiB\n"
            "  log.info(\"${b}\")\n");
}

TEST(Fixes, QuotesGoOnlyWhereAValueIsAllThatIsInThem) {
  const std::string end = "\"\n  log.info(\"${a}\")\n";
  EXPECT_EQ(fixed_body("  let a: Query = \"select '${hosts[0]}' from t" + end),
            "  let a: Query = \"select ${hosts[0]} from t" + end);
  for (const char* query : {"select E'\\\\'${hosts[0]}'", "select E'${hosts[0]}'",
                            "select '${hosts[0]}''s'", "select '''${hosts[0]}'"}) {
    const std::string text = std::string("  let a: Query = \"") + query + end;
    EXPECT_EQ(fixed_body(text), text);
  }
}

TEST(Fixes, AStepGetsANameThatNothingElseHas) {
  EXPECT_EQ(fixed_body("  shell(\"a\")\n  shell(\"b\")\n  let run_shell_3 = 1\n"
                       "  log.info(\"${run_shell_3}\")\n  let _ = shell(\"c\")\n"),
            "  step run_shell = shell(\"a\")\n  step run_shell_2 = shell(\"b\")\n"
            "  let run_shell_3 = 1\n  log.info(\"${run_shell_3}\")\n"
            "  step run_shell_4 = shell(\"c\")\n");
}

TEST(Fixes, ACallWhoseValueMeansMoreIsLeftToTheReader) {
  for (const char* statements :
       {"  let code = shell(\"ls\").exit_code\n  log.info(\"${code}\")\n",
        "  var out = shell(\"ls\")\n  log.info(out.stdout)\n",
        "  let out: shell.Output? = shell(\"ls\")\n  log.info(out?.stdout ?? \"\")\n",
        "  let out = // all of it\n    shell(\"ls\")\n  log.info(out.stdout)\n",
        "  (shell(\"ls\"))\n", "  if shell(\"ls\").exit_code == 0 { }\n",
        "  step a {\n    shell(\"ls\")\n  }\n",
        "  parallel for h in hosts {\n    shell(\"ls ${h}\")\n  }\n"})
    EXPECT_EQ(fixed_body(statements), statements);
}

TEST(Fixes, ANameOfTheWrongCaseIsRenamedWhereverItIsUsed) {
  EXPECT_EQ(fixed_body("  let hostName = \"a\"\n  log.info(\"hostName ${hostName}\")\n"),
            "  let host_name = \"a\"\n  log.info(\"hostName ${host_name}\")\n");
  EXPECT_EQ(fixed_body("  var N = 1\n  N = N + 1\n  log.info(\"${N}\")\n"),
            "  var n = 1\n  n = n + 1\n  log.info(\"${n}\")\n");
  EXPECT_EQ(fixed_body("  for I, Host in hosts { log.info(\"${I} ${Host}\") }\n"),
            "  for i, host in hosts { log.info(\"${i} ${host}\") }\n");
  EXPECT_EQ(fixed_body("  let nA = 1\n  log.info(\"${json { nA: nA }.nA as int}\")\n"),
            "  let n_a = 1\n  log.info(\"${json { nA: n_a }.nA as int}\")\n");
}

TEST(Fixes, ANameThatIsKnownElsewhereOrTakenKeepsItsCase) {
  for (const char* statements :
       {"  let nA = 1\n  log.info(json { nA }.text())\n",
        "  let nA = 1\n  let n_a = 2\n  log.info(\"${nA} ${n_a}\")\n",
        "  let Shell = 1\n  log.info(\"${Shell}\")\n", "  let For = 1\n  log.info(\"${For}\")\n",
        "  step sA = shell(\"ls\")\n"})
    EXPECT_EQ(fixed_body(statements), statements);
  EXPECT_EQ(
      fixed_body("  let nA = 1\n  let NA_ = 2\n  let N_A = 3\n  log.info(\"${nA} ${N_A}\")\n"),
      "  let n_a = 1\n  let na_ = 2\n  let N_A = 3\n  log.info(\"${n_a} ${N_A}\")\n");
  const std::string declarations = "record report { hostName: int }\nfn f(nA: int) { }\n";
  EXPECT_EQ(fixed(declarations), declarations);
  const CheckedProgram program = testing::check_text(declarations);
  for (const auto& one : program.diagnostics.sorted())
    EXPECT_TRUE(one.hint.ends_with(", here and wherever it is used")) << one.hint;
}

}  // namespace
}  // namespace rbk::check
