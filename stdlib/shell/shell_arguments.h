// From an attempt at `shell` to what the supervisor is asked to start.
#pragma once

#include "base/result.h"
#include "engine/action.h"
#include "supervisor/wire.h"

namespace rbk::stdlib {

/// Any error means that nothing was started.
Result<supervisor::Start> shell_command(const engine::Attempt& attempt);

}  // namespace rbk::stdlib
