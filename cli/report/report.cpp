#include "cli/report/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "base/text_width.h"
#include "base/units.h"
#include "cli/report/events.h"
#include "cli/report/locks.h"

namespace rbk::cli {
namespace {

class JsonReport : public Report {
 public:
  explicit JsonReport(const Terminal& terminal) : terminal_(terminal) {}

  void started(const NewRun& run) override {
    boost::json::object event{{"event", "run"}, {"run", run.id}, {"runbook", run.runbook}};
    if (!run.retries.empty()) event["retries"] = run.retries;
    if (!run.undoes.empty()) event["undoes"] = run.undoes;
    terminal_.print_json(event);
  }
  void held(const engine::RunSummary& run) override {
    boost::json::object event{{"event", "held"}, {"run", run.id}};
    if (run.process) event["process"] = *run.process;
    terminal_.print_json(event);
  }
  void placed(const engine::RunSummary& run, size_t workers) override {
    terminal_.print_json(
        {{"event", "placed"}, {"run", run.id}, {"worker", run.placement}, {"workers", workers}});
  }
  void on_news(const std::string& run, const engine::News& news) override {
    if (const auto event = event_of(run, news)) terminal_.print_json(*event);
  }
  void on_log(const std::string& run, const engine::LogLine& line) override {
    terminal_.print_json(event_of(run, line));
  }
  void ended(const engine::DriveEnd& end, ExitStatus status) override {
    if (end.held_up) terminal_.print_error(*end.held_up);
    terminal_.print_json(end_event(end, status, terminal_.store_option));
  }

 private:
  const Terminal terminal_;
};

class LineReport : public Report {
 public:
  explicit LineReport(const Terminal& terminal) : terminal_(terminal) {}

  void started(const NewRun& run) override {
    shown_ = run.id;
    terminal_.print(text_of(run) + "\n");
  }
  void held(const engine::RunSummary& run) override {
    terminal_.print(
        fmt::format("run {} is driven by process {}\n", run.id, run.process.value_or(0)));
  }
  void placed(const engine::RunSummary& run, size_t workers) override {
    terminal_.print_to_err(placed_text(run, workers, terminal_.store_option) + "\n");
  }
  void on_news(const std::string& run, const engine::News& news) override {
    print(run, news.time, printable(line_of(news)));
    detached_.take(run, news);
  }
  void on_log(const std::string& run, const engine::LogLine& line) override {
    print(run, line.time, line_of(line));
  }
  void ended(const engine::DriveEnd& end, ExitStatus) override {
    print_ending(terminal_, end);
    detached_.print(terminal_);
  }

 private:
  void print(const std::string& run, int64_t time, const std::string& line) {
    if (line.empty()) return;
    if (shown_ != run) terminal_.print(fmt::format("run {}\n", run));
    shown_ = run;
    constexpr int64_t kMilliseconds = 1000;
    terminal_.print(
        fmt::format("{} {}\n", format_time(time / kMilliseconds * kMilliseconds), line));
  }

