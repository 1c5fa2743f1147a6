// What targets are told: the outbox over a real store, in virtual time; and steps that fail and
// ask.
#include "engine/notices.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/units.h"
#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"
#include "vm/testing/assembler.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;
using testing::ImmediateAction;
using testing::ScriptedAction;
using testing::TempFolder;
using testing::TestActions;

/// Remembers what it is given; fails so often.
class Told : public Notifier {
 public:
  std::vector<std::string> defaults(const std::string& kind, const std::string&) override {
    return kind == by_default ? std::vector<std::string>{"all"} : std::vector<std::string>{};
  }
  void deliver(const std::string& id, const std::string& target, const std::string& payload,
               const std::string&, Done done) override {
    ids.push_back(id);
    targets.push_back(target);
    payloads.push_back(json::parse(payload).as_object());
    if (lost) return;
    if (failures > 0) {
      --failures;
      return done(fail(ErrorKind::kIo, "nobody answers"));
    }
    done({});
  }
  std::string by_default;
  int failures = 0;
  bool lost = false;  // it never says what became of it
  std::vector<std::string> ids;
  std::vector<std::string> targets;
  std::vector<json::object> payloads;
};

std::shared_ptr<const bytecode::Program> assembled(const std::string& text) {
  auto made = std::make_shared<const bytecode::Program>(vm::testing::assemble(text));
  const auto sound = bytecode::verify(*made);
  EXPECT_TRUE(sound) << (sound ? "" : sound.error().message);
  return made;
}

/// `main` asks for an approval so described, then for "after".
std::shared_ptr<const bytecode::Program> approval(const std::string& more) {
  std::string described =
      R"({"name":"go","question":"ok?","quorum":2,"by":[{"group":"sre"}])" + more + "}";
  std::string escaped;
  for (const char c : described) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
  return assembled(
      "record Form { ticket: string? }\n"
      "runbook main() -> json = main\n"
      "function main() -> json\nreg text value ref\n"
      "LoadConst text json:\"" +
      escaped +
      "\"\nkeep\nApprove value text Form | _ 0\n"
      "ToJson text value Form\nReturn text\nend\n");
}

class NoticesTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> open() {
    World world = testing::virtual_world(clock_, ++seed_);
    world.notifier = told_;
    auto engine = Engine::open(folder_.store(), OpenMode::kCreate, std::move(world), &actions_);
    EXPECT_TRUE(engine.has_value()) << (engine ? "" : engine.error().message);
    return std::move(*engine);
  }
  static std::string start(Engine& engine, std::shared_ptr<const bytecode::Program> program,
                           json::object labels = {}) {
    auto run =
        engine.start({std::move(program), "main", {}, "", std::move(labels), {"ann", {}, {}}});
    EXPECT_TRUE(run.has_value()) << (run ? "" : run.error().message);
    return run ? *run : "";
  }
  static DriveEnd drive(Engine& engine, const std::string& run) {
    auto end = engine.drive(run, {});
    EXPECT_TRUE(end.has_value()) << (end ? "" : end.error().message);
    return end ? *end : DriveEnd{};
  }
  void pass(int64_t microseconds) {
    clock_->wall_time += microseconds;
    clock_->boot_time += microseconds;
  }

  TempFolder folder_;
  TestActions actions_;
  std::shared_ptr<testing::VirtualClock> clock_ = std::make_shared<testing::VirtualClock>();
  std::shared_ptr<Told> told_ = std::make_shared<Told>();
  uint64_t seed_ = 0;
  const Person leader_{"bob", {"sre"}, {}};
};

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3'600 * kSecond;

TEST_F(NoticesTest, WhomAnApprovalNamesIsToldOnce) {
  auto engine = open();
  const std::string run = start(*engine, approval(R"(,"notify":["sre","pager"])"));
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
  EXPECT_EQ(told_->targets, (std::vector<std::string>{"sre", "pager"}));
  EXPECT_NE(told_->ids[0], told_->ids[1]);
  const json::object& payload = told_->payloads[0];
  EXPECT_EQ(payload.at("kind"), "approval");
  EXPECT_EQ(payload.at("run"), json::string(run));
  EXPECT_EQ(payload.at("name"), "go");
  EXPECT_EQ(payload.at("question"), "ok?");
  EXPECT_EQ(payload.at("id"), json::string(told_->ids[0]));
  EXPECT_FALSE(payload.contains("notify"));
  drive(*engine, run);
  EXPECT_EQ(told_->ids.size(), 2u);
  const auto notices = engine->notices(run);
  for (const Notice& notice : *notices) EXPECT_EQ(notice.state, Notice::State::kDelivered);
}

