#include "engine/committer.h"

namespace rbk::engine {

Committer::Committer(Store* store, std::shared_ptr<Sleeper> sleeper, bool may_use_thread)
    : store_(store), sleeper_(std::move(sleeper)), may_use_thread_(may_use_thread) {}

Committer::~Committer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Committed Committer::commit_here(Group group) {
  Committed committed{std::move(group), CommitResult{}};
  committed.result = store_->commit(committed.group);
  return committed;
}

void Committer::submit(Group group) {
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    wanted_ = std::move(group);
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_all();
}

std::optional<Committed> Committer::poll() {
  if (!busy_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!done_) return std::nullopt;
  busy_ = false;
  return std::exchange(done_, std::nullopt);
}

Committed Committer::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_.has_value(); });
  busy_ = false;
  Committed committed = std::move(*done_);
  done_.reset();
  return committed;
}

void Committer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || wanted_; });
    if (!wanted_) return;
    Group group = std::move(*wanted_);
    wanted_.reset();
    lock.unlock();
    Committed committed = commit_here(std::move(group));
    lock.lock();
    done_ = std::move(committed);
    changed_.notify_all();
    sleeper_->wake();
  }
}

}  // namespace rbk::engine
