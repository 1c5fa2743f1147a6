#include "compiler/syntax/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "compiler/syntax/brackets.h"
#include "compiler/syntax/similar.h"
#include "compiler/syntax/token_classes.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

class Layouter {
 public:
  Layouter(const source::Source& source, const Balanced& balanced, std::vector<SyntaxError>& errors)
      : source_(source), in_(balanced.tokens), broken_(balanced.broken), errors_(errors) {}

  Layout run() {
    out_.tokens.reserve(in_.size() + in_.size() / 8 + 16);
    contexts_.push_back({});
    while (i_ < in_.size()) {
      if (!in_decl_) {
        if (in_[i_].kind == Kind::kSemi) {  // it ends a declaration that a newline has ended
          ++i_;
          continue;
        }
        if (!begin_declaration()) skip_junk();
        continue;
      }
      if (contexts_.size() == 1 && in_[i_].decl_start && i_ > decl_begin_) {
        end_declaration();
        continue;
      }
      token();
      ++i_;
    }
    if (in_decl_) end_declaration();
    return std::move(out_);
  }

 private:
  enum class Place { kTop, kRound, kBlock, kApprovalBlock, kItems, kEntries, kMembers };
  struct Context {
    Place place = Place::kTop;
    bool head = false;         // between `if`, `for`, … and its `{`
    bool sandbox = false;      // the next `{` holds a sandbox's entries
    bool wait_signal = false;  // a `timeout` would be the wait's
    bool given_decision = false;
    bool assigned = false;        // past this statement's `=`
    uint32_t elements = 0;        // that have ended in it
    Kind opens = Kind::kNoToken;  // this statement's first token
  };

  Kind next_kind(size_t ahead = 1) const {
    return i_ + ahead < in_.size() ? in_[i_ + ahead].kind : Kind::kNoToken;
  }
  Context& here() { return contexts_.back(); }
  std::string_view text(const Token& token) const {
    return source_.text({token.begin, token.end, source_.id()});
  }
  Kind last() const {
    return out_.tokens.size() > decl_first_ ? out_.tokens.back().kind : Kind::kNoToken;
  }
  Kind before_last() const {
    const size_t n = out_.tokens.size();
    return n >= decl_first_ + 2 ? out_.tokens[n - 2].kind : Kind::kNoToken;
  }

  void report(SyntaxError::Code code, const Token& token, std::string message, std::string hint) {
    if (errors_.size() >= kMaxErrors) return;
    SyntaxError error;
    error.code = code;
    error.span = {token.begin, token.end, source_.id()};
    error.message = std::move(message);
    error.hint = std::move(hint);
    errors_.push_back(std::move(error));
  }

  void emit(Token token, Kind kind) {
    token.kind = kind;
    if (kind == Kind::kTerm) {
      Context& context = here();
      context.head = context.sandbox = context.wait_signal = context.given_decision = false;
      context.assigned = false;
      context.opens = Kind::kNoToken;
    } else if (here().opens == Kind::kNoToken) {
      here().opens = kind;
    }
    block_closed_ = false;
    out_.tokens.push_back(token);
  }

  void emit_term() {
    Token term;
    term.begin = term.end = out_.tokens.back().end;
    emit(term, Kind::kTerm);
  }

  void count_element(const Token& token) {
    if (++here().elements != kMaxElements) return;
    unreadable_ = true;
    report(SyntaxError::Code::kSyntaxLimit, token,
           fmt::format("this has more than {} elements", kMaxElements),
           "let the runbook read them when it runs, from a file or a command");
  }

  // ---- Declarations

  bool begin_declaration() {
    size_t at = i_;
    while (at < in_.size() && in_[at].kind == Kind::kAtSign) {
      at += 2;
      if (at < in_.size() && in_[at].kind == Kind::kLparen) at = past_group(at);
    }
    if (at >= in_.size() || !is_decl_word(in_[at].kind)) return false;
    in_decl_ = true;
    decl_begin_ = i_;
    decl_first_ = out_.tokens.size();
    decl_word_at_ = at;
    decl_word_ = in_[at].kind;
    native_ = decl_word_ == Kind::kFn && ends_in_native(at);
    decl_head_ = decl_word_ != Kind::kImport && decl_word_ != Kind::kConst;
    angle_ = 0;
    unreadable_ = false;
    contexts_.resize(1);
    contexts_.front() = {};
    return true;
  }

