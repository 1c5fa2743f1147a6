// Taking runs away that ended long ago: whole trees of runs (those that a run began, those that
// undo it), with their journals, logs, messages and notices; and the outputs and programs that
// nobody refers to any more. Each commit is a small one, and leaves a store that works: cut off at
// any moment, the next time goes on with what is left over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

struct Retention {
  std::optional<int64_t> before = {};       // trees whose last run ended before that; microseconds
  std::optional<int64_t> logs_before = {};  // the logs of runs that ended before that
  std::optional<RunStatus> status = {};     // and whose first run has that status
  bool only_look = false;                   // tells what would go
  Doer by = {};                             // whose rows the audit trail has
};

/// A run that goes, with all that hangs on it.
struct RemovedTree {
  std::string run;  // the one that a person or a schedule started
  RunStatus status = RunStatus::kSucceeded;
  int64_t ended = 0;  // when the last of them ended
  int64_t runs = 1;
};

struct Retained {
  int64_t trees = 0;
  int64_t runs = 0;
  int64_t programs = 0;
  int64_t outputs = 0;
  int64_t logs = 0;        // of so many runs that stay, or would
  int64_t unfinished = 0;  // trees of that age that stay: a run of them is not over
  int64_t owing = 0;       // and those whose notices are not delivered
  int64_t changed = 0;     // and those that somebody changed meanwhile
};

/// `tell` hears of each tree once it is gone; only looking, of each that would go. kInvalid: the
/// status is one of runs that are not over. kCorrupt: a journal can't be read, so that nobody knows
/// which outputs are used; the runs are gone by then.
Result<Retained> retain(Store& store, const Retention& retention,
                        const std::function<void(const RemovedTree&)>& tell);

}  // namespace rbk::engine
