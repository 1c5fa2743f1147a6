// Reading a store in a place that this process may not write: another user's, or a file system that
// is mounted for reading only.
#pragma once

#include <string>

#include "base/result.h"

namespace rbk::engine::sqlite {

/// Whether this process may change the store's file and make files beside it.
bool may_write(const std::string& path);

/// For a store that may only be read: whether nobody changes its file, because there is no
/// write-ahead log; otherwise it is read with the log, as others do (https://sqlite.org/wal.html,
/// "read-only databases"). Refuses with the cure what cannot be read in either way.
Result<bool> is_still(const std::string& path);

/// What to do about a write that the system refused with EACCES, EPERM or EROFS.
std::string cure_of_denied_write(int system_error);

}  // namespace rbk::engine::sqlite
