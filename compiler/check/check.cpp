#include "compiler/check/checked.h"
#include "compiler/check/program_checker.h"

namespace rbk::check {

CheckedProgram check(std::string path, std::string text, const Options& options) {
  CheckedProgram program;
  ProgramChecker(program, options).run(std::move(path), std::move(text));
  return program;
}

}  // namespace rbk::check
