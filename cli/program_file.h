// From `FILE[:RUNBOOK]` to a program: compiles a `.rbk`, loads an `.rbkc`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/project.h"
#include "cli/terminal.h"
#include "compiler/compile.h"

namespace rbk::cli {

struct Target {
  std::string file;
  std::string runbook;  // empty: the only public one
};

/// Splits at the last colon, if what stands before it is a runbook's or a program's file name.
Target parse_target(std::string_view text);

/// How the compiler finds standard modules and imported files, whose paths are relative to the
/// root.
check::Options compile_options(const Project& project, bool strict = false);

struct Loaded {
  std::shared_ptr<const bytecode::Program> program;  // null: its errors were printed
  std::optional<compiler::Compiled> compiled;        // of a .rbk
};

/// Prints the diagnostics of a .rbk if one of them is an error. Fails if the file cannot be read or
/// the .rbkc is no program.
Result<Loaded> load_program(const Terminal& terminal, const Project& project,
                            const std::string& file);

/// The file parsed and checked, nothing more; none if it has errors, which were printed. `-` is
/// standard input. kInvalid of an .rbkc, whose text is gone.
Result<std::unique_ptr<check::CheckedProgram>> load_checked(const Terminal& terminal,
                                                            const Project& project,
                                                            const std::string& file);

/// The runbook that the target names, else the only public one. kNotFound and kInvalid list those
/// that exist.
Result<const bytecode::Runbook*> choose_runbook(const bytecode::Program& program,
                                                const Target& target);

void print_diagnostic(const Terminal& terminal, const diagnostics::Diagnostic& one,
                      const source::SourceSet& sources);

/// Prints each, to `out` as JSON or to `err` as pictures.
void print_diagnostics(const Terminal& terminal, const check::CheckedProgram& checked,
                       bool only_errors);

}  // namespace rbk::cli
