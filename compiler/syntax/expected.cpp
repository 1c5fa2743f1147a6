#include "compiler/syntax/expected.h"

#include <RunbookParser.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "base/spelling.h"
#include "compiler/syntax/foreign.h"
#include "compiler/syntax/similar.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;
using Set = antlr4::misc::IntervalSet;

bool has(const Set& set, Kind kind) { return set.contains(static_cast<size_t>(kind)); }

// How a kind is written, if it is always written alike.
std::string_view plain_spelling(Kind kind) {
  switch (kind) {
    case Kind::kVbrace:
    case Kind::kEbrace:
    case Kind::kLbrace:
      return "{";
    case Kind::kRbrace:
    case Kind::kInterpEnd:
      return "}";
    case Kind::kLparen:
      return "(";
    case Kind::kRparen:
      return ")";
    case Kind::kLbrack:
      return "[";
    case Kind::kRbrack:
      return "]";
    case Kind::kComma:
      return ",";
    case Kind::kColon:
      return ":";
    case Kind::kAtSign:
      return "@";
    case Kind::kDot:
      return ".";
    case Kind::kAssign:
      return "=";
    case Kind::kArrow:
      return "=>";
    case Kind::kRarrow:
      return "->";
    case Kind::kTypeLt:
      return "<";
    case Kind::kTypeGt:
      return ">";
    case Kind::kGuardIf:
      return "if";
    case Kind::kElseIf:
    case Kind::kElseValue:
      return "else";
    case Kind::kOnFailure:
      return "on failure";
    case Kind::kOnDoubt:
      return "on doubt";
    case Kind::kOnWorker:
      return "on worker";
    case Kind::kWaitTimeout:
      return "timeout";
    case Kind::kZoneIn:
      return "in";
    default:
      break;
  }
  for (const grammar::Word& word : grammar::kWords) {
    if (static_cast<Kind>(word.kind) == kind) return word.text;
  }
  return {};
}

bool is_operator(Kind kind) {
  return (kind >= Kind::kAssign && kind <= Kind::kCoalesce) || kind == Kind::kAnd ||
         kind == Kind::kOr || kind == Kind::kIn || kind == Kind::kMatches || kind == Kind::kAs ||
         kind == Kind::kPipe || kind == Kind::kComma || kind == Kind::kRange ||
         kind == Kind::kRangeLt;
}

class Words {
 public:
  Words(antlr4::Parser& parser, DeclStream& stream, const Set& expected)
      : parser_(parser),
        stream_(stream),
        expected_(expected),
        found_(stream.next()->token()),
        previous_(static_cast<StreamToken*>(stream.LT(-1))) {}

  SyntaxError error() {
    error_.span = place();
    error_.label = "found " + found_text();
    if (!special()) {
      const auto [what, code] = wanted();
      error_.code = code;
      error_.message = previous_ == nullptr || after().empty()
                           ? fmt::format("expected {}, found {}", what, found_text())
                           : fmt::format("expected {} {}", what, after());
      if (error_.hint.empty()) error_.hint = hint();
    }
    if (error_.message.size() > 88) error_.message = fmt::format("expected {}", wanted().text);
    return std::move(error_);
  }

 private:
  std::string_view text(const Token& token) const {
    return stream_.source().text({token.begin, token.end, stream_.source().id()});
  }

  static std::string cut(std::string_view text) {
    if (text.size() > 24 || text.find('\n') != text.npos) {
      text = text.substr(0, std::min<size_t>(text.find('\n'), 24));
      while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
        text.remove_suffix(1);
      if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.remove_suffix(1);
      return std::string(text) + "…";
    }
    return std::string(text);
  }

  bool at_end() const {
    return found_.kind == Kind::kNoToken ||
           (found_.kind == Kind::kTerm && found_.begin == found_.end);
  }

  source::Span place() const {
    if (at_end() || found_.begin == found_.end) {
      const uint32_t at = found_.begin;
      const auto size = static_cast<uint32_t>(stream_.source().text().size());
      return {at, std::min(at + 1, size), stream_.source().id()};
    }
    return {found_.begin, found_.end, stream_.source().id()};
  }

