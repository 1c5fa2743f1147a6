// Workers and the outbox, on every store: what there is to do, for whom, and that each takes its
// own.
#include <algorithm>
#include <set>

#include "engine/testing/store_conformance.h"

namespace rbk::engine {
namespace {

using testing::StoreConformance;

std::set<RunKey> keys_of(const WaitingWork& work) {
  std::set<RunKey> keys;
  for (const WaitingWork::Run& run : work.runs) keys.insert(run.key);
  return keys;
}

Notice notice(const std::string& id, int64_t due) {
  Notice made;
  made.id = id;
  made.request = 5;
  made.kind = "approval";
  made.target = "sre";
  made.payload = "{}";
  made.made = 1000;
  made.due = due;
  return made;
}

std::string ids_of(const std::vector<Notice>& notices) {
  std::string ids;
  for (const Notice& one : notices) ids += one.id + " ";
  return ids;
}

TEST_P(StoreConformance, WhatWorkersCanGoOnWith) {
  auto store = joined(open(), 7);
  const auto let_go = [&](const std::string& id, RunStatus status, std::optional<int64_t> wake) {
    RunChange change = change_of(put(*store, 7, id));
    change.status = status;
    change.wake = wake;
    change.release = true;
    commit(*store, change);
    return change.run;
  };
  const RunKey ready = let_go("aaa111", RunStatus::kRunning, std::nullopt);
  const RunKey due = let_go("aaa222", RunStatus::kWaiting, 5000);
  const RunKey later = let_go("aaa333", RunStatus::kWaiting, 7000);
  const RunKey much_later = let_go("aaa444", RunStatus::kInDoubt, 9000);
  const RunKey waits = let_go("aaa555", RunStatus::kWaiting, std::nullopt);
  const RunKey over = let_go("aaa666", RunStatus::kFailed, std::nullopt);
  const RunRow held = put(*store, 7, "aaa777");
  auto other = joined(open(), 8);
  const auto at = [&](int64_t now) { return other->waiting_work(now, 8, {""}, 100).value(); };
  EXPECT_EQ(keys_of(at(6000)), (std::set<RunKey>{ready, due}));
  EXPECT_EQ(at(6000).next_wake, 7000);
  EXPECT_EQ(at(6000).holders, std::vector<EngineKey>{7});
  EXPECT_EQ(keys_of(at(10000)), (std::set<RunKey>{ready, due, later, much_later}));
  EXPECT_FALSE(at(10000).next_wake.has_value());
  for (const RunKey run : {waits, over, held.key})
    ASSERT_TRUE(store->post(
        {0, "m" + std::to_string(run), run, 0, Message::Kind::kCancel, "{}", "ann", 1, {}}));
  EXPECT_EQ(keys_of(at(6000)), (std::set<RunKey>{ready, due, waits}));
  EXPECT_EQ(other->waiting_work(10000, 8, {""}, 1)->runs.size(), 3u) << "so many of each kind";
  EXPECT_TRUE(store->waiting_work(6000, 7, {""}, 100)->holders.empty()) << "not of its own";
  EXPECT_TRUE(other->lives(7));
  EXPECT_FALSE(other->lives(9));
  store.reset();
  EXPECT_EQ(keys_of(at(6000)), (std::set<RunKey>{ready, due, waits, held.key}));
  EXPECT_TRUE(at(6000).holders.empty());
}

TEST_P(StoreConformance, WhatWorkersOfALabelCanGoOnWith) {
  auto store = joined(open(), 7);
  const auto let_go = [&](const std::string& id, const std::string& placement, RunStatus status,
                          std::optional<int64_t> wake) {
    Group group;
    group.engine = 7;
    group.runs.push_back(new_run(id));
    group.runs.back().row.placement = placement;
    EXPECT_TRUE(store->commit(group));
    RunChange change = change_of(group.runs.back().row);
    change.status = status;
    change.wake = wake;
    change.release = true;
    commit(*store, change);
    return change.run;
  };
  const RunKey ready = let_go("aaa111", "", RunStatus::kRunning, std::nullopt);
  const RunKey east = let_go("aaa222", "east", RunStatus::kRunning, std::nullopt);
  const RunKey later = let_go("aaa333", "east", RunStatus::kWaiting, 7000);
  const RunKey told = let_go("aaa444", "west", RunStatus::kWaiting, std::nullopt);
  ASSERT_TRUE(store->post({0, "m", told, 0, Message::Kind::kCancel, "{}", "ann", 1, {}}));
  EXPECT_EQ(store->run(east)->placement, "east");
  EngineRow engine = store->engine(7).value();
  EXPECT_EQ(engine.takes, std::vector<std::string>{""});
  auto other = open();
  engine.key = 8;
  engine.works = true;
  engine.takes = {"east", "a \"b\""};
  ASSERT_TRUE(other->join(engine));
  const auto at = [&](int64_t now, const std::vector<std::string>& takes) {
    return other->waiting_work(now, 8, takes, 100).value();
  };
  EXPECT_EQ(keys_of(at(6000, {""})), std::set<RunKey>{ready});
  EXPECT_FALSE(at(6000, {""}).next_wake.has_value());
  EXPECT_EQ(keys_of(at(6000, {"east"})), std::set<RunKey>{east});
  EXPECT_EQ(at(6000, {"west", "east"}).next_wake, 7000);
  EXPECT_EQ(keys_of(at(8000, {"west", "east", ""})), (std::set<RunKey>{ready, east, later, told}));
  EXPECT_TRUE(keys_of(at(8000, {"north"})).empty());
  ASSERT_TRUE(store->claim(later, 7, Claimer::kWorker));
  store.reset();
  EXPECT_EQ(keys_of(at(6000, {"east"})), (std::set<RunKey>{east, later})) << "its holder is dead";
  EXPECT_EQ(keys_of(at(6000, {""})), std::set<RunKey>{ready});
  ASSERT_TRUE(other->claim(east, 8, Claimer::kWorker));
  const auto workers = other->workers().value();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].takes, engine.takes);
}

