// How long `rbk` takes as a whole process, cold, against `bash -c true` in the same run: medians
// over interleaved runs. Usage: start_bench RBK. One JSON object a measured command:
// {"bench", "ratio", "target", "ms", "floor_ms", "peak_mib"}.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "bench/process_cost.h"

namespace {

using rbk::bench::median;
using rbk::bench::run_process;

void compare(const char* name, int runs, double target,
             const std::function<std::vector<std::string>(int)>& command) {
  std::vector<double> ours;
  std::vector<double> floor;
  double peak = 0;
  for (int i = 0; i < runs; ++i) {
    floor.push_back(run_process({"bash", "-c", "true"}).milliseconds);
    const auto cost = run_process(command(i));
    ours.push_back(cost.milliseconds);
    peak = std::max(peak, cost.peak_mib);
  }
  fmt::print(
      R"({{"bench":"{}","ratio":{:.2f},"target":{},"ms":{:.2f},"floor_ms":{:.2f},"peak_mib":{:.1f}}})"
      "\n",
      name, median(ours) / median(floor), target, median(ours), median(floor), peak);
}

/// A file of `lines` lines or a few more: runbooks with steps, clauses, loops and functions.
std::string long_file(int lines) {
  std::string text;
  for (int i = 0, written = 0; written < lines; ++i, written += 25) {
    text += fmt::format(R"(/// Restarts service {0} on each host.
runbook restart_{0}(hosts: list<string>, port: int = 8080 where port in 1..65535) -> int
{{
  var restarted = 0
  for host in hosts {{
    step drain "Take ${{host}} out of rotation" = shell("drain {0} ${{host}}")
      timeout 2m
      retry 5 times backoff 1s..30s
      rollback {{ shell("undrain {0} ${{host}}") }}
    step restart = shell("systemctl restart s{0}")
      timeout 5m
      on doubt retry
      rollback none "a restarted service is as good as before"
    if port > {0} and host.starts_with("web-") {{
      log.info("${{host}}: ${{restart.exit_code}} on ${{port}}")
    }}
    restarted = restarted + weight_{0}(port)
  }}
  return restarted
}}

fn weight_{0}(n: int) -> int {{
  return if n % 2 == 0 {{ n * {0} }} else {{ 1 }}
}}

)",
                        i);
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: start_bench RBK\n");
    return 2;
  }
  const std::string rbk = argv[1];
  std::string folder = std::filesystem::temp_directory_path() / "rbk-start-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    fmt::print(stderr, "start_bench: no folder can be made in {}\n", folder);
    return 1;
  }
  const std::string hello = folder + "/hello.rbk";
  std::ofstream(hello) << "runbook hello() {\n  log.info(\"hello\")\n}\n";
  const std::string large = folder + "/large.rbk";
  std::ofstream(large) << long_file(5000);

  compare("start: rbk version against bash -c true", 200, 2, [&](int) {
    return std::vector<std::string>{rbk, "version"};
  });
  compare("start: rbk run of a hello runbook in a new store against bash -c true", 200, 4,
          [&](int i) {
            const std::string store = fmt::format("{}/{}", folder, i);
            std::filesystem::create_directory(store);
            return std::vector<std::string>{rbk, "run", hello, "--store",
                                            fmt::format("sqlite:{}/store.db", store)};
          });
  // Not against a floor: what a person feels. 100 ms are the target.
  std::vector<double> times;
  double peak = 0;
  for (int i = 0; i < 15; ++i) {
    const auto cost = run_process({rbk, "check", large});
    times.push_back(cost.milliseconds);
    peak = std::max(peak, cost.peak_mib);
  }
  fmt::print(
      R"({{"bench":"check: 5,000 lines, cold, against 100 ms","ratio":{:.2f},"target":1,"ms":{:.1f},"floor_ms":100,"peak_mib":{:.1f}}})"
      "\n",
      median(times) / 100, median(times), peak);
  std::filesystem::remove_all(folder);
  return 0;
}
