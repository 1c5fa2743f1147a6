#include "cli/report/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/quoting.h"
#include "base/text_width.h"
#include "base/units.h"
#include "cli/report/form.h"
#include "cli/report/locks.h"
#include "cli/report/schedules.h"

namespace rbk::cli {
namespace {

using boost::json::object;
using engine::News;
using vm::Mark;

object base(std::string_view event, const std::string& run, int64_t time) {
  return {{"event", event}, {"run", run}, {"time", format_time(time)}};
}

std::optional<object> mark_event(const std::string& run, const News& news) {
  const Mark& mark = news.mark;
  const auto with_path = [&](std::string_view event) {
    object result = base(event, run, news.time);
    result["path"] = mark.path;
    return result;
  };
  object result;
  switch (mark.kind) {
    case Mark::Kind::kStepBegan:
      result = with_path("step_began");
      if (!mark.title.empty()) result["title"] = mark.title;
      return result;
    case Mark::Kind::kStepEnded:
      result = with_path("step_ended");
      result["status"] = step_status_name(mark.status);
      if (has_output(mark.output)) result["output"] = mark.output;
      if (mark.error) result["error"] = error_json(*mark.error);
      return result;
    case Mark::Kind::kAttemptFailed:
      result = with_path("attempt_failed");
      result["attempt"] = mark.attempt;
      if (mark.error) result["error"] = error_json(*mark.error);
      result["wait"] = format_duration(mark.wait);
      return result;
    case Mark::Kind::kUndoBegan:
      return with_path("undo_began");
    case Mark::Kind::kUndoEnded:
      result = with_path("undo_ended");
      if (mark.error) result["error"] = error_json(*mark.error);
      return result;
    case Mark::Kind::kLog:
      result = with_path("log");
      result["level"] = mark.level;
      result["text"] = mark.text;
      return result;
    case Mark::Kind::kNote:
      result = with_path("note");
      result["text"] = mark.text;
      return result;
    case Mark::Kind::kLabel:
      result = with_path("label");
      result["key"] = mark.text;
      result["value"] = mark.output;
      return result;
    case Mark::Kind::kProgress:
      result = with_path("progress");
      if (const auto* pair = mark.output.if_array(); pair != nullptr && pair->size() == 2) {
        result["done"] = (*pair)[0];
        result["total"] = (*pair)[1];
      }
      return result;
    case Mark::Kind::kAttach:
      result = with_path("attached");
      result["file"] = mark.text;
      return result;
    case Mark::Kind::kCommitted:
      result = with_path("committed");
      result["text"] = mark.text;
      return result;
  }
  return std::nullopt;
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::string(text));
}

std::string mark_line(const Mark& mark) {
  switch (mark.kind) {
    case Mark::Kind::kStepBegan:
      return mark.title.empty() ? fmt::format("began {}", mark.path)
                                : fmt::format("began {} {}", mark.path, json_text(mark.title));
    case Mark::Kind::kStepEnded:
      return fmt::format("ended {} {}{}", mark.path, step_status_name(mark.status),
                         mark.error ? " " + error_text(*mark.error) : "");
    case Mark::Kind::kAttemptFailed:
      return fmt::format("retry {} attempt {} failed, next in {}: {}", mark.path, mark.attempt,
                         duration_text(mark.wait), mark.error ? error_text(*mark.error) : "");
    case Mark::Kind::kUndoBegan:
      return "undo " + mark.path;
    case Mark::Kind::kUndoEnded:
      return mark.error ? fmt::format("undo {} failed {}", mark.path, error_text(*mark.error))
                        : "undone " + mark.path;
    case Mark::Kind::kLog:
      return fmt::format("{} {}", mark.level, mark.text);
    case Mark::Kind::kNote:
      return "note " + mark.text;
    case Mark::Kind::kLabel:
      return fmt::format("label {}={}", mark.text, output_text(mark.output));
    case Mark::Kind::kProgress:
      if (const auto* pair = mark.output.if_array(); pair != nullptr && pair->size() == 2)
        return fmt::format("progress {}/{}", output_text((*pair)[0]), output_text((*pair)[1]));
      return {};
    case Mark::Kind::kAttach:
      return "attached " + mark.text;
    case Mark::Kind::kCommitted:
      return "committed " + mark.text;
  }
  return {};
}

std::string field(const boost::json::value& description, std::string_view name) {
  const object* fields = description.if_object();
  if (fields == nullptr) return {};
  const boost::json::value* value = fields->if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string().c_str()) : "";
}

}  // namespace