  std::string found_text() const {
    if (found_.kind == Kind::kTerm) {
      if (found_.begin != found_.end) return "`;`";
      const Token& next = stream_.token_at(stream_.index() + 1)->token();
      if (next.kind != Kind::kNoToken && !next.line_start && !text(next).empty())
        return fmt::format("`{}`", cut(text(next)));
      return "the end of the line";
    }
    if (found_.kind == Kind::kNoToken) return "the end of the declaration";
    if (found_.kind == Kind::kString || found_.kind == Kind::kStrBegin) return "a string";
    if (found_.kind == Kind::kLabel) return fmt::format("`{}:`", cut(text(found_)));
    return fmt::format("`{}`", cut(text(found_)));
  }

  std::string after() const {
    const Token& token = previous_->token();
    switch (token.kind) {
      case Kind::kTerm:
        return {};
      case Kind::kString:
      case Kind::kStrEnd:
        return "after this string";
      default:
        return token.begin == token.end ? std::string()
                                        : fmt::format("after `{}`", cut(text(token)));
    }
  }

  size_t rule(size_t up = 0) const {
    const antlr4::RuleContext* context = parser_.getContext();
    for (; up > 0 && context != nullptr; --up)
      context = static_cast<const antlr4::RuleContext*>(context->parent);
    return context == nullptr ? INVALID_INDEX : context->getRuleIndex();
  }

  bool inside(size_t wanted_rule, size_t reach) const {
    for (size_t up = 0; up <= reach; ++up) {
      if (rule(up) == wanted_rule) return true;
    }
    return false;
  }

  struct Wanted {
    std::string text;
    SyntaxError::Code code;
  };

  Wanted wanted() const {
    using Code = SyntaxError::Code;
    if (has(expected_, Kind::kLet) && has(expected_, Kind::kStep))
      return {"a statement", Code::kUnexpected};
    if (has(expected_, Kind::kInt) && has(expected_, Kind::kLparen))
      return {"a value", Code::kMissingValue};
    if (has(expected_, Kind::kName)) {
      if (inside(RunbookParser::RuleType, 2)) return {"a type", Code::kMissingType};
      if (inside(RunbookParser::RulePattern, 3)) return {"a pattern", Code::kMissingPattern};
      return {"a name", Code::kMissingName};
    }
    if (has(expected_, Kind::kMember)) return {"a name", Code::kMissingName};
    if (has(expected_, Kind::kString)) return {"a string", Code::kMissingString};
    if (has(expected_, Kind::kTimeout) && has(expected_, Kind::kRetry))
      return {"a clause", Code::kUnexpected};
    if (expected_.contains(antlr4::Token::EOF))
      return {"the end of the declaration", Code::kMissingStatementEnd};
    if (has(expected_, Kind::kTerm))
      return {"the end of the statement", Code::kMissingStatementEnd};
    if (has(expected_, Kind::kRparen) && in_list()) return {"`,` or `)`", Code::kMissingSeparator};
    if (has(expected_, Kind::kRbrack) && rule() == RunbookParser::RuleOperand)
      return {"`,` or `]`", Code::kMissingSeparator};
    if (has(expected_, Kind::kRbrace) && in_entries() && previous_ != nullptr &&
        previous_->token().kind == Kind::kEbrace)
      return {"a name or `}`", Code::kMissingName};
    if (has(expected_, Kind::kRbrace) && in_entries())
      return {"`,`, a new line or `}`", Code::kMissingSeparator};
    return {listed(), listed_code()};
  }

  // What else may stand here, word by word.
  std::string listed() const {
    std::string all;
    size_t count = 0;
    const size_t total = expected_.size();
    for (const ssize_t type : expected_.toList()) {
      const std::string_view word = plain_spelling(static_cast<Kind>(type));
      if (word.empty()) continue;
      if (++count > 6) break;
      if (count > 1) all += count == total ? " or " : ", ";
      all += fmt::format("`{}`", word);
    }
    return all.empty() ? "something else" : all;
  }

