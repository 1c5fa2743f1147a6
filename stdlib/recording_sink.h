// A sink that waits, for the tests of actions.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/action.h"

namespace rbk::stdlib {

class RecordingSink : public engine::AttemptSink {
 public:
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
    std::unique_lock lock(mutex_);
    const bool over =
        changed_.wait_for(lock, std::chrono::seconds(30), [this] { return outcome_.has_value(); });
    EXPECT_TRUE(over) << "no outcome";
    return outcome_.value_or(engine::Outcome{});
  }
  bool wait_for_line(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] {
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
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<engine::LogStream, std::string>> lines_;
  std::optional<engine::Outcome> outcome_;
};

}  // namespace rbk::stdlib
