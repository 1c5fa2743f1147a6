#include "compiler/compile.h"

#include <utility>

#include "compiler/lower/lower.h"

namespace rbk::compiler {

Result<Compiled> compile(std::string path, std::string text, const check::Options& options) {
  Compiled compiled;
  compiled.checked = check::check(std::move(path), std::move(text), options);
  if (compiled.checked.diagnostics.has_errors()) return compiled;
  auto program = lower::lower(compiled.checked);
  if (!program) return tl::unexpected<Error>(std::move(program.error()));
  compiled.program = std::move(*program);
  return compiled;
}

Result<ScheduledStart> compile_schedule(const check::CheckedProgram& checked,
                                        const check::Schedule& schedule) {
  auto program = lower::lower_schedule(checked, schedule, false);
  if (!program) return tl::unexpected(program.error());
  auto with_arguments = lower::lower_schedule(checked, schedule, true);
  if (!with_arguments) return tl::unexpected(with_arguments.error());
  return ScheduledStart{std::move(program->program), std::move(program->runbook),
                        std::move(with_arguments->program)};
}

}  // namespace rbk::compiler
