// Firings against a slow oracle that looks at every minute, and the table of
// docs/language/schedules.md.
#include "timing/firing.h"

#include <random>
#include <set>

#include "timing/system_zones.h"

namespace rbk::timing {
namespace {

using namespace std::chrono;

Zone zone(std::string_view name) {
  auto found = system_zone(name);
  if (!found) ADD_FAILURE() << found.error().message;
  return found ? *found : Zone();
}

CronIn cron_in(std::string_view text, std::string_view zone_name) {
  const auto cron = Cron::parse(text);
  if (!cron) ADD_FAILURE() << cron.error().message;
  return {cron ? *cron : Cron(), zone(zone_name)};
}

sys_seconds utc(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
  return sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min);
}

std::string list(const Timing& timing, sys_seconds from, int count, const Zone& shown_in) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto next = next_firing(timing, from);
    if (!next) return text + "never";
    text += (i > 0 ? " " : "") + format(next->at, shown_in);
    from = next->at;
  }
  return text;
}

std::string list(std::string_view cron, std::string_view zone_name, sys_seconds from, int count) {
  return list(Timing{{cron_in(cron, zone_name)}, {}}, from, count, zone(zone_name));
}

TEST(Firing, OfOneHourInAGapOnceAfterIt) {
  EXPECT_EQ(list("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 0), 3),
            "2026-03-28T02:30:00+01:00 2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00");
  EXPECT_EQ(list("*/15 2 * * *", "Europe/Berlin", utc(2026, 3, 29, 0), 2),
            "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00");
  // What is due at the gap's end by itself is no second firing.
  EXPECT_EQ(list("0 2,3 * * *", "Europe/Berlin", utc(2026, 3, 29, 0), 2),
            "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00");
}

TEST(Firing, OfOneHourInAnOverlapAtTheFirst) {
  EXPECT_EQ(list("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 1), 2),
            "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00");
  EXPECT_EQ(list("*/30 2 * * *", "Europe/Berlin", utc(2026, 10, 25, 0, 10), 2),
            "2026-10-25T02:30:00+02:00 2026-10-26T02:00:00+01:00");
}

TEST(Firing, OfOneHourIsOverInTheSecondHourOfThatName) {
  EXPECT_EQ(list("30 2 * * *", "Europe/Berlin", utc(2026, 10, 25, 1, 10), 1),
            "2026-10-26T02:30:00+01:00");
}

TEST(Firing, OfARhythmSkipsTheGapAndFiresInBothHours) {
  EXPECT_EQ(list("30 * * * *", "Europe/Berlin", utc(2026, 3, 29, 0), 2),
            "2026-03-29T01:30:00+01:00 2026-03-29T03:30:00+02:00");
  EXPECT_EQ(list("30 * * * *", "Europe/Berlin", utc(2026, 10, 24, 23, 45), 3),
            "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00 2026-10-25T03:30:00+01:00");
}

TEST(Firing, HasItsReadingAndWhatTheClockDid) {
  const auto moved = next_firing(cron_in("30 2 * * *", "Europe/Berlin"), utc(2026, 3, 29));
  ASSERT_TRUE(moved);
  EXPECT_EQ(format(moved->nominal), "2026-03-29 02:30");
  EXPECT_EQ(moved->clock, Firing::Clock::kMoved);
  const auto second = next_firing(cron_in("30 * * * *", "Europe/Berlin"), utc(2026, 10, 25, 1));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->clock, Firing::Clock::kSecond);
}

TEST(Firing, APeriodCountsElapsedTime) {
  const Timing every{{seconds(hours(6))}, {}};
  EXPECT_EQ(list(every, utc(2026, 3, 28, 23), 2, zone("Europe/Berlin")),
            "2026-03-29T01:00:00+01:00 2026-03-29T08:00:00+02:00");
  EXPECT_EQ(list(every, sys_seconds(seconds(-1)), 2, Zone()),
            "1970-01-01T00:00:00+00:00 1970-01-01T06:00:00+00:00");
}

TEST(Firing, TheEarliestOfSeveralRules) {
  const Timing timing{{cron_in("0 9 * * *", "UTC"), cron_in("0 8,9 * * mon", "UTC")}, {}};
  EXPECT_EQ(list(timing, utc(2026, 11, 30), 3, Zone()),
            "2026-11-30T08:00:00+00:00 2026-11-30T09:00:00+00:00 2026-12-01T09:00:00+00:00");
}

Calendar freeze() {
  return Calendar(
      "freeze", zone("Europe/Berlin"),
      {{Calendar::Dates{local_days(2026y / 12 / 20), local_days(2027y / 1 / 3)}, "year end"},
       {Calendar::Weekly{1 << 5, hours(16), hours(24)}, ""}});
}

TEST(Firing, ACalendarSkipsOrDelays) {
  Timing timing{{cron_in("0 17 * * thu,fri", "Europe/Berlin")}, {{freeze(), Closing::Then::kSkip}}};
  EXPECT_EQ(list(timing, utc(2026, 12, 10), 2, zone("Europe/Berlin")),
            "2026-12-10T17:00:00+01:00 2026-12-17T17:00:00+01:00");
  timing.closings[0].then = Closing::Then::kDelay;
  EXPECT_EQ(list(timing, utc(2026, 12, 17), 4, zone("Europe/Berlin")),
            "2026-12-17T17:00:00+01:00 2026-12-19T00:00:00+01:00 2027-01-03T00:00:00+01:00 "
            "2027-01-07T17:00:00+01:00");
}

TEST(Firing, NeverWhereTheCalendarClosesAll) {
  const Calendar friday("f", Zone(), {{Calendar::Weekly{1 << 5, hours(0), hours(24)}, ""}});
  const Calendar always("a", Zone(), {{Calendar::Weekly{0x7f, hours(0), hours(24)}, ""}});
  EXPECT_FALSE(next_firing(
      Timing{{cron_in("0 17 * * fri", "UTC")}, {{friday, Closing::Then::kSkip}}}, utc(2026, 1, 1)));
  EXPECT_FALSE(next_firing(Timing{{cron_in("* * * * *", "UTC")}, {{always, Closing::Then::kDelay}}},
                           utc(2026, 1, 1)));
  EXPECT_FALSE(next_firing(Timing{{cron_in("0 0 31 2 *", "UTC")}, {}}, utc(2026, 1, 1)));
}

TEST(Firing, ADelayIntoAnotherCalendarGoesOn) {
  const Calendar night("n", Zone(), {{Calendar::Weekly{0x7f, hours(22), hours(30)}, ""}});
  const Calendar morning("m", Zone(), {{Calendar::Weekly{0x7f, hours(5), hours(9)}, ""}});
  const Timing timing{{cron_in("0 23 * * *", "UTC")},
                      {{night, Closing::Then::kDelay}, {morning, Closing::Then::kDelay}}};
  EXPECT_EQ(list(timing, utc(2026, 12, 1), 2, Zone()),
            "2026-12-01T09:00:00+00:00 2026-12-02T09:00:00+00:00");
}

TEST(Firing, WhatIsDelayedAlreadyIsStillToCome) {
  const Calendar weekend("w", Zone(), {{Calendar::Weekly{1 << 6 | 1, hours(0), hours(24)}, ""}});
  const Timing saturdays{{cron_in("0 3 * * sat", "UTC")}, {{weekend, Closing::Then::kDelay}}};
  const std::string monday = "2026-11-30T00:00:00+00:00";
  for (const int hour : {0, 3, 12, 47})
    EXPECT_EQ(list(saturdays, utc(2026, 11, 28) + hours(hour), 1, Zone()), monday) << hour;
  EXPECT_EQ(list(saturdays, utc(2026, 11, 30), 1, Zone()), "2026-12-07T00:00:00+00:00");
  const Calendar night("n", Zone(), {{Calendar::Weekly{0x7f, hours(22), hours(30)}, ""}});
  const Calendar morning("m", Zone(), {{Calendar::Weekly{0x7f, hours(5), hours(9)}, ""}});
  const Timing nightly{{cron_in("0 23 * * *", "UTC")},
                       {{night, Closing::Then::kDelay}, {morning, Closing::Then::kDelay}}};
  EXPECT_EQ(list(nightly, utc(2026, 12, 2) + hours(7), 1, Zone()), "2026-12-02T09:00:00+00:00");
  EXPECT_EQ(list(nightly, utc(2026, 12, 2) + hours(9), 1, Zone()), "2026-12-03T09:00:00+00:00");
}

// ---- The oracle: a cron of plain lists is held against what the clock shows in each minute.

struct Lists {
  std::set<unsigned> minutes, hours, days, months, weekdays;  // empty: any

  static std::string field(const std::set<unsigned>& values) {
    std::string text;
    for (const unsigned value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
    return text.empty() ? "*" : text;
  }
  std::string text() const {
    return field(minutes) + " " + field(hours) + " " + field(days) + " " + field(months) + " " +
           field(weekdays);
  }
  static bool in(const std::set<unsigned>& values, unsigned value) {
    return values.empty() || values.contains(value);
  }
  bool names(local_seconds reading) const {
    const auto date = floor<std::chrono::days>(reading);
    const year_month_day day(date);
    const hh_mm_ss clock(reading - date);
    const bool by_day = days.contains(static_cast<unsigned>(day.day()));
    const bool by_weekday = weekdays.contains(weekday(date).c_encoding());
    const bool day_fits = days.empty()       ? weekdays.empty() || by_weekday
                          : weekdays.empty() ? by_day
                                             : by_day || by_weekday;
    return clock.seconds() == 0s && in(minutes, static_cast<unsigned>(clock.minutes().count())) &&
           in(hours, static_cast<unsigned>(clock.hours().count())) &&
           in(months, static_cast<unsigned>(day.month())) && day_fits;
  }
};

/// Every minute is looked at: fires if the clock shows a reading that is named, and, but for a
/// rhythm, was not shown before; or if a reading that is named lies in what it has just skipped.
std::vector<sys_seconds> minute_by_minute(const Lists& cron, const Zone& in, sys_seconds from,
                                          sys_seconds until) {
  std::vector<sys_seconds> fires;
  const bool rhythm = cron.hours.empty();
  local_seconds latest = in.local(from - minutes(1));  // that was ever shown
  for (sys_seconds at = from; at < until; at += minutes(1)) {
    const local_seconds now = in.local(at);
    bool fire = cron.names(now) && (rhythm || now > latest);
    if (!rhythm) {
      for (local_seconds skipped = latest + minutes(1); skipped < now; skipped += minutes(1))
        fire = fire || cron.names(skipped);
    }
    if (fire) fires.push_back(at);
    latest = std::max(latest, now);
  }
  return fires;
}

TEST(Firing, AgreesWithLookingAtEveryMinute) {
  std::mt19937 random(20261130);
  const auto pick = [&](unsigned least, unsigned most, size_t at_most) {
    std::set<unsigned> values;
    const size_t count = std::uniform_int_distribution<size_t>(0, at_most)(random);
    for (size_t i = 0; i < count; ++i)
      values.insert(std::uniform_int_distribution<unsigned>(least, most)(random));
    return values;
  };
  size_t fired = 0;
  for (const std::string_view name :
       {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
        "Africa/Casablanca", "America/St_Johns", "Pacific/Apia", "Asia/Gaza", "Antarctica/Troll",
        "America/Sao_Paulo", "Atlantic/Azores"}) {
    const Zone in = zone(name);
    for (int i = 0; i < 4; ++i) {
      Lists cron{pick(0, 59, 3), pick(0, 4, 3), pick(1, 31, 4), pick(1, 12, 8), pick(0, 6, 2)};
      if (cron.minutes.empty() && cron.hours.empty()) cron.minutes = {0, 30};
      const int first_year = i % 4 == 0 ? 2011 : i % 4 == 1 ? 2018 : i % 4 == 2 ? 2026 : 2039;
      const sys_seconds from = utc(first_year, 1, 1);
      const sys_seconds until = utc(first_year + 1, 2, 1);
      const CronIn fast = cron_in(cron.text(), name);
      sys_seconds at = from - seconds(1);
      for (const sys_seconds expected : minute_by_minute(cron, in, from, until)) {
        const auto next = next_firing(fast, at);
        ASSERT_TRUE(next) << cron.text() << " in " << name;
        ASSERT_EQ(format(next->at, in), format(expected, in))
            << cron.text() << " in " << name << " after " << format(at, in);
        // From anywhere between the two it is the next one.
        for (const seconds before : {seconds(1), (expected - at) / 2, (expected - at) / 3}) {
          const auto again = next_firing(fast, expected - std::max(before, seconds(1)));
          ASSERT_TRUE(again && again->at == expected)
              << cron.text() << " in " << name << " for " << format(expected, in);
        }
        at = expected;
        ++fired;
      }
      const auto beyond = next_firing(fast, at);
      ASSERT_TRUE(!beyond || beyond->at >= until) << cron.text() << " in " << name;
    }
  }
  EXPECT_GT(fired, 3000U);
}

}  // namespace
}  // namespace rbk::timing
