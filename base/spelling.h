// Which known name somebody may have meant.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace rbk {

/// How many insertions, deletions, substitutions and swaps of neighbours lead from one text to the
/// other, counted in bytes (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `name`, if it is near enough to have been meant: a third of the length
/// may differ, at least one letter; upper and lower case count as equal. Empty if none is. Of
/// equally near ones the first.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace rbk
