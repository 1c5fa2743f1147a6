// The readings that a cron text names. How it is read stands in cron_reader.cpp.
#include "timing/cron.h"

#include <bit>

namespace rbk::timing {

using namespace std::chrono;

namespace {

constexpr int kMonthsOfAllCalendars = 400 * 12;  // then weekdays and leap years come again

/// The lowest bit that is set from `least` on.
std::optional<int> next_bit(uint64_t bits, int64_t least) {
  if (least >= 64) return std::nullopt;
  bits &= ~uint64_t{0} << least;
  if (bits == 0) return std::nullopt;
  return std::countr_zero(bits);
}

uint64_t bit(int number) { return uint64_t{1} << number; }

int last_day(year_month month) {
  return static_cast<int>(static_cast<unsigned>((month / last).day()));
}

unsigned weekday_of(year_month month, int day) {
  return weekday(local_days(month / std::chrono::day(static_cast<unsigned>(day)))).c_encoding();
}

/// The day from Monday to Friday in the same month that is nearest to that day.
int nearest_weekday(year_month month, int day) {
  switch (weekday_of(month, day)) {
    case 6:  // Saturday
      return day == 1 ? 3 : day - 1;
    case 0:
      return day == last_day(month) ? day - 2 : day + 1;
    default:
      return day;
  }
}

}  // namespace

uint64_t Cron::month_days_of(year_month month) const {
  const int last = last_day(month);
  uint64_t days = month_days_.days & (bit(last + 1) - 1);
  for (const int before : month_days_.from_end) {
    if (before < last) days |= bit(last - before);
  }
  for (const int day : month_days_.nearest) {
    if (day <= last) days |= bit(nearest_weekday(month, day == 0 ? last : day));
  }
  return days;
}

uint64_t Cron::weekdays_of(year_month month) const {
  const int last = last_day(month);
  unsigned weekday = weekday_of(month, 1);
  uint64_t days = 0;
  for (int day = 1; day <= last; ++day, weekday = (weekday + 1) % 7) {
    bool named = (weekdays_.days >> weekday & 1) != 0;
    named |= (weekdays_.last >> weekday & 1) != 0 && day + 7 > last;
    for (const Weekdays::Nth& one : weekdays_.nth)
      named |= one.weekday == weekday && one.nth == (day + 6) / 7;
    if (named) days |= bit(day);
  }
  return days;
}

uint64_t Cron::days_of(year_month month) const {
  if (!next_bit(months_ & bit(static_cast<int>(static_cast<unsigned>(month.month()))), 0)) return 0;
  if (either_day()) return month_days_of(month) | weekdays_of(month);
  if (month_days_.restricted) return month_days_of(month);
  if (weekdays_.restricted) return weekdays_of(month);
  return bit(last_day(month) + 1) - 2;
}

std::optional<seconds> Cron::next_in_day(seconds least) const {
  const hh_mm_ss clock(least);
  int64_t minute = clock.minutes().count();
  int64_t second = clock.seconds().count();
  for (auto hour = next_bit(hours_, clock.hours().count()); hour;
       hour = next_bit(hours_, *hour + 1)) {
    if (*hour != clock.hours().count()) minute = second = 0;
    for (auto found = next_bit(minutes_, minute); found; found = next_bit(minutes_, *found + 1)) {
      if (*found != minute) second = 0;
      if (const auto in_minute = next_bit(seconds_, second))
        return hours(*hour) + minutes(*found) + seconds(*in_minute);
    }
  }
  return std::nullopt;
}

std::optional<local_seconds> Cron::next(local_seconds after) const {
  const local_seconds least = after + seconds(1);
  const auto first_day = floor<days>(least);
  const year_month_day date(first_day);
  year_month month = date.year() / date.month();
  uint64_t found = days_of(month) & (~uint64_t{0} << static_cast<unsigned>(date.day()));
  for (int i = 0; i <= kMonthsOfAllCalendars; ++i) {
    for (; found != 0; found &= found - 1) {
      const auto day =
          local_days(month / std::chrono::day(static_cast<unsigned>(std::countr_zero(found))));
      const auto time = next_in_day(day == first_day ? least - first_day : seconds(0));
      if (time) return day + *time;
    }
    month += months(1);
    found = days_of(month);
  }
  return std::nullopt;
}

}  // namespace rbk::timing
