#include "vm/lock_queue.h"

#include <gtest/gtest.h>

namespace rbk::vm {
namespace {

LockClaim holds(int64_t run, RequestId request, std::string name, int64_t limit = 1) {
  return {run, request, {Lock::Space::kLock, std::move(name), limit}, true, false, {}};
}
LockClaim waits(int64_t run, RequestId request, std::string name, std::vector<RequestId> under,
                int64_t limit = 1) {
  return {run,   request, {Lock::Space::kLock, std::move(name), limit},
          false, false,   std::move(under)};
}

Lock lock(std::string name) { return {Lock::Space::kLock, std::move(name), 1}; }

TEST(LockQueue, FirstComeFirstServed) {
  EXPECT_EQ(grantable({waits(1, 1, "a", {}), waits(2, 1, "a", {})}, lock("a")),
            (std::vector<size_t>{0}));
  EXPECT_TRUE(grantable({holds(1, 1, "a"), waits(2, 1, "a", {})}, lock("a")).empty());
  EXPECT_EQ(grantable({holds(1, 1, "a", 3), waits(2, 1, "a", {}, 3), waits(3, 1, "b", {}),
                       waits(4, 1, "a", {}, 3), waits(5, 1, "a", {}, 3)},
                      lock("a")),
            (std::vector<size_t>{1, 3}));
}

TEST(LockQueue, TheSmallestLimitCounts) {
  // One who wants it alone has it alone, and nobody passes one who waits for that.
  EXPECT_TRUE(grantable({holds(1, 1, "a", 1), waits(2, 1, "a", {}, 3)}, lock("a")).empty());
  EXPECT_TRUE(
      grantable({holds(1, 1, "a", 3), waits(2, 1, "a", {}, 1), waits(3, 1, "a", {}, 3)}, lock("a"))
          .empty());
}

TEST(LockQueue, SpacesAreApart) {
  std::vector<LockClaim> claims{holds(1, 1, "a"), waits(2, 1, "a", {})};
  claims[1].lock.space = Lock::Space::kExclusive;
  EXPECT_EQ(grantable(claims, claims[1].lock), (std::vector<size_t>{1}));
}

TEST(Deadlock, OfTwoRuns) {
  const std::vector<LockClaim> claims{holds(1, 1, "a"), holds(2, 1, "b"), waits(1, 2, "b", {1}),
                                      waits(2, 2, "a", {1})};
  const auto found = find_deadlock(claims, 3);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->victim, 3U);
  EXPECT_EQ(found->circle, (std::vector<size_t>{3, 2}));
}

TEST(Deadlock, NotWhereAnotherBranchCanGoOn) {
  // What run 1 waits for, it waits for in a branch that does not keep `a`.
  EXPECT_FALSE(find_deadlock(
      {holds(1, 1, "a"), holds(2, 1, "b"), waits(1, 2, "b", {}), waits(2, 2, "a", {1})}, 3));
}

TEST(Deadlock, NotWhileOneOfSeveralHoldersCanGoOn) {
  std::vector<LockClaim> claims{holds(1, 1, "a", 2), holds(3, 1, "a", 2), holds(2, 1, "b"),
                                waits(1, 2, "b", {1}), waits(2, 2, "a", {1}, 2)};
  EXPECT_FALSE(find_deadlock(claims, 4));
  claims.push_back(waits(3, 2, "b", {1}));
  EXPECT_TRUE(find_deadlock(claims, 5));
  // Who wants it alone needs all of them.
  claims = {holds(1, 1, "a", 2), holds(3, 1, "a", 2), holds(2, 1, "b"), waits(1, 2, "b", {1}),
            waits(2, 2, "a", {1}, 1)};
  EXPECT_TRUE(find_deadlock(claims, 4));
}

TEST(Deadlock, ThroughAQueue) {
  // Run 3 stands before run 2 and waits for run 1; run 1 waits for what run 2 has.
  const std::vector<LockClaim> claims{holds(1, 1, "a", 2), holds(2, 1, "b"),
                                      waits(3, 1, "a", {}, 1), waits(2, 2, "a", {1}, 2),
                                      waits(1, 2, "b", {1})};
  const auto found = find_deadlock(claims, 4);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->victim, 4U);
}

TEST(Deadlock, WhatUndoesGoesFirst) {
  std::vector<LockClaim> claims{holds(1, 1, "a"), holds(2, 1, "b"), waits(1, 2, "b", {1}),
                                waits(2, 2, "a", {1})};
  claims[3].unwinds = true;
  EXPECT_EQ(find_deadlock(claims, 3)->victim, 2U);
  claims[2].unwinds = true;
  EXPECT_EQ(find_deadlock(claims, 3)->victim, 3U);
}

TEST(Deadlock, ARunThatWaitsForAnotherWaitsForWhatThatWaitsFor) {
  // 1 has a, and waits under it for run 2, which wants a.
  std::vector<LockClaim> claims{holds(1, 1, "a"), waits(2, 1, "a", {})};
  EXPECT_FALSE(find_deadlock(claims, 1));
  std::vector<LockClaim> all = claims;
  add_run_waits(all, {{1, 2, {1}, 2, "two"}});
  ASSERT_TRUE(find_deadlock(all, 1));
  EXPECT_EQ(find_deadlock(all, 1)->victim, 1U);
  // It has let go of a, or waits for it without having it: no circle.
  all = claims;
  add_run_waits(all, {{1, 2, {}, 2, "two"}});
  EXPECT_FALSE(find_deadlock(all, 1));
  // Through a third: 2 waits for 3, which wants a.
  all = {holds(1, 1, "a"), waits(3, 1, "a", {})};
  add_run_waits(all, {{1, 2, {1}, 2, "two"}, {2, 1, {}, 3, "three"}});
  ASSERT_TRUE(find_deadlock(all, 1));
  EXPECT_EQ(find_deadlock(all, 1)->circle.size(), 3U);
}

TEST(LockTable, AnswersInOrder) {
  LockTable table;
  const auto acquire = [](std::string name) {
    request::Acquire made;
    made.lock.name = std::move(name);
    return made;
  };
  table.take(0, {1, acquire("a")});
  table.take(0, {2, acquire("a")});
  table.take(0, {3, acquire("a")});
  EXPECT_EQ(table.next()->event.request, 1U);
  EXPECT_FALSE(table.next());
  table.take(0, {4, request::Forget{2}});
  EXPECT_FALSE(table.next());
  table.take(0, {5, request::Release{1, lock("a")}});
  EXPECT_EQ(table.next()->event.request, 3U);
  request::Acquire rejects = acquire("a");
  rejects.mode = request::Acquire::Mode::kReject;
  table.take(0, {6, rejects});
  EXPECT_EQ(table.next()->event.how, event::Acquired::How::kTaken);
}

}  // namespace
}  // namespace rbk::vm
