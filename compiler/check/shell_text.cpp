#include "compiler/check/shell_text.h"

#include <algorithm>

namespace rbk::check {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool ends_word(char c) {
  return is_blank(c) || c == '\n' || c == ';' || c == '|' || c == '&' || c == '(' || c == ')' ||
         c == '<' || c == '>';
}

}  // namespace

bool ShellText::is_unquoted() const {
  return stack_.empty() || top() == Inside::kParens || top() == Inside::kBacktick;
}

ShellText::Place ShellText::place() const {
  if (!open_.empty() || reading_delimiter_ || less_ == 2) return Place::kHereDocument;
  if (comment_) return Place::kComment;
  if (!stack_.empty()) {
    // What is inside of a nested command would be quoted for the wrong one.
    for (const Inside inside : stack_) {
      if (inside == Inside::kParens) return Place::kSubstitution;
      if (inside == Inside::kBacktick) return Place::kBackticks;
      if (inside == Inside::kBraces || inside == Inside::kArithmetic) return Place::kExpansion;
    }
    return top() == Inside::kDouble ? Place::kDoubleQuotes : Place::kSingleQuotes;
  }
  return escaped_ || dollar_ ? Place::kEscape : Place::kWord;
}

bool ShellText::expands() const {
  if (!open_.empty()) return !open_.back().is_quoted && !line_.ends_with('\\');
  if (comment_ || escaped_ || reading_delimiter_) return false;
  return stack_.empty() || (top() != Inside::kSingle && top() != Inside::kDollarSingle);
}

void ShellText::value() {
  word_start_ = false;
  escaped_ = false;
  dollar_ = false;
  less_ = 0;
  if (!open_.empty()) line_ += '?';
}

void ShellText::text(std::string_view part) {
  for (const char c : part) step(c);
}

void ShellText::begin_delimiter(char c) {
  less_ = 0;
  reading_delimiter_ = true;
  delimiter_started_ = false;
  delimiter_.clear();
  delimiter_quoted_ = false;
  strip_tabs_ = false;
  step(c);
}

void ShellText::begin_here_documents() {
  open_.assign(pending_.rbegin(), pending_.rend());
  pending_.clear();
  line_.clear();
}

void ShellText::here_line(char c) {
  if (c != '\n') {
    line_ += c;
    return;
  }
  std::string_view line = line_;
  if (open_.back().strip_tabs)
    line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
  if (line == open_.back().delimiter) open_.pop_back();
  line_.clear();
  word_start_ = true;
}

void ShellText::step(char c) {
  if (!open_.empty()) {
    here_line(c);
    return;
  }
  if (reading_delimiter_) {
    if (delimiter_quote_ != 0) {
      if (c == delimiter_quote_)
        delimiter_quote_ = 0;
      else
        delimiter_ += c;
      return;
    }
    if (!delimiter_started_ && c == '-' && delimiter_.empty() && !strip_tabs_) {
      strip_tabs_ = true;
      return;
    }
    if (!delimiter_started_ && is_blank(c)) return;
    if (!ends_word(c)) {
      delimiter_started_ = true;
      if (c == '\'' || c == '"' || c == '\\') delimiter_quoted_ = true;
      if (c == '\'' || c == '"')
        delimiter_quote_ = c;
      else if (c != '\\')
        delimiter_ += c;
      return;
    }
    reading_delimiter_ = false;
    pending_.push_back({delimiter_, strip_tabs_, delimiter_quoted_});
  }
  if (escaped_) {
    escaped_ = false;
    word_start_ = false;
    return;
  }
  if (comment_) {
    if (c != '\n') return;
    comment_ = false;
  }
  const bool after_dollar = dollar_;
  dollar_ = false;
  const Inside inside = stack_.empty() ? Inside::kParens : top();
  if (!stack_.empty() && inside == Inside::kSingle) {
    if (c == '\'') stack_.pop_back();
    return;
  }
  if (!stack_.empty() && inside == Inside::kDollarSingle) {
    if (c == '\\') escaped_ = true;
    if (c == '\'') stack_.pop_back();
    return;
  }
  // Quotes after `<<` are those of its delimiter.
  if (less_ == 2 && (c == '\'' || c == '"' || c == '\\')) return begin_delimiter(c);
  if (c == '\\') {
    escaped_ = true;
    return;
  }
  if (after_dollar && (c == '(' || c == '{')) {
    stack_.push_back(c == '(' ? Inside::kParens : Inside::kBraces);
    depths_.push_back(0);
    word_start_ = c == '(';
    return;
  }
  const bool in_double = !stack_.empty() && inside == Inside::kDouble;
  if (c == '$') {
    dollar_ = true;
    word_start_ = false;
    return;
  }
  if (c == '`') {
    const auto open = std::find(stack_.begin(), stack_.end(), Inside::kBacktick);
    if (open != stack_.end()) {
      while (stack_.size() > static_cast<size_t>(open - stack_.begin())) {
        if (top() == Inside::kParens || top() == Inside::kBraces) depths_.pop_back();
        stack_.pop_back();
      }
      word_start_ = false;
    } else {
      stack_.push_back(Inside::kBacktick);
      word_start_ = true;
    }
    return;
  }
  if (c == '"') {
    if (in_double)
      stack_.pop_back();
    else
      stack_.push_back(Inside::kDouble);
    word_start_ = false;
    return;
  }
  if (in_double) return;
  if (!stack_.empty() && inside == Inside::kBraces) {
    if (c == '{') ++depths_.back();
    if (c == '}') {
      if (depths_.back() == 0) {
        depths_.pop_back();
        stack_.pop_back();
        word_start_ = false;
      } else {
        --depths_.back();
      }
    } else if (c == '\'') {
      stack_.push_back(Inside::kSingle);
    }
    return;
  }
  if (c == '\'') {
    stack_.push_back(after_dollar ? Inside::kDollarSingle : Inside::kSingle);
    word_start_ = false;
    return;
  }
  if (c == '(' && !stack_.empty() && inside == Inside::kParens) ++depths_.back();
  if (c == ')' && !stack_.empty() && inside == Inside::kParens) {
    if (depths_.back() == 0) {
      depths_.pop_back();
      stack_.pop_back();
      word_start_ = false;
      return;
    }
    --depths_.back();
  }
  if (c == '#' && word_start_) {
    comment_ = true;
    return;
  }
  if (c == '<') {
    ++less_;
    word_start_ = true;
    return;
  }
  if (less_ == 2) return begin_delimiter(c);
  less_ = 0;
  if (c == '\n' && !pending_.empty()) begin_here_documents();
  word_start_ = ends_word(c);
}

}  // namespace rbk::check
