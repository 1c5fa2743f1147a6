#include "base/text_width.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rbk {
namespace {

using Range = std::pair<char32_t, char32_t>;  // both ends belong to it

constexpr std::array kZero{
    Range{0x0000, 0x001f}, Range{0x007f, 0x009f},   Range{0x0300, 0x036f},   Range{0x0483, 0x0489},
    Range{0x0591, 0x05bd}, Range{0x0610, 0x061a},   Range{0x064b, 0x065f},   Range{0x06d6, 0x06dc},
    Range{0x093a, 0x093a}, Range{0x093c, 0x093c},   Range{0x0941, 0x0948},   Range{0x094d, 0x094d},
    Range{0x0e31, 0x0e31}, Range{0x0e34, 0x0e3a},   Range{0x0e47, 0x0e4e},   Range{0x1ab0, 0x1aff},
    Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f},   Range{0x202a, 0x202e},   Range{0x2060, 0x2064},
    Range{0x20d0, 0x20ff}, Range{0x302a, 0x302d},   Range{0xfe00, 0xfe0f},   Range{0xfe20, 0xfe2f},
    Range{0xfeff, 0xfeff}, Range{0xe0001, 0xe007f}, Range{0xe0100, 0xe01ef},
};

constexpr std::array kWide{
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x2329, 0x232a},
    Range{0x23e9, 0x23ec},   Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},
    Range{0x25fd, 0x25fe},   Range{0x2614, 0x2615},   Range{0x2648, 0x2653},
    Range{0x267f, 0x267f},   Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},
    Range{0x26aa, 0x26ab},   Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},
    Range{0x26ce, 0x26ce},   Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},
    Range{0x26f2, 0x26f3},   Range{0x26f5, 0x26f5},   Range{0x26fa, 0x26fa},
    Range{0x26fd, 0x26fd},   Range{0x2705, 0x2705},   Range{0x270a, 0x270b},
    Range{0x2728, 0x2728},   Range{0x274c, 0x274c},   Range{0x274e, 0x274e},
    Range{0x2753, 0x2755},   Range{0x2757, 0x2757},   Range{0x2795, 0x2797},
    Range{0x27b0, 0x27b0},   Range{0x27bf, 0x27bf},   Range{0x2b1b, 0x2b1c},
    Range{0x2b50, 0x2b50},   Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},
    Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},   Range{0x4e00, 0x9fff},
    Range{0xa000, 0xa4cf},   Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},
    Range{0xf900, 0xfaff},   Range{0xfe10, 0xfe19},   Range{0xfe30, 0xfe6f},
    Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x16fe0, 0x18aff},
    Range{0x1b000, 0x1b2ff}, Range{0x1f004, 0x1f004}, Range{0x1f0cf, 0x1f0cf},
    Range{0x1f18e, 0x1f18e}, Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f320},
    Range{0x1f32d, 0x1f335}, Range{0x1f337, 0x1f37c}, Range{0x1f37e, 0x1f393},
    Range{0x1f3a0, 0x1f3ca}, Range{0x1f3cf, 0x1f3d3}, Range{0x1f3e0, 0x1f3f0},
    Range{0x1f3f4, 0x1f3f4}, Range{0x1f3f8, 0x1f43e}, Range{0x1f440, 0x1f440},
    Range{0x1f442, 0x1f4fc}, Range{0x1f4ff, 0x1f53d}, Range{0x1f54b, 0x1f567},
    Range{0x1f57a, 0x1f57a}, Range{0x1f595, 0x1f596}, Range{0x1f5a4, 0x1f5a4},
    Range{0x1f5fb, 0x1f64f}, Range{0x1f680, 0x1f6c5}, Range{0x1f6cc, 0x1f6cc},
    Range{0x1f6d0, 0x1f6d7}, Range{0x1f6dc, 0x1f6df}, Range{0x1f6eb, 0x1f6ec},
    Range{0x1f6f4, 0x1f6fc}, Range{0x1f7e0, 0x1f7f0}, Range{0x1f90c, 0x1f9ff},
    Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd},
};

template <size_t kSize>
bool within(const std::array<Range, kSize>& ranges, char32_t code) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), code,
                       [](char32_t value, const Range& range) { return value < range.first; });
  return after != ranges.begin() && code <= std::prev(after)->second;
}

}  // namespace

Utf8Char utf8_at(std::string_view text, size_t offset) {
  if (offset >= text.size()) return {};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(offset);
  if (first < 0x80) return {first, 1};
  const uint32_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr Utf8Char kBad{0xfffd, 1};
  if (first < 0xc2 || first > 0xf4 || offset + size > text.size()) return kBad;
  char32_t code = first & (0x7fu >> size);
  for (uint32_t i = 1; i < size; ++i) {
    if ((byte(offset + i) & 0xc0) != 0x80) return kBad;
    code = (code << 6) | (byte(offset + i) & 0x3fu);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return kBad;
  return {code, size};
}

size_t char_width(char32_t code) {
  if (code >= 0x20 && code < 0x7f) return 1;
  if (within(kZero, code)) return 0;
  return within(kWide, code) ? 2 : 1;
}

size_t text_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text, i);
    width += char_width(c.code);
    i += c.size;
  }
  return width;
}

std::string cut_to_width(std::string_view text, size_t width) {
  if (text_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t used = 0;
  size_t end = 0;
  while (end < text.size()) {
    const Utf8Char c = utf8_at(text, end);
    if (used + char_width(c.code) > width - 1) break;
    used += char_width(c.code);
    end += c.size;
  }
  return std::string(text.substr(0, end)) + "\u2026";
}

std::string printable(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text, i);
    if (c.code == '\t')
      result += "  ";
    else if (c.code == '\n')
      result += ' ';
    else if (c.code >= 0x20 && c.code != 0x7f && !(c.code >= 0x80 && c.code < 0xa0))
      result += c.code == 0xfffd ? std::string("\ufffd") : std::string(text.substr(i, c.size));
    i += c.size;
  }
  return result;
}

}  // namespace rbk
