#include "vm/bytecode/program.h"

namespace rbk::bytecode {

Kind Type::kind() const {
  switch (shape) {
    case Shape::kBool:
      return Kind::kBool;
    case Shape::kInt:
      return Kind::kInt;
    case Shape::kFloat:
      return Kind::kFloat;
    case Shape::kDuration:
      return Kind::kDuration;
    case Shape::kSize:
      return Kind::kSize;
    case Shape::kTime:
      return Kind::kTime;
    default:
      return Kind::kRef;
  }
}

const Runbook* Program::find_runbook(std::string_view name) const {
  for (const Runbook& runbook : runbooks) {
    if (runbook.name == name) return &runbook;
  }
  return nullptr;
}

}  // namespace rbk::bytecode
