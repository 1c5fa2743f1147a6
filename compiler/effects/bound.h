// How long something takes at most, as far as timeouts, bounds and retries say. What depends on the
// length of a list that is not known is kept for each of its items; what nothing bounds is named.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rbk::effects {

struct Bound {
  /// So long for every `at_a_time` items of a list: `over` is the list as it is written.
  struct Term {
    std::string over;
    int64_t at_a_time = 1;
    int64_t each = 0;  // microseconds
    friend bool operator==(const Term&, const Term&) = default;
  };
  /// What has no bound, and what would give it one.
  struct Open {
    std::string step;  // its path; empty outside of any step
    std::string why;   // "`shell` has no `timeout`"
    friend bool operator==(const Open&, const Open&) = default;
  };

  int64_t fixed = 0;  // microseconds; what does not fit stays at the largest number
  std::vector<Term> terms;
  /// The first of them; the last one says so where there are more than can be listed.
  std::vector<Open> open;

  static Bound of(int64_t micros);
  static Bound unbounded(std::string step, std::string why);
  bool is_bounded() const { return open.empty(); }
  bool is_nothing() const { return fixed == 0 && terms.empty() && open.empty(); }
  friend bool operator==(const Bound&, const Bound&) = default;
};

/// "5m and 2m for every 2 of `hosts`", without what has no bound; "0s" if it takes no time.
std::string text_of(const Bound& bound);

/// One after the other.
Bound operator+(const Bound& left, const Bound& right);
/// Either, or both at once.
Bound longer(const Bound& left, const Bound& right);
/// One after the other, so many times.
Bound repeated(const Bound& once, int64_t times);
/// For each item of a list of unknown length.
Bound for_each(const Bound& once, const std::string& over, int64_t at_a_time);
/// Ended when the time is up, whatever it would take.
Bound cut_off(const Bound& whole, int64_t micros);

}  // namespace rbk::effects
