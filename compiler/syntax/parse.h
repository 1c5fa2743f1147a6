// From text to tree. Never fails: what could not be read is reported and stands in the tree as an
// error node. The one place that knows the parser generator is behind this header.
#pragma once

#include <string>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/syntax/ast.h"

namespace rbk::syntax {

/// One mistake in the text. Texts are lower case, without a full stop, code in backticks.
struct SyntaxError {
  enum class Code {
    kUnexpected,    // something else was expected here
    kUnclosed,      // a bracket without its partner
    kUnterminated,  // a string that does not end
    kBadNumber,
    kBadEscape,
    kBadCharacter,
    kBadName,     // upper or lower case against the rule
    kReserved,    // a reserved word used as a name
    kNotAllowed,  // parses, but may not stand here
    kLimit,       // too deep, too long
  };
  Code code = Code::kUnexpected;
  Span span;
  std::string message;
  std::string label;  // at the span
  std::string hint;   // the cure; may be empty
  Span related;       // e.g. the opening bracket; empty if there is none
  std::string related_label;
};

struct ParsedFile {
  Ast ast;
  std::vector<SyntaxError> errors;  // in the order of the text
  bool ok() const { return errors.empty(); }
};

/// What comes after so many errors is not reported.
inline constexpr size_t kMaxErrors = 100;

/// Parses a whole file. Thread-safe.
ParsedFile parse(const source::Source& source);

}  // namespace rbk::syntax
