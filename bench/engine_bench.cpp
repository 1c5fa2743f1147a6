// Durable steps a second (SQLite, FULL): steps with an immediate native action, through the
// machine, the engine and the store, against the commit floor measured in the same run, in turns.
// Usage: engine_bench [SECONDS]. Prints one JSON object a number in flight: {"bench", "ratio",
// "target", "steps_per_second", "floor_per_second"}; the ratio is one of times: less is better.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "bench/commit_floor.h"
#include "engine/engine.h"
#include "engine/testing/program.h"

namespace {

using rbk::engine::Attempt;

class ImmediateAction : public rbk::engine::Action {
 public:
  void start(const Attempt& attempt, std::shared_ptr<rbk::engine::AttemptSink> sink) override {
    rbk::engine::Outcome outcome;
    outcome.output = attempt.arguments;
    sink->finish(std::move(outcome));
  }
  void stop(uint64_t, rbk::engine::StopMode) override {}
};

class OneAction : public rbk::engine::ActionRegistry {
 public:
  rbk::Result<rbk::engine::Action*> find(std::string_view) override { return &action_; }

 private:
  ImmediateAction action_;
};

double engine_steps(const std::string& folder, int in_flight, int steps) {
  OneAction actions;
  auto engine =
      rbk::engine::Engine::open("sqlite:" + folder + "/store.db", rbk::engine::OpenMode::kCreate,
                                rbk::engine::World::real(), &actions);
  const auto fail = [](const rbk::Error& error) {
    fmt::print(stderr, "engine_bench: {}\n", error.message);
    std::exit(1);
  };
  if (!engine) fail(engine.error());
  const auto program = rbk::engine::testing::program(fmt::format("w now {}", steps));
  for (int run = 0; run < in_flight; ++run) {
    auto started = (*engine)->start({program, "main", {}, "", {}, {"bench", {}, {}}});
    if (!started) fail(started.error());
  }
  const auto begin = std::chrono::steady_clock::now();
  auto ends = (*engine)->drive_all({});
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!ends) fail(ends.error());
  for (const auto& end : *ends)
    if (end.run.status != rbk::engine::RunStatus::kSucceeded) {
      fmt::print(stderr, "engine_bench: a run ended {} ({})\n", to_string(end.run.status),
                 static_cast<int>(end.why));
      std::exit(1);
    }
  return in_flight * steps / took;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  for (const int in_flight : {1, 16}) {
    std::vector<double> ours;
    std::vector<double> floor;
    std::vector<double> ratios;
    for (int round = 0; round < 5; ++round) {
      std::string folder = (std::filesystem::temp_directory_path() / "rbk-bench-XXXXXX").string();
      if (mkdtemp(folder.data()) == nullptr) return 1;
      floor.push_back(rbk::bench::commit_floor(folder, in_flight, seconds));
      const int steps = std::max(50, static_cast<int>(floor.back() * seconds / in_flight));
      ours.push_back(engine_steps(folder, in_flight, steps));
      ratios.push_back(floor.back() / ours.back());
      std::filesystem::remove_all(folder);
    }
    fmt::print(
        R"({{"bench":"engine: a durable step, {} in flight, against the commit floor","ratio":{:.2f},)"
        R"("target":1.43,"steps_per_second":{:.0f},"floor_per_second":{:.0f}}})"
        "\n",
        in_flight, median(ratios), median(ours), median(floor));
  }
}
