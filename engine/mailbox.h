// Where attempts leave their outcomes and log lines for the engine's thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "engine/action.h"
#include "engine/world.h"

namespace rbk::engine {

struct Delivery {
  struct Line {
    LogStream stream = LogStream::kOut;
    std::string text;
    int64_t time = 0;  // wall clock
  };
  uint64_t attempt = 0;
  std::variant<Outcome, Line> what;
};

/// Thread-safe. A thread other than the engine's that logs faster than the engine takes waits once
/// `kMostBytes` are there, so that memory stays bounded.
class Mailbox {
 public:
  static constexpr size_t kMostBytes = size_t{4} << 20;

  Mailbox(std::shared_ptr<Clock> clock, std::shared_ptr<Sleeper> sleeper);

  void put(uint64_t attempt, Outcome outcome);
  void put(uint64_t attempt, LogStream stream, std::string_view line);
  /// Engine's thread: everything that is there, in order.
  std::vector<Delivery> take();
  bool empty();
  /// Nobody takes any more: nobody waits any more.
  void close();

 private:
  std::shared_ptr<Clock> clock_;
  std::shared_ptr<Sleeper> sleeper_;
  std::thread::id engine_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::vector<Delivery> items_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

std::shared_ptr<AttemptSink> sink_for(uint64_t attempt, std::shared_ptr<Mailbox> mailbox);

}  // namespace rbk::engine
