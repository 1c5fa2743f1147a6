// The tables of a store, and how a store's file comes into being. docs/formats/store.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/sqlite/connection.h"

namespace rbk::engine::sqlite {

inline constexpr int64_t kFormat = 6;
/// "RBKS", in the file's header: tells a store from any other SQLite database.
inline constexpr int64_t kApplication = 0x52424b53;

/// Makes a whole, empty store at `path`, or does nothing if something is there already: at no
/// moment does a part of one stand under that name. Durable once the first commit is.
Status create(const std::string& path);

/// What the table `meta` says of a store as a whole.
struct Meta {
  std::string id;
  int64_t epoch = 1;
  std::string incarnation;   // StoreIdentity::incarnation
  std::string home;          // engine/sqlite/home.h; empty: of an older format
  std::string hold;          // engine/hold.h; empty: it holds nothing
  int64_t last_journal = 0;  // the greatest key of an entry
};
Result<Meta> read_meta(Connection& connection, const std::string& path);

struct Found {
  Meta meta;
  int64_t format = kFormat;  // an older one has to be migrated
};

/// Refuses what is no store, a store of a newer format and, unless it is only `reading`, one that
/// can't be written. Only `reading`, it refuses one of an older format too.
Result<Found> check(Connection& connection, const std::string& path, bool reading);

struct Migrated {
  std::string copy;    // of the store as it was; empty: another process was faster
  int64_t format = 0;  // that copy's
};

/// Brings a store of an older format to kFormat, after a copy of it was laid beside it under
/// `PATH-format-N` (engine/sqlite/backup.h): without one it stays as it is. All of it happens, or
/// nothing. With the lock of commits held.
Result<Migrated> migrate(Connection& connection, const std::string& path);

/// Refuses file systems on which locks or write-ahead logs do not work.
Status check_file_system(const std::string& path);

}  // namespace rbk::engine::sqlite
