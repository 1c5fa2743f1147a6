// Where all chance of a history comes from: one seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/world.h"

namespace rbk::simulation {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }
  /// From 0 to `count` - 1.
  uint64_t below(uint64_t count) { return next() % count; }
  /// Both ends belong to it.
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(below(static_cast<uint64_t>(most - least + 1)));
  }
  /// True so often of a thousand times.
  bool chance(uint64_t per_thousand) { return below(1000) < per_thousand; }
  template <typename T>
  const T& one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

 private:
  uint64_t state_;
};

/// An engine's own randomness.
class DiceRandom : public engine::Random {
 public:
  explicit DiceRandom(uint64_t seed) : dice_(seed) {}
  uint64_t next() override { return dice_.next(); }

 private:
  Dice dice_;
};

}  // namespace rbk::simulation
