// Firing: a schedule that is due makes its next move, in one commit with the run that this starts.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "engine/firings.h"
#include "engine/schedule_plan.h"
#include "engine/schedule_timing.h"

namespace rbk::engine {

namespace json = boost::json;

ScheduleStep Engine::State::step_of(const ScheduleRow& row) {
  ScheduleStep step;
  step.schedule = row.key;
  step.name = row.name;
  step.version = row.version;
  step.watermark_was = row.watermark;
  step.watermark = row.watermark;
  step.time = world.clock->wall();
  return step;
}

Status Engine::State::commit_step(const ScheduleStep& step) {
  Group group;
  group.engine = key;
  group.schedules.push_back(step);
  const Committed committed = committer->commit_here(std::move(group));
  if (!committed.result) return tl::unexpected(committed.result.error());
  note_locks(*committed.result);
  return {};
}

Result<std::shared_ptr<const bytecode::Program>> Engine::State::program_of(const ScheduleRow& row) {
  auto bytes = store->program(row.program);
  if (!bytes) return tl::unexpected(bytes.error());
  auto program = bytecode::load(*bytes);
  if (!program) return tl::unexpected(program.error());
  return std::make_shared<const bytecode::Program>(std::move(*program));
}

Result<std::string> Engine::State::start_firing(const ScheduleRow& row, ScheduleStep step,
                                                const std::string& reason,
                                                const std::vector<std::string>& overrides) {
  const FiringRow& firing = *step.start;
  auto program = program_of(row);
  if (!program) return tl::unexpected(program.error());
  boost::system::error_code failure;
  json::value arguments = json::parse(row.arguments, failure);
  if (failure || !arguments.is_array())
    return fail(ErrorKind::kCorrupt,
                fmt::format("the arguments of schedule {} are damaged", row.name),
                "add the schedule again");
  StartRun request;
  request.program = std::move(*program);
  request.runbook = row.runbook;
  request.arguments = std::move(arguments.get_array());
  request.starter.user = firing.by.empty() ? row.author : firing.by;
  request.reason = fmt::format("schedule {}", row.name);
  if (firing.kind != FiringRow::Kind::kHand)
    request.reason += fmt::format(
        ", {} {}", timing::format(timing::local_seconds(timing::seconds(firing.nominal))),
        firing.zone);
  if (!reason.empty()) {
    request.reason += ": " + reason;
    // Of the schedule's own the program knows nothing.
    for (const timing::Calendar& one : request.program->calendars)
      if (std::find(overrides.begin(), overrides.end(), one.name()) != overrides.end())
        request.overrides.push_back(one.name());
    const bytecode::Runbook* runbook = request.program->find_runbook(row.runbook);
    if (runbook != nullptr)
      for (const vm::ClosedOut& one :
           vm::closed_out(*request.program, *runbook, now().wall, request.overrides))
        request.overrides.push_back(one.calendar);
  }
  request.folder = row.folder;
  request.umask = row.umask;
  return start(request, &step);
}

Status Engine::State::Firings::fire_due() {
  const int64_t now = state_.world.clock->wall();
  const int64_t boot_now = state_.world.clock->boot();
  // Whoever was away for longer than that, asleep too, may have missed something.
  if (last_there_ == 0 || now - last_there_ > kOnTime || now < last_there_ - kOnTime)
    there_since_ = now;
  last_there_ = now;
  if (!ask_ && !(next_ && now >= *next_) && boot_now < again_at_) return {};
  ask_ = false;
  std::erase_if(broken_, [&](const auto& one) { return one.second <= boot_now; });
  constexpr uint32_t kAtOnce = 16;
  auto rows = state_.store->due_schedules(now, kAtOnce + static_cast<uint32_t>(broken_.size()));
  if (!rows) return tl::unexpected(rows.error());
  bool moved = false;
  for (const ScheduleRow& row : *rows) {
    if (broken_.contains(row.key)) continue;
    moved = true;
    if (auto done = move(row, now); !done) return done;
  }
  auto next = state_.store->next_schedule(now);
  if (!next) return tl::unexpected(next.error());
  next_ = *next;
  again_at_ = boot_now + kAskAnyway;
  ask_ = ask_ || moved;
  for (const auto& [schedule, time] : broken_) again_at_ = std::min(again_at_, time);
  return {};
}

int64_t Engine::State::Firings::wanted_at() const {
  const int64_t boot_now = state_.world.clock->boot();
  if (ask_) return boot_now;
  if (!next_) return again_at_;
  return std::min(again_at_, boot_now + std::max<int64_t>(0, *next_ - state_.world.clock->wall()));
}

Status Engine::State::Firings::move(const ScheduleRow& row, int64_t now) {
  auto timing = parse_timing(row.timing, state_.world.zones);
  if (!timing) {
    give_up(row, timing.error());
    return {};
  }
  auto busy = state_.store->unfinished_of(row.key);
  if (!busy) return tl::unexpected(busy.error());
  auto queued = state_.store->queued_firing(row.key);
  if (!queued) return tl::unexpected(queued.error());
  ScheduleFacts facts;
  facts.watermark = row.watermark;
  facts.now = now;
  facts.there_since = there_since_;
  if (!busy->empty()) facts.busy = busy->front().id;
  facts.queued = std::move(*queued);
  ScheduleMove next =
      next_move({std::move(*timing), row.overlap, row.missed, row.missed_within}, facts);
  ScheduleStep step = state_.step_of(row);
  step.moves = true;
  step.watermark = next.watermark;
  step.due = next.due;
  step.cancels = next.cancels;
  for (FiringRow& record : next.records) {
    record.schedule = row.key;
    step.records.push_back(std::move(record));
  }
  if (!next.start) return record(row, step);
  next.start->schedule = row.key;
  next.start->time = now;
  if (next.start->key == 0) {
    // Made up for already, or fired before the clock was put back.
    auto known = state_.store->firing(*next.start);
    if (!known) return tl::unexpected(known.error());
    if (*known && (*known)->outcome == FiringRow::Outcome::kStarted) return record(row, step);
  }
  return start(row, std::move(step), std::move(*next.start));
}

Status Engine::State::Firings::start(const ScheduleRow& row, ScheduleStep step, FiringRow firing) {
  step.start = firing;
  auto run = state_.start_firing(row, step);
  if (run) {
    tell(row, step.records);
    firing.run_id = *run;
    if (observer_ != nullptr) observer_->on_firing(state_.summarise(firing, row.name));
    started_.push_back(*run);
    return {};
  }
  switch (run.error().kind) {
    case ErrorKind::kExists:  // somebody else was faster: what the store says now counts
      ask_ = true;
      return {};
    case ErrorKind::kFull:
    case ErrorKind::kIo:
    case ErrorKind::kLocked:
    case ErrorKind::kInternal:
      return tl::unexpected(run.error());
    default:
      break;
  }
  firing.outcome = FiringRow::Outcome::kSkipped;
  firing.why = run.error().message;
  step.records.push_back(std::move(firing));
  step.start.reset();
  return record(row, step);
}

Status Engine::State::Firings::record(const ScheduleRow& row, const ScheduleStep& step) {
  const Status done = state_.commit_step(step);
  if (!done && done.error().kind == ErrorKind::kExists) {
    ask_ = true;
    return {};
  }
  if (!done) return done;
  tell(row, step.records);
  return {};
}

void Engine::State::Firings::tell(const ScheduleRow& row, const std::vector<FiringRow>& records) {
  if (observer_ == nullptr) return;
  for (const FiringRow& one : records) observer_->on_firing(state_.summarise(one, row.name));
}

/// Not here and not now: others may know the zone.
void Engine::State::Firings::give_up(const ScheduleRow& row, const Error& why) {
  broken_[row.key] = state_.world.clock->boot() + kAskAnyway;
  if (observer_ != nullptr) observer_->on_trouble(row.name, why);
}

}  // namespace rbk::engine
