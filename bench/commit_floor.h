// The floor under durable steps: what SQLite alone gives a program of this shape (WAL, FULL; one
// engine thread, one writer thread, group commit).
#pragma once

#include <string>

namespace rbk::bench {

/// Steps a second with so many runs in flight, each waiting for its own commit: a step's row of
/// about 300 bytes inserted and the run's row with 400 bytes rewritten. Makes `folder`/floor.db.
double commit_floor(const std::string& folder, int in_flight, double seconds);

}  // namespace rbk::bench
