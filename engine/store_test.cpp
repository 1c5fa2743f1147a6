// What every store has to do, whatever it is built on: the suite is instantiated for each.
#include "engine/store.h"

#include "engine/testing/store_conformance.h"

namespace rbk::engine {
namespace {

using testing::Backend;
using testing::StoreConformance;
using testing::TempFolder;

TEST_P(StoreConformance, KeepsItsIdentityOverReopening) {
  const std::string id = open()->identity().id;
  EXPECT_EQ(id.size(), 32u);
  auto again = open();
  EXPECT_EQ(again->identity().id, id);
  ASSERT_TRUE(again->reopen());
  EXPECT_EQ(again->identity().id, id);
}

TEST_P(StoreConformance, ARunAndItsEntriesReadBackAsWritten) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111", 3);
  EXPECT_EQ(row.id, "aaa111");
  EXPECT_EQ(row.head, 3u);
  EXPECT_EQ(row.token, 1);
  EXPECT_EQ(row.holder, 7);
  EXPECT_EQ(row.updated, 1003);
  EXPECT_EQ(row.program, sha256("program"));
  EXPECT_EQ(store->program(row.program).value(), "program");
  const auto entries = store->entries(row.key, 1).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].number, 2u);
  EXPECT_EQ(entries[1].body, "body 3");
  EXPECT_EQ(entries[1].news, "news 3");
  EXPECT_EQ(entries[1].engine, 7);
  auto again = open();
  EXPECT_EQ(again->entries(row.key, 0).value().size(), 3u);
}

TEST_P(StoreConformance, RunsAreFoundByUniquePrefix) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  put(*store, 7, "aab222");
  put(*store, 7, "aab2223");
  EXPECT_EQ(store->find_run("aaa")->id, "aaa111");
  EXPECT_EQ(store->find_run("AAA1")->id, "aaa111");
  EXPECT_EQ(store->find_run("aab222")->id, "aab222");
  const auto several = store->find_run("aa");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(several.error().message.find("aaa111, aab222"), std::string::npos);
  EXPECT_EQ(store->find_run("b").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->find_run("").error().kind, ErrorKind::kNotFound);
}

TEST_P(StoreConformance, RunsAreFiltered) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  RunRow done = put(*store, 7, "aab222");
  RunChange change = change_of(done);
  change.status = RunStatus::kSucceeded;
  change.ending = "{}";
  change.labels = R"({"team":"db","ticket":"OPS-1"})";
  EXPECT_TRUE(commit(*store, change).empty());
  const auto ids = [&](const RunFilter& filter) {
    std::string joined;
    const auto rows = store->runs(filter).value();
    for (const RunRow& row : rows) joined += row.id + " ";
    return joined;
  };
  RunFilter filter;
  EXPECT_EQ(ids(filter), "aab222 aaa111 ");
  filter.limit = 1;
  EXPECT_EQ(ids(filter), "aab222 ");
  filter = {};
  filter.unfinished = true;
  EXPECT_EQ(ids(filter), "aaa111 ");
  filter = {};
  filter.status = RunStatus::kSucceeded;
  EXPECT_EQ(ids(filter), "aab222 ");
  filter = {};
  filter.labels = {{"ticket", "OPS-1"}};
  EXPECT_EQ(ids(filter), "aab222 ");
  filter.starter = "bob";
  EXPECT_EQ(ids(filter), "");
  filter = {};
  filter.runbook = "hello";
  filter.since = 1001;
  EXPECT_EQ(ids(filter), "");
}

TEST_P(StoreConformance, ARunIsPinnedToAnotherProgram) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  const RunRow other = put(*store, 7, "aaa112");
  RunChange change = change_of(row);
  change.program = std::make_shared<const ProgramRow>(ProgramRow{sha256("newer"), "newer"});
  EXPECT_TRUE(commit(*store, change).empty());
  EXPECT_EQ(store->run(row.key)->program, sha256("newer"));
  EXPECT_EQ(store->program(sha256("newer")).value(), "newer");
  EXPECT_EQ(store->run(other.key)->program, other.program);
}

TEST_P(StoreConformance, AnIdIsTakenOnce) {
  auto store = joined(open(), 7);
  put(*store, 7, "aaa111");
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa111"));
  const auto twice = store->commit(group);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::kExists);
  put(*store, 7, "aaa112");
  EXPECT_EQ(store->runs({}).value().size(), 2u);
}

