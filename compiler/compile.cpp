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

}  // namespace rbk::compiler
