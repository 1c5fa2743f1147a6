// Runs that runs begin, on every store: they are there with their parent's change, or not at all.
#include <algorithm>

#include "engine/testing/store_conformance.h"

namespace rbk::engine {
namespace {

using testing::StoreConformance;

NewRun child_of(const std::string& id, uint64_t request, Link link = Link::kStarted) {
  NewRun child;
  child.row.id = id;
  child.row.runbook = "other";
  child.row.labels = "{}";
  child.row.started = 1500;
  child.row.program = sha256("program");
  child.row.link = link;
  child.row.parent_request = request;
  child.row.parent_path = "begin";
  child.row.parent_under = {3, 4};
  child.program = std::make_shared<ProgramRow>(ProgramRow{child.row.program, {}});
  Entry first;
  first.number = 1;
  first.time = 1500;
  first.body = "body";
  child.change.entries.push_back(first);
  return child;
}

CommitResult commit_one(Store& store, RunChange change) {
  Group group;
  group.engine = 7;
  group.changes.push_back(std::move(change));
  return store.commit(group).value();
}

vm::request::Acquire lock_of(const std::string& name,
                             vm::request::Acquire::Mode mode = vm::request::Acquire::Mode::kQueue) {
  vm::request::Acquire acquire;
  acquire.lock = {vm::Lock::Space::kLock, name, 1};
  acquire.mode = mode;
  acquire.path = "locked";
  return acquire;
}

std::string told(Store& store, RunKey run) {
  std::string all;
  const auto messages = store.messages(run).value();
  for (const Message& message : messages) all += message.id + " " + message.body + "\n";
  return all;
}

TEST_P(StoreConformance, AChildIsMadeWithItsParentsChangeOrNotAtAll) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange stale = change_of(parent);
  stale.token = 99;
  stale.children.push_back(child_of("aaa111-b", 5));
  EXPECT_EQ(commit_one(*store, stale).lost, std::vector<RunKey>{parent.key});
  EXPECT_TRUE(store->children(parent.key)->empty());
  EXPECT_FALSE(store->run_begun_by(parent.key, 5).value().has_value());
  RunChange begins = change_of(parent);
  begins.children.push_back(child_of("aaa111-b", 5));
  begins.children.push_back(child_of("aaa111-c", 6, Link::kDetached));
  begins.children[0].change.children.push_back(child_of("aaa111-b-d", 2));
  EXPECT_TRUE(commit_one(*store, begins).lost.empty());
  const auto children = store->children(parent.key).value();
  ASSERT_EQ(children.size(), 2u);
  EXPECT_EQ(children[0].id, "aaa111-b");
  EXPECT_EQ(children[1].link, Link::kDetached);
  const RunRow child = store->run_begun_by(parent.key, 5).value().value();
  EXPECT_EQ(child.parent, parent.key);
  EXPECT_EQ(child.parent_request, 5u);
  EXPECT_EQ(child.parent_path, "begin");
  EXPECT_EQ(child.parent_under, (std::vector<uint64_t>{3, 4}));
  EXPECT_EQ(child.holder, 7);
  EXPECT_EQ(child.head, 1u);
  EXPECT_EQ(child.program, parent.program);
  EXPECT_EQ(store->entries(child.key, 0)->size(), 1u);
  EXPECT_EQ(store->children(child.key).value().at(0).id, "aaa111-b-d");
  // A beginning of its parent's id means that one.
  EXPECT_EQ(store->find_run("aaa")->id, "aaa111");
  EXPECT_EQ(store->find_run("aaa111-b-")->id, "aaa111-b-d");
  // A request begins one run.
  RunChange again = change_of(store->run(parent.key).value());
  again.children.push_back(child_of("aaa111-e", 5));
  Group group;
  group.engine = 7;
  group.changes.push_back(again);
  EXPECT_EQ(store->commit(group).error().kind, ErrorKind::kExists);
  EXPECT_EQ(store->run(parent.key)->head, 2u);
}

TEST_P(StoreConformance, WhoWaitsForARunIsToldOfItsEndWithIt) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange begins = change_of(parent);
  begins.children.push_back(child_of("aaa111-b", 5));
  begins.children.push_back(child_of("aaa111-c", 6, Link::kDetached));
  begins.children.push_back(child_of("aaa111-d", 7, Link::kUndoing));
  // It ends in the commit that makes it.
  begins.children[2].change.status = RunStatus::kFailed;
  begins.children[2].change.ending = "{}";
  begins.children[2].change.release = true;
  EXPECT_TRUE(commit_one(*store, begins).messages_posted);
  EXPECT_EQ(told(*store, parent.key), "ended:aaa111-d {\"run\":\"aaa111-d\"}\n");
  EXPECT_FALSE(commit_one(*store, ending(store->find_run("aaa111-c").value())).messages_posted);
  EXPECT_TRUE(commit_one(*store, ending(store->find_run("aaa111-b").value())).messages_posted);
  const auto messages = store->messages(parent.key).value();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].kind, Message::Kind::kRunEnded);
  EXPECT_EQ(messages[1].request, 5u);
  EXPECT_EQ(messages[1].time, 1002);
}

