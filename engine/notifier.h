// Whom people are told by: chats, pagers, other systems. The engine keeps what is to be told, and
// when; how it gets there is the business of what it is given.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace rbk::engine {

/// Targets are those of a project, that of the folder in which the run was started.
class Notifier {
 public:
  /// How a delivery ended. An error is tried again later.
  using Done = std::function<void(Status)>;

  virtual ~Notifier() = default;

  /// Names of the targets that are told of this kind of thing where the runbook names none.
  /// Engine's thread; does not block for long. None where the project can't be read.
  virtual std::vector<std::string> defaults(const std::string& kind, const std::string& folder) = 0;

  /// Begins a delivery, and does not wait for it: `done` is called once, from any thread, perhaps
  /// before this returns. It ends within kLongestDelivery. `id` is the same if it is tried again.
  virtual void deliver(const std::string& id, const std::string& target, const std::string& payload,
                       const std::string& folder, Done done) = 0;
};

/// Of one attempt; microseconds. What a crash cut off is tried again after that.
inline constexpr int64_t kLongestDelivery = 30'000'000;

}  // namespace rbk::engine
