#include "compiler/syntax/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/letters.h"
#include "base/text_width.h"
namespace rbk::syntax {
namespace {

using Kind = TokenKind;

// Open addressing over the grammar's words; made by the compiler, so nothing runs at start.
constexpr size_t kSlots = 1024;

constexpr size_t hash_word(std::string_view word) {
  uint32_t hash = 2166136261u;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return (hash ^ (hash >> 13)) % kSlots;
}

constexpr std::array<uint8_t, kSlots> make_word_table() {
  std::array<uint8_t, kSlots> table{};
  uint8_t number = 1;
  for (const grammar::Word& word : grammar::kWords) {
    size_t slot = hash_word(word.text);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = number++;
  }
  return table;
}
constexpr std::array<uint8_t, kSlots> kWordTable = make_word_table();

Kind word_kind(std::string_view word) {
  for (size_t slot = hash_word(word); kWordTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const grammar::Word& known = grammar::kWords[kWordTable[slot] - 1];
    if (known.text == word) return static_cast<Kind>(known.kind);
  }
  return word.front() >= 'A' && word.front() <= 'Z' ? Kind::kUpper : Kind::kName;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_char(char c) { return is_letter(c) || is_digit(c); }

bool is_one_of(std::string_view unit, std::initializer_list<std::string_view> units) {
  for (const std::string_view known : units) {
    if (unit == known) return true;
  }
  return false;
}

// A unit number's kind; kNone if it is none.
Kind unit_kind(std::string_view text) {
  Kind kind = Kind::kNoToken;
  size_t i = 0;
  while (i < text.size()) {
    const size_t digits = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == digits) return Kind::kNoToken;
    const size_t begin = i;
    while (i < text.size() && is_letter(text[i]) && text[i] != '_') ++i;
    const std::string_view unit = text.substr(begin, i - begin);
    Kind found = Kind::kNoToken;
    if (is_one_of(unit, {"us", "ms", "s", "m", "h", "d", "w"})) found = Kind::kDuration;
    if (is_one_of(unit, {"B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"}))
      found = Kind::kSize;
    if (found == Kind::kNoToken || (kind != Kind::kNoToken && kind != found)) return Kind::kNoToken;
    kind = found;
  }
  return kind;
}

class Scanner {
 public:
  Scanner(const source::Source& source, std::vector<SyntaxError>& errors)
      : source_(source), text_(source.text()), errors_(errors) {
    if (text_.size() > kMaxFileBytes) {
      text_ = {};
      report(
          SyntaxError::Code::kSyntaxLimit, 0, 1,
          "this file is larger than 8 MiB: nothing of it is read",
          "split it into several files and `import` them; let the runbook read data when it runs");
    }
  }

  Scanned run() {
    out_.tokens.reserve(text_.size() / 4 + 16);
    if (text_.starts_with("\xEF\xBB\xBF")) pos_ = 3;
    conflict_marker();
    while (pos_ < text_.size()) step();
    end_open_strings(0);
    return std::move(out_);
  }

 private:
  // A string whose `${` is being read.
  struct Frame {
    uint32_t open;    // where the string begins
    uint32_t interp;  // where its `${` begins
    bool multi;
    bool dollar;
    bool multi_interp = false;  // reported: its `${}` is spread over lines, and read so
    int braces = 0;             // open ones within the `${`
    int round = 0;              // open `(` and `[`
  };

  void step() {
    const char c = text_[pos_];
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
        ++pos_;
        return;
      case '\n':
        newline();
        return;
      case '"':
        begin_string(pos_, false, false);
        return;
      case '/':
        if (at("//")) return comment();
        if (at("/*")) return block_comment();
        return emit(Kind::kSlash, 1);
      case '#':
        return foreign_comment();
      case '{':
        if (!frames_.empty()) ++frames_.back().braces;
        return emit(Kind::kLbrace, 1);
      case '}':
        return closing_brace();
      default:
        break;
    }
    if (is_letter(c)) return word();
    if (is_digit(c)) return number();
    if (c == '$' && !frames_.empty() && at(frames_.back().dollar ? "$${" : "${"))
      return lost_interp_end();
    if (c == '$' && at("$$\"")) return begin_string(pos_, false, true);
    if (static_cast<unsigned char>(c) < 0x80 && mark(c)) return;
    bad_character();
  }

