#include "timing/zone.h"

#include <cstdlib>
#include <ctime>

#include "timing/system_zones.h"

namespace rbk::timing {
namespace {

using namespace std::chrono_literals;
using std::chrono::local_days;
using std::chrono::sys_days;

Zone zone(std::string_view name) {
  auto found = system_zone(name);
  if (!found) ADD_FAILURE() << found.error().message << "\n" << found.error().cure;
  return found ? *found : Zone();
}

local_seconds local(int year, unsigned month, unsigned day, int hour, int minute) {
  return local_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
         std::chrono::hours(hour) + std::chrono::minutes(minute);
}

TEST(Zone, FarYearsFollowTheRuleAtTheFilesEnd) {
  const Zone berlin = zone("Europe/Berlin");
  for (const int year : {2026, 2037, 2038, 2050, 2400}) {
    EXPECT_EQ(berlin.period(sys_days(std::chrono::year(year) / 7 / 1)).offset, 2h) << year;
    EXPECT_EQ(berlin.period(sys_days(std::chrono::year(year) / 1 / 1)).offset, 1h) << year;
  }
}

TEST(Zone, AnchoredChangesOfBerlin) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_EQ(format(sys_days(std::chrono::year(2026) / 3 / 29) + 59min + 59s, berlin),
            "2026-03-29T01:59:59+01:00");
  EXPECT_EQ(format(sys_days(std::chrono::year(2026) / 3 / 29) + 1h, berlin),
            "2026-03-29T03:00:00+02:00");
}

TEST(Zone, AReadingInAGapIsTheFirstInstantAfterIt) {
  const Zone::Reading gap = zone("Europe/Berlin").reading(local(2026, 3, 29, 2, 30));
  EXPECT_EQ(gap.kind, Zone::Reading::Kind::kSkipped);
  EXPECT_EQ(format(gap.first, zone("Europe/Berlin")), "2026-03-29T03:00:00+02:00");
}

TEST(Zone, AReadingInAnOverlapIsTwoInstants) {
  const Zone::Reading twice = zone("Europe/Berlin").reading(local(2026, 10, 25, 2, 30));
  EXPECT_EQ(twice.kind, Zone::Reading::Kind::kTwice);
  EXPECT_EQ(format(twice.first, zone("Europe/Berlin")), "2026-10-25T02:30:00+02:00");
  EXPECT_EQ(format(twice.last, zone("Europe/Berlin")), "2026-10-25T02:30:00+01:00");
}

TEST(Zone, TheBordersOfGapsAndOverlaps) {
  const Zone berlin = zone("Europe/Berlin");
  using Kind = Zone::Reading::Kind;
  EXPECT_EQ(berlin.reading(local(2026, 3, 29, 1, 59)).kind, Kind::kOnce);
  EXPECT_EQ(berlin.reading(local(2026, 3, 29, 2, 0)).kind, Kind::kSkipped);
  EXPECT_EQ(berlin.reading(local(2026, 3, 29, 3, 0)).kind, Kind::kOnce);
  EXPECT_EQ(berlin.reading(local(2026, 10, 25, 2, 0)).kind, Kind::kTwice);
  EXPECT_EQ(berlin.reading(local(2026, 10, 25, 3, 0)).kind, Kind::kOnce);
}

TEST(Zone, ADayThatNeverWas) {
  const Zone apia = zone("Pacific/Apia");  // it went over the date line
  const Zone::Reading skipped = apia.reading(local(2011, 12, 30, 12, 0));
  EXPECT_EQ(skipped.kind, Zone::Reading::Kind::kSkipped);
  EXPECT_EQ(format(skipped.first, apia), "2011-12-31T00:00:00+14:00");
}

TEST(Zone, AgreesWithTheSystemsLibraryInEveryZone) {
  const std::vector<std::string> names = system_zone_names();
  ASSERT_GT(names.size(), 300U);
  for (const std::string& name : names) {
    const Zone found = zone(name);
    ASSERT_EQ(setenv("TZ", (":" + name).c_str(), 1), 0);
    tzset();
    // Every 11 days and some from 1935 to 2095.
    for (sys_seconds at = sys_days(std::chrono::year(1935) / 1 / 1);
         at < sys_days(std::chrono::year(2095) / 1 / 1); at += 11 * 24h + 5h + 17min) {
      const std::time_t time = at.time_since_epoch().count();
      std::tm shown{};
      localtime_r(&time, &shown);
      ASSERT_EQ(found.period(at).offset, seconds(shown.tm_gmtoff))
          << name << " at " << format(at, Zone());
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(Zone, AReadingLeadsBackToItsInstant) {
  for (const std::string_view name :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
        "Asia/Tehran", "America/St_Johns", "Antarctica/Troll", "Europe/Dublin"}) {
    const Zone found = zone(name);
    for (sys_seconds at = sys_days(std::chrono::year(2024) / 1 / 1);
         at < sys_days(std::chrono::year(2042) / 1 / 1); at += 30min) {
      const Zone::Reading reading = found.reading(found.local(at));
      ASSERT_TRUE(reading.first == at || reading.last == at) << name << " " << format(at, found);
      ASSERT_NE(reading.kind, Zone::Reading::Kind::kSkipped);
    }
  }
}

TEST(Zone, ShortenedItIsTheSame) {
  const sys_seconds since = sys_days(std::chrono::year(1970) / 1 / 1);
  for (const std::string& name : system_zone_names()) {
    const Zone whole = zone(name);
    const Zone shorter = whole.since(since);
    for (sys_seconds at = since; at < sys_days(std::chrono::year(2095) / 1 / 1);
         at += 5 * 24h + 1h + 17min)
      ASSERT_EQ(shorter.period(at).offset, whole.period(at).offset) << name << format(at, Zone());
    const auto made = Zone::make(name, shorter.first_offset(), shorter.changes(), shorter.rule());
    ASSERT_TRUE(made);
    EXPECT_EQ(*made, shorter);
  }
  EXPECT_LT(zone("Europe/Berlin").since(since).changes().size(), 60U);
}

TEST(Zone, WhatIsMadeOfNonsense) {
  using Change = Zone::Change;
  const sys_seconds day = sys_days(std::chrono::year(2000) / 1 / 1);
  EXPECT_FALSE(Zone::make("x", 27h, {}, ""));
  EXPECT_FALSE(Zone::make("x", 0s, {{day, 1h}, {day - 1s, 0h}}, ""));
  EXPECT_FALSE(Zone::make("x", 0s, {{sys_seconds::max(), 1h}}, ""));
  EXPECT_FALSE(Zone::make("x", 0s, {}, "CET"));
  EXPECT_TRUE(Zone::make("x", 0s, std::vector<Change>{{day, 1h}}, "CET-1"));
}

TEST(Zone, FilesThatAreNone) {
  EXPECT_FALSE(Zone::parse("x", ""));
  EXPECT_FALSE(Zone::parse("x", "TZif2"));
  EXPECT_FALSE(Zone::parse("x", std::string("TZif2") + std::string(39, '\xff')));
  EXPECT_FALSE(system_zone("../passwd"));
  EXPECT_FALSE(system_zone("/etc/passwd"));
  EXPECT_FALSE(system_zone("Europe"));
  EXPECT_FALSE(system_zone(""));
  EXPECT_TRUE(system_zone("UTC"));
}

TEST(PosixRule, Forms) {
  const auto rule = PosixRule::parse("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1");
  ASSERT_TRUE(rule);
  const auto changes = rule->changes(std::chrono::year(2026));
  ASSERT_EQ(changes.size(), 2U);
  // 22:00 of the Saturday before, by the clock of -03.
  EXPECT_EQ(changes[0].at, sys_days(std::chrono::year(2026) / 3 / 29) + 1h);
  EXPECT_TRUE(PosixRule::parse("EST5EDT,J60/2,J300/2"));
  EXPECT_TRUE(PosixRule::parse("IST-5:30"));
  for (const std::string_view text : {"", "CE", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0",
                                      "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "<+01-1"})
    EXPECT_FALSE(PosixRule::parse(text)) << text;
}

}  // namespace
}  // namespace rbk::timing
