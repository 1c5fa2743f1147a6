// What layout asks of a token's kind.
#pragma once

#include "compiler/syntax/token.h"

namespace rbk::syntax {

/// After one of these a line goes on.
bool joins_next_line(TokenKind kind);
/// Opens a statement and is never part of a value.
bool opens_statement_only(TokenKind kind);
/// Goes on after a block's `}` on the same line.
bool follows_block(TokenKind kind);
/// Something that stands before may end here: an `if` after it is a guard.
bool ends_operand(TokenKind kind);
/// Opens a statement or value with a head up to its `{`.
bool opens_head(TokenKind kind);

}  // namespace rbk::syntax
