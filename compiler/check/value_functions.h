// What stdlib/values/*.rbk declare, cut into their parts when rbk is built, so that no start of it
// reads them. tests/declarations holds the table against the files as the parser reads them.
#pragma once

#include <span>
#include <string_view>

namespace rbk::check {

struct ValueFunction {
  std::string_view type;      // "list": of whose values it is, or whose own function
  std::string_view receiver;  // "list<Ordered>"; empty: a function of the type itself, `int.parse`
  std::string_view name;      // "sort"
  std::string_view shape;     // "(of: fn(T) -> U) -> list<U>"; of a property its type: "int"
};

/// Those of one type stand together, in the order of its file.
std::span<const ValueFunction> value_functions();

}  // namespace rbk::check
