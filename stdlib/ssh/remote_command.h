// A command on another host, as what `ssh` is started with: docs/formats/remote-commands.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stdlib/ssh/ssh_host.h"
#include "stdlib/ssh/ssh_settings.h"

namespace rbk::stdlib {

struct RemoteCommand {
  std::string text;                              // for `/bin/sh -e`
  std::map<std::string, std::string> variables;  // of its environment
  std::string folder;                            // empty: where a login begins
  std::string input;
  int64_t grace = 0;  // microseconds between SIGTERM and SIGKILL
};

/// What the two sides tell each other apart by from anything else that is printed: the same each
/// time for one attempt.
std::string remote_mark(std::string_view attempt_key);

/// On standard error of `ssh` once the host has let us in, before anything of the command is sent.
std::string connected_sign(std::string_view mark);

/// The arguments of `ssh`, without its name. Neither the command, nor its environment, nor its
/// input is in them.
std::vector<std::string> ssh_arguments(const SshHost& host, const SshSettings& settings,
                                       std::string_view mark);

/// What `ssh` is to read: a script that runs the command, then the command's input. kInvalid: a
/// variable can't be one there.
Result<std::string> remote_input(const RemoteCommand& command, std::string_view mark);

}  // namespace rbk::stdlib
