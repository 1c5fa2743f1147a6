#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>

#include "base/file_mask.h"
#include "base/project_root.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/manifest_file.h"
#include "cli/options.h"
#include "cli/parameters.h"
#include "cli/program_file.h"
#include "cli/project_secrets.h"
#include "cli/session.h"
#include "engine/run_secrets.h"
#include "stdlib/exec/program_file.h"
#include "vm/machine.h"

namespace rbk::cli {
namespace {

struct RunOptions {
  std::string target;
  std::optional<std::string> params;
  std::optional<std::string> reason;
  std::vector<std::string> labels;
  std::vector<std::string> overrides;
  std::optional<std::string> manifest;
  bool confirm = false;
  bool detach = false;
  bool dry_run = false;
  StoreOptions store;
  std::vector<OtherOption> parameters;
};

Result<boost::json::object> read_labels(const std::vector<std::string>& labels) {
  boost::json::object result;
  for (const std::string& label : labels) {
    const auto pair = key_and_value("--label", label);
    if (!pair) return tl::unexpected(pair.error());
    result[pair->first] = pair->second;
  }
  return result;
}

/// A value that does not fit is a refusal, not a mistake in how the command is used.
ExitStatus refuse_parameters(const Terminal& terminal, const Error& error) {
  refuse(terminal, error);
  return ExitStatus::kRefused;
}

ExitStatus start_detached(const Terminal& terminal, Session& session, const std::string& run,
                          const std::string& runbook) {
  if (Status let_go = session.engine->detach(run); !let_go) return refuse(terminal, let_go.error());
  const auto summary = session.engine->summary(run);
  if (!summary) return refuse(terminal, summary.error());
  const std::string& placement = summary->placement;
  const Result<size_t> workers = workers_of(*session.engine, placement);
  if (!workers) return refuse(terminal, workers.error());
  if (terminal.json) {
    boost::json::object event{{"event", "run"}, {"run", run}, {"runbook", runbook}};
    if (!placement.empty()) event["worker"] = placement;
    event["workers"] = *workers;
    terminal.print_json(event);
    return ExitStatus::kSucceeded;
  }
  terminal.print(run + "\n");
  // One that does nothing to the world is over already.
  if (engine::is_over(summary->status) || *workers > 0) return ExitStatus::kSucceeded;
  terminal.print_to_err(
      placement.empty()
          ? fmt::format("no worker is alive that goes on with it: rbk worker{1}, or rbk resume "
                        "{0}{1}\n",
                        run, terminal.store_option)
          : fmt::format("no worker is alive that goes on with it: {}\n",
                        worker_for(placement, terminal.store_option)));
  return ExitStatus::kSucceeded;
}

/// What `rbk plan` understands of it.
Arguments words_of_plan(const RunOptions& given) {
  Arguments words{given.target};
  if (given.params) words.push_back("--params=" + *given.params);
  for (const OtherOption& parameter : given.parameters)
    words.push_back(fmt::format("--{}{}{}", parameter.name, parameter.value ? "=" : "",
                                parameter.value.value_or("")));
  return words;
}

/// Of the own actions that the program has: a run that needs what is not there does not begin.
Status check_programs(const bytecode::Program& program) {
  std::error_code no_folder;
  const std::string root = project_root(std::filesystem::current_path(no_folder).string());
  for (const bytecode::ActionImport& action : program.actions) {
    if (action.exec.empty()) continue;
    for (const bytecode::SourceFile& file : program.files) {
      if (file.path != action.exec) continue;
      if (Status fits = stdlib::check_program(root, file.path, file.hash); !fits) return fits;
    }
  }
  return {};
}

Status check_confirm(const RunOptions& given) {
  if (given.confirm && given.detach)
    return fail(ErrorKind::kInvalid, "--confirm asks, and with --detach nobody would answer",
                "leave one of them out");
  if (given.confirm && given.params == "-")
    return fail(ErrorKind::kInvalid, "--confirm reads its answers where `--params -` reads",
                "give the parameters by a file or by options");
  return {};
}

ExitStatus run_confirmed(const Terminal& terminal, Session& session, const std::string& run,
                         const std::string& runbook) {
  // Not a tree: it would be drawn over the questions.
  const std::unique_ptr<Report> report =
      terminal.json ? json_report(terminal) : line_report(terminal);
  report->started({run, runbook});
  Confirmation confirmation(terminal, STDIN_FILENO);
  const ExitStatus status =
      go_on(terminal, session, run, *report,
            [&](const engine::AboutToWrite& attempt) { return confirmation.ask(attempt); });
  if (!confirmation.refused().empty() && !terminal.json)
    terminal.print_to_err(fmt::format(
        "{0} has not begun; `rbk resume {1}` goes on without asking, `rbk show {1}` tells how it "
        "stands\n",
        confirmation.refused(), run));
  return status;
}

/// Holds the program to the manifest that was given, if there is one. kRefused: its text reaches
/// further.
Status hold_to_manifest(const RunOptions& given, const Target& target, Loaded& loaded) {
  if (!given.manifest) return {};
  Result<const bytecode::Runbook*> runbook = choose_runbook(*loaded.program, target);
  if (!runbook) return tl::unexpected(runbook.error());
  Result<bytecode::Manifest> manifest = read_manifest(*given.manifest, (*runbook)->name);
  if (!manifest) return tl::unexpected(manifest.error());
  auto held = held_to(loaded, (*runbook)->name, *manifest);
  if (!held) return tl::unexpected(held.error());
  loaded.program = std::move(*held);
  return {};
}

/// What a run is made of.
struct Wanted {
  Project project;
  Target target;
  Loaded loaded;  // held to its manifest
};

/// Without a program its text has errors, which were told.
Result<Wanted> read_wanted(const Terminal& terminal, const RunOptions& given) {
  Result<Project> project = find_project();
  if (!project) return tl::unexpected(project.error());
  Wanted wanted{std::move(*project), parse_target(given.target), {}};
  Result<Loaded> loaded = load_program(terminal, wanted.project, wanted.target.file);
  if (!loaded) return tl::unexpected(loaded.error());
  wanted.loaded = std::move(*loaded);
  if (!wanted.loaded.program) return wanted;
  if (Status may = hold_to_manifest(given, wanted.target, wanted.loaded); !may)
    return tl::unexpected(may.error());
  return wanted;
}

ExitStatus dry_run(const Terminal& terminal, const RunOptions& given) {
  if (given.manifest) {
    const Result<Wanted> wanted = read_wanted(terminal, given);
    if (!wanted) return refuse(terminal, wanted.error());
    if (!wanted->loaded.program) return ExitStatus::kUsage;
  }
  return plan_command(terminal, words_of_plan(given));
}

}  // namespace

ExitStatus run_command(const Terminal& terminal, const Arguments& arguments) {
  RunOptions given;
  Options options("run", "FILE[:RUNBOOK] [--PARAM VALUE]…");
  options.word("FILE", given.target)
      .value("--params", given.params)
      .value("--reason", given.reason)
      .values("--label", given.labels)
      .values("--override", given.overrides)
      .value("--manifest", given.manifest)
      .flag("--confirm", given.confirm)
      .flag("--detach", given.detach)
      .flag("--dry-run", given.dry_run)
      .others(given.parameters);
  given.store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (given.dry_run) return dry_run(terminal, given);
  if (Status fits = check_confirm(given); !fits) return refuse(terminal, fits.error());
  Result<boost::json::object> labels = read_labels(given.labels);
  if (!labels) return refuse(terminal, labels.error());
  Result<Wanted> wanted = read_wanted(terminal, given);
  if (!wanted) return refuse(terminal, wanted.error());
  if (!wanted->loaded.program) return ExitStatus::kUsage;
  const bytecode::Program& program = *wanted->loaded.program;
  Result<const bytecode::Runbook*> runbook = choose_runbook(program, wanted->target);
  if (!runbook) return refuse(terminal, runbook.error());
  Result<boost::json::object> read =
      read_parameters(program, **runbook, given.parameters, given.params, options.names());
  if (!read) return refuse(terminal, read.error());
  Result<boost::json::array> checked = vm::check_parameters(program, **runbook, *read);
  if (!checked) return refuse_parameters(terminal, with_usage(checked.error(), program, **runbook));

  if (Status ready = check_programs(program); !ready) return refuse(terminal, ready.error());
  std::error_code no_folder;  // it was removed: its commands will say so
  const std::string folder = std::filesystem::current_path(no_folder).string();
  ProjectSecrets secrets;
  if (Status ready = engine::RunSecrets(program, **runbook, *checked, folder).check(&secrets);
      !ready)
    return refuse(terminal, ready.error());
  secrets.warn(terminal);

  Result<Session> session =
      open_session(std::move(wanted->project), given.store, engine::OpenMode::kCreate);
  if (!session) return refuse(terminal, session.error());
  engine::StartRun start;
  start.program = wanted->loaded.program;
  start.runbook = (*runbook)->name;
  start.arguments = std::move(*checked);
  start.reason = given.reason.value_or("");
  start.labels = std::move(*labels);
  start.overrides = given.overrides;
  start.starter = session->person;
  start.folder = folder;
  start.umask = static_cast<int32_t>(file_mask());
  Result<std::string> run = session->engine->start(start);
  if (!run) return refuse(terminal, run.error());
  if (given.detach) return start_detached(terminal, *session, *run, start.runbook);
  if (given.confirm) return run_confirmed(terminal, *session, *run, start.runbook);
  const std::unique_ptr<Report> report = make_report(terminal);
  report->started({*run, start.runbook});
  return go_on(terminal, *session, *run, *report);
}

}  // namespace rbk::cli
