// What must hold, whatever happens. Numbers: docs/simulation.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "tests/simulation/oracle.h"
#include "tests/simulation/outside.h"

namespace rbk::simulation {

/// What somebody was told, and so must be there from then on.
struct Acknowledged {
  std::set<std::string> runs;
  std::map<std::string, uint64_t> heads;   // of journals, by run
  int64_t messages = 0;                    // so many were posted
  std::map<int64_t, std::string> signals;  // to runs, by what they bring
};

/// All that an invariant may look at.
struct Evidence {
  Oracle& oracle;
  Outside& outside;
  const Acknowledged& acknowledged;
  std::function<void(int invariant, std::string what)> violated;
};

// Invariants 2, 3, 5 and 8 are judged when a command begins: outside.cpp.

/// 1. One terminal event an attempt.
void check_terminal_events(Evidence& evidence);
/// 4. What was done is undone at most once, and exactly once if unwinding succeeded.
void check_undone_once(Evidence& evidence);
/// 6. A snapshot and the entries after it are what all entries are.
void check_snapshots(Evidence& evidence);
/// 9. One child for each time that a step starts one.
void check_children(Evidence& evidence);
/// 10. One run for each nominal time of a schedule.
void check_firings(Evidence& evidence);
/// 11. A signal that was accepted is consumed once, or there to be seen.
void check_signals(Evidence& evidence);
/// 13. What a row refers to is there.
void check_references(Evidence& evidence);
/// 14. What was acknowledged is there.
void check_acknowledged(Evidence& evidence);
/// 15. Whatever goes on is listed as waiting, doubtful or quarantined, or can be claimed.
void check_listed(Evidence& evidence);
/// 16. The audit trail is intact, and has one row for each change that it has to have.
void check_audit(Evidence& evidence);

/// At any time at which nobody is in the middle of a commit.
void check_now(Evidence& evidence);
/// When all is over.
void check_in_the_end(Evidence& evidence);

}  // namespace rbk::simulation