  SyntaxError::Code listed_code() const {
    switch (rule()) {
      case RunbookParser::RuleMatchBody:
      case RunbookParser::RuleWaitBody:
      case RunbookParser::RuleApprovalBody:
      case RunbookParser::RuleScheduleBody:
      case RunbookParser::RuleTriggerBody:
      case RunbookParser::RuleCalendarBody:
        return SyntaxError::Code::kNotAnItem;
      default:
        break;
    }
    if (has(expected_, Kind::kArrow)) return SyntaxError::Code::kMissingArrow;
    if (has(expected_, Kind::kLbrace) || has(expected_, Kind::kEbrace))
      return SyntaxError::Code::kMissingBlock;
    if (has(expected_, Kind::kAssign)) return SyntaxError::Code::kMissingAssign;
    return SyntaxError::Code::kUnexpected;
  }

  bool in_list() const {
    const size_t here = rule();
    return here == RunbookParser::RuleArgs || here == RunbookParser::RuleSuffix ||
           here == RunbookParser::RuleParams || here == RunbookParser::RulePatternAlt;
  }

  bool in_entries() const {
    const size_t here = rule();
    return here == RunbookParser::RuleSuffix || here == RunbookParser::RuleDeclaration ||
           here == RunbookParser::RuleApprovalItem || here == RunbookParser::RuleClause ||
           here == RunbookParser::RuleReply || here == RunbookParser::RulePatternAlt;
  }

  static bool is_name(const Token& token) {
    return token.kind == Kind::kName || token.kind == Kind::kUpper || token.kind == Kind::kList ||
           token.kind == Kind::kMap || token.kind == Kind::kJson;
  }

  bool in_brackets() const {
    return previous_ != nullptr &&
           (previous_->token().kind == Kind::kLparen || previous_->token().kind == Kind::kLbrack);
  }

  // The first token of the statement that is being read.
  const Token& statement_begin() const {
    size_t index = stream_.index();
    while (index > 0) {
      const Kind kind = stream_.token_at(index - 1)->token().kind;
      if (kind == Kind::kTerm || kind == Kind::kLbrace) break;
      --index;
    }
    return stream_.token_at(index)->token();
  }

  void set(SyntaxError::Code code, std::string message, std::string hint_text) {
    error_.code = code;
    error_.message = std::move(message);
    error_.hint = std::move(hint_text);
  }

  // The token so many places before the one that was found; none before the declaration's first.
  const Token* before(size_t places) const {
    if (places > stream_.index()) return nullptr;
    return &stream_.token_at(stream_.index() - places)->token();
  }

  static bool touch(const Token& left, const Token& right) { return left.end == right.begin; }

  // A statement of another language: `while x {`, `elif x {`, `switch (x) {`.
  bool foreign_statement() {
    const Token& begin = statement_begin();
    if (begin.kind != Kind::kName || begin.begin == found_.begin) return false;
    const std::string_view ours = instead_of(text(begin));
    const bool is_head = found_.kind == Kind::kLbrace ||
                         (previous_ != nullptr && previous_->token().end == begin.end);
    if (ours.empty() || !is_head) return false;
    // Up to its block: what its head says is not looked at.
    error_.span = {begin.begin, found_.kind == Kind::kLbrace ? previous_->token().end : begin.end,
                   stream_.source().id()};
    error_.label = "this is of another language";
    set(SyntaxError::Code::kForeignStatement, fmt::format("there is no `{}`", text(begin)),
        std::string(ours));
    return true;
  }

  // `stpe x = …`, `afte failure {`: a word and something behind it that only a keyword could have.
  bool misspelt_statement() {
    const Token& begin = statement_begin();
    const bool alone = begin.kind == Kind::kName && previous_ != nullptr &&
                       previous_->token().begin == begin.begin;
    const std::string_view meant = alone ? similar_statement_word(text(begin)) : std::string_view();
    if (meant.empty()) return false;
    error_.span = {begin.begin, begin.end, stream_.source().id()};
    error_.label = "no statement begins so";
    set(SyntaxError::Code::kMisspeltStatement, fmt::format("there is no `{}`", text(begin)),
        fmt::format("did you mean `{}`?", meant));
    return true;
  }