  // The token after the group that `at` opens.
  size_t past_group(size_t at) const {
    size_t depth = 0;
    for (; at < in_.size(); ++at) {
      if (is_opener(in_[at].kind)) ++depth;
      if (is_closer(in_[at].kind) && --depth == 0) return at + 1;
    }
    return at;
  }

  void end_declaration() {
    DeclRange range;
    range.first = decl_first_;
    range.last = out_.tokens.size();
    range.readable = !unreadable_;
    const size_t end = range.last > range.first ? out_.tokens.back().end : in_[decl_begin_].end;
    range.span = {in_[decl_begin_].begin, static_cast<uint32_t>(end), source_.id()};
    out_.decls.push_back(range);
    in_decl_ = false;
    contexts_.resize(1);
  }

  // What stands between declarations: one error, up to the next that reads like one.
  void skip_junk() {
    const Token first = in_[i_];
    uint32_t end = first.end;
    const size_t begin = i_;
    while (i_ < in_.size()) {
      const Token& token = in_[i_];
      if (i_ > begin && (token.decl_start || (token.line_start && is_decl_word(token.kind)))) break;
      const size_t next = is_opener(token.kind) ? past_group(i_) : i_ + 1;
      end = in_[next - 1].end;
      const bool block = token.kind == Kind::kLbrace;
      i_ = next;
      if (block && i_ < in_.size() && is_decl_word(in_[i_].kind)) break;
    }
    report_junk(first);
    DeclRange range;
    range.first = range.last = out_.tokens.size();
    range.span = {first.begin, end, source_.id()};
    range.readable = false;
    out_.decls.push_back(range);
  }

  bool on_broken_line(const Token& token) const {
    return std::any_of(broken_.begin(), broken_.end(),
                       [&](const Broken& stretch) { return stretch.holds(token.begin); });
  }

  void report_junk(const Token& first) {
    if (on_broken_line(first)) return;
    const std::string_view word = text(first);
    std::string hint =
        "a file holds `import const fn record enum error runbook action schedule "
        "trigger calendar test invariant`";
    if (is_word(first.kind) && is_reserved(first.kind)) {
      hint = "put it in a `runbook name() { … }`";
    } else if (is_word(first.kind)) {
      if (const std::string_view close = similar_declaration_word(word); !close.empty())
        hint = fmt::format("did you mean `{}`?", close);
    }
    report(SyntaxError::Code::kNotADeclaration, first,
           fmt::format("expected a declaration, found `{}`", word.substr(0, 40)), std::move(hint));
  }

  // ---- One token

  void token() {
    const Token token = in_[i_];
    if (ends_line(token)) {
      emit_term();
      if (contexts_.size() == 1) {
        end_declaration();
        --i_;
        return;
      }
    }
    if (is_closer(token.kind)) return close(token);
    if (is_opener(token.kind)) return open(token);
    switch (token.kind) {
      case Kind::kSemi:
        return semicolon(token);
      case Kind::kComma:
        // A comma before a closer says nothing.
        if (is_closer(next_kind()) && !is_opener(last()) && last() != Kind::kComma) return;
        count_element(token);
        return emit(token, Kind::kComma);
      case Kind::kAssign:
        emit(token, Kind::kAssign);
        here().assigned = true;
        if (contexts_.size() == 1 && (decl_word_ == Kind::kAction || native_)) decl_head_ = false;
        return;
      case Kind::kLt:
        return less(token);
      case Kind::kGt:
      case Kind::kGe:
        return greater(token);
      case Kind::kRange:
        return emit(token, next_kind() == Kind::kRbrack ? Kind::kRangeOpen : Kind::kRange);
      case Kind::kPercent:
        if (ends_share()) return emit(token, Kind::kToleratePercent);
        if (is_share_elsewhere(token)) return;
        return emit(token, Kind::kPercent);
      default:
        if (is_word(token.kind)) return word(token);
        if (token.kind != Kind::kDot && token.kind != Kind::kQuest) angle_ = 0;
        emit(token, token.kind);
    }
  }

