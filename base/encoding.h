// Bytes as text: base64 and hexadecimal, by libsodium.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rbk {

/// RFC 4648 with its padding, on one line.
std::string to_base64(std::string_view bytes);
/// With or without padding; blanks and newlines between are left out, as `base64` breaks lines.
std::optional<std::string> from_base64(std::string_view text);

/// Lower-case digits.
std::string to_hex(std::string_view bytes);
/// Digits of either case, an even number of them.
std::optional<std::string> from_hex(std::string_view text);

/// `%41` as `A`; nothing if a `%` has no two digits behind it. A `+` stays one.
std::optional<std::string> from_percent(std::string_view text);

/// No overlong form, no surrogate, nothing cut off.
bool is_utf8(std::string_view bytes);

}  // namespace rbk
