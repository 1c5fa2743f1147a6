// Methods of time, all in UTC.
#include <fmt/format.h>

#include "vm/json.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

bool time_unix(NativeCall& call) {
  return call.give_int(floor_div(call.arguments[0].i, 1'000'000));
}

struct Civil {
  int64_t year;
  int month;
  int day;
  int day_of_year;
  int64_t second_of_day;
};

/// Days to a date of the proleptic Gregorian calendar: Howard Hinnant's civil_from_days.
Civil civil(int64_t microseconds) {
  const int64_t seconds = floor_div(microseconds, 1'000'000);
  const int64_t days = floor_div(seconds, 86400);
  const int64_t shifted = days + 719468;
  const int64_t era = floor_div(shifted, 146097);
  const int64_t of_era = shifted - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t from_march = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month = (5 * from_march + 2) / 153;
  Civil date{};
  date.day = static_cast<int>(from_march - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  static constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  date.day_of_year = kBefore[date.month - 1] + date.day + (leap && date.month > 2 ? 1 : 0);
  date.second_of_day = seconds - days * 86400;
  return date;
}

bool time_date(NativeCall& call) {
  const Civil date = civil(call.arguments[0].i);
  return call.give(
      make_string(call.heap, fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day)));
}

bool time_format(NativeCall& call) {
  const String* pattern = call.string(1);
  if (pattern == nullptr) return false;
  const Civil date = civil(call.arguments[0].i);
  const std::string_view view = pattern->view();
  std::string out;
  for (size_t i = 0; i < view.size(); ++i) {
    if (view[i] != '%') {
      out += view[i];
      continue;
    }
    const char letter = ++i < view.size() ? view[i] : '\0';
    switch (letter) {
      case 'Y':
        out += fmt::format("{:04}", date.year);
        break;
      case 'm':
        out += fmt::format("{:02}", date.month);
        break;
      case 'd':
        out += fmt::format("{:02}", date.day);
        break;
      case 'j':
        out += fmt::format("{:03}", date.day_of_year);
        break;
      case 'H':
        out += fmt::format("{:02}", date.second_of_day / 3600);
        break;
      case 'M':
        out += fmt::format("{:02}", date.second_of_day / 60 % 60);
        break;
      case 'S':
        out += fmt::format("{:02}", date.second_of_day % 60);
        break;
      case '%':
        out += '%';
        break;
      default:
        return call.raise("ParseError",
                          fmt::format("{} holds a form that is not known; there are %Y %m %d %H %M "
                                      "%S %j %%",
                                      json_summary(pattern)));
    }
    if (!call.heap.fits(out.size())) return call.give(Ref());
  }
  return call.give(make_string(call.heap, out));
}

template <auto part>
bool civil_part(NativeCall& call) {
  return call.give_int(part(civil(call.arguments[0].i)));
}

/// Monday is 1, Sunday 7.
bool weekday(NativeCall& call) {
  const int64_t days = floor_div(call.arguments[0].i, int64_t{86'400} * 1'000'000);
  const int64_t since_monday = ((days + 3) % 7 + 7) % 7;  // the epoch was a Thursday
  return call.give_int(since_monday + 1);
}

bool unix_milliseconds(NativeCall& call) {
  return call.give_int(floor_div(call.arguments[0].i, 1000));
}

bool from_unix(NativeCall& call) {
  int64_t time = 0;
  if (__builtin_mul_overflow(call.arguments[0].i, int64_t{1'000'000}, &time))
    return call.raise("ArithmeticError", "the time does not fit 64 bits of microseconds");
  return call.give(Kind::kTime, slot_of(time));
}

/// The latest time that is a multiple of the duration after the epoch: `t.floor(1d)`.
bool floor_to(NativeCall& call) {
  const int64_t unit = call.arguments[1].i;
  if (unit <= 0) return call.raise("ArithmeticError", "floor: a duration above zero was expected");
  const int64_t time = call.arguments[0].i;
  const int64_t beyond = (time % unit + unit) % unit;
  if (time < INT64_MIN + beyond) {
    return call.raise("ArithmeticError", "the result does not fit 64 bits");
  }
  return call.give(Kind::kTime, slot_of(time - beyond));
}

constexpr NativeEntry kTimeNatives[] = {
    {"time.unix", time_unix},
    {"time.unix_ms", unix_milliseconds},
    {"time.date", time_date},
    {"time.format", time_format},
    {"time.year", civil_part<[](const Civil& date) { return date.year; }>},
    {"time.month", civil_part<[](const Civil& date) { return int64_t{date.month}; }>},
    {"time.day", civil_part<[](const Civil& date) { return int64_t{date.day}; }>},
    {"time.day_of_year", civil_part<[](const Civil& date) { return int64_t{date.day_of_year}; }>},
    {"time.hour", civil_part<[](const Civil& date) { return date.second_of_day / 3600; }>},
    {"time.minute", civil_part<[](const Civil& date) { return date.second_of_day / 60 % 60; }>},
    {"time.second", civil_part<[](const Civil& date) { return date.second_of_day % 60; }>},
    {"time.weekday", weekday},
    {"time.floor", floor_to},
    {"from_unix.time", from_unix},
};

}  // namespace

std::span<const NativeEntry> time_natives() { return kTimeNatives; }

}  // namespace rbk::vm
