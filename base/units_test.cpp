#include "base/units.h"

#include "base/hash.h"

namespace rbk {
namespace {

TEST(Units, DurationsReadBackAsWritten) {
  for (const char* text : {"5m30s", "1h", "250ms", "1d2h3m4s5ms6us", "-5s", "0s", "14d"})
    EXPECT_EQ(format_duration(parse_duration(text).value()), text);
  EXPECT_EQ(parse_duration("2w").value(), parse_duration("14d").value());
}

TEST(Units, BadDurationsNameTheUnits) {
  for (const char* text : {"", "5", "s", "5x", "5m30", "99999999999999999999s", "999999999w"}) {
    const auto result = parse_duration(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_NE(result.error().cure.find("us ms s m h d w"), std::string::npos);
  }
}

TEST(Units, SizesReadBackAsWritten) {
  for (const char* text : {"10MiB", "1MB", "1234B", "0B", "3TiB", "5kB"})
    EXPECT_EQ(format_size(parse_size(text).value()), text);
}

TEST(Units, TheSmallestNumberOfAllReadsBackToo) {
  constexpr int64_t kSmallest = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(parse_size(format_size(kSmallest)).value(), kSmallest);
  EXPECT_EQ(parse_duration(format_duration(kSmallest)).value(), kSmallest);
  EXPECT_EQ(parse_duration(format_duration(-(kSmallest + 1))).value(), -(kSmallest + 1));
  EXPECT_FALSE(parse_size("8388608TiB"));
  EXPECT_FALSE(parse_size("-8388608TiB1B"));
}

TEST(Units, TimesNeedAZone) {
  EXPECT_EQ(format_time(parse_time("2026-11-24T13:00:00+01:00").value()), "2026-11-24T12:00:00Z");
  EXPECT_EQ(format_time(parse_time("2026-11-24T13:00:00.25Z").value()), "2026-11-24T13:00:00.250Z");
  EXPECT_NE(parse_time("2026-11-24T13:00:00").error().message.find("no zone"), std::string::npos);
  EXPECT_FALSE(parse_time("2026-02-30T13:00:00Z").has_value());
}

TEST(Hash, Sha256OfAbc) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace rbk
