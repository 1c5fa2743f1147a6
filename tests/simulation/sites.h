// What a random runbook does: its text, and what its author says of each command in it, so that the
// simulation can judge an engine by that and not by what the engine believes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/action.h"
#include "vm/bytecode/program.h"

namespace rbk::simulation {

/// A command of the text: `VERB NUMBER ITEM`, where the verb is do, undo, look or other.
struct Site {
  int number = 0;
  engine::Behaviour behaviour = engine::Behaviour::kWrites;
  std::string doubt;             // "retry", "verify", ...; empty: nothing is said
  bool retries = false;          // after a failure
  bool retries_timeout = false;  // after a timeout too
  bool asks = false;             // a person may have it tried again when it failed
  int64_t timeout = 0;           // microseconds; 0: none
  bool has_rollback = false;
  std::string lock;       // that is held meanwhile; empty: none
  int64_t limit = 1;      // of that lock
  std::string lane;       // of two one of which begins with the other, one comes first
  bool outlives = false;  // the engine that started it, and is found again
  uint64_t fails = 0;     // so often of a thousand times
  uint64_t is_lost = 0;   // it never answers, likewise
  bool is_big = false;    // it prints a lot
};

struct Script {
  std::string text;
  std::map<int, Site> sites;
  std::vector<std::string> signals;  // that `main` waits for
  std::shared_ptr<const bytecode::Program> program;
};

/// A random runbook `main`, with the runs of its own that it starts, compiled.
Script make_script(uint64_t seed);

}  // namespace rbk::simulation
