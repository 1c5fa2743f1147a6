#include "compiler/effects/bound.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/units.h"

namespace rbk::effects {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

constexpr size_t kMostOpen = 100;

int64_t sum(int64_t left, int64_t right) {
  int64_t result = 0;
  return __builtin_add_overflow(left, right, &result) ? kMost : result;
}

int64_t product(int64_t left, int64_t right) {
  int64_t result = 0;
  return __builtin_mul_overflow(left, right, &result) ? kMost : result;
}

void add_open(std::vector<Bound::Open>& to, const std::vector<Bound::Open>& from) {
  for (const Bound::Open& one : from) {
    if (std::find(to.begin(), to.end(), one) != to.end()) continue;
    if (to.size() > kMostOpen) return;
    to.push_back(to.size() < kMostOpen ? one : Bound::Open{"", "and others that are not listed"});
  }
}

template <typename Combine>
Bound combined(Bound left, const Bound& right, Combine combine) {
  left.fixed = combine(left.fixed, right.fixed);
  for (const Bound::Term& term : right.terms) {
    const auto same = std::find_if(left.terms.begin(), left.terms.end(), [&](const auto& one) {
      return one.over == term.over && one.at_a_time == term.at_a_time;
    });
    if (same == left.terms.end())
      left.terms.push_back(term);
    else
      same->each = combine(same->each, term.each);
  }
  add_open(left.open, right.open);
  return left;
}

}  // namespace

Bound Bound::of(int64_t micros) {
  Bound made;
  made.fixed = std::max<int64_t>(micros, 0);
  return made;
}

Bound Bound::unbounded(std::string step, std::string why) {
  Bound made;
  made.open.push_back({std::move(step), std::move(why)});
  return made;
}

std::string text_of(const Bound& bound) {
  std::string text;
  if (bound.fixed != 0 || bound.terms.empty()) text = format_duration(bound.fixed);
  for (const Bound::Term& term : bound.terms) {
    if (!text.empty()) text += " and ";
    text += format_duration(term.each);
    text += term.at_a_time == 1 ? fmt::format(" for each of `{}`", term.over)
                                : fmt::format(" for every {} of `{}`", term.at_a_time, term.over);
  }
  return text;
}

Bound operator+(const Bound& left, const Bound& right) { return combined(left, right, sum); }

Bound longer(const Bound& left, const Bound& right) {
  return combined(left, right, [](int64_t a, int64_t b) { return std::max(a, b); });
}

Bound repeated(const Bound& once, int64_t times) {
  Bound made = once;
  times = std::max<int64_t>(times, 0);
  made.fixed = product(made.fixed, times);
  for (Bound::Term& term : made.terms) term.each = product(term.each, times);
  if (times == 0) made = {};
  return made;
}

Bound for_each(const Bound& once, const std::string& over, int64_t at_a_time) {
  Bound made;
  made.open = once.open;
  if (once.fixed > 0) made.terms.push_back({over, at_a_time, once.fixed});
  for (const Bound::Term& term : once.terms)
    made.terms.push_back({over + " × " + term.over, product(at_a_time, term.at_a_time), term.each});
  return made;
}

Bound cut_off(const Bound& whole, int64_t micros) {
  if (whole.is_bounded() && whole.terms.empty()) return Bound::of(std::min(whole.fixed, micros));
  return Bound::of(micros);
}

}  // namespace rbk::effects
