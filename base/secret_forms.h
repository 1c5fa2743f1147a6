// The forms in which programs show a text that was to stay secret: as it is, and encoded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rbk {

/// Anything shorter is found in what has nothing to do with it: it is no secret.
inline constexpr size_t kShortestSecret = 4;
/// What is built to find its forms grows with it.
inline constexpr size_t kLongestSecret = 16U << 10;

struct SecretForm {
  std::string text;
  bool wraps = false;  // base64 and hexadecimal digits: lines of it may be broken anywhere
  friend bool operator==(const SecretForm&, const SecretForm&) = default;
};

/// Levels of escapes (base/escapes.h) that are undone when forms are looked for, as in JSON in JSON
/// in JSON.
inline constexpr size_t kEscapeLevels = 3;

/// Every form once, none shorter than kShortestSecret: plain, and with what looks like an escape in
/// it undone; base64 of a text that it stands in, at each of its three alignments and in both
/// alphabets (RFC 4648), as far as its digits are its own; hexadecimal; quoted for a shell. Of
/// several lines: the whole, and each line of at least eight bytes, without the blanks at its
/// ends.
std::vector<SecretForm> secret_forms(std::string_view secret);

}  // namespace rbk
