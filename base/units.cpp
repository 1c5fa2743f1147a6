#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <chrono>
#include <limits>
#include <span>

#include "base/letters.h"

namespace rbk {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr int64_t kSecond = 1'000'000;
constexpr std::array<Unit, 7> kDurationUnits{{{"w", 7 * 86400 * kSecond},
                                              {"d", 86400 * kSecond},
                                              {"h", 3600 * kSecond},
                                              {"m", 60 * kSecond},
                                              {"s", kSecond},
                                              {"ms", 1000},
                                              {"us", 1}}};
constexpr std::array<Unit, 9> kSizeUnits{{{"TiB", int64_t{1} << 40},
                                          {"GiB", int64_t{1} << 30},
                                          {"MiB", int64_t{1} << 20},
                                          {"KiB", int64_t{1} << 10},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1000},
                                          {"B", 1}}};

Result<int64_t> parse_units(std::string_view text, std::span<const Unit> units,
                            std::string_view what, std::string_view cure) {
  auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kInvalid, fmt::format("\"{}\" is no {}: {}", text, what, why),
                std::string(cure));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  if (rest.empty()) return bad("it is empty");
  int64_t total = 0;  // below zero, where the largest number of 64 bits has its opposite
  while (!rest.empty()) {
    if (!is_digit(rest.front())) return bad("a number must stand before each unit");
    int64_t count = 0;
    while (!rest.empty() && is_digit(rest.front())) {
      if (__builtin_mul_overflow(count, 10, &count) ||
          __builtin_add_overflow(count, rest.front() - '0', &count))
        return bad("it is too large");
      rest.remove_prefix(1);
    }
    size_t length = 0;
    while (length < rest.size() && std::isalpha(static_cast<unsigned char>(rest[length]))) ++length;
    const std::string_view name = rest.substr(0, length);
    int64_t factor = 0;
    for (const Unit& unit : units)
      if (unit.name == name) factor = unit.factor;
    if (factor == 0)
      return bad(name.empty() ? "it has no unit" : fmt::format("no unit is \"{}\"", name));
    rest.remove_prefix(length);
    if (__builtin_mul_overflow(-count, factor, &count) ||
        __builtin_add_overflow(total, count, &total))
      return bad("it is too large");
  }
  if (negative) return total;
  if (total == INT64_MIN) return bad("it is too large");
  return -total;
}

Result<int> parse_digits(std::string_view& rest, size_t count) {
  if (rest.size() < count) return fail(ErrorKind::kInvalid, "too short");
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(rest[i])) return fail(ErrorKind::kInvalid, "not a digit");
    value = value * 10 + (rest[i] - '0');
  }
  rest.remove_prefix(count);
  return value;
}

bool take(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

Result<int64_t> parse_duration(std::string_view text) {
  return parse_units(text, kDurationUnits, "duration",
                     "write it like 5m30s; units: us ms s m h d w");
}

Result<int64_t> parse_size(std::string_view text) {
  return parse_units(text, kSizeUnits, "size",
                     "write it like 10MiB; units: B kB MB GB TB KiB MiB GiB TiB");
}

std::string format_duration(int64_t microseconds) {
  if (microseconds == 0) return "0s";
  uint64_t left = static_cast<uint64_t>(microseconds);
  std::string text;
  if (microseconds < 0) {
    text = "-";
    left = 0 - left;
  }
  for (const Unit& unit : kDurationUnits) {
    if (unit.name == "w") continue;  // 14d reads better than 2w
    const uint64_t count = left / static_cast<uint64_t>(unit.factor);
    if (count == 0) continue;
    text += fmt::format("{}{}", count, unit.name);
    left -= count * static_cast<uint64_t>(unit.factor);
  }
  return text;
}

std::string format_size(int64_t bytes) {
  if (bytes == 0) return "0B";
  for (const Unit& unit : kSizeUnits)
    if (bytes % unit.factor == 0) return fmt::format("{}{}", bytes / unit.factor, unit.name);
  return fmt::format("{}B", bytes);
}

std::string format_time(int64_t microseconds_since_epoch) {
  using namespace std::chrono;
  const sys_time<microseconds> when{microseconds{microseconds_since_epoch}};
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<microseconds>(when - day)};
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  const auto fraction = clock.subseconds().count();
  if (fraction % 1000 != 0)
    text += fmt::format(".{:06}", fraction);
  else if (fraction != 0)
    text += fmt::format(".{:03}", fraction / 1000);
  return text + "Z";
}

Result<int64_t> parse_time(std::string_view text) {
  using namespace std::chrono;
  auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kInvalid, fmt::format("\"{}\" is no time: {}", text, why),
                "write it with its zone, like 2026-03-01T03:00:00Z or 2026-03-01T03:00:00+01:00");
  };
  constexpr std::string_view kShape = "expected YYYY-MM-DDThh:mm:ss and a zone";
  std::string_view rest = text;
  const auto y = parse_digits(rest, 4);
  if (!y || !take(rest, '-')) return bad(kShape);
  const auto mo = parse_digits(rest, 2);
  if (!mo || !take(rest, '-')) return bad(kShape);
  const auto d = parse_digits(rest, 2);
  if (!d || !(take(rest, 'T') || take(rest, ' '))) return bad(kShape);
  const auto h = parse_digits(rest, 2);
  if (!h || !take(rest, ':')) return bad(kShape);
  const auto mi = parse_digits(rest, 2);
  if (!mi) return bad(kShape);
  int s = 0;
  int64_t fraction = 0;
  if (take(rest, ':')) {
    const auto seconds_read = parse_digits(rest, 2);
    if (!seconds_read) return bad(kShape);
    s = *seconds_read;
    if (take(rest, '.')) {
      int64_t scale = 100'000;
      if (rest.empty() || !is_digit(rest.front())) return bad(kShape);
      while (!rest.empty() && is_digit(rest.front())) {
        fraction += scale * (rest.front() - '0');
        scale /= 10;
        rest.remove_prefix(1);
      }
    }
  }
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *h > 23 || *mi > 59 || s > 59) return bad("no calendar has it");
  int64_t offset = 0;
  if (rest.empty()) return bad("it has no zone");
  if (!take(rest, 'Z')) {
    const bool west = rest.front() == '-';
    if (!take(rest, '+') && !take(rest, '-')) return bad("its zone is neither Z nor an offset");
    const auto oh = parse_digits(rest, 2);
    take(rest, ':');
    const auto om = parse_digits(rest, 2);
    if (!oh || !om || *oh > 23 || *om > 59) return bad("its zone is neither Z nor an offset");
    offset = (*oh * 3600 + *om * 60) * (west ? -kSecond : kSecond);
  }
  if (!rest.empty()) return bad("something follows its zone");
  const int64_t local = duration_cast<microseconds>(sys_days{date}.time_since_epoch()).count() +
                        (*h * 3600LL + *mi * 60LL + s) * kSecond + fraction;
  return local - offset;
}

}  // namespace rbk
