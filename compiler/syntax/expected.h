// The words of a syntax error: what was expected, after what, what stands there, and the cure.
#pragma once

#include <antlr4-runtime.h>

#include "compiler/syntax/parse.h"
#include "compiler/syntax/token_stream.h"

namespace rbk::syntax {

/// The error for the stream's next token, which is none of `expected`.
SyntaxError unexpected_token(antlr4::Parser& parser, DeclStream& stream,
                             const antlr4::misc::IntervalSet& expected);

}  // namespace rbk::syntax