std::string_view stream_name(engine::LogStream stream) {
  switch (stream) {
    case engine::LogStream::kOut:
      return "out";
    case engine::LogStream::kErr:
      return "err";
    case engine::LogStream::kInfo:
      return "info";
    case engine::LogStream::kWarn:
      return "warn";
    case engine::LogStream::kError:
      return "error";
    case engine::LogStream::kDebug:
      return "debug";
  }
  return "out";
}

std::string_view step_status_name(Mark::StepStatus status) {
  switch (status) {
    case Mark::StepStatus::kSucceeded:
      return "succeeded";
    case Mark::StepStatus::kFailed:
      return "failed";
    case Mark::StepStatus::kSkipped:
      return "skipped";
    case Mark::StepStatus::kCancelled:
      return "cancelled";
  }
  return "failed";
}

object error_json(const vm::ErrorValue& error) {
  return {{"kind", error.kind},
          {"message", error.message},
          {"retryable", error.retryable},
          {"fields", error.fields}};
}

std::string error_text(const vm::ErrorValue& error) {
  return error.kind.empty() ? error.message : fmt::format("{}: {}", error.kind, error.message);
}

bool has_output(const boost::json::value& output) { return !output.is_null(); }

std::string output_text(const boost::json::value& output) {
  if (output.is_null()) return {};
  if (output.is_string())
    return std::string(output.get_string().c_str(), output.get_string().size());
  return boost::json::serialize(output);
}

std::string_view link_name(engine::Link link) {
  switch (link) {
    case engine::Link::kNone:
      return "";
    case engine::Link::kStarted:
      return "start";
    case engine::Link::kDetached:
      return "detach";
    case engine::Link::kUndoing:
      return "undo";
  }
  return "";
}

std::string_view waiting_kind(engine::Wait::Kind kind) {
  switch (kind) {
    case engine::Wait::Kind::kApproval:
      return "approval";
    case engine::Wait::Kind::kDoubt:
      return "doubt";
    case engine::Wait::Kind::kQuestion:
      return "question";
    case engine::Wait::Kind::kSignal:
      return "signal";
    case engine::Wait::Kind::kFailure:
      return "failure";
  }
  return "wait";
}

object waiting_json(const engine::WaitingFor& wait) {
  object result{{"run", wait.run},
                {"runbook", wait.runbook},
                {"path", wait.path},
                {"kind", waiting_kind(wait.kind)},
                {"name", wait.name},
                {"question", wait.question},
                {"since", format_time(wait.since)}};
  if (wait.kind == engine::Wait::Kind::kApproval) {
    boost::json::array by;
    for (const std::string& user : wait.approved_by) by.emplace_back(user);
    result["approved_by"] = std::move(by);
    result["quorum"] = wait.quorum;
  }
  if (wait.kind != engine::Wait::Kind::kDoubt) {
    result["description"] = wait.description;
    result["expired"] = wait.expired;
  }
  if (wait.expires) result["expires"] = format_time(*wait.expires);
  if (wait.escalates) result["escalates"] = format_time(*wait.escalates);
  return result;
}

std::string started_run(const News& news) { return field(news.input, "run"); }

bool is_detached(const News& news) {
  const object* said = news.input.if_object();
  const boost::json::value* detached = said == nullptr ? nullptr : said->if_contains("detached");
  return detached != nullptr && *detached == true;
}

namespace {

bool is_taken_in_doubt(const News& news) {
  const object* said = news.input.if_object();
  const boost::json::value* in_doubt = said == nullptr ? nullptr : said->if_contains("in_doubt");
  return in_doubt != nullptr && *in_doubt == true;
}

}  // namespace

object summary_json(const engine::RunSummary& run) {
  object result{{"run", run.id},
                {"runbook", run.runbook},
                {"status", engine::to_string(run.status)},
                {"rolled_back", run.rolled_back},
                {"program", run.program},
                {"starter", run.starter},
                {"reason", run.reason},
                {"labels", run.labels},
                {"started", format_time(run.started)},
                {"updated", format_time(run.updated)}};
  if (run.ended) result["ended"] = format_time(*run.ended);
  if (run.wake) result["wake"] = format_time(*run.wake);
  if (!run.queues.empty()) {
    boost::json::array locks;
    for (const engine::LockState& lock : run.queues) locks.push_back(lock_json(lock));
    result["queues"] = std::move(locks);
  }
  if (!run.placement.empty()) result["worker"] = run.placement;
  result["driven"] = run.process.has_value();
  if (run.process) result["process"] = *run.process;
  result["output"] = run.output;
  if (run.error) result["error"] = error_json(*run.error);
  if (run.firing) result["firing"] = firing_json(*run.firing);
  if (!run.undoes.empty()) result["undoes"] = run.undoes;
  if (!run.retries.empty()) result["retries"] = run.retries;
  if (!run.retried_as.empty()) result["retried_as"] = run.retried_as;
  if (!run.parent.empty()) {
    result["parent"] = run.parent;
    result["parent_step"] = run.parent_step;
    result["link"] = link_name(run.link);
  }
  if (!run.began.empty()) result["began"] = boost::json::array(run.began.begin(), run.began.end());
  if (!run.awaits.empty())
    result["awaits"] = boost::json::array(run.awaits.begin(), run.awaits.end());
  if (!run.quarantine.empty()) result["quarantine"] = run.quarantine;
  return result;
}