TEST_P(StoreConformance, OnlyTheHoldersTokenAppends) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  RunChange stale = change_of(row);
  stale.token = row.token - 1;
  stale.waits.push_back({});
  EXPECT_EQ(commit(*store, stale), std::vector<RunKey>{row.key});
  RunChange wrong_head = change_of(row);
  wrong_head.head = 5;
  EXPECT_EQ(commit(*store, wrong_head), std::vector<RunKey>{row.key});
  EXPECT_EQ(store->entries(row.key, 0).value().size(), 1u);
  EXPECT_TRUE(store->waits(row.key).value().empty());
  EXPECT_TRUE(commit(*store, change_of(row)).empty());
  EXPECT_EQ(store->entries(row.key, 0).value().size(), 2u);
}

TEST_P(StoreConformance, OneLostChangeDoesNotHoldUpTheOthers) {
  auto store = joined(open(), 7);
  const RunRow first = put(*store, 7, "aaa111");
  const RunRow second = put(*store, 7, "aab222");
  Group group;
  group.engine = 7;
  group.changes.push_back(change_of(first));
  group.changes.back().token = 99;
  group.changes.push_back(change_of(second));
  EXPECT_EQ(store->commit(group).value().lost, std::vector<RunKey>{first.key});
  EXPECT_EQ(store->run(second.key)->head, 2u);
}

TEST_P(StoreConformance, ALivingHolderKeepsItsRun) {
  auto first = joined(open(), 7);
  const RunRow row = put(*first, 7, "aaa111");
  auto second = joined(open(), 8);
  const auto refused = second->claim(row.key, 8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kLocked);
  EXPECT_NE(refused.error().message.find("4711"), std::string::npos);
  EXPECT_TRUE(second->engine(7)->alive);
  first.reset();
  EXPECT_FALSE(second->engine(7)->alive);
  const RunRow claimed = second->claim(row.key, 8).value();
  EXPECT_EQ(claimed.token, row.token + 1);
  EXPECT_EQ(claimed.holder, 8);
}

TEST_P(StoreConformance, ARunThatIsOverIsClaimedByNobody) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  RunChange end = change_of(row);
  end.status = RunStatus::kFailed;
  end.ending = "{}";
  end.release = true;
  EXPECT_TRUE(commit(*store, end).empty());
  EXPECT_EQ(store->claim(row.key, 7).error().kind, ErrorKind::kRefused);
}

TEST_P(StoreConformance, WhoLostARunCanNotWriteToIt) {
  auto first = joined(open(), 7);
  const RunRow row = put(*first, 7, "aaa111");
  RunChange release = change_of(row);
  release.release = true;
  EXPECT_TRUE(commit(*first, release).empty());
  auto second = joined(open(), 8);
  RunRow claimed = second->claim(row.key, 8).value();
  RunChange late = change_of(row);
  late.head = 2;
  late.entries[0].number = 3;
  EXPECT_EQ(commit(*first, late), std::vector<RunKey>{row.key});
  EXPECT_TRUE(commit(*second, change_of(claimed), 8).empty());
  EXPECT_EQ(second->entries(row.key, 0).value().size(), 3u);
}

TEST_P(StoreConformance, AnEngineKeyIsTakenOnce) {
  auto first = joined(open(), 7);
  auto second = open();
  EXPECT_EQ(second->join({7, "boot:1", 1, 1, true}).error().kind, ErrorKind::kExists);
  EXPECT_TRUE(second->join({8, "boot:1", 1, 1, true}));
}

TEST_P(StoreConformance, WaitsComeAndGo) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  RunChange change = change_of(row);
  change.waits.push_back(
      {row.key, "", 5, Wait::Kind::kApproval, "go", R"({"name":"go"})", 1234, 99});
  change.waits.push_back({row.key, "", 6, Wait::Kind::kDoubt, "drain", "{}", 1235, std::nullopt});
  change.status = RunStatus::kInDoubt;
  change.wake = 99;
  commit(*store, change);
  const auto waits = store->waits(0).value();
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_EQ(waits[0].run_id, "aaa111");
  EXPECT_EQ(waits[0].expires, 99);
  EXPECT_EQ(waits[1].kind, Wait::Kind::kDoubt);
  EXPECT_EQ(store->run(row.key)->wake, 99);
  RunChange over = change_of(store->run(row.key).value());
  over.waits_over.push_back(5);
  commit(*store, over);
  EXPECT_EQ(store->waits(row.key).value().size(), 1u);
  RunChange end = change_of(store->run(row.key).value());
  end.status = RunStatus::kSucceeded;
  commit(*store, end);
  EXPECT_TRUE(store->waits(row.key).value().empty());
}