  bool at(std::string_view expected) const { return text_.substr(pos_).starts_with(expected); }
  char peek(size_t ahead) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }

  void add(Kind kind, uint32_t begin, uint32_t end, bool missing = false) {
    Token token;
    token.kind = kind;
    token.line_start = fresh_line_ && !missing;
    token.missing = missing;
    token.begin = begin;
    token.end = end;
    if (!missing) fresh_line_ = false;
    if (end - begin > kMaxTokenBytes)
      report(SyntaxError::Code::kSyntaxLimit, begin, begin + 1, "this is longer than 4 MiB",
             "read such a text from a file");
    out_.tokens.push_back(token);
  }

  void emit(Kind kind, uint32_t length) {
    add(kind, pos_, pos_ + length);
    pos_ += length;
  }

  void report(SyntaxError::Code code, uint32_t begin, uint32_t end, std::string message,
              std::string hint = {}, std::string label = {}) {
    if (errors_.size() >= kMaxErrors) return;
    // Behind a quote that is lost, text is read as tokens and tokens as text.
    if (!errors_.empty() && swallows_its_line(errors_.back().code) &&
        line_of(begin) <= last_lost_line_ + (swallows_its_line(code) ? 2 : 0)) {
      if (swallows_its_line(code)) last_lost_line_ = line_of(begin);
      return;
    }
    if (swallows_its_line(code)) last_lost_line_ = line_of(begin);
    SyntaxError error;
    error.code = code;
    error.span = {begin, end, source_.id()};
    error.message = std::move(message);
    error.hint = std::move(hint);
    error.label = std::move(label);
    errors_.push_back(std::move(error));
  }

  void newline() {
    for (size_t i = 0; i < frames_.size(); ++i) {
      if (frames_[i].multi) continue;
      if (goes_on_below()) {
        report_interp(frames_[i]);
        for (Frame& frame : frames_) frame.multi_interp = true;
      } else if (!frames_[i].multi_interp) {
        end_open_strings(i);
      }
      break;
    }
    ++pos_;
    fresh_line_ = true;
    conflict_marker();
  }

  // A version control's conflict: one error for its three lines.
  void conflict_marker() {
    if (!at("<<<<<<< ") && !at(">>>>>>> ") && !at("=======\n")) return;
    uint32_t end = pos_;
    while (end < text_.size() && text_[end] != '\n') ++end;
    if (at("<<<<<<< "))
      report(SyntaxError::Code::kMergeConflict, pos_, end, "a merge conflict is left in this file",
             "keep one side and delete the markers");
    pos_ = end;
  }

  // Ends the strings that are open from `first` on, where they lost their `}` and quote.
  void end_open_strings(size_t first) {
    if (first >= frames_.size()) return;
    if (!frames_[first].multi_interp) report_interp(frames_[first]);
    while (frames_.size() > first) {
      add(Kind::kInterpEnd, pos_, pos_, true);
      add(Kind::kStrEnd, pos_, pos_, true);
      frames_.pop_back();
    }
  }

  void report_interp(const Frame& frame) {
    report(SyntaxError::Code::kUnclosedInterpolation, frame.interp,
           frame.interp + (frame.dollar ? 3 : 2), "this `${` has no `}` on its line",
           "close it behind its value; a long value gets a name with `let`");
  }

