// Values made from a type alone, and values as they are written in the language.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "compiler/lower/test_program.h"

namespace rbk::harness {

/// JSON that reads as the type: a small number, "sample", the first member of an enum, an empty
/// list; what a `where` asks of a field more than that is tried with a few others. Null for a
/// function, and for a record inside of itself.
boost::json::value sample(const bytecode::Program& program, bytecode::TypeId type);

/// Fields for an error of that kind: samples of those that have no default.
boost::json::object sample_error(const lower::TestProgram& tests, const std::string& kind);

/// JSON of that type as text of the language: `http.Response { status: 200 }`, `.prod`, `5m`.
std::string literal(const bytecode::Program& program, bytecode::TypeId type,
                    const boost::json::value& value);

/// A text in quotes.
std::string quoted(std::string_view text);

}  // namespace rbk::harness
