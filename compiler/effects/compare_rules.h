// Which rules came, went, or say something else. Of this folder only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/effects/compare.h"

namespace rbk::effects {

using Aspects = std::vector<std::pair<std::string, std::string>>;

/// Empty if it is not there.
std::string value_of(const Aspects& all, const std::string& name);

/// Rules have no names: of those of one kind in one place the equal ones belong together, then
/// those that say the same under other conditions, then whatever is left in its order.
std::vector<Change> compare_rules(const std::vector<Rule>& before, const std::vector<Rule>& after);

}  // namespace rbk::effects
