#include "compiler/syntax/recovery.h"

#include <RunbookParser.h>

#include <algorithm>
#include <utility>

#include "compiler/syntax/expected.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

Kind kind_of(size_t type) {
  return type == antlr4::Token::EOF ? Kind::kNoToken : static_cast<Kind>(type);
}

bool starts_value(Kind kind) {
  if (kind >= Kind::kInt && kind <= Kind::kStrBegin) return true;
  if (kind == Kind::kName || kind == Kind::kUpper || is_soft(kind)) return true;
  switch (kind) {
    case Kind::kDot:
    case Kind::kLparen:
    case Kind::kLbrack:
    case Kind::kMinus:
    case Kind::kNot:
    case Kind::kTrue:
    case Kind::kFalse:
    case Kind::kNullLit:
    case Kind::kFn:
    case Kind::kFnValue:
    case Kind::kIf:
    case Kind::kMatch:
    case Kind::kTry:
    case Kind::kParallel:
    case Kind::kFail:
    case Kind::kWait:
    case Kind::kWaitFirst:
    case Kind::kWaitSignal:
    case Kind::kWaitUntil:
    case Kind::kList:
    case Kind::kMap:
    case Kind::kJson:
      return true;
    default:
      return false;
  }
}

// Whether `kind` begins an item of such a body; true for rules that are no bodies.
bool starts_item(size_t rule, Kind kind) {
  switch (rule) {
    case RunbookParser::RuleBlock:
      return (kind >= Kind::kLet && kind <= Kind::kCrash) || starts_value(kind);
    case RunbookParser::RuleMatchBody:
    case RunbookParser::RuleWaitBody:
      return kind == Kind::kCase;
    case RunbookParser::RuleApprovalBody:
      return kind == Kind::kBy || kind == Kind::kNot || kind == Kind::kQuorum ||
             kind == Kind::kForm || kind == Kind::kNotify || kind == Kind::kExpires ||
             kind == Kind::kBreakGlass || kind == Kind::kAllow;
    case RunbookParser::RuleScheduleBody:
      return kind == Kind::kCron || kind == Kind::kEvery || kind == Kind::kOverlap ||
             kind == Kind::kMissed || kind == Kind::kOutside;
    case RunbookParser::RuleTriggerBody:
      return kind == Kind::kFrom || kind == Kind::kKey || kind == Kind::kAt;
    case RunbookParser::RuleCalendarBody:
      return kind == Kind::kClosed;
    default:
      return true;
  }
}

}  // namespace

void Recovery::begin_declaration() {
  pieces_.clear();
  failed_pieces_.clear();
  failed_ = false;
  junk_.clear();
  if (errors_.empty()) return;
  const uint32_t first = stream_.token_at(0)->token().begin;
  const uint32_t last = stream_.token_at(stream_.count())->token().end;
  const bool touched = std::any_of(errors_.begin(), errors_.end(), [&](const SyntaxError& error) {
    return error.span.begin >= first && error.span.begin <= last;
  });
  if (touched) number_pieces();
}

bool Recovery::failed_in(source::Span span) const {
  const bool unreadable = std::any_of(broken_.begin(), broken_.end(), [&](const Broken& stretch) {
    return stretch.span.begin <= span.end && span.begin <= stretch.span.end;
  });
  if (unreadable) return true;
  if (!failed_) return false;
  for (size_t i = token_at(span.begin); i < stream_.count(); ++i) {
    if (stream_.token_at(i)->token().begin > span.end) break;
    if (failed_pieces_[pieces_[i]]) return true;
  }
  return false;
}

std::vector<source::Span> Recovery::unread() const {
  std::vector<source::Span> stretches;
  if (!failed_) return stretches;
  bool goes_on = false;
  for (size_t i = 0; i < stream_.count(); ++i) {
    const source::Span span = stream_.token_at(i)->span();
    if (!failed_pieces_[pieces_[i]]) {
      goes_on = false;
    } else if (std::exchange(goes_on, true)) {
      stretches.back().end = span.end;
    } else {
      stretches.push_back(span);
    }
  }
  return stretches;
}

void Recovery::sync(antlr4::Parser* parser) {
  antlr4::ParserRuleContext* context = parser->getContext();
  const size_t rule = context->getRuleIndex();
  while (true) {
    const Kind kind = kind_of(stream_.LA(1));
    if (kind == Kind::kRbrace || kind == Kind::kNoToken || kind == Kind::kLbrace ||
        starts_item(rule, kind))
      return;
    if (kind != Kind::kTerm) {
      const StreamToken* first = stream_.next();
      report(parser, parser->getATN().nextTokens(parser->getATN().states[parser->getState()]));
      skip_to(parser, Kind::kTerm);
      const auto* last = static_cast<StreamToken*>(stream_.LT(-1));
      junk_.push_back({context, source::cover(first->span(), last->span())});
    }
    if (kind_of(stream_.LA(1)) != Kind::kTerm) return;
    parser->consume();
  }
}

void Recovery::reportError(antlr4::Parser* parser, const antlr4::RecognitionException&) {
  report(parser, parser->getATN().nextTokens(parser->getATN().states[parser->getState()],
                                             parser->getContext()));
}

void Recovery::report(antlr4::Parser* parser, const antlr4::misc::IntervalSet& expected) {
  if (silenced(stream_.index())) return;
  fail(piece_of(stream_.index()));
  if (errors_.size() >= kMaxErrors) return;
  SyntaxError error = unexpected_token(*parser, stream_, expected);
  // A mistake that is told where the next statement begins is met there once more.
  if (errors_.empty() || !(errors_.back().span.begin == error.span.begin))
    errors_.push_back(std::move(error));
}

