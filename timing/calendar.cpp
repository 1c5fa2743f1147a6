#include "timing/calendar.h"

#include <fmt/core.h>

namespace rbk::timing {

using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

constexpr int kMaxJoined = 4000;  // stretches that touch; more than years of days: it stays closed

}  // namespace

Calendar::Calendar(std::string name, Zone zone, std::vector<Rule> rules)
    : name_(std::move(name)), zone_(std::move(zone)), rules_(std::move(rules)) {}

Result<Calendar> Calendar::make(std::string name, Zone zone, std::vector<Rule> rules) {
  constexpr local_seconds kFirst = local_days(year(0) / 1 / 1);
  constexpr local_seconds kLast = local_days(year(10000) / 1 / 1);
  for (const Rule& rule : rules) {
    const auto* dates = std::get_if<Dates>(&rule.when);
    const auto* weekly = std::get_if<Weekly>(&rule.when);
    const bool fits = dates != nullptr ? kFirst <= dates->begin && dates->begin < dates->end &&
                                             dates->end <= kLast
                                       : weekly->weekdays < 128 && weekly->begin >= 0s &&
                                             weekly->begin < weekly->end && weekly->end <= 48h;
    if (!fits)
      return fail(
          ErrorKind::kCorrupt,
          fmt::format("the calendar {} is malformed: a rule closes nothing that can be", name));
  }
  return Calendar(std::move(name), std::move(zone), std::move(rules));
}

Calendar::Stretch Calendar::stretch(local_seconds begin, local_seconds end,
                                    const Rule& rule) const {
  // As long as any clock of that time may show it.
  return {zone_.reading(begin).first, zone_.reading(end).last, &rule};
}

std::vector<Calendar::Stretch> Calendar::around(sys_seconds at, int days_after) const {
  std::vector<Stretch> found;
  const auto today = floor<days>(zone_.local(at));
  for (const Rule& rule : rules_) {
    if (const auto* dates = std::get_if<Dates>(&rule.when)) {
      found.push_back(stretch(dates->begin, dates->end, rule));
      continue;
    }
    const auto& weekly = std::get<Weekly>(rule.when);
    for (int day = -2; day <= days_after; ++day) {
      const local_days date = today + days(day);
      if ((weekly.weekdays >> weekday(date).c_encoding() & 1) != 0)
        found.push_back(stretch(date + weekly.begin, date + weekly.end, rule));
    }
  }
  return found;
}

sys_seconds Calendar::last_date() const {
  sys_seconds last_of_all = sys_days(2000y / January / 1);
  for (const Rule& rule : rules_) {
    if (const auto* dates = std::get_if<Dates>(&rule.when))
      last_of_all = std::max(last_of_all, zone_.reading(dates->end).last);
  }
  return last_of_all;
}

std::optional<Calendar::Closed> Calendar::closed(sys_seconds at) const {
  const Stretch* longest = nullptr;
  const std::vector<Stretch> here = around(at, 1);
  for (const Stretch& one : here) {
    if (one.begin <= at && at < one.end && (longest == nullptr || one.end > longest->end))
      longest = &one;
  }
  if (longest == nullptr) return std::nullopt;
  Closed result{longest->begin, longest->end, longest->rule->why};
  bool grows = true;
  int joined = 0;
  for (; grows && joined < kMaxJoined; ++joined) {
    grows = false;
    for (const Stretch& one : around(*result.end, 1)) {
      if (one.begin <= *result.end && one.end > *result.end) {
        result.end = one.end;
        grows = true;
      }
    }
  }
  if (grows) result.end.reset();
  grows = true;
  for (joined = 0; grows && joined < kMaxJoined; ++joined) {
    grows = false;
    for (const Stretch& one : around(result.begin, 1)) {
      if (one.end >= result.begin && one.begin < result.begin) {
        result.begin = one.begin;
        grows = true;
      }
    }
  }
  return result;
}

std::optional<Calendar::Closed> Calendar::next(sys_seconds after) const {
  sys_seconds from = after;
  if (const auto now = closed(after)) {
    if (!now->end) return std::nullopt;
    from = *now->end;
  }
  std::optional<sys_seconds> first;
  for (const Stretch& one : around(from, 9)) {
    if (one.begin >= from && one.end > one.begin && (!first || one.begin < *first))
      first = one.begin;
  }
  return first ? closed(*first) : std::nullopt;
}

}  // namespace rbk::timing
