// One slip of a hand: a token that is missing, has changed places with the next one, or is
// misspelt.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace rbk::mistakes {

enum class Kind : uint8_t { kDrop, kSwap, kMisspell };

struct Mistake {
  Kind kind = Kind::kDrop;
  uint32_t line = 1;  // where it was made, counted from 1
  std::string was;    // the token, or both of them
  std::string text;   // the whole text with the mistake
};

/// As many as can be made in the text at each of its tokens, in the order of the text. Newlines,
/// comments and the insides of strings are left alone, but for their quotes.
std::vector<Mistake> mistakes_in(const std::string& text, std::mt19937& random);

}  // namespace rbk::mistakes
