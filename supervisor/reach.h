// Getting hold of the supervisor: finding the one that runs, or starting it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "supervisor/descriptor.h"
#include "supervisor/folder.h"

namespace rbk::supervisor {

/// A connection on which both sides have said hello. Starts `program` with the store's folder as
/// its last argument if nobody listens. Blocks for as long as that takes: some milliseconds,
/// seconds at most. The error says why there is no supervisor; kLocked: there is one, and it does
/// not answer.
Result<Descriptor> reach_supervisor(const Folder& folder, const std::vector<std::string>& program);

}  // namespace rbk::supervisor
