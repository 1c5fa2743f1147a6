// What a step of `sh -c true` costs through the supervisor, against posix_spawn: medians over
// interleaved runs, from a process that holds 10 MiB and from one that holds 1 GiB. Each step is
// what `shell` does: start, spool, end, acknowledge. Usage: spawn_bench SUPERVISE, the path of
// rbk_supervise.
//
// Two ratios a size: against posix_spawn alone, and as steps are run, each side with one durable
// commit (SQLite, WAL, synchronous FULL), where the target of 1.3 holds.
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/process_cost.h"
#include "supervisor/client.h"

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;
using rbk::bench::median;
namespace supervisor = rbk::supervisor;

constexpr int kRuns = 300;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "spawn_bench: {}\n", what);
  std::exit(1);
}

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double direct() {
  const char* words[] = {"/bin/sh", "-c", "true", nullptr};
  const auto begin = Clock::now();
  pid_t child = 0;
  int status = 0;
  if (posix_spawn(&child, words[0], nullptr, nullptr, const_cast<char**>(words), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0) {
    give_up("sh did not run");
  }
  return milliseconds_since(begin);
}

class Waiter : public supervisor::Listener {
 public:
  void output(supervisor::Stream, std::string_view) override {}
  void dropped(uint64_t, bool) override {}
  void ended(const supervisor::Ending& ending) override {
    if (ending.cause != supervisor::Ending::Cause::kExited || ending.value != 0) {
      give_up("a command ended badly: " + ending.text);
    }
    over_ = true;
  }
  bool over() const { return over_; }

 private:
  bool over_ = false;
};

double supervised(supervisor::Client& client, const std::vector<std::string>& environment) {
  static int number = 0;
  supervisor::Start start;
  start.key = fmt::format("attempt{}", number++);
  start.words = {"/bin/sh", "-ec", "true"};
  start.environment = environment;
  start.directory = "/";
  const std::string key = start.key;
  const auto waiter = std::make_shared<Waiter>();
  const auto begin = Clock::now();
  client.start(std::move(start), waiter);
  while (!waiter->over()) {
    pollfd wanted{client.descriptor(), POLLIN, 0};
    poll(&wanted, 1, -1);
    client.turn();
  }
  client.acknowledge(key);
  return milliseconds_since(begin);
}

// One durable row a call.
class Journal {
 public:
  explicit Journal(const std::string& path) {
    run(sqlite3_open(path.c_str(), &database_));
    run(sqlite3_exec(database_,
                     "pragma journal_mode = wal; pragma synchronous = full;"
                     "create table entries (id integer primary key, body blob)",
                     nullptr, nullptr, nullptr));
    run(sqlite3_prepare_v2(database_, "insert into entries (body) values (zeroblob(200))", -1,
                           &insert_, nullptr));
  }
  ~Journal() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }
  double commit() {
    const auto begin = Clock::now();
    if (sqlite3_step(insert_) != SQLITE_DONE) give_up(sqlite3_errmsg(database_));
    sqlite3_reset(insert_);
    return milliseconds_since(begin);
  }

 private:
  void run(int code) {
    if (code != SQLITE_OK) give_up(sqlite3_errmsg(database_));
  }
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

void compare(const std::string& size, supervisor::Client& client, Journal& journal,
             const std::vector<std::string>& environment) {
  std::vector<double> floor;
  std::vector<double> ours;
  std::vector<double> floor_step;
  std::vector<double> our_step;
  for (int i = 0; i < kRuns; ++i) {
    floor.push_back(direct());
    floor_step.push_back(floor.back() + journal.commit());
    ours.push_back(supervised(client, environment));
    our_step.push_back(ours.back() + journal.commit());
  }
  const auto print = [&size](const char* what, const std::vector<double>& mine,
                             const std::vector<double>& theirs, const char* target) {
    fmt::print(
        R"({{"bench":"spawn: {}, {}","ratio":{:.2f},"target":{},"ms":{:.3f},"floor_ms":{:.3f}}})"
        "\n",
        what, size, median(mine) / median(theirs), target, median(mine), median(theirs));
  };
  print("sh -c true against posix_spawn", ours, floor, "null");
  print("sh -c true and a commit against posix_spawn and a commit", our_step, floor_step, "1.3");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: spawn_bench SUPERVISE\n");
    return 2;
  }
  // Beside the build, as stores are on disks and /tmp may be none.
  std::string store = std::string(argv[1]) + ".store-XXXXXX";
  if (mkdtemp(store.data()) == nullptr) give_up("no folder can be made beside " + store);
  {
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    Journal journal(store + "/journal.db");
    supervisor::Client client({store, {argv[1]}});
    supervised(client, environment);  // starts the supervisor
    const std::vector<char> small(10U << 20, 'x');
    compare("10 MiB", client, journal, environment);
    const std::vector<char> large(1U << 30, 'x');
    compare("1 GiB", client, journal, environment);
    if (small[1] != large[1]) give_up("unreachable");  // keeps both in memory
  }
  std::filesystem::remove_all(store);
}
