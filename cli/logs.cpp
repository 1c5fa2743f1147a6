#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cstdint>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

/// So much is written at a time.
constexpr size_t kAtATime = 64 * 1024;

std::string text_of(const std::string& run, const engine::LogLine& line, bool json, bool one_step,
                    bool on_terminal) {
  if (json) return boost::json::serialize(event_of(run, line)) + "\n";
  // Of one step its output stands as it was; of several each line says whose it is.
  // On a terminal nothing of it moves the cursor.
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  if (one_step && !is_said(line)) return shown(line.text) + "\n";
  return fmt::format("{} {}\n", format_time(line.time / 1000 * 1000), shown(line_of(line)));
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
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  engine::Engine& engine = *session->engine;
  Result<engine::RunSummary> summary = engine.summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const Interrupts interrupts(engine);
  const bool on_terminal = isatty(fileno(terminal.out)) == 1;
  int64_t after = 0;
  bool any = false;
  while (true) {
    // Asked before the lines are read, so that the last ones are not missed.
    summary = engine.summary(summary->id);
    if (!summary) return refuse(terminal, summary.error());
    std::string text;
    Result<int64_t> read =
        engine.logs(summary->id, step.value_or(""), after, [&](const engine::LogLine& line) {
          any = true;
          text += text_of(summary->id, line, terminal.json, step.has_value(), on_terminal);
          if (text.size() < kAtATime) return true;
          terminal.print(text);
          text.clear();
          return terminal.out_error() == 0;
        });
    if (!text.empty()) terminal.print(text);
    if (!read) return refuse(terminal, read.error());
    after = *read;
    if (!follow || engine::is_over(summary->status) || terminal.out_error() != 0) {
      if (!any && !step && summary->log_bytes > 0)
        terminal.print_to_err(
            fmt::format("what run {} printed was removed by `rbk store retain`\n", summary->id));
      for (const std::string& other : summary->began)
        if (!terminal.json && !step)
          terminal.print_to_err(
              fmt::format("it began run {0}, which has logs of its own: rbk logs "
                          "{0}{1}\n",
                          other, terminal.store_option));
      return ExitStatus::kSucceeded;
    }
    Result<bool> woken = engine.wait_for_change(INT64_C(1'000'000));
    if (!woken) return refuse(terminal, woken.error());
    if (Interrupts::count() > 0) return ExitStatus::kSucceeded;
  }
}

}  // namespace rbk::cli
