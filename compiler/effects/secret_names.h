// Which secrets an expression may bring: through names, both arms of a condition, and functions.
#pragma once

#include <string>
#include <vector>

#include "compiler/effects/texts.h"

namespace rbk::effects {

/// Whether a value of this type is a secret, or has one in it.
bool may_hold_secret(const check::CheckedProgram& program, check::TypeId type);

/// As people know them: `secrets.lb_token`, a parameter's name; each once.
std::vector<std::string> secret_names(const Texts& texts, syntax::ExprId value);

}  // namespace rbk::effects
