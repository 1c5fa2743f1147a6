// `upgrade`: whether suspended runs can go on with a new version of their program, and moving them
// to it.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <filesystem>

#include "base/project_root.h"
#include "base/text_width.h"
#include "cli/command.h"
#include "cli/manifest_file.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/replay.h"
#include "cli/session.h"
#include "engine/upgrade.h"

namespace rbk::cli {
namespace {

using engine::UpgradeVerdict;
using Verdict = UpgradeVerdict::What;

std::string side_text(std::string_view word, const std::optional<UpgradeVerdict::Side>& side) {
  if (!side) return {};
  const std::string what = side->request.empty() ? "nothing" : request_text(side->request);
  const std::string place = side->place.file.empty() ? "" : "  " + place_text(side->place);
  return fmt::format("    {} {}{}\n", word, what, place);
}

std::string text_of(const UpgradeVerdict& verdict, bool moved) {
  std::string text = fmt::format("{}  {}  ", verdict.run, verdict.runbook);
  switch (verdict.what) {
    case Verdict::kSame:
      return text + "has this program already\n";
    case Verdict::kGoesOn:
      return text + (moved ? "moved: goes on with it from here on\n" : "goes on\n");
    case Verdict::kMustStay:
      text += "must stay";
      break;
  }
  if (verdict.event != 0) text += fmt::format(", for event {}", verdict.event);
  text += fmt::format(": {}\n", printable(verdict.why));
  return text + side_text("was", verdict.was) + side_text("now", verdict.now);
}

boost::json::object side_json(const UpgradeVerdict::Side& side) {
  boost::json::object made = side.request;
  if (!side.place.file.empty())
    made["place"] = {
        {"file", side.place.file}, {"line", side.place.line}, {"column", side.place.column}};
  return made;
}

boost::json::object json_of(const UpgradeVerdict& verdict, bool moved) {
  boost::json::object made{
      {"event", moved && verdict.what == Verdict::kGoesOn ? "upgraded" : "verdict"},
      {"run", verdict.run},
      {"runbook", verdict.runbook},
      {"verdict", verdict.what == Verdict::kSame     ? "same"
                  : verdict.what == Verdict::kGoesOn ? "goes_on"
                                                     : "must_stay"},
      {"from", verdict.from},
      {"to", verdict.to}};
  if (verdict.what != Verdict::kMustStay) return made;
  made["why"] = verdict.why;
  if (verdict.event != 0) made["number"] = verdict.event;
  if (verdict.was) made["was"] = side_json(*verdict.was);
  if (verdict.now) made["now"] = side_json(*verdict.now);
  return made;
}

/// The unfinished runs that were started from a file of this name in this project, oldest first: a
/// store may serve several.
Result<std::vector<std::string>> runs_of(engine::Engine& engine, const bytecode::Program& program,
                                         const std::string& root) {
  engine::RunFilter filter;
  filter.unfinished = true;
  auto runs = engine.runs(filter);
  if (!runs) return tl::unexpected(runs.error());
  std::vector<std::string> found;
  for (auto run = runs->rbegin(); run != runs->rend(); ++run) {
    if (program.find_runbook(run->runbook) == nullptr || !run->undoes.empty()) continue;
    if (project_root(run->folder) != root) continue;
    auto pinned = engine.program(run->id);
    if (!pinned) return tl::unexpected(pinned.error());
    const bool same_file = !(*pinned)->files.empty() && !program.files.empty() &&
                           (*pinned)->files.front().path == program.files.front().path;
    if (same_file) found.push_back(run->id);
  }
  return found;
}

/// A run stays held to its manifest: the new program is held to it too.
Result<UpgradeVerdict> judge(Session& session, const std::string& run, const Loaded& loaded,
                             bool check) {
  std::shared_ptr<const bytecode::Program> program = loaded.program;
  auto pinned = session.engine->program(run);
  if (!pinned) return tl::unexpected(pinned.error());
  if ((*pinned)->manifest && !program->manifest) {
    auto summary = session.engine->summary(run);
    if (!summary) return tl::unexpected(summary.error());
    auto held = held_to(loaded, summary->runbook, *(*pinned)->manifest);
    if (!held) return tl::unexpected(held.error());
    program = std::move(*held);
  }
  return check ? session.engine->check_upgrade(run, session.person, program)
               : session.engine->upgrade(run, program, session.person);
}

}  // namespace

ExitStatus upgrade_command(const Terminal& terminal, const Arguments& arguments) {
  std::vector<std::string> runs;
  std::optional<std::string> file;
  bool all = false;
  bool check = false;
  StoreOptions store;
  Options options("upgrade", "RUN…|--all --to FILE [--check]");
  options.words("RUN", runs).flag("--all", all).value("--to", file).flag("--check", check);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (runs.empty() != all)
    return refuse(terminal,
                  {ErrorKind::kInvalid,
                   all ? "--all names every run, and others are named besides" : "a run is missing",
                   "rbk upgrade RUN --to FILE, or rbk upgrade --all --to FILE"});
  if (!file)
    return refuse(terminal, {ErrorKind::kInvalid, "the new version is missing",
                             "name its file: --to FILE.rbk or --to FILE.rbkc"});
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  Result<Loaded> loaded = load_program(terminal, *project, *file);
  if (!loaded) return refuse(terminal, loaded.error());
  if (!loaded->program) return ExitStatus::kUsage;
  Result<Session> session = open_session(
      std::move(*project), store, check ? engine::OpenMode::kReading : engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  if (all) {
    const std::string root = project_root(std::filesystem::current_path().string());
    Result<std::vector<std::string>> found = runs_of(*session->engine, *loaded->program, root);
    if (!found) return refuse(terminal, found.error());
    runs = std::move(*found);
    if (runs.empty() && !terminal.json)
      terminal.print(fmt::format("no unfinished run was started from {} in {}\n", *file, root));
  }
  for (const std::string& run : runs)
    if (auto known = session->engine->summary(run); !known) return refuse(terminal, known.error());
  ExitStatus status = ExitStatus::kSucceeded;
  for (const std::string& run : runs) {
    const Result<UpgradeVerdict> verdict = judge(*session, run, *loaded, check);
    if (!verdict) {
      const ExitStatus refused = refuse(terminal, verdict.error());
      status = runs.size() == 1 && !all ? refused : ExitStatus::kFailed;
      continue;
    }
    if (terminal.json)
      terminal.print_json(json_of(*verdict, !check));
    else
      terminal.print(text_of(*verdict, !check));
    if (verdict->what == Verdict::kMustStay)
      status = check || all ? ExitStatus::kFailed : ExitStatus::kRefused;
  }
  return status;
}

}  // namespace rbk::cli
