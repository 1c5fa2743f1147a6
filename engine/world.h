// What the engine takes from outside: time, randomness and a way to sleep. A simulation passes in
// its own; everything else uses `World::real()`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/notifier.h"
#include "engine/secrets.h"
#include "timing/system_zones.h"

namespace rbk::engine {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since the epoch; may jump.
  virtual int64_t wall() = 0;
  /// Microseconds since the host's boot, time asleep included; never goes back within one boot.
  virtual int64_t boot() = 0;
  /// Names the boot (base/boot.h); empty where it is not known.
  virtual std::string boot_identity() = 0;
};

/// Engine's thread only.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
};

/// How the engine's thread sleeps between events.
class Sleeper {
 public:
  virtual ~Sleeper() = default;
  /// Returns when woken since the last call, when the boot clock reaches `until`, or when there is
  /// something to read from `descriptor`; below 0 there never is. Engine's thread.
  virtual void sleep(int64_t until, int descriptor = -1) = 0;
  /// Any thread, and from a signal handler.
  virtual void wake() = 0;
};

struct World {
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Random> random;
  std::shared_ptr<Sleeper> sleeper;
  std::shared_ptr<SecretSource> secrets = {};  // null: no secret can be read here
  std::shared_ptr<Notifier> notifier = {};     // null: notices stay in the outbox
  /// The time zones of schedules, by their names.
  std::function<Result<timing::Zone>(std::string_view)> zones = timing::system_zone;
  /// Commits on a thread of their own while machines run on; a simulation commits in the engine's.
  bool writer_thread = true;
  /// How often to look for what other processes have written; microseconds.
  int64_t look_every = 100'000;
  /// The process that the engine lives in, as others are told of it; 0: this one.
  int64_t process = 0;
  /// Whose process it is: who does, by the audit trail, what the engine does by itself.
  std::string user = "engine";

  static World real();
};

}  // namespace rbk::engine
