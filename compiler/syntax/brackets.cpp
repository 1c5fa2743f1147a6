#include "compiler/syntax/brackets.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/syntax/token_classes.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

// How many tokens before a `}` its lost `{` is looked for.
constexpr size_t kLostBraceReach = 20'000;
// How far behind a lost quote `"""` is looked for.
constexpr size_t kQuoteReach = 100'000;

Kind closer_of(Kind opener) {
  switch (opener) {
    case Kind::kLparen:
      return Kind::kRparen;
    case Kind::kLbrack:
      return Kind::kRbrack;
    case Kind::kInterpBegin:
      return Kind::kInterpEnd;
    case Kind::kStrBegin:
      return Kind::kStrEnd;
    default:
      return Kind::kRbrace;
  }
}

std::string_view bracket(Kind kind) {
  switch (kind) {
    case Kind::kLparen:
      return "(";
    case Kind::kRparen:
      return ")";
    case Kind::kLbrack:
      return "[";
    case Kind::kRbrack:
      return "]";
    case Kind::kLbrace:
      return "{";
    case Kind::kRbrace:
      return "}";
    default:
      return "${";
  }
}

Kind kind_at(const std::vector<Token>& tokens, size_t i) {
  return i < tokens.size() ? tokens[i].kind : Kind::kNoToken;
}

// Whether the tokens from `i` on read like a declaration: no statement and no entry does.
bool reads_like_declaration(const std::vector<Token>& tokens, size_t i) {
  for (int notes = 0; notes < 8 && kind_at(tokens, i) == Kind::kAtSign; ++notes) {
    i += 2;
    if (kind_at(tokens, i) != Kind::kLparen) continue;
    size_t steps = 0;
    while (i < tokens.size() && tokens[i].kind != Kind::kRparen && ++steps < 64) ++i;
    ++i;
  }
  const Kind name = kind_at(tokens, i + 1);
  switch (kind_at(tokens, i)) {
    case Kind::kImport:
    case Kind::kTest:
    case Kind::kInvariant:
      return name == Kind::kString || name == Kind::kStrBegin;
    case Kind::kRunbook:
    case Kind::kRecord:
    case Kind::kEnum:
    case Kind::kConst:
      return is_word(name);
    case Kind::kError:
      return name == Kind::kUpper;
    case Kind::kFn:
    case Kind::kAction:
    case Kind::kSchedule:
    case Kind::kTrigger:
    case Kind::kCalendar:
      return is_word(name) && name != Kind::kIn;
    default:
      return false;
  }
}

class Balancer {
 public:
  Balancer(const source::Source& source, std::vector<Token> tokens,
           std::vector<SyntaxError>& errors)
      : source_(source), in_(std::move(tokens)), errors_(errors), scan_errors_(errors.size()) {}

  Balanced run() {
    std::vector<size_t> regions = mark_declarations();
    regions.push_back(in_.size());
    break_behind_lost_quotes(regions);
    bool clean = true;
    for (size_t r = 0; r + 1 < regions.size() && clean; ++r)
      clean = in_order(regions[r], regions[r + 1]);
    if (clean) return {std::move(in_), std::move(broken_)};
    out_.reserve(in_.size() + 16);
    for (size_t r = 0; r + 1 < regions.size(); ++r) {
      const size_t first = regions[r];
      const size_t last = regions[r + 1];
      if (in_order(first, last)) {
        out_.insert(out_.end(), in_.begin() + static_cast<long>(first),
                    in_.begin() + static_cast<long>(last));
      } else {
        repair_best(first, last);
      }
    }
    return {std::move(out_), std::move(broken_)};
  }

 private:
  struct Guess {
    bool openers_close_brackets;  // a line that begins with `step`, `let`, … ends open brackets
    bool line_lost_its_brace;     // a `}` in a line, its `{` above: the line lost one of its own
    bool lines_end_brackets;      // what reads like a statement of its own is none of a bracket's
  };
  struct Open {
    Kind kind;
    Token token;
    uint32_t indent;  // of the line that it stands on
  };

