// Workers, for people and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace rbk::cli {

/// {labels: ["dc-fra"], only_labelled: false}
boost::json::object placements_json(const std::vector<std::string>& placements);
/// ", also on runs for "dc-fra"", ", only on runs for "dc-fra""; empty for who has no label.
std::string placements_text(const std::vector<std::string>& placements);

/// {process, started, labels, only_labelled}
boost::json::object worker_json(const engine::Worker& worker);
std::string worker_table(const std::vector<engine::Worker>& workers);

}  // namespace rbk::cli