  // `tolerate 5`, and the share below zero that the checker refuses.
  bool ends_share() const {
    const size_t n = out_.tokens.size();
    const bool negative = before_last() == Kind::kMinus && n >= decl_first_ + 3;
    return (negative ? out_.tokens[n - 3].kind : before_last()) == Kind::kTolerate;
  }

  // `x = 5%`: read as what remains of a division, it would go on with the next line.
  bool is_share_elsewhere(const Token& token) {
    const bool is_number =
        (last() == Kind::kInt || last() == Kind::kFloat) && out_.tokens.back().end == token.begin;
    const Kind next = next_kind();
    const bool ends = next == Kind::kNoToken || in_[i_ + 1].line_start || is_closer(next) ||
                      next == Kind::kComma || next == Kind::kSemi || next == Kind::kLbrace;
    if (!is_number || !ends) return false;
    Token share = out_.tokens.back();
    const std::string_view number = text(share);
    share.end = token.end;
    report(SyntaxError::Code::kBadNumber, share,
           fmt::format("a share like `{}%` stands only after `tolerate`", number),
           "write it as a fraction: `0.05` is 5%");
    return true;
  }

  bool newlines_count() const {
    const Place place = contexts_.back().place;
    return place != Place::kRound && !(place == Place::kTop && (decl_head_ || i_ <= decl_word_at_));
  }

  // Whether a terminator stands before this token.
  bool ends_line(const Token& token) {
    const Kind previous = last();
    if (previous == Kind::kNoToken || previous == Kind::kTerm) return false;
    if (contexts_.size() == 1 && decl_word_ == Kind::kError && decl_head_)
      return i_ > decl_word_at_ + 1 && token.kind != Kind::kLbrace;
    if (!newlines_count() || is_closer(token.kind)) return false;
    const bool after_block = block_closed_ && contexts_.size() > 1;
    if (!token.line_start) return after_block && !follows_block(token.kind) && !continues(token);
    // `let a = 1 +` is broken, but the statement below it is not part of it.
    if (joins_next_line(previous) && !after_doubled_sign())
      return opens_statement_only(token.kind) && !is_opener(previous) && previous != Kind::kComma &&
             next_kind() != Kind::kColon;
    if (previous == Kind::kColon) return looks_like_entry();
    if (continues(token) || (in_entries() && after_annotation())) return false;
    return !belongs_to_line_before(token);
  }

  // `i++` of other languages: read with the next line, its mistake would be told there.
  bool after_doubled_sign() const {
    if (i_ < 2) return false;
    const Token& second = in_[i_ - 1];
    const Token& first = in_[i_ - 2];
    return (second.kind == Kind::kPlus || second.kind == Kind::kMinus) &&
           first.kind == second.kind && first.end == second.begin;
  }

  // `@deprecated(use: b)` on a line of its own, above the field that it is about.
  bool after_annotation() const {
    size_t at = i_;
    size_t depth = 0;
    if (at > 0 && in_[at - 1].kind == Kind::kRparen) {
      while (at > 0) {
        --at;
        if (is_closer(in_[at].kind)) ++depth;
        if (is_opener(in_[at].kind) && --depth == 0) break;
      }
    }
    return at >= 2 && is_word(in_[at - 1].kind) && in_[at - 2].kind == Kind::kAtSign;
  }

  bool in_entries() const {
    const Place place = contexts_.back().place;
    return place == Place::kEntries || place == Place::kMembers;
  }

  // A line that begins with this goes on with the one before.
  bool continues(const Token& token) const {
    const bool labelled = next_kind() == Kind::kColon;
    switch (token.kind) {
      case Kind::kDot:
        return is_word(next_kind()) && !(in_entries() && next_kind(2) == Kind::kColon);
      case Kind::kQdot:
        return true;
      case Kind::kElse:
      case Kind::kCatch:
      case Kind::kWhere:
        return !labelled && contexts_.back().place != Place::kMembers;
      default:
        return is_clause_word(token.kind) && (!labelled || is_clause_with_colon(token)) &&
               !in_entries();
    }
  }

