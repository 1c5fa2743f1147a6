// What a durable step `shell("true")` costs, from text to its end: compiled, journaled by the
// engine on SQLite, run by the supervisor. Against posix_spawn of `sh -c true` and one durable
// commit of a row like a journal's, measured before and after each run: the median of the runs'
// ratios; from a process that holds 10 MiB and from one that holds 1 GiB. Usage: step_bench
// SUPERVISE, the path of rbk_supervise.
#include <fmt/format.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/process_cost.h"
#include "compiler/compile.h"
#include "engine/engine.h"
#include "stdlib/declarations.h"
#include "stdlib/registry.h"

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;
using rbk::bench::median;

constexpr int kSteps = 100;  // a run
constexpr int kRounds = 15;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "step_bench: {}\n", what);
  std::exit(1);
}

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// posix_spawn and one commit, the floor of a durable step.
class Floor {
 public:
  explicit Floor(const std::string& path) {
    run(sqlite3_open(path.c_str(), &database_));
    run(sqlite3_exec(database_,
                     "pragma journal_mode = wal; pragma synchronous = full;"
                     "create table entries (id integer primary key, body blob)",
                     nullptr, nullptr, nullptr));
    run(sqlite3_prepare_v2(database_, "insert into entries (body) values (zeroblob(300))", -1,
                           &insert_, nullptr));
  }
  /// Until the write-ahead log is written over and no longer grows, as that costs more.
  void warm_up() {
    for (int i = 0; i < 1'200; ++i) commit();
  }
  ~Floor() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }
  void once() {
    const char* words[] = {"/bin/sh", "-c", "true", nullptr};
    pid_t child = 0;
    int status = 0;
    if (posix_spawn(&child, words[0], nullptr, nullptr, const_cast<char**>(words), environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
      give_up("sh did not run");
    }
    commit();
  }

 private:
  void commit() {
    if (sqlite3_step(insert_) != SQLITE_DONE) give_up(sqlite3_errmsg(database_));
    sqlite3_reset(insert_);
  }
  void run(int code) {
    if (code != SQLITE_OK) give_up(sqlite3_errmsg(database_));
  }
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

std::shared_ptr<const rbk::bytecode::Program> program() {
  rbk::check::Options options;
  for (const rbk::stdlib::ModuleText& module : rbk::stdlib::module_texts()) {
    options.standard.push_back({module.name, module.text});
  }
  auto compiled = rbk::compiler::compile(
      "bench.rbk",
      fmt::format(
          "runbook main() {{\n  for i in 1..{} {{\n    step s = shell(\"true\") rollback none "
          "\"a benchmark\"\n  }}\n}}\n",
          kSteps),
      options);
  if (!compiled || !compiled->program) give_up("the runbook does not compile");
  return std::make_shared<const rbk::bytecode::Program>(std::move(*compiled->program));
}

double run_steps(rbk::engine::Engine& engine,
                 const std::shared_ptr<const rbk::bytecode::Program>& steps) {
  const auto run = engine.start({steps, "main", {}, "", {}, {"bench", {}, {}}});
  if (!run) give_up(run.error().message);
  const auto begin = Clock::now();
  const auto end = engine.drive(*run, {});
  const double took = milliseconds_since(begin);
  if (!end) give_up(end.error().message);
  if (end->run.status != rbk::engine::RunStatus::kSucceeded) give_up("the run did not succeed");
  return took / kSteps;
}

double floor_of(Floor& floor) {
  const auto begin = Clock::now();
  for (int i = 0; i < kSteps; ++i) floor.once();
  return milliseconds_since(begin) / kSteps;
}

/// A host that was asked for much memory gives it slowly for some seconds, to everybody: until it
/// is through, the floor is not what it was.
void settle(Floor& floor, double before) {
  for (int i = 0; i < 100 && floor_of(floor) > before * 1.2; ++i) {
  }
}

void compare(const char* size, rbk::engine::Engine& engine, Floor& floor,
             const std::shared_ptr<const rbk::bytecode::Program>& steps) {
  std::vector<double> floors = {floor_of(floor)};
  std::vector<double> ours;
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(run_steps(engine, steps));
    floors.push_back(floor_of(floor));
    ratios.push_back(2 * ours.back() / (floors[floors.size() - 2] + floors.back()));
  }
  fmt::print(
      R"({{"bench":"step: shell true, durable, against posix_spawn and a commit, {}","ratio":{:.2f},"target":1.3,"ms":{:.3f},"floor_ms":{:.3f}}})"
      "\n",
      size, median(ratios), median(ours), median(floors));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: step_bench SUPERVISE\n");
    return 2;
  }
  // Beside the build, as stores are on disks and /tmp may be none.
  std::string store = std::string(argv[1]) + ".store-XXXXXX";
  if (mkdtemp(store.data()) == nullptr) give_up("no folder can be made beside " + store);
  {
    rbk::stdlib::Registry registry({store, {argv[1]}});
    auto engine =
        rbk::engine::Engine::open("sqlite:" + store + "/store.db", rbk::engine::OpenMode::kCreate,
                                  rbk::engine::World::real(), &registry);
    if (!engine) give_up(engine.error().message);
    Floor floor(store + "/floor.db");
    const auto steps = program();
    floor.warm_up();
    for (int i = 0; i < 6; ++i) run_steps(**engine, steps);  // the same, and starts the supervisor
    const std::vector<char> small(10U << 20, 'x');
    compare("10 MiB", **engine, floor, steps);
    const double before = floor_of(floor);
    const std::vector<char> large(1U << 30, 'x');
    settle(floor, before);
    compare("1 GiB", **engine, floor, steps);
    if (small[1] != large[1]) give_up("unreachable");  // keeps both in memory
  }
  std::filesystem::remove_all(store);
}
