// Runs that need no process: what a store holds, what people decide, what the statuses are.
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <filesystem>

#include "cli/files.h"
#include "cli/ran_command.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

class RunCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ = fs::path(::testing::TempDir()) / ("rbk_run_commands_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    fs::current_path(folder_);
    unsetenv("RBK_STORE");
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  void write(const std::string& text) { ASSERT_TRUE(write_file("a.rbk", text)); }
  static std::string run_of(const Ran& ran) {
    EXPECT_TRUE(ran.out.starts_with("run ")) << ran.out << ran.err;
    return ran.out.substr(4, ran.out.find(' ', 4) - 4);
  }

  fs::path before_;
  fs::path folder_;
};

constexpr const char* kPlain =
    R"(runbook r(n: int = 1 where n in 1..5, names: list<string> = []) -> int {
  log.info("hello")
  require n < 4 else "too many: ${n}"
  return n + names.length
}
)";

constexpr const char* kAsks = R"(runbook r() -> string {
  approval go "Really?" {
    by group "sre"
    allow starter
    form { ticket: string where ticket matches r"^OPS-\d+$" }
  }
  return go.ticket
}
)";

TEST_F(RunCommands, TheIdComesFirstAndTheOutputLast) {
  write(kPlain);
  const Ran ran = ran_command({"run", "a.rbk", "--names", "a", "--names", "b"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded) << ran.err;
  EXPECT_EQ(run_of(ran).size(), 9u);
  EXPECT_TRUE(ran.out.ends_with("info hello\n3\n")) << ran.out;
}

TEST_F(RunCommands, JsonIsOneEventALine) {
  write(kPlain);
  const Ran ran = ran_command({"run", "a.rbk", "--json"});
  size_t begin = 0;
  std::vector<std::string> events;
  while (begin < ran.out.size()) {
    const size_t end = ran.out.find('\n', begin);
    events.emplace_back(
        boost::json::parse(ran.out.substr(begin, end - begin)).as_object().at("event").as_string());
    begin = end + 1;
  }
  EXPECT_EQ(events.front(), "run");
  EXPECT_EQ(events.back(), "end");
  EXPECT_NE(std::find(events.begin(), events.end(), "log"), events.end());
  EXPECT_NE(ran.out.find("\"output\":1,\"waits\":[],\"next\":[],\"exit\":0}"), std::string::npos)
      << ran.out;
}

TEST_F(RunCommands, WrongParametersAreRefusedAndNothingIsWritten) {
  write(kPlain);
  for (const char* wrong : {"9", "x"}) {
    const Ran ran = ran_command({"run", "a.rbk", "--n", wrong});
    EXPECT_EQ(ran.status, ExitStatus::kRefused) << ran.err;
    EXPECT_NE(ran.err.find(wrong), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_FALSE(fs::exists(".runbook"));
  EXPECT_EQ(ran_command({"run", "a.rbk", "--m", "1"}).status, ExitStatus::kUsage);
  EXPECT_EQ(ran_command({"run", "a.rbk", "--n", "1", "--n", "2"}).status, ExitStatus::kUsage);
}

TEST_F(RunCommands, AFailureIsNamed) {
  write(kPlain);
  const Ran ran = ran_command({"run", "a.rbk", "--n", "4"});
  EXPECT_EQ(ran.status, ExitStatus::kFailed);
  EXPECT_NE(ran.err.find("too many: 4"), std::string::npos) << ran.err;
  const Ran shown = ran_command({"show", run_of(ran)});
  EXPECT_NE(shown.out.find("r  failed"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("too many: 4"), std::string::npos) << shown.out;
}

TEST_F(RunCommands, AnApprovalSuspendsUntilSomebodyMayAndDoes) {
  write(kAsks);
  const Ran started = ran_command({"run", "a.rbk", "--reason", "a test", "--label", "k=v"});
  EXPECT_EQ(started.status, ExitStatus::kSuspended);
  const std::string run = run_of(started);
  EXPECT_NE(started.err.find("rbk approve " + run + " go --set ticket=…\n"), std::string::npos)
      << started.err;
  EXPECT_NE(ran_command({"approvals"}).out.find("approval go: Really?"), std::string::npos);
  EXPECT_NE(ran_command({"inbox"}).out.find("nothing waits for"), std::string::npos);

  const Ran stranger = ran_command({"approve", run, "--set", "ticket=OPS-1"});
  EXPECT_EQ(stranger.status, ExitStatus::kRefused) << stranger.err;

  const Ran who = ran_command({"runs", "--json"});
  const std::string me(boost::json::parse(who.out).as_object().at("starter").as_string().c_str());
  ASSERT_TRUE(write_file("runbook.toml", "[groups]\nsre = [\"" + me + "\"]\n"));
  EXPECT_NE(ran_command({"inbox"}).out.find("rbk approve " + run), std::string::npos);
  const Ran approved = ran_command({"approve", run.substr(0, 7), "go", "--set", "ticket=OPS-12"});
  EXPECT_EQ(approved.status, ExitStatus::kSucceeded) << approved.err;
  EXPECT_TRUE(approved.out.ends_with("OPS-12\n")) << approved.out;
  EXPECT_EQ(ran_command({"approve", run, "go"}).status, ExitStatus::kRefused);
  EXPECT_NE(ran_command({"runs", "--status", "succeeded", "--label", "k=v"}).out.find(run),
            std::string::npos);
  EXPECT_EQ(ran_command({"runs", "--status", "failed"}).out, "no runs\n");
}

constexpr const char* kForm = R"(enum Mode { fast, slow }
runbook r() -> string {
  approval go "Really?" {
    allow starter
    expires 1h then reject
    form {
      ticket: string where ticket matches r"^OPS-\d+$"
      count: int = 3 where count > 1
      mode: Mode = Mode.fast
      note: string?
    }
  }
  return go.ticket
}
)";

TEST_F(RunCommands, WhatAnApprovalAsksForIsListed) {
  write(kForm);
  // Detached: nobody goes on with it when its time is up.
  const std::string run = ran_command({"run", "a.rbk", "--detach"}).out.substr(0, 9);
  for (const char* command : {"approvals", "inbox"}) {
    const Ran listed = ran_command({command});
    EXPECT_NE(listed.out.find("  asks for, each by --set NAME=VALUE:\n"
                              "    ticket: string where ticket matches r\"^OPS-\\d+$\"\n"
                              "    count: int = 3 where count > 1\n"
                              "    mode: Mode (fast, slow) = Mode.fast\n"
                              "    note: string?\n"
                              "  rbk approve " +
                              run + " go --set ticket=…\n"),
              std::string::npos)
        << listed.out;
  }
  const auto json = boost::json::parse(ran_command({"approvals", "--json"}).out).as_object();
  EXPECT_EQ(json.at("expired"), false);
  EXPECT_EQ(json.at("description").at("form").at("fields").at(0).at("name"), "ticket");
}

TEST_F(RunCommands, AnExpiredApprovalSaysSoAndWhatGoesOn) {
  std::string text = kForm;
  text.replace(text.find("1h"), 2, "100ms");
  write(text);
  const std::string run = ran_command({"run", "a.rbk", "--detach"}).out.substr(0, 9);
  usleep(150'000);
  for (const char* command : {"approvals", "inbox"}) {
    const Ran listed = ran_command({command});
    EXPECT_NE(listed.out.find("approval go, which has expired: Really?"), std::string::npos)
        << listed.out;
    EXPECT_NE(listed.out.find("rbk resume " + run), std::string::npos) << listed.out;
    EXPECT_EQ(listed.out.find("rbk approve"), std::string::npos) << listed.out;
  }
  const Ran shown = ran_command({"show", run});
  EXPECT_NE(shown.out.find("waits for approval go, which has expired"), std::string::npos);
  EXPECT_NE(shown.out.find("rbk resume " + run), std::string::npos) << shown.out;
  const auto json = boost::json::parse(ran_command({"approvals", "--json"}).out).as_object();
  EXPECT_EQ(json.at("expired"), true);
  EXPECT_EQ(ran_command({"resume", run}).status, ExitStatus::kFailed);
  EXPECT_EQ(ran_command({"approvals"}).out, "no approval waits\n");
}

TEST_F(RunCommands, AFormThatDoesNotFitIsRefusedAndTheRunGoesOnWaiting) {
  write(kForm);
  const std::string run = run_of(ran_command({"run", "a.rbk"}));
  const std::vector<std::vector<std::string>> wrongs{
      {"ticket=12"}, {"ticket=OPS-1", "count=many"}, {"ticket=OPS-1", "count=1"}, {"count=2"}};
  for (const std::vector<std::string>& wrong : wrongs) {
    std::vector<std::string> words{"approve", run};
    for (const std::string& one : wrong) words.insert(words.end(), {"--set", one});
    const Ran refused = ran_command(words);
    EXPECT_EQ(refused.status, ExitStatus::kUsage) << refused.out << refused.err;
    EXPECT_NE(refused.err.find("the form: "), std::string::npos) << refused.err;
    EXPECT_EQ(refused.out, "");
  }
  const auto json = boost::json::parse(ran_command({"approvals", "--json"}).out).as_object();
  EXPECT_EQ(json.at("approved_by").as_array().size(), 0u);
  EXPECT_EQ(ran_command({"show", run, "--events"}).out.find("asked again"), std::string::npos);
  const Ran approved = ran_command({"approve", run, "--set", "ticket=OPS-7", "--set", "count=2"});
  EXPECT_EQ(approved.status, ExitStatus::kSucceeded) << approved.err;
}

TEST_F(RunCommands, ARunThatNobodyDrivesSaysSoAndHowItGoesOn) {
  write("runbook r() {\n  step a = shell(\"true\") reads\n}\n");
  const std::string run = ran_command({"run", "a.rbk", "--detach"}).out.substr(0, 9);
  const Ran listed = ran_command({"runs"});
  EXPECT_NE(listed.out.find(run + "  running, nobody drives it r"), std::string::npos)
      << listed.out;
  EXPECT_NE(listed.err.find("rbk resume"), std::string::npos) << listed.err;
  const Ran shown = ran_command({"show", run});
  EXPECT_NE(shown.out.find("r  running, nobody drives it\n"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("  rbk resume " + run), std::string::npos) << shown.out;
  const auto json = boost::json::parse(ran_command({"runs", "--json"}).out).as_object();
  EXPECT_EQ(json.at("status"), "running");
  EXPECT_EQ(json.at("driven"), false);
}

TEST_F(RunCommands, ARejectionNeedsItsReason) {
  write(kAsks);
  ASSERT_TRUE(write_file("runbook.toml", ""));
  const std::string run = run_of(ran_command({"run", "a.rbk"}));
  const std::string me(boost::json::parse(ran_command({"runs", "--json"}).out)
                           .as_object()
                           .at("starter")
                           .as_string()
                           .c_str());
  ASSERT_TRUE(write_file("runbook.toml", "[groups]\nsre = [\"" + me + "\"]\n"));
  EXPECT_EQ(ran_command({"reject", run}).status, ExitStatus::kUsage);
  const Ran rejected = ran_command({"reject", run, "--reason", "not today"});
  EXPECT_EQ(rejected.status, ExitStatus::kFailed) << rejected.out;
  EXPECT_NE(rejected.err.find("Rejected"), std::string::npos) << rejected.err;
}

TEST_F(RunCommands, ARunIsCancelled) {
  write(kAsks);
  const std::string run = run_of(ran_command({"run", "a.rbk"}));
  EXPECT_EQ(ran_command({"cancel", run}).status, ExitStatus::kCancelled);
  EXPECT_EQ(ran_command({"cancel", run}).status, ExitStatus::kRefused);
}

TEST_F(RunCommands, ADetachedRunIsResumed) {
  write("runbook r() -> int {\n  wait 1ms\n  log.info(\"hello\")\n  return 1\n}\n");
  const Ran detached = ran_command({"run", "a.rbk", "--detach"});
  EXPECT_EQ(detached.status, ExitStatus::kSucceeded);
  const std::string run = detached.out.substr(0, 9);
  EXPECT_EQ(detached.out, run + "\n");
  EXPECT_NE(detached.err.find("rbk resume " + run), std::string::npos);
  const Ran resumed = ran_command({"resume"});
  EXPECT_EQ(resumed.status, ExitStatus::kSucceeded) << resumed.err;
  EXPECT_TRUE(resumed.out.ends_with("1\n")) << resumed.out;
  EXPECT_EQ(ran_command({"resume"}).out, "nothing to resume\n");
  EXPECT_NE(ran_command({"logs", run}).out.find("info hello"), std::string::npos);
}

TEST_F(RunCommands, ACompiledProgramRunsWithoutItsText) {
  write(kPlain);
  ASSERT_EQ(ran_command({"compile", "a.rbk"}).status, ExitStatus::kSucceeded);
  fs::remove("a.rbk");
  const Ran ran = ran_command({"run", "a.rbkc:r", "--n", "2"});
  EXPECT_EQ(ran.status, ExitStatus::kSucceeded) << ran.err;
  EXPECT_TRUE(ran.out.ends_with("\n2\n")) << ran.out;
}

TEST_F(RunCommands, WithoutAStoreTheCureIsNamed) {
  const Ran ran = ran_command({"runs"});
  EXPECT_EQ(ran.status, ExitStatus::kUsage);
  EXPECT_NE(ran.err.find("there is no store"), std::string::npos) << ran.err;
  EXPECT_EQ(ran_command({"resolve", "x", "y", "perhaps"}).status, ExitStatus::kUsage);
}

}  // namespace
}  // namespace rbk::cli
