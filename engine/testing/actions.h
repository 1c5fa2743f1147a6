// Actions for tests: each behaves in one way that matters to the engine.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/action.h"

namespace rbk::engine::testing {

/// Ends at once, with its arguments as output.
class ImmediateAction : public Action {
 public:
  void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    ++started;
    Outcome outcome;
    outcome.output = attempt.arguments;
    sink->finish(std::move(outcome));
  }
  void stop(uint64_t, StopMode) override {}
  int started = 0;
};

/// Appends "path key" to a file, then ends after a while, on a thread of its own. Its work dies
/// with its process: after a crash nobody knows.
class FileAction : public Action {
 public:
  FileAction(std::string file, int milliseconds)
      : file_(std::move(file)), milliseconds_(milliseconds) {}
  ~FileAction() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    append(attempt);
    if (milliseconds_ == 0) return finish(attempt, *sink);
    threads_.emplace_back([this, attempt, sink] {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds_));
      finish(attempt, *sink);
    });
  }
  void stop(uint64_t, StopMode) override {}

 protected:
  void append(const Attempt& attempt) {
    const int file = open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    const std::string line = attempt.path + " " + attempt.key + "\n";
    (void)!write(file, line.data(), line.size());
    close(file);
  }
  static void finish(const Attempt& attempt, AttemptSink& sink) {
    Outcome outcome;
    outcome.output = attempt.arguments;
    sink.finish(std::move(outcome));
  }
  std::string file_;

 private:
  int milliseconds_;
  std::vector<std::thread> threads_;
};

/// Makes one file an attempt, named by it, which is its whole effect and says as well whether it
/// was started, as a spool does: its outcome is found again after a crash. Being started twice is
/// counted.
class SpoolAction : public Action {
 public:
  explicit SpoolAction(std::string folder) : folder_(std::move(folder)) {}
  void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    const int spool = open(file_of(attempt).c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (spool >= 0)
      close(spool);
    else
      ++started_twice;
    finish(attempt, *sink);
  }
  void stop(uint64_t, StopMode) override {}
  Recovery recover(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    if (access(file_of(attempt).c_str(), F_OK) != 0) return Recovery::kNeverStarted;
    finish(attempt, *sink);
    return Recovery::kReattached;
  }
  void acknowledge(const std::string& key) override { acknowledged.push_back(key); }
  std::vector<std::string> acknowledged;
  int started_twice = 0;

 private:
  std::string file_of(const Attempt& attempt) const { return folder_ + "/" + attempt.attempt_key; }
  static void finish(const Attempt& attempt, AttemptSink& sink) {
    Outcome outcome;
    outcome.output = attempt.arguments;
    sink.finish(std::move(outcome));
  }
  std::string folder_;
};

/// Never ends by itself; ends when it is stopped, or, if `stubborn`, when it is killed, or not even
/// then.
class HangingAction : public Action {
 public:
  enum class How { kEndsWhenAsked, kEndsWhenKilled, kNever };
  explicit HangingAction(How how) : how_(how) {}
  void start(const Attempt& attempt, std::shared_ptr<AttemptSink> sink) override {
    const std::lock_guard lock(mutex_);
    sinks_[attempt.id] = std::move(sink);
    ++running;
  }
  void stop(uint64_t attempt, StopMode mode) override {
    stops.push_back(mode);
    const bool ends =
        how_ == How::kEndsWhenAsked || (how_ == How::kEndsWhenKilled && mode == StopMode::kKill);
    if (ends) end(attempt, mode == StopMode::kKill ? Effect::kUnknown : Effect::kNone);
  }
  std::vector<StopMode> stops;
  std::atomic<int> running = 0;

 private:
  void end(uint64_t attempt, Effect effect) {
    const std::lock_guard lock(mutex_);
    Outcome outcome;
    outcome.kind = Outcome::Kind::kStopped;
    outcome.effect = effect;
    sinks_.at(attempt)->finish(std::move(outcome));
  }
  How how_;
  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<AttemptSink>> sinks_;
};

/// Ends at once as it was told to.
class ScriptedAction : public Action {
 public:
  explicit ScriptedAction(Outcome outcome) : outcome_(std::move(outcome)) {}
  void start(const Attempt&, std::shared_ptr<AttemptSink> sink) override {
    ++started;
    for (const std::string& line : lines) sink->log(LogStream::kOut, line);
    sink->finish(outcome_);
  }
  void stop(uint64_t, StopMode) override {}
  std::vector<std::string> lines;
  int started = 0;

 private:
  Outcome outcome_;
};

class TestActions : public ActionRegistry {
 public:
  Result<Action*> find(std::string_view name) override {
    const auto found = actions.find(std::string(name));
    if (found == actions.end())
      return fail(ErrorKind::kNotFound, "there is no action `" + std::string(name) + "`");
    return found->second.get();
  }
  template <typename T, typename... Arguments>
  T& add(const std::string& name, Arguments&&... arguments) {
    auto made = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    T& action = *made;
    actions[name] = std::move(made);
    return action;
  }
  std::map<std::string, std::unique_ptr<Action>> actions;
};

}  // namespace rbk::engine::testing
