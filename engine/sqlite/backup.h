// Copies of a store's file: consistent, whole or not there at all, durable.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/sqlite/connection.h"

namespace rbk::engine::sqlite {

/// Whether something may stand under the copy's name already.
enum class IfThere : uint8_t { kRefuse, kReplace };

/// Copies the store `path` as it is at one moment to `file`, while others write. It is written
/// beside that under `FILE-new-RANDOM`, flushed, and given its name; its owner alone may read it.
/// It is a store as the first one is: in WAL mode. Returns its size in bytes. kExists: something
/// has the name, or a write-ahead log lies there which would be taken for the copy's; kInvalid: it
/// is one of the store's own files.
Result<int64_t> copy_store(Connection& connection, const std::string& path, const std::string& file,
                           IfThere if_there);

/// The copy before a migration: `PATH-format-N`, or with `-2` and so on behind it if something has
/// that name. Returns its name. With the lock of commits held.
Result<std::string> copy_before_migration(Connection& connection, const std::string& path,
                                          int64_t format);

}  // namespace rbk::engine::sqlite
