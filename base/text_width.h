// How wide a text stands on a terminal, and reading UTF-8 one character at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rbk {

struct Utf8Char {
  char32_t code = 0;  // U+FFFD for a byte that is no UTF-8
  uint32_t size = 0;  // bytes, at least 1 unless the text ended
};

/// The character that begins at `offset`; size 0 at the end.
Utf8Char utf8_at(std::string_view text, size_t offset);

/// 0 for combining marks and controls, 2 for wide characters and emoji, else 1 (Unicode 15,
/// UAX #11 "W" and "F"; ambiguous ones count as narrow).
size_t char_width(char32_t code);

/// Sum over the text's characters; a tab or newline counts 0.
size_t text_width(std::string_view text);

/// On one line, without what would move a terminal's cursor or change its colours.
std::string printable(std::string_view text);

/// The longest beginning that is at most `width` wide; with an ellipsis as its last column where
/// something was cut.
std::string cut_to_width(std::string_view text, size_t width);

}  // namespace rbk
