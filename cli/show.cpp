#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <map>

#include "base/text_width.h"
#include "base/units.h"
#include "base/wall_time.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/report/locks.h"
#include "cli/report/notices.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

using engine::StepStatus;

constexpr size_t kBar = 30;    // columns of the time line
constexpr size_t kNames = 50;  // columns of the steps' names

std::string_view sign(StepStatus status) {
  switch (status) {
    case StepStatus::kPending:
      return "·";
    case StepStatus::kRunning:
      return "▸";
    case StepStatus::kWaiting:
      return "⏸";
    case StepStatus::kSucceeded:
      return "✔";
    case StepStatus::kFailed:
      return "✖";
    case StepStatus::kSkipped:
      return "-";
    case StepStatus::kInDoubt:
      return "?";
    case StepStatus::kRolledBack:
      return "↩";
    case StepStatus::kCancelled:
      return "⊘";
  }
  return "·";
}

std::string_view tint(StepStatus status) {
  switch (status) {
    case StepStatus::kSucceeded:
      return "\033[32m";
    case StepStatus::kFailed:
      return "\033[1;31m";
    case StepStatus::kRolledBack:
    case StepStatus::kInDoubt:
    case StepStatus::kCancelled:
      return "\033[33m";
    case StepStatus::kPending:
    case StepStatus::kRunning:
    case StepStatus::kWaiting:
    case StepStatus::kSkipped:
      return "\033[36m";
  }
  return "";
}

boost::json::object step_json(const engine::StepDetail& step) {
  boost::json::object result{{"event", "step"},       {"path", step.path},
                             {"title", step.title},   {"status", engine::to_string(step.status)},
                             {"action", step.action}, {"input", step.input},
                             {"output", step.output}, {"began", format_time(step.began)}};
  if (step.ended) result["ended"] = format_time(*step.ended);
  if (step.error) result["error"] = error_json(*step.error);
  if (step.undo_error) result["undo_error"] = error_json(*step.undo_error);
  if (!step.taken_over.empty()) result["taken_over"] = step.taken_over;
  if (!step.runs.empty()) result["runs"] = boost::json::array(step.runs.begin(), step.runs.end());
  boost::json::array attempts;
  for (const engine::AttemptDetail& attempt : step.attempts) {
    boost::json::object one{{"attempt", attempt.number}, {"began", format_time(attempt.began)}};
    if (attempt.ended) one["ended"] = format_time(*attempt.ended);
    if (attempt.error) one["error"] = error_json(*attempt.error);
    attempts.push_back(std::move(one));
  }
  result["attempts"] = std::move(attempts);
  return result;
}

class Timeline {
 public:
  Timeline(const engine::RunDetail& detail, const Terminal& terminal)
      : detail_(detail),
        colour_(terminal.out_colour),
        store_option_(terminal.store_option),
        end_(detail.run.ended.value_or(engine::is_over(detail.run.status) ? detail.run.updated
                                                                          : wall_time())) {
    for (const engine::StepDetail& step : detail_.steps) depth_of(step);
  }

  std::string text() {
    header();
    for (const engine::StepDetail& step : detail_.steps) draw(step);
    footer();
    return text_;
  }

 private:
  void depth_of(const engine::StepDetail& step) {
    const auto parent = depth_.find(step.parent);
    depth_[step.number] = parent == depth_.end() ? 0 : parent->second + 1;
  }

  std::string paint(std::string_view tint, std::string_view text) const {
    return colour_ ? fmt::format("{}{}\033[0m", tint, text) : std::string(text);
  }

  void header() {
    const engine::RunSummary& run = detail_.run;
    text_ += fmt::format("run {}  {}  {}\n", run.id, run.runbook, standing_text(run));
    text_ += fmt::format("  started {} by {}{}", format_time(run.started),
                         run.firing ? fmt::format("schedule {} of ", run.firing->schedule) : "",
                         run.starter);
    if (!run.reason.empty()) text_ += fmt::format(": {}", printable(run.reason));
    text_ += fmt::format(", took {}\n", duration_text(end_ - run.started));
    if (!run.parent.empty())
      text_ += fmt::format("  {} run {}, step {}\n",
                           run.link == engine::Link::kStarted    ? "started by"
                           : run.link == engine::Link::kDetached ? "detached by"
                                                                 : "undoes for",
                           run.parent, printable(run.parent_step));
    if (!run.retries.empty()) text_ += fmt::format("  retries run {}\n", run.retries);
    if (!run.placement.empty())
      text_ += fmt::format("  on a worker \"{}\"\n", printable(run.placement));
    for (size_t i = 0; i < detail_.parameters.size() && i < detail_.arguments.size(); ++i)
      text_ += fmt::format("  {} = {}\n", detail_.parameters[i],
                           cut_to_width(boost::json::serialize(detail_.arguments[i]), 90));
    for (const auto& [key, value] : run.labels)
      text_ +=
          printable(fmt::format("  label {}={}", std::string_view(key), output_text(value))) + "\n";
    text_ += '\n';
  }

