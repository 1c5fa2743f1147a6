// From an attempt at `shell` to what the supervisor is asked to start.
#pragma once

#include "base/result.h"
#include "engine/action.h"
#include "stdlib/ssh/ssh_settings.h"
#include "supervisor/wire.h"

namespace rbk::stdlib {

/// Any error means that nothing was started.
/// `settings`: how hosts are reached; without it, as ssh's own configuration says.
Result<supervisor::Start> shell_command(const engine::Attempt& attempt,
                                        const FindSshSettings& settings);

}  // namespace rbk::stdlib
