// What a calendar is written with: days, times of day, weekdays.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace rbk::timing {

/// "2026-12-20", or "2026-12-20 18:00" (a `T` will do for the blank).
struct WrittenDate {
  std::chrono::local_days day;
  std::optional<std::chrono::seconds> time;  // since midnight, below 24 h
};
std::optional<WrittenDate> parse_date(std::string_view text);

/// Since midnight: "16:00"; "24:00" is the day's end.
std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text);

/// Bits of weekdays, 0 is Sunday: `fri`, `friday`, `day` (all of them), `weekday`, `weekend`; 0 if
/// it is none.
unsigned parse_weekdays(std::string_view text);

}  // namespace rbk::timing