void Recovery::number_pieces() {
  const size_t earlier = errors_.size();
  std::vector<uint32_t> outer;
  uint32_t piece = 0;
  uint32_t count = 1;
  for (size_t i = 0; i < stream_.count(); ++i) {
    const Token& token = stream_.token_at(i)->token();
    pieces_.push_back(piece);
    failed_pieces_.resize(count);
    if (token.missing) failed_pieces_[piece] = true;
    if (token.kind == Kind::kTerm) {
      piece = count++;
    } else if (is_opener(token.kind)) {
      outer.push_back(piece);
      if (token.kind == Kind::kLbrace) piece = count++;
    } else if (is_closer(token.kind) && !outer.empty()) {
      piece = outer.back();
      pieces_.back() = piece;
      outer.pop_back();
    }
  }
  pieces_.push_back(piece);
  failed_pieces_.resize(count);
  // What the scanner, bracket repair and layout have reported.
  for (size_t i = 0; i < earlier; ++i) {
    const uint32_t at = errors_[i].span.begin;
    const bool here = stream_.count() > 0 && at >= stream_.token_at(0)->token().begin &&
                      at <= stream_.token_at(stream_.count())->token().end;
    if (here) failed_pieces_[piece_at(at)] = true;
  }
  failed_ = std::find(failed_pieces_.begin(), failed_pieces_.end(), true) != failed_pieces_.end();
}

size_t Recovery::token_at(uint32_t offset) const {
  size_t low = 0;
  size_t high = stream_.count();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (stream_.token_at(middle)->token().end > offset)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

uint32_t Recovery::piece_at(uint32_t offset) {
  return pieces_[std::min(token_at(offset), pieces_.size() - 1)];
}

uint32_t Recovery::piece_of(size_t token_index) {
  if (pieces_.empty()) number_pieces();
  return pieces_[std::min(token_index, pieces_.size() - 1)];
}

void Recovery::fail(uint32_t piece) {
  failed_pieces_[piece] = true;
  failed_ = true;
}

// One mistake gives one error: a second one in the same piece follows from the first, as does one
// beside what was reported or repaired before.
bool Recovery::silenced(size_t token_index) {
  const uint32_t piece = piece_of(token_index);
  const uint32_t at = stream_.token_at(token_index)->token().begin;
  for (const Broken& stretch : broken_) {
    if (stretch.holds(at)) {
      fail(piece);
      return true;
    }
  }
  return failed_pieces_[piece];
}

void Recovery::skip_token_or_group(antlr4::Parser* parser) {
  size_t depth = 0;
  do {
    const Kind kind = kind_of(stream_.LA(1));
    if (kind == Kind::kNoToken) return;
    if (is_opener(kind)) ++depth;
    if (is_closer(kind) && depth > 0) --depth;
    parser->consume();
  } while (depth > 0);
}

bool Recovery::skip_to(antlr4::Parser* parser, TokenKind kind) {
  while (true) {
    const Kind next = kind_of(stream_.LA(1));
    if (next == kind) return true;
    if (next == Kind::kNoToken || is_closer(next)) return false;
    if (next == Kind::kTerm && !is_closer(kind)) return false;
    skip_token_or_group(parser);
  }
}

void Recovery::recover(antlr4::Parser* parser, std::exception_ptr) {
  const antlr4::misc::IntervalSet follow = getErrorRecoverySet(parser);
  while (true) {
    const Kind next = kind_of(stream_.LA(1));
    if (next == Kind::kNoToken || next == Kind::kTerm || is_closer(next) ||
        follow.contains(static_cast<size_t>(next)))
      return;
    skip_token_or_group(parser);
  }
}

antlr4::Token* Recovery::recoverInline(antlr4::Parser* parser) {
  const antlr4::atn::ATN& atn = parser->getATN();
  antlr4::atn::ATNState* state = atn.states[parser->getState()];
  const antlr4::misc::IntervalSet expected = atn.nextTokens(state);
  const antlr4::misc::IntervalSet after =
      atn.nextTokens(state->transitions[0]->target, parser->getContext());
  const bool single = expected.size() == 1;
  const Kind wanted =
      single ? kind_of(static_cast<size_t>(expected.toList().front())) : Kind::kNoToken;
  const Kind found = kind_of(stream_.LA(1));

  report(parser, expected);
  if (single && (wanted == Kind::kTerm || is_opener(wanted) || is_closer(wanted))) {
    if (skip_to(parser, wanted)) {
      antlr4::Token* token = stream_.LT(1);
      parser->consume();
      return token;
    }
    if (is_opener(wanted)) throw antlr4::InputMismatchException(parser);
    return stream_.make_missing(wanted);
  }
  if (single && expected.contains(antlr4::Token::EOF)) {
    while (kind_of(stream_.LA(1)) != Kind::kNoToken) parser->consume();
    return stream_.LT(1);
  }
  const bool a_name = expected.contains(static_cast<size_t>(Kind::kName));
  if (a_name && is_reserved(found) && !after.contains(static_cast<size_t>(found))) {
    antlr4::Token* token = stream_.LT(1);  // reported as reserved, read as the name
    parser->consume();
    return token;
  }
  if (found != Kind::kNoToken && found != Kind::kTerm && !is_closer(found) && !is_opener(found) &&
      expected.contains(stream_.LA(2))) {
    parser->consume();
    antlr4::Token* token = stream_.LT(1);
    parser->consume();
    return token;
  }
  if ((single || a_name) && after.contains(stream_.LA(1)))
    return stream_.make_missing(single ? wanted : Kind::kName);
  throw antlr4::InputMismatchException(parser);
}

}  // namespace rbk::syntax
