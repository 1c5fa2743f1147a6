// The verbs of `rbk schedule` that work on a store.
#pragma once

#include <optional>
#include <string_view>

#include "cli/command.h"

namespace rbk::cli {

/// Nothing if there is no such verb.
std::optional<ExitStatus> stored_schedule_command(const Terminal& terminal, std::string_view verb,
                                                  const Arguments& arguments);

}  // namespace rbk::cli
