// Groups that a command knows: [groups] command in runbook.toml.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/project.h"

namespace rbk::cli {

/// Who is in which group, says the project's command, now or when it was last asked within its
/// `cache`. Errors say what is wrong with the command or with what it says; what it said before is
/// then not used.
Result<std::map<std::string, std::vector<std::string>>> command_groups(const Project& project);

/// {"sre": ["ann", "bob"]}. kInvalid names what is something else.
Result<std::map<std::string, std::vector<std::string>>> parse_groups(const std::string& text);

}  // namespace rbk::cli
