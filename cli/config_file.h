// Reads `runbook.toml`. The one place that knows TOML.
#pragma once

#include <string>

#include "base/result.h"

namespace rbk::cli {

struct Project;

/// Fills in `store`, `groups`, `act_as` and `secrets`. kInvalid names line and key; an unknown
/// section or key is an error, with the nearest known one.
Status read_config(const std::string& path, Project& project);

}  // namespace rbk::cli
