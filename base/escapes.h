// Undoes what programs write in place of a character: `\u002b`, `\n`, `\'` and `\303` of JSON, C,
// Python and shells, `%2B` of URLs, `&#43;` and `&amp;` of HTML. Which of them a text is written in
// need not be known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rbk {

/// A byte, and where in some text it was written: [begin, end).
struct SourceByte {
  char byte = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const SourceByte&, const SourceByte&) = default;
};

inline bool begins_escape(char byte) { return byte == '\\' || byte == '%' || byte == '&'; }

/// One level of escapes, of text that comes byte by byte. What is no escape stays as it is. A
/// character beyond ASCII becomes UTF-8, a half of a surrogate pair its three bytes (CESU-8).
class EscapeReader {
 public:
  enum class Backslash : uint8_t {
    kAll,
    kNoLetters,  // before a letter or a digit it is itself, as in `DOMAIN\name`; but not `\u002b`
  };
  explicit EscapeReader(Backslash backslash = Backslash::kAll) : backslash_(backslash) {}

  /// Appends what can be told now.
  void take(const SourceByte& byte, std::vector<SourceByte>& out);
  /// Appends what is held, as it is; nothing may follow.
  void finish(std::vector<SourceByte>& out);
  /// Nothing is held.
  bool idle() const { return size_ == 0; }
  /// Where what is held begins; not if idle.
  uint64_t held_from() const { return held_.front().begin; }

 private:
  static constexpr size_t kLongest = 14;
  enum class Verdict : uint8_t { kMore, kEscape, kNone };

  Verdict judge();
  Verdict judge_backslash();
  Verdict judge_percent();
  Verdict judge_entity();
  /// Digits from `from` on: all `count` of them are there, or some, or something else.
  Verdict digits(size_t from, size_t count, uint32_t base);
  void give(std::vector<SourceByte>& out) const;

  Backslash backslash_;
  std::array<SourceByte, kLongest> held_;
  std::array<char, kLongest> text_;  // of `held_`
  size_t size_ = 0;
  uint32_t code_ = 0;  // of what was judged
  bool is_byte_ = false;
};

/// The same of a whole text.
std::string without_escapes(std::string_view text);

}  // namespace rbk
