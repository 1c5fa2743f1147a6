// The tables of a store in a PostgreSQL database, and how they come into being.
// docs/formats/store.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/postgres/connection.h"

namespace rbk::engine::postgres {

inline constexpr int64_t kFormat = 3;

/// Counters of commits: `changed` reads their sum, each process adds to one of them, so that hardly
/// two wait for each other.
inline constexpr int64_t kCounters = 64;

struct Found {
  std::string id;
  int64_t format = kFormat;  // an older one has to be migrated
  int64_t epoch = 1;
  std::string incarnation;  // StoreIdentity::incarnation
  std::string hold;         // engine/hold.h; empty: it holds nothing
  std::string home;         // where it says that it lives; empty: it does not know
  std::string home_now;     // where it was found; empty: the server does not tell
};

/// What `home` and `home_now` are made of differs: what that is, for people. Empty: nothing does.
std::string what_befell(const Found& found);

/// Reads the row of `meta`.
Result<Found> read_meta(Connection& connection);

/// Makes a whole, empty store in the schema, or does nothing if there is one already; also when
/// several do so at once. kInvalid: the schema holds tables of something else.
Status create(Connection& connection, const Url& url);

/// Refuses a store of a newer format and, only `reading`, one of an older format too. kNotFound:
/// there is none.
Result<Found> check(Connection& connection, const Url& url, bool reading);

/// Brings a store of an older format to kFormat in one transaction, which waits for those of
/// others and keeps them waiting.
Status migrate(Connection& connection);

/// As `migrate`, by these steps: what leads from format N to N + 1 stands at N.
Status migrate_by(Connection& connection, std::span<const char* const> steps);

}  // namespace rbk::engine::postgres
