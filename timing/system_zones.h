// The time zones that a system has: its folder of TZif files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "timing/zone.h"

namespace rbk::timing {

/// The zone of that name ("Europe/Berlin"), from $TZDIR or /usr/share/zoneinfo. "UTC" is always
/// there. kNotFound if the system has no such zone, or none at all, which its cure says; kCorrupt
/// if its file is none of a zone. Safe from any thread.
Result<Zone> system_zone(std::string_view name);

/// The names of all zones of the system, sorted. Empty if it has none.
std::vector<std::string> system_zone_names();

}  // namespace rbk::timing
