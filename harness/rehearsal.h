// One run in a made-up world: actions answered by stand-ins, people by `given`, time that passes
// only where the run waits, crashes where they are wanted. Everything happens in one thread and in
// one order, so that the same test gives the same run, always.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/lower/test_program.h"
#include "harness/world.h"
#include "vm/machine.h"

namespace rbk::harness {

/// `crash before|after step a/b`: the engine dies there, once, and another one goes on.
struct Crash {
  bool before = true;
  std::string step;    // the end of the step's path, without items
  bool exact = false;  // it is the whole path, with items
  uint32_t line = 0;   // where it is written; 0: nowhere
};

struct Rehearsal {
  /// How it ended; none: it still waits (`waits_for`), or a person has to say what became of a
  /// step.
  std::optional<vm::Ending> ending;
  std::string refused;    // why its parameters are not taken; then nothing of the rest
  std::string waits_for;  // "approval go", "a person: what became of drain?"
  bool in_doubt = false;
  int64_t began = 0;
  int64_t ended = 0;
  std::vector<Call> calls;
  std::map<std::string, std::string> steps;  // path -> status
  std::vector<std::string> undone;           // paths, in this order
  std::vector<std::string> logs;
  std::map<std::string, std::string> labels;
  std::vector<std::string> story;  // a line each: what happened, for people
  /// Why the test is no good: something that nothing stands in for.
  std::string problem;
};

/// "patch[web-1]/boot" -> "patch/boot".
std::string without_items(std::string_view path);

/// Runs the runbook of that index with parameters by name. The crashes that came are removed.
Rehearsal rehearse(const lower::TestProgram& tests, uint32_t runbook,
                   const boost::json::object& parameters, World& world,
                   std::vector<Crash>& crashes);

/// The record that `test.run` gives, as the checker's `outcome_of` describes it.
boost::json::object outcome(const Rehearsal& run);

/// The records that `test.calls TARGET` gives.
boost::json::array calls_of(const std::vector<Call>& calls, const std::string& target);

/// Where clocks begin if nothing else is said: 2026-01-01T00:00:00Z, a Thursday.
inline constexpr int64_t kBegin = 1'767'225'600'000'000;

}  // namespace rbk::harness
