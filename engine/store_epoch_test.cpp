// A store that was restored or copied, on every store: what was unfinished is held until a person
// accepts the loss (rule 6 of durability).
#include <algorithm>

#include "engine/testing/store_conformance.h"
#include "engine/testing/store_sql.h"
#include "engine/upkeep.h"

namespace rbk::engine {
namespace {

constexpr Doer kAnn{"ann", "", 5000};

class Restored : public testing::StoreConformance {
 protected:
  std::string url() const { return GetParam().url(folder_); }
  bool on_sqlite() const { return url().starts_with("sqlite:"); }
  /// It says that it lives elsewhere.
  void move_away() {
    testing::store_sql(url(), on_sqlite()
                                  ? "update meta set value='1 1.000000001' where name='home'"
                                  : "update meta set home='1 00000001 1 1'");
  }
  RunRow let_go(Store& store, const std::string& id, RunStatus status,
                std::optional<int64_t> wake = {}) {
    RunChange change = change_of(put(store, 7, id));
    change.status = status;
    change.wake = wake;
    change.release = true;
    commit(store, change);
    return store.run(change.run).value();
  }
  static std::vector<std::string> verbs(Store& store) {
    std::vector<std::string> verbs;
    const std::vector<AuditRow> rows = store.audit({}).value();
    for (const AuditRow& row : rows) verbs.push_back(row.note.verb);
    return verbs;
  }
};

TEST_P(Restored, WhatWasUnfinishedIsHeldUntilItIsAccepted) {
  RunRow waits, paused, over, broken;
  {
    auto store = joined(open(), 7);
    EXPECT_EQ(store->identity().epoch, 1);
    EXPECT_FALSE(store->hold().value());
    waits = let_go(*store, "aaa111", RunStatus::kWaiting, 5000);
    paused = let_go(*store, "aaa222", RunStatus::kPaused);
    const RunRow done = put(*store, 7, "aaa333");
    commit(*store, ending(done));
    over = store->run(done.key).value();
    const RunRow bad = put(*store, 7, "aaa444");
    ASSERT_TRUE(store->quarantine(bad.key, bad.token, "broken", kAnn));
    broken = store->run(bad.key).value();
  }
  EXPECT_EQ(open()->identity().epoch, 1) << "it was only opened again";
  move_away();
  {
    auto looks = open_store(url(), OpenMode::kReading);
    ASSERT_TRUE(looks) << looks.error().message;
    EXPECT_EQ((*looks)->run(waits.key)->status, RunStatus::kWaiting)
        << "who only reads holds nothing";
  }
  auto store = open();
  EXPECT_EQ(store->identity().epoch, 2);
  EXPECT_EQ(store->identity().incarnation.size(), 32u);
  const auto hold = store->hold().value();
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->epoch, 2);
  EXPECT_EQ(hold->runs, 2);
  EXPECT_FALSE(hold->why.empty());
  EXPECT_EQ(store->identity().hold->why, hold->why);
  const RunRow held = store->run(waits.key).value();
  EXPECT_EQ(held.status, RunStatus::kQuarantined);
  EXPECT_EQ(held.held, RunStatus::kWaiting);
  EXPECT_EQ(held.token, waits.token + 1) << "whoever holds it has lost it";
  EXPECT_NE(held.ending.find("2 unfinished runs"), std::string::npos) << held.ending;
  EXPECT_EQ(store->run(over.key)->status, RunStatus::kSucceeded);
  EXPECT_FALSE(store->run(broken.key)->held);
  // Nobody gets one, and nobody is offered one.
  EXPECT_EQ(store->claim(waits.key, 7, Claimer::kPerson, kAnn).error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(store->waiting_work(10'000, 8, {""}, 100)->runs.empty());
  // What is new goes on.
  store = joined(std::move(store), 8);
  EXPECT_EQ(put(*store, 8, "aaa555").status, RunStatus::kRunning);
  EXPECT_EQ(store->engine(8)->epoch, 2);
  EXPECT_EQ(store->engine(7)->epoch, 1);

  EXPECT_EQ(store->upkeep().accept(1, kAnn).error().kind, ErrorKind::kExists);
  EXPECT_EQ(store->upkeep().accept(2, kAnn).value(), 2);
  EXPECT_FALSE(store->hold().value());
  EXPECT_EQ(store->run(waits.key)->status, RunStatus::kWaiting);
  EXPECT_EQ(store->run(waits.key)->wake, 5000);
  EXPECT_EQ(store->run(waits.key)->ending, "");
  EXPECT_EQ(store->run(paused.key)->status, RunStatus::kPaused);
  EXPECT_EQ(store->run(broken.key)->status, RunStatus::kQuarantined);
  EXPECT_EQ(store->waiting_work(10'000, 9, {""}, 100)->runs.size(), 1u);
  EXPECT_EQ(store->upkeep().accept(2, kAnn).error().kind, ErrorKind::kRefused);
  const auto all = verbs(*store);
  EXPECT_EQ(std::count(all.begin(), all.end(), "begin epoch"), 1);
  EXPECT_EQ(all.back(), "store accept");
  EXPECT_EQ(open()->identity().epoch, 2) << "it is at home again";
  EXPECT_FALSE(open()->identity().hold);
}

TEST_P(Restored, AgainWhileItIsHeldStillKnowsHowEachStood) {
  RunRow waits;
  {
    auto store = joined(open(), 7);
    waits = let_go(*store, "aaa111", RunStatus::kWaiting);
  }
  move_away();
  {
    auto store = joined(open(), 8);
    let_go(*store, "aaa222", RunStatus::kRunning);
  }
  move_away();
  auto store = open();
  EXPECT_EQ(store->hold().value()->runs, 2);
  EXPECT_EQ(store->upkeep().accept(3, kAnn).value(), 2);
  EXPECT_EQ(store->run(waits.key)->status, RunStatus::kWaiting);
}

TEST_P(Restored, WithoutAnythingUnfinishedItGoesOnWithoutAWord) {
  {
    auto store = joined(open(), 7);
    commit(*store, ending(put(*store, 7, "aaa111")));
  }
  move_away();
  auto store = open();
  EXPECT_EQ(store->identity().epoch, 2);
  EXPECT_FALSE(store->hold().value());
}

TEST_P(Restored, AnEngineThatLivesDoesNotGoOn) {
  auto store = joined(open(), 7);
  const RunRow run = put(*store, 7, "aaa111");
  move_away();
  const Status reopened = store->reopen();
  ASSERT_FALSE(reopened);
  EXPECT_EQ(reopened.error().kind, ErrorKind::kRefused) << reopened.error().message;
  EXPECT_EQ(open()->run(run.key)->status, RunStatus::kQuarantined);
}

INSTANTIATE_TEST_SUITE_P(Backends, Restored,
                         ::testing::Values(testing::Backend{"sqlite",
                                                            [](const testing::TempFolder& folder) {
                                                              return "sqlite:" +
                                                                     folder.file("store.db");
                                                            }},
                                           testing::Backend{"postgresql",
                                                            [](const testing::TempFolder& folder) {
                                                              return folder.on_postgres();
                                                            }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace rbk::engine
