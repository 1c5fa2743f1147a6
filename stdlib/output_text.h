// What is kept of text that comes in pieces and has no known end.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace rbk::stdlib {

/// Lines of a stream, as soon as each is whole. Lines beyond 16 KiB come in pieces of that size,
/// cut between characters.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string_view line)> line) : line_(std::move(line)) {}
  void add(std::string_view bytes);
  /// What stands after the last newline is a line too.
  void flush();

 private:
  std::function<void(std::string_view)> line_;
  std::string begun_;
};

/// The first bytes.
class Head {
 public:
  explicit Head(size_t most) : most_(most) {}
  void add(std::string_view bytes);
  const std::string& text() const { return text_; }
  bool truncated() const { return truncated_; }

 private:
  size_t most_;
  std::string text_;
  bool truncated_ = false;
};

/// The last bytes.
class Tail {
 public:
  explicit Tail(size_t most) : most_(most) {}
  void add(std::string_view bytes);
  std::string text() const;
  bool truncated() const { return truncated_ || text_.size() > most_; }

 private:
  size_t most_;
  std::string text_;  // up to twice as much, so that cutting is rare
  bool truncated_ = false;
};

}  // namespace rbk::stdlib
