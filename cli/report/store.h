// What `rbk store` says, for people and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/acceptance.h"
#include "engine/retention.h"
#include "engine/store_check.h"

namespace rbk::cli {

/// Two lines: what is wrong, and its cure.
std::string finding_text(const engine::Finding& finding);
boost::json::object finding_json(const engine::Finding& finding);

/// What was looked at, and how many findings there are.
std::string check_text(const engine::StoreCheck& check, const std::string& place);
boost::json::object check_json(const engine::StoreCheck& check, const std::string& place);

/// Of a run that is gone with all that hung on it; `would`: that would go.
std::string removed_text(const engine::RemovedTree& tree, bool would);
boost::json::object removed_json(const engine::RemovedTree& tree, bool would);

/// All of them together, and what stays although it is old enough.
std::string retained_text(const engine::Retained& retained, bool would);
boost::json::object retained_json(const engine::Retained& retained, bool would);

/// Of a run that the store holds: how it stood, what it did last, what was under way then.
std::string held_text(const engine::HeldRun& run);
boost::json::object held_json(const engine::HeldRun& run);

/// Of a schedule that it holds: up to when it has fired, and what comes first.
std::string held_text(const engine::ScheduleRow& schedule);
boost::json::object held_json(const engine::ScheduleRow& schedule);

/// What the store holds, and why.
std::string hold_text(const engine::Hold& hold, const std::string& place);
boost::json::object hold_json(const engine::Hold& hold, const std::string& place,
                              std::string_view event);

/// "37.2 MiB", "512 B".
std::string size_text(int64_t bytes);

}  // namespace rbk::cli
