// Reads `runbook.toml`. The one place that knows TOML.
#pragma once

#include <string>

#include "base/result.h"

namespace rbk::cli {

struct Project;

/// Fills in all of the project but its root. kInvalid names line and key; an unknown
/// section or key is an error, with the nearest known one.
Status read_config(const std::string& path, Project& project);

}  // namespace rbk::cli
