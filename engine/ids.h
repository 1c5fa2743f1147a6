// Names that the engine gives: to runs, for people; to steps and attempts, for the world outside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rbk::engine {

/// Nine of the 32 characters 0-9 a-z without i l o u: seven for the time in 32nds of a second since
/// 2026, so that ids sort by start, and two of `random`. Wraps after 34 years.
std::string run_id(int64_t time, uint64_t random);

/// The keys of one run's steps and attempts. What they share is hashed once.
class Keys {
 public:
  /// `incarnation`: the store's; attempts have other keys under another.
  Keys(std::string_view store, std::string_view run, std::string_view incarnation = {});

  /// The key under which the world may tell a repetition of a step from another step: 64
  /// hexadecimal digits, a hash of store, run, the step's path and number. Retries and crashes keep
  /// it; a rollback by hand is another run, and so has others. So has each `generation`: a person
  /// had the step tried again so often.
  std::string idempotency(std::string_view path, uint64_t step, uint32_t generation = 0) const;

  /// Unique to one attempt, whoever carries it on: its request, and how often that was begun anew.
  /// 64 hexadecimal digits.
  std::string attempt(uint64_t request, uint32_t repetition) const;

 private:
  std::string run_;         // 16 bytes of a hash of store and run
  std::string run_digits_;  // in hexadecimal
};

}  // namespace rbk::engine
