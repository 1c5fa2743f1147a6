// Failure exploration: drives the run that a test makes through what may go wrong, one thing and
// then two at a time, the shortest way first, and holds the invariants of its runbook against each.
//
// What goes wrong at a call: each kind of error that its action's module declares, a timeout, the
// engine's death before it and after it; at an approval: it is rejected, or nobody decides. What a
// step in doubt is said to be: done, and not done. Calls that the test replaces are answered as the
// test says, all others by values made from their types.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/lower/test_program.h"

namespace rbk::harness {

/// An invariant, or that a run ends at all, that does not hold on some path.
struct Broken {
  std::string message;              // of the shortest path: which invariant, where, what was found
  std::vector<std::string> faults;  // what goes wrong on that path, in words
  std::vector<std::string> story;
  std::string test;  // that path as a test to paste
  size_t paths = 0;  // how many break it
};

struct Exploration {
  std::string runbook;
  lower::WrittenAt at;
  std::string test;  // the title of the test that it begins with
  size_t paths = 0;
  bool complete = true;  // nothing was left out for want of time
  bool all_visits =
      true;  // of a place that the run comes to often, not only some visits were tried
  std::map<std::string, size_t> ends;  // how many paths end so, by status
  std::vector<Broken> broken;
  std::string problem;  // why there was nothing to explore; then nothing of the rest
};

/// From the first run that the test makes, if that succeeds (`problem` otherwise). At most `most`
/// paths.
Exploration explore(const lower::TestProgram& tests, const lower::Test& test, size_t most);

}  // namespace rbk::harness
