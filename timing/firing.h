// When a schedule fires: its cron in a zone, or its period, less what calendars keep closed.
//
// A cron names readings of a clock. Where the clocks are put forward, those in the gap fire once,
// all together, at the first instant after it. Where they are put back, a reading that comes twice
// fires at the first. One that fires in every hour means a rhythm: it skips the gap and fires in
// both of the hours that have one name. A period counts elapsed time, from 1970-01-01T00:00:00Z on.
#pragma once

#include <chrono>
#include <optional>
#include <variant>
#include <vector>

#include "timing/calendar.h"
#include "timing/cron.h"
#include "timing/zone.h"

namespace rbk::timing {

struct Firing {
  enum class Clock {
    kPlain,
    kMoved,   // its reading is skipped by the clocks; `at` is the first instant after
    kFirst,   // its reading comes twice; this is the first
    kSecond,  // and this the second
  };
  local_seconds nominal;  // the reading that it is for; of a period: UTC
  sys_seconds at;
  Clock clock = Clock::kPlain;
  size_t rule = 0;  // of Timing::rules: which of them fires
  friend bool operator==(const Firing&, const Firing&) = default;
};

struct CronIn {
  Cron cron;
  Zone zone;
};

/// What a schedule does with a firing that falls into what a calendar keeps closed.
struct Closing {
  enum class Then { kSkip, kDelay };  // to when it opens
  Calendar calendar;
  Then then = Then::kSkip;
};

struct Timing {
  std::vector<std::variant<CronIn, seconds>> rules;  // crons and periods: any of them fires it
  std::vector<Closing> closings;
};

/// The first firing after that instant; none if there is none, or none within 50 years that the
/// calendars leave.
std::optional<Firing> next_firing(const CronIn& cron, sys_seconds after);
std::optional<Firing> next_firing(const Timing& timing, sys_seconds after);

}  // namespace rbk::timing
