#include "engine/paths.h"

#include <algorithm>

namespace rbk::engine {

std::vector<PathPart> parts_of(std::string_view path) {
  std::vector<PathPart> parts;
  size_t at = 0;
  while (at <= path.size()) {
    PathPart part;
    part.begin = at;
    size_t end = at;
    while (end < path.size() && path[end] != '/' && path[end] != '[') ++end;
    part.name = path.substr(at, end - at);
    while (end < path.size() && path[end] == '[') {
      const size_t from = ++end;
      while (end < path.size() && path[end] != ']') end += path[end] == '\\' ? 2 : 1;
      if (end > path.size()) end = path.size();
      part.items.push_back(path.substr(from, end - from));
      if (end < path.size()) ++end;
    }
    while (end < path.size() && path[end] != '/') ++end;
    parts.push_back(std::move(part));
    at = end + 1;
  }
  return parts;
}

std::string item_text(std::string_view item) {
  std::string text;
  for (size_t i = 0; i < item.size(); ++i) {
    if (item[i] == '\\' && i + 1 < item.size()) ++i;
    text += item[i];
  }
  return text;
}

bool is_in_defer(std::string_view path) {
  const std::vector<PathPart> parts = parts_of(path);
  return std::any_of(parts.begin(), parts.end(),
                     [](const PathPart& part) { return part.name == "defer"; });
}

bool is_in_scope_of(std::string_view path, std::string_view defer) {
  const std::vector<PathPart> around = parts_of(defer);
  const auto part = std::find_if(around.begin(), around.end(),
                                 [](const PathPart& one) { return one.name == "defer"; });
  if (part == around.end()) return true;
  if (part->begin > 0 && path == defer.substr(0, part->begin - 1)) return true;
  if (!path.starts_with(defer.substr(0, part->begin))) return false;
  const std::vector<PathPart> parts = parts_of(path.substr(part->begin));
  const std::vector<std::string_view>& items = parts.front().items;
  return items.size() >= part->items.size() &&
         std::equal(part->items.begin(), part->items.end(), items.begin());
}

std::vector<ItemOf> items_of(std::string_view path) {
  std::vector<ItemOf> all;
  for (const PathPart& part : parts_of(path)) {
    std::string loop(path.substr(0, part.begin));
    for (const std::string_view item : part.items) {
      loop += '[';
      all.push_back({loop, std::string(item)});
      loop += item;
      loop += ']';
    }
  }
  return all;
}

}  // namespace rbk::engine