namespace {

/// What is put before people.
std::string_view people_word(const News& news) {
  return news.kind == News::Kind::kQuestion ? "question" : "approval";
}

}  // namespace

std::optional<object> event_of(const std::string& run, const News& news) {
  object result;
  switch (news.kind) {
    case News::Kind::kMark:
      return mark_event(run, news);
    case News::Kind::kAttemptBegan:
      result = base("attempt_began", run, news.time);
      result["path"] = news.path;
      result["attempt"] = news.attempt;
      result["action"] = news.action;
      result["input"] = news.input;
      return result;
    case News::Kind::kSleeps:
      result = base("sleeping", run, news.time);
      if (news.until) result["until"] = format_time(*news.until);
      return result;
    case News::Kind::kApproval:
    case News::Kind::kQuestion:
      result = base(people_word(news), run, news.time);
      result["path"] = news.path;
      result["name"] = field(news.input, "name");
      result["question"] = field(news.input, "question");
      result["description"] = news.input;
      if (news.until) result["expires"] = format_time(*news.until);
      return result;
    case News::Kind::kAwaits:
      result = base("awaits_signal", run, news.time);
      result["path"] = news.path;
      result["name"] = field(news.input, "name");
      result["description"] = news.input;
      if (news.until) result["expires"] = format_time(*news.until);
      return result;
    case News::Kind::kFailure:
      result = base("failure", run, news.time);
      result["path"] = news.path;
      result["description"] = news.input;
      return result;
    case News::Kind::kQueues:
    case News::Kind::kLocked:
    case News::Kind::kUnlocked:
      return lock_event(run, news);
    case News::Kind::kStarted:
      result = base("run_started", run, news.time);
      result["path"] = news.path;
      result["started"] = field(news.input, "run");
      result["runbook"] = field(news.input, "runbook");
      result["detached"] = is_detached(news);
      return result;
    case News::Kind::kRunEnded:
      result = base("run_ended", run, news.time);
      result["path"] = news.path;
      result["started"] = field(news.input, "run");
      result["status"] = field(news.input, "status");
      return result;
    case News::Kind::kSignalled:
      result = base("signalled", run, news.time);
      result["name"] = news.path;
      result["by"] = news.by;
      return result;
    case News::Kind::kDecided:
      result = base("decided", run, news.time);
      result["path"] = news.path;
      if (const object* said = news.input.if_object())
        for (const auto& [key, value] : *said) result[key] = value;
      return result;
    case News::Kind::kDoubt:
      result = base("in_doubt", run, news.time);
      result["path"] = news.path;
      return result;
    case News::Kind::kRepeat:
      result = base("repeated", run, news.time);
      result["path"] = news.path;
      result["attempt"] = news.attempt;
      return result;
    case News::Kind::kTakenOver:
      result = base("taken_over", run, news.time);
      result["path"] = news.path;
      result["from"] = field(news.input, "run");
      result["in_doubt"] = is_taken_in_doubt(news);
      return result;
    case News::Kind::kCancelled:
      result = base("cancelled", run, news.time);
      result["by"] = news.by;
      return result;
    case News::Kind::kPaused:
    case News::Kind::kUnpaused:
      result = base(news.kind == News::Kind::kPaused ? "paused" : "unpaused", run, news.time);
      result["by"] = news.by;
      return result;
    case News::Kind::kUpgraded:
      result = base("upgraded", run, news.time);
      result["by"] = news.by;
      result["from"] = field(news.input, "from");
      result["to"] = field(news.input, "to");
      return result;
    case News::Kind::kStatus:
      result = base("status", run, news.time);
      result["status"] = engine::to_string(news.status);
      return result;
    case News::Kind::kAttemptEnded:
    case News::Kind::kWaitOver:
    case News::Kind::kEnded:
      return std::nullopt;
  }
  return std::nullopt;
}

