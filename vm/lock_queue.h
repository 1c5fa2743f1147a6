// Who may have a lock, and when waiting for one would never end. Pure rules over claims: the store
// keeps the claims of all runs, a rehearsal those of one.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "vm/machine.h"

namespace rbk::vm {

/// Somebody who has a lock, or waits for it.
struct LockClaim {
  int64_t run = 0;  // the store's key
  RequestId request = 0;
  Lock lock;
  bool held = false;
  bool unwinds = false;          // see request::Acquire
  std::vector<RequestId> under;  // of the same run; see request::Acquire
};

/// A run that waits for the end of another one.
struct RunWait {
  int64_t run = 0;
  RequestId request = 0;         // by which it waits
  std::vector<RequestId> under;  // the Acquires that it can't release until then
  int64_t awaited = 0;           // the other one
  std::string awaited_id;        // as people know it
};

/// Adds what `find_deadlock` has to know of runs that wait for runs: that one waits for the other's
/// end as for a lock, which the other has until then. First the claims of those who wait, in the
/// order of `waits`, then those of the runs that they wait for. They are never a victim.
void add_run_waits(std::vector<LockClaim>& claims, const std::vector<RunWait>& waits);

/// Of all claims, in the order in which they came: the places of those that wait for this lock and
/// can have it now. First come, first served: nobody passes one who waits. So many may have it as
/// the smallest limit among those who have it, and of the one who comes, says.
std::vector<size_t> grantable(const std::vector<LockClaim>& claims, const Lock& lock);

/// A circle of claims that wait, each for something that the next one's run has, the last for
/// something that the first one's has.
struct Deadlock {
  size_t victim = 0;           // the claim that has to fail
  std::vector<size_t> circle;  // begins with it
};

/// Whether the claim at `newcomer`, which waits, would wait for ever. It fails itself, unless it is
/// needed to undo something: then one that is not, if that helps.
std::optional<Deadlock> find_deadlock(const std::vector<LockClaim>& claims, size_t newcomer);

/// The locks of a run and of those that it starts, where there is no store: gives the answers to
/// what they ask for.
class LockTable {
 public:
  struct Answer {
    int64_t run = 0;
    event::Acquired event;
  };

  /// Takes in an Acquire, a Release or a Forget of that run; anything else is nothing to it.
  void take(int64_t run, const Request& request);
  /// One run waits for another from now on.
  void waits(RunWait wait) { waits_.push_back(std::move(wait)); }
  /// A run has ended: what it had is free, and nobody waits for it.
  void ended(int64_t run);
  /// The next answer to be delivered. Nothing: the rest waits.
  std::optional<Answer> next();

 private:
  void settle(const Lock& lock);
  void remove(int64_t run, RequestId request);
  void break_deadlock();

  std::vector<LockClaim> claims_;
  std::vector<RunWait> waits_;
  std::deque<Answer> answers_;
};

}  // namespace rbk::vm
