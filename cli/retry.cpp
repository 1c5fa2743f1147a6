#include <fmt/format.h>

#include <array>
#include <optional>
#include <vector>

#include "base/text_width.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/report/report.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

using Item = engine::RetryPlan::Item;

std::string_view event_name(Item::What what) {
  constexpr std::array<std::string_view, 6> kNames{"would_take_over", "would_be_in_doubt",
                                                   "would_begin",     "would_begin",
                                                   "would_ask",       "would_take_run_over"};
  return kNames[static_cast<size_t>(what)];
}

void print_json(const Terminal& terminal, const engine::RetryPlan& plan) {
  for (const Item& item : plan.items) {
    boost::json::object event{{"event", event_name(item.what)}, {"path", item.path}};
    if (item.what == Item::What::kTakenOver || item.what == Item::What::kTakesRun)
      event["from"] = item.about;
    if (item.what == Item::What::kBegins || item.what == Item::What::kDiffers)
      event["differs"] = item.what == Item::What::kDiffers;
    terminal.print_json(event);
  }
  for (const std::string& path : plan.later)
    terminal.print_json({{"event", "may_take_over"}, {"path", path}});
}

std::string text_of(const Item& item) {
  switch (item.what) {
    case Item::What::kTakenOver:
      return fmt::format("takes over  {}", printable(item.path));
    case Item::What::kInDoubt:
      return fmt::format("in doubt    {}  nobody knows whether it was done", printable(item.path));
    case Item::What::kBegins:
      return fmt::format("runs        {}", printable(item.path));
    case Item::What::kDiffers:
      return fmt::format("runs        {}  it was done before, with other arguments",
                         printable(item.path));
    case Item::What::kAsks:
      return fmt::format("asks        {}", printable(item.path));
    case Item::What::kTakesRun:
      return fmt::format("starts      {}  takes over what run {} did", printable(item.path),
                         item.about);
  }
  return {};
}

void show_plan(const Terminal& terminal, const engine::RetryPlan& plan, bool only_shown) {
  if (terminal.json) {
    if (only_shown) print_json(terminal, plan);  // otherwise the events say it
    return;
  }
  std::string text = fmt::format("a retry of run {}:\n", plan.run);
  for (const Item& item : plan.items) text += fmt::format("  {}\n", text_of(item));
  if (plan.ends)
    text += "and nothing else: everything is taken over\n";
  else
    text += "and then whatever follows from that\n";
  if (!plan.later.empty()) {
    text += "taken over as well where it comes to them with the same arguments:\n";
    for (const std::string& path : plan.later) text += fmt::format("  {}\n", printable(path));
  }
  (only_shown ? terminal.print(text) : terminal.print_to_err(text));
}

}  // namespace

ExitStatus retry_command(const Terminal& terminal, const Arguments& arguments) {
  engine::RetryRun request;
  std::optional<std::string> from;
  std::optional<std::string> reason;
  bool dry_run = false;
  StoreOptions store;
  Options options("retry",
                  "RUN [--from STEP | --failed | --only ITEM…] [--reason TEXT] "
                  "[--override CALENDAR]… [--dry-run]");
  options.word("RUN", request.run).value("--from", from).flag("--failed", request.rule.failed);
  options.values("--only", request.rule.only).value("--reason", reason);
  options.values("--override", request.overrides).flag("--dry-run", dry_run);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (from && from->empty())
    return refuse(terminal, {ErrorKind::kInvalid, "--from names no step",
                             fmt::format("`rbk show {}` lists them", request.run)});
  request.rule.from = from.value_or("");
  Result<Session> session =
      open_session(store, dry_run ? engine::OpenMode::kReading : engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  request.by = session->person;
  if (reason) request.reason = *reason;
  if (!request.overrides.empty() && request.reason.empty())
    return refuse(terminal, {ErrorKind::kInvalid, "a calendar is overridden without a reason",
                             "say why it can't wait: --reason \"…\""});
  Result<engine::RetryPlan> plan = session->engine->plan_retry(request);
  if (!plan) return refuse(terminal, plan.error());
  show_plan(terminal, *plan, dry_run);
  if (dry_run) return ExitStatus::kSucceeded;
  Result<std::string> run = session->engine->retry(request);
  if (!run) return refuse(terminal, run.error());
  const std::unique_ptr<Report> report = make_report(terminal);
  report->started({*run, plan->runbook, plan->run});
  const ExitStatus status = go_on(terminal, *session, *run, *report);
  // Whether it is over or not, and however it ended: if that can't be told now, `rbk show` does.
  const auto abandoned = session->engine->abandoned(*run);
  if (abandoned)
    for (const engine::AbandonedStep& step : *abandoned)
      terminal.print_to_err(abandoned_text(step) + "\n");
  return status;
}

}  // namespace rbk::cli
