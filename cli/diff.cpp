#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/change_report.h"
#include "compiler/effects/compare.h"

namespace rbk::cli {
namespace {

using effects::Change;
using effects::Summary;
using Kind = Change::Kind;
using What = Change::What;

/// The public runbooks, or the one that is named. kNotFound lists those that exist.
Result<std::vector<Summary>> summaries(const check::CheckedProgram& program, const Target& target) {
  std::vector<Summary> all;
  for (const check::SymbolId runbook : effects::runbooks_of(program)) {
    if (target.runbook.empty() ? program.symbol(runbook).name.starts_with('_')
                               : program.symbol(runbook).name != target.runbook)
      continue;
    all.push_back(effects::summarise(program, runbook));
  }
  if (!all.empty() || target.runbook.empty()) return all;
  std::vector<std::string_view> names;
  std::string list;
  for (const check::SymbolId runbook : effects::runbooks_of(program)) {
    names.push_back(program.symbol(runbook).name);
    list += (list.empty() ? "" : ", ") + program.symbol(runbook).name;
  }
  const std::string_view near = nearest_name(target.runbook, names);
  return fail(ErrorKind::kNotFound,
              fmt::format("{} has no runbook \"{}\"", target.file, target.runbook),
              !near.empty()  ? fmt::format("did you mean {}:{}?", target.file, near)
              : list.empty() ? "it has none at all"
                             : "it has " + list);
}

struct Difference {
  std::string runbook;
  std::vector<Change> changes;
};

std::vector<Difference> differences(const std::vector<Summary>& before,
                                    const std::vector<Summary>& after, bool by_name) {
  std::vector<Difference> all;
  const auto only = [](const std::string& name, Kind kind) {
    return Difference{name,
                      {Change{kind, What::kRunbook, name, {}, {}, {}, {}, kind == Kind::kAdded}}};
  };
  const auto find = [&](const std::vector<Summary>& in, const std::string& name) {
    return std::find_if(in.begin(), in.end(),
                        [&](const Summary& one) { return !by_name || one.runbook == name; });
  };
  for (const Summary& was : before) {
    const auto is = find(after, was.runbook);
    if (is == after.end())
      all.push_back(only(was.runbook, Kind::kRemoved));
    else if (std::vector<Change> changes = effects::compare(was, *is); !changes.empty())
      all.push_back({is->runbook, std::move(changes)});
  }
  for (const Summary& is : after)
    if (find(before, is.runbook) == before.end()) all.push_back(only(is.runbook, Kind::kAdded));
  return all;
}

void show(const Terminal& terminal, const std::vector<Difference>& all) {
  size_t count = 0;
  size_t wider = 0;
  for (const auto& [runbook, changes] : all) {
    const std::string name = terminal.out_colour ? "\033[1m" + runbook + "\033[0m" : runbook;
    std::string text = name + "\n";
    for (const Change& change : changes) {
      ++count;
      if (change.widens) ++wider;
      std::string line = fmt::format("  {} {}", change.widens ? '!' : ' ', change_text(change));
      if (change.widens && terminal.out_colour) line = "\033[33m" + line + "\033[0m";
      text += line + "\n";
    }
    terminal.print(text);
  }
  if (count == 0) return terminal.print("no differences in what they do\n");
  terminal.print(fmt::format(
      "{} difference{}{}\n", count, count == 1 ? "" : "s",
      wider == 0 ? ""
                 : fmt::format(", {} marked ! reach{} further", wider, wider == 1 ? "es" : "")));
}

}  // namespace

ExitStatus diff_command(const Terminal& terminal, const Arguments& arguments) {
  std::string old_word;
  std::string new_word;
  Options options("diff", "OLD.rbk[:RUNBOOK] NEW.rbk[:RUNBOOK]");
  options.word("OLD.rbk", old_word).word("NEW.rbk", new_word);
  // Whatever keeps the two from being compared is 2, as with diff: 1 says that they differ.
  const auto refused = [&](const Error& error) {
    terminal.print_error(error);
    return ExitStatus::kUsage;
  };
  if (Status parsed = options.parse(arguments); !parsed) return refused(parsed.error());
  Result<Project> project = find_project();
  if (!project) return refused(project.error());
  Target before = parse_target(old_word);
  Target after = parse_target(new_word);
  if (before.file == "-" && after.file == "-")
    return refused({ErrorKind::kInvalid, "standard input can be only one of the two",
                    "name a file for the other"});
  // A runbook that is named once is meant on both sides.
  if (before.runbook.empty()) before.runbook = after.runbook;
  if (after.runbook.empty()) after.runbook = before.runbook;
  std::vector<std::vector<Summary>> both;
  for (const Target& target : {before, after}) {
    Result<std::unique_ptr<check::CheckedProgram>> checked =
        load_checked(terminal, *project, target.file);
    if (!checked) return refused(checked.error());
    if (*checked == nullptr) return ExitStatus::kUsage;
    Result<std::vector<Summary>> found = summaries(**checked, target);
    if (!found) return refused(found.error());
    both.push_back(std::move(*found));
  }
  const std::vector<Difference> all =
      differences(both.front(), both.back(), before.runbook.empty());
  if (terminal.json) {
    for (const auto& [runbook, changes] : all)
      for (const Change& change : changes) terminal.print_json(change_json(runbook, change));
  } else {
    show(terminal, all);
  }
  return all.empty() ? ExitStatus::kSucceeded : ExitStatus::kFailed;
}

}  // namespace rbk::cli
