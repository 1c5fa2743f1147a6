// A world whose time passes only while the engine sleeps.
#pragma once

#include <atomic>

#include "engine/world.h"

namespace rbk::engine::testing {

class VirtualClock : public Clock {
 public:
  int64_t wall() override { return wall_time; }
  int64_t boot() override { return boot_time; }
  std::string boot_identity() override { return boot_name; }
  std::atomic<int64_t> wall_time = 1'800'000'000'000'000;
  std::atomic<int64_t> boot_time = 1'000'000;
  std::string boot_name = "boot-1:pid-1";
};

/// Counts up: ids and seeds are the same each time.
class CountingRandom : public Random {
 public:
  explicit CountingRandom(uint64_t first) : next_(first) {}
  uint64_t next() override { return next_ += 0x9e3779b97f4a7c15ULL; }

 private:
  uint64_t next_;
};

/// Sleeping moves both clocks to the end of the sleep.
class VirtualSleeper : public Sleeper {
 public:
  explicit VirtualSleeper(std::shared_ptr<VirtualClock> clock) : clock_(std::move(clock)) {}
  void sleep(int64_t until, int) override {
    const int64_t passes = until - clock_->boot_time;
    if (passes <= 0) return;
    clock_->boot_time += passes;
    clock_->wall_time += passes;
    ++sleeps;
  }
  void wake() override {}
  int sleeps = 0;

 private:
  std::shared_ptr<VirtualClock> clock_;
};

inline World virtual_world(const std::shared_ptr<VirtualClock>& clock, uint64_t seed) {
  World world;
  world.clock = clock;
  world.random = std::make_shared<CountingRandom>(seed);
  world.sleeper = std::make_shared<VirtualSleeper>(clock);
  world.writer_thread = false;
  world.look_every = int64_t{86'400} * 1'000'000;
  return world;
}

}  // namespace rbk::engine::testing