  // The first token of each region; the first region begins with the file.
  std::vector<size_t> mark_declarations() {
    std::vector<size_t> regions{0};
    int strings = 0;
    for (size_t i = 0; i < in_.size(); ++i) {
      Token& token = in_[i];
      if (token.kind == Kind::kStrBegin) ++strings;
      if (token.kind == Kind::kStrEnd) --strings;
      if (!token.line_start || strings > 0 || !on_column_one(token)) continue;
      if (token.kind != Kind::kAtSign && !is_decl_word(token.kind)) continue;
      // An annotation on a line of its own takes the declaration below it along.
      if (i > 0 && annotates(i)) continue;
      if (!reads_like_declaration(in_, i)) continue;
      token.decl_start = true;
      if (i > 0) regions.push_back(i);
    }
    return regions;
  }

  bool on_column_one(const Token& token) const {
    return token.begin == 0 || source_.text()[token.begin - 1] == '\n';
  }

  // Whether annotations on column 1 stand directly before token `i`.
  bool annotates(size_t i) const {
    size_t at = i - 1;
    if (in_[at].kind == Kind::kRparen) {
      size_t steps = 0;
      while (at > 0 && in_[at].kind != Kind::kLparen && ++steps < 64) --at;
      if (at == 0) return false;
      --at;
    }
    return at > 0 && is_word(in_[at].kind) && in_[at - 1].kind == Kind::kAtSign &&
           in_[at - 1].decl_start;
  }

  bool opens_line(size_t i) const {
    return in_[i].line_start && is_line_opener(in_[i].kind) && kind_at(in_, i + 1) != Kind::kColon;
  }

  bool in_order(size_t first, size_t last) {
    stack_.clear();
    bool wants_brace = false;
    for (size_t i = first; i < last; ++i) {
      const Kind kind = in_[i].kind;
      if ((opens_line(i) && i > first) || kind == Kind::kSemi) {
        if (!stack_.empty() && (stack_.back() == Kind::kLparen || stack_.back() == Kind::kLbrack))
          return false;
        if (stack_.empty() && wants_brace && kind != Kind::kSemi) return false;
      }
      if (stack_.empty() && has_block_body(kind)) wants_brace = true;
      if (is_opener(kind)) {
        if (stack_.empty() && kind == Kind::kLbrace) wants_brace = false;
        stack_.push_back(kind);
      } else if (is_closer(kind)) {
        if (stack_.empty() || closer_of(stack_.back()) != kind) return false;
        stack_.pop_back();
      }
    }
    return stack_.empty();
  }

  static bool has_block_body(Kind kind) {
    return kind == Kind::kRunbook || kind == Kind::kFn || kind == Kind::kTest ||
           kind == Kind::kInvariant;
  }

  static bool has_body(Kind kind) {
    return has_block_body(kind) || kind == Kind::kRecord || kind == Kind::kError ||
           kind == Kind::kEnum || kind == Kind::kSchedule || kind == Kind::kTrigger ||
           kind == Kind::kCalendar;
  }

  // Whether this token of a declaration that lost its `{` belongs to its body.
  bool ends_head(const Token& token) const {
    switch (head_) {
      case Kind::kRecord:
      case Kind::kEnum:
        return token.kind != Kind::kLbrace;
      case Kind::kTest:
      case Kind::kError:
        return token.line_start && token.kind != Kind::kLbrace;
      case Kind::kRunbook:
      case Kind::kFn:
        if (token.line_start && token.kind == Kind::kFor) return true;
        break;
      default:
        break;
    }
    if (is_line_opener(token.kind)) return true;
    if (!token.line_start) return false;
    switch (token.kind) {
      case Kind::kLbrace:
      case Kind::kLparen:
      case Kind::kRarrow:
      case Kind::kAllow:
      case Kind::kOn:
      case Kind::kExclusive:
      case Kind::kOutside:
      case Kind::kMax:
      case Kind::kFor:
      case Kind::kIn:
      case Kind::kThen:
        return false;
      default:
        return !is_closer(token.kind);
    }
  }

