// The exit statuses that scripts may rely on. Never renumbered.
#pragma once

#include "base/result.h"

namespace rbk::cli {

enum class ExitStatus : int {
  kSucceeded = 0,
  kFailed = 1,          // the run failed; rolled back where it says so
  kUsage = 2,           // usage, or the program has errors: nothing was run
  kRefused = 3,         // parameters, permission, exclusive: the run was refused
  kPartial = 4,         // it ended well, with failures that it tolerates
  kRollbackFailed = 5,  // what it did could not be undone
  kSuspended = 75,      // it waits; what goes on with it was printed as a command
  kInDoubt = 76,        // a person has to say what happened
  kCancelled = 130,
};

/// What a command that failed before it had a run ends with.
ExitStatus exit_status(const Error& error);

}  // namespace rbk::cli
