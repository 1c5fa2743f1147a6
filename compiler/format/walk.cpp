#include "compiler/format/walk.h"

#include <algorithm>

namespace rbk::format {

Walker::Walker(const source::Source& source, const syntax::Ast& ast)
    : source_(source), ast_(ast), tokens_(scan(source, ast)) {}

std::string_view Walker::text_of(const Token& token) const {
  return source_.text().substr(token.begin, token.end - token.begin);
}

const Token* Walker::next_word() const {
  for (size_t i = at_; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != Token::Kind::kComment && !tokens_[i].dropped) return &tokens_[i];
  }
  return nullptr;
}

bool Walker::next_is(std::string_view text) const {
  const Token* next = next_word();
  return next != nullptr && next->kind != Token::Kind::kString && text_of(*next) == text;
}

bool Walker::newline_in(uint32_t begin, uint32_t end) const {
  const std::string_view text = source_.text();
  if (end > text.size() || begin >= end) return false;
  return text.substr(begin, end - begin).find('\n') != std::string_view::npos;
}

void Walker::skip_dropped() {
  while (at_ < tokens_.size() && tokens_[at_].dropped) ++at_;
}

void Walker::advance() {
  ++at_;
  skip_dropped();
}

bool Walker::comment_before(uint32_t offset) const {
  for (size_t i = at_; i < tokens_.size() && tokens_[i].begin < offset; ++i) {
    if (tokens_[i].kind == Token::Kind::kComment) return true;
  }
  return false;
}

void Walker::gap(Gap kind, bool keep_blank) {
  gap_ = kind;
  keep_blank_ = keep_blank;
}

void Walker::new_line(bool blank) {
  if (before_ == nullptr) return;
  layout_.hard_line(blank);
  after_comment_ = false;
  gap(Gap::kNone);
}

/// Writes the next comment if the cursor stands before one.
bool Walker::comment() {
  if (at_ == tokens_.size() || tokens_[at_].kind != Token::Kind::kComment) return false;
  const Token& token = tokens_[at_];
  std::string_view text = text_of(token);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  if (!token.own_line && before_ != nullptr && !after_comment_) {
    layout_.trailing_comment(text);
  } else {
    if (before_ != nullptr) {
      const bool blank = token.newlines >= 2 && keep_blank_;
      if (gap_ == Gap::kNone && !after_comment_)
        layout_.force_break();
      else
        layout_.hard_line(blank);
    }
    layout_.text(text);
    layout_.force_break();
    keep_blank_ = true;
  }
  after_comment_ = true;
  before_ = &token;
  if (gap_ == Gap::kNone) gap_ = Gap::kDefault;
  advance();
  return true;
}

void Walker::comments() {
  while (comment()) {
  }
}

/// Writes what stands between the last token and the next one.
void Walker::flush() {
  comments();
  if (at_ == tokens_.size()) return;
  const Token& next = tokens_[at_];
  const bool blank = keep_blank_ && next.newlines >= 2;
  if (after_comment_) {
    layout_.hard_line(blank);
  } else {
    switch (gap_) {
      case Gap::kDefault:
        if (before_ != nullptr && spaced(source_.text(), *before_, next)) layout_.text(" ");
        break;
      case Gap::kNone:
        break;
      case Gap::kSpace:
        layout_.text(" ");
        break;
      case Gap::kLine:
        layout_.line(" ", blank);
        break;
      case Gap::kSoft:
        layout_.line("", blank);
        break;
      case Gap::kHard:
        layout_.hard_line(blank);
        break;
    }
  }
  after_comment_ = false;
  gap(Gap::kNone);
}

void Walker::token() {
  flush();
  if (at_ == tokens_.size()) return;
  const Token& next = tokens_[at_];
  const std::string_view text = text_of(next);
  layout_.text(text);
  if (next.kind == Token::Kind::kPunct) {
    if (text == "(" || text == "[" || text == "{") ++depth_;
    if ((text == ")" || text == "]" || text == "}") && depth_ > 0) --depth_;
  }
  before_ = &next;
  advance();
  gap(Gap::kDefault);
}

void Walker::until(uint32_t offset) {
  while (true) {
    const Token* next = next_word();
    if (next == nullptr || next->begin >= offset) return;
    token();
  }
}

/// Leaves out the next token if it is this separator; comments before it stay.
void Walker::drop(std::string_view text) {
  if (!next_is(text)) return;
  size_t i = at_;
  while (tokens_[i].kind == Token::Kind::kComment || tokens_[i].dropped) ++i;
  // A newline before the separator is one before what follows it.
  if (i + 1 < tokens_.size())
    tokens_[i + 1].newlines = std::max(tokens_[i + 1].newlines, tokens_[i].newlines);
  tokens_[i].dropped = true;
  skip_dropped();
}

void Walker::verbatim(uint32_t begin, uint32_t end) {
  layout_.text(source_.text().substr(begin, end - begin));
  while (at_ < tokens_.size() && tokens_[at_].begin < end) before_ = &tokens_[at_++];
  skip_dropped();
  after_comment_ = false;
  gap(Gap::kDefault);
}

void Walker::items(size_t count, bool brace, size_t depth, const void* each,
                   void (*call)(const void*, size_t)) {
  token();  // the bracket
  if (count == 0 && (next_is(")") || next_is("]") || next_is("}"))) {
    if (tokens_[at_].kind == Token::Kind::kComment) {
      layout_.indent();
      gap(Gap::kHard);
      comments();
      layout_.outdent();
    }
    token();
    return;
  }
  const bool was_one_line = one_line_;
  one_line_ = false;
  layout_.begin_group();
  const Token* first = next_word();
  if (first != nullptr && first->newlines > 0) layout_.force_break();
  layout_.indent_items();
  gap(brace ? Gap::kLine : Gap::kSoft);
  for (size_t i = 0; i < count; ++i) {
    call(each, i);
    // What closes a parenthesised item belongs to it.
    while (depth_ > depth + 1 && next_word() != nullptr) token();
    drop(",");
    if (brace) drop(";");
    if (i + 1 < count) {
      if (brace)
        layout_.if_flat(",");
      else
        layout_.text(",");
      gap(Gap::kLine, true);
    } else if (!brace) {
      layout_.if_broken(",");
    }
  }
  keep_blank_ = true;
  comments();
  layout_.outdent_items();
  gap(brace ? Gap::kLine : Gap::kSoft);
  token();
  layout_.end_group();
  one_line_ = was_one_line;
}

}  // namespace rbk::format
