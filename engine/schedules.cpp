// What people do with schedules, and what is told of them.
#include "engine/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/spelling.h"
#include "base/units.h"
#include "engine/engine_state.h"
#include "engine/json_fields.h"
#include "engine/schedule_plan.h"
#include "engine/schedule_timing.h"
#include "vm/json_secrets.h"

namespace rbk::engine {

namespace json = boost::json;
using timing::seconds;

namespace {

constexpr int kShownFirings = 3;
constexpr size_t kMostBackfilled = 1000;

std::vector<timing::Firing> next_firings(const timing::Timing& timing, int64_t after, int count) {
  std::vector<timing::Firing> found;
  found.reserve(static_cast<size_t>(count));
  auto next = timing::next_firing(timing, instant(after));
  while (next && found.size() < static_cast<size_t>(count)) {
    found.push_back(*next);
    next = timing::next_firing(timing, next->at);
  }
  return found;
}

json::object named(const bytecode::Program& program, const std::string& runbook,
                   const json::array& values) {
  json::object made;
  const bytecode::Runbook* found = program.find_runbook(runbook);
  if (found == nullptr) return made;
  for (size_t i = 0; i < found->parameters.size() && i < values.size(); ++i)
    made[found->parameters[i].name] = values[i];
  return made;
}

json::array array_of(const std::string& text) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  return !failure && value.is_array() ? value.get_array() : json::array();
}

/// What a new version changes, as people are told.
std::vector<std::string> changes(const ScheduleRow& was, const ScheduleRow& is,
                                 const std::string& given_was, const std::string& given_is,
                                 const std::string& when_was, const std::string& when_is) {
  std::vector<std::string> found;
  const auto told = [&](std::string_view what, const std::string& before, const std::string& now) {
    if (before != now) found.push_back(fmt::format("{}: {}, was {}", what, now, before));
  };
  told("runbook", was.runbook, is.runbook);
  if (was.program != is.program)
    found.push_back(
        fmt::format("program: {:.12}, was {:.12}", to_hex(is.program), to_hex(was.program)));
  told("arguments", given_was, given_is);
  told("fires", when_was, when_is);
  if (when_was == when_is && was.timing != is.timing)
    found.emplace_back("fires: the calendars have other rules");
  told("overlap", std::string(to_string(was.overlap)), std::string(to_string(is.overlap)));
  told("missed", missed_text(was.missed, was.missed_within),
       missed_text(is.missed, is.missed_within));
  told("file", was.place, is.place);
  told("folder", was.folder, is.folder);
  told("added by", was.author, is.author);
  return found;
}

}  // namespace

std::string_view to_string(ScheduleRow::Overlap overlap) {
  switch (overlap) {
    case ScheduleRow::Overlap::kSkip:
      return "skip";
    case ScheduleRow::Overlap::kQueue:
      return "queue";
    case ScheduleRow::Overlap::kCancelRunning:
      return "cancel_running";
  }
  return "skip";
}

std::string missed_text(ScheduleRow::Missed missed, const std::optional<int64_t>& within) {
  if (missed == ScheduleRow::Missed::kSkip) return "skip";
  std::string text = missed == ScheduleRow::Missed::kRunOnce ? "run once" : "run all";
  if (within) text += " within " + format_duration(*within);
  return text;
}

std::string_view to_string(FiringRow::Outcome outcome) {
  switch (outcome) {
    case FiringRow::Outcome::kStarted:
      return "started";
    case FiringRow::Outcome::kSkipped:
      return "skipped";
    case FiringRow::Outcome::kDelayed:
      return "delayed";
    case FiringRow::Outcome::kQueued:
      return "queued";
  }
  return "skipped";
}

std::string_view to_string(FiringRow::Kind kind) {
  switch (kind) {
    case FiringRow::Kind::kPlan:
      return "plan";
    case FiringRow::Kind::kHand:
      return "hand";
    case FiringRow::Kind::kBackfill:
      return "backfill";
  }
  return "plan";
}

FiringSummary Engine::State::summarise(const FiringRow& row, const std::string& schedule) {
  FiringSummary made;
  made.schedule = schedule;
  made.at = row.at;
  if (row.kind != FiringRow::Kind::kHand)
    made.reading = timing::format(timing::local_seconds(seconds(row.nominal)));
  made.zone = row.zone;
  made.fold = row.fold;
  made.time = row.time;
  made.kind = row.kind;
  made.outcome = row.outcome;
  made.why = row.why;
  made.by = row.by;
  made.run = row.run_id;
  made.count = row.count;
  made.last = row.last;
  return made;
}