  // `try { } except e { }`: the `}` has ended the statement.
  bool foreign_catch() {
    if (found_.kind != Kind::kTerm || !has(expected_, Kind::kCatch)) return false;
    const Token& word = stream_.token_at(stream_.index() + 1)->token();
    if (word.kind != Kind::kName || instead_of(text(word)).empty()) return false;
    error_.span = {word.begin, word.end, stream_.source().id()};
    error_.label = "this is of another language";
    set(SyntaxError::Code::kForeignStatement, fmt::format("there is no `{}`", text(word)),
        std::string(instead_of(text(word))));
    return true;
  }

  // `i++`, `++i`, `i--`, `i += 1`.
  bool foreign_assignment() {
    const Token* last = before(1);
    const Token* first = before(2);
    const Token& next = stream_.token_at(stream_.index() + 1)->token();
    const auto is_pair = [](const Token* one, const Token* other) {
      return one != nullptr && other != nullptr && one->kind == other->kind &&
             touch(*one, *other) && (one->kind == Kind::kPlus || one->kind == Kind::kMinus);
    };
    const auto ends = [](const Token& token) {
      return is_closer(token.kind) || token.kind == Kind::kTerm || token.kind == Kind::kNoToken;
    };
    const bool compound = found_.kind == Kind::kAssign && last != nullptr &&
                          last->kind >= Kind::kPlus && last->kind <= Kind::kPercent &&
                          touch(*last, found_);
    const Token* name = first;
    const Token* sign = last;
    const Token* end = &found_;
    if (is_pair(&found_, &next)) {
      name = &stream_.token_at(stream_.index() + 2)->token();
      sign = &found_;
      end = &next;
    } else if (is_pair(first, last) && ends(found_)) {
      // The second sign of `i--` was read as that of a negative number.
      name = before(3);
      sign = first;
      end = last;
    } else if (!compound && !(is_pair(last, &found_) && ends(next))) {
      return false;
    }
    const std::string_view changed =
        name != nullptr && name->kind == Kind::kName ? text(*name) : "x";
    error_.span = {sign->begin, end->end, stream_.source().id()};
    error_.label.clear();
    set(SyntaxError::Code::kForeignOperator,
        fmt::format("there is no `{}`", stream_.source().text(error_.span)),
        fmt::format("write `{} = {} {} {}`", changed, changed, text(*sign), compound ? "…" : "1"));
    return true;
  }

  // What a brace is called that stands where a value is wanted: `env: {` needs `env {`.
  std::string brace_cure() const {
    const Token* colon = before(1);
    const Token* label = before(2);
    if (colon != nullptr && colon->kind == Kind::kColon && label != nullptr) {
      const std::string_view what = text(*label);
      if (what == "json") return "write `json: json { … }`";
      if (what == "env" || what == "headers") return fmt::format("write `{}: env {{ … }}`", what);
    }
    return "a value in braces has its type before it: `Name { … }`, `map { … }`, `json { … }`";
  }

  const Token& following(size_t places) const {
    return stream_.token_at(std::min(stream_.index() + places, stream_.count()))->token();
  }

  // The rest of the line behind a token, without blanks around it.
  std::string_view rest_of_line(const Token& token) const {
    std::string_view rest = stream_.source().text().substr(token.end);
    rest = rest.substr(0, std::min(rest.find('\n'), rest.find("//")));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    while (rest.ends_with(' ') || rest.ends_with('\r')) rest.remove_suffix(1);
    return rest;
  }

  static bool names_built_in_type(std::string_view word) {
    static constexpr std::string_view kTypes[] = {"bool", "int",  "float", "string", "duration",
                                                  "size", "time", "json",  "secret", "file",
                                                  "list", "map",  "range"};
    return std::find(std::begin(kTypes), std::end(kTypes), word) != std::end(kTypes);
  }