  // Of a token that is the first on its line.
  uint32_t indent_of(const Token& token) const {
    const std::string_view text = source_.text();
    uint32_t begin = token.begin;
    while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
    return token.begin - begin;
  }

  // ---- Repair of one region

  // Where it is not plain what was lost, the guess that leaves the fewest errors is taken.
  void repair_best(size_t first, size_t last) {
    static constexpr Guess kGuesses[] = {
        {true, true, true}, {true, true, false}, {true, false, false}, {false, false, false}};
    const size_t out_before = out_.size();
    const size_t errors_before = errors_.size();
    const size_t broken_before = broken_.size();
    const Guess* best = nullptr;
    size_t fewest = 0;
    auto undo = [&] {
      out_.resize(out_before);
      errors_.resize(errors_before);
      broken_.resize(broken_before);
    };
    for (const Guess& guess : kGuesses) {
      guess_ = guess;
      repair(first, last);
      const size_t found = errors_.size() - errors_before + (loose_ ? 1 : 0);
      if (found <= 1) return;
      if (best == nullptr || found < fewest) {
        best = &guess;
        fewest = found;
      }
      undo();
    }
    guess_ = *best;
    repair(first, last);
  }

  void repair(size_t first, size_t last) {
    open_.clear();
    surplus_ = 0;
    region_ = out_.size();
    for (size_t i = first; i < last; ++i) {
      if (in_[i].kind == Kind::kLbrace) ++surplus_;
      if (in_[i].kind == Kind::kRbrace) --surplus_;
    }
    head_ = Kind::kNoToken;
    loose_ = false;
    bool body_closed = false;
    for (size_t i = first; i < last; ++i) {
      const Token& token = in_[i];
      if (token.line_start) line_indent_ = indent_of(token);
      if (open_.empty() && body_closed && !is_closer(token.kind) && !is_decl_word(token.kind) &&
          token.kind != Kind::kAtSign && token.kind != Kind::kSemi)
        loose_ = true;
      if (is_decl_word(token.kind)) body_closed = false;
      if (i > first && opens_line(i) && guess_.openers_close_brackets)
        close_round_ones("before this line");
      if (i > first && guess_.lines_end_brackets) close_before_statement(token);
      if (token.kind == Kind::kSemi && !closes_on_this_line(i)) close_round_ones("before this `;`");
      if (open_.empty() && head_ != Kind::kNoToken && i > head_at_ + 1 &&
          (opens_line(i) || (surplus_ < 0 && ends_head(token)))) {
        insert_head_brace(token);
        head_ = Kind::kNoToken;
      }
      if (open_.empty() && has_body(token.kind) && !(token.kind == Kind::kFn && i > first)) {
        head_ = token.kind;
        head_at_ = i;
      }
      if (token.line_start && surplus_ > 0) close_by_indent(token, line_indent_);
      if (is_opener(token.kind)) {
        if (token.kind == Kind::kLbrace && open_.empty()) head_ = Kind::kNoToken;
        open_.push_back({token.kind, token, line_indent_});
        out_.push_back(token);
      } else if (is_closer(token.kind)) {
        close(token);
        if (open_.empty() && token.kind == Kind::kRbrace) body_closed = true;
      } else {
        out_.push_back(token);
      }
    }
    close_rest();
  }

  uint32_t last_end() const { return out_.empty() ? 0 : out_.back().end; }

  void insert(Kind kind) {
    Token token;
    token.kind = kind;
    token.missing = true;
    token.begin = token.end = last_end();
    out_.push_back(token);
  }

