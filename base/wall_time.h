// The time of the wall's clock, for what people read; the engine has its time from its world.
#pragma once

#include <chrono>
#include <cstdint>

namespace rbk {

/// Microseconds since the epoch.
inline int64_t wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace rbk
