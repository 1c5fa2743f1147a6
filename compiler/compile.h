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

}  // namespace rbk::compiler
