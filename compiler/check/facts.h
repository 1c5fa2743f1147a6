// What is known at one place about names that may be null: after `if x != null`, `x` is a value.
// Values are immutable, so that it can be known of a field's path (`user.boss`) as well.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "compiler/check/checked.h"

namespace rbk::check {

/// `x`, `x.boss`, `x.boss.name`: each once.
using PathId = uint32_t;

class Paths {
 public:
  PathId root(SymbolId symbol) { return make(kNone, symbol, symbol); }
  PathId child(PathId parent, uint32_t field) { return make(parent, field, paths_[parent].root); }
  SymbolId root_of(PathId path) const { return paths_[path].root; }

 private:
  struct Path {
    SymbolId root = kNone;
  };
  PathId make(PathId parent, uint32_t step, SymbolId root);

  std::vector<Path> paths_;
  std::unordered_map<uint64_t, PathId> ids_;
};

/// The paths that are not null here, ascending. Mostly empty, rarely more than a few.
class Facts {
 public:
  bool has(PathId path) const;
  void add(PathId path);
  void add(const Facts& others);
  /// Keeps only what the other has as well: after two branches joined.
  void keep(const Facts& other);
  template <typename Predicate>
  void drop_if(Predicate drop) {
    std::erase_if(paths_, drop);
  }
  bool empty() const { return paths_.empty(); }

 private:
  std::vector<PathId> paths_;
};

/// What a condition tells where it holds and where it does not.
struct Branching {
  Facts when_true;
  Facts when_false;
};

}  // namespace rbk::check
