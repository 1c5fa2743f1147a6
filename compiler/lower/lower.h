// From a checked program to bytecode. Knows the meaning of every form; touches no file.
#pragma once

#include "base/result.h"
#include "compiler/check/checked.h"
#include "vm/bytecode/program.h"

namespace rbk::lower {

/// `checked` must hold no error. The program passes bytecode::verify. kLimit: more registers,
/// constants or types than an instruction can name; kInternal: a fault of ours, with the place.
Result<bytecode::Program> lower(const check::CheckedProgram& checked);

struct LoweredSchedule {
  bytecode::Program program;
  std::string runbook;  // its name there
};

/// The program that has the runbook of a schedule: the same as `lower` gives where that is of the
/// main file. `with_arguments`: its parameters have the schedule's arguments as their defaults.
Result<LoweredSchedule> lower_schedule(const check::CheckedProgram& checked,
                                       const check::Schedule& schedule, bool with_arguments);

}  // namespace rbk::lower
