// The world that commands act upon: what they really did, whoever was told of it. A command goes on
// when the engine that began it is gone; what the simulation is judged by is kept here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/action.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sites.h"

namespace rbk::simulation {

/// What a step says: "VERB NUMBER ITEM".
struct Command {
  std::string verb;
  std::string subject;  // its number and item
  const Site* site = nullptr;
};

/// One command that was really begun.
struct Execution : Command {
  std::string attempt_key;
  std::string key;
  std::string run;
  std::string path;
  std::string boot;
  int64_t began = 0;  // in the order of all that happens
  int64_t ended = 0;  // likewise; 0: it runs
  bool took_effect = false;
  bool is_lost = false;      // it hangs until it is killed
  bool is_stubborn = false;  // it hangs until it is killed, not when asked
  bool orphaned = false;     // nobody will find it again
  bool killed = false;
  engine::Outcome outcome;
  // Who listens.
  std::shared_ptr<Life> life;
  uint64_t attempt = 0;
  std::shared_ptr<engine::AttemptSink> sink;
};

/// What the outside has of the history around it.
struct Surroundings {
  std::function<int64_t()> now;
  std::function<std::string()> boot;
  std::function<void(int64_t time, std::function<void()>)> at;
  std::function<void(const Life&)> wake;
  std::function<void(int invariant, std::string what)> violated;
  std::function<void(std::string line)> trace;
};

class Outside {
 public:
  Outside(Surroundings around, const Script* script, Oracle* oracle, uint64_t seed);

  /// What an engine of that process calls.
  void start(const std::shared_ptr<Life>& life, const engine::Attempt& attempt,
             std::shared_ptr<engine::AttemptSink> sink);
  void stop(const Life& life, uint64_t attempt, engine::StopMode mode);
  engine::Recovery recover(const std::shared_ptr<Life>& life, const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink);
  void acknowledge(const Life& life, const std::string& attempt_key);

  void process_is_over(const Life& life);
  void power_is_lost();
  /// A person is about to say that the step's attempt may be repeated.
  void permit(const std::string& run, const std::string& path) {
    permitted_[{run, path}] = order_++;
  }
  /// A person is about to say that the failed step is to be done once more, or has been: whatever
  /// was undone of it before.
  void do_anew(const std::string& run, const std::string& path) { ++anew_[{run, path}]; }
  int times_anew(const std::string& run, const std::string& path) const {
    const auto known = anew_.find({run, path});
    return known == anew_.end() ? 0 : known->second;
  }
  /// From here on nothing is lost or fails.
  void calm() { is_calm_ = true; }

  const std::vector<std::shared_ptr<Execution>>& executions() const { return all_; }
  /// The last entries of runs when the last of their commands began, or was looked for.
  const std::map<std::string, uint64_t>& acted_upon() const { return acted_upon_; }
  /// The run, or the one that it undoes.
  std::string origin(const std::string& run);
  /// The first of a line of retries, for whose effects all of them stand.
  std::string line(const std::string& run);
  Command command(const boost::json::object& arguments) const;

 private:
  void check_place(const Life& life, const engine::Attempt& attempt);
  void check_causes(const engine::Attempt& attempt);
  void check_repetition(const Execution& next);
  void check_retry(const Execution& next);
  void check_locks(const Execution& next);
  void check_undo(const Execution& next);
  void run_command(const std::shared_ptr<Execution>& execution);
  void plan_outcome(Execution& execution);
  void end_of(const std::shared_ptr<Execution>& execution);
  void tell(Execution& execution);

  Surroundings around_;
  const Script* script_;
  Oracle* oracle_;
  Dice dice_;
  int64_t order_ = 1;
  bool is_calm_ = false;
  std::vector<std::shared_ptr<Execution>> all_;
  std::map<std::string, std::shared_ptr<Execution>> by_attempt_;
  std::map<std::string, std::vector<std::shared_ptr<Execution>>> by_key_;
  std::map<std::string, bool> is_done_;  // subjects, by line: done and not undone
  std::map<std::pair<std::string, std::string>, int64_t> permitted_;
  std::map<std::string, uint64_t> acted_upon_;
  std::map<std::pair<std::string, std::string>, int> anew_;
  std::map<std::string, std::string> origins_;
  std::map<std::string, std::string> lines_;
};

/// The actions of one process.
class SimulatedActions : public engine::ActionRegistry, public engine::Action {
 public:
  SimulatedActions(Outside* outside, std::shared_ptr<Life> life)
      : outside_(outside), life_(std::move(life)) {}
  std::string place() override { return "host-1"; }
  Result<engine::Action*> find(std::string_view) override { return this; }
  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override {
    if (!life_->over) outside_->start(life_, attempt, std::move(sink));
  }
  void stop(uint64_t attempt, engine::StopMode mode) override {
    if (!life_->over) outside_->stop(*life_, attempt, mode);
  }
  engine::Recovery recover(const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink) override {
    return life_->over ? engine::Recovery::kUnknown
                       : outside_->recover(life_, attempt, std::move(sink));
  }
  void acknowledge(const std::string& attempt_key) override {
    if (!life_->over) outside_->acknowledge(*life_, attempt_key);
  }

 private:
  Outside* outside_;
  std::shared_ptr<Life> life_;
};

}  // namespace rbk::simulation
