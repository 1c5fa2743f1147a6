#include "engine/schedule_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace rbk::engine {

using timing::Closing;
using timing::Firing;
using timing::seconds;
using timing::sys_seconds;
using Fate = Occurrence::Fate;

namespace {

constexpr int64_t kMicroseconds = 1'000'000;
constexpr int64_t kDay = 86'400 * kMicroseconds;
/// Of firings that were missed in a row so many stand by themselves, the others in one row.
constexpr size_t kMostRecords = 100;
/// So many occurrences are looked at for one move.
constexpr size_t kMostLookedAt = 20'000;

int64_t time_of(sys_seconds at) { return at.time_since_epoch().count() * kMicroseconds; }

std::string name_of(const timing::Timing& timing, const Firing& firing) {
  const auto* cron = std::get_if<timing::CronIn>(&timing.rules.at(firing.rule));
  return cron == nullptr ? "UTC" : cron->zone.name();
}

}  // namespace

timing::sys_seconds instant(int64_t time) {
  return std::chrono::floor<seconds>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(time)));
}

std::string closed_text(const timing::Calendar& calendar, const timing::Calendar::Closed& closed) {
  std::string text = fmt::format(
      "`{}` is closed{}", calendar.name(),
      closed.end ? " until " + timing::format(*closed.end, calendar.zone()) : " for ever");
  if (!closed.why.empty()) text += ": " + closed.why;
  return text;
}

FiringRow firing_row(const timing::Timing& timing, const Firing& firing) {
  FiringRow row;
  row.zone = name_of(timing, firing);
  row.nominal = firing.nominal.time_since_epoch().count();
  row.fold = firing.clock == Firing::Clock::kSecond ? 1 : 0;
  row.at = time_of(firing.at);
  return row;
}

// ---- Occurrences

Occurrences::Occurrences(const timing::Timing& timing, sys_seconds after) : timing_(&timing) {
  if (!timing.closings.empty()) {
    plain_.rules = timing.rules;
    due_ = timing::next_firing(plain_, after);
  }
  fires_ = timing::next_firing(timing, after);
}

/// What the calendars do with a firing that they do not let be at its time.
Occurrence Occurrences::held_back(const Firing& firing) const {
  Occurrence made{firing, Fate::kSkipped, {}};
  const Closing* delays = nullptr;
  std::optional<timing::Calendar::Closed> until;
  for (const Closing& one : timing_->closings) {
    const auto closed = one.calendar.closed(firing.at);
    if (!closed) continue;
    if (one.then == Closing::Then::kSkip) {
      made.why = closed_text(one.calendar, *closed);
      return made;
    }
    if (delays == nullptr) delays = &one, until = closed;
  }
  if (delays == nullptr) {
    made.why = "another one, which was held back, fires at this time";
    return made;
  }
  made.why = closed_text(delays->calendar, *until);
  const auto first = timing::next_firing(plain_, until->begin - seconds(1));
  if (first && first->at == firing.at && until->end)
    made.fate = Fate::kDelayed;
  else if (until->end)
    made.why += "; it fires once when that opens";
  return made;
}

std::optional<Occurrence> Occurrences::next() {
  const bool both = due_ && fires_ && due_->at == fires_->at && due_->nominal == fires_->nominal;
  if (due_ && !both && (!fires_ || due_->at <= fires_->at)) {
    Occurrence made = held_back(*due_);
    due_ = timing::next_firing(plain_, due_->at);
    return made;
  }
  if (!fires_) return std::nullopt;
  Occurrence made{*fires_, Fate::kFires, {}};
  if (both) due_ = timing::next_firing(plain_, due_->at);
  fires_ = timing::next_firing(*timing_, fires_->at);
  return made;
}

// ---- Moves

std::optional<int64_t> next_due(const timing::Timing& timing, int64_t watermark) {
  const auto next = Occurrences(timing, instant(watermark)).next();
  if (!next) return std::nullopt;
  return time_of(next->firing.at);
}

namespace {

class Planner {
 public:
  Planner(const ScheduleRules& rules, const ScheduleFacts& state) : rules_(rules), state_(state) {
    move_.watermark = state.watermark;
  }

  ScheduleMove plan() {
    if (state_.queued && state_.busy.empty()) {
      move_.start = state_.queued;
      move_.start->outcome = FiringRow::Outcome::kStarted;
      if (move_.start->kind != FiringRow::Kind::kBackfill)
        move_.start->why = "it waited for the run before it";
      move_.due = next_due(rules_.timing, state_.watermark);
      return move_;
    }
    look();
    if (!move_.start) skip_missed(std::nullopt);
    // Whoever waits for its turn is asked about when the run that goes on has ended.
    move_.due = next_due(rules_.timing, move_.watermark);
    return move_;
  }

