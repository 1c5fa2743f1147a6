// What a command needs that works on a store: the project, who is acting, the engine with its
// actions; and how it goes on with a run until there is nothing more to do.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/report/report.h"
#include "cli/terminal.h"
#include "engine/engine.h"
#include "stdlib/registry.h"

namespace rbk::cli {

/// The options of every command that works on a store.
struct StoreOptions {
  std::optional<std::string> store;
  std::optional<std::string> as;
  bool acts = false;  // a person acts: their groups count

  /// `--store`, and `--as` where a person acts.
  void describe(Options& options, bool person_acts);
};

struct Session {
  Project project;
  engine::Person person;
  std::unique_ptr<stdlib::Registry> actions;  // outlives the engine
  std::unique_ptr<engine::Engine> engine;
};

/// Says that the store holds back what was unfinished, if it does.
void tell_of_hold(const Terminal& terminal, const engine::StoreIdentity& store);

/// Says where the copy lies, if opening the store has brought it to a newer format.
void tell_of_migration(const Terminal& terminal, const engine::StoreIdentity& store);

Result<Session> open_session(const StoreOptions& options, engine::OpenMode mode);
Result<Session> open_session(Project project, const StoreOptions& options, engine::OpenMode mode);

/// Goes on with a run, or follows the process that does, until it is over or waits; reports
/// everything. Ctrl-C stops at the next step border, a second one at once. `confirm`: asked before
/// each attempt that writes.
ExitStatus go_on(const Terminal& terminal, Session& session, const std::string& run, Report& report,
                 std::function<bool(const engine::AboutToWrite&)> confirm = {});

/// How many workers live that go on with runs of this placement.
Result<size_t> workers_of(engine::Engine& engine, const std::string& placement);

/// Whether an error leaves the run where it stood, so that it can go on: trouble of the store.
bool suspends(const Error& error);

/// The contract's status for how a run stands.
ExitStatus exit_status(const engine::DriveEnd& end);

}  // namespace rbk::cli
