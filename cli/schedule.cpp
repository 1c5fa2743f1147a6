// `rbk schedule`: when a schedule or a cron fires; the other verbs are schedules.cpp's.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/program_file.h"
#include "cli/schedules.h"
#include "cli/session.h"
#include "cli/timing_options.h"
#include "timing/firing.h"
#include "timing/system_zones.h"

namespace rbk::cli {
namespace {

using timing::Firing;
using timing::Timing;
using timing::Zone;

struct NextOptions {
  std::string what;
  std::optional<std::string> zone;
  std::optional<std::string> from;
  std::optional<std::string> count;
  StoreOptions store;
};

/// What fires, by name where it has one.
struct Fires {
  std::string name;
  Timing timing;
};

bool is_file(const Target& target) {
  return target.file == "-" || target.file.ends_with(".rbk") || target.file.ends_with(".rbkc");
}

/// A column of the text is shown by what stands there.
Error cron_error(const std::string& text, const timing::CronError& error) {
  return {ErrorKind::kInvalid, fmt::format("\"{}\" is no cron: {}", text, error.message),
          error.cure};
}

Result<Fires> of_cron(const std::string& text, const Zone& zone) {
  const auto cron = timing::Cron::parse(text);
  if (!cron) {
    if (text.find_first_of(" @*") != std::string::npos)
      return tl::unexpected(cron_error(text, cron.error()));
    return fail(ErrorKind::kInvalid, fmt::format("\"{}\" is neither a file nor a cron", text),
                "name a schedule by its file, as a.rbk:nightly, or one of the store, or write a "
                "cron in quotes: \"0 4 * * *\"");
  }
  Fires fires{{}, {{timing::CronIn{*cron, zone}}, {}}};
  if (!cron->next(timing::local_seconds(std::chrono::seconds(0))))
    return fail(ErrorKind::kInvalid,
                fmt::format("\"{}\" never fires: no year has such a day", text),
                "name a day that the months have: \"0 3 L * *\" is the last one of each");
  return fires;
}

/// Of a word that may name a schedule of the store; nothing: it does not.
Result<std::optional<Fires>> of_stored(const std::string& name, const StoreOptions& store) {
  if (name.find_first_of(" @*") != std::string::npos) return std::nullopt;
  Result<Session> session = open_session(store, engine::OpenMode::kReading);
  if (!session && session.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!session) return tl::unexpected(session.error());
  auto schedule = session->engine->schedule(name);
  if (!schedule && schedule.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!schedule) return tl::unexpected(schedule.error());
  if (!schedule->fault.empty())
    return fail(ErrorKind::kUnsupported,
                fmt::format("schedule {} can't fire here: {}", name, schedule->fault));
  return Fires{schedule->name, std::move(schedule->timing)};
}

std::string_view clock_name(Firing::Clock clock) {
  switch (clock) {
    case Firing::Clock::kPlain:
      return "plain";
    case Firing::Clock::kMoved:
      return "skipped";
    case Firing::Clock::kFirst:
      return "first";
    case Firing::Clock::kSecond:
      return "second";
  }
  return "plain";
}

/// Where the clocks stand that the firing is told by.
const Zone& zone_of(const Timing& timing, const Firing& firing, const Zone& otherwise) {
  const auto* cron = std::get_if<timing::CronIn>(&timing.rules.at(firing.rule));
  return cron == nullptr ? otherwise : cron->zone;
}

void show(const Terminal& terminal, const Fires& fires, const Firing& firing, const Zone& shown) {
  const std::string at = timing::format(firing.at, shown);
  if (!terminal.json) return terminal.print(at + "\n");
  boost::json::object line{{"at", at},
                           {"zone", shown.name()},
                           {"reading", timing::format(firing.nominal)},
                           {"clock", clock_name(firing.clock)}};
  if (!fires.name.empty()) line["schedule"] = fires.name;
  terminal.print_json(line);
}

ExitStatus next(const Terminal& terminal, const NextOptions& given) {
  Result<timing::sys_seconds> from = from_time(given.from);
  if (!from) return refuse(terminal, from.error());
  Result<int> count = how_many(given.count, 5);
  if (!count) return refuse(terminal, count.error());
  Result<Zone> zone = timing::system_zone(given.zone.value_or("UTC"));
  if (!zone) {
    zone.error().kind = ErrorKind::kInvalid;
    return refuse(terminal, zone.error());
  }
  const Target target = parse_target(given.what);
  Result<Fires> fires = Fires{};
  if (is_file(target)) {
    Result<Project> project = find_project();
    if (!project) return refuse(terminal, project.error());
    auto checked = load_checked(terminal, *project, target.file);
    if (!checked) return refuse(terminal, checked.error());
    if (!*checked) return ExitStatus::kUsage;
    const auto found = declared(**checked, check::Symbol::Kind::kSchedule, "schedule", target.file,
                                target.runbook);
    if (!found) return refuse(terminal, found.error());
    if (found->size() > 1)
      return refuse(
          terminal,
          {ErrorKind::kInvalid, fmt::format("{} has several schedules", target.file),
           fmt::format("say which: {}:{}", target.file, (*checked)->symbol(found->front()).name)});
    for (const check::Schedule& one : (*checked)->schedules) {
      if (one.symbol == found->front())
        fires = Fires{(*checked)->symbol(one.symbol).name, one.timing};
    }
  } else {
    auto stored = of_stored(given.what, given.store);
    if (!stored) return refuse(terminal, stored.error());
    fires = *stored ? Result<Fires>(std::move(**stored)) : of_cron(given.what, *zone);
  }
  if (!fires) return refuse(terminal, fires.error());
  timing::sys_seconds after = *from;
  for (int i = 0; i < *count; ++i) {
    const auto firing = timing::next_firing(fires->timing, after);
    if (!firing) {
      terminal.print_to_err("it does not fire again within 50 years\n");
      break;
    }
    show(terminal, *fires, *firing, given.zone ? *zone : zone_of(fires->timing, *firing, *zone));
    after = firing->at;
  }
  return ExitStatus::kSucceeded;
}

}  // namespace

ExitStatus schedule_command(const Terminal& terminal, const Arguments& arguments) {
  if (!arguments.empty())
    if (const auto done = stored_schedule_command(terminal, arguments.front(),
                                                  {arguments.begin() + 1, arguments.end()}))
      return *done;
  const std::vector<std::string_view> verbs = {"add",    "list", "pause",    "resume",
                                               "remove", "run",  "backfill", "next"};
  const std::string first = arguments.empty() ? std::string() : arguments.front();
  if (const Status known = known_verb("schedule", first, verbs); !known && !first.starts_with('-'))
    return refuse(terminal, known.error());
  std::string verb;
  NextOptions given;
  Options options("schedule", "next NAME|FILE[:NAME]|\"CRON\" [--in ZONE] [--from TIME] [-n N]");
  options.word("next", verb)
      .word("FILE or CRON", given.what)
      .value("--in", given.zone)
      .value("--from", given.from)
      .value("-n", given.count);
  given.store.describe(options, false);
  if (Status parsed = options.parse(arguments); !parsed) return refuse(terminal, parsed.error());
  if (const Status known = known_verb("schedule", verb, {"next"}); !known)
    return refuse(terminal, known.error());
  return next(terminal, given);
}

}  // namespace rbk::cli
