// Brings a run back from the store: snapshot and the entries after it, or all entries.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/asked.h"
#include "engine/store.h"
#include "vm/machine.h"

namespace rbk::engine {

struct RecoveredRun {
  vm::Machine machine;
  AskedRequests asked;
  uint64_t head = 0;            // its last entry
  int64_t time = 0;             // that entry's
  uint64_t since_snapshot = 0;  // entries that had to be replayed
  bool snapshot_was_bad = false;
};

/// kCorrupt or kUnsupported: the run can't be driven and says why; others: the store's.
Result<RecoveredRun> recover_run(Store& store, const RunRow& row,
                                 std::shared_ptr<const bytecode::Program> program,
                                 bool use_snapshot = true);

/// The arguments that a run began with; those of a rollback by hand are the undone run's.
Result<boost::json::array> arguments_of(Store& store, const RunRow& row);

/// Loads the program that a run is pinned to.
Result<std::shared_ptr<const bytecode::Program>> load_program(Store& store, const RunRow& row);

}  // namespace rbk::engine
