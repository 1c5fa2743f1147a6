// Folds a run's news into the steps that people see.
#pragma once

#include <vector>

#include "engine/engine.h"

namespace rbk::engine {

/// In the order in which the steps began. `status` is the run's: what still runs in a run that is
/// in doubt or over is told apart by it.
std::vector<StepDetail> steps_of(const std::vector<News>& timeline, RunStatus status);

}  // namespace rbk::engine
