#include "stdlib/exec/exec_action.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/boot.h"
#include "stdlib/exec/declared_test.h"
#include "stdlib/recording_sink.h"
#include "stdlib/registry.h"
#include "supervisor/folder.h"

namespace rbk::stdlib {
namespace {

using engine::Attempt;
using engine::Effect;
using engine::LogStream;
using engine::Outcome;

class ExecActionTest : public ::testing::Test {
 protected:
  ExecActionTest() {
    char name[] = "/tmp/rbk-exec-XXXXXX";
    store_ = mkdtemp(name);
    std::filesystem::create_directories(store_ + "/project/sub");
    std::ofstream(store_ + "/project/runbook.toml") << "";
  }
  ~ExecActionTest() override {
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
    auto found = registry_->find_own();
    EXPECT_TRUE(found.has_value());
    return **found;
  }
  /// At the action lib/mail.send, whose program is a shell script.
  Attempt attempt(const std::string& script, boost::json::object arguments = {}) {
    const std::string text = "#!/bin/sh\n" + script + "\n";
    const std::string path = store_ + "/project/p";
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
    Attempt one;
    one.id = ++last_id_;
    one.name = "lib/mail.send";
    one.arguments = std::move(arguments);
    one.own = {"p", sha256(text), std::make_shared<testing::DeclaresInt>()};
    one.number = 2;
    one.key = std::string(64, 'a');
    one.attempt_key = "attempt" + std::to_string(last_id_);
    one.folder = store_ + "/project/sub";
    one.run = "run1";
    one.path = "group/step";
    return one;
  }
  std::shared_ptr<RecordingSink> begin(const Attempt& one) {
    auto sink = std::make_shared<RecordingSink>([this] { registry_->turn(); });
    action().start(one, sink);
    return sink;
  }
  Outcome run(const std::string& script) { return begin(attempt(script))->wait(); }
  std::string text(const std::string& name) const {
    std::ifstream file(store_ + "/" + name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  std::string store_;
  uint64_t last_id_ = 0;
  std::unique_ptr<Registry> registry_;
};

TEST_F(ExecActionTest, TheProgramGetsOneObjectAndItsAnswerIsTheOutput) {
  const auto sink = begin(attempt(
      "cat > ../../request; echo \"$0 $RUNBOOK_RUN $RUNBOOK_STEP $RUNBOOK_KEY\" > ../../where\n"
      "echo 'for people' >&2; echo '{\"ok\": 7}'",
      {{"to", "ops"}, {"copies", nullptr}}));
  const Outcome outcome = sink->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kOk) << outcome.error.message;
  EXPECT_EQ(outcome.output, boost::json::value(7));
  const std::string key(64, 'a');
  EXPECT_EQ(text("request"),
            R"({"action":"send","arguments":{"to":"ops","copies":null},"run":"run1",)"
            R"("step":"group/step","key":")" +
                key + "\",\"attempt\":2}\n");
  EXPECT_EQ(text("where"), store_ + "/project/p run1 group/step " + key + "\n");
  EXPECT_EQ(sink->lines(LogStream::kErr), std::vector<std::string>{"for people"});
  EXPECT_TRUE(sink->lines(LogStream::kOut).empty());  // the answer is in the outcome
}

TEST_F(ExecActionTest, AnErrorThatItAnswersIsRaisedWhateverItsStatus) {
  const Outcome outcome = run(
      R"(echo '{"error": {"kind": "Full", "message": "m", "effect": "none", "fields": {"inbox": "a"}}}'; exit 3)");
  EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
  EXPECT_EQ(outcome.error.kind, "lib/mail.Full");
  EXPECT_EQ(outcome.effect, Effect::kNone);
}

TEST_F(ExecActionTest, WithoutAnAnswerNobodyKnowsWhatItDid) {
  const Outcome failed = run("echo one >&2; echo two >&2; exit 3");
  EXPECT_EQ(failed.error.kind, "ExecError");
  EXPECT_EQ(failed.effect, Effect::kUnknown);
  EXPECT_TRUE(failed.error.retryable);
  EXPECT_EQ(failed.error.message,
            "`p` ended with status 3 and without an answer; on its standard error it said at last: "
            "one | two");
  EXPECT_EQ(failed.error.fields.at("exit_code").as_int64(), 3);
  EXPECT_EQ(failed.error.fields.at("stderr").as_string(), "one\ntwo\n");

  const Outcome silent = run("true");
  EXPECT_EQ(silent.effect, Effect::kUnknown);
  EXPECT_NE(silent.error.message.find("`p` printed no answer"), std::string::npos);
  EXPECT_FALSE(silent.error.retryable);

  const Outcome killed = run("kill -9 $$");
  EXPECT_EQ(killed.effect, Effect::kUnknown);
  EXPECT_EQ(killed.error.fields.at("exit_code").as_int64(), 137);

  const Outcome large = run("yes | head -c 1100000");
  EXPECT_EQ(large.effect, Effect::kUnknown);
  EXPECT_NE(large.error.message.find("1MiB"), std::string::npos);
}

TEST_F(ExecActionTest, AnAnswerThatDoesNotFitWasGivenAllTheSame) {
  const Outcome wrong = run("echo '{\"ok\": \"x\"}'");
  EXPECT_EQ(wrong.error.kind, "ExecError");
  EXPECT_EQ(wrong.effect, Effect::kDone);
  EXPECT_NE(wrong.error.message.find("$.ok: expected int"), std::string::npos);
  const Outcome both = run("echo '{\"ok\": 1}'; exit 4");
  EXPECT_EQ(both.effect, Effect::kDone);
  EXPECT_NE(both.error.message.find("answered `ok`, but ended with status 4"), std::string::npos);
}

TEST_F(ExecActionTest, AProgramThatIsNotWhatItWasHoldsTheRunUp) {
  Attempt changed = attempt("touch ../../effect; echo '{\"ok\": 1}'");
  changed.own.hash = sha256("another");
  const Outcome outcome = begin(changed)->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kHeldUp);
  EXPECT_EQ(outcome.effect, Effect::kNone);
  EXPECT_NE(outcome.error.message.find("`p` is not the program"), std::string::npos);
  Attempt gone = attempt("echo '{\"ok\": 1}'");
  std::filesystem::remove(store_ + "/project/p");
  EXPECT_EQ(begin(gone)->wait().kind, Outcome::Kind::kHeldUp);
  Attempt plain = attempt("echo '{\"ok\": 1}'");
  chmod((store_ + "/project/p").c_str(), 0644);
  EXPECT_NE(begin(plain)->wait().error.message.find("chmod +x"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(store_ + "/effect"));
}

TEST_F(ExecActionTest, WhatCanNotBeStartedDidNothing) {
  Attempt large =
      attempt("touch ../../effect; echo '{\"ok\": 1}'", {{"text", std::string(17U << 20, 'x')}});
  const Outcome outcome = begin(large)->wait();
  EXPECT_EQ(outcome.kind, Outcome::Kind::kError);
  EXPECT_EQ(outcome.effect, Effect::kNone);
  EXPECT_NE(outcome.error.message.find("16 MiB"), std::string::npos);
  Attempt nowhere = attempt("touch ../../effect; echo '{\"ok\": 1}'");
  std::filesystem::remove(store_ + "/project/sub");
  const Outcome lost = begin(nowhere)->wait();
  EXPECT_EQ(lost.effect, Effect::kNone);
  EXPECT_NE(lost.error.message.find("`p` was not started"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(store_ + "/effect"));
}

TEST_F(ExecActionTest, ItsTimeAndStopsEndItAsTheyEndACommand) {
  Attempt late = attempt("sleep 100");
  late.timeout = 200'000;
  const Outcome outcome = begin(late)->wait();
  EXPECT_EQ(outcome.error.kind, "Timeout");
  EXPECT_EQ(outcome.effect, Effect::kUnknown);

  Attempt writes = attempt("echo ready >&2; sleep 0.3; echo '{\"ok\": 1}'");
  const auto written = begin(writes);
  ASSERT_TRUE(written->wait_for_line("ready"));
  action().stop(writes.id, engine::StopMode::kGentle);
  EXPECT_EQ(written->wait().kind, Outcome::Kind::kOk);

  Attempt killed = attempt("sleep 100 & echo ready >&2; wait");
  const auto kill_sink = begin(killed);
  ASSERT_TRUE(kill_sink->wait_for_line("ready"));
  action().stop(killed.id, engine::StopMode::kKill);
  EXPECT_EQ(kill_sink->wait().kind, Outcome::Kind::kStopped);
}

TEST_F(ExecActionTest, AnotherEngineFindsItAndItsAnswerThoughItWasChangedSince) {
  Attempt one = attempt(
      "echo begun >&2; while [ ! -e ../../go ]; do sleep 0.01; done\n"
      "echo x >> ../../effect; echo '{\"ok\": 4}'");
  one.origin = boot_identity() + "@" + supervisor::Folder::identity(store_);
  const pid_t child = fork();
  if (child == 0) {
    begin(one)->wait_for_line("begun");
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  one.own.hash = sha256("another");
  auto& again = action();
  auto sink = std::make_shared<RecordingSink>([this] { registry_->turn(); });
  EXPECT_EQ(again.recover(one, sink), engine::Recovery::kReattached);
  EXPECT_TRUE(sink->wait_for_line("begun"));
  std::ofstream(store_ + "/go") << "";
  EXPECT_EQ(sink->wait().output, boost::json::value(4));
  EXPECT_EQ(text("effect"), "x\n");
  again.acknowledge(one.attempt_key);
}

}  // namespace
}  // namespace rbk::stdlib