  const Terminal terminal_;
  std::string shown_;  // the run that the last line was of
  DetachedRuns detached_;
};

/// What became of a run that failed, in one line.
std::string failure_text(const engine::RunSummary& run) {
  if (!run.undoes.empty()) return fmt::format("run {} could not all be undone", run.undoes);
  std::string text = fmt::format("{} {}", run.runbook, engine::to_string(run.status));
  if (run.error) text += ": " + error_text(*run.error);
  return text;
}

/// A run that another one waits for has had its answer there, and is retried with that one.
bool may_be_retried(const engine::RunSummary& run) {
  return run.undoes.empty() && run.retried_as.empty() && run.link == engine::Link::kNone;
}

std::string undone_text(const engine::RunSummary& run) {
  if (!run.undone_by.empty())
    return fmt::format("run {0} has undone what was left; `rbk show {0}` shows how", run.undone_by);
  if (run.status == engine::RunStatus::kRollbackFailed)
    return fmt::format(
        "{}`rbk show {}` says what failed, `rbk rollback {}` tries again what is left",
        run.undoes.empty() ? "what it did could not all be undone; " : "", run.id,
        run.undoes.empty() ? run.id : run.undoes);
  const std::string again =
      may_be_retried(run) ? fmt::format(", `rbk retry {} --dry-run` what a retry would do", run.id)
                          : std::string();
  if (run.rolled_back)
    return fmt::format("what it did was undone; `rbk show {}` shows how{}", run.id, again);
  return fmt::format("`rbk show {}` shows what it did{}", run.id, again);
}

}  // namespace

void DetachedRuns::take(const std::string& run, const engine::News& news) {
  if (news.kind == engine::News::Kind::kStarted && is_detached(news))
    runs_.push_back(started_run(news));
  // It has ended here: nobody has to go on with it.
  if (news.kind == engine::News::Kind::kEnded) std::erase(runs_, run);
}

void DetachedRuns::print(const Terminal& terminal) {
  for (const std::string& run : std::exchange(runs_, {}))
    terminal.print_to_err(
        fmt::format("run {0} was detached: a worker goes on with it, or rbk resume {0}{1}\n", run,
                    terminal.store_option));
}

boost::json::object end_event(const engine::DriveEnd& end, ExitStatus status,
                              std::string_view store_option) {
  boost::json::object event{{"event", "end"}};
  for (const auto& [key, value] : summary_json(end.run)) event[key] = value;
  boost::json::array waits;
  for (const engine::WaitingFor& wait : end.waits) waits.push_back(waiting_json(wait));
  event["waits"] = std::move(waits);
  boost::json::array next;
  for (const std::string& command : next_commands(end, store_option)) next.emplace_back(command);
  event["next"] = std::move(next);
  event["exit"] = static_cast<int>(status);
  return event;
}

void print_ending(const Terminal& terminal, const engine::DriveEnd& end) {
  const engine::RunSummary& run = end.run;
  switch (run.status) {
    case engine::RunStatus::kSucceeded:
    case engine::RunStatus::kPartial:
      if (run.status == engine::RunStatus::kPartial)
        terminal.print_to_err(fmt::format(
            "{} ended well, with failures that it tolerates{}\n", run.runbook,
            may_be_retried(run)
                ? fmt::format("; `rbk retry {} --dry-run` shows what a retry would do", run.id)
                : ""));
      if (const std::string output = output_text(run.output); !output.empty())
        terminal.print(output + "\n");
      return;
    case engine::RunStatus::kFailed:
    case engine::RunStatus::kRollbackFailed:
      terminal.print_error({ErrorKind::kRefused, failure_text(run), undone_text(run)});
      return;
    case engine::RunStatus::kCancelled:
      terminal.print_error(
          {ErrorKind::kRefused, fmt::format("{} was cancelled", run.runbook), undone_text(run)});
      return;
    case engine::RunStatus::kQuarantined:
      terminal.print_error({ErrorKind::kCorrupt,
                            fmt::format("run {} is quarantined: {}", run.id, run.quarantine),
                            "nothing goes on with it by itself; `rbk show` says what is known"});
      return;
    case engine::RunStatus::kInDoubt:
    case engine::RunStatus::kRunning:
    case engine::RunStatus::kWaiting:
    case engine::RunStatus::kPaused:
      break;
  }
  if (end.held_up) terminal.print_error(*end.held_up);
  std::string text;
  if (end.why == engine::DriveEnd::Why::kStopped && run.process)
    text = fmt::format("run {} goes on in process {}; this command only looked on\n", run.id,
                       *run.process);
  else if (end.why == engine::DriveEnd::Why::kStopped)
    text = fmt::format("run {} was stopped and can go on\n", run.id);
  else if (run.status == engine::RunStatus::kInDoubt)
    text = fmt::format("run {} is in doubt: a person has to say what happened\n", run.id);
  else
    text = fmt::format("run {} waits\n", run.id);
  for (const engine::WaitingFor& wait : end.waits)
    text += fmt::format("  {}{}\n",
                        wait.run == run.id ? std::string() : fmt::format("run {}: ", wait.run),
                        waiting_text(wait));
  if (end.waits.empty())
    for (const std::string& other : run.awaits) {
      const bool quarantined =
          std::find(end.quarantined.begin(), end.quarantined.end(), other) != end.quarantined.end();
      text += fmt::format("  for run {}{}\n", other, quarantined ? ", which is quarantined" : "");
    }
  for (const engine::LockState& lock : run.queues) {
    text += fmt::format("  for {}\n", queue_text(lock));
    for (const std::string& line : idle_holders(lock, terminal.store_option))
      text += fmt::format("  {}\n", line);
  }
  if (run.wake && end.waits.empty()) text += fmt::format("  until {}\n", format_time(*run.wake));
  for (const std::string& command : next_commands(end, terminal.store_option))
    text += fmt::format("  {}\n", command);
  terminal.print_to_err(text);
}

std::unique_ptr<Report> json_report(const Terminal& terminal) {
  return std::make_unique<JsonReport>(terminal);
}

std::unique_ptr<Report> line_report(const Terminal& terminal) {
  return std::make_unique<LineReport>(terminal);
}

std::string text_of(const NewRun& run) {
  std::string text = fmt::format("run {} {}", run.id, run.runbook);
  if (!run.retries.empty()) text += fmt::format(", a retry of run {}", run.retries);
  if (!run.undoes.empty()) text += fmt::format(", undoes run {}", run.undoes);
  return text;
}

std::string placed_text(const engine::RunSummary& run, size_t workers,
                        std::string_view store_option) {
  std::string text =
      fmt::format("run {} waits for a worker \"{}\"", run.id, printable(run.placement));
  if (workers == 0) text += ", and none is alive: " + worker_for(run.placement, store_option);
  return text;
}

std::unique_ptr<Report> make_report(const Terminal& terminal) {
  if (terminal.json) return json_report(terminal);
  if (isatty(fileno(terminal.out)) == 1) return tree_report(terminal);
  return line_report(terminal);
}

}  // namespace rbk::cli
