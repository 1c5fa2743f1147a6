// `rbk calendar`: whether calendars are open now, and what they keep closed; and letting go what
// one holds back.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/report/schedules.h"
#include "cli/session.h"
#include "cli/timing_options.h"
#include "timing/calendar.h"

namespace rbk::cli {
namespace {

using timing::Calendar;
using timing::sys_seconds;

/// What is closed now and the closings after it; the first `count` of them.
std::vector<Calendar::Closed> closings(const Calendar& calendar, sys_seconds from, int count) {
  std::vector<Calendar::Closed> found;
  auto closed = calendar.closed(from);
  if (!closed) closed = calendar.next(from);
  while (closed && found.size() < static_cast<size_t>(count)) {
    found.push_back(*closed);
    closed = closed->end ? calendar.next(*closed->end) : std::nullopt;
  }
  return found;
}

std::string state(const Calendar& calendar, const std::optional<Calendar::Closed>& now,
                  const std::optional<Calendar::Closed>& next) {
  if (now && !now->end) return "closed, and never open again";
  if (now) return fmt::format("closed until {}", timing::format(*now->end, calendar.zone()));
  if (next) return fmt::format("open until {}", timing::format(next->begin, calendar.zone()));
  return "open, and never closed again";
}

void show(const Terminal& terminal, const Calendar& calendar, sys_seconds from, int count) {
  const auto now = calendar.closed(from);
  const std::vector<Calendar::Closed> found = closings(calendar, from, count);
  const auto next = !now && !found.empty() ? std::optional(found.front()) : std::nullopt;
  const auto text = [&](sys_seconds at) { return timing::format(at, calendar.zone()); };
  if (terminal.json) {
    boost::json::object line{{"calendar", calendar.name()},
                             {"zone", calendar.zone().name()},
                             {"closed", now.has_value()}};
    if (now && now->end) line["until"] = text(*now->end);
    if (next) line["until"] = text(next->begin);
    boost::json::array list;
    for (const Calendar::Closed& one : found) {
      boost::json::object closing{{"begin", text(one.begin)}};
      if (one.end) closing["end"] = text(*one.end);
      if (!one.why.empty()) closing["why"] = one.why;
      list.push_back(std::move(closing));
    }
    line["closings"] = std::move(list);
    return terminal.print_json(line);
  }
  std::string lines = fmt::format("{}  {}  {}\n", calendar.name(), calendar.zone().name(),
                                  state(calendar, now, next));
  for (const Calendar::Closed& one : found)
    lines += fmt::format("  {}  {}{}{}\n", text(one.begin),
                         one.end ? text(*one.end) : std::string("for ever"),
                         one.why.empty() ? "" : "  ", one.why);
  terminal.print(lines);
}

ExitStatus override_for(const Terminal& terminal, const Arguments& arguments) {
  std::string name;
  std::optional<std::string> reason;
  StoreOptions store;
  Options options("calendar override", "SCHEDULE --reason TEXT");
  options.word("SCHEDULE", name).value("--reason", reason);
  store.describe(options, true);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (name.ends_with(".rbk") || name.find(".rbk:") != std::string::npos)
    return refuse(
        terminal,
        {ErrorKind::kInvalid, fmt::format("{} is a file, not a schedule of the store", name),
         "a run is let go by: rbk run FILE --override CALENDAR --reason \"…\""});
  Result<Session> session = open_session(store, engine::OpenMode::kExisting);
  if (!session) return refuse(terminal, session.error());
  auto firing = session->engine->override_calendar(name, reason.value_or(""), session->person);
  if (!firing) return refuse(terminal, firing.error());
  if (terminal.json)
    terminal.print_json(firing_json(*firing));
  else
    terminal.print(firing_text(*firing) + "\n");
  return ExitStatus::kSucceeded;
}

}  // namespace

ExitStatus calendar_command(const Terminal& terminal, const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "override")
    return override_for(terminal, {arguments.begin() + 1, arguments.end()});
  const std::string first = arguments.empty() ? std::string() : arguments.front();
  if (const Status known = known_verb("calendar", first, {"list", "override"});
      !known && !first.starts_with('-'))
    return refuse(terminal, known.error());
  std::string verb;
  std::string file;
  std::optional<std::string> from_text;
  std::optional<std::string> count_text;
  Options options("calendar", "list FILE[:NAME] [--from TIME] [-n N]");
  options.word("list", verb).word("FILE", file).value("--from", from_text).value("-n", count_text);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (const Status known = known_verb("calendar", verb, {"list"}); !known)
    return refuse(terminal, known.error());
  Result<sys_seconds> from = from_time(from_text);
  if (!from) return refuse(terminal, from.error());
  Result<int> count = how_many(count_text, 5);
  if (!count) return refuse(terminal, count.error());
  Result<Project> project = find_project();
  if (!project) return refuse(terminal, project.error());
  const Target target = parse_target(file);
  auto checked = load_checked(terminal, *project, target.file);
  if (!checked) return refuse(terminal, checked.error());
  if (!*checked) return ExitStatus::kUsage;
  const auto found =
      declared(**checked, check::Symbol::Kind::kCalendar, "calendar", target.file, target.runbook);
  if (!found) return refuse(terminal, found.error());
  for (const check::SymbolId id : *found) {
    const auto calendar = (*checked)->calendars.find(id);
    if (calendar != (*checked)->calendars.end()) show(terminal, calendar->second, *from, *count);
  }
  return ExitStatus::kSucceeded;
}

}  // namespace rbk::cli
