// Who has a lock and who is next, whatever the store is built on: the decisions stand here, the
// store keeps the rows. Every decision is made in the transaction that changes something, which
// excludes all others that touch claims, so that there is one order of all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"

namespace rbk::engine {

/// A run that waits for the end of another.
struct WaitingRun {
  vm::RunWait wait;
  std::string run_id;
  std::string path;  // of the step that waits
};

/// A store's claims, within one such transaction.
class ClaimRows {
 public:
  virtual ~ClaimRows() = default;
  /// All of them, or those on one lock, in the order in which they came.
  virtual Result<std::vector<LockRow>> claims(const vm::Lock* lock) = 0;
  /// Takes one claim of a run away, or all (no request). Returns the locks that they were on.
  virtual Result<std::vector<vm::Lock>> remove(RunKey run, std::optional<uint64_t> request) = 0;
  /// A claim that waits. Returns its key, greater than that of every other.
  virtual Result<int64_t> add(RunKey run, const LockAsk& ask) = 0;
  virtual Status grant(int64_t key, int64_t since) = 0;
  virtual Result<std::vector<WaitingRun>> waiting_runs() = 0;
  /// Whether `run` is `other`, has begun it, or has begun a run above that.
  virtual Result<bool> is_above(RunKey run, RunKey other) = 0;
  /// Puts a message before a run's holder; nothing if one of its id is there already.
  virtual Status tell(const Message& message) = 0;
};

/// What a change frees and asks for. kRefused: a new run asks for a lock that rejects it, and
/// somebody has that; the transaction must not be committed then.
Status write_locks(ClaimRows& rows, const RunChange& change, bool is_new, CommitResult& result);

/// Frees all that a run has, and gives it to those who come next.
Status free_all_locks(ClaimRows& rows, RunKey run, int64_t time, CommitResult& result);

/// Whether a change says anything of locks; the end of a run frees all that it has.
bool speaks_of_locks(const RunChange& change);

}  // namespace rbk::engine
