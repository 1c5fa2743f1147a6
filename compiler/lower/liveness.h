// Which registers are still read after each instruction at which the machine may wait: what a
// snapshot has to keep of a frame.
#pragma once

#include <span>
#include <utility>

#include "vm/bytecode/program.h"

namespace rbk::lower {

/// Fills `function.safepoints` by a backward pass over the finished code; the edges to handlers
/// count. `runs` gives the length of each S operand by pc, ascending. Calls are safepoints, since
/// the called function may wait, unless the function is pure.
void add_safepoints(bytecode::Function& function,
                    std::span<const std::pair<uint32_t, uint16_t>> runs);

}  // namespace rbk::lower
