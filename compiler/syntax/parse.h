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
  /// Each is a code of the diagnostics (compiler/diagnostics/codes.def) under the same name.
  enum class Code : uint8_t {
    kUnexpected,  // something else was expected here
    kUnclosed,
    kUnterminated,
    kBadNumber,
    kBadEscape,
    kBadCharacter,
    kBadName,  // upper or lower case against the rule
    kReserved,
    kNotAllowed,  // parses, but may not stand here
    kSyntaxLimit,
    // What is missing.
    kMissingName,
    kMissingType,
    kMissingValue,
    kMissingBlock,
    kMissingSeparator,
    kMissingString,
    kMissingPattern,
    kMissingArrow,
    kMissingAssign,
    kMissingStatementEnd,
    kMissingBehaviour,
    kMissingKey,
    kNeverOpened,
    kUnclosedInterpolation,
    kInterpolationOutside,
    // What belongs elsewhere, or to another language.
    kNotAnItem,
    kNotADeclaration,
    kForeignStatement,
    kMisspeltStatement,
    kForeignOperator,
    kForeignComment,
    kForeignQuotes,
    kInvisibleCharacter,
    kNumberTooLarge,
    kUnknownClause,
    kBraceWithoutType,
    kOperatorAtLineStart,
    kStrayElse,
    kStrayCase,
    kMergeConflict,
    kSemicolonInBrackets,
    // What reads well but has no meaning.
    kClauseWithoutCall,
    kWrittenTwice,
    kLineOfItsOwn,
    kRangePlace,
    kChainedComparison,
    kNeedsParentheses,
    kDeclarationInBlock,
    kStepNeedsCall,
    kTestStatement,
    kRepeatWithoutEnd,
    kUntilPlace,
    kBadPattern,
    kValueBeforeBrace,
    kAssignTarget,
    kClauseBeforeBody,
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

/// The rest of such a line is text that nobody closed.
constexpr bool swallows_its_line(SyntaxError::Code code) {
  return code == SyntaxError::Code::kUnterminated ||
         code == SyntaxError::Code::kUnclosedInterpolation ||
         code == SyntaxError::Code::kInterpolationOutside;
}

/// What comes after so many errors is not reported.
inline constexpr size_t kMaxErrors = 100;

/// Parses a whole file. Thread-safe.
ParsedFile parse(const source::Source& source);

}  // namespace rbk::syntax
