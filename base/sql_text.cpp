#include "base/sql_text.h"

#include "base/letters.h"

namespace rbk {

bool SqlText::is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool SqlText::in_word() const { return place() == Place::kPlain && is_word(last_); }

void SqlText::text(std::string_view part) {
  for (const char c : part) step(c);
}

void SqlText::value() {
  // As the word that it is: what follows at once would belong to it.
  if (quote_ends_) place_ = Place::kPlain;
  quote_ends_ = false;
  in_tag_ = false;
  before_last_ = ' ';
  last_ = '$';
}

void SqlText::step(char c) {
  const Place before = place_;
  switch (place_) {
    case Place::kPlain:
      plain(c);
      break;
    case Place::kString:
    case Place::kIdentifier:
      if (quote_ends_) {
        quote_ends_ = false;
        if (c == quote_) break;  // doubled: it stands for itself
        place_ = Place::kPlain;
        last_ = quote_;
        before_last_ = ' ';
        plain(c);
      } else if (escaped_) {
        if (c == quote_ && !escapes_) {
          is_ambiguous_ = true;
          quote_ends_ = true;
        }
        escaped_ = false;
      } else if (c == '\\' && place_ == Place::kString) {
        escaped_ = true;
      } else if (c == quote_) {
        quote_ends_ = true;
      }
      break;
    case Place::kLineComment:
      if (c == '\n') place_ = Place::kPlain;
      break;
    case Place::kBlockComment:
      if (last_ == '*' && c == '/') {
        if (--depth_ == 0) place_ = Place::kPlain;
        c = ' ';
      } else if (last_ == '/' && c == '*') {
        ++depth_;
        c = ' ';
      }
      break;
    case Place::kDollarQuote:
      tail_ += c;
      if (tail_.size() > tag_.size()) tail_.erase(0, 1);
      if (tail_ == tag_) {
        place_ = Place::kPlain;
        c = ' ';
      }
      break;
  }
  // The `*` that opens a comment closes none.
  if (place_ == Place::kBlockComment && before != Place::kBlockComment) c = ' ';
  before_last_ = last_;
  last_ = c;
}

void SqlText::plain(char c) {
  if (in_tag_) {
    const bool begins = tag_.size() == 1;
    if (c == '$') {
      tag_ += c;
      tail_.clear();
      in_tag_ = false;
      place_ = Place::kDollarQuote;
      return;
    }
    if (begins && is_digit(c)) wrote_parameter_ = true;
    in_tag_ = is_word(c) && !(begins && is_digit(c));
    if (in_tag_) {
      tag_ += c;
      return;
    }
  }
  if (c == '\'') {
    place_ = Place::kString;
    quote_ = c;
    escaped_ = false;
    escapes_ = (last_ == 'e' || last_ == 'E') && !is_word(before_last_);
  } else if (c == '"' || c == '`') {
    place_ = Place::kIdentifier;
    quote_ = c;
    escaped_ = false;
  } else if (c == '-' && last_ == '-') {
    place_ = Place::kLineComment;
  } else if (c == '*' && last_ == '/') {
    place_ = Place::kBlockComment;
    depth_ = 1;
  } else if (c == '$' && !is_word(last_)) {
    in_tag_ = true;
    tag_ = "$";
  }
}

std::string renumbered(std::string_view query, size_t by) {
  std::string made;
  SqlText sql;
  for (size_t i = 0; i < query.size();) {
    const bool opens = query[i] == '$' && sql.place() == SqlText::Place::kPlain && !sql.in_word();
    size_t end = i + 1;
    while (opens && end < query.size() && is_digit(query[end])) ++end;
    if (opens && end > i + 1 && end - i < 12) {
      made += '$' + std::to_string(std::stoull(std::string(query.substr(i + 1, end - i - 1))) + by);
    } else {
      made += query.substr(i, end - i);
    }
    sql.text(query.substr(i, end - i));
    i = end;
  }
  return made;
}

}  // namespace rbk
