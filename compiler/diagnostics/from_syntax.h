// The parser's errors as diagnostics.
#pragma once

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/syntax/parse.h"

namespace rbk::diagnostics {

Diagnostic from_syntax_error(const syntax::SyntaxError& error);

}  // namespace rbk::diagnostics