TEST_P(StoreConformance, MessagesAreTakenWithTheChangeThatTheyCause) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  Message vote{0, "vote:1", row.key, 5, Message::Kind::kVote, "{}", "ann", 1, {}};
  ASSERT_TRUE(store->post(vote));
  EXPECT_EQ(store->post(vote).error().kind, ErrorKind::kExists);
  const auto open_ones = store->messages(row.key).value();
  ASSERT_EQ(open_ones.size(), 1u);
  EXPECT_EQ(open_ones[0].by, "ann");
  RunChange lost = change_of(row);
  lost.token = 99;
  lost.messages_taken.push_back(open_ones[0].key);
  commit(*store, lost);
  EXPECT_EQ(store->messages(0).value().size(), 1u);
  RunChange taken = change_of(row);
  taken.messages_taken.push_back(open_ones[0].key);
  commit(*store, taken);
  EXPECT_TRUE(store->messages(0).value().empty());
  EXPECT_EQ(store->votes(row.key, 5).value().size(), 1u);
}

TEST_P(StoreConformance, BlobsAreKeptOnceByContent) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  for (int i = 0; i < 2; ++i) {
    RunChange change = change_of(row);
    change.blobs.push_back({sha256("long"), "long"});
    commit(*store, change);
    row = store->run(row.key).value();
  }
  EXPECT_EQ(store->blob(sha256("long")).value(), "long");
  EXPECT_EQ(store->blob(sha256("other")).error().kind, ErrorKind::kCorrupt);
}

TEST_P(StoreConformance, SnapshotsAreReplacedAndDropped) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  EXPECT_FALSE(store->snapshot(row.key).value().has_value());
  for (const char* bytes : {"one", "two"}) {
    RunChange change = change_of(row);
    change.snapshot = bytes;
    commit(*store, change);
    row = store->run(row.key).value();
  }
  EXPECT_EQ(store->snapshot(row.key).value(), "two");
  ASSERT_TRUE(store->drop_snapshot(row.key));
  EXPECT_FALSE(store->snapshot(row.key).value().has_value());
}

TEST_P(StoreConformance, LogsComeBackInOrder) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  Group group;
  group.engine = 7;
  group.logs.push_back({0, row.key, 3, 1, "drain", "one"});
  group.logs.push_back({0, row.key, 3, 2, "drain", "two"});
  ASSERT_TRUE(store->commit(group));
  const auto chunks = store->logs(row.key, 0, SIZE_MAX).value();
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].lines, "one");
  EXPECT_EQ(chunks[1].attempt, 2u);
  EXPECT_EQ(store->logs(row.key, chunks[0].key, SIZE_MAX).value().size(), 1u);
  EXPECT_EQ(store->logs(row.key, 0, 1).value().size(), 1u);
  EXPECT_EQ(store->logs(row.key, 0, 0).value().size(), 1u);
  EXPECT_EQ(store->logs(row.key, 0, 4).value().size(), 2u);
  EXPECT_EQ(store->run(row.key)->log_bytes, 6);
}