  // Puts in the partner of the innermost open bracket.
  void insert_closer(std::string_view where, bool quiet = false) {
    const Open open = open_.back();
    open_.pop_back();
    if (open.kind == Kind::kLbrace) --surplus_;
    insert(closer_of(open.kind));
    if (quiet || scan_error_between(open.token.begin, last_end())) return;
    if (errors_.size() >= kMaxErrors) return;
    SyntaxError error;
    error.code = SyntaxError::Code::kUnclosed;
    error.span = {open.token.begin, open.token.end, source_.id()};
    error.message =
        fmt::format("this `{}` has no `{}`", bracket(open.kind), bracket(closer_of(open.kind)));
    error.label = "opened here";
    error.hint = fmt::format("add `{}` {}", bracket(closer_of(open.kind)), where);
    error.related = {last_end(), last_end(), source_.id()};
    error.related_label = fmt::format("`{}` is expected here", bracket(closer_of(open.kind)));
    errors_.push_back(std::move(error));
  }

  // A quote that does not end has swallowed the rest of its line, brackets too.
  bool scan_error_between(uint32_t begin, uint32_t end) const {
    const size_t line = source_.text().rfind('\n', begin == 0 ? 0 : begin - 1);
    begin = line == std::string_view::npos ? 0 : static_cast<uint32_t>(line);
    for (size_t i = 0; i < scan_errors_; ++i) {
      const SyntaxError& error = errors_[i];
      if (swallows_its_line(error.code) && error.span.begin >= begin && error.span.begin <= end)
        return true;
    }
    return false;
  }

  // Whether a closer for what is open stands behind this `;` on its line: it is meant as a comma.
  bool closes_on_this_line(size_t semicolon) const {
    size_t depth = 0;
    for (size_t i = semicolon + 1; i < in_.size() && !in_[i].line_start; ++i) {
      if (is_opener(in_[i].kind)) ++depth;
      if (!is_closer(in_[i].kind)) continue;
      if (depth == 0) return !open_.empty() && in_[i].kind == closer_of(open_.back().kind);
      --depth;
    }
    return false;
  }

  void close_round_ones(std::string_view where) {
    while (!open_.empty() &&
           (open_.back().kind == Kind::kLparen || open_.back().kind == Kind::kLbrack))
      insert_closer(where);
  }

  // A line that is not indented more than the one that opened a round bracket, behind a value and
  // without anything between the two.
  void close_before_statement(const Token& token) {
    if (!token.line_start || !is_word(token.kind) || joins_line_before(token.kind)) return;
    while (!open_.empty() && is_round(open_.back().kind) && line_indent_ <= open_.back().indent &&
           !out_.empty() && ends_operand(out_.back().kind))
      insert_closer("at the end of this line");
  }

  static bool is_round(Kind kind) { return kind == Kind::kLparen || kind == Kind::kLbrack; }

  static bool joins_line_before(Kind kind) {
    return joins_next_line(kind) || kind == Kind::kElse || kind == Kind::kCatch ||
           kind == Kind::kWhere || kind == Kind::kFrom || kind == Kind::kOn || is_clause_word(kind);
  }

  void insert_head_brace(const Token& before) {
    const Token& head = in_[head_at_];
    const bool quiet = scan_error_between(head.begin, before.end);
    SyntaxError error;
    error.code = SyntaxError::Code::kMissingBlock;
    error.span = {last_end(), last_end() + 1, source_.id()};
    error.message = fmt::format("expected `{{` at the end of the head of this `{}`", text(head));
    error.label = fmt::format("found `{}`", text(before));
    error.hint = "add `{` here";
    if (!quiet && errors_.size() < kMaxErrors) errors_.push_back(std::move(error));
    insert(Kind::kLbrace);
    open_.push_back({Kind::kLbrace, out_.back(), 0});
    ++surplus_;
  }

  std::string_view text(const Token& token) const {
    return source_.text({token.begin, token.end, source_.id()});
  }

  // A line that is not indented more than the one that opened a brace is outside it. The brace of
  // the declaration itself stays open: what stands in it may be badly indented.
  void close_by_indent(const Token& token, uint32_t indent) {
    const bool closes = token.kind == Kind::kRbrace;
    while (surplus_ > 0 && open_.size() > 1 && open_.back().kind == Kind::kLbrace &&
           (closes ? open_.back().indent > indent : open_.back().indent >= indent)) {
      insert_closer(fmt::format("before `{}`", text(token)));
    }
  }

