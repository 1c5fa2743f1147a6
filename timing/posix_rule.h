// The rule at the end of a TZif file: `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX TZ, with the wider hours
// of RFC 8536, 3.3.1). It says what the clocks show in every year after the file's table.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rbk::timing {

class PosixRule {
 public:
  struct Change {
    std::chrono::sys_seconds at;
    std::chrono::seconds offset;  // local less UTC, from then on
  };

  /// kCorrupt if the text is no rule.
  static Result<PosixRule> parse(std::string_view text);

  const std::string& text() const { return text_; }

  /// Local less UTC when no summer time is in force, or never.
  std::chrono::seconds standard() const { return standard_; }
  /// The two changes of a year in the order in which they come; none without summer time.
  std::vector<Change> changes(std::chrono::year year) const;

 private:
  struct Day {
    enum class Kind {
      kMonthWeekDay,  // the week-th (5: last) weekday of a month
      kDayOfYear,     // 1 to 365, 29 February never counted
      kZeroDay,       // 0 to 365, 29 February counted
    };
    Kind kind = Kind::kMonthWeekDay;
    int day = 0;  // kMonthWeekDay: the weekday, 0 is Sunday
    int week = 0;
    int month = 0;
    std::chrono::seconds time{7200};  // after the midnight that the day begins with
  };
  struct Summer {
    std::chrono::seconds offset;
    Day begin;
    Day end;
  };
  static bool read_name(std::string_view& rest);
  static std::optional<std::chrono::seconds> read_time(std::string_view& rest);
  static std::optional<Day> read_day(std::string_view& rest);
  static std::chrono::local_seconds day_in(const Day& day, std::chrono::year year);

  std::string text_;
  std::chrono::seconds standard_{0};
  std::optional<Summer> summer_;
};

}  // namespace rbk::timing