 private:
  void look() {
    Occurrences occurrences(rules_.timing, instant(state_.watermark));
    size_t looked_at = 0;
    for (auto one = occurrences.next(); one; one = occurrences.next()) {
      const int64_t at = time_of(one->firing.at);
      if (at > state_.now) return;
      if (++looked_at > kMostLookedAt && cut() > at) {
        occurrences = Occurrences(rules_.timing, instant(cut() - kMicroseconds));
        jumped_ = true;
        looked_at = 0;
        move_.watermark = cut() - kMicroseconds;
        continue;
      }
      if (looked_at > kMostLookedAt) return;
      if (!deal(*one, at)) return;
      move_.watermark = at;
    }
  }

  /// Before that nothing is started, however many were missed.
  int64_t cut() const {
    if (rules_.missed == ScheduleRow::Missed::kSkip)
      return std::min(state_.there_since, state_.now - kOnTime);
    if (rules_.missed_within) return state_.now - *rules_.missed_within;
    return rules_.missed == ScheduleRow::Missed::kRunOnce ? state_.now - kDay : 0;
  }

  bool is_missed(int64_t at) const { return at < state_.there_since && state_.now - at > kOnTime; }

  /// False: the next move goes on with it.
  bool deal(const Occurrence& one, int64_t at) {
    FiringRow row = firing_row(rules_.timing, one.firing);
    row.time = state_.now;
    if (one.fate != Fate::kFires) {
      row.outcome =
          one.fate == Fate::kDelayed ? FiringRow::Outcome::kDelayed : FiringRow::Outcome::kSkipped;
      row.why = one.why;
      move_.records.push_back(std::move(row));
      return true;
    }
    if (!is_missed(at)) {
      // What was missed before it is made up for by it, too.
      if (rules_.missed != ScheduleRow::Missed::kRunAll) skip_missed(row);
      start(std::move(row), false);
      return !move_.start.has_value();
    }
    const bool too_old = rules_.missed_within && state_.now - at > *rules_.missed_within;
    if (rules_.missed == ScheduleRow::Missed::kRunAll && !too_old) {
      skip_missed(std::nullopt);
      start(std::move(row), true);
      return !move_.start.has_value();
    }
    missed_.push_back({std::move(row), too_old});
    return true;
  }

  /// Those that were missed are told of, but for the last, if it is to be made up for and no later
  /// one is.
  void skip_missed(const std::optional<FiringRow>& later) {
    if (missed_.empty()) return;
    std::optional<FiringRow> made_up;
    if (rules_.missed == ScheduleRow::Missed::kRunOnce && !later && !missed_.back().too_old) {
      made_up = std::move(missed_.back().row);
      missed_.pop_back();
    }
    for (size_t i = 0; i < missed_.size(); ++i) {
      FiringRow& row = missed_[i].row;
      row.outcome = FiringRow::Outcome::kSkipped;
      row.why = "missed: no worker was there";
      if (rules_.missed == ScheduleRow::Missed::kRunOnce && (made_up || later))
        row.why += "; a later one makes up for it";
      else if (missed_[i].too_old)
        row.why += fmt::format(", and it is older than {}", format_duration(*rules_.missed_within));
      if (i + 1 < kMostRecords || missed_.size() <= kMostRecords) {
        move_.records.push_back(std::move(row));
        continue;
      }
      FiringRow rest = std::move(row);
      rest.count = static_cast<int64_t>(missed_.size() - i);
      rest.last = missed_.back().row.at;
      if (jumped_) rest.why += "; of so many not all were counted";
      move_.records.push_back(std::move(rest));
      break;
    }
    missed_.clear();
    if (made_up) start(std::move(*made_up), true);
  }

  void start(FiringRow row, bool was_missed) {
    if (was_missed) row.why = "it was missed, and is made up for";
    if (state_.busy.empty()) {
      row.outcome = FiringRow::Outcome::kStarted;
      move_.watermark = std::max(move_.watermark, row.at);
      move_.start = std::move(row);
      return;
    }
    const std::string busy = fmt::format("run {} goes on still", state_.busy);
    if (rules_.overlap == ScheduleRow::Overlap::kSkip && !was_missed) {
      row.outcome = FiringRow::Outcome::kSkipped;
      row.why = busy;
      move_.records.push_back(std::move(row));
      return;
    }
    row.outcome = FiringRow::Outcome::kQueued;
    row.why = busy;
    if (rules_.overlap == ScheduleRow::Overlap::kCancelRunning) {
      move_.cancels = true;
      for (FiringRow& earlier : move_.records) {
        if (earlier.outcome != FiringRow::Outcome::kQueued) continue;
        earlier.outcome = FiringRow::Outcome::kSkipped;
        earlier.why = "a later one took its place";
      }
    }
    move_.records.push_back(std::move(row));
  }

  struct Missing {
    FiringRow row;
    bool too_old = false;
  };
  const ScheduleRules& rules_;
  const ScheduleFacts& state_;
  ScheduleMove move_;
  std::vector<Missing> missed_;
  bool jumped_ = false;
};

}  // namespace

ScheduleMove next_move(const ScheduleRules& rules, const ScheduleFacts& state) {
  return Planner(rules, state).plan();
}

}  // namespace rbk::engine
