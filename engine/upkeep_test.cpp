// A store as a whole: what a look over it finds, and what goes with old runs.
#include "engine/upkeep.h"

#include <algorithm>
#include <set>

#include "engine/engine.h"
#include "engine/retention.h"
#include "engine/store_check.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"
#include "engine/testing/store_conformance.h"
#include "engine/testing/store_sql.h"
#include "engine/testing/temp_folder.h"
#include "engine/testing/virtual_world.h"

namespace rbk::engine {
namespace {

using testing::ImmediateAction;
using testing::ScriptedAction;
using testing::store_sql;
using testing::StoreConformance;
using testing::TempFolder;
using testing::TestActions;

constexpr int64_t kAllTime = INT64_MAX;

std::string told(const StoreCheck& check) {
  std::string text;
  for (const Finding& finding : check.findings)
    text +=
        fmt::format("{} ({}): {} ({})\n", finding.kind, finding.run, finding.message, finding.cure);
  return text;
}

std::set<std::string> kinds(const StoreCheck& check) {
  std::set<std::string> found;
  for (const Finding& finding : check.findings) found.insert(finding.kind);
  return found;
}

/// With runs as engines make them.
class UpkeepTest : public ::testing::Test {
 protected:
  UpkeepTest() {
    actions_.add<ImmediateAction>("now");
    Outcome big;
    big.output = std::string(40'000, 'x');
    actions_.add<ScriptedAction>("big", big);
  }
  std::unique_ptr<Engine> open_engine() {
    return Engine::open(folder_.store(), OpenMode::kCreate, World::real(), &actions_).value();
  }
  std::unique_ptr<Store> open() { return open_store(folder_.store(), OpenMode::kExisting).value(); }
  static std::string run(Engine& engine, const std::string& script) {
    const std::string id =
        engine.start({testing::program(script), "main", {}, "", {}, {"ann", {}, {}}}).value();
    EXPECT_TRUE(engine.drive(id, {.longest_sleep = 0}));
    return id;
  }
  StoreCheck check() { return check_store(*open()).value(); }
  Retained retain_all(std::vector<std::string>* gone = nullptr) {
    auto done = retain(*open(), {.before = kAllTime}, [&](const RemovedTree& tree) {
      if (gone != nullptr) gone->push_back(tree.run);
    });
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return done ? *done : Retained{};
  }

  TempFolder folder_;
  TestActions actions_;
};

TEST_F(UpkeepTest, NothingIsWrongWithWhatEnginesLeave) {
  {
    auto engine = open_engine();
    run(*engine, "w now;l hello;w big");
    run(*engine, "w now;a go;w now");
    run(*engine, "g signal");
    run(*engine, "s 3600000000");
    const std::string paused = run(*engine, "q what");
    ASSERT_TRUE(engine->pause(paused, {"ann", {}, {}}));
    EXPECT_TRUE(engine->drive(paused, {}));
  }
  const StoreCheck found = check();
  EXPECT_EQ(told(found), "");
  EXPECT_EQ(found.runs, 5);
  EXPECT_EQ(found.programs, 5);
  EXPECT_EQ(found.outputs, 1);
  EXPECT_EQ(found.waiting, 2);
  EXPECT_EQ(found.can_go_on, 1);
  EXPECT_EQ(found.paused, 1);
  EXPECT_GT(found.entries, 8);
}

TEST_F(UpkeepTest, WhatALivingEngineHoldsIsDriven) {
  auto engine = open_engine();
  const auto made = engine->start({testing::program("w now"), "main", {}, "", {}, {"ann", {}, {}}});
  ASSERT_TRUE(made);
  const StoreCheck found = check();
  EXPECT_EQ(told(found), "");
  EXPECT_EQ(found.driven, 1);
}

struct Damage {
  std::string kind;
  std::string how;
};

TEST_F(UpkeepTest, EachDamageIsFoundAndHasItsCure) {
  const std::string run_of_script = "w big;a go";
  for (const Damage& damage : {
           Damage{"program", "delete from program"},
           Damage{"program", "update program set bytes=hash"},
           Damage{"output", "delete from blob"},
           Damage{"output", "update blob set bytes=hash"},
           Damage{"family", "update run set parent=999"},
           Damage{"family", "update run set origin=999"},
           Damage{"schedule", "update run set schedule=999"},
           Damage{"stuck", "delete from wait"},
           Damage{"journal", "delete from journal where number=2"},
           Damage{"journal", "update journal set body=news where number=2"},
           Damage{"journal", "update run set head=head-1"},
           Damage{"wait", "update run set status=6"},
           Damage{"driver", "update run set holder=999"},
           Damage{"left over",
                  "insert into message(id,run,request,kind,body,author,time,taken) "
                  "values('m',999,0,3,'','',0,1)"},
           Damage{"lock",
                  "update run set status=6; insert into claim(space,name,run,request,slots,"
                  "held,unwinds,under,path,since) select 0,'x',key,1,1,1,0,'','',0 "
                  "from run"},
       }) {
    SCOPED_TRACE(damage.how);
    TempFolder folder;
    std::string id;
    {
      auto engine =
          Engine::open(folder.store(), OpenMode::kCreate, World::real(), &actions_).value();
      id = run(*engine, run_of_script);
    }
    const auto look = [&] {
      return check_store(*open_store(folder.store(), OpenMode::kReading).value()).value();
    };
    ASSERT_EQ(told(look()), "");
    store_sql(folder, damage.how);
    const StoreCheck found = look();
    EXPECT_TRUE(kinds(found).contains(damage.kind)) << told(found);
    for (const Finding& finding : found.findings) {
      EXPECT_FALSE(finding.cure.empty()) << finding.message;
      if (finding.kind == "left over" || finding.kind == "program") continue;
      EXPECT_EQ(finding.run, id) << finding.message;
      EXPECT_NE(finding.message.find(id), std::string::npos) << finding.message;
    }
  }
}

TEST_F(UpkeepTest, OutputsGoWithTheLastRunThatNamesThem) {
  const Person leader{"bob", {"sre"}, {}};
  std::string waits;
  {
    auto engine = open_engine();
    run(*engine, "w big");
    waits = run(*engine, "w big;a go");
  }
  Retained done = retain_all();
  EXPECT_EQ(done.runs, 1);
  EXPECT_EQ(done.unfinished, 1);
  EXPECT_EQ(done.outputs, 0);
  EXPECT_EQ(done.programs, 1);
  EXPECT_EQ(told(check()), "");
  {
    auto engine = open_engine();
    ASSERT_TRUE(engine->approve(waits, "go", {}, leader));
    EXPECT_EQ(engine->drive(waits, {})->run.status, RunStatus::kSucceeded);
  }
  done = retain_all();
  EXPECT_EQ(done.runs, 1);
  EXPECT_EQ(done.outputs, 1);
  EXPECT_EQ(told(check()), "");
  EXPECT_EQ(check().runs, 0);
  EXPECT_TRUE(open()->upkeep().blob_hashes()->empty());
  EXPECT_TRUE(open()->upkeep().program_hashes()->empty());
}

TEST_F(UpkeepTest, WhatIsTakenUpWhileOutputsGoStays) {
  {
    auto engine = open_engine();
    run(*engine, "w big");
  }
  auto store = open();
  ASSERT_EQ(store->upkeep().blob_hashes()->size(), 1u);
  // A run with the same output ends after the row of the first one went, and before outputs do.
  bool late = false;
  auto done = retain(*store, {.before = kAllTime}, [&](const RemovedTree&) {
    auto engine = open_engine();
    run(*engine, "w big");
    late = true;
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(late);
  EXPECT_EQ(done->outputs, 0);
  EXPECT_EQ(told(check()), "");
  EXPECT_EQ(check().outputs, 1);
}

TEST_F(UpkeepTest, WhoTookARunAwayIsInTheAuditTrail) {
  std::string id;
  {
    auto engine = open_engine();
    id = run(*engine, "w now");
  }
  auto store = open();
  ASSERT_TRUE(retain(*store, {.before = kAllTime, .by = {"eve", "root", 7}}, [](const auto&) {}));
  AuditFilter of_run;
  of_run.run = id;
  const auto rows = store->audit(of_run).value();
  ASSERT_FALSE(rows.empty());
  const AuditNote& last = rows.back().note;
  EXPECT_EQ(last.verb + " by " + last.by.user + ", " + last.by.real, "store retain by eve, root");
  EXPECT_EQ(last.payload, R"({"status":"succeeded","runs":1})");
}

TEST_F(UpkeepTest, ARollbackByHandBelongsToWhatItUndid) {
  actions_.add<ImmediateAction>("undo");
  std::string done_id;
  {
    auto engine = open_engine();
    done_id = run(*engine, "b now");
    auto undoing = engine->rollback(done_id, {}, {"ann", {}, {}});
    ASSERT_TRUE(undoing) << undoing.error().message;
    // It is not driven: the run that it undoes has to stay.
  }
  Retained done = retain_all();
  EXPECT_EQ(done.runs, 0);
  EXPECT_EQ(done.unfinished, 1);
  {
    auto engine = open_engine();
    EXPECT_TRUE(engine->drive_all({}));
  }
  std::vector<std::string> gone;
  done = retain_all(&gone);
  EXPECT_EQ(done.runs, 2);
  EXPECT_EQ(gone, std::vector<std::string>{done_id});
  EXPECT_EQ(told(check()), "");
}

TEST_F(UpkeepTest, ARemovalThatWasCutOffIsFinishedByTheNext) {
  {
    auto engine = open_engine();
    run(*engine, "w big;l hello");
    run(*engine, "w now;a go");
  }
  store_sql(folder_, "delete from run where status=6");
  EXPECT_EQ(kinds(check()), std::set<std::string>{"left over"});
  auto done = retain(*open(), {.before = 0}, [](const RemovedTree&) {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->runs, 0);
  EXPECT_EQ(told(check()), "");
  EXPECT_EQ(check().outputs, 0);
}

TEST_F(UpkeepTest, WhereAJournalIsDamagedNoOutputsGo) {
  {
    auto engine = open_engine();
    run(*engine, "w big");
    run(*engine, "w now;a go");
  }
  store_sql(folder_,
            "update journal set body=news where number=2 and run=(select max(key) from run)");
  const auto done = retain(*open(), {.before = kAllTime}, [](const RemovedTree&) {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(done.error().cure.find("rbk store check"), std::string::npos);
  EXPECT_EQ(open()->upkeep().blob_hashes()->size(), 1u);
}

// ---- Rows as no engine makes them

TEST_P(StoreConformance, EntriesAndProgramsThatNobodyCanReadAreFound) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  const StoreCheck found = check_store(*store).value();
  EXPECT_EQ(kinds(found), (std::set<std::string>{"journal", "program"})) << told(found);
  EXPECT_NE(told(found).find("run aaa111, journal entry 1"), std::string::npos) << told(found);
}

TEST_P(StoreConformance, ALookIsOfOneMoment) {
  auto store = joined(open(), 7);
  auto other = joined(open(), 8);
  put(*store, 7, "aaa111");
  ASSERT_TRUE(store->upkeep().begin_look());
  EXPECT_EQ(store->upkeep().run_links()->size(), 1u);
  put(*other, 8, "aaa222");
  EXPECT_EQ(store->upkeep().run_links()->size(), 1u);
  store->upkeep().end_look();
  EXPECT_EQ(store->upkeep().run_links()->size(), 2u);
}

std::string removed(Store& store, const Retention& retention) {
  std::string ids;
  auto done = retain(store, retention,
                     [&](const RemovedTree& tree) { ids += fmt::format("{} ", tree.run); });
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return ids;
}

TEST_P(StoreConformance, RunsGoByAgeAndStatus) {
  auto store = joined(open(), 7);
  const RunRow first = put(*store, 7, "aaa111");
  const RunRow second = put(*store, 7, "aaa222", 20);
  const RunRow third = put(*store, 7, "aaa333");
  put(*store, 7, "aaa444");
  EXPECT_TRUE(commit(*store, ending(first)).empty());
  EXPECT_TRUE(commit(*store, ending(second)).empty());
  EXPECT_TRUE(commit(*store, ending(third, RunStatus::kFailed)).empty());
  EXPECT_EQ(removed(*store, {.before = 1010, .only_look = true}), "aaa111 aaa333 ");
  EXPECT_EQ(store->runs({})->size(), 4u);
  EXPECT_EQ(removed(*store, {.before = 1010, .status = RunStatus::kFailed}), "aaa333 ");
  EXPECT_EQ(removed(*store, {.before = 1002}), "");
  EXPECT_EQ(removed(*store, {.before = 1010}), "aaa111 ");
  EXPECT_EQ(store->runs({})->size(), 2u);
  EXPECT_EQ(store->run(first.key).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(
      retain(*store, {.before = 1, .status = RunStatus::kWaiting}, [](const auto&) {}).error().kind,
      ErrorKind::kInvalid);
}

TEST_P(StoreConformance, AKeyIsNeverGivenAgain) {
  auto store = joined(open(), 7);
  const RunRow first = put(*store, 7, "aaa111");
  EXPECT_TRUE(commit(*store, ending(first)).empty());
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "aaa111 ");
  EXPECT_GT(put(*store, 7, "aaa222").key, first.key);
}

TEST_P(StoreConformance, ATreeOfRunsGoesWholeOrStays) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange change = change_of(parent);
  NewRun child = new_run("aaa111-1");
  child.row.link = Link::kDetached;
  child.row.parent_request = 3;
  change.children.push_back(child);
  EXPECT_TRUE(commit(*store, change).empty());
  RunRow begun = store->children(parent.key)->front();
  EXPECT_TRUE(commit(*store, ending(store->run(parent.key).value())).empty());
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "");
  EXPECT_TRUE(commit(*store, ending(begun)).empty());
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "aaa111 ");
  EXPECT_TRUE(store->runs({})->empty());
}

TEST_P(StoreConformance, ARunWhoseNoticeIsNotDeliveredStays) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  RunChange change = ending(row, RunStatus::kFailed);
  Notice& notice = change.notices.emplace_back();
  notice.id = "n1";
  notice.kind = "run_failed";
  notice.target = "sre";
  notice.payload = "{}";
  EXPECT_TRUE(commit(*store, change).empty());
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "");
  const int64_t key = store->notices(row.key)->front().key;
  ASSERT_TRUE(store->settle_notice(key, Notice::State::kDelivered, 0, ""));
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "aaa111 ");
  EXPECT_TRUE(store->notices(0)->empty());
}

TEST_P(StoreConformance, WhatHasChangedMeanwhileStays) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  EXPECT_TRUE(commit(*store, ending(row)).empty());
  auto tree = store->upkeep().run_links().value();
  ASSERT_EQ(tree.size(), 1u);
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa222"));
  group.runs.back().row.origin = row.key;
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(store->upkeep().remove_trees({tree}, {}).value(), std::vector<bool>{false});
  EXPECT_TRUE(store->run(row.key));
}

TEST_P(StoreConformance, WhatIsGoneIsNotUndone) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  EXPECT_TRUE(commit(*store, ending(row)).empty());
  EXPECT_EQ(removed(*store, {.before = kAllTime}), "aaa111 ");
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa222"));
  group.runs.back().row.origin = row.key;
  const auto late = store->commit(group);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(store->runs({})->empty());
}

}  // namespace
}  // namespace rbk::engine
