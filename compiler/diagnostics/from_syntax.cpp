#include "compiler/diagnostics/from_syntax.h"

namespace rbk::diagnostics {
namespace {

Code code_of(syntax::SyntaxError::Code code) {
  using Syntax = syntax::SyntaxError::Code;
  switch (code) {
    case Syntax::kUnexpected:
      return Code::kUnexpected;
    case Syntax::kUnclosed:
      return Code::kUnclosed;
    case Syntax::kUnterminated:
      return Code::kUnterminated;
    case Syntax::kBadNumber:
      return Code::kBadNumber;
    case Syntax::kBadEscape:
      return Code::kBadEscape;
    case Syntax::kBadCharacter:
      return Code::kBadCharacter;
    case Syntax::kBadName:
      return Code::kBadName;
    case Syntax::kReserved:
      return Code::kReserved;
    case Syntax::kNotAllowed:
      return Code::kNotAllowed;
    case Syntax::kLimit:
      return Code::kSyntaxLimit;
  }
  return Code::kUnexpected;
}

}  // namespace

Diagnostic from_syntax_error(const syntax::SyntaxError& error) {
  Diagnostic result;
  result.code = code_of(error.code);
  result.severity = info(result.code).severity;
  result.primary = error.span;
  result.message = error.message;
  result.label = error.label;
  result.hint = error.hint;
  if (!error.related.empty()) result.also(error.related, error.related_label);
  return result;
}

}  // namespace rbk::diagnostics
