// Durations and sizes as people write them: `5m30s`, `1h`, `250ms`, `10MiB`, `1.5` is not one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk {

/// Microseconds of "1d2h3m4s5ms6us" (units us ms s m h d w, largest first not required, each a
/// whole number). kInvalid names the text and the units that exist; overflow of 64 bits is kInvalid
/// too.
Result<int64_t> parse_duration(std::string_view text);

/// Bytes of "10MiB", "5kB", "100B" (B kB MB GB TB KiB MiB GiB TiB). Same errors as parse_duration.
Result<int64_t> parse_size(std::string_view text);

/// The shortest exact form: 330000000 -> "5m30s"; 0 -> "0s"; negative ones with a leading '-'.
std::string format_duration(int64_t microseconds);

/// The largest binary unit that is exact, then decimal: 10485760 -> "10MiB"; 1000000 -> "1MB"; else
/// "1234B".
std::string format_size(int64_t bytes);

/// RFC 3339 in UTC with as many digits of the second as needed: "2026-11-24T13:00:00Z".
std::string format_time(int64_t microseconds_since_epoch);

/// Microseconds since the epoch of an RFC 3339 text; a text without a zone is kInvalid and says so.
Result<int64_t> parse_time(std::string_view text);

}  // namespace rbk