  // `x?: string`: the `?` belongs to the type.
  bool question_behind_name() {
    if (found_.kind != Kind::kQuest || previous_ == nullptr || !is_name(previous_->token()) ||
        following(1).kind != Kind::kColon)
      return false;
    const Token& type = following(2);
    const std::string_view shown = is_word(type.kind) ? text(type) : "string";
    error_.label.clear();
    set(SyntaxError::Code::kUnexpected, "a `?` can't follow a name",
        fmt::format("what may be null has it behind its type: write `{}: {}?`",
                    text(previous_->token()), shown));
    return true;
  }

  // `string x`, `list<string> xs`: the type before the name.
  bool type_before_name() {
    if (previous_ == nullptr) return false;
    const Token& type = previous_->token();
    const bool in_fields =
        (has(expected_, Kind::kRparen) && rule() == RunbookParser::RuleParams) ||
        (has(expected_, Kind::kRbrace) && rule() == RunbookParser::RuleDeclaration);
    const Kind first = statement_begin().kind;
    const bool declares = (first == Kind::kLet || first == Kind::kVar) && before(2) != nullptr &&
                          before(2)->kind == first;
    if (!in_fields && !declares) return false;
    const bool is_generic = (found_.kind == Kind::kLt || found_.kind == Kind::kTypeLt) &&
                            names_built_in_type(text(type));
    const bool is_plain = is_name(found_) && !found_.line_start &&
                          (type.kind == Kind::kUpper || names_built_in_type(text(type)));
    if (!is_plain && !is_generic) return false;
    error_.span = previous_->span();
    error_.label.clear();
    set(SyntaxError::Code::kMissingType, "the name stands before its type",
        is_plain ? fmt::format("write `{}: {}`", text(found_), text(type))
                 : fmt::format("write `name: {}<…>`", text(type)));
    return true;
  }

  // `approval go {`: without what is asked.
  bool lost_question() {
    const Token& begin = statement_begin();
    if (found_.kind != Kind::kLbrace && found_.kind != Kind::kVbrace) return false;
    if ((begin.kind != Kind::kApproval && begin.kind != Kind::kAsk) ||
        !has(expected_, Kind::kInt) || before(2) == nullptr || before(2)->begin != begin.begin)
      return false;
    set(SyntaxError::Code::kMissingValue,
        fmt::format("`{}` does not say what is asked", text(previous_->token())),
        fmt::format("write the question before the brace: `{} {} \"Go on?\" {{`", text(begin),
                    text(previous_->token())));
    return true;
  }

  // `match x:`: a block with a colon.
  bool colon_behind_head() {
    if (found_.kind != Kind::kLabel) return false;
    const std::string_view word = text(found_);
    const std::string_view rest = rest_of_line(following(1));
    if (!opens_block(statement_begin().kind) || !rest.empty()) return false;
    error_.span = {following(1).begin, following(1).end, stream_.source().id()};
    error_.label.clear();
    set(SyntaxError::Code::kMissingBlock, "a block stands in braces",
        fmt::format("write `{} {} {{` here, and `}}` at its end", text(statement_begin()), word));
    return true;
  }

  static bool opens_block(Kind kind) {
    return kind == Kind::kIf || kind == Kind::kFor || kind == Kind::kMatch ||
           kind == Kind::kRepeat || kind == Kind::kElse || kind == Kind::kElseIf ||
           kind == Kind::kLock;
  }

  // `"${X:-default}"`, of a shell.
  bool shell_default() {
    if (found_.kind != Kind::kLabel || previous_ == nullptr ||
        previous_->token().kind != Kind::kInterpBegin)
      return false;
    std::string name(text(found_));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool has_sign = following(2).kind == Kind::kMinus || following(2).kind == Kind::kPlus ||
                          following(2).kind == Kind::kAssign || following(2).kind == Kind::kQuest;
    error_.label.clear();
    set(SyntaxError::Code::kForeignOperator,
        has_sign ? fmt::format("there is no `:{}` in `${{}}`", text(following(2)))
                 : "a `:` can't stand in `${}`",
        fmt::format("write `${{{} ?? \"…\"}}` for what may be null; for the shell's own variable "
                    "`$$\"…\"`, where `${{}}` is left to the shell",
                    name));
    return true;
  }