  std::string bar(const engine::StepDetail& step) const {
    const int64_t whole = std::max<int64_t>(end_ - detail_.run.started, 1);
    const auto column = [&](int64_t time) {
      const int64_t inside = std::clamp<int64_t>(time - detail_.run.started, 0, whole);
      return static_cast<size_t>(inside * static_cast<int64_t>(kBar) / whole);
    };
    const size_t from = std::min(column(step.began), kBar - 1);
    const size_t to = std::max(column(step.ended.value_or(end_)), from + 1);
    std::string text(from, ' ');
    for (size_t i = from; i < to; ++i) text += "█";
    text.append(kBar - std::min(to, kBar), ' ');
    return "▕" + text + "▏";
  }

  void draw(const engine::StepDetail& step) {
    const size_t depth = depth_[step.number];
    std::string name =
        std::string(2 * depth, ' ') + std::string(sign(step.status)) + " " + printable(step.path);
    if (!step.title.empty()) name += "  " + printable(step.title);
    name = cut_to_width(name, kNames);
    name.append(kNames - text_width(name), ' ');
    const std::string took = step.status == StepStatus::kSkipped
                                 ? "skipped"
                                 : duration_text(step.ended.value_or(end_) - step.began);
    text_ += fmt::format("{} {} {:>8}", paint(tint(step.status), name), bar(step), took);
    if (!step.taken_over.empty()) text_ += fmt::format("  taken over from run {}", step.taken_over);
    if (step.attempts.size() > 1) text_ += fmt::format("  {} attempts", step.attempts.size());
    text_ += '\n';
    const std::string indent(2 * depth + 2, ' ');
    if (step.error)
      text_ += fmt::format("{}{}\n", indent, paint("\033[31m", printable(error_text(*step.error))));
    if (step.undo_error)
      text_ +=
          fmt::format("{}{}\n", indent,
                      paint("\033[1;31m", "could not be undone: " + error_text(*step.undo_error)));
  }

  /// Who decided what, and when.
  void decisions() {
    for (const engine::News& news : detail_.timeline) {
      using Told = engine::News::Kind;
      if (news.kind == Told::kPaused || news.kind == Told::kUnpaused ||
          news.kind == Told::kUpgraded)
        text_ += fmt::format("{} {}\n", format_time(news.time), printable(line_of(news)));
      if (news.kind == Told::kDecided)
        text_ += fmt::format("{} {}\n", format_time(news.time), printable(decision_text(news)));
    }
  }

  /// What it has, and what it waits for.
  void locks() {
    for (const engine::LockState& lock : detail_.locks) {
      for (const engine::LockState::Claim& claim : lock.holders)
        if (claim.run == detail_.run.id)
          text_ += fmt::format("has {} since {}\n", printable(vm::describe(lock.lock)),
                               format_time(claim.since));
    }
    for (const engine::LockState& lock : detail_.run.queues) {
      text_ += fmt::format("waits for {}\n", printable(queue_text(lock)));
      for (const std::string& line : idle_holders(lock, store_option_))
        text_ += fmt::format("  {}\n", line);
    }
  }

