// Whether a server may hold a store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::postgres {

/// What a server says of itself when a session begins.
struct ServerFacts {
  int64_t version = 0;  // 150018: 15.18
  std::string encoding;
  bool standby = false;
  bool read_only = false;
  bool fsync = true;
  bool whole_pages = true;     // full_page_writes
  bool waits = true;           // synchronous_standby_names is not empty
  int64_t standbys = 0;        // that stream from it, whoever waits for them
  bool has_schema = false;     // ours
  bool has_store = false;      // our table `meta` in it
  int64_t foreign_tables = 0;  // in a schema without that
};

inline constexpr int64_t kOldestServer = 120000;

/// Refuses with the cure: a server that is too old, with another encoding than UTF-8; and unless it
/// is only `reading`, a standby, and one that can lose what it has confirmed, if that is not
/// `best_effort`.
Status check_server(const ServerFacts& facts, std::string_view place, bool reading,
                    bool best_effort);

/// The statement that asks for them, for this schema; its columns are read by `facts_of`.
std::string facts_query(std::string_view schema);

}  // namespace rbk::engine::postgres
