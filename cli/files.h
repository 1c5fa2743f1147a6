// Reading and writing the user's files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rbk::cli {

/// The whole file; "-" is standard input. kNotFound, kPermission, kIo name the path.
Result<std::string> read_file(const std::string& path);

/// Replaces the file at once or not at all, and keeps its permissions.
Status write_file(const std::string& path, std::string_view text);

/// All `*.rbk` files below a folder, sorted; folders that begin with a dot or hold generated files
/// (build, node_modules) are left out. Paths are as seen from the current folder.
Result<std::vector<std::string>> find_runbooks(const std::string& folder);

}  // namespace rbk::cli
