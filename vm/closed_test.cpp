// Calendars that hold a runbook back, and what overrides them: over an event's bytes and a
// snapshot.
#include <gtest/gtest.h>

#include "vm/machine.h"
#include "vm/testing/assembler.h"

namespace rbk::vm {
namespace {

using std::chrono::seconds;
using timing::Calendar;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kCloses = 1'000'000;  // seconds since the epoch
constexpr int64_t kOpens = 2'000'000;

std::shared_ptr<const bytecode::Program> waits_then_asks() {
  bytecode::Program program = testing::assemble(R"(
runbook main() = main
function main()
  reg pause duration
  LoadConst pause duration:5s
  keep
  Sleep pause
  Outside 0
  ReturnNothing
end
)");
  const Calendar::Dates dates{timing::local_seconds(seconds(kCloses)),
                              timing::local_seconds(seconds(kOpens))};
  program.calendars.emplace_back("freeze", timing::Zone(),
                                 std::vector<Calendar::Rule>{{dates, "year end"}});
  program.runbooks[0].outside = {0};
  const Status sound = bytecode::verify(program);
  EXPECT_TRUE(sound) << (sound ? "" : sound.error().message);
  return std::make_shared<const bytecode::Program>(std::move(program));
}

Event started(int64_t second, std::vector<std::string> overrides) {
  event::Started event;
  event.run = "run1";
  event.reason = "it burns";
  event.overrides = std::move(overrides);
  return {second * kSecond, event};
}

/// Through an event's bytes, and through a snapshot while it waits.
Ending run_from(int64_t second, std::vector<std::string> overrides) {
  const auto program = waits_then_asks();
  Machine machine(program, {});
  const Result<Event> event = decode_event(encode(started(second, std::move(overrides))));
  EXPECT_TRUE(event);
  EXPECT_TRUE(machine.deliver(*event));
  Result<Machine> restored = Machine::restore(program, {}, machine.snapshot());
  EXPECT_TRUE(restored);
  EXPECT_EQ(restored->snapshot(), machine.snapshot());
  const Result<Turn> end = restored->deliver({(second + 5) * kSecond, event::Woke{1}});
  EXPECT_TRUE(end && end->ending);
  return end && end->ending ? *end->ending : Ending{};
}

TEST(Closed, ACallInTimeThatIsClosedFails) {
  const Ending end = run_from(kCloses - 5, {});
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->kind, "Closed");
  EXPECT_EQ(end.error->message, "`freeze` is closed until 1970-01-24T03:33:20+00:00: year end");
  EXPECT_TRUE(end.error->retryable);
  EXPECT_EQ(end.error->fields.at("opens").as_string(), "1970-01-24T03:33:20Z");
}

TEST(Closed, TheLastSecondBeforeAndTheFirstAfterAreOpen) {
  EXPECT_FALSE(run_from(kCloses - 6, {}).error);
  EXPECT_TRUE(run_from(kOpens - 6, {}).error);
  EXPECT_FALSE(run_from(kOpens - 5, {}).error);
}

TEST(Closed, AnOverrideHoldsForAllOfTheRun) {
  EXPECT_FALSE(run_from(kCloses, {"freeze"}).error);
  EXPECT_TRUE(run_from(kCloses, {"another"}).error);
}

TEST(Closed, AnOverrideIsNoted) {
  Machine machine(waits_then_asks(), {});
  const Result<Turn> turn = machine.deliver(started(kCloses, {"freeze"}));
  ASSERT_TRUE(turn);
  ASSERT_FALSE(turn->marks.empty());
  EXPECT_EQ(turn->marks[0].kind, Mark::Kind::kNote);
  EXPECT_EQ(turn->marks[0].text, "runs although `freeze` may be closed: it burns");
}

TEST(Closed, OnlyAnEventWithOverridesIsOfTheNewForm) {
  EXPECT_EQ(encode(started(1, {}))[0], 2);
  EXPECT_EQ(encode(started(1, {"freeze"}))[0], 4);
}

TEST(Closed, BeforeARunBegins) {
  const auto program = waits_then_asks();
  const bytecode::Runbook& main = program->runbooks[0];
  EXPECT_TRUE(closed_out(*program, main, (kCloses - 1) * kSecond).empty());
  const auto closed = closed_out(*program, main, kCloses * kSecond);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].calendar, "freeze");
  EXPECT_EQ(closed[0].why, "year end");
  EXPECT_EQ(closed[0].until, kOpens * kSecond);
  EXPECT_TRUE(closed_out(*program, main, kCloses * kSecond, {"freeze"}).empty());
}

}  // namespace
}  // namespace rbk::vm