  // `timeout: 5m` below a step, as configurations have it: no line of a block begins with a label.
  bool is_clause_with_colon(const Token& token) const {
    return is_clause_word(token.kind) && next_kind() == Kind::kColon &&
           (token.line_start || ends_operand(last())) && contexts_.back().place == Place::kBlock;
  }

  void clause_with_colon(const Token& token) {
    const std::string_view word = text(token);
    std::string_view rest = source_.text().substr(in_[i_ + 1].end);
    rest = rest.substr(0, std::min(rest.find('\n'), rest.find("//")));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    while (rest.ends_with(' ') || rest.ends_with('\r')) rest.remove_suffix(1);
    const bool counts = token.kind == Kind::kRetry && !rest.empty() &&
                        rest.find_first_not_of("0123456789") == rest.npos;
    report(SyntaxError::Code::kUnknownClause, token,
           fmt::format("the clause `{}` has no `:`", word),
           counts                  ? fmt::format("write `{} {} times`", word, rest)
           : rest.starts_with('{') ? fmt::format("write `{} {{ … }}`", word)
           : rest.size() > 40      ? fmt::format("write `{} …`", word)
                                   : fmt::format("write `{} {}`", word, rest));
    emit(token, token.kind);
    ++i_;  // the colon
  }

  // After `key:` at a line's end: the value stands here, unless this is the next entry.
  bool looks_like_entry() const {
    const Kind kind = in_[i_].kind;
    return (is_word(kind) || kind == Kind::kString) && next_kind() == Kind::kColon;
  }

  // What stands on a line of its own by mistake is reported and read as if it did not.
  bool belongs_to_line_before(const Token& token) {
    const Context& context = contexts_.back();
    const Kind next = next_kind();
    const bool a_name = next == Kind::kColon || next == Kind::kAssign || next == Kind::kLparen ||
                        next == Kind::kDot || token.line_start == false;
    if (token.kind == Kind::kLbrace && (context.head || opens_block(context))) {
      report(SyntaxError::Code::kLineOfItsOwn, token, "this `{` stands on a line of its own",
             "put it at the end of the line before");
      return true;
    }
    if (token.kind == Kind::kThen && !a_name &&
        (context.place == Place::kApprovalBlock || context.place == Place::kItems)) {
      report(SyntaxError::Code::kLineOfItsOwn, token, "this `then` stands on a line of its own",
             "put it on the line before");
      return true;
    }
    const bool head_word = token.kind == Kind::kLimit || token.kind == Kind::kEvery ||
                           token.kind == Kind::kAt || token.kind == Kind::kExpires ||
                           token.kind == Kind::kIn;
    if (context.head && head_word && !a_name) {
      report(SyntaxError::Code::kLineOfItsOwn, token,
             fmt::format("this `{}` stands on a line of its own", text(token)),
             fmt::format("the head of a `{}` stays on one line", head_name(context)));
      return true;
    }
    return false;
  }

  static bool opens_block(const Context& context) {
    return context.opens == Kind::kStep && !context.assigned;
  }

  std::string_view head_name(const Context& context) const {
    for (const grammar::Word& word : grammar::kWords) {
      if (static_cast<Kind>(word.kind) == context.opens && opens_head(context.opens))
        return word.text;
    }
    return "statement";
  }

  void semicolon(const Token& token) {
    if (contexts_.back().place == Place::kRound) {
      report(SyntaxError::Code::kSemicolonInBrackets, token, "a `;` stands inside brackets",
             "separate with `,`");
      return emit(token, Kind::kComma);
    }
    if (in_entries()) {
      report(SyntaxError::Code::kSemicolonInBrackets, token, "a `;` stands between entries",
             "separate them with `,` or a new line");
      return emit(token, Kind::kComma);
    }
    const Kind previous = last();
    if (previous == Kind::kTerm || is_opener(previous)) return;
    emit(token, Kind::kTerm);
    if (contexts_.size() == 1) end_declaration();
  }

  // ---- Brackets

