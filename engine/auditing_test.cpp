// Who has changed what, as the engine says it: each thing that people do names them, both of them
// where one acts for another, and what the engine refuses leaves no row.
#include <fmt/format.h>

#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/store_sql.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"

namespace rbk::engine {
namespace {

using testing::ImmediateAction;
using testing::TempFolder;
using testing::TestActions;

class AuditingTest : public ::testing::Test {
 protected:
  AuditingTest() { actions_.add<ImmediateAction>("now"); }
  std::unique_ptr<Engine> open(uint64_t seed = 1) {
    return Engine::open(folder_.store(), OpenMode::kCreate, testing::virtual_world(clock_, seed),
                        &actions_)
        .value();
  }
  static std::string start(Engine& engine, const std::string& script) {
    return engine.start({testing::program(script), "main", {}, "because", {}, {"ann", {}, "root"}})
        .value();
  }
  /// "ann by root start" of each row behind the first.
  static std::vector<std::string> rows(Engine& engine, const AuditFilter& filter = {}) {
    std::vector<std::string> texts;
    const Status read = engine.audit(filter, [&](const AuditRow& row) {
      const Doer& by = row.note.by;
      if (row.number > 1)
        texts.push_back(fmt::format("{}{} {}", by.user, by.real.empty() ? "" : " by " + by.real,
                                    row.note.verb));
      return true;
    });
    EXPECT_TRUE(read);
    return texts;
  }

  const Person bob_{"bob", {"sre"}, "root"};
  TempFolder folder_;
  TestActions actions_;
  std::shared_ptr<testing::VirtualClock> clock_ = std::make_shared<testing::VirtualClock>();
};

using Rows = std::vector<std::string>;

TEST_F(AuditingTest, EachChangeNamesThoseWhoMadeIt) {
  auto engine = open();
  const std::string run = start(*engine, "a go;q what;g go 1000;w now 3");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->pause(run, bob_));
  ASSERT_EQ(engine->drive(run, {})->run.status, RunStatus::kPaused);
  ASSERT_TRUE(engine->unpause(run, bob_));
  ASSERT_TRUE(engine->approve(run, "", {}, bob_));
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  ASSERT_TRUE(engine->answer(run, "", {}, {"ann", {}, "eve"}));
  ASSERT_TRUE(engine->signal(run, "go", 7, "", bob_));
  ASSERT_TRUE(engine->cancel(run, CancelHow::kLeave, false, {"carol", {}, {}}));
  EXPECT_EQ(rows(*engine), (Rows{"ann by root start", "bob by root pause", "bob by root unpause",
                                 "bob by root approve", "ann by eve answer", "bob by root signal",
                                 "carol cancel"}));
  EXPECT_FALSE(engine->check_audit({})->fault());
}

TEST_F(AuditingTest, WhatIsNotPermittedLeavesNoRow) {
  auto engine = open();
  const std::string run = start(*engine, "a go;w now");
  ASSERT_EQ(engine->drive(run, {})->why, DriveEnd::Why::kSuspended);
  EXPECT_FALSE(engine->approve(run, "", {}, {"eve", {}, {}}));
  EXPECT_FALSE(engine->reject(run, "", "no", {"eve", {}, {}}));
  EXPECT_FALSE(engine->unpause(run, bob_));
  EXPECT_FALSE(engine->free_locks(run, bob_));
  EXPECT_FALSE(engine->rollback(run, "", bob_));
  EXPECT_EQ(rows(*engine), Rows{"ann by root start"});
  ASSERT_TRUE(engine->reject(run, "", "no", bob_));
  EXPECT_EQ(rows(*engine), (Rows{"ann by root start", "bob by root reject"}));
}

TEST_F(AuditingTest, StepsWriteNoRow) {
  auto engine = open();
  const std::string run = start(*engine, "w now 20;s 1000000;r now 20");
  EXPECT_EQ(engine->drive(run, {})->run.status, RunStatus::kSucceeded);
  EXPECT_EQ(rows(*engine), Rows{"ann by root start"});
}

TEST_F(AuditingTest, ARunIsFoundByAPrefixAndWhenItIsGone) {
  auto engine = open();
  const std::string run = start(*engine, "w now");
  start(*engine, "w now");
  AuditFilter filter;
  filter.run = run;
  EXPECT_EQ(rows(*engine, filter).size(), 1u);
  engine.reset();
  testing::store_sql(folder_, "delete from run where id='" + run + "'");
  engine = open(1000);
  EXPECT_EQ(rows(*engine, filter).size(), 1u);
  filter.run = "nothing";
  EXPECT_EQ(rows(*engine, filter).size(), 0u);
}

// More than are read at once.
TEST_F(AuditingTest, ALongTrailIsReadAndCheckedWhole) {
  {
    auto store = open_store(folder_.store(), OpenMode::kCreate).value();
    Group group;
    ScheduleRow row;
    row.name = "nightly";
    row.timing = row.arguments = "[]";
    const ProgramRow program{row.program, "program"};
    ASSERT_TRUE(store->put_schedule(row, program, {"ann", "", 1}));
    group.schedules.emplace_back();
    group.schedules[0].schedule = row.key;
    group.schedules[0].version = row.version;
    group.schedules[0].name = row.name;
    for (int64_t nominal = 1; nominal <= 2500; ++nominal) {
      FiringRow firing;
      firing.schedule = row.key;
      firing.zone = "UTC";
      firing.nominal = nominal;
      firing.outcome = FiringRow::Outcome::kSkipped;
      group.schedules[0].records.push_back(firing);
    }
    ASSERT_TRUE(store->commit(group));
  }
  auto engine = open();
  EXPECT_EQ(engine->check_audit({})->head().number, 2502);
  EXPECT_EQ(rows(*engine).size(), 2501u);
  testing::store_sql(folder_, "update audit set verb='x' where number=2400");
  EXPECT_EQ(engine->check_audit({})->fault()->number, 2400);
}

TEST_F(AuditingTest, ARedactionNeedsAReason) {
  auto engine = open();
  start(*engine, "w now");
  EXPECT_EQ(engine->redact_audit(2, "", bob_).error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(engine->redact_audit(2, "names a customer", bob_));
  EXPECT_EQ(rows(*engine), (Rows{"ann by root start", "bob by root audit redact"}));
}

}  // namespace
}  // namespace rbk::engine
