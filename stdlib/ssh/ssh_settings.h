// How hosts are reached: [ssh] of the project's runbook.toml.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::stdlib {

struct SshSettings {
  std::string config;       // absolute; empty: the user's own, and the system's
  std::string user;         // where the host names none; empty: as the configuration has it
  std::string identity;     // absolute path of a private key; empty: likewise
  std::string known_hosts;  // absolute; empty: likewise
  std::map<std::string, std::string> options;  // as in ssh_config(5)
};

/// Those of the project that a run was started in, by its folder. kInvalid names the place in
/// runbook.toml.
using FindSshSettings = std::function<Result<SshSettings>(const std::string& folder)>;

/// Whether an option of ssh_config(5) is one that commands on hosts rely on, so that it can't be
/// given.
bool is_own_ssh_option(std::string_view name);

}  // namespace rbk::stdlib
