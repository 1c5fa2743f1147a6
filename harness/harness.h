// The test runner: carries out what the bodies of tests ask for (compiler/lower/test_program.h).
// Does no I/O; the clock that it reads measures how long a test takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/lower/test_program.h"

namespace rbk::harness {

struct TestResult {
  std::string title;
  lower::WrittenAt at;
  bool passed = false;
  std::string message;  // why it failed, several lines: what was expected, what was found, the cure
  uint32_t line = 0;    // in at.file, where it failed; 0: not known
  /// What the last run did until then, a line each, with the virtual time.
  std::vector<std::string> story;
  int64_t microseconds = 0;
};

/// One test, with the invariants of the runbooks that it runs.
TestResult run_test(const lower::TestProgram& tests, const lower::Test& test);

}  // namespace rbk::harness
