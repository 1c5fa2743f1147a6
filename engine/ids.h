// Names that the engine gives: to runs, for people; to steps and attempts, for the world outside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rbk::engine {

/// Nine of the 32 characters 0-9 a-z without i l o u: seven for the time in 32nds of a second since
/// 2026, so that ids sort by start, and two of `random`. Wraps after 34 years.
std::string run_id(int64_t time, uint64_t random);

/// The key under which the world may tell a repetition of a step from another step: 64 hexadecimal
/// digits, a hash of store, run, the step's path and number. Retries and crashes keep it; a
/// rollback by hand is another run, and so has others.
std::string idempotency_key(std::string_view store, std::string_view run, std::string_view path,
                            uint64_t step);

/// Unique to one attempt, whoever carries it on: its request, and how often that was begun anew.
std::string attempt_key(std::string_view store, std::string_view run, uint64_t request,
                        uint32_t repetition);

}  // namespace rbk::engine
