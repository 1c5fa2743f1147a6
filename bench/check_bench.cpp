// How fast and in how much memory a file is checked: parsed, its names, types and effects. Prints
// one JSON object a measure. Lines a second are those of one thread, warm, by the processor's time,
// beside the target as a ratio: {"bench", "ratio" (target / measured), "target" (1),
// "lines_per_second"}. Memory is bytes for each byte of the file: {"bench", "ratio", "target",
// "mib"}.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "bench/process_cost.h"
#include "compiler/check/checked.h"
#include "compiler/effects/effects.h"
#include "stdlib/declarations.h"

namespace {

using namespace rbk;

constexpr int kRounds = 7;
constexpr double kLinesPerSecond = 150'000;

/// What people write: documented runbooks with parameters, steps, clauses, loops, a function and a
/// record; about `lines` lines.
std::string source_of(int lines) {
  std::string text;
  for (int i = 0; std::count(text.begin(), text.end(), '\n') < lines; ++i) {
    for (int k = 0; k < 50; ++k, ++i) {
      text += fmt::format(R"(/// What was done to the hosts of pool {0}.
record Report{0} {{
  restarted: list<string>
  failed: int = 0
  took: duration
}}

/// Restarts the service host by host: drain, restart, verify, put back.
runbook restart_{0}(
  /// As the load balancer names them.
  hosts: list<string>,
  service: string where service matches r"^[a-z][a-z0-9-]*$",
  port: int = 8080 where port in 1..65535,
) -> Report{0} {{
  let started = now()
  let lb: Url = "https://lb-{0}.example.com"
  // One after the other: the pool is small.
  let results = parallel for host in hosts limit 2 on failure tolerate 5% {{
    step drain "Take ${{host}} out of rotation" = http.post("${{lb}}/hosts/${{host}}/drain")
      timeout 2m
      retry 5 times backoff 1s..30s on http.ServerError, Timeout
      rollback {{ http.post("${{lb}}/hosts/${{host}}/undrain") timeout 1m }}

    step restart = shell("ssh ${{host}} systemctl restart ${{service}}")
      timeout 5m
      on doubt retry
      rollback none "a restarted service is as good as before"

    repeat every 5s at most 10m {{
      step probe = http.get("http://${{host}}:${{port}}/health", accept: 100..599) timeout 10s
      until probe.status == 200
    }}
    host
  }}
  let good = results.filter(fn(r) => r.ok)
  if good.length < hosts.length / 2 {{
    log.warn("only ${{good.length}} of ${{hosts.length}} are back")
  }}
  return Report{0} {{ restarted: hosts, failed: weight_{0}(results.length - good.length), took: now() - started }}
}}

fn weight_{0}(n: int) -> int {{
  return if n % 2 == 0 {{ n * {0} }} else {{ 1 }}
}}

)",
                          i);
    }
  }
  return text;
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

double live_bytes() { return static_cast<double>(mallinfo2().uordblks); }

}  // namespace

int main() {
  check::Options options;
  for (const stdlib::ModuleText& module : stdlib::module_texts())
    options.standard.push_back({module.name, module.text});
  const std::string text = source_of(50'000);
  const auto lines = static_cast<double>(std::count(text.begin(), text.end(), '\n'));
  const auto size = static_cast<double>(text.size());
  const double peak_before = peak_bytes();
  const double live_before = live_bytes();
  const check::CheckedProgram program = check::check("bench.rbk", text, options);
  const double stays = live_bytes() - live_before;
  const double peak = peak_bytes() - peak_before;
  if (program.diagnostics.has_errors()) {
    fmt::print(stderr, "check_bench: {}\n", program.diagnostics.sorted().front().message);
    return 1;
  }
  const auto memory = [&](const char* what, double bytes, double target) {
    fmt::print(R"({{"bench":"check: {}","ratio":{:.1f},"target":{},"mib":{:.1f}}})"
               "\n",
               what, bytes / size, target, bytes / 1048576);
  };
  memory("peak memory for each byte of the file", peak, 40);
  memory("memory that stays for each byte of the file", stays, 15);
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) {
    const std::clock_t begin = std::clock();
    const check::CheckedProgram again = check::check("bench.rbk", text, options);
    seconds.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  const double speed = lines / bench::median(seconds);
  fmt::print(
      R"({{"bench":"check: lines a second on one thread","ratio":{:.2f},"target":1,"lines_per_second":{:.0f}}})"
      "\n",
      kLinesPerSecond / speed, speed);
  return 0;
}
