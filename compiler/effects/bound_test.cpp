#include "compiler/effects/bound.h"

#include <gtest/gtest.h>

#include <limits>

namespace rbk::effects {
namespace {

TEST(Bound, AddsWhatComesOneAfterTheOtherAndTakesTheLongerOfTwo) {
  const Bound a = Bound::of(5) + for_each(Bound::of(3), "xs", 2);
  const Bound b = Bound::of(7) + for_each(Bound::of(1), "xs", 2) + Bound::unbounded("s", "why");
  const Bound sum = a + b;
  EXPECT_EQ(sum.fixed, 12);
  ASSERT_EQ(sum.terms.size(), 1U);
  EXPECT_EQ(sum.terms[0].each, 4);
  EXPECT_FALSE(sum.is_bounded());
  const Bound most = longer(a, b);
  EXPECT_EQ(most.fixed, 7);
  EXPECT_EQ(most.terms[0].each, 3);
}

TEST(Bound, ALoopInALoopMultiplies) {
  const Bound inner = Bound::of(2) + for_each(Bound::of(3), "disks", 1);
  const Bound outer = for_each(inner, "hosts", 4);
  EXPECT_EQ(outer.fixed, 0);
  ASSERT_EQ(outer.terms.size(), 2U);
  EXPECT_EQ(outer.terms[0], (Bound::Term{"hosts", 4, 2}));
  EXPECT_EQ(outer.terms[1], (Bound::Term{"hosts × disks", 4, 3}));
}

TEST(Bound, WhatDoesNotFitStaysAtTheLargestNumber) {
  const Bound huge = Bound::of(std::numeric_limits<int64_t>::max());
  EXPECT_EQ((huge + huge).fixed, huge.fixed);
  EXPECT_EQ(repeated(huge, 3).fixed, huge.fixed);
  EXPECT_TRUE(repeated(huge, 0).is_nothing());
}

TEST(Bound, ATimeoutBoundsWhateverIsInside) {
  EXPECT_EQ(cut_off(Bound::unbounded("s", "why"), 9), Bound::of(9));
  EXPECT_EQ(cut_off(Bound::of(4), 9), Bound::of(4));
  EXPECT_EQ(cut_off(for_each(Bound::of(1), "xs", 1), 9), Bound::of(9));
}

}  // namespace
}  // namespace rbk::effects
