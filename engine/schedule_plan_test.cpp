// What becomes of what a schedule is due for: missed, overlapping, held back by calendars, doubled
// and skipped by the clocks.
#include "engine/schedule_plan.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "engine/schedule_timing.h"
#include "timing/system_zones.h"

namespace rbk::engine {
namespace {

using Missed = ScheduleRow::Missed;
using Overlap = ScheduleRow::Overlap;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;

timing::Timing cron(const std::string& text, const std::string& zone = "Europe/Berlin") {
  return {{timing::CronIn{*timing::Cron::parse(text), *timing::system_zone(zone)}}, {}};
}

timing::Calendar nights() {
  return {"nights",
          timing::Zone(),
          {{timing::Calendar::Weekly{0x7f, timing::seconds(22 * 3600), timing::seconds(30 * 3600)},
            "sleep"}}};
}

/// Runs a schedule from a time on; each line says what became of one firing.
class Play {
 public:
  Play(ScheduleRules rules, const std::string& from) : rules_(std::move(rules)) {
    facts_.watermark = facts_.there_since = *parse_time(from);
  }
  /// Nobody was there since the last `at`.
  void away() { away_ = true; }
  /// Everything that is to be done at that time.
  std::vector<std::string> at(const std::string& time) {
    facts_.now = *parse_time(time);
    if (std::exchange(away_, false)) facts_.there_since = facts_.now;
    std::vector<std::string> lines;
    for (int moves = 0; moves < 100; ++moves) {
      const ScheduleMove move = next_move(rules_, facts_);
      if (move.cancels) lines.emplace_back("cancels");
      for (const FiringRow& row : move.records) lines.push_back(line(row));
      if (move.start) {
        lines.push_back(line(*move.start));
        facts_.busy = busy_after ? "abc" : "";
        if (facts_.queued) facts_.queued.reset();
      }
      for (const FiringRow& row : move.records)
        if (row.outcome == FiringRow::Outcome::kQueued && !facts_.queued) facts_.queued = row;
      EXPECT_GE(move.watermark, facts_.watermark);
      facts_.watermark = move.watermark;
      due = move.due;
      if ((!due || *due > facts_.now) && (!facts_.queued || !facts_.busy.empty())) break;
    }
    return lines;
  }
  void ended() { facts_.busy.clear(); }

  bool busy_after = false;  // a run that is started goes on
  std::optional<int64_t> due;

