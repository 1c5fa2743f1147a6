// The words of a file as its formatter needs them: where each begins and how it stands beside its
// neighbours. Strings are one token, with all that is interpolated; so is a comment.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/ast.h"

namespace rbk::format {

struct Token {
  enum class Kind : uint8_t { kWord, kNumber, kString, kPunct, kComment };
  uint32_t begin = 0;
  uint32_t end = 0;
  Kind kind = Kind::kPunct;
  bool own_line = false;  // kComment
  bool binary = false;    // an operator between two values
  bool glued = false;     // a bracket that belongs to what stands before it: a call's, an index's
  bool dropped = false;   // a separator that is not written
  bool prefix = false;    // the dot of `.member`
  uint8_t newlines = 0;   // in the source before it, at most 2
};

std::vector<Token> scan(const source::Source& source, const syntax::Ast& ast);

/// Whether a blank stands between two neighbours on one line.
bool spaced(std::string_view source, const Token& left, const Token& right);

}  // namespace rbk::format
