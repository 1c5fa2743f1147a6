// simulate: histories of the engine, each from a seed. docs/simulation.md.
#include <fmt/format.h>
#include <stdlib.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/mutant.h"
#include "tests/simulation/history.h"

namespace rbk {
namespace {
std::string& mutant() {
  static std::string name;
  return name;
}
}  // namespace

bool is_mutant(std::string_view name) { return name == mutant(); }

namespace simulation {
namespace {

constexpr std::string_view kUsage =
    "simulate [--seed N | --histories N [--from N] | --hours H] [--mutant NAME --expect N]\n"
    "  --seed N       one history, with its runbook and all that happened\n"
    "  --histories N  so many, from the seeds that follow --from (1); the default is 1,000\n"
    "  --hours H      for so long\n"
    "  --mutant NAME  with that line of the engine broken; --expect: the invariant that has to\n"
    "                 notice it within those histories\n";

struct Wanted {
  uint64_t seed = 0;
  uint64_t from = 1;
  uint64_t histories = 1000;
  double hours = 0;
  int expect = 0;
};

void print(const Counts& counts, double seconds) {
  fmt::print(
      "{} histories, {} runs, {} steps, {} entries; {} processes of which {} were killed, {} power "
      "losses, {} faults of the disk, {} pauses, {} jumps of the clock; people did {} things; {} "
      "writes, {} syncs; {:.0f} s, {:.1f} histories a second\n",
      counts.histories, counts.runs, counts.steps, counts.entries, counts.processes, counts.kills,
      counts.power_losses, counts.disk_faults, counts.pauses, counts.clock_jumps, counts.people,
      counts.writes, counts.syncs, seconds, static_cast<double>(counts.histories) / seconds);
}

void print(const Outcome& outcome) {
  fmt::print("{}\n", outcome.script);
  for (const std::string& line : outcome.trace) fmt::print("{}\n", line);
}

int simulate(const Wanted& wanted, const std::string& folder) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
  Counts counts;
  const auto goes_on = [&](uint64_t done) {
    return wanted.hours > 0 ? seconds() < wanted.hours * 3600 : done < wanted.histories;
  };
  for (uint64_t done = 0; goes_on(done); ++done) {
    const uint64_t seed = wanted.from + done;
    const Outcome outcome = run_history(seed, folder, wanted.expect);
    counts.add(outcome.counts);
    if (!outcome.violation) continue;
    const Violation& violation = *outcome.violation;
    if (wanted.expect == 0) print(outcome);
    fmt::print("seed {}: invariant {} is violated: {}\n", seed, violation.invariant,
               violation.what);
    if (wanted.expect == violation.invariant) {
      fmt::print("the mutant `{}` is caught after {} histories\n", mutant(), done + 1);
      return 0;
    }
    if (wanted.expect != 0) continue;
    fmt::print("again: simulate --seed {}{}\n", seed,
               mutant().empty() ? "" : " --mutant " + mutant());
    print(counts, seconds());
    return 1;
  }
  print(counts, seconds());
  if (wanted.expect == 0) return 0;
  fmt::print("the mutant `{}` is not caught by invariant {}\n", mutant(), wanted.expect);
  return 1;
}

int main_of(int count, char** words) {
  Wanted wanted;
  for (int at = 1; at < count; ++at) {
    const std::string_view word = words[at];
    if (at + 1 == count) {
      fmt::print(stderr, "{}", kUsage);
      return 2;
    }
    const char* value = words[++at];
    if (word == "--seed")
      wanted.seed = std::strtoull(value, nullptr, 10);
    else if (word == "--from")
      wanted.from = std::strtoull(value, nullptr, 10);
    else if (word == "--histories")
      wanted.histories = std::strtoull(value, nullptr, 10);
    else if (word == "--hours")
      wanted.hours = std::strtod(value, nullptr);
    else if (word == "--mutant")
      mutant() = value;
    else if (word == "--expect")
      wanted.expect = std::atoi(value);
    else {
      fmt::print(stderr, "{}", kUsage);
      return 2;
    }
  }
  // Nothing is synced for real, so that memory is as good as a disk.
  std::string folder = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
  folder += "/rbk-simulate-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    fmt::print(stderr, "simulate: can't make a folder like {}\n", folder);
    return 1;
  }
  int result = 0;
  if (wanted.seed != 0) {
    const Outcome outcome = run_history(wanted.seed, folder, wanted.expect);
    print(outcome);
    if (outcome.violation)
      fmt::print("invariant {} is violated: {}\n", outcome.violation->invariant,
                 outcome.violation->what);
    result = outcome.violation ? 1 : 0;
  } else {
    result = simulate(wanted, folder);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return result;
}

}  // namespace
}  // namespace simulation
}  // namespace rbk

int main(int count, char** words) { return rbk::simulation::main_of(count, words); }
