#include "compiler/lower/lower.h"

#include "compiler/lower/program_lowering.h"

namespace rbk::lower {

Result<bytecode::Program> lower(const check::CheckedProgram& checked) {
  if (checked.diagnostics.has_errors()) {
    return fail(ErrorKind::kInternal, "a program with errors cannot be lowered",
                "look at its diagnostics first");
  }
  return ProgramLowering(checked).run();
}

Result<LoweredSchedule> lower_schedule(const check::CheckedProgram& checked,
                                       const check::Schedule& schedule, bool with_arguments) {
  if (checked.diagnostics.has_errors()) {
    return fail(ErrorKind::kInternal, "a program with errors cannot be lowered",
                "look at its diagnostics first");
  }
  ProgramLowering lowering(checked);
  auto program = lowering.run_schedule(schedule, with_arguments);
  if (!program) return tl::unexpected(program.error());
  return LoweredSchedule{std::move(*program), lowering.full_name(schedule.runbook)};
}

}  // namespace rbk::lower
