// `rbk store`: the upkeep of a store as a whole.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "base/units.h"
#include "base/wall_time.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/project.h"
#include "cli/report/store.h"
#include "cli/session.h"
#include "cli/timing_options.h"
#include "engine/retention.h"
#include "engine/store_check.h"
#include "engine/upkeep.h"

namespace rbk::cli {
namespace {

struct Opened {
  Project project;
  std::unique_ptr<engine::Store> store;
};

Result<Opened> open_store(const Terminal& terminal, const StoreOptions& options,
                          engine::OpenMode mode) {
  Result<Project> project = find_project();
  if (!project) return tl::unexpected(project.error());
  auto store = engine::open_store(store_url(*project, options.store), mode);
  if (!store) return tl::unexpected(store.error());
  tell_of_migration(terminal, (*store)->identity());
  tell_of_hold(terminal, (*store)->identity());
  return Opened{std::move(*project), std::move(*store)};
}

ExitStatus check(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions options;
  Options described("store check", "");
  options.describe(described, false);
  if (Status parsed = described.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  auto opened = open_store(terminal, options, engine::OpenMode::kReading);
  if (!opened) return refuse(terminal, opened.error());
  const Result<engine::StoreCheck> done = engine::check_store(*opened->store);
  if (!done) return refuse(terminal, done.error());
  const std::string& place = opened->store->identity().place;
  if (terminal.json) {
    for (const engine::Finding& finding : done->findings)
      terminal.print_json(finding_json(finding));
    terminal.print_json(check_json(*done, place));
  } else {
    for (const engine::Finding& finding : done->findings) terminal.print(finding_text(finding));
    terminal.print(check_text(*done, place));
  }
  return done->findings.empty() ? ExitStatus::kSucceeded : ExitStatus::kFailed;
}

ExitStatus backup(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions options;
  std::string file;
  bool force = false;
  Options described("store backup", "FILE [--force]");
  described.word("FILE", file).flag("--force", force);
  options.describe(described, false);
  if (Status parsed = described.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (file.empty())
    return refuse(terminal, {ErrorKind::kInvalid, "FILE is empty", "name a file for the copy"});
  auto opened = open_store(terminal, options, engine::OpenMode::kReading);
  if (!opened) return refuse(terminal, opened.error());
  const Result<int64_t> bytes = opened->store->upkeep().back_up(file, force);
  if (!bytes) return refuse(terminal, bytes.error());
  const std::string& place = opened->store->identity().place;
  if (terminal.json)
    terminal.print_json(
        {{"event", "backed_up"}, {"store", place}, {"file", file}, {"bytes", *bytes}});
  else
    terminal.print(fmt::format("{}: {}, a copy of {}\n", file, size_text(*bytes), place));
  return ExitStatus::kSucceeded;
}

ExitStatus vacuum(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions options;
  Options described("store vacuum", "");
  options.describe(described, false);
  if (Status parsed = described.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  auto opened = open_store(terminal, options, engine::OpenMode::kExisting);
  if (!opened) return refuse(terminal, opened.error());
  const Result<engine::Room> room = opened->store->upkeep().vacuum();
  if (!room) return refuse(terminal, room.error());
  const std::string& place = opened->store->identity().place;
  if (terminal.json) {
    terminal.print_json({{"event", "vacuumed"},
                         {"store", place},
                         {"before", room->before},
                         {"after", room->after}});
    return ExitStatus::kSucceeded;
  }
  terminal.print(fmt::format("{}: {} before, {} now\n", place, size_text(room->before),
                             size_text(room->after)));
  if (room->log_left)
    terminal.print_to_err(
        "its log is kept, since another process reads the store; `rbk store vacuum` once that has "
        "ended takes it away\n");
  return ExitStatus::kSucceeded;
}

/// Of `--older-than`, `--logs-older-than`; microseconds.
Result<std::optional<int64_t>> age_of(std::string_view option,
                                      const std::optional<std::string>& text) {
  if (!text) return std::optional<int64_t>();
  const std::string cure = fmt::format("write {} 90d", option);
  Result<int64_t> age = parse_duration(*text);
  if (!age)
    return fail(ErrorKind::kInvalid, fmt::format("{}: {}", option, age.error().message), cure);
  if (*age < 0)
    return fail(ErrorKind::kInvalid, fmt::format("{} {} lies in the future", option, *text), cure);
  return std::optional<int64_t>(*age);
}

/// What the options say, or without any of them what runbook.toml does.
Status set_ages(engine::Retention& retention, const std::optional<std::string>& older_than,
                const std::optional<std::string>& logs_older_than, const Project& project) {
  auto runs = age_of("--older-than", older_than);
  if (!runs) return tl::unexpected(runs.error());
  auto logs = age_of("--logs-older-than", logs_older_than);
  if (!logs) return tl::unexpected(logs.error());
  if (!*runs && !*logs) {
    *runs = project.retain;
    *logs = project.retain_logs;
  }
  if (!*runs && !*logs)
    return fail(ErrorKind::kInvalid, "`rbk store retain` does not say how old runs get",
                "write --older-than 90d, or retain = \"90d\" in runbook.toml under [store]");
  if (retention.status && !*runs)
    return fail(ErrorKind::kInvalid, "--status says which runs go, and none do by age",
                "write --older-than 90d too");
  const int64_t now = wall_time();
  if (*runs) retention.before = now - **runs;
  if (*logs) retention.logs_before = now - **logs;
  return {};
}

ExitStatus retain(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions options;
  std::optional<std::string> older_than;
  std::optional<std::string> logs_older_than;
  std::optional<std::string> status;
  bool dry_run = false;
  Options described(
      "store retain",
      "[--older-than AGE] [--logs-older-than AGE] [--status S] [--dry-run] [--as USER]");
  described.value("--older-than", older_than).value("--logs-older-than", logs_older_than);
  described.value("--status", status).flag("--dry-run", dry_run);
  options.describe(described, true);
  if (Status parsed = described.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  engine::Retention retention;
  retention.only_look = dry_run;
  if (status) {
    Result<engine::RunStatus> wanted = engine::parse_run_status(*status);
    if (!wanted) return refuse(terminal, wanted.error());
    retention.status = *wanted;
  }
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  if (Status said = set_ages(retention, older_than, logs_older_than, *project); !said)
    return refuse(terminal, said.error());
  const Result<engine::Person> person = who(*project, options.as, options.acts);
  if (!person) return refuse(terminal, person.error());
  retention.by = {person->user, person->real, wall_time()};
  auto opened = open_store(terminal, options,
                           dry_run ? engine::OpenMode::kReading : engine::OpenMode::kExisting);
  if (!opened) return refuse(terminal, opened.error());
  const auto tell = [&](const engine::RemovedTree& tree) {
    if (terminal.json)
      terminal.print_json(removed_json(tree, dry_run));
    else
      terminal.print(removed_text(tree, dry_run));
  };
  const Result<engine::Retained> done = engine::retain(*opened->store, retention, tell);
  if (!done) return refuse(terminal, done.error());
  if (terminal.json)
    terminal.print_json(retained_json(*done, dry_run));
  else
    terminal.print(retained_text(*done, dry_run));
  return ExitStatus::kSucceeded;
}

/// On `err`; false: a no, or nobody who could say.
bool confirms(const Terminal& terminal, int64_t runs) {
  terminal.print_to_err(fmt::format(
      "what {} did after the copy was made may be done again; let {} go on? yes or no: ",
      runs == 1 ? "it" : "they", runs == 1 ? "it" : "them"));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

ExitStatus accept(const Terminal& terminal, const Arguments& arguments) {
  StoreOptions options;
  bool yes = false;
  Options described("store accept", "[--yes] [--as USER]");
  described.flag("--yes", yes);
  options.describe(described, true);
  if (Status parsed = described.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  const Result<engine::Person> person = who(*project, options.as, options.acts);
  if (!person) return refuse(terminal, person.error());
  auto store = engine::open_store(store_url(*project, options.store), engine::OpenMode::kExisting);
  if (!store) return refuse(terminal, store.error());
  tell_of_migration(terminal, (*store)->identity());
  const std::string place = (*store)->identity().place;
  const Result<std::optional<engine::Hold>> hold = (*store)->hold();
  if (!hold) return refuse(terminal, hold.error());
  if (!*hold) {
    if (terminal.json)
      terminal.print_json({{"event", "accepted"}, {"store", place}, {"runs", 0}});
    else
      terminal.print(fmt::format("store {} holds nothing back\n", place));
    return ExitStatus::kSucceeded;
  }
  if (terminal.json)
    terminal.print_json(hold_json(**hold, place, "holds"));
  else
    terminal.print(hold_text(**hold, place));
  const Status told = engine::look_at_held(**store, [&](const engine::HeldRun& run) {
    if (terminal.json)
      terminal.print_json(held_json(run));
    else
      terminal.print(held_text(run));
  });
  if (!told) return refuse(terminal, told.error());
  const Result<std::vector<engine::ScheduleRow>> schedules = (*store)->schedules();
  if (!schedules) return refuse(terminal, schedules.error());
  for (const engine::ScheduleRow& schedule : *schedules) {
    if (terminal.json)
      terminal.print_json(held_json(schedule));
    else
      terminal.print(held_text(schedule));
  }
  if (!yes && (terminal.json || isatty(STDIN_FILENO) == 0))
    return refuse(terminal, {ErrorKind::kRefused, "nothing was accepted: nobody was asked",
                             "`rbk store accept --yes` lets them go on"});
  if (!yes && !confirms(terminal, (*hold)->runs))
    return refuse(terminal, {ErrorKind::kRefused, "nothing was accepted", {}});
  const Result<int64_t> runs =
      (*store)->upkeep().accept((*hold)->epoch, {person->user, person->real, wall_time()});
  if (!runs) return refuse(terminal, runs.error());
  if (terminal.json) {
    terminal.print_json({{"event", "accepted"}, {"store", place}, {"runs", *runs}});
    return ExitStatus::kSucceeded;
  }
  terminal.print(
      fmt::format("accepted: {}; `rbk resume{}` or a worker goes on with {}\n",
                  *runs == 1 ? "1 run is let go on" : fmt::format("{} runs are let go on", *runs),
                  terminal.store_option, *runs == 1 ? "it" : "them"));
  return ExitStatus::kSucceeded;
}

}  // namespace

ExitStatus store_command(const Terminal& terminal, const Arguments& arguments) {
  const std::string verb = arguments.empty() ? std::string() : arguments.front();
  if (const Status known =
          known_verb("store", verb, {"check", "backup", "retain", "vacuum", "accept"});
      !known)
    return refuse(terminal, known.error());
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (verb == "accept") return accept(terminal, rest);
  if (verb == "backup") return backup(terminal, rest);
  if (verb == "retain") return retain(terminal, rest);
  if (verb == "vacuum") return vacuum(terminal, rest);
  return check(terminal, rest);
}

}  // namespace rbk::cli