Result<ScheduleRow> Engine::State::find_schedule(const std::string& name) {
  auto row = store->schedule(name);
  if (!row) return tl::unexpected(row.error());
  if (*row) return std::move(**row);
  auto all = store->schedules();
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string_view> names;
  names.reserve(all->size());
  for (const ScheduleRow& one : *all) names.push_back(one.name);
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorKind::kNotFound, fmt::format("the store has no schedule {}", name),
              near.empty() ? "`rbk schedule list` shows those that it has; `rbk schedule add "
                             "FILE:NAME` adds one"
                           : fmt::format("did you mean {}?", near));
}

Status Engine::check_schedule(const AddSchedule& request) {
  const bytecode::Runbook* runbook = request.program->find_runbook(request.runbook);
  if (runbook == nullptr)
    return fail(ErrorKind::kNotFound, fmt::format("schedule {}: the program has no runbook `{}`",
                                                  request.name, request.runbook));
  if (auto label = vm::worker_label(*request.program, *runbook, request.arguments); !label)
    return fail(ErrorKind::kInvalid,
                fmt::format("schedule {}: {}", request.name, label.error().message),
                label.error().cure);
  const RunSecrets secrets(*request.program, *runbook, request.arguments, request.folder);
  Status ready = secrets.check(state_->world.secrets.get());
  if (!ready) ready.error().message = "schedule " + request.name + ": " + ready.error().message;
  return ready;
}

Result<ScheduleAdded> Engine::add_schedule(const AddSchedule& request, const Person& by) {
  State& state = *state_;
  if (Status ready = check_schedule(request); !ready) return tl::unexpected(ready.error());
  auto known = state.store->schedule(request.name);
  if (!known) return tl::unexpected(known.error());
  const int64_t now = state.world.clock->wall();
  ProgramRow program;
  program.bytes = bytecode::save(*request.program);
  program.hash = bytecode::content_hash(*request.program);
  ScheduleRow row = *known ? **known : ScheduleRow{};
  row.name = request.name;
  row.program = program.hash;
  row.runbook = request.runbook;
  row.arguments = json::serialize(request.arguments);
  row.timing = timing_json(request.timing);
  row.overlap = request.overlap;
  row.missed = request.missed;
  row.missed_within = request.missed_within;
  row.place = request.place;
  row.folder = request.folder;
  row.umask = request.umask;
  row.author = by.user;
  row.added = now;
  if (!*known) row.watermark = now;
  row.due = next_due(request.timing, row.watermark);
  ScheduleAdded added;
  added.is_new = !*known;
  if (*known) {
    const auto was = parse_timing((*known)->timing, state.world.zones);
    auto bytes = state.store->program((*known)->program);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto before = bytecode::load(*bytes);
    // As its own program names them, where that can be read.
    const std::string given_was =
        before ? json::serialize(named(*before, (*known)->runbook, array_of((*known)->arguments)))
               : (*known)->arguments;
    added.changes =
        changes(**known, row, given_was,
                json::serialize(named(*request.program, request.runbook, request.arguments)),
                was ? timing_text(*was) : "what can't be read", timing_text(request.timing));
  }
  if (Status put = state.store->put_schedule(row, program, state.doer(by)); !put)
    return tl::unexpected(put.error());
  if (!row.paused)
    added.next = next_firings(request.timing, std::max(now, row.watermark), kShownFirings);
  return added;
}

Result<ScheduleSummary> Engine::State::summarise(const ScheduleRow& row) {
  ScheduleSummary made;
  made.name = row.name;
  made.runbook = row.runbook;
  made.program = to_hex(row.program);
  made.place = row.place;
  made.overlap = row.overlap;
  made.missed = row.missed;
  made.missed_within = row.missed_within;
  made.folder = row.folder;
  made.author = row.author;
  made.added = row.added;
  made.paused = row.paused;
  made.paused_by = row.paused_by;
  auto bytes = store->program(row.program);
  if (!bytes) return tl::unexpected(bytes.error());
  auto program = bytecode::load(*bytes);
  if (program)
    made.arguments = named(*program, row.runbook, array_of(row.arguments));
  else
    made.fault = program.error().message;
  auto timing = parse_timing(row.timing, world.zones);
  if (timing) {
    made.when = timing_text(*timing);
    if (!row.paused)
      made.next =
          next_firings(*timing, std::max(world.clock->wall(), row.watermark), kShownFirings);
    made.timing = std::move(*timing);
  } else {
    made.fault = timing.error().message;
  }
  auto last = store->firings(row.key, 1);
  if (!last) return tl::unexpected(last.error());
  if (!last->empty()) made.last = summarise(last->front(), row.name);
  auto runs_of = store->unfinished_of(row.key);
  if (!runs_of) return tl::unexpected(runs_of.error());
  for (const RunRow& run : *runs_of) made.runs.push_back(run.id);
  return made;
}

