// The URL of a store on PostgreSQL: what libpq takes
// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING), and the parameters
// that are ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::postgres {

inline constexpr int64_t kLease = 15'000'000;
inline constexpr int64_t kShortestLease = 1'000'000;
inline constexpr int64_t kLongestLease = 3'600'000'000;

struct Url {
  std::string connection;  // for libpq: without our own parameters
  std::string schema = "runbook";
  int64_t lease = kLease;    // microseconds
  bool best_effort = false;  // a commit may be lost with the server, and that is understood
};

/// Whether it begins as one.
bool is_url(std::string_view url);

/// Takes `schema=NAME`, `lease=DURATION` and `durability=best_effort` out of the parameters.
/// kInvalid names the one that is wrong, never a password.
Result<Url> parse_url(std::string_view url);

/// The same URL without its password, wherever it stands; any other text as it is.
std::string without_password(std::string_view url);

}  // namespace rbk::engine::postgres
