// Gives balanced tokens their meaning by place: which newline ends a statement, which brace holds a
// value, which word is a keyword, a label, a member. After it every choice of the grammar needs one
// token. Also cuts the file into declarations, which are parsed each by itself.
#pragma once

#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/brackets.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/token.h"

namespace rbk::syntax {

/// One declaration's tokens, `[first, last)` of Layout::tokens. Declarations don't depend on each
/// other: any number may be parsed at once.
struct DeclRange {
  size_t first = 0;
  size_t last = 0;
  source::Span span;
  bool readable = true;  // false: no declaration, or nested too deep; reported, not to be parsed
};

struct Layout {
  std::vector<Token> tokens;
  std::vector<DeclRange> decls;  // in the order of the text
};

Layout lay_out(const source::Source& source, const Balanced& balanced,
               std::vector<SyntaxError>& errors);

}  // namespace rbk::syntax
