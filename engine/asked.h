// What a run has asked for and has no answer to yet: the engine's half of its state, beside the
// machine's. Like the machine's it follows from the journal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/store.h"
#include "vm/machine.h"

namespace rbk::engine {

struct Asked {
  vm::Request request;
  uint64_t entry = 0;        // that asked for it
  int64_t time = 0;          // that entry's
  int64_t boot_time = 0;     // that entry's
  EngineKey engine = 0;      // who wrote that entry, or the entry that began it anew
  uint32_t repetition = 0;   // how often it was begun anew
  bool not_started = false;  // it is certain that nobody has begun it
  bool in_doubt = false;     // a person is asked what became of it
  /// The machine does not want it any more. Of a Start: its run was asked to end, at once if kKill.
  std::optional<vm::request::Stop::How> stop;

  // Not journaled: what this engine has done about it.
  bool out = false;      // it has left: an attempt was begun, a timer set
  uint64_t attempt = 0;  // its attempt in this process, 0 without one
  int64_t deadline = 0;  // of its timer, on the boot clock; 0 without one
  RunKey run = 0;        // a Start, an UndoRun: the run that is waited for, once it is known

  const vm::request::Perform* perform() const {
    return std::get_if<vm::request::Perform>(&request.what);
  }
  /// Nobody has begun it now, but its step was tried before, and that may have taken effect.
  bool may_have_taken_effect() const {
    const vm::request::Perform* asks = perform();
    return asks != nullptr && asks->behaviour != bytecode::Behaviour::kReads &&
           (asks->attempt > 1 || asks->generation > 0 || repetition > 0);
  }
  /// It waits for a run of its own.
  bool awaits_run() const {
    return std::holds_alternative<vm::request::Start>(request.what) ||
           std::holds_alternative<vm::request::UndoRun>(request.what);
  }
};

/// By request; a request that comes later has the greater id.
class AskedRequests {
 public:
  using Map = std::map<vm::RequestId, Asked>;

  /// Takes in what a turn wants, as of `entry`.
  void absorb(const std::vector<vm::Request>& requests, const Entry& entry);
  void answered(vm::RequestId request);
  void set_doubt(Asked& asked, bool in_doubt);
  /// As restored from a snapshot.
  void insert(Asked asked);

  Asked* find(vm::RequestId request);
  Map& all() { return map_; }
  const Map& all() const { return map_; }

  /// Attempts that run or may be begun.
  size_t performing() const { return performing_; }
  /// Questions to people about the effect of an attempt.
  size_t doubts() const { return doubts_; }
  /// Whether an approval, a question, a failed step or a signal waits.
  bool asks_others() const;
  /// Whether it waits for a lock.
  bool queues() const;
  /// Whether a run is to be undone, and no run of its own that does so is known.
  bool undoes_runs() const;
  /// The requests that wait for runs.
  std::vector<vm::RequestId> awaited_runs() const;
  /// The earliest time at which a sleep ends.
  std::optional<int64_t> sleeps_until() const;
  /// The earliest time at which a sleep ends or a wait for others expires.
  std::optional<int64_t> wake() const;

 private:
  void count(const Asked& asked, int by);

  Map map_;
  size_t performing_ = 0;
  size_t doubts_ = 0;
};

}  // namespace rbk::engine
