// What a worker says: one line an event, each with its time and its run, or one JSON object.
#pragma once

#include <memory>

#include "cli/terminal.h"
#include "engine/engine.h"

namespace rbk::cli {

/// Without what commands print: that is in the runs' logs.
std::unique_ptr<engine::WorkObserver> work_report(const Terminal& terminal);

}  // namespace rbk::cli
