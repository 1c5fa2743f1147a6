// What is to be done about a schedule now: which of its firings are due, which of them start a run,
// and why the others do not. Pure: no clock, no store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/store.h"
#include "timing/firing.h"

namespace rbk::engine {

/// One firing of a schedule's rules, calendars or not.
struct Occurrence {
  timing::Firing firing;  // `at`: when it is dealt with
  enum class Fate : uint8_t {
    kFires,
    kSkipped,  // a calendar is closed, or it starts together with another
    kDelayed,  // until `why` says
  };
  Fate fate = Fate::kFires;
  std::string why;
};

/// The occurrences after an instant, in their order: of a delayed one first when it is held back,
/// then when it fires.
class Occurrences {
 public:
  Occurrences(const timing::Timing& timing, timing::sys_seconds after);
  /// None within 50 years: nothing.
  std::optional<Occurrence> next();

 private:
  Occurrence held_back(const timing::Firing& firing) const;

  const timing::Timing* timing_;
  timing::Timing plain_;                 // without calendars
  std::optional<timing::Firing> due_;    // by the rules
  std::optional<timing::Firing> fires_;  // as calendars let it
};

/// A firing as the store keeps it; what is not said of it here is left empty.
FiringRow firing_row(const timing::Timing& timing, const timing::Firing& firing);

struct ScheduleRules {
  timing::Timing timing;
  ScheduleRow::Overlap overlap = ScheduleRow::Overlap::kSkip;
  ScheduleRow::Missed missed = ScheduleRow::Missed::kSkip;
  std::optional<int64_t> missed_within;  // microseconds
};

/// How things stand. Times: microseconds since the epoch.
struct ScheduleFacts {
  int64_t watermark = 0;  // everything that was due up to then is dealt with
  int64_t now = 0;
  int64_t there_since = 0;          // since then somebody has looked at schedules without a break
  std::string busy;                 // the run of it that goes on still; empty: none
  std::optional<FiringRow> queued;  // that has waited the longest
};

/// What follows: `records` first, then the start. Ask again while something is due.
struct ScheduleMove {
  std::vector<FiringRow> records;  // skipped, delayed, queued
  std::optional<FiringRow> start;
  bool cancels = false;  // the run that goes on is cancelled, and what was queued is not started
  int64_t watermark = 0;
  std::optional<int64_t> due;  // when there is something to be done next
};

/// A firing that is taken up within this is not missed; microseconds.
inline constexpr int64_t kOnTime = 60'000'000;

ScheduleMove next_move(const ScheduleRules& rules, const ScheduleFacts& state);

/// The second in which a time (microseconds since the epoch) lies.
timing::sys_seconds instant(int64_t time);

/// "`freeze` is closed until …: why".
std::string closed_text(const timing::Calendar& calendar, const timing::Calendar::Closed& closed);

/// When there is something to be done next.
std::optional<int64_t> next_due(const timing::Timing& timing, int64_t watermark);

}  // namespace rbk::engine