  // Whether the value of the innermost `${` is spread over the next lines, and its string ends
  // there: a bracket is open, and below come its partner, the `}` and the quote.
  bool goes_on_below() const {
    const Frame& frame = frames_.back();
    if (frame.multi || frame.multi_interp || frame.round + frame.braces == 0) return false;
    int depth = frame.round + frame.braces;
    const size_t end = std::min<size_t>(text_.size(), pos_ + 2000);
    for (size_t i = pos_; i < end; ++i) {
      const char c = text_[i];
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']') --depth;
      if (c == '}' && depth-- == 0) {
        const size_t quote = text_.find('"', i);
        return quote < text_.find('\n', i);
      }
      if (depth < 0) return false;
    }
    return false;
  }

  void report_unterminated(uint32_t begin, uint32_t end, std::string message, std::string hint) {
    report(SyntaxError::Code::kUnterminated, begin, end, std::move(message), std::move(hint));
  }

  uint32_t line_of(uint32_t offset) const { return source_.position(offset).line; }

  void comment() {
    uint32_t end = pos_;
    while (end < text_.size() && text_[end] != '\n') ++end;
    // Blanks at its end are nobody's text.
    while (text_[end - 1] == '\r' || text_[end - 1] == ' ' || text_[end - 1] == '\t') --end;
    Comment::Kind kind = Comment::Kind::kLine;
    if (at("///") && !at("////")) kind = Comment::Kind::kDoc;
    if (at("//!")) kind = Comment::Kind::kFileDoc;
    out_.comments.push_back({kind, {pos_, end, source_.id()}, fresh_line_});
    pos_ = end;
  }

  void block_comment() {
    const size_t close = text_.find("*/", pos_ + 2);
    const auto end = static_cast<uint32_t>(close == text_.npos ? text_.size() : close + 2);
    report(SyntaxError::Code::kForeignComment, pos_, pos_ + 2, "`/*` does not begin a comment",
           "begin each of its lines with `//`");
    for (uint32_t i = pos_; i < end; ++i) {
      if (text_[i] == '\n') fresh_line_ = true;
    }
    pos_ = end;
  }

  void foreign_comment() {
    uint32_t end = pos_;
    while (end < text_.size() && text_[end] != '\n') ++end;
    report(SyntaxError::Code::kForeignComment, pos_, pos_ + 1, "`#` does not begin a comment",
           "write `//`");
    pos_ = end;
  }

  void word() {
    if (text_[pos_] == 'r' && peek(1) == '"') return begin_string(pos_, true, false);
    uint32_t end = pos_ + 1;
    while (end < text_.size() && is_word_char(text_[end])) ++end;
    add(word_kind(text_.substr(pos_, end - pos_)), pos_, end);
    pos_ = end;
  }

  void number() {
    uint32_t end = pos_;
    Kind kind = Kind::kInt;
    auto digits = [&] {
      while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '_')) ++end;
    };
    digits();
    if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) {
      kind = Kind::kFloat;
      ++end;
      digits();
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      uint32_t exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        kind = Kind::kFloat;
        end = exponent;
        digits();
      }
    }
    if (end < text_.size() && is_letter(text_[end])) {
      while (end < text_.size() && is_word_char(text_[end])) ++end;
      const std::string_view text = text_.substr(pos_, end - pos_);
      const Kind unit = kind == Kind::kInt ? unit_kind(text) : Kind::kNoToken;
      if (unit == Kind::kNoToken) bad_number(text, end, kind == Kind::kFloat);
      kind = unit == Kind::kNoToken ? Kind::kInt : unit;
    }
    add(kind, pos_, end);
    pos_ = end;
  }

  void bad_number(std::string_view text, uint32_t end, bool is_float) {
    if (is_float) {
      report(SyntaxError::Code::kBadNumber, pos_, end,
             fmt::format("`{}` is no number: a unit follows whole numbers only", text),
             "write it with a smaller unit, like `1h30m` for one and a half hours");
      return;
    }
    report(SyntaxError::Code::kBadNumber, pos_, end, fmt::format("`{}` is no number", text),
           "units are `us ms s m h d w` and `B kB MB GB TB KiB MiB GiB TiB`; a name begins with a "
           "letter");
  }

  // ---- Strings

  void begin_string(uint32_t begin, bool raw, bool dollar) {
    // `"""` where a value of a `"""` string ends bare: its `}` is lost, this ends the string.
    if (!frames_.empty() && frames_.back().multi && !raw && !dollar && at("\"\"\"") &&
        frames_.back().round + frames_.back().braces <= 0)
      return lost_interp_end();
    uint32_t quote = begin + (raw ? 1 : dollar ? 2 : 0);
    pos_ = quote;
    const bool multi = at("\"\"\"");
    pos_ = quote + (multi ? 3 : 1);
    if (multi) look_for_end(begin);
    string_text(begin, pos_, multi, dollar, raw, true);
  }

  // Reads a string's text from `pos_` on, to its end or its next `${`.
  void string_text(uint32_t open, uint32_t text_begin, bool multi, bool dollar, bool raw,
                   bool first) {
    const uint32_t open_end = text_begin;
    auto flush = [&](uint32_t end) {
      if (first) add(Kind::kStrBegin, open, open_end);
      if (end > text_begin) add(Kind::kStrText, text_begin, end);
    };
    while (true) {
      const bool lost = multi && open == lost_open_ && pos_ >= lost_end_;
      if (pos_ >= text_.size() || lost || (text_[pos_] == '\n' && !multi)) {
        if (multi) pos_ = lost ? lost_end_ : lost_text_end(open, text_begin);
        const uint32_t end = pos_;
        flush(end);
        add(Kind::kStrEnd, end, end, true);
        // `"hello ${name"`: the quote that was to end the text began another one in its `${`.
        if (!multi && first && !frames_.empty() && !frames_.back().multi) {
          report_interp(frames_.back());
          return;
        }
        report_unterminated(open, first ? open_end : open + 1,
                            multi ? "this string has no closing `\"\"\"`"
                                  : "this string has no closing `\"` on its line",
                            multi ? "end it with `\"\"\"`"
                                  : "end it with `\"`; a text of several lines stands in `\"\"\"`");
        return;
      }
      const char c = text_[pos_];
      if (c == '\\' && !raw) {
        pos_ += pos_ + 1 < text_.size() && text_[pos_ + 1] != '\n' ? 2 : 1;
        continue;
      }
      if (c == '"' && (!multi || at("\"\"\""))) {
        const uint32_t end = pos_;
        pos_ += multi ? 3 : 1;
        if (first) {
          add(Kind::kString, open, pos_);
        } else {
          flush(end);
          add(Kind::kStrEnd, end, pos_);
        }
        return;
      }
      if (c == '$' && !raw && at(dollar ? "$${" : "${")) {
        flush(pos_);
        const uint32_t length = dollar ? 3 : 2;
        frames_.push_back({open, pos_, multi, dollar, false, 0, 0});
        emit(Kind::kInterpBegin, length);
        return;
      }
      ++pos_;
    }
  }

  // Ends the innermost `${`, which lost its `}`; its string goes on from here.
  void lost_interp_end() {
    const Frame frame = frames_.back();
    frames_.pop_back();
    report(SyntaxError::Code::kUnclosedInterpolation, frame.interp,
           frame.interp + (frame.dollar ? 3 : 2), "this `${` has no `}`",
           "close it before the text goes on");
    add(Kind::kInterpEnd, pos_, pos_, true);
    string_text(frame.open, pos_, frame.multi, frame.dollar, false, false);
  }

  // Where a `"""` that is never closed may have ended: before the next line that is not indented
  // more than its own. So it does not swallow the rest of the file.
  uint32_t lost_text_end(uint32_t open, uint32_t from) const {
    auto indent_at = [&](size_t line_begin) {
      size_t at = line_begin;
      while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
      return at - line_begin;
    };
    const size_t before = text_.rfind('\n', open == 0 ? 0 : open - 1);
    const size_t own = indent_at(before == text_.npos ? 0 : before + 1);
    for (size_t line_end = text_.find('\n', from); line_end != text_.npos;
         line_end = text_.find('\n', line_end + 1)) {
      const size_t indent = indent_at(line_end + 1);
      const size_t first = line_end + 1 + indent;
      if (first < text_.size() && text_[first] != '\n' && text_[first] != '\r' && indent <= own)
        return static_cast<uint32_t>(line_end);
    }
    return static_cast<uint32_t>(text_.size());
  }

  // A `"""` that would be ended only by the beginning of the next one, as it stands at the end of a
  // line of code: its own end is lost, and lies before that line.
  void look_for_end(uint32_t open) {
    const size_t next = text_.find("\"\"\"", pos_);
    if (next == text_.npos) return;
    const size_t newline = text_.substr(pos_, next - pos_).rfind('\n');
    if (newline == text_.npos) return;
    const size_t line = pos_ + newline + 1;
    const auto is_blank = [](std::string_view text) {
      return text.find_first_not_of(" \t\r") == text.npos;
    };
    const std::string_view before = text_.substr(line, next - line);
    const std::string_view after = text_.substr(next + 3, text_.find('\n', next) - next - 3);
    if (is_blank(before) || !is_blank(after)) return;
    const uint32_t end = lost_text_end(open, pos_);
    if (end >= line) return;
    lost_open_ = open;
    lost_end_ = end;
  }

  void closing_brace() {
    if (frames_.empty() || frames_.back().braces > 0) {
      if (!frames_.empty()) --frames_.back().braces;
      return emit(Kind::kRbrace, 1);
    }
    const Frame frame = frames_.back();
    frames_.pop_back();
    emit(Kind::kInterpEnd, 1);
    string_text(frame.open, pos_, frame.multi, frame.dollar, false, false);
  }

  // ---- Marks

  bool mark(char c) {
    const char next = peek(1);
    switch (c) {
      case '(':
        return round(1), emit(Kind::kLparen, 1), true;
      case ')':
        return round(-1), emit(Kind::kRparen, 1), true;
      case '[':
        return round(1), emit(Kind::kLbrack, 1), true;
      case ']':
        return round(-1), emit(Kind::kRbrack, 1), true;
      case ',':
        return emit(Kind::kComma, 1), true;
      case ';':
        return emit(Kind::kSemi, 1), true;
      case ':':
        return emit(Kind::kColon, 1), true;
      case '@':
        return emit(Kind::kAtSign, 1), true;
      case '+':
        return emit(Kind::kPlus, 1), true;
      case '*':
        return emit(Kind::kStar, 1), true;
      case '%':
        return emit(Kind::kPercent, 1), true;
      case '-':
        return next == '>' ? emit(Kind::kRarrow, 2) : emit(Kind::kMinus, 1), true;
      case '<':
        return next == '=' ? emit(Kind::kLe, 2) : emit(Kind::kLt, 1), true;
      case '>':
        return next == '=' ? emit(Kind::kGe, 2) : emit(Kind::kGt, 1), true;
      case '.':
        if (at("..<")) return emit(Kind::kRangeLt, 3), true;
        return next == '.' ? emit(Kind::kRange, 2) : emit(Kind::kDot, 1), true;
      case '?':
        if (next == '?') return emit(Kind::kCoalesce, 2), true;
        return next == '.' ? emit(Kind::kQdot, 2) : emit(Kind::kQuest, 1), true;
      case '=':
        if (at("===")) return foreign(Kind::kEq, 3, "==");
        if (next == '=') return emit(Kind::kEq, 2), true;
        return next == '>' ? emit(Kind::kArrow, 2) : emit(Kind::kAssign, 1), true;
      case '!':
        if (at("!==")) return foreign(Kind::kNe, 3, "!=");
        return next == '=' ? (emit(Kind::kNe, 2), true) : foreign(Kind::kNot, 1, "not");
      case '|':
        return next == '|' ? foreign(Kind::kOr, 2, "or") : (emit(Kind::kPipe, 1), true);
      case '&':
        return next == '&' ? foreign(Kind::kAnd, 2, "and") : false;
      case '\'':
      case '`':
        return foreign_quote(text_.substr(pos_, 1), text_.substr(pos_, 1),
                             fmt::format("a string does not stand in {}",
                                         c == '`' ? "backquotes" : "single quotes")),
               true;
      default:
        return false;
    }
  }

  void round(int change) {
    if (!frames_.empty()) frames_.back().round += change;
  }

  // An operator as other languages write it: reported, and read as ours.
  bool foreign(Kind kind, uint32_t length, std::string_view ours) {
    report(SyntaxError::Code::kForeignOperator, pos_, pos_ + length,
           fmt::format("there is no operator `{}`", text_.substr(pos_, length)),
           fmt::format("write `{}`", ours));
    emit(kind, length);
    return true;
  }

  // Text in quotes of another kind is read as the string that it is meant to be.
  void foreign_quote(std::string_view quote, std::string_view closing, std::string message) {
    const uint32_t begin = pos_;
    const auto inner = begin + static_cast<uint32_t>(quote.size());
    const uint32_t line_end =
        static_cast<uint32_t>(std::min(text_.find('\n', begin), text_.size()));
    const size_t found = text_.substr(0, line_end).find(closing, inner);
    const bool closed = found != std::string_view::npos;
    const uint32_t end = closed ? static_cast<uint32_t>(found) : inner;
    pos_ = closed ? end + static_cast<uint32_t>(closing.size()) : end;
    report(SyntaxError::Code::kForeignQuotes, begin, inner, std::move(message), "write it in `\"`");
    add(Kind::kStrBegin, begin, inner);
    if (end > inner) add(Kind::kStrText, inner, end);
    add(Kind::kStrEnd, end, pos_, !closed);
  }

  // What a reader can't tell from a space, or can't see at all; empty for other characters.
  static std::string_view invisible(std::string_view character) {
    static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
        {"\xC2\xA0", "a no-break space"},      {"\xE2\x80\xAF", "a narrow no-break space"},
        {"\xE3\x80\x80", "a wide space"},      {"\xE2\x80\x8B", "a space without width"},
        {"\xE2\x80\x8C", "an invisible mark"}, {"\xE2\x80\x8D", "an invisible mark"},
        {"\xE2\x80\x8E", "an invisible mark"}, {"\xE2\x80\x8F", "an invisible mark"},
        {"\xE2\x80\xA8", "a line separator"},  {"\xE2\x80\xA9", "a paragraph separator"},
        {"\xE2\x81\xA0", "an invisible mark"}, {"\xEF\xBB\xBF", "a byte order mark"}};
    for (const auto& [bytes, name] : kNames) {
      if (bytes == character) return name;
    }
    return {};
  }

  // One error for a run of characters that nothing begins with.
  void bad_character() {
    const uint32_t begin = pos_;
    auto length = [&](uint32_t at) -> uint32_t {
      const auto c = static_cast<unsigned char>(text_[at]);
      const uint32_t n = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
      return std::min<uint32_t>(n, static_cast<uint32_t>(text_.size()) - at);
    };
    uint32_t end = begin + length(begin);
    const std::string_view first = text_.substr(begin, end - begin);
    auto meaningless = [&](uint32_t at) {
      const auto c = static_cast<unsigned char>(text_[at]);
      return c >= 0x80 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
    };
    while (end < text_.size() && meaningless(end)) end += length(end);
    pos_ = end;
    const auto byte = static_cast<unsigned char>(first.front());
    if (first == "$" && at("{")) {
      report(SyntaxError::Code::kInterpolationOutside, begin, end, "this `${` is not in a string",
             "add the `\"` before it");
    } else if (const std::string_view name = invisible(first); !name.empty()) {
      report(SyntaxError::Code::kInvisibleCharacter, begin, end, fmt::format("this is {}", name),
             "write a plain space, or delete it");
    } else if (first == "\xE2\x80\x9C" || first == "\xE2\x80\x9D") {
      pos_ = begin;
      foreign_quote(first, "\xE2\x80\x9D", "a string stands in straight quotes");
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && byte < 0xC2)) {
      report(SyntaxError::Code::kBadCharacter, begin, end,
             fmt::format("the byte 0x{:02x} stands outside a string", byte),
             "save the file as UTF-8 text");
    } else {
      report(SyntaxError::Code::kBadCharacter, begin, end,
             fmt::format("`{}` has no meaning here", first), "put it in a string or a comment");
    }
  }

  const source::Source& source_;
  std::string_view text_;
  std::vector<SyntaxError>& errors_;
  Scanned out_;
  std::vector<Frame> frames_;
  uint32_t pos_ = 0;
  uint32_t last_lost_line_ = 0;      // where a quote or a `}` of a string was last missed
  uint32_t lost_open_ = 0xffffffff;  // a `"""` whose end is lost, and where it may have been
  uint32_t lost_end_ = 0;
  bool fresh_line_ = true;
};