  void open(const Token& token) {
    const Kind kind = token.kind == Kind::kLbrace ? brace_kind() : token.kind;
    Context inner;
    if (kind == Kind::kLbrace) {
      inner.place = block_place();
      here().head = false;
    } else if (kind == Kind::kVbrace) {
      inner.place = Place::kEntries;
    } else if (kind == Kind::kEbrace) {
      inner.place =
          contexts_.size() == 1 && decl_word_ == Kind::kEnum ? Place::kMembers : Place::kEntries;
      here().sandbox = false;
    } else {
      inner.place = Place::kRound;
    }
    if (kind != Kind::kLparen && kind != Kind::kLbrack) angle_ = 0;
    emit(token, kind);
    contexts_.push_back(inner);
    if (contexts_.size() > kMaxNesting && !unreadable_) {
      unreadable_ = true;
      report(SyntaxError::Code::kSyntaxLimit, token,
             fmt::format("brackets are nested deeper than {}", kMaxNesting),
             "give the inner parts names with `let` or `fn`");
    }
  }

  Place block_place() const {
    if (contexts_.size() == 1) {
      const bool items = decl_word_ == Kind::kSchedule || decl_word_ == Kind::kTrigger ||
                         decl_word_ == Kind::kCalendar;
      return items ? Place::kItems : Place::kBlock;
    }
    const Context& context = contexts_.back();
    return context.head &&
                   (context.opens == Kind::kApproval || context.opens == Kind::kAsk || question_)
               ? Place::kApprovalBlock
               : Place::kBlock;
  }

  Kind brace_kind() {
    const Context& context = contexts_.back();
    const Kind previous = last();
    if (contexts_.size() == 1 && decl_head_) {
      const bool entries =
          decl_word_ == Kind::kRecord || decl_word_ == Kind::kEnum || decl_word_ == Kind::kError;
      return entries ? Kind::kEbrace : Kind::kLbrace;
    }
    if (previous == Kind::kApprove || previous == Kind::kAnswer || context.sandbox)
      return Kind::kEbrace;
    if (previous == Kind::kForm && context.place == Place::kApprovalBlock) return Kind::kEbrace;
    if (context.head || opens_block(context)) return Kind::kLbrace;
    const bool typed = previous == Kind::kUpper || previous == Kind::kMap ||
                       previous == Kind::kJson || previous == Kind::kEnv ||
                       (previous == Kind::kMember && starts_upper(out_.tokens.back()));
    return typed ? Kind::kVbrace : Kind::kLbrace;
  }

  bool starts_upper(const Token& token) const {
    const std::string_view word = text(token);
    return !word.empty() && word.front() >= 'A' && word.front() <= 'Z';
  }

  void close(const Token& token) {
    if (contexts_.size() == 1) return;  // balanced before: only a file that is cut off gets here
    const Place place = contexts_.back().place;
    const bool block =
        place == Place::kBlock || place == Place::kApprovalBlock || place == Place::kItems;
    if (block && last() != Kind::kTerm && last() != Kind::kLbrace) emit_term();
    contexts_.pop_back();
    emit(token, token.kind);
    block_closed_ = block;
    angle_ = 0;
    if (contexts_.size() == 1 && decl_head_ && token.kind == Kind::kRbrace) end_declaration();
  }

  void less(const Token& token) {
    const Kind previous = last();
    const bool generic = previous == Kind::kList || previous == Kind::kMap ||
                         (previous == Kind::kUpper && text(out_.tokens.back()) == "Result") ||
                         holds_one_type();
    const Kind before = before_last();
    const bool a_type = before == Kind::kColon || before == Kind::kRarrow || before == Kind::kAs ||
                        before == Kind::kTypeLt || before == Kind::kFnNative ||
                        (before == Kind::kComma && angle_ > 0);
    if (!generic || !a_type) {
      angle_ = 0;
      return emit(token, Kind::kLt);
    }
    ++angle_;
    emit(token, Kind::kTypeLt);
    if (contexts_.size() + angle_ > kMaxNesting && !unreadable_) {
      unreadable_ = true;
      report(SyntaxError::Code::kSyntaxLimit, token, "this type is nested too deep",
             "declare a `record` for the inner one");
    }
  }