  void footer() {
    const engine::RunSummary& run = detail_.run;
    if (!detail_.steps.empty()) text_ += '\n';
    decisions();
    for (const engine::WaitingFor& wait : detail_.waits) {
      const bool is_step =
          wait.kind == engine::Wait::Kind::kDoubt || wait.kind == engine::Wait::Kind::kFailure;
      text_ += fmt::format("{}{}{}\n",
                           wait.run == run.id ? std::string() : fmt::format("run {}: ", wait.run),
                           is_step ? "" : "waits for ", waiting_text(wait));
    }
    locks();
    if (run.error) text_ += fmt::format("error {}\n", printable(error_text(*run.error)));
    if (run.rolled_back) text_ += "what it did was undone\n";
    for (const engine::RunSummary& rollback : detail_.rollbacks)
      text_ += fmt::format(
          "run {} undoes {} what it did: {}\n", rollback.id,
          rollback.parent.empty() ? std::string("by hand") : "for run " + rollback.parent,
          engine::to_string(rollback.status));
    if (!run.retried_as.empty()) text_ += fmt::format("retried as run {}\n", run.retried_as);
    for (const engine::AbandonedStep& step : detail_.abandoned)
      text_ += abandoned_text(step) + "\n";
    for (const engine::RunSummary& child : detail_.children)
      text_ +=
          fmt::format("{} run {} {} in step {}: {}\n",
                      child.link == engine::Link::kStarted    ? "started"
                      : child.link == engine::Link::kDetached ? "detached"
                                                              : "undoes by",
                      child.id, child.runbook, printable(child.parent_step), standing_text(child));
    for (const engine::Notice& notice : detail_.notices)
      if (!notice.problem.empty() && notice.state != engine::Notice::State::kDelivered)
        text_ += notice_text(notice) + "\n";
    if (!run.quarantine.empty()) text_ += fmt::format("quarantined: {}\n", run.quarantine);
    if (has_output(run.output)) text_ += fmt::format("output {}\n", output_text(run.output));
    engine::DriveEnd end;
    end.run = run;
    end.waits = detail_.waits;
    end.quarantined = detail_.quarantined;
    if (!run.process) {
      for (const std::string& command : next_commands(end, store_option_))
        text_ += fmt::format("  {}\n", command);
    }
  }

  const engine::RunDetail& detail_;
  bool colour_;
  std::string_view store_option_;
  int64_t end_;
  std::map<uint64_t, size_t> depth_;
  std::string text_;
};

void print_json(const Terminal& terminal, const engine::RunDetail& detail) {
  boost::json::object run{{"event", "run"}};
  for (const auto& [key, value] : summary_json(detail.run)) run[key] = value;
  boost::json::object arguments;
  for (size_t i = 0; i < detail.parameters.size() && i < detail.arguments.size(); ++i)
    arguments[detail.parameters[i]] = detail.arguments[i];
  run["arguments"] = std::move(arguments);
  boost::json::array waits;
  for (const engine::WaitingFor& wait : detail.waits) waits.push_back(waiting_json(wait));
  run["waits"] = std::move(waits);
  boost::json::array locks;
  for (const engine::LockState& lock : detail.locks) locks.push_back(lock_json(lock));
  run["locks"] = std::move(locks);
  boost::json::array rollbacks;
  for (const engine::RunSummary& rollback : detail.rollbacks)
    rollbacks.push_back({{"run", rollback.id}, {"status", engine::to_string(rollback.status)}});
  run["rollbacks"] = std::move(rollbacks);
  boost::json::array children;
  for (const engine::RunSummary& child : detail.children)
    children.push_back({{"run", child.id},
                        {"runbook", child.runbook},
                        {"status", engine::to_string(child.status)},
                        {"link", link_name(child.link)},
                        {"step", child.parent_step}});
  run["children"] = std::move(children);
  boost::json::array abandoned;
  for (const engine::AbandonedStep& step : detail.abandoned)
    abandoned.push_back({{"path", step.path}, {"run", step.run}});
  run["abandoned"] = std::move(abandoned);
  boost::json::array decisions;
  for (const engine::News& news : detail.timeline) {
    if (news.kind != engine::News::Kind::kDecided) continue;
    if (auto event = event_of(detail.run.id, news)) decisions.emplace_back(std::move(*event));
  }
  run["decisions"] = std::move(decisions);
  boost::json::array notices;
  for (const engine::Notice& notice : detail.notices) notices.push_back(notice_json(notice));
  run["notices"] = std::move(notices);
  terminal.print_json(run);
  for (const engine::StepDetail& step : detail.steps) terminal.print_json(step_json(step));
}

}  // namespace

ExitStatus show_command(const Terminal& terminal, const Arguments& arguments) {
  std::string run;
  bool events = false;
  StoreOptions store;
  Options options("show", "RUN [--events]");
  options.word("RUN", run).flag("--events", events);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<engine::RunDetail> detail = session->engine->show(run);
  if (!detail) return refuse(terminal, detail.error());
  if (events) {
    for (const engine::News& news : detail->timeline) {
      if (terminal.json) {
        if (const auto event = event_of(detail->run.id, news)) terminal.print_json(*event);
      } else if (const std::string line = line_of(news); !line.empty()) {
        terminal.print(fmt::format("{} {}\n", format_time(news.time), line));
      }
    }
  } else if (terminal.json) {
    print_json(terminal, *detail);
  } else {
    terminal.print(Timeline(*detail, terminal).text());
  }
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
