#include "compiler/syntax/name_case.h"

namespace rbk::syntax {

std::string snake_case(std::string_view word) {
  std::string made;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool starts = is_upper(c) && i > 0 && word[i - 1] != '_' &&
                        (!is_upper(word[i - 1]) || (i + 1 < word.size() && is_lower(word[i + 1])));
    if (starts) made += '_';
    made += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return made;
}

std::string upper_camel(std::string_view word) {
  std::string made;
  bool capital = true;
  for (const char c : word) {
    if (c == '_') {
      capital = true;
      continue;
    }
    made += capital && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    capital = false;
  }
  return made;
}

}  // namespace rbk::syntax