TEST_F(NoticesTest, WithoutANameTheDefaultsAreToldAndNotOfWhatTells) {
  told_->by_default = "approval";
  auto engine = open();
  drive(*engine, start(*engine, approval("")));
  EXPECT_EQ(told_->targets, std::vector<std::string>{"all"});
  drive(*engine, start(*engine, approval(""), {{"notice", "x"}}));
  EXPECT_EQ(told_->targets.size(), 1u) << "what is started by a notice tells of nothing by default";
  drive(*engine, start(*engine, approval(R"(,"notify":["sre"])")));
  EXPECT_EQ(told_->targets.back(), "sre");
  EXPECT_EQ(told_->targets.size(), 2u);
}

TEST_F(NoticesTest, AFailedRunIsTold) {
  told_->by_default = "run_failed";
  Outcome outcome;
  outcome.kind = Outcome::Kind::kError;
  outcome.error = {"ShellError", "exit 1", false, {}};
  actions_.add<ScriptedAction>("bad", outcome);
  auto engine = open();
  drive(*engine, start(*engine, testing::program("w bad")));
  ASSERT_EQ(told_->payloads.size(), 1u);
  EXPECT_EQ(told_->payloads[0].at("error").at("message"), "exit 1");
  EXPECT_NE(told_->payloads[0].at("text").as_string().find("has failed"), std::string::npos);
}

TEST_F(NoticesTest, WhatCannotBeDeliveredIsTriedAgainUnderItsIdAndHoldsUpNothing) {
  told_->failures = 1;
  auto engine = open();
  const std::string run = start(*engine, approval(R"(,"notify":["sre"])"));
  EXPECT_EQ(drive(*engine, run).why, DriveEnd::Why::kSuspended);
  Notice notice = engine->notices(run)->at(0);
  EXPECT_EQ(notice.state, Notice::State::kOpen);
  EXPECT_EQ(notice.problem, "nobody answers");
  EXPECT_EQ(told_->ids.size(), 1u);
  pass(11 * kSecond);
  ASSERT_TRUE(open()->deliver_notices(0));
  ASSERT_EQ(told_->ids.size(), 2u);
  EXPECT_EQ(told_->ids[0], told_->ids[1]);
  EXPECT_EQ(engine->notices(run)->at(0).state, Notice::State::kDelivered);
}

TEST_F(NoticesTest, AfterADayItIsGivenUpWithARecord) {
  told_->failures = 1'000;
  auto engine = open();
  const std::string run = start(*engine, approval(R"(,"notify":["sre"])"));
  drive(*engine, run);
  for (int i = 0; i < 60; ++i) {
    pass(kHour);
    ASSERT_TRUE(engine->deliver_notices(0));
  }
  const Notice notice = engine->notices(run)->at(0);
  EXPECT_EQ(notice.state, Notice::State::kGivenUp);
  EXPECT_EQ(notice.problem, "nobody answers");
  EXPECT_LT(told_->ids.size(), 40u);
  EXPECT_EQ(engine->summary(run)->status, RunStatus::kWaiting);
}

TEST_F(NoticesTest, WhoDiesBetweenCauseAndDeliveryLosesNothing) {
  told_->lost = true;  // as if it had died over it
  std::string run;
  {
    auto engine = open();
    run = start(*engine, approval(R"(,"notify":["sre"])"));
    drive(*engine, run);
  }
  told_->lost = false;
  auto engine = open();
  ASSERT_TRUE(engine->deliver_notices(0));
  EXPECT_EQ(told_->ids.size(), 1u) << "it may still be under way";
  pass(2 * kLongestDelivery);
  ASSERT_TRUE(engine->deliver_notices(0));
  ASSERT_EQ(told_->ids.size(), 2u);
  EXPECT_EQ(told_->ids[0], told_->ids[1]);
  EXPECT_EQ(engine->notices(run)->at(0).state, Notice::State::kDelivered);
}

