// Content hashes: SHA-256, by libsodium.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rbk {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view bytes);

/// Its 32 bytes; they live as long as it does.
inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Of 32 bytes; of another length it is zeros, which no hash is.
inline Digest digest(std::string_view bytes) {
  Digest made{};
  if (bytes.size() == made.size())
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(made.data()));
  return made;
}

/// 64 lower-case hexadecimal digits.
std::string to_hex(const Digest& digest);

}  // namespace rbk
