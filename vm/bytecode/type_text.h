// Types as messages and listings show them.
#pragma once

#include <string>

#include "vm/bytecode/program.h"

namespace rbk::bytecode {

/// "list<string>?", "map<string, int>", a record's name; "nothing" for kNone.
std::string type_text(const Program& program, TypeId type);

}  // namespace rbk::bytecode
