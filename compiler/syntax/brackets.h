// Finds where declarations begin, and repairs brackets before anything is parsed: a lost one is one
// error, and what follows keeps its place. Indentation decides; nothing is moved where the text is
// in order.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/token.h"

namespace rbk::syntax {

/// Brackets may nest so deep, the `<` of types included.
inline constexpr size_t kMaxNesting = 200;

/// Marks the tokens that begin a declaration on column 1 (`decl_start`), and returns the tokens
/// with every bracket paired: lost ones are put in as `missing`, stray ones left out, each with an
/// error.
std::vector<Token> balance(const source::Source& source, std::vector<Token> tokens,
                           std::vector<SyntaxError>& errors);

}  // namespace rbk::syntax
