// Nothing that an attempt tells shows a secret.
#pragma once

#include <memory>

#include "base/masking.h"
#include "engine/action.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

/// Masks log lines, outputs, messages and fields of errors, and hands them on to `sink`.
std::shared_ptr<AttemptSink> masking_sink(std::shared_ptr<AttemptSink> sink,
                                          std::shared_ptr<const Masks> masks,
                                          std::shared_ptr<const bytecode::Program> program,
                                          bytecode::TypeId output);

}  // namespace rbk::engine