TEST_P(StoreConformance, ClaimsThatGetARunNowhereAreCounted) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  EXPECT_EQ(row.claims, 0);
  for (int32_t i = 1; i <= kMostClaims; ++i)
    EXPECT_EQ(store->claim(row.key, 7, Claimer::kWorker)->claims, i);
  row = store->claim(row.key, 7, Claimer::kPerson).value();
  EXPECT_EQ(row.claims, 1);
  RunChange nothing = change_of(row);
  nothing.entries[0].kind = Entry::Kind::kRepeat;
  commit(*store, nothing);
  EXPECT_EQ(store->run(row.key)->claims, 1);
  commit(*store, change_of(store->run(row.key).value()));
  EXPECT_EQ(store->run(row.key)->claims, 0);
  row = store->claim(row.key, 7, Claimer::kWorker).value();
  RunChange goes = change_of(row);
  goes.entries[0].kind = Entry::Kind::kNotStarted;
  goes.release = true;
  commit(*store, goes);
  EXPECT_EQ(store->run(row.key)->claims, 0);
}

TEST_P(StoreConformance, WhatGotNowhereIsTriedOnceMoreByAPersonAlone) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  for (int32_t i = 1; i <= kMostClaims; ++i)
    row = store->claim(row.key, 7, Claimer::kWorker).value();
  ASSERT_TRUE(store->quarantine(row.key, row.token, "it gets nowhere"));
  EXPECT_EQ(store->claim(row.key, 7, Claimer::kWorker).error().kind, ErrorKind::kRefused);
  const RunRow claimed = store->claim(row.key, 7, Claimer::kPerson).value();
  EXPECT_EQ(claimed.status, RunStatus::kRunning);
  EXPECT_EQ(claimed.ending, "");
  EXPECT_EQ(claimed.claims, 1);
  const RunRow damaged = put(*store, 7, "aaa222");
  ASSERT_TRUE(store->quarantine(damaged.key, damaged.token, "entry 3 is damaged"));
  EXPECT_EQ(store->claim(damaged.key, 7, Claimer::kPerson).error().kind, ErrorKind::kRefused);
}

