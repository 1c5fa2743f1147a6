#include "cli/report/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/text_width.h"
#include "base/units.h"

namespace rbk::cli {

using boost::json::object;
using engine::FiringSummary;
using engine::ScheduleSummary;

std::string firing_time(const timing::Timing& timing, const timing::Firing& firing) {
  const auto* cron = std::get_if<timing::CronIn>(&timing.rules.at(firing.rule));
  return timing::format(firing.at, cron == nullptr ? timing::Zone() : cron->zone);
}

object firing_json(const FiringSummary& firing) {
  object made{{"schedule", firing.schedule},
              {"at", format_time(firing.at)},
              {"zone", firing.zone},
              {"time", format_time(firing.time)},
              {"kind", engine::to_string(firing.kind)},
              {"outcome", engine::to_string(firing.outcome)}};
  if (!firing.reading.empty()) {
    made["reading"] = firing.reading;
    made["fold"] = firing.fold;
  }
  if (!firing.why.empty()) made["why"] = firing.why;
  if (!firing.by.empty()) made["by"] = firing.by;
  if (!firing.run.empty()) made["run"] = firing.run;
  if (firing.count > 1) {
    made["count"] = firing.count;
    made["last"] = format_time(firing.last);
  }
  return made;
}

object schedule_json(const ScheduleSummary& schedule) {
  object made{{"schedule", schedule.name},
              {"runbook", schedule.runbook},
              {"file", schedule.place},
              {"program", schedule.program},
              {"arguments", schedule.arguments},
              {"when", schedule.when},
              {"overlap", engine::to_string(schedule.overlap)},
              {"missed", engine::missed_text(schedule.missed, schedule.missed_within)},
              {"folder", schedule.folder},
              {"by", schedule.author},
              {"added", format_time(schedule.added)},
              {"paused", schedule.paused.has_value()}};
  if (schedule.paused) {
    made["paused_since"] = format_time(*schedule.paused);
    made["paused_by"] = schedule.paused_by;
  }
  if (!schedule.fault.empty()) made["fault"] = schedule.fault;
  boost::json::array next;
  next.reserve(schedule.next.size());
  for (const timing::Firing& one : schedule.next)
    next.emplace_back(firing_time(schedule.timing, one));
  made["next"] = std::move(next);
  if (schedule.last) made["last"] = firing_json(*schedule.last);
  boost::json::array runs;
  for (const std::string& run : schedule.runs) runs.emplace_back(run);
  made["runs"] = std::move(runs);
  return made;
}

std::string firing_text(const FiringSummary& firing) {
  std::string text = firing.reading.empty()
                         ? fmt::format("by hand {}", format_time(firing.at / 1'000'000 * 1'000'000))
                         : fmt::format("{} {}", firing.reading, firing.zone);
  if (firing.fold > 0) text += " (the second of that name)";
  if (firing.count > 1)
    text += fmt::format(" and {} more until {}", firing.count - 1, format_time(firing.last));
  text += fmt::format(" {}", engine::to_string(firing.outcome));
  if (!firing.run.empty()) text += " run " + firing.run;
  if (!firing.by.empty()) text += " by " + firing.by;
  if (!firing.why.empty()) text += ": " + firing.why;
  return printable(text);
}

namespace {

std::string state_text(const ScheduleSummary& schedule) {
  if (schedule.paused) return "paused by " + schedule.paused_by;
  if (!schedule.fault.empty()) return "can't fire";
  return schedule.next.empty() ? "fires no more"
                               : firing_time(schedule.timing, schedule.next.front());
}

}  // namespace

std::string schedules_text(const std::vector<ScheduleSummary>& schedules) {
  size_t name = 8;
  size_t state = 25;
  size_t runbook = 7;
  for (const ScheduleSummary& one : schedules) {
    name = std::max(name, text_width(one.name));
    state = std::max(state, text_width(state_text(one)));
    runbook = std::max(runbook, text_width(one.runbook));
  }
  std::string text = fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", "SCHEDULE", name, "NEXT", state,
                                 "RUNBOOK", runbook, "LAST");
  for (const ScheduleSummary& one : schedules)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", one.name, name, state_text(one), state,
                        one.runbook, runbook, one.last ? firing_text(*one.last) : "never");
  return text;
}

std::string schedule_text(const ScheduleSummary& schedule) {
  std::string text = fmt::format("{}  {}  {}\n", schedule.name, schedule.runbook, schedule.place);
  for (const auto& [name, value] : schedule.arguments)
    text += fmt::format("  {} = {}\n", std::string_view(name),
                        printable(cut_to_width(boost::json::serialize(value), 90)));
  text += fmt::format("  fires    {}\n", schedule.when);
  text += fmt::format("  overlap  {}\n", engine::to_string(schedule.overlap));
  text +=
      fmt::format("  missed   {}\n", engine::missed_text(schedule.missed, schedule.missed_within));
  text += fmt::format("  added    {} by {}, program {:.12}\n", format_time(schedule.added),
                      schedule.author, schedule.program);
  text += fmt::format("  in       {}\n", schedule.folder);
  if (schedule.paused)
    text += fmt::format("  paused   since {} by {}\n", format_time(*schedule.paused),
                        schedule.paused_by);
  if (!schedule.fault.empty()) text += fmt::format("  can't fire: {}\n", schedule.fault);
  for (const std::string& run : schedule.runs) text += fmt::format("  run      {} goes on\n", run);
  for (const timing::Firing& one : schedule.next)
    text += fmt::format("  next     {}\n", firing_time(schedule.timing, one));
  return text;
}

}  // namespace rbk::cli
