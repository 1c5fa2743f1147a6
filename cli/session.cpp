#include "cli/session.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/notify_targets.h"
#include "cli/project_secrets.h"
#include "cli/report/store.h"
#include "engine/placement.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

/// Where this user's programs keep what is to outlive them on this host.
fs::path state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return state;
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".local/state";
  const passwd* entry = getpwuid(geteuid());
  return fs::path(entry != nullptr ? entry->pw_dir : "/") / ".local/state";
}

/// The folder for what a store has on this host: that in which the store's file lies; of a store
/// behind a server one of this user's own, whatever project it is used from.
std::string folder_of(std::string_view url, const engine::StoreIdentity& store) {
  constexpr std::string_view kScheme = "sqlite:";
  if (url.starts_with(kScheme)) return fs::path(url.substr(kScheme.size())).parent_path().string();
  const fs::path folder = state_folder() / "runbook" / store.id;
  // If it can't be made, whoever needs it says so.
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  fs::permissions(folder, fs::perms::owner_all, ignored);
  return folder.string();
}

}  // namespace

void StoreOptions::describe(Options& options, bool person_acts) {
  acts = person_acts;
  options.value("--store", store);
  if (person_acts) options.value("--as", as);
}

void tell_of_hold(const Terminal& terminal, const engine::StoreIdentity& store) {
  if (!store.befell.empty())
    terminal.print_to_err(
        fmt::format("store {}: {}; what is unfinished is held as soon as something is written to "
                    "it\n  `rbk store accept` shows what is held, and lets it go on\n",
                    store.place, store.befell));
  if (!store.hold || !store.befell.empty()) return;
  terminal.print_to_err(hold_text(*store.hold, store.place) +
                        "  `rbk store accept` shows what is held, and lets it go on\n");
}

void tell_of_migration(const Terminal& terminal, const engine::StoreIdentity& store) {
  if (store.copy.empty()) return;
  terminal.print_to_err(
      fmt::format("store {} was brought from format {} to {}; a copy of it as it "
                  "was lies at {}\n",
                  store.place, store.format_before, store.format, store.copy));
}

Result<Session> open_session(const StoreOptions& options, engine::OpenMode mode) {
  Result<Project> project = find_project();
  if (!project) return tl::unexpected(project.error());
  return open_session(std::move(*project), options, mode);
}

Result<Session> open_session(Project project, const StoreOptions& options, engine::OpenMode mode) {
  Session session;
  session.project = std::move(project);
  Result<engine::Person> person = who(session.project, options.as, options.acts);
  if (!person) return tl::unexpected(person.error());
  session.person = std::move(*person);
  const std::string url = store_url(session.project, options.store);
  Result<std::unique_ptr<engine::Store>> store = engine::open_store(url, mode);
  if (!store) return tl::unexpected(store.error());
  tell_of_migration(Terminal::of_process(), (*store)->identity());
  tell_of_hold(Terminal::of_process(), (*store)->identity());
  stdlib::Registry::Options registry;
  registry.store = folder_of(url, (*store)->identity());
  registry.ssh = ssh_settings;
  session.actions = std::make_unique<stdlib::Registry>(std::move(registry));
  engine::World world = engine::World::real();
  world.secrets = std::make_shared<ProjectSecrets>();
  const engine::Person& typed = session.person;
  world.user = typed.real.empty() ? typed.user : typed.real;
  if (mode != engine::OpenMode::kReading) world.notifier = std::make_shared<NotifyTargets>(url);
  session.engine = engine::Engine::over(std::move(*store), std::move(world), session.actions.get());
  return session;
}

Result<size_t> workers_of(engine::Engine& engine, const std::string& placement) {
  const Result<std::vector<engine::Worker>> workers = engine.workers();
  if (!workers) return tl::unexpected(workers.error());
  return static_cast<size_t>(std::count_if(
      workers->begin(), workers->end(),
      [&](const engine::Worker& worker) { return engine::takes(worker.takes, placement); }));
}

bool suspends(const Error& error) {
  return error.kind == ErrorKind::kFull || error.kind == ErrorKind::kIo ||
         error.kind == ErrorKind::kLocked;
}

ExitStatus go_on(const Terminal& terminal, Session& session, const std::string& run, Report& report,
                 std::function<bool(const engine::AboutToWrite&)> confirm) {
  const Interrupts interrupts(*session.engine);
  const engine::DriveOptions options{.observer = &report, .confirm = std::move(confirm)};
  using Why = engine::DriveEnd::Why;
  Result<engine::DriveEnd> end = session.engine->drive(run, options);
  while (end && (end->why == Why::kHeld || end->why == Why::kElsewhere)) {
    if (end->run.process) {
      report.held(end->run);
    } else if (end->why == Why::kElsewhere) {
      const Result<size_t> workers = workers_of(*session.engine, end->run.placement);
      if (!workers) {
        end = tl::unexpected(workers.error());
        break;
      }
      report.placed(end->run, *workers);
    }  // else it has ended there meanwhile
    end = session.engine->follow(run, options);
    if (end && end->why == Why::kAbandoned) end = session.engine->drive(run, options);
  }
  if (!end) {
    report.close();
    // The store has failed it on the way: it is told how the run goes on once that is mended.
    Error error = end.error();
    if (!suspends(error) && error.kind != ErrorKind::kPermission) return refuse(terminal, error);
    error.cure +=
        fmt::format("{}then `rbk resume {}{}` goes on with it",
                    error.cure.empty() ? "mend that, " : ", ", run, terminal.store_option);
    terminal.print_error(error);
    return ExitStatus::kSuspended;
  }
  const ExitStatus status = exit_status(*end);
  report.ended(*end, status);
  return status;
}

ExitStatus exit_status(const engine::DriveEnd& end) {
  switch (end.run.status) {
    case engine::RunStatus::kSucceeded:
      return ExitStatus::kSucceeded;
    case engine::RunStatus::kPartial:
      return ExitStatus::kPartial;
    case engine::RunStatus::kFailed:
    case engine::RunStatus::kQuarantined:
      return ExitStatus::kFailed;
    case engine::RunStatus::kRollbackFailed:
      return ExitStatus::kRollbackFailed;
    case engine::RunStatus::kCancelled:
      return ExitStatus::kCancelled;
    case engine::RunStatus::kInDoubt:
      return ExitStatus::kInDoubt;
    case engine::RunStatus::kRunning:
    case engine::RunStatus::kWaiting:
    case engine::RunStatus::kPaused:
      return ExitStatus::kSuspended;
  }
  return ExitStatus::kFailed;
}

}  // namespace rbk::cli
