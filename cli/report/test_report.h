// What `rbk test` prints: a line for each test, and for one that failed why, where, and what its
// run did until then.
#pragma once

#include <string>

#include "cli/terminal.h"
#include "compiler/source/source.h"
#include "harness/explore.h"
#include "harness/harness.h"

namespace rbk::cli {

class TestReport {
 public:
  explicit TestReport(const Terminal& terminal) : terminal_(terminal) {}

  /// The results that follow are of this file. The sources must outlive them.
  void file(const std::string& path, const source::SourceSet& sources);
  void test(const harness::TestResult& result);
  void explored(const harness::Exploration& exploration) const;
  /// No test of its runbook has a run that succeeds.
  void not_explored(const lower::Invariant& invariant) const;
  /// `broken`: invariants, each once an exploration.
  void finish(size_t files, size_t passed, size_t failed, size_t broken) const;

 private:
  std::string story(const std::vector<std::string>& lines) const;
  void show_failure(const harness::TestResult& result) const;
  std::string colour(std::string_view code, std::string_view text) const;
  /// The lines around the one that failed, with a mark at it.
  std::string excerpt(const harness::TestResult& result) const;

  const Terminal& terminal_;
  const source::SourceSet* sources_ = nullptr;
  int64_t microseconds_ = 0;
};

}  // namespace rbk::cli
