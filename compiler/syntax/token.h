// A token of the text: what kind, and where. The kinds come from the grammar's vocabulary.
#pragma once

#include <cstdint>

#include "grammar/token_kinds.h"

namespace rbk::syntax {

using grammar::TokenKind;

struct Token {
  TokenKind kind = TokenKind::kNoToken;
  bool line_start = false;  // the first one on its line
  bool decl_start = false;  // on column 1 and reads like a declaration: nothing before it goes on
  bool missing = false;     // not in the text: put in where a bracket or a quote was lost
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// Any word, reserved or not. The vocabulary lists all keywords in one run, from `let` to `json`.
constexpr bool is_word(TokenKind kind) {
  return kind == TokenKind::kName || kind == TokenKind::kUpper ||
         (kind >= TokenKind::kLet && kind <= TokenKind::kJson);
}
/// A word that is a keyword in some places and may be a name in all others.
constexpr bool is_soft(TokenKind kind) {
  return kind >= TokenKind::kAll && kind <= TokenKind::kWrites;
}
/// A word of a step's clause.
constexpr bool is_clause_word(TokenKind kind) {
  return kind >= TokenKind::kTimeout && kind <= TokenKind::kIdempotent;
}
/// A word that never names anything but a member, a label or a key.
constexpr bool is_reserved(TokenKind kind) {
  return (kind >= TokenKind::kLet && kind <= TokenKind::kWhere) || kind == TokenKind::kList ||
         kind == TokenKind::kMap || kind == TokenKind::kJson;
}
constexpr bool is_opener(TokenKind kind) {
  switch (kind) {
    case TokenKind::kLparen:
    case TokenKind::kLbrack:
    case TokenKind::kLbrace:
    case TokenKind::kVbrace:
    case TokenKind::kEbrace:
    case TokenKind::kInterpBegin:
    case TokenKind::kStrBegin:
      return true;
    default:
      return false;
  }
}
constexpr bool is_closer(TokenKind kind) {
  switch (kind) {
    case TokenKind::kRparen:
    case TokenKind::kRbrack:
    case TokenKind::kRbrace:
    case TokenKind::kInterpEnd:
    case TokenKind::kStrEnd:
      return true;
    default:
      return false;
  }
}
/// Opens a declaration at the file's level.
constexpr bool is_decl_word(TokenKind kind) {
  return (kind >= TokenKind::kFn && kind <= TokenKind::kRunbook) ||
         (kind >= TokenKind::kError && kind <= TokenKind::kInvariant);
}
/// A line that begins with one of these ends every `(`, `[` and head that is still open.
constexpr bool is_line_opener(TokenKind kind) {
  switch (kind) {
    case TokenKind::kStep:
    case TokenKind::kLet:
    case TokenKind::kVar:
    case TokenKind::kReturn:
    case TokenKind::kRequire:
    case TokenKind::kCommit:
    case TokenKind::kDefer:
    case TokenKind::kLock:
    case TokenKind::kApproval:
    case TokenKind::kRunbook:
    case TokenKind::kRecord:
    case TokenKind::kEnum:
      return true;
    default:
      return false;
  }
}

}  // namespace rbk::syntax
