// How long `rbk` takes to start, against `bash -c true`: medians over interleaved runs, and the
// peak of resident memory. Usage: start_bench RBK. Prints one JSON object a measured command:
// {"bench", "ratio", "target", "ms", "floor_ms", "peak_mib"}.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern char** environ;

namespace {

constexpr int kRuns = 200;

struct Sample {
  double milliseconds;
  double peak_mib;
};

Sample run_once(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", 1, 0);
  const auto begin = std::chrono::steady_clock::now();
  pid_t child = 0;
  int status = 0;
  rusage usage{};
  if (posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ) != 0 ||
      wait4(child, &status, 0, &usage) != child || status != 0) {
    fmt::print(stderr, "start_bench: {} did not run well\n", words[0]);
    std::exit(1);
  }
  const auto end = std::chrono::steady_clock::now();
  posix_spawn_file_actions_destroy(&files);
  return {std::chrono::duration<double, std::milli>(end - begin).count(),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + kRuns / 2, values.end());
  return values[kRuns / 2];
}

void compare(const char* name, const std::vector<std::string>& words, double target) {
  std::vector<double> ours;
  std::vector<double> floor;
  double peak = 0;
  for (int i = 0; i < kRuns; ++i) {
    floor.push_back(run_once({"bash", "-c", "true"}).milliseconds);
    const Sample sample = run_once(words);
    ours.push_back(sample.milliseconds);
    peak = std::max(peak, sample.peak_mib);
  }
  fmt::print(
      R"({{"bench":"{}","ratio":{:.2f},"target":{},"ms":{:.2f},"floor_ms":{:.2f},"peak_mib":{:.1f}}})"
      "\n",
      name, median(ours) / median(floor), target, median(ours), median(floor), peak);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: start_bench RBK\n");
    return 2;
  }
  compare("start: rbk version against bash -c true", {argv[1], "version"}, 2);
}
