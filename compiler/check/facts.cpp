#include "compiler/check/facts.h"

#include <algorithm>
#include <iterator>

namespace rbk::check {

PathId Paths::make(PathId parent, uint32_t step, SymbolId root) {
  const uint64_t key = static_cast<uint64_t>(parent) << 32 | step;
  const auto [found, is_new] = ids_.try_emplace(key, static_cast<PathId>(paths_.size()));
  if (is_new) paths_.push_back({root});
  return found->second;
}

bool Facts::has(PathId path) const {
  return std::binary_search(paths_.begin(), paths_.end(), path);
}

void Facts::add(PathId path) {
  const auto place = std::lower_bound(paths_.begin(), paths_.end(), path);
  if (place == paths_.end() || *place != path) paths_.insert(place, path);
}

void Facts::add(const Facts& others) {
  for (const PathId path : others.paths_) add(path);
}

void Facts::keep(const Facts& other) {
  std::erase_if(paths_, [&](PathId path) { return !other.has(path); });
}

}  // namespace rbk::check
