// An engine's life, as others see it: a row with a time, by the server's clock, up to which it
// counts as alive. A thread with a connection of its own moves that on, so that nothing that the
// engine does for long costs it its runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "engine/postgres/connection.h"

namespace rbk::engine::postgres {

/// The host's clock that goes on while it sleeps, microseconds: what leases are watched by.
int64_t boot_clock();

/// Which process this is: boot and pid namespace, process id, when it began. Empty: not known.
std::string process_birth();

/// Whether the process that said so of itself is gone for certain: it ran in this boot of this host
/// and in this pid namespace, and is not there any more. False wherever that can't be seen.
bool is_proved_dead(const std::string& birth);

/// Renews an engine's lease until it is destroyed; the first time after a third of it. What `join`
/// wrote begins it.
class Lease {
 public:
  Lease(const Library& library, Url url, int64_t engine);
  ~Lease();

  /// Whether the lease ran out since the last call, so that others may have taken runs over: this
  /// process stood still, or could not reach the server for too long. Any thread.
  bool lapsed();

 private:
  void work();
  bool renew(Connection& connection);

  const Library& library_;
  const Url url_;
  const int64_t engine_;
  std::atomic<bool> lapsed_ = false;
  std::atomic<int64_t> renewed_;  // boot clock, microseconds
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace rbk::engine::postgres
