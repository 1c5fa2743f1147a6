#include <fmt/format.h>

#include <cstdint>

#include "base/units.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

void print_line(const Terminal& terminal, const std::string& run, const engine::LogLine& line,
                bool one_step) {
  if (terminal.json) {
    terminal.print_json(event_of(run, line));
    return;
  }
  // Of one step its output stands as it was; of several each line says whose it is.
  if (one_step && !is_said(line))
    terminal.print(line.text + "\n");
  else
    terminal.print(fmt::format("{} {}\n", format_time(line.time / 1000 * 1000), line_of(line)));
}

}  // namespace

ExitStatus logs_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  std::optional<std::string> step;
  bool follow = false;
  StoreOptions store;
  Options options("logs", "RUN [-f] [--step PATH]");
  options.word("RUN", run).value("--step", step).flag("-f", follow).flag("--follow", follow);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  engine::Engine& engine = *session->engine;
  Result<engine::RunSummary> summary = engine.summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const Interrupts interrupts(engine);
  int64_t after = 0;
  while (true) {
    // Asked before the lines are read, so that the last ones are not missed.
    summary = engine.summary(summary->id);
    if (!summary) return refuse(terminal, summary.error());
    Result<std::vector<engine::LogLine>> lines = engine.logs(summary->id, step.value_or(""), after);
    if (!lines) return refuse(terminal, lines.error());
    for (const engine::LogLine& line : *lines) {
      print_line(terminal, summary->id, line, step.has_value());
      after = std::max(after, line.key);
    }
    if (!follow || engine::is_over(summary->status)) return ExitStatus::kSucceeded;
    Result<bool> woken = engine.wait_for_change(INT64_C(1'000'000));
    if (!woken) return refuse(terminal, woken.error());
    if (Interrupts::count() > 0) return ExitStatus::kSucceeded;
  }
}

}  // namespace rbk::cli
