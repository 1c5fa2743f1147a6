// What `rbk store accept` would let go on: the runs that a store holds since it was found to be
// restored or copied (rule 6 of durability).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// An attempt that was under way when the copy was made.
struct LostAttempt {
  std::string path;
  std::string action;
  bool repeats = false;  // it reads, is idempotent or says `on doubt retry`; else it is in doubt
};

struct HeldRun {
  std::string id;
  std::string runbook;
  RunStatus was = RunStatus::kRunning;  // before it was held
  std::string starter;
  uint64_t head = 0;    // number of its last entry that is known
  int64_t updated = 0;  // that entry's time
  std::vector<LostAttempt> lost;
  std::string problem;  // why what was under way can't be told; empty: it is told
};

/// Tells each of them, the oldest first. Errors: the store's.
Status look_at_held(Store& store, const std::function<void(const HeldRun&)>& tell);

}  // namespace rbk::engine
