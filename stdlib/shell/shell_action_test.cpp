#include "stdlib/shell/shell_action.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/boot.h"
#include "stdlib/recording_sink.h"
#include "stdlib/registry.h"
#include "supervisor/folder.h"

namespace rbk::stdlib {
namespace {

using engine::Attempt;
using engine::Effect;
using engine::LogStream;
using engine::Outcome;

// Before the first command of this process: its environment is read once.
const bool kInherits = setenv("RBK_SHELL_TEST", "inherited", 1) == 0;

class ShellActionTest : public testing::Test {
 protected:
  ShellActionTest() {
    char name[] = "/tmp/rbk-shell-XXXXXX";
    store_ = mkdtemp(name);
  }
  ~ShellActionTest() override {
    registry_.reset();
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline");
      std::stringstream words;
      words << file.rdbuf();
      if (words.str().find("rbk_supervise") == std::string::npos) continue;
      if (words.str().find(store_) == std::string::npos) continue;
      kill(std::stoi(entry.path().filename()), SIGKILL);
    }
    std::filesystem::remove_all(store_);
  }

  engine::Action& action() {
    if (!registry_)
      registry_ = std::make_unique<Registry>(Registry::Options{store_, {RBK_SUPERVISE}});
    auto found = registry_->find("shell");
    EXPECT_TRUE(found.has_value());
    return **found;
  }
  Attempt attempt(const std::string& command, boost::json::object more = {}) {
    Attempt one;
    one.id = ++last_id_;
    one.name = "shell";
    one.arguments = std::move(more);
    one.arguments["command"] = command;
    one.key = std::string(64, 'a');
    one.attempt_key = "attempt" + std::to_string(last_id_);
    one.run = "run1";
    one.path = "group/step";
    return one;
  }
  std::shared_ptr<RecordingSink> make_sink() {
    return std::make_shared<RecordingSink>([this] { registry_->turn(); });
  }
  std::shared_ptr<RecordingSink> begin(const Attempt& one) {
    auto sink = make_sink();
    action().start(one, sink);
    return sink;
  }
  Outcome run(const std::string& command, boost::json::object more = {}) {
    return begin(attempt(command, std::move(more)))->wait();
  }
  std::string text(const std::string& name) const {
    std::ifstream file(store_ + "/" + name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  std::string store_;
  std::unique_ptr<Registry> registry_;
  uint64_t last_id_ = 0;
};

TEST_F(ShellActionTest, ACommandsOutputIsItsResultAndItsLog) {
  const auto sink = begin(attempt("echo one; echo two >&2; printf 'no newline'"));
  const Outcome outcome = sink->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kOk);
  EXPECT_EQ(boost::json::serialize(outcome.output),
            R"({"exit_code":0,"stdout":"one\nno newline","stderr":"two\n","truncated":false})");
  EXPECT_EQ(sink->lines(LogStream::kOut), (std::vector<std::string>{"one", "no newline"}));
  EXPECT_EQ(sink->lines(LogStream::kErr), (std::vector<std::string>{"two"}));
}

TEST_F(ShellActionTest, AStatusThatIsNotAcceptedIsAnError) {
  const Outcome outcome = run("echo out; echo 'no such service' >&2; exit 3");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
  EXPECT_EQ(outcome.effect, Effect::kDone);
  EXPECT_EQ(outcome.error.kind, "ShellError");
  EXPECT_TRUE(outcome.error.retryable);
  EXPECT_EQ(outcome.error.fields.at("exit_code").as_int64(), 3);
  EXPECT_EQ(outcome.error.fields.at("stdout").as_string(), "out\n");
  EXPECT_EQ(outcome.error.fields.at("stderr").as_string(), "no such service\n");
  EXPECT_NE(outcome.error.message.find("ended with status 3: no such service"), std::string::npos)
      << outcome.error.message;
  const Outcome accepted = run("exit 3", {{"accept", {0, 3}}});
  EXPECT_EQ(accepted.kind, Outcome::Kind::kOk);
  EXPECT_EQ(accepted.output.at("exit_code").as_int64(), 3);
  EXPECT_EQ(run("exit 0", {{"accept", {1}}}).kind, Outcome::Kind::kError);
}

TEST_F(ShellActionTest, TheFirstCommandThatFailsEndsIt) {
  const Outcome outcome = run("false\necho went on");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
  EXPECT_EQ(outcome.error.fields.at("stdout").as_string(), "");
}

TEST_F(ShellActionTest, EnvironmentFolderAndInputReachTheCommand) {
  ASSERT_TRUE(kInherits);
  const Outcome outcome =
      run("echo $RBK_SHELL_TEST $A $RUNBOOK_RUN $RUNBOOK_STEP $RUNBOOK_KEY; pwd; cat",
          {{"env", {{"A", "b c"}}}, {"cwd", "/usr"}, {"stdin", "given"}});
  EXPECT_EQ(outcome.output.at("stdout").as_string(),
            "inherited b c run1 group/step " + std::string(64, 'a') + "\n/usr\ngiven");
}

TEST_F(ShellActionTest, WhatCantBeRunHasNoEffect) {
  const auto refused = [this](boost::json::object more, const char* word) {
    const Outcome outcome = run("echo x > " + store_ + "/effect", std::move(more));
    EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
    EXPECT_EQ(outcome.effect, Effect::kNone);
    EXPECT_EQ(outcome.error.fields.at("exit_code").as_int64(), -1);
    EXPECT_EQ(outcome.error.fields.at("stderr").as_string(), "");
    EXPECT_NE(outcome.error.message.find(word), std::string::npos) << outcome.error.message;
  };
  refused({{"on", "-oProxyCommand=true"}}, "-oProxyCommand");
  refused({{"cwd", "/no/such/folder"}}, "/no/such/folder");
  refused({{"env", {{"A=B", "x"}}}}, "A=B");
  refused({{"stdin", std::string((16U << 20) + 1, 'x')}}, "16 MiB");
  refused({{"accept", "0"}}, "accept");
  refused({{"grace", 5}}, "grace");
  refused({{"env", {{"PW", {{"secret", "db_password"}}}}}}, "db_password");
  EXPECT_EQ(run(std::string("echo \0x", 7)).effect, Effect::kNone);
  EXPECT_FALSE(std::filesystem::exists(store_ + "/effect"));
}

TEST_F(ShellActionTest, ItsTimeEndsItWithUnknownEffect) {
  Attempt one = attempt("sleep 100", {{"grace", "100ms"}});
  one.timeout = 200'000;
  const Outcome outcome = begin(one)->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
  EXPECT_EQ(outcome.error.kind, "Timeout");
  EXPECT_EQ(outcome.effect, Effect::kUnknown);
}

TEST_F(ShellActionTest, AGentleStopLetsAWritingCommandFinish) {
  Attempt writes = attempt("echo ready; sleep 0.5; echo end");
  const auto written = begin(writes);
  ASSERT_TRUE(written->wait_for_line("ready"));
  action().stop(writes.id, engine::StopMode::kGentle);
  EXPECT_EQ(written->wait().kind, Outcome::Kind::kOk);

  Attempt reads = attempt("echo ready; sleep 100");
  reads.behaviour = engine::Behaviour::kReads;
  const auto read = begin(reads);
  ASSERT_TRUE(read->wait_for_line("ready"));
  action().stop(reads.id, engine::StopMode::kGentle);
  EXPECT_EQ(read->wait().kind, Outcome::Kind::kStopped);

  Attempt killed = attempt("echo ready; sleep 100");
  const auto kill_sink = begin(killed);
  ASSERT_TRUE(kill_sink->wait_for_line("ready"));
  action().stop(killed.id, engine::StopMode::kKill);
  EXPECT_EQ(kill_sink->wait().effect, Effect::kUnknown);
}

TEST_F(ShellActionTest, ASignalFromElsewhereIsAnErrorOfUnknownEffect) {
  const Outcome outcome = run("kill -9 $$");
  EXPECT_EQ(outcome.error.kind, "ShellError");
  EXPECT_EQ(outcome.effect, Effect::kUnknown);
  EXPECT_EQ(outcome.error.fields.at("exit_code").as_int64(), 137);
  EXPECT_NE(outcome.error.message.find("out of memory"), std::string::npos);
}

TEST_F(ShellActionTest, MuchOutputIsCutInTheResultAndWholeInTheLog) {
  const auto sink = begin(attempt("seq 200000; seq 20000 >&2"));
  const Outcome outcome = sink->wait();
  EXPECT_EQ(outcome.output.at("stdout").as_string().size(), 1U << 20);
  EXPECT_TRUE(outcome.output.at("stdout").as_string().starts_with("1\n2\n"));
  EXPECT_TRUE(outcome.output.at("stderr").as_string().ends_with("\n20000\n"));
  EXPECT_TRUE(outcome.output.at("truncated").as_bool());
  const auto lines = sink->lines(LogStream::kOut);
  EXPECT_EQ(lines.size(), 200'000U);
  EXPECT_EQ(lines.back(), "200000");
  EXPECT_EQ(sink->lines(LogStream::kWarn),
            std::vector<std::string>{
                "it printed more than 1MiB: `stdout` holds only the beginning, the log all of it"});
}

TEST_F(ShellActionTest, NoSignalIsIgnoredInACommand) {
  EXPECT_EQ(run("grep SigIgn /proc/$$/status").output.at("stdout").as_string(),
            "SigIgn:\t0000000000000000\n");
}

TEST_F(ShellActionTest, BytesThatAreNoTextAreReplacedInTheResult) {
  const Outcome outcome = run(R"(printf 'a\377b')");
  EXPECT_EQ(outcome.output.at("stdout").as_string(),
            "a\xef\xbf\xbd"
            "b");
}

TEST_F(ShellActionTest, AnotherEngineFindsTheCommandAgain) {
  Attempt one =
      attempt("echo begun; while [ ! -e " + store_ + "/go ]; do sleep 0.01; done; exit 4");
  one.origin = boot_identity() + "@" + supervisor::Folder::identity(store_);
  const pid_t child = fork();
  if (child == 0) {
    begin(one)->wait_for_line("begun");
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  auto sink = make_sink();
  EXPECT_EQ(action().recover(one, sink), engine::Recovery::kReattached);
  EXPECT_TRUE(sink->wait_for_line("begun"));
  std::ofstream(store_ + "/go") << "";
  EXPECT_EQ(sink->wait().error.fields.at("exit_code").as_int64(), 4);
  action().acknowledge(one.attempt_key);

  Attempt other = attempt("echo x >> " + store_ + "/effect");
  EXPECT_EQ(action().recover(other, sink), engine::Recovery::kUnknown);  // of an unknown boot
  other.origin = boot_identity() + "@of a folder that was removed since";
  EXPECT_EQ(action().recover(other, sink), engine::Recovery::kUnknown);
  other.origin = one.origin;
  EXPECT_EQ(action().recover(other, sink), engine::Recovery::kNeverStarted);
  EXPECT_EQ(begin(other)->wait().kind, Outcome::Kind::kOk);
  EXPECT_EQ(text("effect"), "x\n");
}

}  // namespace
}  // namespace rbk::stdlib
