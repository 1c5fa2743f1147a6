#include "cli/report/store.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text_width.h"
#include "base/units.h"

namespace rbk::cli {
namespace {

std::string counted(int64_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

/// How the runs stand that are not over.
std::string runs_standing(const engine::StoreCheck& check) {
  struct Kind {
    int64_t count;
    std::string_view what;
  };
  std::string text;
  for (const Kind& kind : {Kind{check.driven, "driven"}, Kind{check.can_go_on, "can go on"},
                           Kind{check.waiting, "waiting"}, Kind{check.in_doubt, "in doubt"},
                           Kind{check.paused, "paused"}, Kind{check.quarantined, "quarantined"}})
    if (kind.count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "not over: " : ", ", kind.count, kind.what);
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::string finding_text(const engine::Finding& finding) {
  return fmt::format("{}\n  help: {}\n", printable(finding.message), printable(finding.cure));
}

boost::json::object finding_json(const engine::Finding& finding) {
  boost::json::object line{{"event", "finding"}, {"kind", finding.kind}};
  if (!finding.run.empty()) line["run"] = finding.run;
  line["message"] = finding.message;
  line["cure"] = finding.cure;
  return line;
}

std::string check_text(const engine::StoreCheck& check, const std::string& place) {
  const auto findings = static_cast<int64_t>(check.findings.size());
  return fmt::format("{}: {}, {}, {}, {} out of line\n{}{}\n", place,
                     counted(check.runs, "run", "runs"),
                     counted(check.entries, "journal entry", "journal entries"),
                     counted(check.programs, "program", "programs"),
                     counted(check.outputs, "output", "outputs"), runs_standing(check),
                     findings == 0 ? "nothing is wrong" : counted(findings, "finding", "findings"));
}

boost::json::object check_json(const engine::StoreCheck& check, const std::string& place) {
  return {{"event", "checked"},
          {"store", place},
          {"findings", check.findings.size()},
          {"runs", check.runs},
          {"entries", check.entries},
          {"programs", check.programs},
          {"outputs", check.outputs},
          {"driven", check.driven},
          {"can_go_on", check.can_go_on},
          {"waiting", check.waiting},
          {"in_doubt", check.in_doubt},
          {"paused", check.paused},
          {"quarantined", check.quarantined}};
}

std::string removed_text(const engine::RemovedTree& tree, bool would) {
  const std::string others =
      tree.runs == 1 ? std::string()
                     : fmt::format(" and {} of its tree", counted(tree.runs - 1, "run", "runs"));
  return fmt::format("run {}{}, {} {}: {}\n", tree.run, others, engine::to_string(tree.status),
                     format_time(tree.ended / 1'000'000 * 1'000'000),
                     would ? "would be removed" : "removed");
}

boost::json::object removed_json(const engine::RemovedTree& tree, bool would) {
  return {{"event", would ? "would_remove" : "removed"},
          {"run", tree.run},
          {"status", engine::to_string(tree.status)},
          {"ended", format_time(tree.ended)},
          {"runs", tree.runs}};
}

std::string retained_text(const engine::Retained& retained, bool would) {
  std::string text = fmt::format("{} {}", counted(retained.runs, "run", "runs"),
                                 would ? "would be removed" : "removed");
  if (!would && retained.outputs + retained.programs > 0)
    text += fmt::format(", with {} and {}", counted(retained.outputs, "output", "outputs"),
                        counted(retained.programs, "program", "programs"));
  text += "\n";
  if (retained.logs > 0)
    text +=
        fmt::format("the logs of {} {}\n", counted(retained.logs, "further run", "further runs"),
                    would ? "would be removed" : "removed");
  if (retained.unfinished > 0)
    text += fmt::format("{} of that age kept, since not all of their tree are over\n",
                        counted(retained.unfinished, "run", "runs"));
  if (retained.owing > 0)
    text += fmt::format("{} of that age kept, since notices of theirs are to be delivered yet\n",
                        counted(retained.owing, "run", "runs"));
  if (retained.changed > 0)
    text += fmt::format("{} kept, since they were changed meanwhile\n",
                        counted(retained.changed, "run", "runs"));
  return text;
}

boost::json::object retained_json(const engine::Retained& retained, bool would) {
  boost::json::object line{{"event", would ? "would_retain" : "retained"},
                           {"removed", retained.runs},
                           {"logs", retained.logs},
                           {"kept_unfinished", retained.unfinished},
                           {"kept_owing", retained.owing},
                           {"kept_changed", retained.changed}};
  if (would) return line;
  line["outputs"] = retained.outputs;
  line["programs"] = retained.programs;
  return line;
}

std::string held_text(const engine::HeldRun& run) {
  std::string text = fmt::format("run {}, {}, was {}; its last entry, {}, is of {}\n", run.id,
                                 printable(run.runbook), engine::to_string(run.was), run.head,
                                 format_time(run.updated / 1'000'000 * 1'000'000));
  for (const engine::LostAttempt& lost : run.lost)
    text += fmt::format("  {} ({}) was under way: it {}\n", printable(lost.path), lost.action,
                        lost.repeats ? "is tried again" : "will be in doubt");
  if (!run.problem.empty())
    text += fmt::format("  what was under way can't be told: {}\n", printable(run.problem));
  return text;
}

boost::json::object held_json(const engine::HeldRun& run) {
  boost::json::array lost;
  for (const engine::LostAttempt& one : run.lost)
    lost.push_back(boost::json::object{
        {"path", one.path}, {"action", one.action}, {"then", one.repeats ? "repeat" : "in_doubt"}});
  boost::json::object line{{"event", "held"},
                           {"run", run.id},
                           {"runbook", run.runbook},
                           {"was", engine::to_string(run.was)},
                           {"by", run.starter},
                           {"entry", run.head},
                           {"updated", format_time(run.updated)},
                           {"under_way", std::move(lost)}};
  if (!run.problem.empty()) line["problem"] = run.problem;
  return line;
}

std::string held_text(const engine::ScheduleRow& schedule) {
  const auto second = [](int64_t time) { return format_time(time / 1'000'000 * 1'000'000); };
  std::string text =
      fmt::format("schedule {}, dealt with up to {}", schedule.name, second(schedule.watermark));
  if (schedule.paused)
    text += ", is paused";
  else if (schedule.due)
    text += fmt::format(", is due at {}", second(*schedule.due));
  return text + "\n";
}

boost::json::object held_json(const engine::ScheduleRow& schedule) {
  boost::json::object made{{"event", "held_schedule"},
                           {"schedule", schedule.name},
                           {"watermark", format_time(schedule.watermark)},
                           {"paused", schedule.paused.has_value()}};
  if (schedule.due) made["due"] = format_time(*schedule.due);
  return made;
}

std::string hold_text(const engine::Hold& hold, const std::string& place) {
  return fmt::format("store {}: {}; {} quarantined since {}\n", place, hold.why,
                     counted(hold.runs, "unfinished run is", "unfinished runs are"),
                     format_time(hold.since / 1'000'000 * 1'000'000));
}

boost::json::object hold_json(const engine::Hold& hold, const std::string& place,
                              std::string_view event) {
  return {{"event", event},
          {"store", place},
          {"epoch", hold.epoch},
          {"why", hold.why},
          {"since", format_time(hold.since)},
          {"runs", hold.runs}};
}

std::string size_text(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

}  // namespace rbk::cli
