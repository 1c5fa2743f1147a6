// Placements: which workers a run is for. A run has one, the label of those workers, or none; an
// engine takes the runs of some.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rbk::engine {

/// Whether an engine that takes these takes a run of this placement; "" is that of a run for
/// everybody.
bool takes(const std::vector<std::string>& placements, std::string_view placement);

/// As a store keeps it: a JSON array; empty for {""}, which is what who is no worker takes.
std::string takes_text(const std::vector<std::string>& placements);
std::vector<std::string> takes_of(std::string_view text);

}  // namespace rbk::engine
