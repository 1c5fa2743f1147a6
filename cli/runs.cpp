#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/text_width.h"
#include "base/units.h"
#include "base/wall_time.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/session.h"
#include "cli/timing_options.h"

namespace rbk::cli {
namespace {

Result<uint32_t> parse_limit(const std::string& text) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::kInvalid, fmt::format("--limit {} is no number", text),
                "write --limit 20; 0 shows all");
  return value;
}

void print_table(const Terminal& terminal, const std::vector<engine::RunSummary>& runs) {
  size_t id = 10;
  size_t name = 7;
  size_t status = 15;
  bool cut_off = false;
  for (const engine::RunSummary& run : runs) {
    id = std::max(id, run.id.size());
    name = std::max(name, run.runbook.size());
    status = std::max(status, standing_text(run).size());
    cut_off = cut_off || (run.status == engine::RunStatus::kRunning && !run.process);
  }
  const int64_t now = wall_time();
  std::string text = fmt::format("{:<{}} {:<{}} {:<{}} {:<20} {:>8}  {}\n", "RUN", id, "STATUS",
                                 status, "RUNBOOK", name, "STARTED", "TOOK", "BY");
  for (const engine::RunSummary& run : runs) {
    std::string labels;
    for (const auto& [key, value] : run.labels)
      labels += "  " + printable(fmt::format("{}={}", std::string_view(key), output_text(value)));
    if (!run.parent.empty()) labels += fmt::format("  {} of {}", link_name(run.link), run.parent);
    text += fmt::format(
        "{:<{}} {:<{}} {:<{}} {:<20} {:>8}  {}{}{}\n", run.id, id, standing_text(run), status,
        run.runbook, name, format_time(run.started / 1'000'000 * 1'000'000),
        duration_text(run.ended.value_or(now) - run.started),
        run.firing ? fmt::format("schedule {} of {}", run.firing->schedule, run.starter)
                   : run.starter,
        labels, run.reason.empty() || run.firing ? "" : "  \"" + printable(run.reason) + "\"");
  }
  terminal.print(text);
  if (cut_off) terminal.print_to_err("`rbk resume RUN` goes on with a run that nobody drives\n");
}

}  // namespace

ExitStatus runs_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> status;
  std::optional<std::string> runbook;
  std::optional<std::string> by;
  std::optional<std::string> since;
  std::optional<std::string> limit;
  std::vector<std::string> labels;
  StoreOptions store;
  Options options("runs",
                  "[--status S] [--runbook N] [--label K=V] [--by USER] [--since T] [--limit N]");
  options.value("--status", status)
      .value("--runbook", runbook)
      .value("--by", by)
      .value("--since", since)
      .value("--limit", limit)
      .values("--label", labels);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  engine::RunFilter filter;
  filter.limit = 50;
  if (status) {
    Result<engine::RunStatus> wanted = engine::parse_run_status(*status);
    if (!wanted) return refuse(terminal, wanted.error());
    filter.status = *wanted;
  }
  if (since) {
    Result<int64_t> time = time_or_ago("--since", *since);
    if (!time) return refuse(terminal, time.error());
    filter.since = *time;
  }
  if (limit) {
    Result<uint32_t> count = parse_limit(*limit);
    if (!count) return refuse(terminal, count.error());
    filter.limit = *count;
  }
  filter.runbook = runbook.value_or("");
  filter.starter = by.value_or("");
  for (const std::string& label : labels) {
    auto pair = key_and_value("--label", label);
    if (!pair) return refuse(terminal, pair.error());
    filter.labels.push_back(std::move(*pair));
  }
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::RunSummary>> runs = session->engine->runs(filter);
  if (!runs) return refuse(terminal, runs.error());
  if (terminal.json) {
    for (const engine::RunSummary& run : *runs) terminal.print_json(summary_json(run));
  } else if (runs->empty()) {
    terminal.print("no runs\n");
  } else {
    print_table(terminal, *runs);
  }
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
