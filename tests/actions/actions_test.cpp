// From text to effects: compiled, driven by the engine on SQLite, carried out by the registry.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/compile.h"
#include "engine/engine.h"
#include "engine/own_program.h"
#include "stdlib/declarations.h"
#include "stdlib/exec/program_file.h"
#include "stdlib/registry.h"

namespace rbk {
namespace {

class ActionsTest : public testing::Test {
 protected:
  ActionsTest() {
    char name[] = "/tmp/rbk-actions-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ActionsTest() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<const bytecode::Program> compiled(const std::string& text) {
    check::Options options;
    for (const stdlib::ModuleText& module : stdlib::module_texts()) {
      options.standard.push_back({module.name, module.text});
    }
    options.find_program = [this](const std::string& name) -> Result<check::FoundProgram> {
      auto file = stdlib::read_program(path(name));
      if (!file) return tl::unexpected(file.error());
      return check::FoundProgram{file->hash, file->unfit};
    };
    auto result = compiler::compile("main.rbk", text, options);
    EXPECT_TRUE(result.has_value());
    for (const auto& one : result->checked.diagnostics.sorted()) ADD_FAILURE() << one.message;
    EXPECT_TRUE(result->program.has_value());
    return std::make_shared<const bytecode::Program>(std::move(*result->program));
  }
  // Drives the run, or a new one of the program, to where it stops.
  engine::DriveEnd drive(const std::shared_ptr<const bytecode::Program>& program,
                         std::string* run) {
    stdlib::Registry registry({folder_, {RBK_SUPERVISE}});
    auto engine = engine::Engine::open("sqlite:" + folder_ + "/store.db", engine::OpenMode::kCreate,
                                       engine::World::real(), &registry);
    EXPECT_TRUE(engine.has_value()) << (engine ? "" : engine.error().message);
    if (run->empty()) {
      auto started = (*engine)->start({program, "main", {}, "", {}, {"ann", {}, {}}, folder_});
      EXPECT_TRUE(started.has_value()) << (started ? "" : started.error().message);
      *run = *started;
      std::ofstream(path("run")) << *run;
    }
    auto end = (*engine)->drive(*run, {});
    EXPECT_TRUE(end.has_value()) << (end ? "" : end.error().message);
    return std::move(*end);
  }
  std::string output(const std::string& text) {
    std::string run;
    const engine::DriveEnd end = drive(compiled(text), &run);
    if (end.run.error) return end.run.error->kind + ": " + end.run.error->message;
    return boost::json::serialize(end.run.output);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string text(const std::string& name) const {
    std::ifstream file(path(name));
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  std::string folder_;
};

TEST_F(ActionsTest, ArgumentsAndOutputsOfShellFitTheirDeclarations) {
  EXPECT_EQ(output(R"(
runbook main() -> string {
  let word = "it's \$HOME"
  step a = shell("printf '%s|%s' ${word} \"$A\"; pwd; cat; exit 3",
    env: env { A: "b" }, cwd: "/usr", stdin: "given", accept: [0, 3], grace: 1s) reads
  return "${a.stdout} ${a.exit_code} ${a.truncated}"
}
)"),
            R"("it's $HOME|b/usr\ngiven 3 false")");
}

TEST_F(ActionsTest, ErrorsOfActionsAreMatchedWithTheirFields) {
  EXPECT_EQ(output(R"(
fn shown(e: error) -> string {
  return match e {
    case ShellError { exit_code, stderr } => "shell ${exit_code} ${stderr.trim()}"
    case http.ConnectionError { url } => "connection ${url}"
    case Timeout {} => "timeout"
    case _ => "other ${e.kind}"
  }
}
runbook main() -> string {
  var text = ""
  try { step a = shell("echo no >&2; exit 3") reads } catch e { text = shown(e) }
  try { step b = shell("true", cwd: "/no/such/folder") reads } catch e { text = text + "; " + shown(e) }
  try { step c = shell("sleep 100", grace: 100ms) reads timeout 200ms } catch e { text = text + "; " + shown(e) }
  try { step d = http.get("http://127.0.0.1:9/x") } catch e { text = text + "; " + shown(e) }
  return text
}
)"),
            R"("shell 3 no; shell -1 ; timeout; connection http://127.0.0.1:9/x")");
}

TEST_F(ActionsTest, AnOwnActionIsHeldAgainstItsDeclaration) {
  std::ofstream(path("p")) << R"sh(#!/bin/sh
case "$(cat)" in
  *'"how":"ok"'*) echo '{"ok": {"id": 7, "due": "5m"}}';;
  *'"how":"type"'*) echo '{"ok": {"id": "x"}}';;
  *'"how":"kind"'*) echo '{"error": {"kind": "Full", "message": "m", "fields": {"left": [1, 2]}}}';;
  *'"how":"fields"'*) echo '{"error": {"kind": "Full", "message": "m", "fields": {"left": [1, "x"]}}}';;
  *) echo '{"error": {"kind": "Timeout", "message": "m"}}';;
esac
)sh";
  std::filesystem::permissions(path("p"), std::filesystem::perms::owner_all);
  EXPECT_EQ(output(R"(
record Page { id: int, due: duration = 1m }
error Full { left: list<int> }
action page(how: string) -> Page reads = exec "p"

fn shown(e: error) -> string {
  return match e {
    case Full { left } => "full ${left.sum()}"
    case _ => "${e.kind} ${e.message}"
  }
}
runbook main() -> string {
  step a = page("ok")
  var text = "${a.id} ${a.due}"
  for how in ["kind", "type", "fields", "timeout"] {
    try { step b = page(how) } catch e { text = text + "; " + shown(e) }
  }
  return text
}
)"),
            R"("7 5m; full 3; ExecError `p` answered what does not fit its declaration: $.ok.id: )"
            R"(expected int, got \"x\"; ExecError `p` answered an error that does not fit: )"
            R"($.error.fields.left[1]: expected int, got \"x\"; its message was `m`; ExecError )"
            R"(`p` answered an error that does not fit: $.error.kind: no error kind Timeout is )"
            R"(declared in the file of page; there are Failed, Full; its message was `m`")");
}

