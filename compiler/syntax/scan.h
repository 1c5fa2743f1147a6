// Cuts a file's text into tokens and comments. Strings come in pieces around their `${}`; newlines
// are only marked, their meaning is the layout's matter.
#pragma once

#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/ast.h"
#include "compiler/syntax/parse.h"
#include "compiler/syntax/token.h"

namespace rbk::syntax {

struct Scanned {
  std::vector<Token> tokens;
  std::vector<Comment> comments;
};

/// Never fails. Every STR_BEGIN has its STR_END and every INTERP_BEGIN its INTERP_END, put in where
/// the text lacks them. Errors are appended in the order of the text.
Scanned scan(const source::Source& source, std::vector<SyntaxError>& errors);

/// Nothing of a larger file is read; `errors` says so.
inline constexpr uint32_t kMaxFileBytes = 8u << 20;
/// The longest token, text of a string included.
inline constexpr uint32_t kMaxTokenBytes = 4u << 20;

}  // namespace rbk::syntax
