// What kind of ASCII letter a byte is; no locale has a say.
#pragma once

namespace rbk {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace rbk
