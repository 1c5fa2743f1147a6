// The floor under durable steps: what SQLite alone gives a program of this shape (WAL, FULL; one
// engine thread, one writer thread, group commit).
#pragma once

#include <string>
#include <vector>

namespace rbk::bench {

struct Steps {
  double per_second = 0;
  double p99_ms = 0;  // of the times from one step of a run to its next
};

/// The 99th percentile of seconds, in milliseconds.
double p99_ms(std::vector<double> seconds);

/// With so many runs in flight, each waiting for its own commit: a step's row of
/// about 300 bytes inserted and the run's row with 400 bytes rewritten. Makes `folder`/floor.db.
Steps commit_floor(const std::string& folder, int in_flight, double seconds);

}  // namespace rbk::bench
