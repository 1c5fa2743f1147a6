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
/// Elements of one list, map, call …
inline constexpr uint32_t kMaxElements = 100'000;

/// A stretch in which a quote or a bracket is lost that could not be put back: reported once, at
/// `cause`; whatever else is found in it follows from that.
struct Broken {
  source::Span span;
  uint32_t cause = 0;

  bool holds(uint32_t offset) const { return offset >= span.begin && offset <= span.end; }
};

struct Balanced {
  std::vector<Token> tokens;  // every bracket has its partner
  std::vector<Broken> broken;
};

/// Marks the tokens that begin a declaration on column 1 (`decl_start`) and pairs the brackets:
/// lost ones are put in as `missing`, stray ones left out, each with an error.
Balanced balance(const source::Source& source, std::vector<Token> tokens,
                 std::vector<SyntaxError>& errors);

}  // namespace rbk::syntax
