#include "timing/written.h"

#include "timing/take.h"

namespace rbk::timing {

using namespace std::chrono;

namespace {

/// A number of just so many digits, taken from the front.
std::optional<int> digits(std::string_view& rest, size_t count) {
  if (rest.size() < count) return std::nullopt;
  int number = 0;
  for (size_t i = 0; i < count; ++i) {
    if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
    number = number * 10 + (rest[i] - '0');
  }
  rest.remove_prefix(count);
  return number;
}

}  // namespace

std::optional<WrittenDate> parse_date(std::string_view text) {
  const auto year_number = digits(text, 4);
  if (!year_number || !take(text, '-')) return std::nullopt;
  const auto month_number = digits(text, 2);
  if (!month_number || !take(text, '-')) return std::nullopt;
  const auto day_number = digits(text, 2);
  if (!day_number) return std::nullopt;
  const year_month_day date{year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(*day_number))};
  if (!date.ok()) return std::nullopt;
  WrittenDate written{local_days(date), std::nullopt};
  if (text.empty()) return written;
  if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
  written.time = parse_time_of_day(text);
  if (!written.time || *written.time >= hours(24)) return std::nullopt;
  return written;
}

std::optional<seconds> parse_time_of_day(std::string_view text) {
  const auto hour = digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || !text.empty() || *hour > 24 || *minute > 59) return std::nullopt;
  const seconds time = hours(*hour) + minutes(*minute);
  if (time > hours(24)) return std::nullopt;
  return time;
}

unsigned parse_weekdays(std::string_view text) {
  struct Days {
    std::string_view name;
    std::string_view whole;
    unsigned days;
  };
  static constexpr Days kDays[] = {{"sun", "sunday", 1},       {"mon", "monday", 2},
                                   {"tue", "tuesday", 4},      {"wed", "wednesday", 8},
                                   {"thu", "thursday", 16},    {"fri", "friday", 32},
                                   {"sat", "saturday", 64},    {"day", "day", 127},
                                   {"weekday", "weekday", 62}, {"weekend", "weekend", 65}};
  for (const Days& one : kDays) {
    if (text == one.name || text == one.whole) return one.days;
  }
  return 0;
}

}  // namespace rbk::timing
