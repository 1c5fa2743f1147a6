// The manifest that `--manifest FILE` names: what a run may reach, as `rbk check --effects --json`
// wrote it, or as somebody narrowed it since.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/program_file.h"
#include "vm/bytecode/program.h"

namespace rbk::cli {

/// The runbook's object of a file. kNotFound lists the runbooks that it has; kInvalid says what of
/// it can't be read, by its line or its field.
Result<bytecode::Manifest> read_manifest(const std::string& file, const std::string& runbook);

/// The program with the manifest in it, which its runs are held to. kRefused: its text, as far as
/// it is there and known before a run, reaches past it; by the first things that do.
Result<std::shared_ptr<const bytecode::Program>> held_to(const Loaded& loaded,
                                                         const std::string& runbook,
                                                         const bytecode::Manifest& manifest);

}  // namespace rbk::cli
