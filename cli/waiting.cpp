// `approvals` and `inbox`: what waits for people.
#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/events.h"
#include "cli/report/form.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

void print_wait(const Terminal& terminal, const engine::WaitingFor& wait) {
  if (terminal.json) {
    terminal.print_json(waiting_json(wait));
    return;
  }
  const bool approval = wait.kind == engine::Wait::Kind::kApproval;
  std::string text = fmt::format("{}  {}  {}\n", wait.run, wait.runbook, waiting_text(wait));
  text += fmt::format("  since {}", format_time(wait.since / 1'000'000 * 1'000'000));
  if (wait.expires)
    text += fmt::format(", {} {}", wait.expired ? "expired" : "expires",
                        format_time(*wait.expires / 1'000'000 * 1'000'000));
  if (wait.escalates)
    text += fmt::format(", escalates {}", format_time(*wait.escalates / 1'000'000 * 1'000'000));
  if (approval && (wait.quorum > 1 || !wait.approved_by.empty()))
    text += fmt::format(", {} of {} have approved", wait.approved_by.size(), wait.quorum);
  text += '\n';
  const bool has_form = approval || wait.kind == engine::Wait::Kind::kQuestion;
  if (has_form && !wait.expired) {
    const std::vector<FormField> form = form_of(wait.description);
    if (!form.empty()) text += "  asks for, each by --set NAME=VALUE:\n";
    for (const FormField& field : form) text += fmt::format("    {}\n", field_text(field));
  }
  text += fmt::format("  {}{}\n", waiting_command(wait, terminal.store_option),
                      wait.expired ? "   goes on with what it says for that case" : "");
  terminal.print(text);
}

void print_all(const Terminal& terminal, const std::vector<engine::WaitingFor>& waits,
               std::string_view nothing) {
  for (const engine::WaitingFor& wait : waits) print_wait(terminal, wait);
  if (waits.empty() && !terminal.json) terminal.print(fmt::format("{}\n", nothing));
}

/// What somebody should have been told, and was not.
void warn_of_notices(const Terminal& terminal, Session& session) {
  Result<std::vector<engine::Notice>> notices = session.engine->notices({});
  if (!notices || terminal.json) return;
  const auto lost = std::count_if(
      notices->begin(), notices->end(),
      [](const engine::Notice& notice) { return notice.state == engine::Notice::State::kGivenUp; });
  if (lost > 0)
    terminal.print_to_err(
        fmt::format("{} notice{} could not be delivered; `rbk notices --failed{}` says why\n", lost,
                    lost == 1 ? "" : "s", terminal.store_option));
}

}  // namespace

ExitStatus approvals_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> run;
  StoreOptions store;
  Options options("approvals", "[RUN]");
  options.optional_word("RUN", run);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::WaitingFor>> waits = session->engine->approvals(run.value_or(""));
  if (!waits) return refuse(terminal, waits.error());
  print_all(terminal, *waits, "no approval waits");
  return ExitStatus::kSucceeded;
}

ExitStatus inbox_command(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions store;
  Options options("inbox", "[--as USER]");
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::WaitingFor>> waits = session->engine->inbox(session->person);
  if (!waits) return refuse(terminal, waits.error());
  print_all(terminal, *waits, fmt::format("nothing waits for {}", session->person.user));
  warn_of_notices(terminal, *session);
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
