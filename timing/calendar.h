// When something is closed: `calendar freeze in "Europe/Berlin" { closed "2026-12-20".."2027-01-02"
// }`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "timing/zone.h"

namespace rbk::timing {

class Calendar {
 public:
  /// From one reading of the zone's clock to another, which is not in it any more.
  struct Dates {
    local_seconds begin;
    local_seconds end;
    friend bool operator==(const Dates&, const Dates&) = default;
  };
  /// On certain days of each week. An `end` after 24 h lies on the next day.
  struct Weekly {
    uint8_t weekdays = 0;  // bit n: weekday n, 0 is Sunday
    seconds begin{0};      // since midnight, 0 to 24 h
    seconds end{86400};    // above `begin`, up to 48 h
    friend bool operator==(const Weekly&, const Weekly&) = default;
  };
  struct Rule {
    std::variant<Dates, Weekly> when;
    std::string why;  // may be empty
    friend bool operator==(const Rule&, const Rule&) = default;
  };

  /// What is closed without a break: stretches that touch are one.
  struct Closed {
    sys_seconds begin;
    std::optional<sys_seconds> end;  // none: it never opens again
    std::string why;                 // of the rule that keeps it closed the longest; may be empty
    friend bool operator==(const Closed&, const Closed&) = default;
  };

  Calendar(std::string name, Zone zone, std::vector<Rule> rules);
  /// The same for rules from wherever they come: kCorrupt if they close what can't be.
  static Result<Calendar> make(std::string name, Zone zone, std::vector<Rule> rules);

  const std::string& name() const { return name_; }
  const Zone& zone() const { return zone_; }
  const std::vector<Rule>& rules() const { return rules_; }

  /// When the last of its dates is over; long ago without any.
  sys_seconds last_date() const;
  /// What is closed at that instant; none if it is open.
  std::optional<Closed> closed(sys_seconds at) const;
  /// The first closing that begins after that instant.
  std::optional<Closed> next(sys_seconds after) const;

 private:
  struct Stretch {
    sys_seconds begin;
    sys_seconds end;
    const Rule* rule;
  };
  Stretch stretch(local_seconds begin, local_seconds end, const Rule& rule) const;
  /// Those of the days around the instant, and all dates.
  std::vector<Stretch> around(sys_seconds at, int days_after) const;

  friend bool operator==(const Calendar&, const Calendar&) = default;

  std::string name_;
  Zone zone_;
  std::vector<Rule> rules_;
};

}  // namespace rbk::timing
