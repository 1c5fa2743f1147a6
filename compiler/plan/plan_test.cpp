#include "compiler/plan/plan.h"

#include "compiler/check/check_testing.h"

namespace rbk::plan {
namespace {

check::SymbolId runbook_named(const check::CheckedProgram& program, std::string_view name) {
  for (check::SymbolId id = 0; id < program.symbols.size(); ++id) {
    const check::Symbol& symbol = program.symbol(id);
    if (symbol.kind == check::Symbol::Kind::kRunbook && symbol.name == name) return id;
  }
  ADD_FAILURE() << "no runbook " << name;
  return check::kNone;
}

void outline(const std::vector<Node>& nodes, const std::string& indent, std::string& out) {
  for (const Node& node : nodes) {
    out += indent + (node.path.empty() ? "" : node.path + ": ") + node.text;
    if (!node.title.empty()) out += " \"" + node.title + "\"";
    for (const std::string& clause : node.clauses) out += " | " + clause;
    out += "\n";
    outline(node.undo, indent + "  undo ", out);
    outline(node.children, indent + "  ", out);
  }
}

struct Planned {
  Plan plan;
  std::string text;
};

Planned planned(const std::string& source, const std::map<std::string, Value>& arguments = {}) {
  const check::CheckedProgram program = check::testing::check_text(source);
  EXPECT_FALSE(program.diagnostics.has_errors());
  Planned made;
  made.plan = plan(program, runbook_named(program, "r"), arguments);
  outline(made.plan.nodes, "", made.text);
  return made;
}

TEST(Plan, AKnownConditionShowsOneArmAnUnknownOneBoth) {
  const char* source = R"(
enum Env { staging, prod }
runbook r(env: Env = .staging) {
  if env == .prod {
    step warn = shell("wall prod")
  }
  step free = shell("df ${env}") reads
  if free.exit_code == 0 {
    step clean = shell("clean") rollback none "no harm"
  } else {
    step page = shell("page") rollback none "no harm"
  }
}
)";
  const Planned staging = planned(source);
  EXPECT_EQ(staging.text,
            "free: shell(\"df staging\")\n"
            "if free.exit_code == 0\n"
            "  clean: shell(\"clean\") | rollback none \"no harm\"\n"
            "if not free.exit_code == 0\n"
            "  page: shell(\"page\") | rollback none \"no harm\"\n");
  EXPECT_EQ(staging.plan.reads, 1);
  EXPECT_EQ(staging.plan.writes, 2);
  Value prod = Value::of_text("prod");
  prod.is_member = true;
  EXPECT_TRUE(planned(source, {{"env", prod}}).text.starts_with("warn: shell(\"wall prod\")\n"));
}

TEST(Plan, ALoopOverAKnownListShowsEachRoundOverAnUnknownOneOnce) {
  const char* source = R"(
runbook r(hosts: list<string>) {
  for host in hosts {
    step drain "Drain ${host}" = shell("drain ${host}") rollback { shell("undrain ${host}") }
  }
}
)";
  EXPECT_EQ(
      planned(source, {{"hosts", Value::of_list({Value::of_text("a"), Value::of_text("b")})}}).text,
      "for host in [\"a\", \"b\"]\n"
      "  drain[a]: shell(\"drain a\") \"Drain a\"\n"
      "    undo shell(\"undrain a\")\n"
      "  drain[b]: shell(\"drain b\") \"Drain b\"\n"
      "    undo shell(\"undrain b\")\n");
  const Planned unknown = planned(source);
  EXPECT_EQ(unknown.text,
            "for host in hosts\n"
            "  drain[*]: shell(\"drain ${host}\") \"Drain ${host}\"\n"
            "    undo shell(\"undrain ${host}\")\n");
  EXPECT_EQ(unknown.plan.writes, 1);
}

TEST(Plan, ACalledRunbookNestsWithItsParameters) {
  const Planned made = planned(R"(
runbook inner(name: string, times: int = 2 + 1) {
  step touch = shell("touch ${name}-${times}") rollback none "harmless"
}
runbook r() {
  step prepare = inner("x")
  commit "done"
}
)");
  EXPECT_EQ(made.text,
            "prepare: inner(\"x\")\n"
            "  prepare/touch: shell(\"touch x-3\") | rollback none \"harmless\"\n"
            "done\n");
}

TEST(Plan, WhatIsSkippedIsNotShown) {
  const Planned made = planned(R"(
runbook r(dry: bool = true) {
  step a = shell("a") when not dry
  step b = shell("b") when dry timeout 5m retry 2 times
}
)");
  EXPECT_EQ(made.text, "b: shell(\"b\") | timeout 5m | retry 2 times\n");
}

TEST(Plan, AQuestionIsShownWithWhomItAsks) {
  const Planned made = planned(R"(
runbook r(pod: string = "web-1") {
  ask what "PDB blocks ${pod}" {
    by starter, group "sre"
    form { choice: string = "skip" }
    expires 30m then default
  }
  step tell = shell("echo ${what.choice}") reads
}
)");
  EXPECT_EQ(made.text,
            "what: PDB blocks web-1 | by starter, group \"sre\" | expires 30m then default\n"
            "tell: shell(\"echo ${what.choice}\")\n");
  EXPECT_EQ(made.plan.questions, 1);
  EXPECT_EQ(made.plan.approvals, 0);
}

TEST(Plan, ASignalIsShownWithItsTypeAndSenders) {
  const Planned made = planned(R"(
record Go { version: string }
runbook r(patience: duration = 1h) {
  let go = wait for signal go: Go by group "sre" by starter timeout patience
  wait for signal done
  step tell = shell("echo ${go.version}") reads
}
)");
  EXPECT_EQ(made.text,
            "wait for signal go: Go | by group \"sre\", starter | timeout 1h\n"
            "wait for signal done\n"
            "tell: shell(\"echo ${go.version}\")\n");
}

TEST(Plan, TheFirstOfSeveralIsShownCaseByCase) {
  const Planned made = planned(R"(
record Cutover { version: string }
runbook r(patience: duration = 2h) {
  wait first {
    case signal cutover: Cutover as c => log.info(c.version)
    case repeat every 15s { step lag = shell("lag") reads; until lag.stdout == "0" } => {
      step tell = shell("tell") reads
    }
    case patience => fail "nobody came"
  }
}
)");
  EXPECT_EQ(made.text,
            "wait first\n"
            "  case signal cutover: Cutover\n"
            "  case\n"
            "    repeat every 15s\n"
            "      lag: shell(\"lag\")\n"
            "    tell: shell(\"tell\")\n"
            "  case 2h\n"
            "    \"nobody came\"\n");
}

TEST(Plan, WhatMustHoldIsShownWithItsChecks) {
  const Planned made = planned(R"(
runbook r(bake: duration = 10m) {
  hold bake every 30s {
    step gate = shell("errors") reads
    require gate.exit_code == 0
  }
}
)");
  EXPECT_EQ(made.text,
            "hold 10m every 30s\n"
            "  gate: shell(\"errors\")\n"
            "  gate.exit_code == 0\n");
  EXPECT_EQ(made.plan.reads, 1);
}

}  // namespace
}  // namespace rbk::plan
