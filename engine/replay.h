// Time travel through one run: its journal is given to a machine of its own, entry by entry. A run
// that is looked at is not claimed, nothing of it is performed, and nothing is written; whoever
// drives it goes on meanwhile.
//
//   auto replay = Replay::open(store, "3k9");
//   (*replay)->seek(12);               // forwards or backwards, to what held after entry 12
//   for (const vm::FiberState& fiber : (*replay)->fibers()) …
//
// Threads: one. The store must outlive it.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/recovery.h"
#include "engine/store.h"
#include "vm/inspect.h"
#include "vm/machine.h"

namespace rbk::engine {

class Replay {
 public:
  /// By id or unique prefix; stands before the first entry. kNotFound; kCorrupt and kUnsupported:
  /// its program or journal can't be read.
  static Result<std::unique_ptr<Replay>> open(Store& store, const std::string& run);

  const RunRow& run() const { return row_; }
  const bytecode::Program& program() const { return *program_; }
  /// How many entries the journal has, as far as it was read.
  uint64_t count() const { return entries_.size(); }
  /// Reads what came to the journal since; of a run that goes on.
  Status refresh();

  /// The entry after which it stands; 0: before all.
  uint64_t at() const { return at_; }
  /// Goes there. kInvalid: there is no such entry; kCorrupt: an entry on the way does not fit what
  /// was before it, and it stands before that one.
  Status seek(uint64_t entry);
  /// Goes on to the next entry at which this step begins, is attempted or ends: by its path, or the
  /// last part of it. False: there is none, and it stands where it stood.
  Result<bool> seek_step(const std::string& step);

  // ---- At the entry where it stands; not before the first.

  const Entry& entry() const { return entries_[at_ - 1]; }
  /// What happened: engine/descriptions.h; of the engine's own entries {kind, requests, paths}.
  const boost::json::object& what() const { return what_; }
  /// What the machine answered; empty for the engine's own entries.
  const vm::Turn& turn() const { return turn_; }
  /// From here on, where each stands. None once the run has ended.
  std::vector<vm::FiberState> fibers() const { return run_->machine.inspect(); }
  /// What the run waits for, with what the engine knows of it.
  const AskedRequests& pending() const { return run_->asked; }
  bool ended() const { return run_->machine.ended(); }

 private:
  Replay(Store& store, RunRow row, std::shared_ptr<const bytecode::Program> program)
      : store_(store), row_(std::move(row)), program_(std::move(program)) {}
  Status step();
  Status go_to(uint64_t entry);
  Status restart_before(uint64_t entry);
  void remember();
  bool concerns(const std::string& step) const;

  /// A state on the way, so that going back is not going all the way again.
  struct Kept {
    std::string machine;
    AskedRequests asked;
    int64_t time = 0;
  };
  static constexpr size_t kMostKept = 64;

  Store& store_;
  RunRow row_;
  std::shared_ptr<const bytecode::Program> program_;
  std::vector<Entry> entries_;
  std::optional<RecoveredRun> run_;
  uint64_t at_ = 0;
  boost::json::object what_;
  vm::Turn turn_;
  std::map<uint64_t, Kept> kept_;  // by entry
  uint64_t keep_every_ = 16;       // entries; doubles when there are too many
};

}  // namespace rbk::engine