TEST_F(NoticesTest, AnEscalationPutsItBeforeOthersAndTellsThem) {
  auto engine = open();
  const std::string run = start(
      *engine,
      approval(R"(,"notify":["sre"],"escalate_after":"4h","escalate_to":[{"group":"leads"}])"));
  drive(*engine, run);
  const Person lead{"eve", {"leads"}, {}};
  EXPECT_EQ(told_->payloads.size(), 1u);
  EXPECT_EQ(engine->approve(run, "", {}, lead).error().kind, ErrorKind::kPermission);
  EXPECT_TRUE(engine->inbox(lead)->empty());
  EXPECT_EQ(*engine->approvals(run)->at(0).escalates, clock_->wall() + 4 * kHour);
  pass(4 * kHour + kSecond);
  ASSERT_TRUE(engine->deliver_notices(0));
  ASSERT_EQ(told_->payloads.size(), 2u);
  EXPECT_EQ(told_->payloads[1].at("kind"), "escalated");
  EXPECT_EQ(engine->inbox(lead)->size(), 1u);
  ASSERT_TRUE(engine->approve(run, "", {}, lead));
  ASSERT_TRUE(engine->approve(run, "", {}, leader_)) << "those before may still decide";
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
}

TEST_F(NoticesTest, NobodyIsToldOfAnEscalationThatCameTooLate) {
  auto engine = open();
  const std::string run = start(
      *engine,
      approval(R"(,"notify":["sre"],"escalate_after":"4h","escalate_to":[{"group":"leads"}])"));
  drive(*engine, run);
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));
  ASSERT_TRUE(engine->approve(run, "", {}, {"cyd", {"sre"}, {}}));
  drive(*engine, run);
  pass(5 * kHour);
  ASSERT_TRUE(engine->deliver_notices(0));
  EXPECT_EQ(told_->payloads.size(), 1u);
  EXPECT_EQ(engine->notices(run)->at(1).state, Notice::State::kDropped);
}

TEST_F(NoticesTest, WhoBreaksTheGlassDecidesAloneAndLoudly) {
  auto engine = open();
  const std::string run =
      start(*engine, approval(R"(,"notify":["sre"],"break_glass":[{"group":"oncall"}])"));
  drive(*engine, run);
  EXPECT_EQ(engine->approve(run, "", {}, leader_, "now").error().kind, ErrorKind::kPermission);
  ASSERT_TRUE(engine->approve(run, "", {}, leader_));  // one of two
  const Person ann{"ann", {"oncall"}, {}};             // who started it
  EXPECT_EQ(engine->approve(run, "", {}, ann).error().kind, ErrorKind::kPermission);
  ASSERT_TRUE(engine->approve(run, "", {}, ann, "the site is down"));
  const DriveEnd end = drive(*engine, run);
  EXPECT_EQ(end.run.status, RunStatus::kSucceeded);
  ASSERT_EQ(told_->payloads.size(), 2u);
  EXPECT_EQ(told_->payloads[1].at("kind"), "break_glass");
  EXPECT_EQ(told_->payloads[1].at("reason"), "the site is down");
  std::string logged;
  ASSERT_TRUE(engine->logs(run, {}, 0, [&](const LogLine& line) {
    logged += line.text;
    return true;
  }));
  EXPECT_NE(logged.find("ann broke the glass"), std::string::npos);
}

TEST_F(NoticesTest, WithoutBreakGlassNobodyDecidesAlone) {
  auto engine = open();
  const std::string run = start(*engine, approval(""));
  drive(*engine, run);
  EXPECT_EQ(engine->approve(run, "", {}, leader_, "now").error().kind, ErrorKind::kRefused);
}

TEST(MayStart, IsAskedOfEachRunbookThatMayBePartOfIt) {
  bytecode::Runbook runbook;
  runbook.name = "deploy";
  EXPECT_TRUE(may_start(runbook, {"eve", {}, {}}));
  runbook.allow = {{"deploy", {{true, "sre"}, {false, "eve"}}}, {"db.failover", {{true, "dba"}}}};
  EXPECT_NE(may_start(runbook, {"bob", {"dba"}, {}}).error().message.find("allows group sre, user"),
            std::string::npos);
  EXPECT_NE(may_start(runbook, {"eve", {}, {}}).error().message.find("may call db.failover"),
            std::string::npos);
  EXPECT_TRUE(may_start(runbook, {"eve", {"dba"}, {}}));
  Person unknown{"bob", {}, {}};
  unknown.groups_problem = "no route";
  EXPECT_NE(may_start(runbook, unknown).error().message.find("no route"), std::string::npos);
}

TEST(MayDecide, GroupsThatAreNotKnownKeepNobodyIn) {
  const json::object description =
      json::parse(R"({"name":"go","by":[{"user":"bob"}],"not_by":[{"group":"dev"}]})").as_object();
  Person bob{"bob", {}, {}};
  EXPECT_TRUE(may_decide(description, "ann", bob));
  bob.groups_problem = "no route";
  EXPECT_EQ(may_decide(description, "ann", bob).error().kind, ErrorKind::kPermission);
}

