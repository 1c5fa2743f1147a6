// A store in which a million runs wait: what each costs on disk and in the memory of a worker, how
// soon a worker starts on it, and how soon after its time a run has done its next durable step, at
// a thousand that are due a second. Usage: waiting_bench [RUNS]. The runs are copies of one that
// the engine made; each waits for another time.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/must.h"
#include "engine/engine.h"
#include "engine/store.h"
#include "engine/testing/actions.h"
#include "engine/testing/program.h"

namespace {

using rbk::bench::must;

using namespace rbk::engine;  // NOLINT(google-build-using-namespace): all here is its

constexpr int kDueRuns = 5'000;
constexpr int64_t kDueEvery = 1'000;  // microseconds: a thousand a second
constexpr int kGroup = 500;
constexpr int64_t kDay = 86'400'000'000;

int64_t wall() { return World::real().clock->wall(); }

/// Bytes of the process that are its own.
double resident() {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word)
    if (word == "RssAnon:") break;
  double kibibytes = 0;
  file >> kibibytes;
  return kibibytes * 1024;
}

class Filling {
 public:
  Filling(Store& store, const std::string& run) : store_(store) {
    row_ = must(store.find_run(run));
    program_ =
        std::make_shared<ProgramRow>(ProgramRow{row_.program, must(store.program(row_.program))});
    change_.entries = must(store.entries(row_.key, 0));
    change_.waits = must(store.waits(row_.key));
    change_.snapshot = must(store.snapshot(row_.key));
    change_.status = row_.status;
    change_.release = true;
    for (const Entry& entry : change_.entries)
      live_ += static_cast<double>(entry.body.size() + entry.news.size());
    if (change_.snapshot) live_ += static_cast<double>(change_.snapshot->size());
  }
  /// Runs that are due at these times.
  void add(const std::vector<int64_t>& wakes) {
    Group group;
    for (const int64_t wake : wakes) {
      NewRun& fresh = group.runs.emplace_back();
      fresh.row = row_;
      fresh.row.id = fmt::format("{}-{:07x}", row_.id, ++count_);
      fresh.program = program_;
      fresh.change = change_;
      fresh.change.wake = wake;
      fresh.arguments = "[]";
    }
    (void)must(store_.commit(group));
  }
  /// Of each: its journal, and what its snapshot holds.
  double live_bytes() const { return live_; }

 private:
  Store& store_;
  RunRow row_;
  std::shared_ptr<ProgramRow> program_;
  RunChange change_;
  double live_ = 0;
  int count_ = 0;
};

/// How long after its time each of the runs that are due is over.
class Lateness : public WorkObserver {
 public:
  Lateness(Engine*& engine, int64_t first, std::string template_id)
      : engine_(engine), first_(first), template_id_(std::move(template_id)) {}
  void on_news(const std::string&, const News&) override {}
  void on_taken(const RunSummary&) override {
    if (taken_ == 0) taken_ = wall();
  }
  void on_left(const DriveEnd& end) override {
    if (end.run.id.size() <= template_id_.size()) return;
    const int64_t number =
        std::strtoll(end.run.id.substr(template_id_.size() + 1).c_str(), nullptr, 16);
    late_.push_back(static_cast<double>(wall() - (first_ + (number - 1) * kDueEvery)) / 1000);
    if (late_.size() == kDueRuns) engine_->stop(StopHow::kAtBorder);
  }
  int64_t taken() const { return taken_; }
  double part(double which) {
    std::sort(late_.begin(), late_.end());
    return late_[static_cast<size_t>(which * static_cast<double>(late_.size() - 1))];
  }

 private:
  Engine*& engine_;
  int64_t first_;
  std::string template_id_;
  int64_t taken_ = 0;
  std::vector<double> late_;
};

void tell(std::string_view what, double value, std::string_view unit, double target) {
  fmt::print(R"({{"bench":"waiting: {}","ratio":{:.2f},"target":1,"{}":{:.2f},"limit":{:.2f}}})"
             "\n",
             what, value / target, unit, value, target);
}

double megabytes_of(const std::string& folder) {
  double bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.is_regular_file()) bytes += static_cast<double>(file.file_size());
  return bytes / (1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  std::string folder = (std::filesystem::temp_directory_path() / "rbk-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const std::string url = "sqlite:" + folder + "/store.db";
  testing::TestActions actions;
  actions.add<testing::ImmediateAction>("now");

  std::string id;
  {
    auto engine = must(Engine::open(url, OpenMode::kCreate, World::real(), &actions));
    // Its own time comes soon, so that only the time in its row keeps it.
    id = must(engine->start(
        {testing::program("w now;s 200000;w now"), "main", {}, "", {}, {"bench", {}, {}}}));
    DriveOptions options;
    options.longest_sleep = 0;
    if (must(engine->drive(id, options)).why != DriveEnd::Why::kSuspended) return 1;
  }
  int64_t first = 0;
  double live = 0;
  {
    auto store = must(open_store(url, OpenMode::kExisting));
    must(store->join({1, "bench", 1, 1, false}));
    Filling filling(*store, id);
    live = filling.live_bytes();
    std::vector<int64_t> wakes;
    // What is due comes first, far enough away for all to be written before.
    const int64_t time_for_all = 10'000'000 + int64_t{runs} * 100;
    first = wall() + time_for_all;
    for (int i = 0; i < runs; ++i) {
      wakes.push_back(i < kDueRuns ? first + i * kDueEvery : first + kDay + i);
      if (wakes.size() < kGroup && i + 1 < runs) continue;
      filling.add(wakes);
      wakes.clear();
    }
  }
  const double disk = megabytes_of(folder);
  tell(fmt::format("{} runs on disk", runs), disk, "mib", 1024.0 * runs / 1e6);
  tell("a run on disk, beside its journal and its values", disk * (1 << 20) / runs - live, "bytes",
       300);

  malloc_trim(0);
  const double before = resident();
  auto engine = must(Engine::open(url, OpenMode::kExisting, World::real(), &actions));
  Engine* working = engine.get();
  // So late that it finds the first due at once.
  while (wall() < first) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Lateness lateness(working, first, id);
  WorkOptions options;
  options.observer = &lateness;
  const int64_t begin = wall();
  must(engine->work(options));
  const double took = static_cast<double>(wall() - begin) / 1e6;
  tell("a worker has taken its first run", static_cast<double>(lateness.taken() - begin) / 1000,
       "ms", 1000);
  tell(fmt::format("{} that are due one by one are over", kDueRuns), took, "seconds",
       static_cast<double>(kDueRuns) * kDueEvery / 1e6 + 1);
  tell("after its time a run is over, median", lateness.part(0.5), "ms", 1);
  tell("after its time a run is over, 99th of a hundred", lateness.part(0.99), "ms", 5);
  tell("memory of the worker", (resident() - before) / (1 << 20), "mib", 128.0 * runs / 1e6);
  engine.reset();
  std::filesystem::remove_all(folder);
}
