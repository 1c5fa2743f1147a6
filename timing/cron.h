// A cron text: `0 3 * * 1-5`, six fields with seconds, `@daily`. It names readings of a clock on a
// wall, of no zone: which instants they are says timing/firing.h.
//
//   [second] minute hour day-of-month month weekday
//   *  a  a-b  */n  a-b/n  a/n  a,b    jan..dec, sun..sat, weekdays 0 to 7 (0 and 7: Sunday)
//   day of month: ?  L (last)  L-3  15W (the weekday Mon-Fri nearest to it)  LW
//   weekday:      ?  5L (the last Friday)  fri#2 (the second)
//
// Where both day fields are restricted, a day counts that either names.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace rbk::timing {

/// What is wrong with a cron text.
struct CronError {
  size_t begin = 0;  // where in the text, in bytes
  size_t end = 0;
  std::string message;  // "the hour `25` is not in 0..23"
  std::string cure;
};

class Cron {
 public:
  static tl::expected<Cron, CronError> parse(std::string_view text);

  /// The first reading after the given one that the text names; none if it never comes: 31
  /// February. Takes time by the fields, not by the minutes between.
  std::optional<std::chrono::local_seconds> next(std::chrono::local_seconds after) const;

  /// As it was written.
  const std::string& text() const { return text_; }
  /// Whether it fires in every hour of a day: such a one means a rhythm, not an hour.
  bool every_hour() const { return hours_ == kAllHours; }
  /// Whether both day fields say something.
  bool either_day() const { return month_days_.restricted && weekdays_.restricted; }

 private:
  friend class CronReader;
  static constexpr uint64_t kAllHours = (uint64_t{1} << 24) - 1;

  struct MonthDays {
    bool restricted = false;
    uint64_t days = 0;          // bit n: day n
    std::vector<int> from_end;  // 0: the last day
    std::vector<int> nearest;   // the weekday nearest to that day; 0: to the last
  };
  struct Weekdays {
    struct Nth {
      unsigned weekday;
      int nth;  // 1 to 5
    };
    bool restricted = false;
    uint64_t days = 0;  // bit n: weekday n, 0 is Sunday
    uint64_t last = 0;  // the last ones of the month
    std::vector<Nth> nth;
  };
  uint64_t month_days_of(std::chrono::year_month month) const;
  uint64_t weekdays_of(std::chrono::year_month month) const;
  uint64_t days_of(std::chrono::year_month month) const;
  std::optional<std::chrono::seconds> next_in_day(std::chrono::seconds least) const;

  std::string text_;
  uint64_t seconds_ = 1;
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t months_ = 0;  // bit n: month n
  MonthDays month_days_;
  Weekdays weekdays_;
};

}  // namespace rbk::timing
