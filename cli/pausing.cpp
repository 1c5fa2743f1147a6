// `pause` and `unpause`.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

Result<std::string> read_run(std::string_view command, const Arguments& arguments,
                             StoreOptions& store) {
  std::string run;
  Options options(command, "RUN [--as USER]");
  options.word("RUN", run);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return tl::unexpected(parsed.error());
  return run;
}

/// Whether a living process may begin something of a run that this one waits for. Whoever takes up
/// one that nobody drives sees the pause first.
Result<bool> others_go_on(engine::Engine& engine, const engine::RunSummary& run) {
  for (const std::string& id : run.awaits) {
    auto child = engine.summary(id);
    if (!child) return tl::unexpected(child.error());
    const bool rests = child->status == engine::RunStatus::kPaused || !child->process;
    if (!rests) return true;
    if (auto deeper = others_go_on(engine, *child); !deeper || *deeper) return deeper;
  }
  return false;
}

/// Until whoever drives the run has seen it; drives it if nobody does.
Result<engine::RunSummary> wait_until_paused(engine::Engine& engine, const std::string& run) {
  constexpr int64_t kLookAgain = 500'000;  // the end of a process is no change in the store
  const Interrupts interrupts(engine);
  while (true) {
    Result<engine::RunSummary> summary = engine.summary(run);
    if (!summary || engine::is_over(summary->status)) return summary;
    if (summary->status == engine::RunStatus::kQuarantined || Interrupts::count() != 0)
      return summary;
    const bool paused = summary->status == engine::RunStatus::kPaused;
    if (paused) {
      auto busy = others_go_on(engine, *summary);
      if (!busy) return tl::unexpected(busy.error());
      if (!*busy) return summary;
    }
    if (!paused && !summary->process) {
      auto end = engine.drive(summary->id, {});
      if (!end) return tl::unexpected(end.error());
      if (end->why != engine::DriveEnd::Why::kElsewhere) continue;
      const Result<size_t> workers = workers_of(engine, summary->placement);
      if (!workers) return tl::unexpected(workers.error());
      if (*workers == 0) return summary;
    }
    if (auto changed = engine.wait_for_change(kLookAgain); !changed)
      return tl::unexpected(changed.error());
  }
}

}  // namespace

ExitStatus pause_command(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions store;
  const Result<std::string> run = read_run("pause", arguments, store);
  if (!run) return refuse(terminal, run.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (Status posted = session->engine->pause(*run, session->person); !posted)
    return refuse(terminal, posted.error());
  const Result<engine::RunSummary> summary = wait_until_paused(*session->engine, *run);
  if (!summary) return refuse(terminal, summary.error());
  if (engine::is_over(summary->status))
    return refuse(terminal, {ErrorKind::kRefused,
                             fmt::format("run {} has ended before it could be paused: it is {}",
                                         summary->id, engine::to_string(summary->status)),
                             {}});
  const bool paused = summary->status == engine::RunStatus::kPaused;
  if (terminal.json) {
    boost::json::object told{{"event", "run"}};
    for (const auto& [key, value] : summary_json(*summary)) told[key] = value;
    terminal.print_json(told);
  } else if (paused) {
    terminal.print(
        summary->process
            ? fmt::format("run {0} is paused: what is under way ends, and nothing else begins "
                          "before `rbk unpause {0}{1}`\n",
                          summary->id, terminal.store_option)
            : fmt::format("run {0} is paused; `rbk unpause {0}{1}` goes on with it\n", summary->id,
                          terminal.store_option));
  } else {
    terminal.print_to_err(fmt::format("run {} is to be paused, and is {} still\n", summary->id,
                                      standing_text(*summary)));
  }
  return paused ? ExitStatus::kSucceeded : ExitStatus::kSuspended;
}

ExitStatus unpause_command(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions store;
  const Result<std::string> run = read_run("unpause", arguments, store);
  if (!run) return refuse(terminal, run.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (Status posted = session->engine->unpause(*run, session->person); !posted)
    return refuse(terminal, posted.error());
  Result<engine::RunSummary> summary = session->engine->summary(*run);
  if (!summary) return refuse(terminal, summary.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  return go_on(terminal, *session, summary->id, *report);
}

}  // namespace rbk::cli
