#include "cli/report/work_report.h"

#include <fmt/format.h>

#include <chrono>

#include "base/text_width.h"
#include "base/units.h"
#include "base/wall_time.h"
#include "cli/report/events.h"
#include "cli/report/report.h"
#include "cli/report/schedules.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

class JsonWorkReport : public engine::WorkObserver {
 public:
  explicit JsonWorkReport(const Terminal& terminal) : terminal_(terminal) {}

  void on_taken(const engine::RunSummary& run) override {
    terminal_.print_json({{"event", "taken"},
                          {"run", run.id},
                          {"time", format_time(wall_time())},
                          {"runbook", run.runbook},
                          {"status", engine::to_string(run.status)}});
  }
  void on_news(const std::string& run, const engine::News& news) override {
    if (const auto event = event_of(run, news)) terminal_.print_json(*event);
  }
  void on_left(const engine::DriveEnd& end) override {
    if (end.held_up) terminal_.print_error(*end.held_up);
    terminal_.print_json(end_event(end, exit_status(end), terminal_.store_option));
  }
  void on_firing(const engine::FiringSummary& firing) override {
    boost::json::object event{{"event", "firing"}};
    for (const auto& [key, value] : firing_json(firing)) event[key] = value;
    terminal_.print_json(event);
  }
  void on_trouble(const std::string&, const Error& why) override { terminal_.print_error(why); }

 private:
  const Terminal terminal_;
};

std::string left_text(const engine::DriveEnd& end) {
  using Why = engine::DriveEnd::Why;
  const engine::RunSummary& run = end.run;
  // Else it has ended there meanwhile.
  if (end.why == Why::kHeld && run.process)
    return fmt::format("is driven by process {}", *run.process);
  std::string text = fmt::format("is {}", standing_text(run));
  if (run.error) text += ": " + error_text(*run.error);
  if (!run.quarantine.empty()) text += ": " + run.quarantine;
  if (end.held_up) text += ": " + end.held_up->message;
  for (const engine::WaitingFor& wait : end.waits) text += "; " + waiting_text(wait);
  if (run.wake && end.waits.empty()) text += " until " + format_time(*run.wake);
  return text;
}

class LineWorkReport : public engine::WorkObserver {
 public:
  explicit LineWorkReport(const Terminal& terminal) : terminal_(terminal) {}

  void on_taken(const engine::RunSummary& run) override {
    print(run.id, wall_time(), fmt::format("goes on: {}", run.runbook));
  }
  void on_news(const std::string& run, const engine::News& news) override {
    print(run, news.time, line_of(news));
  }
  void on_left(const engine::DriveEnd& end) override {
    print(end.run.id, wall_time(), left_text(end));
  }
  void on_firing(const engine::FiringSummary& firing) override {
    print("schedule", wall_time(), fmt::format("{} {}", firing.schedule, firing_text(firing)));
  }
  void on_trouble(const std::string& schedule, const Error& why) override {
    terminal_.print_error({why.kind,
                           fmt::format("schedule {} can't fire here: {}", schedule, why.message),
                           why.cure});
  }

 private:
  void print(std::string_view run, int64_t time, const std::string& line) {
    if (line.empty()) return;
    constexpr int64_t kMilliseconds = 1000;
    terminal_.print(fmt::format("{} {} {}\n", format_time(time / kMilliseconds * kMilliseconds),
                                run, printable(line)));
  }

  const Terminal terminal_;
};

}  // namespace

std::unique_ptr<engine::WorkObserver> work_report(const Terminal& terminal) {
  if (terminal.json) return std::make_unique<JsonWorkReport>(terminal);
  return std::make_unique<LineWorkReport>(terminal);
}

}  // namespace rbk::cli