TEST_P(StoreConformance, SeveralAreClaimedAtOnceWhateverOneOfThemIs) {
  auto store = joined(open(), 7);
  auto other = joined(open(), 9);
  const RunRow held = put(*other, 9, "aaa111");
  const RunRow first = put(*store, 7, "aaa222");
  RunRow over = put(*store, 7, "aaa333");
  RunChange end = change_of(over);
  end.status = RunStatus::kSucceeded;
  end.release = true;
  commit(*store, end);
  const RunRow last = put(*store, 7, "aaa444");
  const auto claimed =
      store->claim_each({held.key, first.key, over.key, 4711, last.key}, 7, Claimer::kWorker, {})
          .value();
  ASSERT_EQ(claimed.size(), 5u);
  EXPECT_EQ(claimed[0].error().kind, ErrorKind::kLocked);
  EXPECT_EQ(claimed[1]->token, first.token + 1);
  EXPECT_EQ(claimed[2].error().kind, ErrorKind::kRefused);
  EXPECT_EQ(claimed[3].error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(claimed[4]->token, last.token + 1);
  EXPECT_EQ(store->run(last.key)->token, last.token + 1);
  EXPECT_EQ(store->run(held.key)->token, held.token);
  const auto none = store->claim_each({held.key, over.key}, 7, Claimer::kWorker, {}).value();
  ASSERT_EQ(none.size(), 2u);
  EXPECT_EQ(none[0].error().kind, ErrorKind::kLocked);
  EXPECT_EQ(none[1].error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(store->claim_each({}, 7, Claimer::kWorker, {})->empty());
}

TEST_P(StoreConformance, AWorkerIsKnownAsLongAsItWorksAndLives) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  EXPECT_TRUE(store->workers()->empty());
  ASSERT_TRUE(store->join({7, "boot:1", 4711, 1, true, true}));  // it joined before
  put(*store, 7, "aaa222");
  auto other = open();
  ASSERT_TRUE(other->join({8, "boot:1", 4712, 1, true, true}));
  put(*other, 8, "aaa333");
  const auto workers = other->workers().value();
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].process, 4711);
  EXPECT_TRUE(workers[0].works);
  ASSERT_TRUE(store->leave_work());
  EXPECT_EQ(other->workers()->size(), 1u);
  EXPECT_TRUE(other->engine(7)->alive);
  other.reset();
  EXPECT_TRUE(store->workers()->empty());
}

TEST_P(StoreConformance, ANoticeIsWrittenWithItsCauseAndOnce) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  EXPECT_FALSE(store->next_notice().value().has_value());
  RunChange lost = change_of(row);
  lost.token = 99;
  lost.notices.push_back(notice("n0", 2000));
  commit(*store, lost);
  RunChange tells = change_of(row);
  tells.notices = {notice("n2", 3000), notice("n1", 2000)};
  commit(*store, tells);
  RunChange again = change_of(store->run(row.key).value());
  again.notices = {notice("n1", 1), notice("n3", 4000)};
  commit(*store, again);
  const auto all = store->notices(0).value();
  EXPECT_EQ(ids_of(all), "n2 n1 n3 ") << "in the order in which they were made";
  EXPECT_EQ(all[1].due, 2000);
  EXPECT_EQ(all[1].run_id, "aaa111");
  EXPECT_EQ(all[1].target, "sre");
  EXPECT_TRUE(store->notices(row.key + 1)->empty());
  EXPECT_EQ(store->next_notice().value(), 2000);
}

TEST_P(StoreConformance, ANoticeIsTakenByOneUntilItsLeaseIsOver) {
  auto store = joined(open(), 7);
  RunChange tells = change_of(put(*store, 7, "aaa111"));
  for (int i = 1; i <= 3; ++i) tells.notices.push_back(notice("n" + std::to_string(i), 1000 * i));
  commit(*store, tells);
  auto other = open();
  EXPECT_EQ(ids_of(store->take_notices(2500, 9000, 1).value()), "n1 ");
  const auto taken = other->take_notices(2500, 9000, 10).value();
  EXPECT_EQ(ids_of(taken), "n2 ");
  EXPECT_EQ(taken[0].attempts, 1);
  EXPECT_TRUE(store->take_notices(2500, 9000, 10)->empty());
  EXPECT_EQ(store->next_notice().value(), 3000);
  ASSERT_TRUE(other->settle_notice(taken[0].key, Notice::State::kDelivered, 2600, ""));
  // Whoever took the first has died over it.
  const auto later = store->take_notices(9000, 20000, 10).value();
  EXPECT_EQ(ids_of(later), "n3 n1 ");
  EXPECT_EQ(later[1].attempts, 2);
  ASSERT_TRUE(store->settle_notice(later[1].key, Notice::State::kOpen, 9500, "nobody answers"));
  EXPECT_EQ(store->next_notice().value(), 9500);
  EXPECT_EQ(store->notices(0)->at(0).problem, "nobody answers");
  ASSERT_TRUE(store->settle_notice(taken[0].key, Notice::State::kOpen, 1, "too late"));
  EXPECT_EQ(store->notices(0)->at(1).state, Notice::State::kDelivered);
}

}  // namespace
}  // namespace rbk::engine
