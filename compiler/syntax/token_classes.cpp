#include "compiler/syntax/token_classes.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

}  // namespace

bool joins_next_line(Kind kind) {
  switch (kind) {
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
    case Kind::kIn:
    case Kind::kZoneIn:
    case Kind::kMatches:
    case Kind::kAs:
    case Kind::kEq:
    case Kind::kNe:
    case Kind::kLt:
    case Kind::kLe:
    case Kind::kGt:
    case Kind::kGe:
    case Kind::kPlus:
    case Kind::kMinus:
    case Kind::kStar:
    case Kind::kSlash:
    case Kind::kPercent:
    case Kind::kCoalesce:
    case Kind::kRange:
    case Kind::kRangeLt:
    case Kind::kPipe:
    case Kind::kAssign:
    case Kind::kArrow:
    case Kind::kRarrow:
    case Kind::kComma:
      return true;
    default:
      return is_opener(kind);
  }
}

bool opens_statement_only(Kind kind) {
  switch (kind) {
    case Kind::kLet:
    case Kind::kVar:
    case Kind::kStep:
    case Kind::kReturn:
    case Kind::kBreak:
    case Kind::kContinue:
    case Kind::kRequire:
    case Kind::kDefer:
    case Kind::kCommit:
    case Kind::kApproval:
    case Kind::kRepeat:
    case Kind::kUntil:
      return true;
    default:
      return false;
  }
}

bool follows_block(Kind kind) {
  switch (kind) {
    case Kind::kArrow:
    case Kind::kComma:
    case Kind::kSemi:
    case Kind::kDot:
    case Kind::kQdot:
      return true;
    case Kind::kNot:
    case Kind::kAssign:
    case Kind::kRarrow:
      return false;
    default:
      return is_closer(kind) || (joins_next_line(kind) && !is_opener(kind));
  }
}

bool ends_operand(Kind kind) {
  switch (kind) {
    case Kind::kName:
    case Kind::kUpper:
    case Kind::kMember:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kDuration:
    case Kind::kSize:
    case Kind::kString:
    case Kind::kStrEnd:
    case Kind::kRparen:
    case Kind::kRbrack:
    case Kind::kRbrace:
    case Kind::kTrue:
    case Kind::kFalse:
    case Kind::kNullLit:
    case Kind::kTypeGt:
    case Kind::kQuest:
    case Kind::kList:
    case Kind::kMap:
    case Kind::kJson:
      return true;
    default:
      return is_soft(kind);
  }
}

bool opens_head(Kind kind) {
  switch (kind) {
    case Kind::kIf:
    case Kind::kFor:
    case Kind::kMatch:
    case Kind::kParallel:
    case Kind::kRepeat:
    case Kind::kHold:
    case Kind::kLock:
    case Kind::kCatch:
    case Kind::kTry:
    case Kind::kDefer:
    case Kind::kAfter:
    case Kind::kBefore:
    case Kind::kApproval:
    case Kind::kAsk:
    case Kind::kElse:
      return true;
    default:
      return false;
  }
}

}  // namespace rbk::syntax