 private:
  static std::string line(const FiringRow& row) {
    static constexpr std::string_view kWords[] = {"", "started", "skipped", "delayed", "queued"};
    std::string text = timing::format(timing::local_seconds(timing::seconds(row.nominal)));
    if (row.fold != 0) text += " again";
    text += " " + std::string(kWords[static_cast<size_t>(row.outcome)]);
    if (row.count > 1) text += " x" + std::to_string(row.count);
    return text + (row.why.empty() ? "" : ": " + row.why);
  }
  ScheduleRules rules_;
  ScheduleFacts facts_;
  bool away_ = false;
};

using Lines = std::vector<std::string>;

TEST(SchedulePlan, ItFiresWhenItIsDueAndNotAgain) {
  Play play({cron("0 4 * * *"), Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T00:00:00Z");
  EXPECT_EQ(play.at("2026-07-01T01:59:59Z"), Lines{});
  EXPECT_EQ(play.due, *parse_time("2026-07-01T02:00:00Z"));
  EXPECT_EQ(play.at("2026-07-01T02:00:00Z"), Lines{"2026-07-01 04:00 started"});
  EXPECT_EQ(play.at("2026-07-01T02:00:00Z"), Lines{});
  // The clock is put back and passes the time once more.
  EXPECT_EQ(play.at("2026-07-01T01:00:00Z"), Lines{});
  EXPECT_EQ(play.at("2026-07-01T02:00:01Z"), Lines{});
  EXPECT_EQ(play.at("2026-07-02T02:00:00Z"), Lines{"2026-07-02 04:00 started"});
}

TEST(SchedulePlan, WhatTheClocksSkipOrShowTwiceFiresOnce) {
  Play skipped({cron("30 2 * * *"), Overlap::kSkip, Missed::kSkip, {}}, "2026-03-29T00:00:00Z");
  EXPECT_EQ(skipped.at("2026-03-29T01:00:00Z"), Lines{"2026-03-29 02:30 started"});
  EXPECT_EQ(skipped.at("2026-03-29T02:00:00Z"), Lines{});
  Play twice({cron("30 * * * *"), Overlap::kSkip, Missed::kSkip, {}}, "2026-10-25T00:00:00Z");
  EXPECT_EQ(twice.at("2026-10-25T00:30:00Z"), Lines{"2026-10-25 02:30 started"});
  EXPECT_EQ(twice.at("2026-10-25T01:30:00Z"), Lines{"2026-10-25 02:30 again started"});
}

TEST(SchedulePlan, WhatWasMissedIsLeftOut) {
  Play play({cron("0 * * * *", "UTC"), Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T00:30:00Z");
  play.away();
  EXPECT_EQ(play.at("2026-07-01T03:30:00Z"),
            (Lines{"2026-07-01 01:00 skipped: missed: no worker was there",
                   "2026-07-01 02:00 skipped: missed: no worker was there",
                   "2026-07-01 03:00 skipped: missed: no worker was there"}));
  // One that is a few seconds late is not missed: a worker was started anew.
  play.away();
  EXPECT_EQ(play.at("2026-07-01T04:00:30Z"), Lines{"2026-07-01 04:00 started"});
}

TEST(SchedulePlan, SomebodyWhoIsSlowHasMissedNothing) {
  Play play({cron("0 * * * *", "UTC"), Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T00:30:00Z");
  EXPECT_EQ(play.at("2026-07-01T02:30:00Z"),
            (Lines{"2026-07-01 01:00 started", "2026-07-01 02:00 started"}));
}

TEST(SchedulePlan, TheLastThatWasMissedIsMadeUpFor) {
  const ScheduleRules rules{cron("0 * * * *", "UTC"), Overlap::kSkip, Missed::kRunOnce, 2 * kHour};
  Play play(rules, "2026-07-01T00:30:00Z");
  play.away();
  EXPECT_EQ(play.at("2026-07-01T02:30:00Z"),
            (Lines{"2026-07-01 01:00 skipped: missed: no worker was there; a later one makes up "
                   "for it",
                   "2026-07-01 02:00 started: it was missed, and is made up for"}));
  // The one that is due just now makes up for the others.
  play.away();
  EXPECT_EQ(play.at("2026-07-01T04:00:10Z"),
            (Lines{"2026-07-01 03:00 skipped: missed: no worker was there; a later one makes up "
                   "for it",
                   "2026-07-01 04:00 started"}));
  Play late({cron("0 1 * * *", "UTC"), Overlap::kSkip, Missed::kRunOnce, 2 * kHour},
            "2026-07-01T00:30:00Z");
  late.away();
  EXPECT_EQ(
      late.at("2026-07-01T03:00:01Z"),
      Lines{"2026-07-01 01:00 skipped: missed: no worker was there, and it is older than 2h"});
}

TEST(SchedulePlan, EachThatWasMissedIsMadeUpForOneAfterAnother) {
  Play play({cron("0 * * * *", "UTC"), Overlap::kSkip, Missed::kRunAll, 150 * 60 * kSecond},
            "2026-07-01T00:30:00Z");
  play.busy_after = true;
  play.away();
  EXPECT_EQ(play.at("2026-07-01T04:10:00Z"),
            (Lines{"2026-07-01 01:00 skipped: missed: no worker was there, and it is older than "
                   "2h30m",
                   "2026-07-01 02:00 started: it was missed, and is made up for",
                   "2026-07-01 03:00 queued: run abc goes on still",
                   "2026-07-01 04:00 queued: run abc goes on still"}));
  play.ended();
  EXPECT_EQ(play.at("2026-07-01T04:20:00Z"),
            Lines{"2026-07-01 03:00 started: it waited for the run before it"});
}

TEST(SchedulePlan, ManyThatWereMissedAreOneLine) {
  Play play({cron("* * * * *", "UTC"), Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T00:00:30Z");
  play.away();
  const Lines lines = play.at("2026-07-02T00:00:10Z");
  ASSERT_EQ(lines.size(), 101u);
  EXPECT_TRUE(lines[99].starts_with("2026-07-01 01:40 skipped x"));
  EXPECT_EQ(lines[100], "2026-07-02 00:00 started");
}

TEST(SchedulePlan, YearsOfSecondsAreNotCountedOneByOne) {
  Play play({{{timing::seconds(1)}, {}}, Overlap::kSkip, Missed::kRunOnce, kHour},
            "2020-01-01T00:00:00Z");
  play.away();
  const Lines lines = play.at("2026-07-02T00:00:00Z");
  EXPECT_LT(lines.size(), 300u);
  EXPECT_EQ(lines.back(), "2026-07-02 00:00 started");
}

TEST(SchedulePlan, Overlap) {
  const auto play_of = [](Overlap overlap) {
    Play play({cron("0 * * * *", "UTC"), overlap, Missed::kSkip, {}}, "2026-07-01T00:30:00Z");
    play.busy_after = true;
    EXPECT_EQ(play.at("2026-07-01T01:00:00Z"), Lines{"2026-07-01 01:00 started"});
    return play;
  };
  Play skip = play_of(Overlap::kSkip);
  EXPECT_EQ(skip.at("2026-07-01T02:00:00Z"),
            Lines{"2026-07-01 02:00 skipped: run abc goes on still"});
  Play queue = play_of(Overlap::kQueue);
  EXPECT_EQ(queue.at("2026-07-01T02:00:00Z"),
            Lines{"2026-07-01 02:00 queued: run abc goes on still"});
  queue.ended();
  EXPECT_EQ(queue.at("2026-07-01T02:10:00Z"),
            Lines{"2026-07-01 02:00 started: it waited for the run before it"});
  Play cancel = play_of(Overlap::kCancelRunning);
  EXPECT_EQ(cancel.at("2026-07-01T02:00:00Z"),
            (Lines{"cancels", "2026-07-01 02:00 queued: run abc goes on still"}));
  cancel.ended();
  EXPECT_EQ(cancel.at("2026-07-01T02:00:01Z"),
            Lines{"2026-07-01 02:00 started: it waited for the run before it"});
}

TEST(SchedulePlan, WhatACalendarSkipsIsTold) {
  timing::Timing timing = cron("0 */4 * * *", "UTC");
  timing.closings.push_back({nights(), timing::Closing::Then::kSkip});
  Play play({timing, Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T18:00:00Z");
  EXPECT_EQ(play.at("2026-07-01T20:00:00Z"), Lines{"2026-07-01 20:00 started"});
  EXPECT_EQ(play.at("2026-07-02T00:00:00Z"),
            Lines{"2026-07-02 00:00 skipped: `nights` is closed until 2026-07-02T06:00:00+00:00: "
                  "sleep"});
  EXPECT_EQ(play.at("2026-07-02T08:00:00Z"),
            (Lines{"2026-07-02 04:00 skipped: `nights` is closed until 2026-07-02T06:00:00+00:00: "
                   "sleep",
                   "2026-07-02 08:00 started"}));
}

TEST(SchedulePlan, WhatACalendarDelaysStartsOnceWhenItOpens) {
  timing::Timing timing = cron("0 */2 * * *", "UTC");
  timing.closings.push_back({nights(), timing::Closing::Then::kDelay});
  Play play({timing, Overlap::kSkip, Missed::kSkip, {}}, "2026-07-01T21:00:00Z");
  EXPECT_EQ(play.at("2026-07-01T22:00:00Z"),
            Lines{"2026-07-01 22:00 delayed: `nights` is closed until 2026-07-02T06:00:00+00:00: "
                  "sleep"});
  EXPECT_EQ(play.at("2026-07-02T00:00:00Z"),
            Lines{"2026-07-02 00:00 skipped: `nights` is closed until 2026-07-02T06:00:00+00:00: "
                  "sleep; it fires once when that opens"});
  const Lines morning = play.at("2026-07-02T06:00:00Z");
  ASSERT_EQ(morning.size(), 4u);
  EXPECT_EQ(morning[2],
            "2026-07-02 06:00 skipped: another one, which was held back, fires at "
            "this time");
  EXPECT_EQ(morning[3], "2026-07-01 22:00 started");
  EXPECT_EQ(play.at("2026-07-02T08:00:00Z"), Lines{"2026-07-02 08:00 started"});
}

TEST(ScheduleTiming, IsReadAsItWasWritten) {
  timing::Timing timing = cron("30 2 * * mon-fri");
  timing.rules.emplace_back(timing::seconds(900));
  timing.closings.push_back({nights(), timing::Closing::Then::kDelay});
  timing.closings.push_back(
      {timing::Calendar("freeze", *timing::system_zone("Europe/Berlin"),
                        {{timing::Calendar::Dates{timing::local_seconds(timing::seconds(1000)),
                                                  timing::local_seconds(timing::seconds(2000))},
                          "why"}}),
       timing::Closing::Then::kSkip});
  const std::string text = timing_json(timing);
  const auto read = parse_timing(text, timing::system_zone);
  ASSERT_TRUE(read) << (read ? "" : read.error().message);
  EXPECT_EQ(timing_json(*read), text);
  EXPECT_EQ(timing_text(*read),
            "cron \"30 2 * * mon-fri\" in \"Europe/Berlin\", every 15m, outside nights then delay, "
            "outside freeze then skip");
  EXPECT_EQ(read->closings[1].calendar, timing.closings[1].calendar);
  for (const char* bad : {"", "{}", R"({"rules":[],"outside":[]})",
                          R"({"rules":[{"cron":"x","zone":"UTC"}],"outside":[]})",
                          R"({"rules":[{"every":5}],"outside":[{}]})"})
    EXPECT_FALSE(parse_timing(bad, timing::system_zone)) << bad;
  EXPECT_EQ(parse_timing(R"({"rules":[{"cron":"@daily","zone":"Nowhere"}],"outside":[]})",
                         timing::system_zone)
                .error()
                .kind,
            ErrorKind::kNotFound);
}

}  // namespace
}  // namespace rbk::engine
