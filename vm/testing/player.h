// Plays a run as bytes say: starts it, answers what it asks for, cancels it, rolls it back. After
// every event the machine is compared with one that was restored from a snapshot before it. For
// fuzz targets: ends the process when they differ.
#pragma once

#include <memory>
#include <string_view>

#include "vm/machine.h"

namespace rbk::vm::testing {

/// Small limits, so that hostile programs end soon.
Limits small_limits();

/// Starts the program's first runbook, with arguments made up by their types. False: it has none.
bool start(Machine& machine, const bytecode::Program& program);

/// `bytes` choose what happens next, one each, until they or `most` are used up or the run ends.
void play(Machine& machine, const std::shared_ptr<const bytecode::Program>& program,
          std::string_view bytes, int most);

}  // namespace rbk::vm::testing
