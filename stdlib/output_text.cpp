#include "stdlib/output_text.h"

#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

constexpr size_t kLongestLine = 16U << 10;

}  // namespace

void LineSplitter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const bool whole = newline != std::string_view::npos;
    const std::string_view piece = bytes.substr(0, whole ? newline : bytes.size());
    bytes.remove_prefix(whole ? newline + 1 : bytes.size());
    // Most lines come in one piece and need no copy.
    if (whole && begun_.empty() && piece.size() <= kLongestLine) {
      line_(piece);
      continue;
    }
    begun_ += piece;
    size_t done = 0;
    while (begun_.size() - done > kLongestLine) {
      const std::string_view part =
          utf8_prefix(std::string_view(begun_).substr(done), kLongestLine);
      line_(part);
      done += part.size();
    }
    begun_.erase(0, done);
    if (whole) {
      line_(begun_);
      begun_.clear();
    }
  }
}

void LineSplitter::flush() {
  if (begun_.empty()) return;
  line_(begun_);
  begun_.clear();
}

void Head::add(std::string_view bytes) {
  if (truncated_) return;
  const size_t room = most_ - text_.size();
  truncated_ = bytes.size() > room;
  text_ += bytes.substr(0, room);
  if (truncated_) text_.resize(utf8_prefix(text_ + bytes[room], most_).size());
}

void Tail::add(std::string_view bytes) {
  text_ += bytes;
  if (text_.size() <= 2 * most_) return;
  text_.erase(0, text_.size() - most_);
  truncated_ = true;
}

std::string Tail::text() const {
  return text_.size() > most_ ? text_.substr(text_.size() - most_) : text_;
}

}  // namespace rbk::stdlib
