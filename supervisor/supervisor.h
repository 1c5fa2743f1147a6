// The supervisor: the one small process of a host and store that owns the commands of its runs, so
// that they, their output and their exit status outlive the engine that asked for them.
#pragma once

#include <string>

namespace rbk::supervisor {

/// What `rbk __supervise STORE` does. Becomes the supervisor of the store's folder in the
/// background, detached from the session and the process group of its caller, and returns in the
/// caller's process when it can be reached: 0. If another one serves the store already, that is 0
/// too. Otherwise 1, with the reason as one line on standard output.
///
/// The supervisor itself never returns from here: its process ends when it has nothing to do for
/// some seconds. To be called before any thread was started.
int run(const std::string& store);

}  // namespace rbk::supervisor