TEST(CoreErrorKinds, AreThoseThatTheModuleDeclares) {
  std::vector<std::string> declared;
  for (const stdlib::ModuleText& module : stdlib::module_texts()) {
    if (module.name != "core") continue;
    std::istringstream lines{std::string(module.text)};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("error ")) continue;
      line = line.substr(6);
      declared.push_back(line.substr(0, line.find(' ')));
    }
  }
  const auto known = engine::core_error_kinds();
  EXPECT_EQ(std::vector<std::string>(known.begin(), known.end()), declared);
}

TEST_F(ActionsTest, ACommandThatOutlivedItsEngineIsFoundByTheNext) {
  const auto program = compiled(fmt::format(R"(
runbook main() -> string {{
  step a = shell("echo x >> {0}/effects; echo begun; while [ ! -e {0}/go ]; do sleep 0.01; done; echo end")
    rollback none "a test"
  step b = shell("echo y >> {0}/effects") rollback none "a test"
  return a.stdout
}}
)",
                                            folder_));
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    std::string run;
    drive(program, &run);
    _exit(1);
  }
  while (text("effects").empty()) usleep(2000);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  std::ofstream(path("go")) << "";
  std::string run = text("run");
  const engine::DriveEnd end = drive(program, &run);
  EXPECT_EQ(end.why, engine::DriveEnd::Why::kOver);
  EXPECT_EQ(boost::json::serialize(end.run.output), R"("begun\nend\n")");
  EXPECT_EQ(text("effects"), "x\ny\n");
  // What is durable needs no spool: the supervisor removes it when it hears of that.
  const auto spools = [this] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path("spool"))) {
      if (entry.path().extension() == ".spool") ++count;
    }
    return count;
  };
  for (int i = 0; i < 500 && spools() > 0; ++i) usleep(10'000);
  EXPECT_EQ(spools(), 0);
}

}  // namespace
}  // namespace rbk
