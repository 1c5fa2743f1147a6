// `notices`: what was told to whom.
#include <fmt/format.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/notices.h"
#include "cli/session.h"

namespace rbk::cli {

ExitStatus notices_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> run;
  bool failed = false;
  StoreOptions store;
  Options options("notices", "[RUN] [--failed]");
  options.optional_word("RUN", run).flag("--failed", failed);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::Notice>> notices = session->engine->notices(run.value_or(""));
  if (!notices) return refuse(terminal, notices.error());
  bool any = false;
  for (const engine::Notice& notice : *notices) {
    if (failed && notice.problem.empty()) continue;
    any = true;
    if (terminal.json)
      terminal.print_json(notice_json(notice));
    else
      terminal.print(notice_text(notice) + "\n");
  }
  if (!any && !terminal.json)
    terminal.print(failed ? "every notice was delivered, or is still to be\n"
                          : "nobody was told of anything\n");
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
