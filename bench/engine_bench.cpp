// Durable steps a second (SQLite, FULL): steps with an immediate native action, through the
// machine, the engine and the store, against the commit floor measured in the same run, in turns.
// Usage: engine_bench [SECONDS]. Prints two JSON objects a number in flight: {"bench", "ratio",
// "target", "steps_per_second", "floor_per_second"} and, of the time from one step of a run to its
// next, {"bench", "ratio", "target", "p99_ms", "floor_p99_ms"}; ratios are of times: less is
// better.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/commit_floor.h"
#include "bench/must.h"
#include "bench/process_cost.h"
#include "engine/engine.h"
#include "engine/testing/program.h"

namespace {

using rbk::engine::Attempt;

using rbk::bench::median;
using rbk::bench::must;
using rbk::bench::Steps;
using Clock = std::chrono::steady_clock;

/// Ends at once. Between two attempts of a run lies a durable step: their times are kept.
class ImmediateAction : public rbk::engine::Action {
 public:
  void start(const Attempt& attempt, std::shared_ptr<rbk::engine::AttemptSink> sink) override {
    const Clock::time_point now = Clock::now();
    const auto [last, first] = last_.try_emplace(attempt.run, now);
    if (!first) times_.push_back(std::chrono::duration<double>(now - last->second).count());
    last->second = now;
    rbk::engine::Outcome outcome;
    outcome.output = attempt.arguments;
    sink->finish(std::move(outcome));
  }
  void stop(uint64_t, rbk::engine::StopMode) override {}

  const std::vector<double>& times() const { return times_; }

 private:
  std::unordered_map<std::string, Clock::time_point> last_;
  std::vector<double> times_;  // seconds
};

class OneAction : public rbk::engine::ActionRegistry {
 public:
  rbk::Result<rbk::engine::Action*> find(std::string_view) override { return &action_; }
  const std::vector<double>& times() const { return action_.times(); }

 private:
  ImmediateAction action_;
};

Steps engine_steps(const std::string& folder, int in_flight, int steps) {
  OneAction actions;
  const auto engine = must(rbk::engine::Engine::open("sqlite:" + folder + "/store.db",
                                                     rbk::engine::OpenMode::kCreate,
                                                     rbk::engine::World::real(), &actions));
  const auto program = rbk::engine::testing::program(fmt::format("w now {}", steps));
  for (int run = 0; run < in_flight; ++run) {
    must(engine->start({program, "main", {}, "", {}, {"bench", {}, {}}}));
  }
  const auto begin = Clock::now();
  const auto ends = must(engine->drive_all({}));
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const auto& end : ends)
    if (end.run.status != rbk::engine::RunStatus::kSucceeded) {
      fmt::print(stderr, "engine_bench: a run ended {} ({})\n", to_string(end.run.status),
                 static_cast<int>(end.why));
      std::exit(1);
    }
  return {in_flight * steps / took, rbk::bench::p99_ms(actions.times())};
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  for (const int in_flight : {1, 16, 256}) {
    std::vector<double> ours;
    std::vector<double> floor;
    std::vector<double> ratios;
    std::vector<double> our_p99;
    std::vector<double> floor_p99;
    for (int round = 0; round < 5; ++round) {
      std::string folder = (std::filesystem::temp_directory_path() / "rbk-bench-XXXXXX").string();
      if (mkdtemp(folder.data()) == nullptr) return 1;
      const Steps least = rbk::bench::commit_floor(folder, in_flight, seconds);
      const int steps = std::max(50, static_cast<int>(least.per_second * seconds / in_flight));
      const Steps made = engine_steps(folder, in_flight, steps);
      floor.push_back(least.per_second);
      ours.push_back(made.per_second);
      ratios.push_back(least.per_second / made.per_second);
      floor_p99.push_back(least.p99_ms);
      our_p99.push_back(made.p99_ms);
      std::filesystem::remove_all(folder);
    }
    fmt::print(
        R"({{"bench":"engine: a durable step, {} in flight, against the commit floor","ratio":{:.2f},)"
        R"("target":1.43,"steps_per_second":{:.0f},"floor_per_second":{:.0f}}})"
        "\n",
        in_flight, median(ratios), median(ours), median(floor));
    fmt::print(
        R"({{"bench":"engine: p99 of a durable step, {} in flight, against the commit floor's",)"
        R"("ratio":{:.2f},"target":2,"p99_ms":{:.2f},"floor_p99_ms":{:.2f}}})"
        "\n",
        in_flight, median(our_p99) / median(floor_p99), median(our_p99), median(floor_p99));
  }
}
