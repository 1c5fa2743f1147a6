// From a checked program to bytecode. Knows the meaning of every form; touches no file.
#pragma once

#include "base/result.h"
#include "compiler/check/checked.h"
#include "vm/bytecode/program.h"

namespace rbk::lower {

/// `checked` must hold no error. The program passes bytecode::verify. kLimit: more registers,
/// constants or types than an instruction can name; kInternal: a fault of ours, with the place.
Result<bytecode::Program> lower(const check::CheckedProgram& checked);

}  // namespace rbk::lower