TEST_P(StoreConformance, ARunThatIsOverIsToldNothing) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange begins = change_of(parent);
  begins.children.push_back(child_of("aaa111-b", 5));
  begins.children.push_back(child_of("aaa111-c", 6));
  commit_one(*store, begins);
  Group both;
  both.engine = 7;
  both.changes.push_back(ending(store->run(parent.key).value()));
  both.changes.push_back(ending(store->find_run("aaa111-b").value()));
  EXPECT_FALSE(store->commit(both)->messages_posted);
  EXPECT_FALSE(commit_one(*store, ending(store->find_run("aaa111-c").value())).messages_posted);
  EXPECT_EQ(told(*store, parent.key), "");
}

TEST_P(StoreConformance, ACancellationReachesTheChildrenThatGoOn) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange begins = change_of(parent);
  begins.children.push_back(child_of("aaa111-b", 5));
  begins.children.push_back(child_of("aaa111-c", 6));
  begins.cancels.push_back({"aaa111-c", false, false, "ann", 1501});  // made in the same commit
  EXPECT_TRUE(commit_one(*store, begins).messages_posted);
  const RunRow child = store->find_run("aaa111-c").value();
  EXPECT_EQ(told(*store, child.key), "cancel-run:aaa111-c {\"rollback\":false,\"now\":false}\n");
  RunChange cancels = change_of(store->run(parent.key).value());
  cancels.cancels.push_back({"aaa111-c", false, false, "ann", 1502});
  cancels.cancels.push_back({"aaa111-c", true, true, "ann", 1502});
  commit_one(*store, cancels);
  EXPECT_EQ(store->messages(child.key)->size(), 2u);
  EXPECT_EQ(store->messages(child.key)->at(1).body, R"({"rollback":true,"now":true})");
  const RunRow other = store->find_run("aaa111-b").value();
  commit_one(*store, ending(other));
  RunChange late = change_of(store->run(parent.key).value());
  late.cancels.push_back({"aaa111-b", false, false, "ann", 1503});
  commit_one(*store, late);
  EXPECT_EQ(told(*store, other.key), "");
}

TEST_P(StoreConformance, AChildWhoseLockIsTakenIsThereAndFails) {
  auto store = joined(open(), 7);
  const RunRow other = put(*store, 7, "bbb222");
  RunChange has = change_of(other);
  has.locks_asked.push_back({9, lock_of("db"), 1});
  EXPECT_EQ(commit_one(*store, has).locks_granted.size(), 1u);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange begins = change_of(parent);
  begins.children.push_back(child_of("aaa111-b", 5));
  auto acquire = lock_of("db", vm::request::Acquire::Mode::kReject);
  acquire.path = "";
  begins.children[0].change.locks_asked.push_back({2, acquire, 1500});
  EXPECT_TRUE(commit_one(*store, begins).messages_posted);
  const RunRow child = store->find_run("aaa111-b").value();
  const std::string answer = told(*store, child.key);
  EXPECT_NE(answer.find("\"how\":\"taken\""), std::string::npos) << answer;
  EXPECT_NE(answer.find("bbb222"), std::string::npos) << answer;
}

TEST_P(StoreConformance, ACircleThroughARunThatWaitsForAnotherIsFound) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange has = change_of(parent);
  has.locks_asked.push_back({3, lock_of("db"), 1});
  EXPECT_EQ(commit_one(*store, has).locks_granted.size(), 1u);
  RunChange begins = change_of(store->run(parent.key).value());
  begins.children.push_back(child_of("aaa111-b", 5));
  commit_one(*store, begins);
  const RunRow child = store->find_run("aaa111-b").value();
  RunChange asks = change_of(child);
  asks.locks_asked.push_back({2, lock_of("db"), 1600});
  EXPECT_TRUE(commit_one(*store, asks).messages_posted);
  const std::string answer = told(*store, child.key);
  EXPECT_NE(answer.find("\"how\":\"deadlock\""), std::string::npos) << answer;
  EXPECT_NE(answer.find("run aaa111, step begin, waits for the end of run aaa111-b"),
            std::string::npos)
      << answer;
  EXPECT_EQ(store->locks()->size(), 1u);
}

TEST_P(StoreConformance, WhoTakesALockCancelsOthersButNotThoseAboveIt) {
  auto store = joined(open(), 7);
  const RunRow parent = put(*store, 7, "aaa111");
  RunChange has = change_of(parent);
  auto two = lock_of("db");
  two.lock.limit = 2;
  has.locks_asked.push_back({3, two, 1});
  commit_one(*store, has);
  const RunRow other = put(*store, 7, "bbb222");
  RunChange too = change_of(other);
  too.locks_asked.push_back({3, two, 1});
  EXPECT_EQ(commit_one(*store, too).locks_granted.size(), 1u);
  RunChange begins = change_of(store->run(parent.key).value());
  begins.children.push_back(child_of("aaa111-b", 5, Link::kDetached));
  commit_one(*store, begins);
  const RunRow child = store->find_run("aaa111-b").value();
  RunChange asks = change_of(child);
  asks.locks_asked.push_back({2, lock_of("db", vm::request::Acquire::Mode::kCancelRunning), 1600});
  EXPECT_TRUE(commit_one(*store, asks).messages_posted);
  const auto is_cancelled = [&](RunKey run) {
    const auto messages = store->messages(run).value();
    return std::any_of(messages.begin(), messages.end(), [](const Message& message) {
      return message.kind == Message::Kind::kCancel;
    });
  };
  EXPECT_TRUE(is_cancelled(other.key));
  EXPECT_FALSE(is_cancelled(parent.key));
}

}  // namespace
}  // namespace rbk::engine