  void close(const Token& token) {
    if (token.kind == Kind::kStrEnd || token.kind == Kind::kInterpEnd) {
      const Kind opener = token.kind == Kind::kStrEnd ? Kind::kStrBegin : Kind::kInterpBegin;
      while (!open_.empty() && open_.back().kind != opener) insert_closer("before the `}`");
      if (!open_.empty()) open_.pop_back();
      out_.push_back(token);
      return;
    }
    size_t at = open_.size();
    while (at > 0 && closer_of(open_[at - 1].kind) != token.kind) {
      const Kind kind = open_[at - 1].kind;
      // A `)` does not end a block that may have its `}` below, nor does anything end a `${` but
      // its own `}`.
      if (kind == Kind::kInterpBegin ||
          (kind == Kind::kLbrace && (surplus_ <= 0 || token.line_start))) {
        at = 0;
        break;
      }
      --at;
    }
    if (at == 0) {
      if (token.kind == Kind::kRparen && open_.empty() && insert_head_parenthesis(token)) return;
      return stray(token);
    }
    if (token.kind == Kind::kRbrace && surplus_ < 0) {
      const Open& opener = open_[at - 1];
      if (guess_.line_lost_its_brace && !token.line_start && line_of(opener.token) < line_of(token))
        return stray(token);
      if (token.line_start && opener.indent < line_indent_ && insert_lost_brace(token)) return;
    }
    while (open_.size() > at) {
      const bool ends_line = is_round(open_.back().kind) && token.line_start;
      insert_closer(ends_line ? std::string("at the end of this line")
                              : fmt::format("before `{}`", text(token)));
    }
    open_.pop_back();
    out_.push_back(token);
  }

  // A `}` that is indented more than the line of its `{`: the line that lost one is the last that
  // is indented like the `}`.
  bool insert_lost_brace(const Token& closer) {
    const uint32_t indent = indent_of(closer);
    size_t line_end = out_.size();
    size_t i = out_.size();
    while (i > region_ && out_.size() - i < kLostBraceReach) {
      --i;
      if (!out_[i].line_start) continue;
      const uint32_t here = indent_of(out_[i]);
      if (here < indent) return false;
      if (here == indent && line_end < out_.size()) break;
      if (here == indent) return false;
      line_end = i;
    }
    if (i == region_ || line_end == out_.size() || indent_of(out_[i]) != indent) return false;
    Token brace;
    brace.kind = Kind::kLbrace;
    brace.missing = true;
    brace.begin = brace.end = out_[line_end - 1].end;
    const Token head = out_[i];
    out_.insert(out_.begin() + static_cast<long>(line_end), brace);
    out_.push_back(closer);
    ++surplus_;
    SyntaxError error;
    error.code = SyntaxError::Code::kMissingBlock;
    error.span = {brace.begin, brace.begin + 1, source_.id()};
    error.message = fmt::format("expected `{{` at the end of the line of `{}`", text(head));
    error.hint = "add `{` here";
    error.related = {closer.begin, closer.end, source_.id()};
    error.related_label = "this `}` has no `{`";
    if (!scan_error_between(head.begin, brace.end) && errors_.size() < kMaxErrors)
      errors_.push_back(std::move(error));
    return true;
  }

