// Commits a second on PostgreSQL: one entry and the run's row each, through the store, against the
// floor of one prepared statement that inserts a row and updates another, measured in the same run,
// in turns, on a server of its own (tests/postgres_server.py) that flushes each commit.
// Usage: postgres_bench [SECONDS]. Prints one JSON object a number of connections: {"bench",
// "ratio", "target", "commits_per_second", "floor_per_second"}; the ratio is one of times: less is
// better.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "bench/must.h"
#include "engine/postgres/connection.h"
#include "engine/store.h"
#include "engine/testing/postgres.h"

namespace {

using rbk::bench::give_up;
using rbk::bench::must;
using rbk::engine::Entry;
using rbk::engine::Group;
using rbk::engine::postgres::Connection;
using rbk::engine::postgres::Parameters;

/// Calls that all threads make in so many seconds; each has a function of its own.
double per_second(int threads, double seconds,
                  const std::function<std::function<void()>(int)>& make) {
  std::vector<std::function<void()>> calls;
  calls.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) calls.push_back(make(i));
  std::atomic<int64_t> count = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + std::chrono::duration<double>(seconds);
  std::vector<std::thread> running;
  running.reserve(calls.size());
  for (const auto& call : calls)
    running.emplace_back([&count, &call, end] {
      while (std::chrono::steady_clock::now() < end) {
        call();
        ++count;
      }
    });
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(count.load()) / took.count();
}

double floor_commits(const std::string& url, int connections, double seconds) {
  const auto parsed = must(rbk::engine::postgres::parse_url(url));
  const auto* library = must(rbk::engine::postgres::library());
  Connection first = must(Connection::open(*library, parsed));
  const rbk::Status made = first.run(
      "create table if not exists floor_step(id bigserial primary key, run bigint, body bytea);"
      "create table if not exists floor_run(id bigint primary key, head bigint, body bytea) with "
      "(fillfactor=50);"
      "insert into floor_run select g,0,decode(repeat('63',100),'hex') from generate_series(1,100) "
      "g on conflict do nothing",
      "make the floor");
  if (!made) give_up(made.error());
  const std::string body(300, 'x');
  return per_second(connections, seconds, [&](int run) -> std::function<void()> {
    auto connection = std::make_shared<Connection>(must(Connection::open(*library, parsed)));
    return [connection, run, &body] {
      Parameters parameters;
      parameters.integer(run + 1).bytes(body);
      must(
          connection->query("with s as (insert into floor_step(run,body) values ($1,$2)) "
                            "update floor_run set head=head+1 where id=$1",
                            parameters, "measure"));
    };
  });
}

double store_commits(const std::string& url, int connections, double seconds) {
  return per_second(connections, seconds, [&](int number) -> std::function<void()> {
    const auto key = static_cast<rbk::engine::EngineKey>(getpid()) * 1000 + number;
    std::shared_ptr<rbk::engine::Store> store =
        must(rbk::engine::open_store(url, rbk::engine::OpenMode::kCreate));
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    if (auto joined = store->join({key + now % 1'000'000'000 * 1'000'000, "bench", 1, 1, true});
        !joined)
      give_up(joined.error());
    Entry entry;
    entry.number = 1;
    entry.body = std::string(250, 'x');
    entry.news = std::string(50, 'x');
    Group group;
    auto& fresh = group.runs.emplace_back();
    fresh.row.id = fmt::format("{}-{}", now, number);
    fresh.program = std::make_shared<rbk::engine::ProgramRow>();
    fresh.change.entries.push_back(entry);
    must(store->commit(group));
    auto next = std::make_shared<Group>();
    auto& change = next->changes.emplace_back();
    change.run = group.runs[0].row.key;
    change.token = 1;
    change.head = 1;
    change.facts_changed = false;
    change.entries.push_back(entry);
    return [store, next] {
      auto& one = next->changes[0];
      one.entries[0].number = one.head + 1;
      if (!must(store->commit(*next)).lost.empty()) std::exit(1);
      ++one.head;
    };
  });
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  setenv("RBK_TEST_POSTGRES_DURABLE", "1", 1);
  const std::string url = rbk::engine::testing::postgres_store("bench");
  must(rbk::engine::open_store(url, rbk::engine::OpenMode::kCreate));
  for (const int connections : {1, 16}) {
    std::vector<double> ours;
    std::vector<double> floor;
    std::vector<double> ratios;
    for (int round = 0; round < 5; ++round) {
      floor.push_back(floor_commits(url, connections, seconds));
      ours.push_back(store_commits(url, connections, seconds));
      ratios.push_back(floor.back() / ours.back());
    }
    fmt::print(
        R"({{"bench":"postgresql: a commit, {} connections, against one statement","ratio":{:.2f},)"
        R"("target":1.25,"commits_per_second":{:.0f},"floor_per_second":{:.0f}}})"
        "\n",
        connections, median(ratios), median(ours), median(floor));
  }
}
