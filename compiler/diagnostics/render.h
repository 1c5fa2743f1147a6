// Diagnostics for people, on a terminal, and for programs, as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "compiler/diagnostics/diagnostic.h"

namespace rbk::diagnostics {

/// The header, the picture of its places, the hint and what its fixes would change; ends with a
/// newline. Spans may lie in any file of the set.
std::string render(const Diagnostic& diagnostic, const source::SourceSet& sources, bool colour);

/// {code, severity, message, file, line, column, end_line, end_column, label, related: [{file,
/// line, column, end_line, end_column, text}], hint, fixes: [{title, applicability, edits: [{file,
/// line, column, end_line, end_column, begin, end, text}]}]}. Lines and columns are counted from 1,
/// columns, `begin` and `end` in bytes; ends point past the last byte.
boost::json::object to_json(const Diagnostic& diagnostic, const source::SourceSet& sources);

/// "2 errors, 1 warning"; empty when there is neither.
std::string count_text(size_t errors, size_t warnings);

}  // namespace rbk::diagnostics
