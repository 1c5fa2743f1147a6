#include "vm/bytecode/signals.h"

#include <algorithm>

#include "vm/bytecode/op_table.h"

namespace rbk::bytecode {

std::vector<Signal> signals_of(const Program& program) {
  std::vector<Signal> found;
  for (const Function& function : program.functions) {
    for (size_t pc = 0; pc < function.code.size(); pc += info(function.code[pc].op).words()) {
      const Instruction& at = function.code[pc];
      if (at.op != Op::kWaitSignal) continue;
      const std::string& name = program.constants[at.b].text;
      const bool known = std::any_of(found.begin(), found.end(),
                                     [&](const Signal& one) { return one.name == name; });
      if (!known) found.push_back({name, program.types[at.c].fields[0].type});
    }
  }
  return found;
}

}  // namespace rbk::bytecode
