// How soon runs go on: one with 100,000 finished steps against one with 1,000, and 1,000 waiting
// runs whose process was killed. Usage: resume_bench.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "bench/must.h"
#include "engine/engine.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"

namespace {

using rbk::bench::must;

using namespace rbk::engine;  // NOLINT(google-build-using-namespace): all here is its
using Clock = std::chrono::steady_clock;

constexpr int kTimes = 9;
constexpr int kWaiting = 1'000;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::string new_folder() {
  std::string folder = (std::filesystem::temp_directory_path() / "rbk-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) std::exit(1);
  return folder;
}

/// From an engine that is opened to the run's next wait, behind one more step: the median.
double resume(const std::string& folder, int steps) {
  const std::string url = "sqlite:" + folder + "/store.db";
  testing::TestActions actions;
  actions.add<testing::ImmediateAction>("now");
  std::string script = fmt::format("w now {}", steps);
  for (int i = 0; i < kTimes; ++i) script += fmt::format(";a go{};w now", i);
  std::string run;
  {
    auto engine = must(Engine::open(url, OpenMode::kCreate, World::real(), &actions));
    run = must(engine->start({testing::program(script), "main", {}, "", {}, {"bench", {}, {}}}));
    if (must(engine->drive(run, {})).why != DriveEnd::Why::kSuspended) std::exit(1);
  }
  std::vector<double> took;
  for (int i = 0; i < kTimes; ++i) {
    {
      auto engine = must(Engine::open(url, OpenMode::kExisting, World::real(), &actions));
      (void)must(engine->approve(run, "", {}, {"boss", {"sre"}, {}}));
    }
    const auto begin = Clock::now();
    auto engine = must(Engine::open(url, OpenMode::kExisting, World::real(), &actions));
    (void)must(engine->drive(run, {}));
    took.push_back(milliseconds_since(begin));
  }
  std::nth_element(took.begin(), took.begin() + kTimes / 2, took.end());
  return took[kTimes / 2];
}

class FirstEnd : public Observer {
 public:
  void on_news(const std::string&, const News& news) override {
    if (news.kind == News::Kind::kAttemptEnded && !at_) at_ = Clock::now();
  }
  void on_log(const std::string&, const LogLine&) override {}
  std::optional<Clock::time_point> at_;
};

void after_a_kill(const std::string& folder) {
  const std::string url = "sqlite:" + folder + "/store.db";
  testing::TestActions actions;
  actions.add<testing::ImmediateAction>("now");
  int ready[2];
  if (pipe(ready) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    auto engine = must(Engine::open(url, OpenMode::kCreate, World::real(), &actions));
    const auto program = testing::program("w now;s 3000000;w now");
    for (int i = 0; i < kWaiting; ++i)
      (void)must(engine->start({program, "main", {}, "", {}, {"bench", {}, {}}}));
    const char byte = 1;
    (void)!write(ready[1], &byte, 1);
    (void)engine->drive_all({});
    _exit(0);
  }
  char byte = 0;
  if (read(ready[0], &byte, 1) != 1) std::exit(1);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // all have done their step, and sleep
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // all are due
  const auto begin = Clock::now();
  FirstEnd first;
  DriveOptions options;
  options.observer = &first;
  auto engine = must(Engine::open(url, OpenMode::kExisting, World::real(), &actions));
  const auto ends = must(engine->drive_all(options));
  const double all = milliseconds_since(begin);
  const auto over = std::count_if(ends.begin(), ends.end(), [](const DriveEnd& end) {
    return end.run.status == RunStatus::kSucceeded;
  });
  if (over != kWaiting || !first.at_) {
    fmt::print(stderr, "resume_bench: {} of {} runs ended well\n", over, kWaiting);
    std::exit(1);
  }
  const double to_first = std::chrono::duration<double, std::milli>(*first.at_ - begin).count();
  constexpr double kFirst = 150;
  constexpr double kAll = 1000;
  fmt::print(
      R"({{"bench":"resume: the first of {} after a kill","ratio":{:.2f},"target":1,"ms":{:.1f}}})"
      "\n"
      R"({{"bench":"resume: all of {} after a kill","ratio":{:.2f},"target":1,"ms":{:.1f}}})"
      "\n",
      kWaiting, to_first / kFirst, to_first, kWaiting, all / kAll, all);
}

}  // namespace

int main() {
  const std::string killed = new_folder();
  after_a_kill(killed);
  std::filesystem::remove_all(killed);
  const std::string small = new_folder();
  const std::string large = new_folder();
  const double few = resume(small, 1'000);
  const double many = resume(large, 100'000);
  fmt::print(
      R"({{"bench":"resume: 100,000 finished steps against 1,000","ratio":{:.2f},"target":2,"ms":{:.2f},"floor_ms":{:.2f}}})"
      "\n",
      many / few, many, few);
  std::filesystem::remove_all(small);
  std::filesystem::remove_all(large);
}
