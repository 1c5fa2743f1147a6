// A sink that waits, for the tests of actions.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/action.h"

namespace rbk::stdlib {

class RecordingSink : public engine::AttemptSink {
 public:
  /// `turn` is called again and again by whoever waits.
  explicit RecordingSink(std::function<void()> turn = [] {}) : turn_(std::move(turn)) {}

  void log(engine::LogStream stream, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(stream, line);
    changed_.notify_all();
  }
  void finish(engine::Outcome outcome) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(outcome_.has_value()) << "finished twice";
    outcome_ = std::move(outcome);
    changed_.notify_all();
  }
  engine::Outcome wait() {
    EXPECT_TRUE(wait_until([this] { return outcome_.has_value(); })) << "no outcome";
    return outcome_.value_or(engine::Outcome{});
  }
  bool wait_for_line(const std::string& text) {
    return wait_until([&] {
      for (const auto& [stream, line] : lines_) {
        if (line == text) return true;
      }
      return false;
    });
  }
  bool finished() {
    const std::lock_guard lock(mutex_);
    return outcome_.has_value();
  }
  std::vector<std::string> lines(engine::LogStream wanted) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [stream, line] : lines_) {
      if (stream == wanted) found.push_back(line);
    }
    return found;
  }

 private:
  template <typename Condition>
  bool wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < end) {
      turn_();
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, std::chrono::milliseconds(1), condition)) return true;
    }
    return false;
  }

  std::function<void()> turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<engine::LogStream, std::string>> lines_;
  std::optional<engine::Outcome> outcome_;
};

}  // namespace rbk::stdlib
