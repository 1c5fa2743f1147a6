#include "timing/firing.h"

#include <algorithm>

namespace rbk::timing {

using namespace std::chrono_literals;

namespace {

/// Far enough for 29 February on a given weekday.
constexpr auto kHorizon = std::chrono::years(50);

Firing::Clock clock_of(const Zone::Reading& reading, sys_seconds at) {
  switch (reading.kind) {
    case Zone::Reading::Kind::kOnce:
      return Firing::Clock::kPlain;
    case Zone::Reading::Kind::kSkipped:
      return Firing::Clock::kMoved;
    case Zone::Reading::Kind::kTwice:
      return at == reading.first ? Firing::Clock::kFirst : Firing::Clock::kSecond;
  }
  return Firing::Clock::kPlain;
}

/// Walks along the clock's stretches, each reading as it is shown.
std::optional<Firing> next_of_rhythm(const CronIn& cron, sys_seconds after) {
  sys_seconds from = after;
  while (true) {
    const Zone::Period period = cron.zone.period(from + 1s);
    const auto nominal = cron.cron.next(local_seconds(from.time_since_epoch() + period.offset));
    if (!nominal) return std::nullopt;
    const auto at = sys_seconds(nominal->time_since_epoch() - period.offset);
    if (at < period.end) return Firing{*nominal, at, clock_of(cron.zone.reading(*nominal), at)};
    from = period.end - 1s;
  }
}

std::optional<Firing> next_of(const std::variant<CronIn, seconds>& rule, sys_seconds after) {
  if (const auto* cron = std::get_if<CronIn>(&rule)) return next_firing(*cron, after);
  const seconds every = std::get<seconds>(rule);
  const seconds since = after.time_since_epoch();
  seconds rest = since % every;
  if (rest < 0s) rest += every;
  const sys_seconds at(since - rest + every);
  return Firing{local_seconds(at.time_since_epoch()), at, Firing::Clock::kPlain};
}

struct Closed {
  Closing::Then then;
  std::optional<sys_seconds> opens;
};

/// What keeps the firing from its time: rather what skips it than what delays it.
std::optional<Closed> closed_for(const Firing& firing, const std::vector<Closing>& closings) {
  std::optional<Closed> found;
  for (const Closing& one : closings) {
    const auto closed = one.calendar.closed(firing.at);
    if (!closed) continue;
    if (one.then == Closing::Then::kSkip) return Closed{one.then, closed->end};
    if (!found) found = Closed{one.then, closed->end};
  }
  return found;
}

/// Where to look from: what fell into a closing that goes on then may be delayed beyond it.
sys_seconds begin_of_delays(const std::vector<Closing>& closings, sys_seconds after) {
  sys_seconds from = after;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Closing& one : closings) {
      const auto closed = one.calendar.closed(from);
      if (!closed || one.then != Closing::Then::kDelay) continue;
      if (after - closed->begin > kHorizon) continue;
      from = closed->begin - 1s;
      moved = true;
    }
  }
  return from;
}

}  // namespace

std::optional<Firing> next_firing(const CronIn& cron, sys_seconds after) {
  if (cron.cron.every_hour()) return next_of_rhythm(cron, after);
  local_seconds from = cron.zone.local(after);
  while (const auto nominal = cron.cron.next(from)) {
    const Zone::Reading reading = cron.zone.reading(*nominal);
    if (reading.first > after)
      return Firing{*nominal, reading.first, clock_of(reading, reading.first)};
    from = *nominal;  // it was shown before, when the clocks had not been put back
  }
  return std::nullopt;
}

std::optional<Firing> next_firing(const Timing& timing, sys_seconds after) {
  const sys_seconds horizon = after + kHorizon;
  sys_seconds from = begin_of_delays(timing.closings, after);
  while (true) {
    std::optional<Firing> first;
    for (size_t i = 0; i < timing.rules.size(); ++i) {
      const auto next = next_of(timing.rules[i], from);
      if (!next || (first && next->at >= first->at)) continue;
      first = next;
      first->rule = i;
    }
    if (!first || first->at > horizon) return std::nullopt;
    const std::optional<Closed> closed = closed_for(*first, timing.closings);
    if (!closed && first->at > after) return first;
    if (!closed) {
      from = first->at;
      continue;
    }
    Firing delayed = *first;
    std::optional<Closed> still = closed;
    while (still && still->then == Closing::Then::kDelay && still->opens) {
      delayed.at = *still->opens;
      still = closed_for(delayed, timing.closings);
    }
    if (!still && delayed.at > after) return delayed;
    if (!closed->opens) return std::nullopt;
    // Whatever else falls into this closing has the same fate.
    from = *closed->opens - 1s;
  }
}

}  // namespace rbk::timing
