#include "engine/mailbox.h"

#include <atomic>
#include <chrono>

#include "base/mutant.h"
#include "engine/logs.h"

namespace rbk::engine {
namespace {

class Sink : public AttemptSink {
 public:
  Sink(uint64_t attempt, std::shared_ptr<Mailbox> mailbox)
      : attempt_(attempt), mailbox_(std::move(mailbox)) {}

  void log(LogStream stream, std::string_view line) override {
    if (!finished_.load(std::memory_order_relaxed)) mailbox_->put(attempt_, stream, line);
  }
  void finish(Outcome outcome) override {
    if (!finished_.exchange(true) || RBK_MUTANT("two_terminal_events"))
      mailbox_->put(attempt_, std::move(outcome));
  }

 private:
  uint64_t attempt_;
  std::shared_ptr<Mailbox> mailbox_;
  std::atomic<bool> finished_ = false;
};

}  // namespace

Mailbox::Mailbox(std::shared_ptr<Clock> clock, std::shared_ptr<Sleeper> sleeper)
    : clock_(std::move(clock)), sleeper_(std::move(sleeper)) {}

void Mailbox::put(uint64_t attempt, Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    items_.push_back({attempt, std::move(outcome)});
    if (items_.size() > 1 || std::this_thread::get_id() == engine_) return;
  }
  sleeper_->wake();
}

void Mailbox::put(uint64_t attempt, LogStream stream, std::string_view line) {
  {
    std::unique_lock lock(mutex_);
    if (std::this_thread::get_id() != engine_)
      room_.wait(lock, [&] { return closed_ || bytes_ < kMostBytes; });
    if (closed_) return;
    items_.push_back({attempt, Delivery::Line{stream, as_utf8(line), clock_->wall()}});
    bytes_ += line.size() + sizeof(Delivery);
    if (items_.size() > 1 || std::this_thread::get_id() == engine_) return;
  }
  sleeper_->wake();
}

std::vector<Delivery> Mailbox::take() {
  std::vector<Delivery> taken;
  {
    const std::lock_guard lock(mutex_);
    engine_ = std::this_thread::get_id();
    if (items_.empty()) return taken;
    taken.swap(items_);
    bytes_ = 0;
  }
  room_.notify_all();
  return taken;
}

bool Mailbox::empty() {
  const std::lock_guard lock(mutex_);
  return items_.empty();
}

void Mailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

std::shared_ptr<AttemptSink> sink_for(uint64_t attempt, std::shared_ptr<Mailbox> mailbox) {
  return std::make_shared<Sink>(attempt, std::move(mailbox));
}

}  // namespace rbk::engine
