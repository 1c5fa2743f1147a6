#include "timing/posix_rule.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/letters.h"
#include "timing/take.h"

namespace rbk::timing {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::year;

namespace {

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/// A number of at most three digits.
std::optional<int> read_number(std::string_view& rest, int least, int most) {
  int number = 0;
  size_t digits = 0;
  for (; digits < rest.size() && digits < 3 && is_digit(rest[digits]); ++digits)
    number = number * 10 + (rest[digits] - '0');
  if (digits == 0 || number < least || number > most) return std::nullopt;
  rest.remove_prefix(digits);
  return number;
}

}  // namespace

/// `CET`, or `<+01>`.
bool PosixRule::read_name(std::string_view& rest) {
  size_t size = 0;
  if (take(rest, '<')) {
    while (size < rest.size() && rest[size] != '>') ++size;
    if (size == rest.size()) return false;
    rest.remove_prefix(size + 1);
    return size > 0;
  }
  while (size < rest.size() && is_letter(rest[size])) ++size;
  rest.remove_prefix(size);
  return size >= 3;
}

/// `[+-]h[h[h]][:mm[:ss]]`
std::optional<seconds> PosixRule::read_time(std::string_view& rest) {
  const bool negative = take(rest, '-');
  if (!negative) take(rest, '+');
  const auto hours = read_number(rest, 0, 167);
  if (!hours) return std::nullopt;
  seconds time = *hours * 1h;
  for (const seconds unit : {seconds(1min), 1s}) {
    if (!take(rest, ':')) break;
    const auto number = read_number(rest, 0, 59);
    if (!number) return std::nullopt;
    time += *number * unit;
  }
  return negative ? -time : time;
}

/// `Mm.w.d`, `Jn`, `n`, each with `/time`
std::optional<PosixRule::Day> PosixRule::read_day(std::string_view& rest) {
  Day day;
  std::optional<int> number;
  if (take(rest, 'M')) {
    const auto month = read_number(rest, 1, 12);
    if (!month || !take(rest, '.')) return std::nullopt;
    const auto week = read_number(rest, 1, 5);
    if (!week || !take(rest, '.')) return std::nullopt;
    number = read_number(rest, 0, 6);
    day.month = *month;
    day.week = *week;
  } else if (take(rest, 'J')) {
    day.kind = Day::Kind::kDayOfYear;
    number = read_number(rest, 1, 365);
  } else {
    day.kind = Day::Kind::kZeroDay;
    number = read_number(rest, 0, 365);
  }
  if (!number) return std::nullopt;
  day.day = *number;
  if (take(rest, '/')) {
    const auto time = read_time(rest);
    if (!time) return std::nullopt;
    day.time = *time;
  }
  return day;
}

Result<PosixRule> PosixRule::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorKind::kCorrupt, fmt::format("`{}` is no rule of a time zone", text));
  };
  std::string_view rest = text;
  PosixRule rule;
  rule.text_ = text;
  if (!read_name(rest)) return bad();
  const auto standard = read_time(rest);  // positive to the west of Greenwich
  if (!standard || *standard < -24h - 59min || *standard > 24h + 59min) return bad();
  rule.standard_ = -*standard;
  if (rest.empty()) return rule;
  Summer summer;
  if (!read_name(rest)) return bad();
  summer.offset = rule.standard_ + 1h;
  if (!rest.starts_with(',')) {
    const auto offset = read_time(rest);
    if (!offset || *offset < -24h - 59min || *offset > 24h + 59min) return bad();
    summer.offset = -*offset;
  }
  for (Day* day : {&summer.begin, &summer.end}) {
    if (!take(rest, ',')) return bad();
    const auto read = read_day(rest);
    if (!read) return bad();
    *day = *read;
  }
  if (!rest.empty()) return bad();
  rule.summer_ = summer;
  return rule;
}

std::chrono::local_seconds PosixRule::day_in(const Day& day, year in) {
  using namespace std::chrono;
  local_days date;
  switch (day.kind) {
    case Day::Kind::kMonthWeekDay: {
      const year_month of = in / month(static_cast<unsigned>(day.month));
      const weekday wanted(static_cast<unsigned>(day.day));
      date = day.week == 5 ? local_days(of / wanted[last])
                           : local_days(of / wanted[static_cast<unsigned>(day.week)]);
      break;
    }
    case Day::Kind::kDayOfYear:
      date = local_days(in / January / 1) + days(day.day - 1);
      if (in.is_leap() && day.day >= 60) date += days(1);
      break;
    case Day::Kind::kZeroDay:
      date = local_days(in / January / 1) + days(day.day);
      break;
  }
  return local_seconds(date) + day.time;
}

std::vector<PosixRule::Change> PosixRule::changes(year in) const {
  if (!summer_) return {};
  const auto instant = [&](const Day& day, seconds offset) {
    return std::chrono::sys_seconds(day_in(day, in).time_since_epoch() - offset);
  };
  // Each is told by the clock that is in force before it.
  std::vector<Change> both{{instant(summer_->begin, standard_), summer_->offset},
                           {instant(summer_->end, summer_->offset), standard_}};
  if (both[1].at < both[0].at) std::swap(both[0], both[1]);
  return both;
}

}  // namespace rbk::timing
