// `locks`: who has what, who waits for it, and what frees it.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/report/locks.h"
#include "cli/session.h"

namespace rbk::cli {
namespace {

ExitStatus free_locks(const Terminal& terminal, const StoreOptions& store, const std::string& run) {
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  Result<size_t> freed = session->engine->free_locks(run, session->person);
  if (!freed) return refuse(terminal, freed.error());
  if (terminal.json)
    terminal.print_json({{"event", "freed"}, {"locks", *freed}});
  else
    terminal.print(fmt::format("{} lock{} freed\n", *freed, *freed == 1 ? "" : "s"));
  return ExitStatus::kSucceeded;
}

}  // namespace

ExitStatus locks_command(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> run;
  StoreOptions store;
  Options options("locks", "[--free RUN]");
  options.value("--free", run);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (run) return free_locks(terminal, store, *run);
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  Result<std::vector<engine::LockState>> locks = session->engine->locks();
  if (!locks) return refuse(terminal, locks.error());
  for (const engine::LockState& lock : *locks) {
    if (terminal.json)
      terminal.print_json(lock_json(lock));
    else
      terminal.print(lock_table(lock, terminal.store_option));
  }
  if (locks->empty() && !terminal.json) terminal.print("nobody has a lock\n");
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
