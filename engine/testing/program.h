// Programs for tests, made from a script of one line, without the compiler.
#pragma once

#include <memory>
#include <string>

#include "vm/bytecode/program.h"

namespace rbk::engine::testing {

/// A program with the runbook `main`, which does what the parts of `script`, separated by `;`, say
/// in turn. Each `w NAME`, `r NAME`, `i NAME` is a step that performs the action NAME (writes,
/// reads, idempotent); `v NAME`: writes, on doubt verify; `t NAME`: writes, with a timeout of 200
/// ms. With a number after it, it is done so often. `s MICROS` sleeps; `l WORD` logs; `a NAME
/// [QUORUM]` asks the group sre for approval; the approval `exp` expires after 300 ms; `q NAME`
/// asks the starter a question; `g NAME [MICROS]` waits for a signal that brings an int, so long.
/// The output is the number of steps.
std::shared_ptr<const bytecode::Program> program(const std::string& script);

}  // namespace rbk::engine::testing
