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

}  // namespace rbk::lower
