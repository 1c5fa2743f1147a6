// The signals that a program waits for.
#pragma once

#include <string>
#include <vector>

#include "vm/bytecode/program.h"

namespace rbk::bytecode {

struct Signal {
  std::string name;
  TypeId type = 0;  // of what it brings
  friend bool operator==(const Signal&, const Signal&) = default;
};

/// Each name once, in the order of the functions. Every wait for one name has one type: the
/// compiler sees to it, and the first one counts in a program that somebody else made.
std::vector<Signal> signals_of(const Program& program);

}  // namespace rbk::bytecode