  // `< T >` after any other name: `range<int>`. Comparisons don't chain, so it is nothing else.
  bool holds_one_type() const {
    if (!is_word(last()) || !is_word(next_kind())) return false;
    size_t ahead = 2;
    while (next_kind(ahead) == Kind::kDot && is_word(next_kind(ahead + 1))) ahead += 2;
    if (next_kind(ahead) == Kind::kQuest) ++ahead;
    return next_kind(ahead) == Kind::kGt || next_kind(ahead) == Kind::kGe;
  }

  void greater(Token token) {
    if (angle_ == 0) return emit(token, token.kind);
    --angle_;
    if (token.kind == Kind::kGt) return emit(token, Kind::kTypeGt);
    Token rest = token;  // `list<int>= x`
    token.end = rest.begin = token.begin + 1;
    emit(token, Kind::kTypeGt);
    emit(rest, Kind::kAssign);
    here().assigned = true;
  }

  // ---- Words

  void word(const Token& token) {
    const Kind previous = last();
    Kind kind = token.kind;
    if ((previous == Kind::kDot || previous == Kind::kQdot) && !token.line_start)
      return emit(token, Kind::kMember);
    if (contexts_.back().place == Place::kMembers &&
        (previous == Kind::kEbrace || previous == Kind::kComma || previous == Kind::kTerm))
      return emit(token, Kind::kMember);
    if (is_clause_with_colon(token)) return clause_with_colon(token);
    if (next_kind() == Kind::kColon) return emit(token, Kind::kLabel);
    if (i_ == decl_word_at_) return emit(token, native_ ? Kind::kFnNative : kind);
    if (kind == Kind::kName) return emit(token, kind);
    switch (kind) {
      case Kind::kError:
      case Kind::kAction:
      case Kind::kSchedule:
      case Kind::kTrigger:
      case Kind::kCalendar:
      case Kind::kTest:
      case Kind::kInvariant:
        return emit(token, Kind::kName);
      case Kind::kWait:
        return emit(token, wait_kind());
      case Kind::kFirst:
        return emit(token, previous == Kind::kWaitFirst ? Kind::kFirst : Kind::kName);
      case Kind::kSignal:
        return signal(token);
      case Kind::kStart:
      case Kind::kDetach: {
        const bool launches = previous == Kind::kAssign && here().opens == Kind::kStep &&
                              is_word(next_kind()) && !is_reserved(next_kind()) &&
                              !in_[i_ + 1].line_start;
        return emit(token, launches ? kind : Kind::kName);
      }
      case Kind::kApprove:
      case Kind::kAnswer: {
        const bool replies = here().given_decision && previous == Kind::kArrow;
        return emit(token, replies ? kind : Kind::kName);
      }
      case Kind::kTimeout:
        if (here().wait_signal) {
          here().wait_signal = false;
          return emit(token, Kind::kWaitTimeout);
        }
        return emit(token, kind);
      case Kind::kOn:
        return on(token);
      case Kind::kIn:
        return emit(token, contexts_.size() == 2 && decl_word_ == Kind::kSchedule ? Kind::kZoneIn
                                                                                  : Kind::kIn);
      case Kind::kEvery:
        return emit(token, previous == Kind::kClosed ? Kind::kEveryDay : kind);
      case Kind::kIf:
        if (ends_operand(previous)) return emit(token, Kind::kGuardIf);
        break;
      case Kind::kElse:
        if (next_kind() == Kind::kIf)
          kind = Kind::kElseIf;
        else if (next_kind() != Kind::kLbrace)
          kind = Kind::kElseValue;
        break;
      case Kind::kFn:
        if (ends_in_arrow(i_ + 1)) kind = Kind::kFnValue;
        break;
      case Kind::kSandbox:
        emit(token, kind);
        here().sandbox = true;
        return;
      case Kind::kApproval:
      case Kind::kAsk:
        if (previous == Kind::kGiven) {
          emit(token, kind);
          here().given_decision = true;
          return;
        }
        if (previous == Kind::kOnFailure || previous == Kind::kOnDoubt) return emit(token, kind);
        break;
      case Kind::kFor:
        if (previous == Kind::kWaitSignal) return emit(token, kind);
        break;
      case Kind::kBefore:
      case Kind::kAfter:
        if (!times_something(kind)) return emit(token, Kind::kName);
        break;
      default:
        break;
    }
    emit(token, kind);
    if (opens_head(kind)) {
      here().head = true;
      question_ = kind == Kind::kApproval || kind == Kind::kAsk;
    }
  }