Result<std::vector<ScheduleSummary>> Engine::schedules() {
  auto rows = state_->store->schedules();
  if (!rows) return tl::unexpected(rows.error());
  std::vector<ScheduleSummary> all;
  all.reserve(rows->size());
  for (const ScheduleRow& row : *rows) {
    auto summary = state_->summarise(row);
    if (!summary) return tl::unexpected(summary.error());
    all.push_back(std::move(*summary));
  }
  return all;
}

Result<ScheduleSummary> Engine::schedule(const std::string& name) {
  auto row = state_->find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  return state_->summarise(*row);
}

Result<std::vector<FiringSummary>> Engine::firings(const std::string& name, uint32_t most) {
  auto row = state_->find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  auto rows = state_->store->firings(row->key, most);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<FiringSummary> all;
  all.reserve(rows->size());
  for (const FiringRow& one : *rows) all.push_back(state_->summarise(one, row->name));
  return all;
}

Status Engine::pause_schedule(const std::string& name, const Person& by) {
  auto row = state_->find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  if (row->paused)
    return fail(ErrorKind::kRefused,
                fmt::format("{} is paused already, since {}", name, format_time(*row->paused)),
                fmt::format("`rbk schedule resume {}` lets it fire again", name));
  row->paused = state_->world.clock->wall();
  row->paused_by = by.user;
  return state_->store->change_schedule(*row, ScheduleChange::kFacts, state_->doer(by));
}

Status Engine::resume_schedule(const std::string& name, const Person& by) {
  auto row = state_->find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  if (!row->paused)
    return fail(ErrorKind::kRefused, fmt::format("{} is not paused", name),
                "`rbk schedule list` tells when it fires next");
  auto timing = parse_timing(row->timing, state_->world.zones);
  if (!timing) return tl::unexpected(timing.error());
  // What was due meanwhile is left out; whatever the clocks did before, it fires from now on.
  row->paused.reset();
  row->paused_by.clear();
  row->watermark = state_->world.clock->wall();
  row->due = next_due(*timing, row->watermark);
  return state_->store->change_schedule(*row, ScheduleChange::kFacts, state_->doer(by));
}

Status Engine::remove_schedule(const std::string& name, const Person& by) {
  auto row = state_->find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  return state_->store->change_schedule(*row, ScheduleChange::kRemove, state_->doer(by));
}

// ---- Firing outside of the plan

namespace {

/// A calendar that is closed, and says so.
struct KeepsOut {
  std::string calendar;
  std::string message;
};

/// The calendars of a schedule and of its runbook.
struct Outside {
  std::vector<std::string> names;
  std::vector<KeepsOut> closed;
};

Outside outside_at(const timing::Timing& timing, const bytecode::Program& program,
                   const std::string& runbook, int64_t time) {
  Outside found;
  for (const timing::Closing& one : timing.closings) {
    found.names.push_back(one.calendar.name());
    if (const auto closed = one.calendar.closed(instant(time)))
      found.closed.push_back({one.calendar.name(), closed_text(one.calendar, *closed)});
  }
  const bytecode::Runbook* of = program.find_runbook(runbook);
  if (of == nullptr) return found;
  for (const timing::Calendar& one : program.calendars)
    if (std::find(found.names.begin(), found.names.end(), one.name()) == found.names.end())
      found.names.push_back(one.name());
  for (const vm::ClosedOut& one : vm::closed_out(program, *of, time))
    if (std::none_of(found.closed.begin(), found.closed.end(),
                     [&](const KeepsOut& other) { return other.calendar == one.calendar; }))
      found.closed.push_back({one.calendar, one.message});
  return found;
}

/// The command that runs it all the same.
std::string with_overrides(const std::string& name, const Outside& outside) {
  std::string command = "`rbk schedule run " + name;
  for (const KeepsOut& one : outside.closed) command += " --override " + one.calendar;
  return command + (outside.closed.empty() ? "`" : " --reason \"…\"`");
}

/// Whether somebody who names these calendars may have it run now.
Status check_overrides(const std::string& name, const Outside& outside,
                       const std::vector<std::string>& overrides, const std::string& reason) {
  for (const std::string& one : overrides) {
    if (std::find(outside.names.begin(), outside.names.end(), one) != outside.names.end()) continue;
    return fail(ErrorKind::kInvalid, fmt::format("{} is outside of no calendar `{}`", name, one),
                outside.names.empty()
                    ? std::string("leave the override out")
                    : fmt::format("it is outside of `{}`", fmt::join(outside.names, "`, `")));
  }
  if (!overrides.empty() && reason.empty())
    return fail(ErrorKind::kInvalid, "a calendar is overridden without a reason",
                "say why it can't wait: --reason \"…\"");
  std::string message;
  for (const KeepsOut& one : outside.closed) {
    if (std::find(overrides.begin(), overrides.end(), one.calendar) == overrides.end())
      message += (message.empty() ? ": " : "; ") + one.message;
  }
  if (message.empty()) return {};
  return fail(ErrorKind::kRefused, fmt::format("{} must not run now{}", name, message),
              fmt::format("run it when that is open; if it can't wait, say why: {}",
                          with_overrides(name, outside)));
}

}  // namespace

