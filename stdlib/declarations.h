// The standard modules' declarations, as they stand in the .rbk files of this folder. The compiler
// is given them by whoever calls it: it has none of its own.
#pragma once

#include <span>
#include <string_view>

namespace rbk::stdlib {

struct ModuleText {
  std::string_view name;  // "http"; "core" holds the kinds of errors that need no module's name
  std::string_view text;
};

std::span<const ModuleText> module_texts();

/// What the values of the built-in types can do, by type: "string". No modules: the compiler knows
/// these functions from a table (compiler/check/value_functions.h), readers from the texts.
std::span<const ModuleText> value_texts();

}  // namespace rbk::stdlib