  // Words of other languages between what is right: `require c, "…"`, `for x of xs`, `P { a = 1 }`.
  bool foreign_joint() {
    if (previous_ == nullptr) return false;
    const Token& begin = statement_begin();
    if (begin.kind == Kind::kRequire && found_.kind == Kind::kComma &&
        has(expected_, Kind::kTerm)) {
      set(SyntaxError::Code::kUnexpected, "the message of a `require` stands behind `else`",
          "write `require condition else \"…\"`");
      return true;
    }
    if (begin.kind == Kind::kFor && has(expected_, Kind::kIn) && found_.kind == Kind::kName) {
      set(SyntaxError::Code::kUnexpected, fmt::format("expected `in`, found {}", found_text()),
          fmt::format("write `for {} in …`", text(previous_->token())));
      return true;
    }
    if (found_.kind == Kind::kAssign && has(expected_, Kind::kRbrace) && in_entries() &&
        is_name(previous_->token())) {
      set(SyntaxError::Code::kUnexpected, "an entry has a `:`, no `=`",
          fmt::format("write `{}: …`", text(previous_->token())));
      return true;
    }
    return false;
  }

  // `start c(…)` where no step is, and so nothing that would wait for the run or undo it.
  bool start_without_step() {
    if (previous_ == nullptr || !is_name(found_) || found_.line_start) return false;
    const std::string_view word = text(previous_->token());
    const Kind next = following(1).kind;
    if ((word != "start" && word != "detach") || (next != Kind::kLparen && next != Kind::kDot))
      return false;
    const Token& begin = statement_begin();
    const bool names = (begin.kind == Kind::kLet || begin.kind == Kind::kVar) &&
                       before(2) != nullptr && before(2)->kind == Kind::kAssign &&
                       before(3) != nullptr && is_name(*before(3));
    const bool is_statement = begin.begin == previous_->token().begin;
    error_.span = previous_->span();
    error_.label.clear();
    set(SyntaxError::Code::kUnexpected,
        fmt::format("only a step has a `{}`: it makes a run of its own", word),
        fmt::format("write `step {} = {} {}{}`{}", names ? text(*before(3)) : "run", word,
                    text(found_), next == Kind::kDot ? ".…(…)" : "(…)",
                    names || is_statement ? "" : " in a line before, and use its name here"));
    return true;
  }

  // A misspelt clause, a lost comma between people, a lost time, in what people are asked.
  bool mistake_in_clauses() {
    static constexpr std::string_view kApproval[] = {
        "by", "not by", "quorum", "form", "notify", "expires", "break_glass", "allow starter"};
    static constexpr std::string_view kSchedule[] = {"cron", "every", "overlap", "missed",
                                                     "outside"};
    if (rule() == RunbookParser::RuleApprovalBody || rule() == RunbookParser::RuleScheduleBody) {
      const bool is_approval = rule() == RunbookParser::RuleApprovalBody;
      const std::string_view meant = is_approval ? nearest_name(text(found_), kApproval)
                                                 : nearest_name(text(found_), kSchedule);
      if (is_word(found_.kind) && !meant.empty() && meant != text(found_)) {
        error_.label.clear();
        set(SyntaxError::Code::kUnknownClause, fmt::format("there is no clause {}", found_text()),
            fmt::format("did you mean `{}`?", meant));
        return true;
      }
    }
    if (previous_ == nullptr) return false;
    const std::string_view who = text(found_);
    if (before(2) != nullptr && (who == "user" || who == "group" || who == "starter") &&
        (text(*before(2)) == "user" || text(*before(2)) == "group") && !found_.line_start) {
      set(SyntaxError::Code::kMissingSeparator,
          fmt::format("a comma is missing before {}", found_text()),
          fmt::format("write `{} {}, {}`", text(*before(2)), cut(text(previous_->token())), who));
      return true;
    }
    if (text(previous_->token()) == "then" && before(2) != nullptr &&
        text(*before(2)) == "expires") {
      error_.span = previous_->span();
      error_.label.clear();
      set(SyntaxError::Code::kMissingValue, "`expires` does not say how long people have",
          fmt::format("write the time before `then`: `expires 4h then {}`", text(found_)));
      return true;
    }
    return false;
  }

