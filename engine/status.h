// The words for how a run and its steps stand: what the store keeps, what commands print and filter
// by. Never renumbered, never renamed.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace rbk::engine {

enum class RunStatus : uint8_t {
  kRunning = 1,      // something of it runs, or can run at once
  kWaiting = 2,      // it waits for a time or for people only
  kPaused = 3,       // a person paused it
  kInDoubt = 4,      // a person has to say what became of an attempt
  kQuarantined = 5,  // its journal, program or replay is not what it must be: nobody drives it
  kSucceeded = 6,
  kPartial = 7,  // ended well, with failures that it tolerates
  kFailed = 8,
  kRollbackFailed = 9,
  kCancelled = 10,
};

enum class StepStatus : uint8_t {
  kPending = 1,
  kRunning = 2,
  kWaiting = 3,
  kSucceeded = 4,
  kFailed = 5,
  kSkipped = 6,
  kInDoubt = 7,
  kRolledBack = 8,
  kCancelled = 9,
};

/// "running", "in_doubt", ...
std::string_view to_string(RunStatus status);
std::string_view to_string(StepStatus status);

/// kInvalid names the word and lists those that exist.
Result<RunStatus> parse_run_status(std::string_view word);

/// Whether nothing more will happen to the run by itself.
bool is_over(RunStatus status);

}  // namespace rbk::engine
