// A time zone: what its clocks show at each instant, and which instants a reading of them means.
// Read from a TZif file (RFC 8536), with the POSIX rule at its end for the years after its table.
// Immutable; may be shared between threads. Knows no clock and reads no file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "timing/posix_rule.h"

namespace rbk::timing {

using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

class Zone {
 public:
  /// A stretch of time in which the clocks do not change: [begin, end).
  struct Period {
    sys_seconds begin;  // sys_seconds::min(): it has none
    sys_seconds end;    // sys_seconds::max(): it has none
    seconds offset;     // what the clocks show less UTC
    friend bool operator==(const Period&, const Period&) = default;
  };

  struct Change {
    sys_seconds at;
    seconds offset;  // from then on
    friend bool operator==(const Change&, const Change&) = default;
  };

  /// What a reading of the clock means.
  struct Reading {
    enum class Kind {
      kOnce,
      kSkipped,  // the clocks were put forward over it: both are the first instant after that
      kTwice,    // the clocks were put back over it
    };
    Kind kind = Kind::kOnce;
    sys_seconds first;
    sys_seconds last;  // kTwice: the later one; else the same
  };

  /// UTC.
  Zone() : Zone("UTC", seconds{0}) {}
  /// One that never changes.
  Zone(std::string name, seconds offset);
  /// Of a TZif file's bytes. kCorrupt if they are none.
  static Result<Zone> parse(std::string name, std::string_view bytes);

  /// Of what the accessors below give, from wherever it comes. kCorrupt if that is no zone.
  static Result<Zone> make(std::string name, seconds first_offset, std::vector<Change> changes,
                           const std::string& rule);

  const std::string& name() const { return name_; }
  seconds first_offset() const { return first_offset_; }
  const std::vector<Change>& changes() const { return changes_; }
  /// The rule for what comes after the changes; empty: there is none.
  std::string rule() const { return rule_ ? rule_->text() : std::string(); }

  /// The same from that time on, in as few changes as its rule lets be: equal, whichever form of
  /// the tz database it came from.
  Zone since(sys_seconds time) const;

  /// The stretch that the instant lies in. Adjacent stretches may have one offset.
  Period period(sys_seconds instant) const;
  local_seconds local(sys_seconds instant) const;
  Reading reading(local_seconds local) const;

 private:
  Period period_by_rule(sys_seconds instant) const;

  friend bool operator==(const Zone& a, const Zone& b) {
    return a.name_ == b.name_ && a.first_offset_ == b.first_offset_ && a.changes_ == b.changes_ &&
           a.rule() == b.rule();
  }

  std::string name_;
  seconds first_offset_{0};        // before the first change
  std::vector<Change> changes_;    // ascending
  std::optional<PosixRule> rule_;  // after the last change
};

/// RFC 3339 with the offset of the zone at that time: "2026-03-29T03:00:00+02:00".
std::string format(sys_seconds instant, const Zone& zone);
/// "2026-03-29 02:30", and the seconds where there are some.
std::string format(local_seconds local);

}  // namespace rbk::timing
