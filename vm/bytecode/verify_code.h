// The part of `verify` that looks into one function.
#pragma once

#include "vm/bytecode/program.h"

namespace rbk::bytecode {

/// Types, constants, natives, steps and actions must have been verified before.
Status verify_function(const Program& program, uint32_t index);

}  // namespace rbk::bytecode