  // Mistakes that have a name of their own.
  bool special() {
    const bool wants_end = has(expected_, Kind::kTerm) && expected_.size() == 1;
    const std::string found = found_text();
    if (question_behind_name() || type_before_name() || lost_question() || colon_behind_head() ||
        shell_default() || foreign_joint() || start_without_step() || mistake_in_clauses())
      return true;
    if ((wants_end && foreign_statement()) || foreign_assignment() || foreign_catch()) return true;
    if (wants_end && misspelt_statement()) return true;
    const bool wants_name = has(expected_, Kind::kName);
    const bool clause = is_clause_word(found_.kind) || found_.kind == Kind::kOnFailure ||
                        found_.kind == Kind::kOnDoubt;
    if (found_.kind == Kind::kOn && clause) {
      const Token& next = stream_.token_at(stream_.index() + 1)->token();
      static constexpr std::string_view kConditions[] = {"failure", "doubt"};
      const std::string_view meant = nearest_name(text(next), kConditions);
      static constexpr std::string_view kFailing[] = {"fail", "fails", "failed", "error", "errors"};
      const bool shortened = meant.empty() && std::find(std::begin(kFailing), std::end(kFailing),
                                                        text(next)) != std::end(kFailing);
      if (shortened || (!meant.empty() && text(next) != meant)) {
        error_.span.end = next.end;
        error_.label.clear();
        set(SyntaxError::Code::kUnknownClause,
            fmt::format("there is no clause `on {}`", text(next)),
            fmt::format("did you mean `on {}`?", shortened ? "failure" : meant));
        return true;
      }
    }
    if (clause && has(expected_, Kind::kLbrace) && has(expected_, Kind::kAssign) &&
        statement_begin().kind == Kind::kStep) {
      set(SyntaxError::Code::kClauseBeforeBody,
          fmt::format("{} stands before what the step does", found),
          "a step's clauses stand behind its call, or behind the `}` of its block");
      return true;
    }
    if ((wants_end || has(expected_, Kind::kStep)) && clause) {
      const Kind first = statement_begin().kind;
      const bool names = first == Kind::kLet || first == Kind::kVar;
      set(SyntaxError::Code::kClauseWithoutCall,
          fmt::format("only a step or a call takes {}", found),
          names ? fmt::format("write `step` in place of `{}`", text(statement_begin()))
                : "put it behind the call that it is for");
      return true;
    }
    if (wants_end && found_.kind == Kind::kLbrace && previous_ != nullptr) {
      set(SyntaxError::Code::kBraceWithoutType,
          fmt::format("no block can follow {}", after().substr(6)),
          "a value in braces has its type before it: `Name { … }`, `map { … }`, `json { … }`");
      return !after().empty();
    }
    if (previous_ != nullptr && has(expected_, Kind::kInt)) {
      const Kind before = previous_->token().kind;
      const bool ends = is_closer(found_.kind) || found_.kind == Kind::kComma ||
                        is_operator(found_.kind) || found_.kind == Kind::kQdot;
      if ((before == Kind::kWait || before == Kind::kFail) && ends) {
        error_.span = previous_->span();
        error_.label.clear();
        set(SyntaxError::Code::kReserved,
            fmt::format("`{}` is a word of the language and can't name a value",
                        text(previous_->token())),
            "choose another name");
        return true;
      }
    }
    if (rule() == RunbookParser::RuleBlock && found_.line_start && is_operator(found_.kind)) {
      set(SyntaxError::Code::kOperatorAtLineStart,
          fmt::format("a line can't begin with the operator {}", found),
          "put it at the end of the line before");
      return true;
    }
    if (rule() == RunbookParser::RuleBlock || wants_end) {
      if (found_.kind == Kind::kElse || found_.kind == Kind::kElseIf ||
          found_.kind == Kind::kElseValue) {
        set(SyntaxError::Code::kStrayElse, "this `else` follows no `if`",
            "an `else` comes directly after the `}` of its `if`");
        return true;
      }
      if (found_.kind == Kind::kCase) {
        set(SyntaxError::Code::kStrayCase, "this `case` is in no `match`",
            "arms stand directly in the braces of `match` or `wait first`");
        return true;
      }
    }
    if (rule() == RunbookParser::RuleBlock && is_decl_word(found_.kind)) {
      set(SyntaxError::Code::kDeclarationInBlock, fmt::format("a {} can't stand in a block", found),
          found_.kind == Kind::kConst ? "write `let`: what it names never changes"
                                      : "declare it beside this, not within");
      return true;
    }
    const Kind before = previous_ == nullptr ? Kind::kNoToken : previous_->token().kind;
    const bool value_place = before == Kind::kLparen || before == Kind::kLbrack ||
                             before == Kind::kComma || is_operator(before);
    if ((wants_name || value_place) && is_reserved(found_.kind) && found_.kind != Kind::kIn &&
        !starts_statement()) {
      set(SyntaxError::Code::kReserved,
          fmt::format("{} is a word of the language and can't name a value", found),
          "choose another name");
      return true;
    }
    return false;
  }

