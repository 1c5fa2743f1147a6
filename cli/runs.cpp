#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text_width.h"
#include "base/units.h"
#include "base/wall_time.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/run_filter.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

void print_table(const Terminal& terminal, const std::vector<engine::RunSummary>& runs) {
  size_t id = 10;
  size_t name = 7;
  size_t status = 15;
  bool cut_off = false;
  for (const engine::RunSummary& run : runs) {
    id = std::max(id, run.id.size());
    name = std::max(name, run.runbook.size());
    status = std::max(status, standing_text(run).size());
    cut_off = cut_off ||
              (run.status == engine::RunStatus::kRunning && !run.process && run.placement.empty());
  }
  const int64_t now = wall_time();
  std::string text = fmt::format("{:<{}} {:<{}} {:<{}} {:<20} {:>8}  {}\n", "RUN", id, "STATUS",
                                 status, "RUNBOOK", name, "STARTED", "TOOK", "BY");
  for (const engine::RunSummary& run : runs) {
    std::string labels;
    for (const auto& [key, value] : run.labels)
      labels += "  " + printable(fmt::format("{}={}", std::string_view(key), output_text(value)));
    if (!run.parent.empty()) labels += fmt::format("  {} of {}", link_name(run.link), run.parent);
    if (!run.retries.empty()) labels += fmt::format("  retries {}", run.retries);
    if (!run.undoes.empty() && run.parent.empty()) labels += fmt::format("  undoes {}", run.undoes);
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
  RunFilterOptions which;
  StoreOptions store;
  Options options("runs",
                  "[--status S] [--runbook N] [--label K=V] [--by USER] [--since T] [--limit N]");
  which.describe(options);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  const Result<engine::RunFilter> filter = which.read(50);
  if (!filter) return refuse(terminal, filter.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::RunSummary>> runs = session->engine->runs(*filter);
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