// Where bytes that are no UTF-8 stand in a string or a comment; outside of them they are reported
// as what has no meaning there.
void find_broken_utf8(const source::Source& source, std::vector<SyntaxError>& errors) {
  const std::string_view text =
      source.text().size() > kMaxFileBytes ? std::string_view() : source.text();
  const size_t known = errors.size();
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Utf8Char one = utf8_at(text, at);
    if (one.code != 0xFFFD || one.size != 1) {
      at += one.size;
      continue;
    }
    const bool told = std::any_of(
        errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(known),
        [&](const SyntaxError& error) { return error.span.begin <= at && at < error.span.end; });
    if (!told && errors.size() < kMaxErrors) {
      SyntaxError error;
      error.code = SyntaxError::Code::kBadCharacter;
      error.span = {static_cast<uint32_t>(at), static_cast<uint32_t>(at + 1), source.id()};
      error.message =
          fmt::format("the byte 0x{:02x} is no UTF-8", static_cast<unsigned char>(text[at]));
      error.hint = "save the file as UTF-8 text; in a string, write `\\u{…}` for a character";
      errors.push_back(std::move(error));
      return;  // a file in another encoding has one mistake
    }
    ++at;
  }
}

}  // namespace

Scanned scan(const source::Source& source, std::vector<SyntaxError>& errors) {
  Scanned scanned = Scanner(source, errors).run();
  find_broken_utf8(source, errors);
  return scanned;
}

}  // namespace rbk::syntax
