// `rbk schedule add|list|pause|resume|remove|run|backfill`: the schedules of a store.
#include "cli/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file_mask.h"
#include "base/units.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/project_secrets.h"
#include "cli/report/schedules.h"
#include "cli/session.h"
#include "cli/timing_options.h"
#include "compiler/compile.h"
#include "engine/run_secrets.h"
#include "vm/machine.h"

namespace rbk::cli {
namespace {

engine::ScheduleRow::Overlap overlap_of(check::Schedule::Overlap overlap) {
  using Overlap = engine::ScheduleRow::Overlap;
  switch (overlap) {
    case check::Schedule::Overlap::kSkip:
      return Overlap::kSkip;
    case check::Schedule::Overlap::kQueue:
      return Overlap::kQueue;
    case check::Schedule::Overlap::kCancelRunning:
      return Overlap::kCancelRunning;
  }
  return Overlap::kSkip;
}

engine::ScheduleRow::Missed missed_of(check::Schedule::Missed missed) {
  using Missed = engine::ScheduleRow::Missed;
  switch (missed) {
    case check::Schedule::Missed::kSkip:
      return Missed::kSkip;
    case check::Schedule::Missed::kRunOnce:
      return Missed::kRunOnce;
    case check::Schedule::Missed::kRunAll:
      return Missed::kRunAll;
  }
  return Missed::kSkip;
}

Result<engine::AddSchedule> wanted_of(const Project& project, const std::string& file,
                                      const check::CheckedProgram& checked,
                                      const check::Schedule& schedule) {
  auto start = compiler::compile_schedule(checked, schedule);
  if (!start) return tl::unexpected(start.error());
  const bytecode::Runbook* with_arguments = start->with_arguments.find_runbook(start->runbook);
  if (with_arguments == nullptr)
    return fail(ErrorKind::kInternal, fmt::format("there is no runbook {}", start->runbook));
  engine::AddSchedule made;
  made.name = checked.symbol(schedule.symbol).name;
  auto arguments = vm::check_parameters(start->with_arguments, *with_arguments, {});
  if (!arguments) {
    Error error = arguments.error();
    error.kind = ErrorKind::kRefused;
    error.message = fmt::format("schedule {}: {}", made.name, error.message);
    return tl::unexpected(std::move(error));
  }
  made.arguments = std::move(*arguments);
  made.program = std::make_shared<const bytecode::Program>(std::move(start->program));
  made.runbook = start->runbook;
  made.timing = schedule.timing;
  made.overlap = overlap_of(schedule.overlap);
  made.missed = missed_of(schedule.missed);
  made.missed_within = schedule.missed_within;
  made.place = project.relative(file) + ":" + made.name;
  std::error_code no_folder;
  made.folder = std::filesystem::current_path(no_folder).string();
  made.umask = static_cast<int32_t>(file_mask());
  return made;
}

/// Those of one file, or the one of that name. Nothing: its errors were printed.
Result<std::optional<std::vector<engine::AddSchedule>>> wanted_in(const Terminal& terminal,
                                                                  const Project& project,
                                                                  const Target& target) {
  auto checked = load_checked(terminal, project, target.file);
  if (!checked) return tl::unexpected(checked.error());
  if (!*checked) return std::nullopt;
  const auto found =
      declared(**checked, check::Symbol::Kind::kSchedule, "schedule", target.file, target.runbook);
  if (!found) return tl::unexpected(found.error());
  std::vector<engine::AddSchedule> wanted;
  wanted.reserve(found->size());
  for (const check::Schedule& one : (*checked)->schedules) {
    if (std::find(found->begin(), found->end(), one.symbol) == found->end()) continue;
    auto made = wanted_of(project, target.file, **checked, one);
    if (!made) return tl::unexpected(made.error());
    wanted.push_back(std::move(*made));
  }
  return wanted;
}

void show_added(const Terminal& terminal, const engine::AddSchedule& schedule,
                const engine::ScheduleAdded& added) {
  if (terminal.json) {
    boost::json::array changes;
    for (const std::string& change : added.changes) changes.emplace_back(change);
    boost::json::array next;
    for (const timing::Firing& one : added.next)
      next.emplace_back(firing_time(schedule.timing, one));
    return terminal.print_json({{"event", added.is_new ? "added" : "replaced"},
                                {"schedule", schedule.name},
                                {"runbook", schedule.runbook},
                                {"file", schedule.place},
                                {"changes", std::move(changes)},
                                {"next", std::move(next)}});
  }
  std::string text = fmt::format("{} {}\n", schedule.name,
                                 added.is_new            ? "is new"
                                 : added.changes.empty() ? "is as it was"
                                                         : "is changed");
  for (const std::string& change : added.changes) text += fmt::format("  {}\n", change);
  for (const timing::Firing& one : added.next)
    text += fmt::format("  next {}\n", firing_time(schedule.timing, one));
  terminal.print(text);
}

/// Nothing fires where no worker is.
void tell_without_worker(const Terminal& terminal, engine::Engine& engine, std::string_view what) {
  const auto workers = engine.workers();
  if (!workers || !workers->empty() || terminal.json) return;
  terminal.print_to_err(
      fmt::format("no worker is alive that {}: rbk worker{}\n", what, terminal.store_option));
}

ExitStatus add(const Terminal& terminal, const Arguments& arguments) {
  std::vector<std::string> targets;
  StoreOptions store;
  Options options("schedule add", "FILE[:NAME]…");
  options.words("FILE", targets);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (targets.empty())
    return refuse(terminal, {ErrorKind::kInvalid, "a FILE is missing",
                             "name what to add: rbk schedule add ops.rbk:nightly"});
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  // All of them are looked at before the first is added.
  std::vector<engine::AddSchedule> wanted;
  for (const std::string& text : targets) {
    auto found = wanted_in(terminal, *project, parse_target(text));
    if (!found) return refuse(terminal, found.error());
    if (!*found) return ExitStatus::kUsage;
    for (engine::AddSchedule& one : **found) wanted.push_back(std::move(one));
  }
  Result<Session> session = open_session(std::move(*project), store, engine::OpenMode::kCreate);
  if (!session) return refuse(terminal, session.error());
  for (const engine::AddSchedule& one : wanted)
    if (Status fits = session->engine->check_schedule(one); !fits)
      return refuse(terminal, fits.error());
  for (const engine::AddSchedule& one : wanted) {
    auto added = session->engine->add_schedule(one, session->person);
    if (!added) return refuse(terminal, added.error());
    show_added(terminal, one, *added);
  }
  tell_without_worker(terminal, *session->engine, "fires it");
  return ExitStatus::kSucceeded;
}

ExitStatus list(const Terminal& terminal, const Arguments& arguments) {
  std::optional<std::string> name;
  std::optional<std::string> count_text;
  StoreOptions store;
  Options options("schedule list", "[NAME] [-n N]");
  options.optional_word("NAME", name).value("-n", count_text);
  store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<int> count = how_many(count_text, 20);
  if (!count) return refuse(terminal, count.error());
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session) return refuse(terminal, session.error());
  engine::Engine& engine = *session->engine;
  if (name) {
    auto one = engine.schedule(*name);
    if (!one) return refuse(terminal, one.error());
    auto firings = engine.firings(*name, static_cast<uint32_t>(*count));
    if (!firings) return refuse(terminal, firings.error());
    if (terminal.json) {
      terminal.print_json(schedule_json(*one));
      for (const engine::FiringSummary& firing : *firings) terminal.print_json(firing_json(firing));
      return ExitStatus::kSucceeded;
    }
    std::string text = schedule_text(*one);
    for (const engine::FiringSummary& firing : *firings) text += "  " + firing_text(firing) + "\n";
    terminal.print(text);
    return ExitStatus::kSucceeded;
  }
  auto all = engine.schedules();
  if (!all) return refuse(terminal, all.error());
  if (terminal.json) {
    for (const engine::ScheduleSummary& one : *all) terminal.print_json(schedule_json(one));
    return ExitStatus::kSucceeded;
  }
  terminal.print(all->empty() ? "no schedules\n" : schedules_text(*all));
  const bool fires =
      std::any_of(all->begin(), all->end(), [](const auto& one) { return !one.next.empty(); });
  if (fires) tell_without_worker(terminal, engine, "fires them");
  return ExitStatus::kSucceeded;
}

/// The word NAME, and who acts in which store.
struct Named {
  std::string name;
  Session session;
};

Result<Named> named(std::string_view verb, const Arguments& arguments) {
  Named made;
  StoreOptions store;
  Options options(verb, "NAME");
  options.word("NAME", made.name);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return tl::unexpected(parsed.error());
  auto session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return tl::unexpected(session.error());
  made.session = std::move(*session);
  return made;
}

ExitStatus change(const Terminal& terminal, std::string_view verb, std::string_view done_word,
                  const Arguments& arguments,
                  Status (engine::Engine::*what)(const std::string&, const engine::Person&)) {
  auto of = named(verb, arguments);
  if (!of) return refuse(terminal, of.error());
  engine::Engine& engine = *of->session.engine;
  if (Status done = (engine.*what)(of->name, of->session.person); !done)
    return refuse(terminal, done.error());
  if (terminal.json)
    terminal.print_json({{"event", done_word}, {"schedule", of->name}});
  else
    terminal.print(fmt::format("{} is {}\n", of->name, done_word));
  return ExitStatus::kSucceeded;
}

void show(const Terminal& terminal, const engine::FiringSummary& firing) {
  if (terminal.json)
    terminal.print_json(firing_json(firing));
  else
    terminal.print(firing_text(firing) + "\n");
}

ExitStatus run(const Terminal& terminal, const Arguments& arguments) {
  std::string name;
  std::vector<std::string> overrides;
  std::optional<std::string> reason;
  StoreOptions store;
  Options options("schedule run", "NAME [--override CALENDAR]… [--reason TEXT]");
  options.word("NAME", name).values("--override", overrides).value("--reason", reason);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  auto session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  engine::Engine& engine = *session->engine;
  auto firing = engine.run_schedule(name, session->person, overrides, reason.value_or(""));
  if (!firing) return refuse(terminal, firing.error());
  show(terminal, *firing);
  tell_without_worker(terminal, engine, "goes on with it");
  return ExitStatus::kSucceeded;
}

Result<int64_t> time_of(std::string_view option, const std::optional<std::string>& text) {
  if (!text)
    return fail(ErrorKind::kInvalid, fmt::format("{} is missing", option),
                fmt::format("write {} 2026-11-24T03:00:00Z", option));
  Result<int64_t> time = parse_time(*text);
  if (!time)
    return fail(ErrorKind::kInvalid, fmt::format("{}: {}", option, time.error().message),
                time.error().cure);
  return time;
}

ExitStatus backfill(const Terminal& terminal, const Arguments& arguments) {
  std::string name;
  std::optional<std::string> from_text;
  std::optional<std::string> to_text;
  StoreOptions store;
  Options options("schedule backfill", "NAME --from TIME --to TIME");
  options.word("NAME", name).value("--from", from_text).value("--to", to_text);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  Result<int64_t> from = time_of("--from", from_text);
  if (!from) return refuse(terminal, from.error());
  Result<int64_t> to = time_of("--to", to_text);
  if (!to) return refuse(terminal, to.error());
  auto session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  auto firings = session->engine->backfill(name, *from, *to, session->person);
  if (!firings) return refuse(terminal, firings.error());
  for (const engine::FiringSummary& firing : *firings) show(terminal, firing);
  if (firings->empty() && !terminal.json) terminal.print("it was not due in that time\n");
  tell_without_worker(terminal, *session->engine, "starts them");
  return ExitStatus::kSucceeded;
}

}  // namespace

std::optional<ExitStatus> stored_schedule_command(const Terminal& terminal, std::string_view verb,
                                                  const Arguments& arguments) {
  using engine::Engine;
  if (verb == "add") return add(terminal, arguments);
  if (verb == "list") return list(terminal, arguments);
  if (verb == "pause")
    return change(terminal, "schedule pause", "paused", arguments, &Engine::pause_schedule);
  if (verb == "resume")
    return change(terminal, "schedule resume", "resumed", arguments, &Engine::resume_schedule);
  if (verb == "remove")
    return change(terminal, "schedule remove", "removed", arguments, &Engine::remove_schedule);
  if (verb == "run") return run(terminal, arguments);
  if (verb == "backfill") return backfill(terminal, arguments);
  return std::nullopt;
}

}  // namespace rbk::cli
