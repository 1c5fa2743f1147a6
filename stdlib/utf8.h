// Text from outside, made fit for JSON.
#pragma once

#include <string>
#include <string_view>

namespace rbk::stdlib {

/// The text with each byte that does not belong to a well-formed UTF-8 sequence replaced by U+FFFD.
std::string valid_utf8(std::string_view bytes);

/// The longest prefix of at most `most` bytes that does not end within a UTF-8 sequence.
std::string_view utf8_prefix(std::string_view text, size_t most);

}  // namespace rbk::stdlib
