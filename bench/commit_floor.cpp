#include "bench/commit_floor.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace rbk::bench {
namespace {

using Clock = std::chrono::steady_clock;

void must(bool fine, sqlite3* database) {
  if (fine) return;
  fmt::print(stderr, "commit floor: {}\n", sqlite3_errmsg(database));
  std::exit(1);
}

class Rows {
 public:
  Rows(const std::string& path, int runs) : data_(220, 'd'), checkpoint_(400, 'c') {
    must(sqlite3_open(path.c_str(), &database_) == SQLITE_OK, database_);
    sql("pragma journal_mode=wal");
    sql("pragma synchronous=full");
    sql("create table step(id integer primary key, run blob, seq integer, name text, state "
        "integer, "
        "at integer, data blob)");
    sql("create table run(id integer primary key, state integer, wake integer, checkpoint blob)");
    begin_ = prepare("begin immediate");
    commit_ = prepare("commit");
    step_ = prepare("insert into step(run,seq,name,state,at,data) values(?,?,?,?,?,?)");
    run_ = prepare("update run set state=?,wake=?,checkpoint=? where id=?");
    sqlite3_stmt* make = prepare("insert into run values(?,1,0,?)");
    once(begin_);
    for (int run = 1; run <= runs; ++run) {
      sqlite3_bind_int(make, 1, run);
      bind(make, 2, checkpoint_);
      once(make);
    }
    once(commit_);
    sqlite3_finalize(make);
  }
  ~Rows() {
    for (sqlite3_stmt* statement : {begin_, commit_, step_, run_}) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }

  void write(const std::vector<int>& runs) {
    once(begin_);
    for (const int run : runs) {
      ++sequence_;
      bind(step_, 1, "0123456789abcdef");
      sqlite3_bind_int64(step_, 2, sequence_);
      bind(step_, 3, "provision.database.migrate");
      sqlite3_bind_int(step_, 4, 2);
      sqlite3_bind_int64(step_, 5, 1'700'000'000'000 + sequence_);
      bind(step_, 6, data_);
      once(step_);
      sqlite3_bind_int(run_, 1, 2);
      sqlite3_bind_int64(run_, 2, sequence_);
      bind(run_, 3, checkpoint_);
      sqlite3_bind_int(run_, 4, run + 1);
      once(run_);
    }
    once(commit_);
  }

 private:
  void sql(const char* text) {
    must(sqlite3_exec(database_, text, nullptr, nullptr, nullptr) == SQLITE_OK, database_);
  }
  sqlite3_stmt* prepare(const char* text) {
    sqlite3_stmt* made = nullptr;
    must(sqlite3_prepare_v2(database_, text, -1, &made, nullptr) == SQLITE_OK, database_);
    return made;
  }
  static void bind(sqlite3_stmt* statement, int index, std::string_view bytes) {
    sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  void once(sqlite3_stmt* statement) {
    must(sqlite3_step(statement) == SQLITE_DONE, database_);
    sqlite3_reset(statement);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* step_ = nullptr;
  sqlite3_stmt* run_ = nullptr;
  std::string data_;
  std::string checkpoint_;
  int64_t sequence_ = 0;
};

}  // namespace

double p99_ms(std::vector<double> seconds) {
  if (seconds.empty()) return 0;
  const auto at = seconds.begin() + static_cast<long>(seconds.size() * 99 / 100);
  std::nth_element(seconds.begin(), at, seconds.end());
  return *at * 1e3;
}

Steps commit_floor(const std::string& folder, int in_flight, double seconds) {
  Rows rows(folder + "/floor.db", in_flight);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> pending;
  std::vector<int> finished;
  bool stop = false;
  int64_t committed = 0;
  std::thread writer([&] {
    std::vector<int> group;
    while (true) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || !pending.empty(); });
        if (pending.empty()) return;
        group.swap(pending);
      }
      rows.write(group);
      {
        const std::lock_guard lock(mutex);
        committed += static_cast<int64_t>(group.size());
        finished.insert(finished.end(), group.begin(), group.end());
      }
      changed.notify_all();
      group.clear();
    }
  });
  const auto begin = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  {
    const std::lock_guard lock(mutex);
    for (int run = 0; run < in_flight; ++run) pending.push_back(run);
  }
  changed.notify_all();
  std::vector<int> got;
  std::vector<double> last(static_cast<size_t>(in_flight), 0);
  std::vector<double> times;
  for (int live = in_flight; live > 0;) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !finished.empty(); });
      got.swap(finished);
      for (const int run : got) {
        double& before = last[static_cast<size_t>(run)];
        times.push_back(elapsed() - before);
        before = elapsed();
      }
      if (elapsed() < seconds)
        pending.insert(pending.end(), got.begin(), got.end());
      else
        live -= static_cast<int>(got.size());
    }
    changed.notify_all();
    got.clear();
  }
  const double took = elapsed();
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  changed.notify_all();
  writer.join();
  return {static_cast<double>(committed) / took, p99_ms(std::move(times))};
}

}  // namespace rbk::bench
