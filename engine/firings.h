// What a worker does about the schedules of its store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine_state.h"
#include "engine/schedules.h"

namespace rbk::engine {

/// Engine's thread.
class Engine::State::Firings {
 public:
  Firings(State& state, WorkObserver* observer) : state_(state), observer_(observer) {}

  /// Somebody has written to the store.
  void store_changed() { ask_ = true; }
  /// Makes a move of each schedule that is due; cheap if none is.
  Status fire_due();
  /// The runs that were started since; they are held.
  std::vector<std::string> take_started() { return std::exchange(started_, {}); }
  /// When to come back, on the boot clock.
  int64_t wanted_at() const;

 private:
  static constexpr int64_t kAskAnyway = 60'000'000;  // microseconds

  Status move(const ScheduleRow& row, int64_t now);
  Status start(const ScheduleRow& row, ScheduleStep step, FiringRow firing);
  Status record(const ScheduleRow& row, const ScheduleStep& step);
  void tell(const ScheduleRow& row, const std::vector<FiringRow>& records);
  void give_up(const ScheduleRow& row, const Error& why);

  State& state_;
  WorkObserver* observer_;
  bool ask_ = true;
  std::optional<int64_t> next_;  // wall clock: when the next schedule is due
  int64_t again_at_ = 0;         // boot clock
  int64_t there_since_ = 0;      // wall clock
  int64_t last_there_ = 0;       // wall clock
  std::map<ScheduleKey, int64_t>
      broken_;  // that can't fire here, until that time of the boot clock
  std::vector<std::string> started_;
};

}  // namespace rbk::engine
