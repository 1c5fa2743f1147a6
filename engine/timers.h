// When the engine has to act by itself. One heap; a timer that is not wanted any more stays until
// its time, and whoever set it tells then that it is stale.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "engine/store.h"
#include "vm/machine.h"

namespace rbk::engine {

struct Timer {
  enum class Kind : uint8_t {
    kDue,     // a sleep's end, an approval's expiry
    kStop,    // an attempt's time is up
    kKill,    // it was asked to stop and did not
    kGiveUp,  // it was killed and did not say how it ended
  };
  int64_t at = 0;  // microseconds on the boot clock
  Kind kind = Kind::kDue;
  RunKey run = 0;
  vm::RequestId request = 0;
  uint64_t attempt = 0;  // kStop and on
};

class Timers {
 public:
  void add(const Timer& timer) { heap_.push(timer); }
  std::optional<int64_t> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.top().at;
  }
  /// Takes out the earliest timer that is due at `now`.
  std::optional<Timer> take(int64_t now) {
    if (heap_.empty() || heap_.top().at > now) return std::nullopt;
    const Timer timer = heap_.top();
    heap_.pop();
    return timer;
  }

 private:
  struct Later {
    bool operator()(const Timer& a, const Timer& b) const {
      if (a.at != b.at) return a.at > b.at;
      return a.request > b.request;
    }
  };
  std::priority_queue<Timer, std::vector<Timer>, Later> heap_;
};

}  // namespace rbk::engine
