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
    case Syntax::kSyntaxLimit:
      return Code::kSyntaxLimit;
    case Syntax::kMissingName:
      return Code::kMissingName;
    case Syntax::kMissingType:
      return Code::kMissingType;
    case Syntax::kMissingValue:
      return Code::kMissingValue;
    case Syntax::kMissingBlock:
      return Code::kMissingBlock;
    case Syntax::kMissingSeparator:
      return Code::kMissingSeparator;
    case Syntax::kMissingString:
      return Code::kMissingString;
    case Syntax::kMissingPattern:
      return Code::kMissingPattern;
    case Syntax::kMissingArrow:
      return Code::kMissingArrow;
    case Syntax::kMissingAssign:
      return Code::kMissingAssign;
    case Syntax::kMissingStatementEnd:
      return Code::kMissingStatementEnd;
    case Syntax::kMissingBehaviour:
      return Code::kMissingBehaviour;
    case Syntax::kMissingKey:
      return Code::kMissingKey;
    case Syntax::kNeverOpened:
      return Code::kNeverOpened;
    case Syntax::kUnclosedInterpolation:
      return Code::kUnclosedInterpolation;
    case Syntax::kNotAnItem:
      return Code::kNotAnItem;
    case Syntax::kNotADeclaration:
      return Code::kNotADeclaration;
    case Syntax::kForeignStatement:
      return Code::kForeignStatement;
    case Syntax::kMisspeltStatement:
      return Code::kMisspeltStatement;
    case Syntax::kForeignOperator:
      return Code::kForeignOperator;
    case Syntax::kForeignComment:
      return Code::kForeignComment;
    case Syntax::kForeignQuotes:
      return Code::kForeignQuotes;
    case Syntax::kInvisibleCharacter:
      return Code::kInvisibleCharacter;
    case Syntax::kNumberTooLarge:
      return Code::kNumberTooLarge;
    case Syntax::kUnknownClause:
      return Code::kUnknownClause;
    case Syntax::kBraceWithoutType:
      return Code::kBraceWithoutType;
    case Syntax::kOperatorAtLineStart:
      return Code::kOperatorAtLineStart;
    case Syntax::kStrayElse:
      return Code::kStrayElse;
    case Syntax::kStrayCase:
      return Code::kStrayCase;
    case Syntax::kMergeConflict:
      return Code::kMergeConflict;
    case Syntax::kSemicolonInBrackets:
      return Code::kSemicolonInBrackets;
    case Syntax::kClauseWithoutCall:
      return Code::kClauseWithoutCall;
    case Syntax::kWrittenTwice:
      return Code::kWrittenTwice;
    case Syntax::kLineOfItsOwn:
      return Code::kLineOfItsOwn;
    case Syntax::kRangePlace:
      return Code::kRangePlace;
    case Syntax::kChainedComparison:
      return Code::kChainedComparison;
    case Syntax::kNeedsParentheses:
      return Code::kNeedsParentheses;
    case Syntax::kDeclarationInBlock:
      return Code::kDeclarationInBlock;
    case Syntax::kStepNeedsCall:
      return Code::kStepNeedsCall;
    case Syntax::kTestStatement:
      return Code::kTestStatement;
    case Syntax::kRepeatWithoutEnd:
      return Code::kRepeatWithoutEnd;
    case Syntax::kUntilPlace:
      return Code::kUntilPlace;
    case Syntax::kBadPattern:
      return Code::kBadPattern;
    case Syntax::kValueBeforeBrace:
      return Code::kValueBeforeBrace;
    case Syntax::kInterpolationOutside:
      return Code::kInterpolationOutside;
    case Syntax::kClauseBeforeBody:
      return Code::kClauseBeforeBody;
    case Syntax::kAssignTarget:
      return Code::kAssignTarget;
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
