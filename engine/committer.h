// Commits groups, in order, one at a time: in the engine's thread, or on a writer thread that is
// started when it is first needed, while machines run on.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/store.h"
#include "engine/world.h"

namespace rbk::engine {

struct Committed {
  Group group;
  Result<CommitResult> result;
};

/// All calls from the engine's thread.
class Committer {
 public:
  Committer(Store* store, std::shared_ptr<Sleeper> sleeper, bool may_use_thread);
  ~Committer();

  bool busy() const { return busy_; }
  /// Not while busy. Wakes the sleeper when it is done.
  void submit(Group group);
  /// Not while busy.
  Committed commit_here(Group group);
  /// What a submitted group came to, once it is done.
  std::optional<Committed> poll();
  /// Waits for it. Only while busy.
  Committed wait();
  bool may_use_thread() const { return may_use_thread_; }

 private:
  void work();

  Store* store_;
  std::shared_ptr<Sleeper> sleeper_;
  bool may_use_thread_;
  bool busy_ = false;  // engine's thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Group> wanted_;
  std::optional<Committed> done_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace rbk::engine
