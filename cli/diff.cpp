#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "base/text_width.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/effects_report.h"
#include "compiler/effects/compare.h"

namespace rbk::cli {
namespace {

using effects::Change;
using effects::Summary;
using Kind = Change::Kind;
using What = Change::What;

std::string_view kind_name(Kind kind) {
  return kind == Kind::kAdded ? "added" : kind == Kind::kRemoved ? "removed" : "changed";
}

std::string_view what_name(What what) {
  static constexpr std::string_view kNames[] = {
      "runbook", "parameter", "result", "starter", "host",     "request", "program",
      "command", "query",     "secret", "file",    "approval", "ask",     "signal",
      "lock",    "call",      "step",   "commit",  "forward",  "rollback"};
  return kNames[static_cast<int>(what)];
}

/// One line, without what would move the cursor.
std::string line_of(const std::string& text) {
  std::string one = text;
  std::replace(one.begin(), one.end(), '\n', ' ');
  return printable(one);
}

std::string code(const std::string& text) { return fmt::format("`{}`", line_of(text)); }

/// ", in drain (undo)".
std::string in_place(const Change& change) {
  const std::string place = place_text(change.place);
  return place.empty() ? "" : ", in " + place;
}

std::string was_and_is(const std::string& of, const Change& change) {
  const auto shown = [](const std::string& text) { return text.empty() ? "none" : code(text); };
  return fmt::format("{} is {}, was {}", of, shown(change.after), shown(change.before));
}

std::string parameter(const Change& change) {
  const std::string name = code(change.subject);
  if (change.kind == Kind::kAdded)
    return fmt::format(
        "takes the new parameter {}{}", code(change.subject + ": " + change.after),
        change.after.find(" = ") == std::string::npos ? ", which must be given" : "");
  if (change.kind == Kind::kRemoved) return "no longer takes the parameter " + name;
  if (change.aspect == "where") {
    if (change.after.empty())
      return fmt::format("parameter {} may be anything, was where {}", name, code(change.before));
    if (change.before.empty())
      return fmt::format("parameter {} may only be where {}", name, code(change.after));
    const std::string in = change.subject + " in ";
    if (change.before.starts_with(in) && change.after.starts_with(in))
      return fmt::format("parameter {} may be in {}, was in {}", name,
                         line_of(change.after.substr(in.size())),
                         line_of(change.before.substr(in.size())));
    return fmt::format("parameter {} may be what has {}, was what has {}", name, code(change.after),
                       code(change.before));
  }
  if (change.aspect == "members")
    return fmt::format("parameter {} may be {}, was {}", name, change.after, change.before);
  if (change.aspect == "default" && change.after.empty())
    return fmt::format("parameter {} must be given, its default was {}", name, code(change.before));
  return was_and_is(fmt::format("the {} of parameter {}", change.aspect, name), change);
}

std::string approval(const Change& change) {
  const std::string name =
      (change.what == What::kAsk ? "question " : "approval ") + code(change.subject);
  if (change.kind == Kind::kAdded) return "adds the " + name;
  if (change.kind == Kind::kRemoved) return "drops the " + name;
  if (change.aspect == "by") {
    const auto who = [](const std::string& text) { return text.empty() ? "anybody" : text; };
    return fmt::format("the {} is decided by {}, was {}", name, who(change.after),
                       who(change.before));
  }
  if (change.aspect == "starter")
    return fmt::format("whoever started the run may {}decide on the {}",
                       change.after == "allowed" ? "" : "no longer ", name);
  if (change.aspect == "not_by")
    return was_and_is(fmt::format("who may not decide on the {}", name), change);
  return was_and_is(fmt::format("the {} of the {}", change.aspect, name), change);
}

std::string step(const Change& change) {
  const std::string name = code(change.subject);
  if (change.kind != Kind::kChanged) {
    const std::string& calls = change.kind == Kind::kAdded ? change.after : change.before;
    return fmt::format("{} the step {}{}", change.kind == Kind::kAdded ? "has" : "no longer has",
                       name, calls.empty() ? "" : fmt::format(" ({})", calls));
  }
  if (change.aspect == "behaviour") {
    const auto verb = [](const std::string& behaviour, std::string_view is) {
      return behaviour == "idempotent" ? fmt::format("{} idempotent", is)
             : behaviour.empty()       ? std::string("calls no action")
                                       : behaviour;
    };
    return fmt::format("step {} {} now, before it {}", name, verb(change.after, "is"),
                       verb(change.before, "was"));
  }
  if (change.aspect == "undo") {
    if (change.before == "rollback")
      return fmt::format("no longer undoes step {}{}", name,
                         change.after.empty() ? "" : ": " + line_of(change.after));
    if (change.after == "rollback") return fmt::format("undoes step {} now", name);
  }
  if (change.aspect == "when" && change.after.empty())
    return fmt::format("step {} is always done, was only when {}", name, code(change.before));
  if (change.aspect == "calls" && !change.after.empty() && !change.before.empty())
    return fmt::format("step {} calls {}, was {}", name, code(change.after), code(change.before));
  std::string aspect = change.aspect;
  std::replace(aspect.begin(), aspect.end(), '_', ' ');
  return was_and_is(fmt::format("`{}` of step {}", aspect, name), change);
}

/// "adds" and "no longer", with a verb for each.
std::string reached(const Change& change) {
  const bool added = change.kind == Kind::kAdded;
  const std::string place = in_place(change);
  const std::string name = line_of(change.subject);
  switch (change.what) {
    case What::kHost:
      return fmt::format("{} the host {}{}", added ? "reaches" : "no longer reaches", name, place);
    case What::kRequest:
      if (change.kind == Kind::kChanged) return was_and_is("the request " + name, change);
      return fmt::format("{} {}{}", added ? "requests" : "no longer requests", name, place);
    case What::kProgram:
      return fmt::format("{} the program {}", added ? "starts" : "no longer starts", name);
    case What::kCommand:
      if (change.kind == Kind::kChanged)
        return fmt::format("runs {}, was {}{}", code(change.after), code(change.before), place);
      return fmt::format("{} {}{}", added ? "runs" : "no longer runs",
                         code(added ? change.after : change.before), place);
    case What::kQuery:
      return fmt::format("{} {}{}", added ? "asks the database" : "no longer asks the database",
                         code(change.subject), place);
    case What::kSecret:
      if (change.kind == Kind::kChanged)
        return fmt::format("gives the secret {} to {}{}", name, change.after, place);
      return fmt::format("{} the secret {}{}", added ? "reads" : "no longer reads", name, place);
    case What::kFile:
      return fmt::format("{} the file {} ({}){}", added ? "uses" : "no longer uses", name,
                         change.aspect, place);
    case What::kSignal:
      return fmt::format("{} for the signal {}{}", added ? "waits" : "no longer waits", name,
                         place);
    case What::kLock:
      return fmt::format("{} the {}{}", added ? "takes" : "no longer takes", name, place);
    case What::kCall:
      return fmt::format("{} the runbook {}{}", added ? "calls" : "no longer calls", name, place);
    case What::kStarters:
      return fmt::format("{} may {}start it", name, added ? "" : "no longer ");
    default:
      return fmt::format("{} the point of no return \"{}\"", added ? "has" : "no longer has", name);
  }
}

std::string sentence(const Change& change) {
  switch (change.what) {
    case What::kRunbook:
      return change.kind == Kind::kAdded ? "is new" : "is gone";
    case What::kParameter:
      return parameter(change);
    case What::kResult:
      return was_and_is("what it gives", change);
    case What::kApproval:
    case What::kAsk:
      return approval(change);
    case What::kStep:
      return step(change);
    case What::kForwardTime:
    case What::kRollbackTime: {
      const std::string_view takes =
          change.what == What::kForwardTime ? "it takes" : "undoing it takes";
      if (change.after == "no bound")
        return fmt::format("how long {} has no bound, was at most {}", takes, change.before);
      return fmt::format("{} at most {}, {}", takes, change.after,
                         change.before == "no bound" ? "had no bound" : "was " + change.before);
    }
    default:
      return reached(change);
  }
}

boost::json::object change_json(const std::string& runbook, const Change& change) {
  boost::json::object made{
      {"runbook", runbook}, {"change", kind_name(change.kind)}, {"what", what_name(change.what)}};
  if (!change.subject.empty()) made["name"] = change.subject;
  if (!change.aspect.empty()) made["aspect"] = change.aspect;
  if (!change.before.empty() || change.kind == Kind::kChanged) made["before"] = change.before;
  if (!change.after.empty() || change.kind == Kind::kChanged) made["after"] = change.after;
  if (!change.place.step.empty()) made["step"] = change.place.step;
  if (!change.place.step.empty() || change.place.phase != effects::Phase::kForward)
    made["phase"] = phase_name(change.place.phase);
  made["widens"] = change.widens;
  made["text"] = sentence(change);
  return made;
}

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
      std::string line = fmt::format("  {} {}", change.widens ? '!' : ' ', sentence(change));
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
