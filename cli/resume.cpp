#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

/// `rbk resume` stays with a run that sleeps if it goes on within this; microseconds.
constexpr int64_t kPatience = 60'000'000;

/// The status that most needs to be seen; of several runs the whole command has one.
ExitStatus worst(ExitStatus a, ExitStatus b) {
  constexpr std::array kFromWorst{ExitStatus::kInDoubt,   ExitStatus::kRollbackFailed,
                                  ExitStatus::kFailed,    ExitStatus::kCancelled,
                                  ExitStatus::kSuspended, ExitStatus::kPartial};
  for (const ExitStatus status : kFromWorst) {
    if (a == status || b == status) return status;
  }
  return ExitStatus::kSucceeded;
}

ExitStatus resume_all(const Terminal& terminal, Session& session) {
  const std::unique_ptr<Report> report = make_report(terminal);
  Result<std::vector<engine::DriveEnd>> ends;
  {
    const Interrupts interrupts(*session.engine);
    // Those whose time comes later stay where they are.
    ends = session.engine->drive_all(
        {.observer = report.get(), .wait_for_locks = false, .longest_sleep = kPatience});
  }
  if (!ends) {
    report->close();
    refuse(terminal, ends.error());
    return suspends(ends.error()) ? ExitStatus::kSuspended : exit_status(ends.error());
  }
  ExitStatus status = ExitStatus::kSucceeded;
  for (const engine::DriveEnd& end : *ends) {
    if (end.why == engine::DriveEnd::Why::kHeld) {
      report->held(end.run);
      continue;
    }
    if (end.why == engine::DriveEnd::Why::kElsewhere) {
      const Result<size_t> workers = workers_of(*session.engine, end.run.placement);
      if (!workers) return refuse(terminal, workers.error());
      report->placed(end.run, *workers);
    } else {
      report->ended(end, exit_status(end));
    }
    status = worst(status, exit_status(end));
  }
  if (ends->empty() && !terminal.json) terminal.print("nothing to resume\n");
  // It has been said that the store holds some back.
  const bool holds = session.engine->store().hold.has_value();
  return holds && status == ExitStatus::kSucceeded ? ExitStatus::kRefused : status;
}

}  // namespace

ExitStatus resume_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> run;
  StoreOptions store;
  Options options("resume", "[RUN]");
  options.optional_word("RUN", run);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (!run) return resume_all(terminal, *session);
  Result<engine::RunSummary> summary = session->engine->summary(*run);
  if (!summary) return refuse(terminal, summary.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  return go_on(terminal, *session, summary->id, *report);
}

}  // namespace rbk::cli
