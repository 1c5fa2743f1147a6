// Calendars that hold a runbook back: when its run starts, and when another one calls it.
#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "vm/execution.h"

namespace rbk::vm {

namespace {

std::optional<ClosedOut> closed_at(const timing::Calendar& calendar, int64_t time) {
  using std::chrono::microseconds;
  const auto at = std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<microseconds>(microseconds(time)));
  const auto closed = calendar.closed(at);
  if (!closed) return std::nullopt;
  ClosedOut out{calendar.name(), closed->why, std::nullopt, {}};
  out.message = fmt::format("`{}` is closed", calendar.name());
  if (closed->end) {
    out.until = microseconds(closed->end->time_since_epoch()).count();
    out.message += " until " + timing::format(*closed->end, calendar.zone());
  }
  if (!closed->why.empty()) out.message += ": " + closed->why;
  return out;
}

bool is_overridden(const std::vector<std::string>& overrides, const timing::Calendar& calendar) {
  return std::find(overrides.begin(), overrides.end(), calendar.name()) != overrides.end();
}

}  // namespace

std::vector<ClosedOut> closed_out(const bytecode::Program& program,
                                  const bytecode::Runbook& runbook, int64_t time,
                                  const std::vector<std::string>& overrides) {
  std::vector<ClosedOut> found;
  for (const uint32_t index : runbook.outside) {
    const timing::Calendar& calendar = program.calendars.at(index);
    if (is_overridden(overrides, calendar)) continue;
    if (auto closed = closed_at(calendar, time)) found.push_back(std::move(*closed));
  }
  return found;
}

/// The zone's rules are the program's own: a replay finds what the run found.
Next Execution::op_Outside(Slot*, const Instruction* at) {
  const timing::Calendar& calendar = image_.program().calendars[at->a];
  // What undoes or ends a run is not held back: half of a change is worse than one in a freeze.
  if (fiber_->shield > 0 || is_overridden(info_.overrides, calendar)) return Next::kNext;
  const auto closed = closed_at(calendar, now_);
  if (!closed) return Next::kNext;
  ErrorValue error{"Closed", closed->message, true, {}};
  error.fields["calendar"] = closed->calendar;
  error.fields["reason"] = closed->why;
  if (closed->until) error.fields["opens"] = format_time(*closed->until);
  return raise(make_error(error));
}

}  // namespace rbk::vm
