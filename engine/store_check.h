// A look over a whole store: whether everything in it can be read, and all that is referred to is
// there. It only reads, of one moment, while engines go on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/store.h"
#include "engine/upkeep.h"

namespace rbk::engine {

/// Something that is not as it must be.
struct Finding {
  std::string kind;     // database, program, journal, output, family, schedule, driver, lock, wait,
                        // stuck, left over
  std::string run;      // its id; empty: of no single run
  std::string message;  // names the run
  std::string cure;
};

struct StoreCheck {
  std::vector<Finding> findings;
  int64_t runs = 0;
  int64_t entries = 0;
  int64_t programs = 0;
  int64_t outputs = 0;  // kept out of line
  // Runs that are not over: each is one of these, or a finding.
  int64_t driven = 0;     // a living process has it
  int64_t can_go_on = 0;  // any process may take it: at once, when its time comes, or a message
  int64_t waiting = 0;    // for people, signals, locks, other runs
  int64_t in_doubt = 0;   // a person has to say what became of a step
  int64_t paused = 0;
  int64_t quarantined = 0;
};

/// Errors are those of reading what is no finding: the store can't be reached, or not be read at
/// all.
Result<StoreCheck> check_store(Store& store);

}  // namespace rbk::engine
