#include "timing/cron.h"

#include "timing/zone.h"

namespace rbk::timing {
namespace {

using namespace std::chrono;

std::string next_of(std::string_view text, local_seconds from, int count = 1) {
  const auto cron = Cron::parse(text);
  if (!cron) return cron.error().message;
  std::string shown;
  for (int i = 0; i < count; ++i) {
    const auto next = cron->next(from);
    if (!next) return shown + "never";
    shown += (i > 0 ? ", " : "") + format(*next);
    from = *next;
  }
  return shown;
}

local_seconds monday() { return local_days(year(2026) / 11 / 30) + hours(2) + minutes(15); }

TEST(Cron, Fields) {
  EXPECT_EQ(next_of("0 3 * * 1-5", monday(), 6),
            "2026-11-30 03:00, 2026-12-01 03:00, 2026-12-02 03:00, 2026-12-03 03:00, "
            "2026-12-04 03:00, 2026-12-07 03:00");
  EXPECT_EQ(next_of("15 2 * * *", monday()), "2026-12-01 02:15");
  EXPECT_EQ(next_of("*/20 * * * *", monday(), 4),
            "2026-11-30 02:20, 2026-11-30 02:40, 2026-11-30 03:00, 2026-11-30 03:20");
  EXPECT_EQ(next_of("10/25 2 * * *", monday(), 3),
            "2026-11-30 02:35, 2026-12-01 02:10, 2026-12-01 02:35");
  EXPECT_EQ(next_of("30 0 8 * * *", monday()), "2026-11-30 08:00:30");
  EXPECT_EQ(next_of("0 0 29 feb *", monday(), 2), "2028-02-29 00:00, 2032-02-29 00:00");
  EXPECT_EQ(next_of("0 12 * jan,JUL Mon", monday(), 1), "2027-01-04 12:00");
  EXPECT_EQ(next_of("0 12 * * 7", monday()), "2026-12-06 12:00");
  EXPECT_EQ(next_of("0 12 * * sat-sun", monday(), 3),
            "2026-12-05 12:00, 2026-12-06 12:00, 2026-12-12 12:00");
  EXPECT_EQ(next_of("0 12 * * 5-7", monday(), 3),
            "2026-12-04 12:00, 2026-12-05 12:00, 2026-12-06 12:00");
}

TEST(Cron, EitherDayFieldCounts) {
  EXPECT_EQ(next_of("0 0 13 * fri", monday(), 4),
            "2026-12-04 00:00, 2026-12-11 00:00, 2026-12-13 00:00, 2026-12-18 00:00");
  EXPECT_EQ(next_of("0 0 13 * ?", monday(), 2), "2026-12-13 00:00, 2027-01-13 00:00");
}

TEST(Cron, LastNearestAndNth) {
  EXPECT_EQ(next_of("0 0 L * ?", monday(), 4),
            "2026-12-31 00:00, 2027-01-31 00:00, 2027-02-28 00:00, 2027-03-31 00:00");
  EXPECT_EQ(next_of("0 0 L-2 * *", monday(), 3),
            "2026-12-29 00:00, 2027-01-29 00:00, 2027-02-26 00:00");
  // 31 January 2027 is a Sunday, 28 February too.
  EXPECT_EQ(next_of("0 0 LW * *", monday(), 3),
            "2026-12-31 00:00, 2027-01-29 00:00, 2027-02-26 00:00");
  // 1 May 2027 is a Saturday, 1 August a Sunday: never into the month before.
  EXPECT_EQ(next_of("0 0 1W 5,8 *", monday(), 2), "2027-05-03 00:00, 2027-08-02 00:00");
  EXPECT_EQ(next_of("0 0 15W * *", monday(), 3),
            "2026-12-15 00:00, 2027-01-15 00:00, 2027-02-15 00:00");
  EXPECT_EQ(next_of("0 0 * * friL", monday(), 2), "2026-12-25 00:00, 2027-01-29 00:00");
  EXPECT_EQ(next_of("0 0 * * 2#2", monday(), 2), "2026-12-08 00:00, 2027-01-12 00:00");
  EXPECT_EQ(next_of("0 0 * * mon#5", monday(), 2), "2027-03-29 00:00, 2027-05-31 00:00");
}

TEST(Cron, ShortNames) {
  EXPECT_EQ(next_of("@daily", monday()), "2026-12-01 00:00");
  EXPECT_EQ(next_of("@Hourly", monday()), "2026-11-30 03:00");
  EXPECT_EQ(next_of("@weekly", monday()), "2026-12-06 00:00");
  EXPECT_EQ(next_of("@monthly", monday()), "2026-12-01 00:00");
  EXPECT_EQ(next_of("@yearly", monday()), "2027-01-01 00:00");
}

TEST(Cron, WhatNeverComes) {
  EXPECT_EQ(next_of("30 2 31 2 *", monday()), "never");
  EXPECT_EQ(next_of("0 0 30,31 feb *", monday()), "never");
  EXPECT_EQ(next_of("0 0 31 4,6,9,11 *", monday()), "never");
  EXPECT_EQ(next_of("0 0 L-30 2 *", monday()), "never");
}

TEST(Cron, SaysWhichFieldIsWrong) {
  struct Case {
    std::string_view text, where, message, cure;
  };
  const Case cases[] = {
      {"0 25 * * *", "25", "the hour `25` is not in 0..23", "write numbers in 0..23"},
      {"60 2 * * *", "60", "the minute `60` is not in 0..59", "write numbers in 0..59"},
      {"0 2 0 * *", "0", "the day of the month `0` is not in 1..31", "write numbers in 1..31"},
      {"0 2 * foo *", "foo", "the month `foo` is none", "write numbers in 1..12, or jan..dec"},
      {"0 2 * * 8", "8", "the weekday `8` is not in 0..7", "write numbers in 0..7, or sun..sat"},
      {"0 22-2 * * *", "22-2", "the hour `22-2` goes backwards", "write `22-23,0-2`"},
      {"0 2 * * fri-mon", "fri-mon", "the weekday `fri-mon` goes backwards",
       "write `fri-sat,sun-mon`"},
      {"*/90 * * * *", "90",
       "the step 90 is longer than the 60 that the field of the minute goes through",
       "a cron begins anew with each hour: write `every 90m` instead of it"},
      {"*/0 * * * *", "0", "a step of 0 gives no minute", "write a step of 1 or more: `*/5`"},
      {"*/x * * * *", "x", "the step `x` of the minute is no number",
       "write a number behind the `/`: `*/5`"},
      {"1,,2 * * * *", "", "a minute is missing", "write numbers in 0..59"},
      {"0 3 * *", "0 3 * *", "a cron has 5 fields, or 6 with seconds, and this has 4",
       "write minute, hour, day of the month, month and weekday: `0 3 * * 1-5`"},
      {"0 0 3 * * ? 2026", "0 0 3 * * ? 2026",
       "a cron has 5 fields, or 6 with seconds, and this has 7",
       "leave the year out: there is none"},
      {"? 3 * * *", "?", "`?` stands for no minute", "write `*` for any"},
      {"@dayly", "@dayly", "there is no `@dayly`", "did you mean `@daily`?"},
      {"@reboot", "@reboot", "`@reboot` names no time", "start such a run when the host starts"},
      {"@every 5m", "@every 5m", "`@every` is no cron", "write `every 5m` instead of the cron"},
      {"0 0 * * L", "L", "`L` alone is no weekday", "name it: `friL` is the month's last Friday"},
      {"0 0 * * fri#6", "6", "the number behind `#` `6` is not in 1..5", "write numbers in 1..5"},
  };
  for (const Case& one : cases) {
    const auto cron = Cron::parse(one.text);
    ASSERT_FALSE(cron) << one.text;
    EXPECT_EQ(cron.error().message, one.message);
    EXPECT_EQ(cron.error().cure, one.cure);
    EXPECT_EQ(one.text.substr(cron.error().begin, cron.error().end - cron.error().begin),
              one.where);
  }
}

TEST(Cron, NothingThatIsNoCronIsTaken) {
  for (const std::string_view text :
       {"", " ", "*", "* * * * x", "-1 * * * *", "1- * * * *", "* * W * *", "* * * * #1",
        "99999999999999999999 * * * *", "*/99999999999 * * * *", "1-2-3 * * * *", "/5 * * * *",
        "* * L-31 * *", "* * L-0 * *", "\xff * * * *", "*5 * * * *", "** * * * *"})
    EXPECT_FALSE(Cron::parse(text)) << text;
}

}  // namespace
}  // namespace rbk::timing
