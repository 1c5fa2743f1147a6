// Schedules and their firings, as people and scripts are shown them.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "engine/schedules.h"

namespace rbk::cli {

/// The fields are a contract: docs/events.md.
boost::json::object schedule_json(const engine::ScheduleSummary& schedule);
boost::json::object firing_json(const engine::FiringSummary& firing);

/// RFC 3339 with the offset of the firing's zone there.
std::string firing_time(const timing::Timing& timing, const timing::Firing& firing);

/// "2026-03-29 02:30 Europe/Berlin started run 3k9", "… skipped: run 3k9 goes on still".
std::string firing_text(const engine::FiringSummary& firing);

/// A table, a line each.
std::string schedules_text(const std::vector<engine::ScheduleSummary>& schedules);
/// All of one: what it starts, when, how it stands.
std::string schedule_text(const engine::ScheduleSummary& schedule);

}  // namespace rbk::cli
