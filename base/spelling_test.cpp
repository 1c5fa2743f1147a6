#include "base/spelling.h"

#include <array>

namespace rbk {
namespace {

TEST(Spelling, DistanceCountsEachSlipOnce) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("service", "servcie"), 1u);
  EXPECT_EQ(edit_distance("service", "services"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Spelling, OnlyNearNamesAreOffered) {
  constexpr std::array<std::string_view, 4> names{"service", "services", "host", "i"};
  EXPECT_EQ(nearest_name("servcie", names), "service");
  EXPECT_EQ(nearest_name("SERVICE", names), "service");
  EXPECT_EQ(nearest_name("hots", names), "host");
  EXPECT_EQ(nearest_name("database", names), "");
  EXPECT_EQ(nearest_name("j", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace rbk