Result<FiringSummary> Engine::run_schedule(const std::string& name, const Person& by,
                                           const std::vector<std::string>& overrides,
                                           const std::string& reason) {
  State& state = *state_;
  auto row = state.find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  auto timing = parse_timing(row->timing, state.world.zones);
  if (!timing) return tl::unexpected(timing.error());
  auto program = state.program_of(*row);
  if (!program) return tl::unexpected(program.error());
  const Outside outside = outside_at(*timing, **program, row->runbook, state.world.clock->wall());
  if (Status may = check_overrides(name, outside, overrides, reason); !may)
    return tl::unexpected(may.error());
  auto busy = state.store->unfinished_of(row->key);
  if (!busy) return tl::unexpected(busy.error());
  FiringRow firing;
  firing.schedule = row->key;
  firing.kind = FiringRow::Kind::kHand;
  firing.zone = "UTC";
  firing.at = firing.time = state.world.clock->wall();
  firing.nominal = firing.at / 1'000'000;
  firing.by = by.user;
  if (!overrides.empty()) {
    std::string closed;
    for (const KeepsOut& one : outside.closed) closed += (closed.empty() ? "" : "; ") + one.message;
    firing.why = closed.empty() ? reason : fmt::format("although {}: {}", closed, reason);
  }
  ScheduleStep step = state.step_of(*row);
  step.by = state.doer(by);
  // What waits for its turn would wait for the calendar too: an override is for now.
  if (!busy->empty() && (row->overlap == ScheduleRow::Overlap::kSkip || !overrides.empty()))
    return fail(
        ErrorKind::kRefused,
        fmt::format("nothing was run: run {} of schedule {} goes on still", busy->front().id, name),
        fmt::format("`rbk show {}` tells how that one stands; `overlap queue` in the "
                    "schedule lets others wait for it",
                    busy->front().id));
  if (!busy->empty()) {
    firing.outcome = FiringRow::Outcome::kQueued;
    firing.why = fmt::format("run {} goes on still", busy->front().id);
    step.cancels = row->overlap == ScheduleRow::Overlap::kCancelRunning;
    step.records.push_back(firing);
    if (Status done = state.commit_step(step); !done) return tl::unexpected(done.error());
    return state.summarise(firing, name);
  }
  step.start = firing;
  auto run = state.start_firing(*row, std::move(step), overrides.empty() ? std::string() : reason,
                                overrides);
  if (!run) return tl::unexpected(run.error());
  if (Status gone = detach(*run); !gone) return tl::unexpected(gone.error());
  firing.run_id = *run;
  return state.summarise(firing, name);
}

