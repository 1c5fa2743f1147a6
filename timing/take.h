// For those who read a text from its begin.
#pragma once

#include <string_view>

namespace rbk::timing {

/// Takes the letter from the front, if it stands there.
constexpr bool take(std::string_view& rest, char letter) {
  if (!rest.starts_with(letter)) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace rbk::timing
