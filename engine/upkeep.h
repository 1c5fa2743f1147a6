// The upkeep of a store as a whole: what engines need none of. Each store implements it beside
// engine/store.h; what is wrong and what goes is decided in engine/store_check.h and
// engine/retention.h.
//
// Threads: as the reading calls of the store, from one thread; what writes is serialised with the
// store's own writes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// A row that names one which is not there, or is there no more although it must be gone: what the
/// table of references (engine/store_references.h) looks for.
struct Dangling {
  size_t reference = 0;  // its place in that table
  RunKey run = 0;        // 0: of no run
  std::string name;      // the run's id, or the schedule's name; empty: not known
  int64_t count = 1;     // so many rows, or what the reference says
};

/// A run as a part of its tree.
struct RunLinks {
  RunKey key = 0;
  std::string id;
  RunStatus status = RunStatus::kRunning;
  int64_t updated = 0;  // time of its last entry
  uint64_t head = 0;    // number of its last entry
  RunKey parent = 0;    // as in RunRow
  RunKey origin = 0;
  RunKey retries = 0;
};

/// That of a tree which no other of it began, and which undoes and retries no other.
const RunLinks& first_of(const std::vector<RunLinks>& tree);

/// What a store takes of its disk, in bytes.
struct Room {
  int64_t before = 0;
  int64_t after = 0;
  /// Others read the store meanwhile: what is left of its log goes when the next one closes it.
  bool log_left = false;
};

class Upkeep {
 public:
  virtual ~Upkeep() = default;

  // ---- Looking

  /// All that is read from here to `end_look` is of one moment, whatever others write. It fails
  /// there, and is not repeated, where the connection is lost.
  virtual Status begin_look() = 0;
  virtual void end_look() = 0;

  /// What the database finds wrong with its own files; nothing: it is sound, or does not tell.
  virtual Result<std::vector<std::string>> damage() = 0;
  virtual Result<std::vector<Dangling>> dangling() = 0;
  /// All runs, by key; also one whose program is not there.
  virtual Result<std::vector<RunLinks>> run_links() = 0;
  virtual Result<std::vector<Digest>> program_hashes() = 0;
  virtual Result<std::vector<Digest>> blob_hashes() = 0;
  /// Runs with notices that are to be delivered yet.
  virtual Result<std::vector<RunKey>> owing() = 0;

  // ---- Copies and room

  /// Copies the store as it is at one moment to a file that is not there yet, or replaces it.
  /// Returns its size in bytes. kUnsupported: another tool does it, which the cure names.
  virtual Result<int64_t> back_up(const std::string& file, bool replace) = 0;
  /// Gives the room back that nothing takes any more. kLocked: an engine lives (SQLite).
  virtual Result<Room> vacuum() = 0;

  // ---- After a restore

  /// Lets what the store holds since this epoch began go on: its runs stand as they stood. kExists:
  /// another epoch has begun; kRefused: it holds nothing. Returns how many runs.
  virtual Result<int64_t> accept(int64_t epoch, const Doer& by) = 0;

  // ---- Taking away. Each commit is a small one, and leaves a store that works.

  /// Takes the rows of these runs, which are over, in one commit: a tree goes whole, unless it has
  /// changed, another run hangs on it or it owes a notice. What only they have is left over.
  /// Returns which are gone.
  /// Each has a row in the audit trail.
  virtual Result<std::vector<bool>> remove_trees(const std::vector<std::vector<RunLinks>>& trees,
                                                 const Doer& by) = 0;
  /// Takes what is left over of runs that are gone.
  virtual Status remove_left() = 0;
  /// The runs that were over before that time (microseconds) and of which log lines are kept.
  virtual Result<std::vector<RunKey>> logged_runs(int64_t before) = 0;
  /// Takes what is logged of these. It has one row in the audit trail.
  virtual Status remove_logs(const std::vector<RunKey>& runs, int64_t before, const Doer& by) = 0;
  /// Takes the programs that no run and no schedule has. Returns how many.
  virtual Result<int64_t> remove_programs() = 0;
  /// Takes the values out of line that `unused` names: it is called while nobody can commit an
  /// entry, and may read the store. Returns how many.
  virtual Result<int64_t> remove_blobs(
      const std::function<Result<std::vector<Digest>>()>& unused) = 0;
};

}  // namespace rbk::engine
