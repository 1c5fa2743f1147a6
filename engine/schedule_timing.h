// When a schedule fires, as the store keeps it: its crons with the names of their zones, its
// periods, its calendars. The rules of zones are those of the system when it is read: a schedule
// promises what a clock shows, whatever becomes of that clock.
//
//   {"rules": [{"cron": "0 4 * * *", "zone": "Europe/Berlin"}, {"every": 900}],
//    "outside": [{"then": "delay", "calendar": {"name": "freeze", "zone": "Europe/Berlin", "rules":
//    [
//      {"begin": 1797724800, "end": 1798934400, "why": "year end"},
//      {"weekdays": 32, "from": 57600, "to": 86400}]}}]}
//
// Dates are readings, in seconds since 1970 by the zone's clock; periods and times of day are
// seconds; bit n of the weekdays is weekday n, 0 is Sunday.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "timing/firing.h"

namespace rbk::engine {

/// Gives the time zone of a name: timing::system_zone.
using ZoneSource = std::function<Result<timing::Zone>(std::string_view)>;

std::string timing_json(const timing::Timing& timing);

/// kCorrupt if it is none; what `zones` fails with.
Result<timing::Timing> parse_timing(std::string_view json, const ZoneSource& zones);

/// `cron "0 4 * * *" in "Europe/Berlin", every 15m, outside freeze then delay`.
std::string timing_text(const timing::Timing& timing);

}  // namespace rbk::engine
