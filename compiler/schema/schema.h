// JSON Schema (2020-12) of what a runbook takes and gives.
#pragma once

#include <boost/json/object.hpp>

#include "compiler/check/checked.h"

namespace rbk::schema {

/// The root describes the JSON object of the parameters, as `rbk run --params` takes it; the output
/// is `#/$defs/output`, if there is one. What a condition says beyond JSON Schema stands as it is
/// written in `x-runbook-where`. `runbook` must be a runbook of the program, which must have no
/// errors.
boost::json::object schema_of(const check::CheckedProgram& program, check::SymbolId runbook);

}  // namespace rbk::schema
