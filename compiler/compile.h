// The compiler's front door: text in; diagnostics and a program out.
#pragma once

#include <optional>
#include <string>

#include "compiler/check/checked.h"
#include "vm/bytecode/program.h"

namespace rbk::compiler {

struct Compiled {
  check::CheckedProgram checked;
  std::optional<bytecode::Program> program;  // none if the diagnostics hold an error
};

/// Fails only for what is no fault of the text: kLimit, kInternal.
Result<Compiled> compile(std::string path, std::string text, const check::Options& options);

/// What a schedule starts.
struct ScheduledStart {
  bytecode::Program program;
  std::string runbook;
  /// The same, but that the defaults of that runbook are the schedule's arguments:
  /// vm::check_parameters gives them.
  bytecode::Program with_arguments;
};

/// Of a schedule of a program that has no errors. Errors as of `compile`.
Result<ScheduledStart> compile_schedule(const check::CheckedProgram& checked,
                                        const check::Schedule& schedule);

}  // namespace rbk::compiler
