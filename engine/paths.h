// The parts of a step's path: "patch[web-1]/boot" has the parts `patch`, in the item `web-1` of a
// loop, and `boot`. In items `[`, `]`, `#` and `\` have a `\` before them; a `#` with a number
// after an item tells it from another one of that name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rbk::engine {

struct PathPart {
  std::string_view name;
  std::vector<std::string_view> items;  // as they stand there, the outermost first
  size_t begin = 0;                     // where it begins in the path
};
std::vector<PathPart> parts_of(std::string_view path);

/// Whether something of that path was done in a `defer`.
bool is_in_defer(std::string_view path);
/// Whether `path` lies in the scope of the `defer` with that path: in the same item of each loop
/// around it.
bool is_in_scope_of(std::string_view path, std::string_view defer);

/// An item as people see it.
std::string item_text(std::string_view item);

/// An item of a loop that a path lies in.
struct ItemOf {
  std::string loop;  // where that loop is: the path around it, and the items of the loops around
  std::string item;  // as it stands in the path
  friend bool operator<(const ItemOf& a, const ItemOf& b) {
    return a.loop != b.loop ? a.loop < b.loop : a.item < b.item;
  }
};
/// All of them, the outermost first.
std::vector<ItemOf> items_of(std::string_view path);

}  // namespace rbk::engine
