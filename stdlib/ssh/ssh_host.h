// Where `on:` leads: a host of ssh as people write it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::stdlib {

struct SshHost {
  std::string name;  // a name of the network or of ssh's configuration, or an address
  std::string user;  // empty: as ssh's configuration has it
  std::string port;  // empty: likewise
  friend bool operator==(const SshHost&, const SshHost&) = default;
};

/// "web-1", "deploy@web-1", "web-1:2222", "ssh://deploy@web-1:2222", "[fe80::1%eth0]:22", "::1".
/// kInvalid says what can't be one; nothing of what is returned begins with `-`.
Result<SshHost> parse_ssh_host(std::string_view text);

}  // namespace rbk::stdlib
