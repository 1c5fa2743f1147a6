#include "base/quoting.h"

#include <algorithm>
#include <cstdint>

namespace rbk {
namespace {

bool stands_as_it_is(char c) {
  constexpr std::string_view kPlain = "_@%+=:,./-";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kPlain.find(c) != std::string_view::npos;
}

bool is_control(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), stands_as_it_is))
    return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string shown_shell_word(std::string_view text) {
  if (std::none_of(text.begin(), text.end(), is_control)) return shell_word(text);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "$'";
  for (const char c : text) {
    if (is_control(c)) {
      const auto byte = static_cast<uint8_t>(c);
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "'";
}

}  // namespace rbk
