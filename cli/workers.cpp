// `rbk workers`: who goes on with the store's runs.
#include "cli/report/workers.h"

#include "cli/command.h"
#include "cli/options.h"
#include "cli/session.h"

namespace rbk::cli {

ExitStatus workers_command(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions store;
  Options options("workers", "");
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::Worker>> workers = session->engine->workers();
  if (!workers) return refuse(terminal, workers.error());
  if (terminal.json)
    for (const engine::Worker& worker : *workers) terminal.print_json(worker_json(worker));
  else
    terminal.print(workers->empty() ? "no worker is alive\n" : worker_table(*workers));
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
