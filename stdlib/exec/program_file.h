// The programs of own actions, as they lie in the project.
#pragma once

#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"

namespace rbk::stdlib {

struct ProgramFile {
  Digest hash{};
  /// Nobody can start it as it is, whatever the host: its mode, its first line. Why, and the cure.
  std::optional<Error> unfit;
  std::string interpreter;  // the first word after `#!`; empty without
};

/// kNotFound, kInvalid (a folder, a device), kPermission, kIo.
Result<ProgramFile> read_program(const std::string& path);

/// Whether the program with this path in the project below `root` is the one that was compiled, and
/// can be started by us on this host. The error says what is wrong, and how to go on.
Status check_program(const std::string& root, const std::string& path, const Digest& hash);

}  // namespace rbk::stdlib