  // `before` and `after` are names but where they open a handler, and in `crash` and calendars.
  bool times_something(Kind kind) const {
    if (last() == Kind::kCrash) return true;
    if (decl_word_ == Kind::kCalendar && contexts_.size() == 2) return true;
    const Kind next = next_kind();
    if (kind == Kind::kBefore) return next == Kind::kRollback;
    return next == Kind::kSuccess || next == Kind::kFailure || next == Kind::kCancel;
  }

  Kind wait_kind() const {
    if (next_kind() == Kind::kFor) return Kind::kWaitSignal;
    if (next_kind() == Kind::kUntil) return Kind::kWaitUntil;
    if (next_kind() == Kind::kFirst && next_kind(2) == Kind::kLbrace) return Kind::kWaitFirst;
    return Kind::kWait;
  }

  void signal(const Token& token) {
    const bool waits = last() == Kind::kFor && before_last() == Kind::kWaitSignal;
    const bool named = is_word(next_kind()) && !in_[i_ + 1].line_start;
    const bool keyword = waits || ((last() == Kind::kCase || last() == Kind::kGiven) && named &&
                                   next_kind() != Kind::kIf && next_kind() != Kind::kAs);
    emit(token, keyword ? Kind::kSignal : Kind::kName);
    if (waits) here().wait_signal = true;
  }

  // `on failure`, `on doubt` and a head's `on worker` become one token; `on failure.Bad` does not.
  void on(const Token& token) {
    const bool word_follows = i_ + 1 < in_.size() && !in_[i_ + 1].line_start;
    const std::string_view next = word_follows ? text(in_[i_ + 1]) : std::string_view();
    const bool path = next_kind(2) == Kind::kDot;
    Kind kind = Kind::kOn;
    if (next == "failure" && !path) kind = Kind::kOnFailure;
    if (next == "doubt" && !path) kind = Kind::kOnDoubt;
    if (next == "worker" && contexts_.size() == 1) kind = Kind::kOnWorker;
    if (kind == Kind::kOn) return emit(token, kind);
    Token both = token;
    both.end = in_[i_ + 1].end;
    ++i_;
    emit(both, kind);
  }

  // Whether the parentheses at `at` are followed by `=>`.
  bool ends_in_arrow(size_t at) const {
    if (unreadable_ || at >= in_.size() || in_[at].kind != Kind::kLparen) return false;
    const size_t after = past_group(at);
    return after < in_.size() && in_[after].kind == Kind::kArrow;
  }

  // Whether the head that begins at `at` ends in `= native`.
  bool ends_in_native(size_t at) const {
    for (++at; at < in_.size() && !in_[at].decl_start; ++at) {
      if (in_[at].kind == Kind::kLparen) at = past_group(at) - 1;
      if (is_opener(in_[at].kind)) return false;
      if (in_[at].kind == Kind::kAssign)
        return at + 1 < in_.size() && in_[at + 1].kind == Kind::kNative;
    }
    return false;
  }

  const source::Source& source_;
  const std::vector<Token>& in_;
  const std::vector<Broken>& broken_;
  std::vector<SyntaxError>& errors_;
  Layout out_;
  size_t i_ = 0;
  std::vector<Context> contexts_;
  bool block_closed_ = false;  // the last token was a block's `}`
  bool question_ = false;      // the open head is that of an `approval` or `ask`
  size_t angle_ = 0;           // open `<` of types

  // The declaration that is being read.
  bool in_decl_ = false;
  bool decl_head_ = false;
  bool unreadable_ = false;
  bool native_ = false;  // a `fn … = native`
  size_t decl_begin_ = 0;
  size_t decl_word_at_ = 0;
  size_t decl_first_ = 0;
  Kind decl_word_ = Kind::kNoToken;
};

}  // namespace

Layout lay_out(const source::Source& source, const Balanced& balanced,
               std::vector<SyntaxError>& errors) {
  return Layouter(source, balanced, errors).run();
}

}  // namespace rbk::syntax
