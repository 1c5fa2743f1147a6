// From an attempt to what the supervisor is asked to start, as far as it is the same for all
// commands.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "engine/action.h"
#include "supervisor/wire.h"

namespace rbk::stdlib {

constexpr size_t kLargestInput = 16U << 20;

/// The attempt's key, fence, time and file mask; its secrets, to be masked; the environment of
/// this process without what is withheld, with `variables`, RUNBOOK_RUN, RUNBOOK_STEP and
/// RUNBOOK_KEY added; `folder` as seen from the run's. Words and
/// input are the caller's to add. kIo: the folder can't be known.
Result<supervisor::Start> command_start(const engine::Attempt& attempt,
                                        std::map<std::string, std::string> variables,
                                        const std::string& folder);

}  // namespace rbk::stdlib