object event_of(const std::string& run, const engine::LogLine& line) {
  if (is_said(line)) {
    object said = base("log", run, line.time);
    said["path"] = line.path;
    said["level"] = stream_name(line.stream);
    said["text"] = line.text;
    return said;
  }
  object result = base("output", run, line.time);
  result["path"] = line.path;
  result["attempt"] = line.attempt;
  result["stream"] = stream_name(line.stream);
  result["text"] = line.text;
  return result;
}

std::string failure_text(const boost::json::value& description) {
  const object* fields = description.if_object();
  const boost::json::value* error = fields == nullptr ? nullptr : fields->if_contains("error");
  if (error == nullptr) return {};
  return fmt::format("{}: {}", field(*error, "kind"), field(*error, "message"));
}

std::string decision_text(const News& news) {
  std::string answer = field(news.input, "answer");
  if (answer == "not_done") answer = "not done";
  std::string by;
  const object* said = news.input.if_object();
  const boost::json::value* users = said == nullptr ? nullptr : said->if_contains("acting");
  if (said != nullptr && users == nullptr) users = said->if_contains("by");
  if (users != nullptr && users->is_array()) {
    for (const boost::json::value& user : users->get_array())
      by += (by.empty() ? " by " : ", ") + output_text(user);
  }
  // A path tells apart what has one name.
  std::string text =
      fmt::format("{} {} {}{}", field(news.input, "what"),
                  news.path.empty() ? field(news.input, "name") : news.path, answer, by);
  if (const std::string reason = field(news.input, "reason"); !reason.empty())
    text += ": " + reason;
  const boost::json::value* form = said == nullptr ? nullptr : said->if_contains("form");
  if (form != nullptr) text += " " + boost::json::serialize(*form);
  return text;
}

std::string line_of(const News& news) {
  switch (news.kind) {
    case News::Kind::kMark:
      return mark_line(news.mark);
    case News::Kind::kSleeps:
      return news.until ? "sleeping until " + format_time(*news.until) : std::string();
    case News::Kind::kApproval:
    case News::Kind::kQuestion:
      return fmt::format("{} {} {}", people_word(news), field(news.input, "name"),
                         json_text(field(news.input, "question")));
    case News::Kind::kAwaits:
      return fmt::format("waits for signal {}: {}", field(news.input, "name"),
                         field(news.input, "type"));
    case News::Kind::kFailure:
      return fmt::format("failed {} {}, and asks", news.path, failure_text(news.input));
    case News::Kind::kQueues:
    case News::Kind::kLocked:
    case News::Kind::kUnlocked:
      return lock_line(news);
    case News::Kind::kStarted:
      return fmt::format("{} run {} {}", is_detached(news) ? "detached" : "started",
                         field(news.input, "run"), field(news.input, "runbook"));
    case News::Kind::kRunEnded:
      return fmt::format("run {} {}", field(news.input, "run"), field(news.input, "status"));
    case News::Kind::kSignalled:
      return fmt::format("signal {} by {}", news.path, news.by);
    case News::Kind::kDecided:
      return decision_text(news);
    case News::Kind::kDoubt:
      return "in doubt " + news.path;
    case News::Kind::kRepeat:
      return "repeated " + news.path;
    case News::Kind::kTakenOver:
      return fmt::format(
          "{} {} {} run {}", is_taken_in_doubt(news) ? "not known whether done" : "taken over",
          news.path, is_taken_in_doubt(news) ? "in" : "from", field(news.input, "run"));
    case News::Kind::kCancelled:
      return "cancelled by " + news.by;
    case News::Kind::kPaused:
      return "paused by " + news.by;
    case News::Kind::kUnpaused:
      return "goes on, says " + news.by;
    case News::Kind::kUpgraded:
      return fmt::format("moved to program {} by {}", field(news.input, "to"), news.by);
    case News::Kind::kAttemptBegan:
    case News::Kind::kAttemptEnded:
    case News::Kind::kWaitOver:
    case News::Kind::kStatus:
    case News::Kind::kEnded:
      return {};
  }
  return {};
}

bool is_said(const engine::LogLine& line) { return line.attempt == 0; }

std::string line_of(const engine::LogLine& line) {
  if (is_said(line)) return fmt::format("{} {}", stream_name(line.stream), line.text);
  return fmt::format("{} | {}", line.path, line.text);
}

namespace {

std::string signal_type(const engine::WaitingFor& wait) {
  return printable(field(wait.description, "type"));
}

}  // namespace

