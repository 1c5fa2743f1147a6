// The machine stands alone: it runs a program without compiler, engine or actions.
#include "vm/machine.h"

int main() {
  using namespace rbk;
  bytecode::Program program;
  bytecode::Function function;
  function.name = "main";
  function.code = {{bytecode::Op::kReturnNothing, 0, 0, 0}};
  program.functions.push_back(std::move(function));
  bytecode::Runbook runbook;
  runbook.name = "main";
  program.runbooks.push_back(std::move(runbook));
  if (!bytecode::verify(program)) return 1;
  vm::Machine machine(std::make_shared<const bytecode::Program>(std::move(program)), {});
  const auto turn = machine.deliver({0, vm::event::Started{}});
  return turn && turn->ending && machine.ended() ? 0 : 1;
}