  // A `)` in the head of a `runbook`, `fn` or `action` that has no `(`: it stood behind the name.
  bool insert_head_parenthesis(const Token& closer) {
    if (head_ != Kind::kRunbook && head_ != Kind::kFn) return false;
    for (size_t i = out_.size(); i-- > region_;) {
      if (out_[i].kind == Kind::kLparen || out_[i].kind == Kind::kRparen) return false;
      if (out_[i].kind != head_ || i + 2 > out_.size()) continue;
      const size_t name = std::min(i + 1, out_.size() - 1);
      Token opener;
      opener.kind = Kind::kLparen;
      opener.missing = true;
      opener.begin = opener.end = out_[name].end;
      SyntaxError error;
      error.span = {opener.begin, opener.begin + 1, source_.id()};
      error.message = fmt::format("expected `(` after `{}`", text(out_[name]));
      error.hint = "parameters stand in parentheses, even where there are none: `name()`";
      if (errors_.size() < kMaxErrors) errors_.push_back(std::move(error));
      out_.insert(out_.begin() + static_cast<long>(name) + 1, opener);
      out_.push_back(closer);
      return true;
    }
    return false;
  }

  uint32_t line_of(const Token& token) const { return source_.position(token.begin).line; }

  source::Span line_at(uint32_t offset) const {
    const uint32_t line = source_.position(offset).line;
    const uint32_t end = line < source_.line_count() ? source_.line_begin(line + 1) - 1
                                                     : static_cast<uint32_t>(source_.text().size());
    return {source_.line_begin(line), end, source_.id()};
  }

  // A lost `"` makes its line unreadable; where `"""` follow, text and code have changed places up
  // to the next declaration.
  void break_behind_lost_quotes(const std::vector<size_t>& regions) {
    for (const SyntaxError& error : errors_) {
      if (!swallows_its_line(error.code)) continue;
      Broken broken{line_at(error.span.begin), error.span.begin};
      uint32_t end = static_cast<uint32_t>(source_.text().size());
      for (const size_t region : regions) {
        if (region >= in_.size() || in_[region].begin <= error.span.begin) continue;
        end = in_[region].begin - 1;
        break;
      }
      const std::string_view rest =
          source_.text({broken.span.begin, end, source_.id()}).substr(0, kQuoteReach);
      if (rest.find("\"\"\"") != rest.npos) broken.span.end = std::max(broken.span.end, end);
      add_broken(broken);
    }
  }

  void add_broken(const Broken& broken) {
    const bool known = !broken_.empty() && broken_.back().span == broken.span;
    if (!known && broken_.size() < kMaxErrors) broken_.push_back(broken);
  }

  void stray(const Token& token) {
    add_broken({line_at(token.begin), token.begin});
    if (token.kind == Kind::kRbrace) ++surplus_;
    if (scan_error_between(out_.empty() ? 0 : out_[region_ < out_.size() ? region_ : 0].begin,
                           token.begin))
      return;
    if (errors_.size() >= kMaxErrors) return;
    SyntaxError error;
    error.code = SyntaxError::Code::kNeverOpened;
    error.span = {token.begin, token.end, source_.id()};
    if (token.line_start || token.kind != Kind::kRbrace) {
      error.message = fmt::format("this `{}` closes nothing", text(token));
      error.hint = "delete it, or add its partner before it";
    } else {
      error.message = "this `}` has no `{` on its line";
      error.hint = "add `{` before it, or delete it";
    }
    errors_.push_back(std::move(error));
  }

  void close_rest() {
    bool quiet = false;
    while (!open_.empty()) {
      insert_closer("at the end of this declaration", quiet);
      quiet = true;
    }
  }

  const source::Source& source_;
  std::vector<Token> in_;
  std::vector<SyntaxError>& errors_;
  const size_t scan_errors_;
  std::vector<Token> out_;
  std::vector<Broken> broken_;
  std::vector<Kind> stack_;
  std::vector<Open> open_;
  long surplus_ = 0;  // `{` less `}` in this region
  Guess guess_{};
  bool loose_ = false;  // something stands behind the end of the region's declaration
  uint32_t line_indent_ = 0;
  Kind head_ = Kind::kNoToken;  // the declaration whose `{` is still to come
  size_t head_at_ = 0;
  size_t region_ = 0;  // where it begins in out_
};

}  // namespace

Balanced balance(const source::Source& source, std::vector<Token> tokens,
                 std::vector<SyntaxError>& errors) {
  return Balancer(source, std::move(tokens), errors).run();
}

}  // namespace rbk::syntax
