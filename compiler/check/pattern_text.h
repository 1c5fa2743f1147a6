// Patterns as the machine will read them, for what can be said about them before a run.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rbk::check {

/// What is wrong with a pattern; nothing if it is one.
std::optional<std::string> pattern_mistake(std::string_view pattern);

/// Whether the text has a match somewhere; nothing if the pattern is none.
std::optional<bool> pattern_matches(std::string_view pattern, std::string_view text);

}  // namespace rbk::check
