// One history: an engine's processes, people and misfortunes over one store, all from one seed, and
// what is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rbk::simulation {

struct Violation {
  int invariant = 0;  // as docs/simulation.md numbers them
  std::string what;
};

/// What went on, over any number of histories.
struct Counts {
  uint64_t histories = 0;
  uint64_t runs = 0;
  uint64_t steps = 0;    // commands that were really begun
  uint64_t entries = 0;  // of journals
  uint64_t kills = 0;    // of processes
  uint64_t power_losses = 0;
  uint64_t disk_faults = 0;
  uint64_t processes = 0;
  uint64_t clock_jumps = 0;
  uint64_t pauses = 0;
  uint64_t people = 0;  // things that people did
  uint64_t writes = 0;  // of the disk
  uint64_t syncs = 0;
  void add(const Counts& other);
};

struct Outcome {
  std::optional<Violation> violation;
  Counts counts;
  std::string script;
  std::vector<std::string> trace;
};

/// The same seed gives the same history. `folder` is its own, and may be used again. `only`: of the
/// other invariants nothing is said; 0: all count.
Outcome run_history(uint64_t seed, const std::string& folder, int only = 0);

}  // namespace rbk::simulation