std::string waiting_text(const engine::WaitingFor& wait) {
  if (wait.kind == engine::Wait::Kind::kDoubt)
    return fmt::format("in doubt {}: {}", printable(wait.path), printable(wait.question));
  if (wait.kind == engine::Wait::Kind::kFailure)
    return fmt::format("failed {}: {}", printable(wait.path), printable(wait.question));
  if (wait.kind == engine::Wait::Kind::kSignal)
    return fmt::format("signal {}: {}{}", printable(wait.name), signal_type(wait),
                       wait.expired ? ", whose time is up" : "");
  return fmt::format("{} {}{}: {}", waiting_kind(wait.kind), printable(wait.name),
                     wait.expired ? ", which has expired" : "", printable(wait.question));
}

std::string waiting_command(const engine::WaitingFor& wait, std::string_view store_option) {
  if (wait.kind == engine::Wait::Kind::kDoubt)
    return fmt::format("rbk resolve {} {} ANSWER{}   # done, not-done, retry, fail or leave",
                       wait.run, shown_shell_word(wait.path), store_option);
  if (wait.kind == engine::Wait::Kind::kFailure)
    return fmt::format("rbk resolve {} {} ANSWER{}   # retry, done, fail or leave", wait.run,
                       shown_shell_word(wait.path), store_option);
  if (wait.expired) return fmt::format("rbk resume {}{}", wait.run, store_option);
  if (wait.kind == engine::Wait::Kind::kSignal)
    return fmt::format("rbk signal {} {} JSON{}   # JSON: {}", wait.run,
                       shown_shell_word(wait.name), store_option, signal_type(wait));
  return fmt::format("rbk {} {} {}{}{}",
                     wait.kind == engine::Wait::Kind::kQuestion ? "answer" : "approve", wait.run,
                     shown_shell_word(wait.name), required_options(form_of(wait.description)),
                     store_option);
}

std::string standing_text(const engine::RunSummary& run) {
  const bool cut_off = run.status == engine::RunStatus::kRunning && !run.process;
  std::string text(engine::to_string(run.status));
  if (cut_off && run.placement.empty()) text += ", nobody drives it";
  if (cut_off && !run.placement.empty())
    text += fmt::format(", waits for a worker \"{}\"", printable(run.placement));
  if (run.status == engine::RunStatus::kPaused) return text;
  for (const engine::LockState& lock : run.queues) text += " for " + queue_text(lock);
  for (size_t i = 0; i < run.awaits.size(); ++i)
    text += (i > 0 ? ", run " : cut_off ? ", waits for run " : " for run ") + run.awaits[i];
  return text;
}

std::string abandoned_text(const engine::AbandonedStep& step) {
  return fmt::format("step {} of run {} was not taken over: neither run undoes it",
                     printable(step.path), step.run);
}

std::vector<std::string> next_commands(const engine::DriveEnd& end, std::string_view store_option) {
  std::vector<std::string> result;
  if (engine::is_over(end.run.status)) return result;
  if (end.run.held_back) {
    result.push_back(fmt::format("rbk store accept{}", store_option));
    return result;
  }
  if (end.run.status == engine::RunStatus::kPaused) {
    result.push_back(fmt::format("rbk unpause {}{}", end.run.id, store_option));
    return result;
  }
  for (const engine::WaitingFor& wait : end.waits) {
    std::string command = waiting_command(wait, store_option);
    if (std::find(result.begin(), result.end(), command) == result.end())
      result.push_back(std::move(command));
  }
  for (const std::string& run : end.quarantined)
    result.push_back(fmt::format("rbk resume {}{}", run, store_option));
  if (result.empty())
    result.push_back(end.run.placement.empty()
                         ? fmt::format("rbk resume {}{}", end.run.id, store_option)
                         : worker_for(end.run.placement, store_option));
  return result;
}

std::string worker_for(const std::string& placement, std::string_view store_option) {
  return fmt::format("rbk worker --label {}{}", shown_shell_word(placement), store_option);
}

std::string duration_text(int64_t microseconds) {
  if (microseconds < 0) microseconds = 0;
  if (microseconds < 1'000'000) return fmt::format("{}ms", microseconds / 1000);
  if (microseconds < 60'000'000)
    return fmt::format("{:.1f}s", static_cast<double>(microseconds / 100'000) / 10);
  const int64_t in_seconds = microseconds / 1'000'000;
  if (in_seconds < 3600) return fmt::format("{}m{:02}s", in_seconds / 60, in_seconds % 60);
  if (in_seconds < 86'400) return fmt::format("{}h{:02}m", in_seconds / 3600, in_seconds / 60 % 60);
  return fmt::format("{}d{:02}h", in_seconds / 86'400, in_seconds / 3600 % 24);
}

}  // namespace rbk::cli