TEST(NextAttempt, PausesGrowAndEndAfterADay) {
  EXPECT_EQ(next_attempt(0, 0, 1), 10 * kSecond);
  EXPECT_EQ(next_attempt(0, 0, 2), 20 * kSecond);
  EXPECT_EQ(next_attempt(0, 0, 50), kHour);
  EXPECT_EQ(next_attempt(0, 24 * kHour, 1), std::nullopt);
}

// ---- Steps that fail and ask

std::shared_ptr<const bytecode::Program> asking() {
  return assembled(R"(
action work(n: int) -> json writes
step one
runbook main() -> json = main
function main() -> json
  reg n mark int
  reg out error ref
  reg done bool
  StepBegin one _
  Mark mark
begin:
  Perform out work n | _ 0 0
end:
  StepEnd out json
  Return out
failed:
  AskFailure out done json | error _
  JumpUnless done @begin
  StepEnd out json
  Return out
  catch begin end failed error mark
end
)");
}

/// Fails so often, and remembers its keys.
class Failing : public Action {
 public:
  void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    keys.push_back(attempt.key);
    Outcome outcome;
    if (failures-- > 0) {
      outcome.kind = Outcome::Kind::kError;
      outcome.error = {"ShellError", "exit 1", true, {}};
    } else {
      outcome.output = "fine";
    }
    sink->finish(std::move(outcome));
  }
  void stop(uint64_t, StopMode) override {}
  int failures = 1;
  std::vector<std::string> keys;
};

TEST_F(NoticesTest, AFailedStepWaitsAndIsTriedAgainUnderANewKey) {
  auto& work = actions_.add<Failing>("work");
  told_->by_default = "failed_step";
  std::string run;
  {
    auto engine = open();
    run = start(*engine, asking());
    const DriveEnd end = drive(*engine, run);
    EXPECT_EQ(end.why, DriveEnd::Why::kSuspended);
    EXPECT_EQ(end.run.status, RunStatus::kWaiting);
    ASSERT_EQ(end.waits.size(), 1u);
    EXPECT_EQ(end.waits[0].kind, Wait::Kind::kFailure);
    EXPECT_EQ(end.waits[0].question, "ShellError: exit 1");
    EXPECT_EQ(engine->show(run)->steps[0].status, StepStatus::kWaiting);
  }
  EXPECT_EQ(told_->targets, std::vector<std::string>{"all"});
  auto engine = open();
  EXPECT_EQ(engine->inbox({"eve", {}, {}})->size(), 1u);
  EXPECT_EQ(engine->resolve(run, "one", Resolution::kNotDone, {}, leader_).error().kind,
            ErrorKind::kInvalid);
  ASSERT_TRUE(engine->resolve(run, "one", Resolution::kRetry, {}, leader_));
  EXPECT_EQ(drive(*engine, run).run.status, RunStatus::kSucceeded);
  ASSERT_EQ(work.keys.size(), 2u);
  EXPECT_NE(work.keys[0], work.keys[1]) << "a retry by hand is a new generation";
  EXPECT_EQ(engine->resolve(run, "one", Resolution::kRetry, {}, leader_).error().kind,
            ErrorKind::kRefused);
}

TEST_F(NoticesTest, AFailedStepIsTakenForDoneOrStaysFailed) {
  actions_.add<Failing>("work").failures = 100;
  auto engine = open();
  const std::string done = start(*engine, asking());
  drive(*engine, done);
  ASSERT_TRUE(engine->resolve(done, "", Resolution::kDone, json::value("by hand"), leader_));
  EXPECT_EQ(drive(*engine, done).run.output, "by hand");
  const std::string failed = start(*engine, asking());
  drive(*engine, failed);
  ASSERT_TRUE(engine->resolve(failed, "", Resolution::kFail, {}, leader_));
  const DriveEnd end = drive(*engine, failed);
  EXPECT_EQ(end.run.status, RunStatus::kFailed);
  EXPECT_EQ(end.run.error->kind, "ShellError");
  const std::string cancelled = start(*engine, asking());
  drive(*engine, cancelled);
  ASSERT_TRUE(engine->cancel(cancelled, CancelHow::kLeave, false, leader_));
  EXPECT_EQ(drive(*engine, cancelled).run.status, RunStatus::kCancelled);
}

}  // namespace
}  // namespace rbk::engine
