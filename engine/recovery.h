// Brings a run back from the store: snapshot and the entries after it, or all entries.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/asked.h"
#include "engine/numbering.h"
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
  bool paused = false;  // a person paused it
  /// Where it was moved to another program: what lies before these entries is numbered as then.
  std::vector<std::pair<uint64_t, Numbering>> numberings = {};

  /// How that entry numbers actions and runbooks; null: as the program does.
  const Numbering* numbering_at(uint64_t entry) const;
  /// Its event, as the program takes it.
  Status translate(uint64_t entry, vm::Event& event) const;
};

/// kCorrupt or kUnsupported: the run can't be driven and says why; others: the store's.
Result<RecoveredRun> recover_run(Store& store, const RunRow& row,
                                 std::shared_ptr<const bytecode::Program> program,
                                 bool use_snapshot = true);

/// The state before a run's first entry: nothing, or that of the finished run which it undoes.
Result<RecoveredRun> beginning_of(Store& store, const RunRow& row,
                                  const std::shared_ptr<const bytecode::Program>& program);

/// Finds among the entries to come where the run was moved to another program; `program` is the one
/// that it is replayed on. To be called before they are replayed.
Status learn_upgrades(RecoveredRun& run, const RunRow& row, const bytecode::Program& program,
                      const std::vector<Entry>& entries);

enum class Compare : uint8_t {
  kDigests,  // what it asks for has to be what the journal says
  kNothing,
};

/// Takes in the next entry. Returns what its event led to; nothing of an entry that is no event.
/// kCorrupt names the entry: it does not fit what was before.
Result<std::optional<vm::Turn>> replay_entry(RecoveredRun& run, Store& store, const RunRow& row,
                                             const Entry& entry,
                                             Compare compare = Compare::kDigests);

/// The request that an event answers; 0 if none.
vm::RequestId answered_by(const vm::Event& event);

/// The arguments that a run began with; those of a rollback by hand are the undone run's.
Result<boost::json::array> arguments_of(Store& store, const RunRow& row);

/// Loads the program that a run is pinned to.
Result<std::shared_ptr<const bytecode::Program>> load_program(Store& store, const RunRow& row);

}  // namespace rbk::engine
