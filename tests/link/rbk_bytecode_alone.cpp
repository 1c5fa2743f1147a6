// The bytecode stands alone: it saves, loads and shows programs without the machine.
#include "vm/bytecode/program.h"

int main() {
  const rbk::bytecode::Program empty;
  const auto loaded = rbk::bytecode::load(rbk::bytecode::save(empty));
  return loaded && *loaded == empty && rbk::bytecode::disassemble(*loaded).empty() ? 0 : 1;
}