  bool starts_statement() const {
    return found_.kind >= Kind::kLet && found_.kind <= Kind::kCrash && found_.line_start;
  }

  std::string hint() {
    if (found_.kind == Kind::kAssign && has(expected_, Kind::kLbrace)) return "compare with `==`";
    if (found_.kind == Kind::kLbrace && (has(expected_, Kind::kInt) || in_brackets()))
      return brace_cure();
    if (found_.kind == Kind::kQuest) return "write `if … { … } else { … }`: it has a value";
    if (found_.kind == Kind::kArrow) return "a function is written `fn(x) => …`";
    if (found_.kind == Kind::kColon && has(expected_, Kind::kLbrace))
      return "a block stands in braces: `{ … }`";
    if (found_.kind == Kind::kLparen && previous_ != nullptr &&
        previous_->token().kind == Kind::kFor)
      return "write `for x in xs { … }`; counting is `for i in 1..10 { … }`";
    const bool in_fields = (has(expected_, Kind::kRparen) && in_list()) ||
                           (has(expected_, Kind::kRbrace) && in_entries());
    if (in_fields && is_name(found_) && previous_ != nullptr &&
        previous_->token().kind == Kind::kName && !found_.line_start) {
      error_.code = SyntaxError::Code::kMissingType;
      return fmt::format("a type follows a `:`: write `{}: {}`", text(previous_->token()),
                         text(found_));
    }
    if (has(expected_, Kind::kAssign) && found_.kind == Kind::kName && previous_ != nullptr)
      return "a type follows a `:`";
    if (has(expected_, Kind::kLbrace) && expected_.size() == 1 && at_end())
      return fmt::format("the block of `{}` begins with a `{{` on this line",
                         cut(text(statement_begin())));
    if (rule() == RunbookParser::RuleMatchBody || rule() == RunbookParser::RuleWaitBody)
      return "each arm is written `case pattern => value`";
    if (rule() == RunbookParser::RuleApprovalBody)
      return "it holds `by quorum form notify expires break_glass allow`";
    if (rule() == RunbookParser::RuleScheduleBody)
      return "it holds `cron every overlap missed outside`";
    if (rule() == RunbookParser::RuleTriggerBody) return "it holds `from key at most`";
    if (rule() == RunbookParser::RuleCalendarBody) return "it holds `closed`";
    if (has(expected_, Kind::kTerm) && expected_.size() == 1)
      return "what follows is a statement of its own: begin a new line";
    return {};
  }

  antlr4::Parser& parser_;
  DeclStream& stream_;
  const Set& expected_;
  const Token found_;
  const StreamToken* previous_;
  SyntaxError error_;
};

}  // namespace

SyntaxError unexpected_token(antlr4::Parser& parser, DeclStream& stream,
                             const antlr4::misc::IntervalSet& expected) {
  return Words(parser, stream, expected).error();
}

}  // namespace rbk::syntax
