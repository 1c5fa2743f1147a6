// Own actions as a program declares them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/action.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

/// Of the program's action with this index; with an empty path if that is no own action.
OwnProgram own_program(const std::shared_ptr<const bytecode::Program>& program, uint32_t action);

/// The kinds of errors that the language itself has, as stdlib/core.rbk declares them: no program
/// raises one of them but Failed.
std::span<const std::string_view> core_error_kinds();

}  // namespace rbk::engine