/// The latest firing that a calendar keeps back which is closed still: one of the schedule or of
/// its runbook.
Result<FiringRow> Engine::State::held_back(const ScheduleRow& row) {
  auto timing = parse_timing(row.timing, world.zones);
  if (!timing) return tl::unexpected(timing.error());
  auto latest = store->firings(row.key, 100);
  if (!latest) return tl::unexpected(latest.error());
  auto program = program_of(row);
  if (!program) return tl::unexpected(program.error());
  const auto is_closed = [&](int64_t time) {
    return !outside_at(*timing, **program, row.runbook, time).closed.empty();
  };
  const Outside now = outside_at(*timing, **program, row.runbook, world.clock->wall());
  const bool closed_now = !now.closed.empty();
  // What is delayed goes before what was left out for it.
  for (FiringRow& one : *latest)
    if (one.outcome == FiringRow::Outcome::kDelayed) return std::move(one);
  for (FiringRow& one : *latest) {
    if (one.outcome == FiringRow::Outcome::kStarted) break;  // later ones had their run
    if (closed_now && one.outcome == FiringRow::Outcome::kSkipped && is_closed(one.at) &&
        one.count == 1)
      return std::move(one);
  }
  const std::string command = with_overrides(row.name, now);
  return fail(ErrorKind::kRefused,
              closed_now ? fmt::format("nothing of {} is held back: it has not been due since {}",
                                       row.name, now.closed.front().message)
                         : fmt::format("no calendar holds {} back now", row.name),
              command + " fires it outside of its plan");
}

Result<FiringSummary> Engine::override_calendar(const std::string& name, const std::string& reason,
                                                const Person& by) {
  State& state = *state_;
  if (reason.empty())
    return fail(ErrorKind::kInvalid, "a calendar is overridden without a reason",
                "say why it can't wait: --reason \"…\"");
  auto row = state.find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  auto found = state.held_back(*row);
  if (!found) return tl::unexpected(found.error());
  auto busy = state.store->unfinished_of(row->key);
  if (!busy) return tl::unexpected(busy.error());
  if (!busy->empty())
    return fail(
        ErrorKind::kRefused,
        fmt::format("nothing was run: run {} of schedule {} goes on still", busy->front().id, name),
        fmt::format("`rbk show {}` tells how that one stands", busy->front().id));
  FiringRow firing = std::move(*found);
  firing.key = 0;
  firing.outcome = FiringRow::Outcome::kStarted;
  firing.by = by.user;
  firing.time = state.world.clock->wall();
  firing.why = fmt::format("although {}: {}", firing.why, reason);
  ScheduleStep step = state.step_of(*row);
  step.by = state.doer(by);
  step.start = firing;
  auto run = state.start_firing(*row, std::move(step), reason);
  if (!run) return tl::unexpected(run.error());
  if (Status gone = detach(*run); !gone) return tl::unexpected(gone.error());
  firing.run_id = *run;
  return state.summarise(firing, name);
}

Result<std::vector<FiringSummary>> Engine::backfill(const std::string& name, int64_t from,
                                                    int64_t to, const Person& by) {
  State& state = *state_;
  auto row = state.find_schedule(name);
  if (!row) return tl::unexpected(row.error());
  if (row->paused)
    return fail(ErrorKind::kRefused, fmt::format("{} is paused", name),
                fmt::format("`rbk schedule resume {}` first", name));
  if (to > state.world.clock->wall())
    return fail(ErrorKind::kInvalid, "what has not been due yet can't be made up for",
                "let --to be a time in the past");
  auto timing = parse_timing(row->timing, state.world.zones);
  if (!timing) return tl::unexpected(timing.error());
  std::vector<FiringRow> wanted;
  auto next = timing::next_firing(*timing, instant(from) - seconds(1));
  for (; next && next->at <= instant(to); next = timing::next_firing(*timing, next->at)) {
    FiringRow firing = firing_row(*timing, *next);
    firing.schedule = row->key;
    if (wanted.size() >= kMostBackfilled)
      return fail(ErrorKind::kLimit,
                  fmt::format("more than {} firings fall into that time", kMostBackfilled),
                  "make up for a part of it at a time");
    wanted.push_back(std::move(firing));
  }
  std::vector<FiringSummary> done;
  done.reserve(wanted.size());
  for (FiringRow& firing : wanted) {
    auto known = state.store->firing(firing);
    if (!known) return tl::unexpected(known.error());
    if (*known && (*known)->outcome == FiringRow::Outcome::kStarted) {
      done.push_back(state.summarise(**known, name));
      continue;
    }
    firing.kind = FiringRow::Kind::kBackfill;
    firing.outcome = FiringRow::Outcome::kQueued;
    firing.why = "it is made up for";
    firing.by = by.user;
    firing.time = state.world.clock->wall();
    ScheduleStep step = state.step_of(*row);
    step.by = state.doer(by);
    step.records.push_back(firing);
    if (Status put = state.commit_step(step); !put) return tl::unexpected(put.error());
    done.push_back(state.summarise(firing, name));
  }
  return done;
}

}  // namespace rbk::engine
