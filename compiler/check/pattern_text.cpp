#include "compiler/check/pattern_text.h"

#include <re2/re2.h>

namespace rbk::check {
namespace {

/// `(?<name>` as the pattern library of Debian 12 spells it: `(?P<name>`.
std::string with_named_groups(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    result += c;
    if (c == '\\' && i + 1 < pattern.size()) {
      result += pattern[++i];
    } else if (c == '[') {
      in_class = true;
    } else if (c == ']') {
      in_class = false;
    } else if (c == '(' && !in_class && pattern.substr(i + 1, 2) == "?<" &&
               pattern.substr(i + 3, 1) != "=" && pattern.substr(i + 3, 1) != "!") {
      result += "?P";
      ++i;
    }
  }
  return result;
}

re2::RE2::Options quiet() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

std::optional<std::string> pattern_mistake(std::string_view pattern) {
  const re2::RE2 compiled(with_named_groups(pattern), quiet());
  if (compiled.ok()) return std::nullopt;
  return compiled.error();
}

std::optional<bool> pattern_matches(std::string_view pattern, std::string_view text) {
  const re2::RE2 compiled(with_named_groups(pattern), quiet());
  if (!compiled.ok()) return std::nullopt;
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled);
}

}  // namespace rbk::check
