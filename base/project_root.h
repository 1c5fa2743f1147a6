// Where a project is.
#pragma once

#include <string>

namespace rbk {

/// The nearest folder upwards from this absolute one, itself included, that holds a `runbook.toml`;
/// without one, the folder itself.
std::string project_root(const std::string& folder);

}  // namespace rbk
