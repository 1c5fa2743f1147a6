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

/// The locks of a single run, where there is no store: gives the answers to what it asks for.
class LockTable {
 public:
  /// Takes in an Acquire, a Release or a Forget; anything else is nothing to it.
  void take(const Request& request);
  /// The next answer to be delivered. Nothing: the rest waits.
  std::optional<event::Acquired> next();

 private:
  void settle(const Lock& lock);
  void remove(RequestId request);

  std::vector<LockClaim> claims_;
  std::deque<event::Acquired> answers_;
};

}  // namespace rbk::vm
