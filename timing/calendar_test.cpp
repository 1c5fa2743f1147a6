#include "timing/calendar.h"

#include "timing/system_zones.h"
#include "timing/written.h"

namespace rbk::timing {
namespace {

using namespace std::chrono;

Zone berlin() { return system_zone("Europe/Berlin").value(); }

std::string shown(const std::optional<Calendar::Closed>& closed) {
  if (!closed) return "open";
  return format(closed->begin, berlin()) + " " +
         (closed->end ? format(*closed->end, berlin()) : "for ever") + " " + closed->why;
}

Calendar::Weekly on(std::initializer_list<unsigned> weekdays, seconds begin, seconds end) {
  Calendar::Weekly weekly{0, begin, end};
  for (const unsigned one : weekdays) weekly.weekdays |= static_cast<uint8_t>(1U << one);
  return weekly;
}

TEST(Calendar, DatesAreDaysOfItsZone) {
  const Calendar freeze(
      "freeze", berlin(),
      {{Calendar::Dates{local_days(2026y / 12 / 20), local_days(2027y / 1 / 3)}, "year end"}});
  EXPECT_FALSE(freeze.closed(sys_days(2026y / 12 / 19) + 22h + 59min));
  EXPECT_EQ(shown(freeze.closed(sys_days(2026y / 12 / 19) + 23h)),
            "2026-12-20T00:00:00+01:00 2027-01-03T00:00:00+01:00 year end");
  EXPECT_FALSE(freeze.closed(sys_days(2027y / 1 / 2) + 23h));
  EXPECT_EQ(shown(freeze.next(sys_days(2026y / 1 / 1))),
            "2026-12-20T00:00:00+01:00 2027-01-03T00:00:00+01:00 year end");
  EXPECT_EQ(shown(freeze.next(sys_days(2026y / 12 / 25))), "open");
}

TEST(Calendar, StretchesThatTouchAreOne) {
  const Calendar weekend("weekend", berlin(),
                         {{on({5}, 16h, 24h), "Friday"}, {on({6, 0}, 0h, 24h), "weekend"}});
  EXPECT_EQ(shown(weekend.closed(sys_days(2026y / 12 / 4) + 16h)),
            "2026-12-04T16:00:00+01:00 2026-12-07T00:00:00+01:00 Friday");
  EXPECT_EQ(shown(weekend.next(sys_days(2026y / 12 / 4) + 16h)),
            "2026-12-11T16:00:00+01:00 2026-12-14T00:00:00+01:00 Friday");
}

TEST(Calendar, ANightGoesOnToTheNextDay) {
  const Calendar night("night", berlin(), {{on({1}, 22h, 30h), ""}});
  EXPECT_EQ(shown(night.closed(sys_days(2026y / 12 / 1) + 4h)),
            "2026-11-30T22:00:00+01:00 2026-12-01T06:00:00+01:00 ");
  EXPECT_FALSE(night.closed(sys_days(2026y / 12 / 1) + 5h));
}

TEST(Calendar, StaysClosedThroughBothHoursOfOneName) {
  const Calendar early("early", berlin(), {{on({0}, 1h, 2h + 30min), ""}});
  EXPECT_EQ(shown(early.closed(sys_days(2026y / 10 / 25))),
            "2026-10-25T01:00:00+02:00 2026-10-25T02:30:00+01:00 ");
  EXPECT_EQ(shown(early.closed(sys_days(2026y / 3 / 29) + 30min)),
            "2026-03-29T01:00:00+01:00 2026-03-29T03:00:00+02:00 ");
}

TEST(Calendar, MayBeClosedForEver) {
  const Calendar always("always", berlin(), {{on({0, 1, 2, 3, 4, 5, 6}, 0h, 24h), "no"}});
  const auto closed = always.closed(sys_days(2026y / 10 / 25));
  ASSERT_TRUE(closed);
  EXPECT_FALSE(closed->end);
  EXPECT_FALSE(always.next(sys_days(2026y / 10 / 25)));
}

TEST(Calendar, OpenForEver) {
  const Calendar none("none", berlin(), {});
  EXPECT_FALSE(none.closed(sys_days(2026y / 10 / 25)));
  EXPECT_FALSE(none.next(sys_days(2026y / 10 / 25)));
}

TEST(Written, DatesTimesAndWeekdays) {
  EXPECT_EQ(parse_date("2026-12-20")->day, local_days(2026y / 12 / 20));
  EXPECT_FALSE(parse_date("2026-12-20")->time);
  EXPECT_EQ(parse_date("2026-12-20 18:30")->time, 18h + 30min);
  EXPECT_EQ(parse_date("2026-12-20T18:30")->time, 18h + 30min);
  for (const std::string_view text : {"", "2026-2-20", "2026-02-29", "2026-13-01", "2026-12-20 ",
                                      "2026-12-20 24:00", "2026-12-20 1:00", "20-12-2026"})
    EXPECT_FALSE(parse_date(text)) << text;
  EXPECT_EQ(parse_time_of_day("16:00"), seconds(16h));
  EXPECT_EQ(parse_time_of_day("24:00"), seconds(24h));
  for (const std::string_view text : {"", "16", "24:01", "25:00", "12:60", "1:00", "12:00:00"})
    EXPECT_FALSE(parse_time_of_day(text)) << text;
  EXPECT_EQ(parse_weekdays("fri"), 1U << 5);
  EXPECT_EQ(parse_weekdays("sunday"), 1U);
  EXPECT_EQ(parse_weekdays("weekend"), 1U | 1U << 6);
  EXPECT_EQ(parse_weekdays("fry"), 0U);
}

}  // namespace
}  // namespace rbk::timing