TEST_P(StoreConformance, WhatARunSaysAtOnceComesWithIt) {
  auto store = joined(open(), 7);
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aaa111"));
  group.runs.back().logs.push_back({0, 0, 0, 0, "", "said"});
  group.runs.back().logs.push_back({0, 0, 3, 1, "drain", std::string(5'000, 'x')});
  ASSERT_TRUE(store->commit(group));
  const RunRow row = store->find_run("aaa111").value();
  const auto chunks = store->logs(row.key, 0, SIZE_MAX).value();
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].lines, "said");
  EXPECT_EQ(chunks[1].lines, std::string(5'000, 'x'));  // packed in between
  EXPECT_EQ(row.log_bytes, 5'004);
  // A run that exists already brings nothing.
  Group again;
  again.engine = 7;
  again.runs.push_back(new_run("aaa111"));
  again.runs.back().logs.push_back({0, 0, 0, 0, "", "again"});
  EXPECT_EQ(store->commit(again).error().kind, ErrorKind::kExists);
  EXPECT_EQ(store->logs(row.key, 0, SIZE_MAX).value().size(), 2u);
}

TEST_P(StoreConformance, AQuarantinedRunIsTakenFromItsHolder) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  ASSERT_TRUE(store->quarantine(row.key, row.token + 1, "not this one"));
  EXPECT_EQ(store->run(row.key)->status, RunStatus::kRunning);
  ASSERT_TRUE(store->quarantine(row.key, row.token, "entry 3 is damaged"));
  EXPECT_EQ(store->run(row.key)->status, RunStatus::kQuarantined);
  EXPECT_EQ(store->run(row.key)->ending, "entry 3 is damaged");
  EXPECT_EQ(commit(*store, change_of(row)), std::vector<RunKey>{row.key});
}

TEST_P(StoreConformance, ARunHasOneRollback) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  EXPECT_FALSE(store->rollback_of(row.key).value().has_value());
  Group group;
  group.engine = 7;
  group.runs.push_back(new_run("aab222"));
  group.runs.back().row.origin = row.key;
  ASSERT_TRUE(store->commit(group));
  EXPECT_EQ(store->rollback_of(row.key).value()->id, "aab222");
  Group second;
  second.engine = 7;
  second.runs.push_back(new_run("aac333"));
  second.runs.back().row.origin = row.key;
  EXPECT_EQ(store->commit(second).error().kind, ErrorKind::kExists);
}

TEST_P(StoreConformance, ARunIsGoneOnFromOnce) {
  auto store = joined(open(), 7);
  const RunRow row = put(*store, 7, "aaa111");
  EXPECT_FALSE(store->retry_of(row.key).value().has_value());
  const auto follow = [&](const std::string& id, RunKey origin, RunKey retries) {
    Group group;
    group.engine = 7;
    group.runs.push_back(new_run(id));
    group.runs.back().row.origin = origin;
    group.runs.back().row.retries = retries;
    group.runs.back().row.retry_rule = R"({"from":"b"})";
    auto done = store->commit(group);
    return done ? std::optional<ErrorKind>() : done.error().kind;
  };
  EXPECT_EQ(follow("aab222", 0, row.key), std::nullopt);
  const RunRow retry = store->retry_of(row.key).value().value();
  EXPECT_EQ(retry.id, "aab222");
  EXPECT_EQ(retry.retries, row.key);
  EXPECT_EQ(retry.retry_rule, R"({"from":"b"})");
  EXPECT_EQ(follow("aac333", 0, row.key), ErrorKind::kExists);
  EXPECT_EQ(follow("aad444", row.key, 0), ErrorKind::kExists);
  EXPECT_EQ(follow("aae555", retry.key, 0), std::nullopt);
  EXPECT_EQ(follow("aaf666", 0, retry.key), ErrorKind::kExists);
  EXPECT_EQ(follow("aag777", 0, retry.key + 1000), ErrorKind::kRefused);
}

TEST_P(StoreConformance, ChangesOfOthersAreNoticed) {
  auto first = joined(open(), 7);
  auto second = open();
  EXPECT_TRUE(second->changed().value());
  EXPECT_FALSE(second->changed().value());
  put(*first, 7, "aaa111");
  EXPECT_TRUE(second->changed().value());
  EXPECT_FALSE(second->changed().value());
}

TEST_P(StoreConformance, ItGoesOnAfterReopening) {
  auto store = joined(open(), 7);
  RunRow row = put(*store, 7, "aaa111");
  ASSERT_TRUE(store->reopen());
  EXPECT_TRUE(commit(*store, change_of(row)).empty());
  auto other = open();
  EXPECT_TRUE(other->engine(7)->alive);
}

std::string on_sqlite(const TempFolder& folder) { return "sqlite:" + folder.file("store.db"); }
std::string on_postgres(const TempFolder& folder) { return folder.on_postgres(); }

INSTANTIATE_TEST_SUITE_P(Backends, StoreConformance,
                         ::testing::Values(Backend{"sqlite", on_sqlite},
                                           Backend{"postgresql", on_postgres}),
                         [](const auto& backend) { return backend.param.name; });

TEST(StoreUrl, SaysWhatItTakes) {
  EXPECT_EQ(open_store("postgresql://db/x?lease=no", OpenMode::kCreate).error().kind,
            ErrorKind::kInvalid);
  EXPECT_EQ(open_store("mysql://db/x", OpenMode::kCreate).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open_store("sqlite:", OpenMode::kCreate).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace rbk::engine
