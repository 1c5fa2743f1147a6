#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/spelling.h"
#include "engine/engine_state.h"
#include "engine/ids.h"

namespace rbk::engine {
namespace {

tl::unexpected<Error> undoing_already(const RunRow& rollback) {
  return fail(ErrorKind::kRefused,
              fmt::format("run {} is undoing it already and is {}", rollback.id,
                          to_string(rollback.status)),
              fmt::format("`rbk resume {}` goes on with that", rollback.id));
}

tl::unexpected<Error> retried_already(const RunRow& retry) {
  return fail(
      ErrorKind::kRefused,
      fmt::format("it was retried as run {}, which has what it did and is {}", retry.id,
                  to_string(retry.status)),
      is_over(retry.status)
          ? fmt::format("`rbk rollback {0}` undoes what that took over; `rbk retry {0}` goes "
                        "on from it",
                        retry.id)
          : fmt::format("`rbk resume {}` goes on with that", retry.id));
}

/// Whether the calendars let the run begin now.
Status check_calendars(const StartRun& request, const bytecode::Runbook& runbook, int64_t now) {
  const auto& calendars = request.program->calendars;
  for (const std::string& name : request.overrides) {
    if (std::any_of(calendars.begin(), calendars.end(),
                    [&](const timing::Calendar& one) { return one.name() == name; }))
      continue;
    std::string known;
    for (const timing::Calendar& one : calendars)
      known += (known.empty() ? "it is outside of `" : ", `") + one.name() + "`";
    return fail(ErrorKind::kInvalid,
                fmt::format("`{}` is outside of no calendar `{}`", runbook.name, name),
                known.empty() ? "leave the override out" : known);
  }
  if (!request.overrides.empty() && request.reason.empty())
    return fail(ErrorKind::kInvalid, "a calendar is overridden without a reason",
                "say why it can't wait: --reason \"…\"");
  const auto closed = vm::closed_out(*request.program, runbook, now, request.overrides);
  if (closed.empty()) return {};
  std::string message = fmt::format("`{}` must not run now", runbook.name);
  std::string cure;
  for (const vm::ClosedOut& one : closed) {
    message += (&one == &closed.front() ? ": " : "; ") + one.message;
    cure += fmt::format(" --override {}", one.calendar);
  }
  return fail(
      ErrorKind::kRefused, message,
      fmt::format("run it when that is open; if it can't wait, say why:{} --reason \"…\"", cure));
}

/// Empty if the store can't say.
std::string found_id(Store& store, RunKey run) {
  auto row = store.run(run);
  return row ? row->id : std::string();
}

}  // namespace

tl::unexpected<Error> quarantined(const RunRow& row, std::string_view refusal) {
  if (row.held)
    return fail(ErrorKind::kRefused,
                fmt::format("run {} {}: it is quarantined: {}", row.id, refusal, row.ending),
                "`rbk store accept` shows all that is held, and lets it go on");
  return fail(ErrorKind::kRefused, fmt::format("run {} {}: it is quarantined", row.id, refusal),
              row.claims >= kMostClaims
                  ? fmt::format("`rbk resume {}` tries it once more; then it can be", row.id)
                  : fmt::format("`rbk show {}` tells why, and what puts it right", row.id));
}

Result<RunRow> Engine::State::find_changeable(const std::string& run, std::string_view refusal) {
  auto row = store->find_run(run);
  if (row && row->held) return quarantined(*row, refusal);
  return row;
}

Engine::State::State(std::unique_ptr<Store> opened, World given, ActionRegistry* registry)
    : store(std::move(opened)),
      world(std::move(given)),
      actions(registry),
      mailbox(std::make_shared<Mailbox>(world.clock, world.sleeper)),
      committer(std::make_unique<Committer>(store.get(), world.sleeper, world.writer_thread)) {
  look_at = world.clock->boot() + world.look_every;
}

Engine::State::~State() {
  // What was started and not driven is let go, so that the next engine knows that nothing of it
  // began.
  stop_level = 2;
  while (!runs.empty()) {
    const RunKey run = runs.begin()->first;
    open_fresh(*runs.begin()->second);
    const auto held = runs.find(run);  // it may have ended
    if (held == runs.end()) continue;
    RunDriver& driver = *held->second;
    if (driver.broken || driver.over() || driver.in_flight() ||
        !let_go(driver, DriveEnd::Why::kStopped))
      runs.erase(run);
  }
  mailbox->close();
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(std::string_view store_url, OpenMode mode, World world,
                                             ActionRegistry* actions) {
  auto store = open_store(store_url, mode);
  if (!store) return tl::unexpected(store.error());
  return over(std::move(*store), std::move(world), actions);
}

std::unique_ptr<Engine> Engine::over(std::unique_ptr<Store> store, World world,
                                     ActionRegistry* actions) {
  return std::unique_ptr<Engine>(
      new Engine(std::make_unique<State>(std::move(store), std::move(world), actions)));
}

const StoreIdentity& Engine::store() const { return state_->store->identity(); }

void Engine::stop(StopHow how) {
  const int wanted = how == StopHow::kAtOnce ? 2 : 1;
  int level = state_->stop_level.load();
  while (level < wanted && !state_->stop_level.compare_exchange_weak(level, wanted)) continue;
  state_->world.sleeper->wake();
}

/// A run may have one rollback by hand at a time: the next one begins where that ended. So does a
/// retry; what a run has done is the retry's from then on.
Status Engine::State::check_origin(const RunRow& row) {
  const RunKey before = row.origin != 0 ? row.origin : row.retries;
  if (before == 0) return {};
  auto other = store->rollback_of(before);
  if (!other) return tl::unexpected(other.error());
  if (*other) return undoing_already(**other);
  auto retry = store->retry_of(before);
  if (!retry) return tl::unexpected(retry.error());
  return *retry ? retried_already(**retry) : Status();
}

/// Makes a run with its first event in one commit. Its requests wait for `drive`.
Result<std::string> Engine::State::begin_run(
    RunRow row, std::shared_ptr<const bytecode::Program> program,
    std::shared_ptr<const ProgramRow> stored,
    const std::function<Result<RecoveredRun>()>& beginning,
    const std::function<decltype(vm::Event::what)(const std::string&)>& first, const Doer& by,
    const std::string& arguments, const ScheduleStep* step, const std::string& acting,
    const std::string& retried) {
  if (auto joined = join(); !joined) return tl::unexpected(joined.error());
  const Moment moment = now();
  row.started = moment.wall;
  for (int attempt = 0; attempt < 8; ++attempt) {
    row.id = run_id(moment.wall, world.random->next());
    auto machine = beginning();
    if (!machine) return tl::unexpected(machine.error());
    auto driver = std::make_unique<RunDriver>(row, program, std::move(*machine), key);
    if (!acting.empty()) driver->acting = {acting};
    if (auto delivered = driver->deliver(first(row.id), moment); !delivered)
      return tl::unexpected(delivered.error());
    const bool is_left = !is_for_us(row);  // to workers of its own
    if (is_left) let_go_unbegun(*driver);
    Group group;
    group.engine = key;
    newborn.clear();
    group.runs.push_back({row, stored, driver->take(), by, arguments, retried});
    group.runs.back().logs = first_lines(*driver);
    add_notices(*driver, group.runs.back().change);
    if (auto born = bear(*driver, group.runs.back().change, is_left); !born) {
      newborn.clear();
      return tl::unexpected(born.error());
    }
    if (step != nullptr) group.schedules.push_back(*step);
    Committed committed = committer->commit_here(std::move(group));
    if (!committed.result) {
      newborn.clear();
      if (committed.result.error().kind == ErrorKind::kExists) {
        if (step != nullptr) return tl::unexpected(committed.result.error());
        if (auto free = check_origin(row); !free) return tl::unexpected(free.error());
        continue;
      }
      if (committed.result.error().kind == ErrorKind::kRefused)
        return tl::unexpected(committed.result.error());
      if (auto opened = store->reopen(); !opened) return tl::unexpected(opened.error());
      return tl::unexpected(committed.result.error());
    }
    look_for_notices = look_for_notices || !committed.group.runs.front().change.notices.empty();
    const RunRow& made = committed.group.runs.front().row;
    driver->adopt(made, key);
    if (!is_left || driver->over()) {
      fresh.insert(made.key);
      runs[made.key] = std::move(driver);
    }
    adopt_children(committed.group.runs.front().change.children, true);
    note_locks(*committed.result);
    return made.id;
  }
  return fail(ErrorKind::kInternal, "every id that was tried for this run is taken");
}

Result<std::string> Engine::start(const StartRun& request) { return state_->start(request); }

Result<std::string> Engine::State::start(const StartRun& request, const ScheduleStep* step,
                                         const Retrying* retrying, const std::string& rule) {
  const auto& runbooks = request.program->runbooks;
  const bytecode::Runbook* runbook = request.program->find_runbook(request.runbook);
  if (runbook == nullptr) {
    std::string names;
    for (const bytecode::Runbook& known : runbooks)
      if (known.is_public) names += (names.empty() ? "" : ", ") + known.name;
    return fail(ErrorKind::kNotFound,
                fmt::format("the program has no runbook `{}`", request.runbook),
                "it has: " + names);
  }
  if (Status may = may_start(*runbook, request.starter); !may) return tl::unexpected(may.error());
  const RunSecrets secrets(*request.program, *runbook, request.arguments, request.folder);
  if (Status ready = secrets.check(world.secrets.get()); !ready)
    return tl::unexpected(ready.error());
  if (Status open = check_calendars(request, *runbook, now().wall); !open)
    return tl::unexpected(open.error());
  auto stored = std::make_shared<ProgramRow>();
  stored->bytes = bytecode::save(*request.program);
  stored->hash = bytecode::content_hash(*request.program);
  RunRow row;
  row.program = stored->hash;
  row.runbook = request.runbook;
  row.starter = request.starter.user;
  row.reason = request.reason;
  row.labels = boost::json::serialize(request.labels);
  row.folder = request.folder;
  row.umask = request.umask;
  auto placement = vm::worker_label(*request.program, *runbook, request.arguments);
  if (!placement) return tl::unexpected(placement.error());
  row.placement = std::move(*placement);
  if (step != nullptr) row.schedule = step->schedule;
  if (retrying != nullptr) {
    row.retries = retrying->last.key;
    row.retry_rule = rule;
  }
  // What looks random is the same in a retry: it is in arguments.
  const uint64_t seed = retrying != nullptr ? retrying->started.seed : world.random->next();
  return begin_run(
      row, request.program, stored,
      [&]() -> Result<RecoveredRun> {
        return RecoveredRun{vm::Machine(request.program, {}), {}};
      },
      [&](const std::string& id) {
        vm::event::Started started;
        started.runbook = static_cast<uint32_t>(runbook - runbooks.data());
        started.arguments = request.arguments;
        started.run = id;
        started.starter = request.starter.user;
        started.reason = request.reason;
        started.labels = request.labels;
        started.seed = seed;
        started.overrides = request.overrides;
        return started;
      },
      doer(request.starter), boost::json::serialize(request.arguments), step,
      shown(request.starter) == row.starter ? std::string() : shown(request.starter),
      retrying != nullptr ? retrying->run.id : std::string());
}

/// The run that has undone the latest of it: itself, or its last rollback by hand. It has to be
/// over, and so has each of those.
Result<RunRow> Engine::State::last_undoing(const std::string& run) {
  auto row = store->find_run(run);
  if (!row) return row;
  if (row->status == RunStatus::kQuarantined) return quarantined(*row, "can't be undone");
  if (!is_over(row->status))
    return fail(ErrorKind::kRefused,
                fmt::format("run {} is {}, not finished", row->id, to_string(row->status)),
                fmt::format("`rbk cancel {} --rollback` undoes a run that goes on", row->id));
  while (true) {
    auto later = store->rollback_of(row->key);
    if (!later) return tl::unexpected(later.error());
    if (!*later) {
      auto retry = store->retry_of(row->key);
      if (!retry) return tl::unexpected(retry.error());
      if (*retry) return retried_already(**retry);
      return row;
    }
    if (!is_over((*later)->status)) return undoing_already(**later);
    *row = std::move(**later);
  }
}

namespace {

/// The oldest of them that is this step or inside of it; null: none.
const vm::Undoable* oldest_within(const std::vector<vm::Undoable>& steps, const std::string& path) {
  const vm::Undoable* oldest = nullptr;
  for (const vm::Undoable& step : steps)
    if (step.path == path || step.path.starts_with(path + "/"))
      if (oldest == nullptr || step.step < oldest->step) oldest = &step;
  return oldest;
}

tl::unexpected<Error> nothing_left(const RunRow& last, const std::string& asked) {
  return fail(ErrorKind::kRefused, fmt::format("nothing of run {} is left to be undone", asked),
              last.origin == 0
                  ? fmt::format("what can be undone was, when the run ended; steps without a "
                                "`rollback`, and those before a `commit`, stay: `rbk show {}`",
                                asked)
                  : fmt::format("it was undone by hand: `rbk show {}` tells by which run", asked));
}

}  // namespace

Result<std::vector<vm::Undoable>> Engine::State::undoable(const RunRow& row,
                                                          const std::string& asked,
                                                          const std::string& to) {
  auto program = load_program(*store, row);
  if (!program) return tl::unexpected(program.error());
  auto recovered = recover_run(*store, row, *program, false);
  if (!recovered) return tl::unexpected(recovered.error());
  std::vector<vm::Undoable> steps = recovered->machine.undoable();
  if (to.empty()) return steps;
  if (steps.empty()) return nothing_left(row, asked);
  if (const vm::Undoable* oldest = oldest_within(steps, to))
    return recovered->machine.undoable(oldest->step);
  std::vector<std::string_view> paths;
  paths.reserve(steps.size());
  for (const vm::Undoable& step : steps) paths.push_back(step.path);
  const std::string_view near = nearest_name(to, paths);
  return fail(ErrorKind::kNotFound,
              fmt::format("run {} has no step {} that can be undone", asked, to),
              near.empty() ? fmt::format("these can, the newest first: {}", fmt::join(paths, ", "))
                           : fmt::format("did you mean {}?", near));
}

Result<std::vector<vm::Undoable>> Engine::undoable(const std::string& run, const std::string& to) {
  auto origin = state_->last_undoing(run);
  if (!origin) return tl::unexpected(origin.error());
  return state_->undoable(*origin, run, to);
}

Result<std::string> Engine::rollback(const std::string& run, const std::string& to,
                                     const Person& by) {
  State& state = *state_;
  auto row = state.store->find_run(run);
  if (!row) return tl::unexpected(row.error());
  auto last = state.last_undoing(run);
  if (!last) return tl::unexpected(last.error());
  const RunRow origin = std::move(*last);
  auto steps = state.undoable(origin, row->id, to);
  if (!steps) return tl::unexpected(steps.error());
  if (steps->empty()) return nothing_left(origin, row->id);
  std::string oldest;
  if (!to.empty())
    oldest = std::min_element(steps->begin(), steps->end(), [](const auto& a, const auto& b) {
               return a.step < b.step;
             })->path;
  return state.begin_rollback(state.rollback_row(origin, row->id, by.user), origin, oldest,
                              shown(by), state.doer(by));
}

/// Of a run that undoes what `origin` left, which did so of the run `undone`.
RunRow Engine::State::rollback_row(const RunRow& origin, const std::string& undone,
                                   const std::string& by) {
  RunRow row;
  row.program = origin.program;
  row.runbook = origin.runbook;
  row.starter = by;
  row.reason = "rollback of " + undone;
  row.labels = origin.labels;
  row.origin = origin.key;
  row.folder = origin.folder;
  row.umask = origin.umask;
  row.placement = origin.placement;
  return row;
}

Result<std::string> Engine::State::begin_rollback(RunRow row, const RunRow& origin,
                                                  const std::string& oldest,
                                                  const std::string& shown_by, const Doer& by) {
  auto program = load_program(*store, origin);
  if (!program) return tl::unexpected(program.error());
  auto stored = std::make_shared<ProgramRow>();
  stored->bytes = bytecode::save(**program);
  stored->hash = origin.program;
  return begin_run(
      std::move(row), *program, stored,
      [&]() -> Result<RecoveredRun> {
        auto beginning = recover_run(*store, origin, *program, false);
        if (!beginning) return beginning;
        beginning->head = 0;
        beginning->since_snapshot = 0;
        beginning->asked = {};
        return beginning;
      },
      [&](const std::string&) {
        return vm::event::RollBack{oldest, shown_by};
      },
      by);
}

/// What `begin_run` held back leaves now.
void Engine::State::open_fresh(RunDriver& driver) {
  const RunKey run = driver.row().key;
  if (fresh.erase(run) == 0) return;
  // What it comes to from here on, an attempt that can't begin for instance, is not durable yet.
  const bool over = driver.over();
  leave(driver, driver.committed());
  family_now = true;
  if (!over) return;
  note_end(driver);
  // It is over with the commit that made it: only what came with that can hang on it.
  const bool alone = std::none_of(
      runs.begin(), runs.end(), [&](const auto& held) { return held.second->row().parent == run; });
  remember_end(driver.row(), DriveEnd::Why::kOver, alone);
  runs.erase(run);
}

/// Lets go of a run that was made and not driven: nothing of it begins here.
Status Engine::State::let_go_fresh(RunDriver& driver) {
  constexpr int kMostCommits = 8;
  const RunKey run = driver.row().key;
  let_go_now = run;
  const bool over = driver.over();
  open_fresh(driver);
  Status gone = over ? flush(true) : let_go(driver, DriveEnd::Why::kStopped);
  // After a commit that failed it is held again, from what the store says.
  auto held = runs.find(run);
  for (int commits = 1; gone && held != runs.end() && commits < kMostCommits; ++commits) {
    gone = let_go(*held->second, DriveEnd::Why::kStopped);
    held = runs.find(run);
  }
  let_go_now = 0;
  if (gone && held != runs.end())
    return fail(ErrorKind::kIo,
                fmt::format("run {} can't be let go: none of {} commits came about",
                            held->second->row().id, kMostCommits),
                "check the disk and the system's log; it goes on once this process has ended");
  if (gone) gone = let_go_children(run);
  ended.erase(run);
  return gone;
}

Status Engine::detach(const std::string& run) {
  for (auto& [key, driver] : state_->runs)
    if (driver->row().id == run) return state_->let_go_fresh(*driver);
  if (auto row = state_->store->find_run(run); row && !state_->is_for_us(*row)) return {};
  return fail(ErrorKind::kNotFound, fmt::format("this engine does not hold run {}", run));
}

Result<DriveEnd> Engine::drive(const std::string& run, const DriveOptions& options) {
  State& state = *state_;
  RunKey key = 0;
  for (const auto& [held, driver] : state.runs)
    if (driver->row().id == run) key = held;
  if (key == 0) {
    auto row = state.store->find_run(run);
    if (!row) return tl::unexpected(row.error());
    key = row->key;
    const auto plain_end = [&](DriveEnd::Why why) -> Result<DriveEnd> {
      auto now = state.store->run(key);
      if (!now) return tl::unexpected(now.error());
      auto summary = state.summarise(*now);
      if (!summary) return tl::unexpected(summary.error());
      DriveEnd end;
      end.run = std::move(*summary);
      end.why = why;
      return end;
    };
    if (is_over(row->status)) return plain_end(DriveEnd::Why::kOver);
    if (row->held) return quarantined(*row, "can't go on");
    const bool got_nowhere = row->claims >= kMostClaims;
    if (row->status == RunStatus::kQuarantined && !got_nowhere)
      return plain_end(DriveEnd::Why::kQuarantined);
    if (!state.is_for_us(*row)) {
      const Status done =
          row->status == RunStatus::kQuarantined ? state.let_try(*row) : state.cancel_unbegun(*row);
      if (!done) return tl::unexpected(done.error());
      state.ended.erase(key);
      auto now = state.store->run(key);
      return plain_end(now && is_over(now->status) ? DriveEnd::Why::kOver
                                                   : DriveEnd::Why::kElsewhere);
    }
    state.observer = options.observer;
    state.confirm = options.confirm;
    if (auto driver = state.hold(*row, state.claim_patience()); !driver) {
      state.observer = nullptr;
      if (driver.error().kind == ErrorKind::kLocked && state.holder_lives(key))
        return plain_end(DriveEnd::Why::kHeld);
      auto now = state.store->run(key);
      if (now && now->status == RunStatus::kQuarantined)
        return plain_end(DriveEnd::Why::kQuarantined);
      if (now && is_over(now->status)) return plain_end(DriveEnd::Why::kOver);
      return tl::unexpected(driver.error());
    }
  }
  auto ends = state.drive(options, [&](std::vector<RunKey>& come) -> Result<bool> {
    come.push_back(key);
    return false;
  });
  if (!ends) return tl::unexpected(ends.error());
  if (ends->size() == 1) return std::move(ends->front());
  // Others were driven for it.
  const std::string id = found_id(*state.store, key);
  for (DriveEnd& end : *ends)
    if (end.run.id == id) return std::move(end);
  return std::move(ends->front());
}

/// A run got nowhere, and is for workers of another label: these may try it once more.
Status Engine::State::let_try(const RunRow& row) {
  if (auto joined = join(); !joined) return joined;
  auto claimed = claim(row, claim_patience(), Claimer::kPerson);
  if (!claimed) return tl::unexpected(claimed.error());
  Group group;
  group.engine = key;
  RunChange& change = group.changes.emplace_back();
  change.run = claimed->key;
  change.token = claimed->token;
  change.head = claimed->head;
  change.release = true;
  Committed committed = committer->commit_here(std::move(group));
  return committed.result ? Status() : tl::unexpected(committed.result.error());
}

/// Whether a run for workers of another label is to be cancelled that nobody has ever taken up:
/// then there is nothing that only these could do, unless its handlers want something.
Result<bool> Engine::State::is_cancelled_unbegun(const RunRow& row) {
  constexpr Token kNeverClaimed = 1;
  if (row.holder != 0 || row.token != kNeverClaimed || is_over(row.status)) return false;
  auto messages = store->messages(row.key);
  if (!messages) return tl::unexpected(messages.error());
  return std::any_of(messages->begin(), messages->end(),
                     [](const Message& message) { return message.kind == Message::Kind::kCancel; });
}

/// Cancels such a run, whoever it is for.
Status Engine::State::cancel_unbegun(const RunRow& row) {
  auto is_wanted = is_cancelled_unbegun(row);
  if (!is_wanted) return tl::unexpected(is_wanted.error());
  if (!*is_wanted) return {};
  if (auto joined = join(); !joined) return joined;
  auto claimed = claim(row, 0, Claimer::kPerson);
  if (!claimed &&
      (claimed.error().kind == ErrorKind::kLocked || claimed.error().kind == ErrorKind::kRefused))
    return {};  // one of its own was faster
  let_go_now = row.key;
  auto driver = take(claimed);
  let_go_now = 0;
  return driver ? let_go_fresh(**driver) : tl::unexpected(driver.error());
}

bool Engine::State::holder_lives(RunKey run) {
  auto row = store->run(run);
  if (!row || row->holder == 0) return false;
  auto holder = store->engine(row->holder);
  return holder && holder->alive;
}

/// Those that are driven may let others go on, by what they free: these are driven too.
Result<std::vector<DriveEnd>> Engine::drive_all(const DriveOptions& options) {
  std::set<int64_t> seen;
  std::vector<DriveEnd> ends;
  for (bool first = true;; first = false) {
    auto driven = state_->drive_those_that_can(options, first, seen);
    if (!driven) return driven;
    for (DriveEnd& end : *driven) {
      std::erase_if(ends, [&](const DriveEnd& one) { return one.run.id == end.run.id; });
      ends.push_back(std::move(end));
    }
    if (driven->empty() || state_->stop_level.load() != 0) return ends;
  }
}

// So many runs are claimed, and driven on, before more are.
constexpr size_t kHeldAtOnce = 16;

/// `seen`: the messages that were there before; afterwards also those that are there now. Not
/// `first`: only those that somebody has spoken to since.
Result<std::vector<DriveEnd>> Engine::State::drive_those_that_can(const DriveOptions& options,
                                                                  bool first,
                                                                  std::set<int64_t>& seen) {
  State& state = *this;
  RunFilter filter;
  filter.unfinished = true;
  auto rows = state.store->runs(filter);
  if (!rows) return tl::unexpected(rows.error());
  auto messages = state.store->messages(0);
  if (!messages) return tl::unexpected(messages.error());
  std::set<RunKey> spoken_to;
  for (const Message& message : *messages)
    if (seen.insert(message.key).second) spoken_to.insert(message.run);
  const int64_t now = state.world.clock->wall();
  const int64_t patience = state.claim_patience();
  std::vector<DriveEnd> ends;
  const auto add_end = [&](const RunRow& of, DriveEnd::Why why) {
    auto known = state.store->run(of.key);
    if (!known) return;
    state.remember_end(*known, why);
    ends.push_back(std::move(state.ended.at(of.key)));
    state.ended.erase(of.key);
  };
  auto row = rows->rbegin();
  const auto come = [&](std::vector<RunKey>& held) -> Result<bool> {
    for (; row != rows->rend() && held.size() < kHeldAtOnce; ++row) {
      const bool due = row->wake && *row->wake - now <= options.longest_sleep;
      const bool goes_on = row->status == RunStatus::kRunning ||
                           row->status == RunStatus::kPaused || due || options.wait_for_people;
      const bool can_go_on = (first && goes_on) || spoken_to.contains(row->key);
      // A paused one that lost its process may have attempts that go on.
      const bool stays_paused =
          row->status == RunStatus::kPaused && row->holder == 0 && !spoken_to.contains(row->key);
      if (!can_go_on || row->status == RunStatus::kQuarantined || stays_paused) continue;
      if (!is_for_us(*row)) {
        if (first && !state.holder_lives(row->key)) add_end(*row, DriveEnd::Why::kElsewhere);
        continue;
      }
      auto driver = state.hold(*row, patience);
      if (driver) {
        held.push_back(row->key);
        continue;
      }
      const ErrorKind kind = driver.error().kind;
      if (kind == ErrorKind::kCorrupt || kind == ErrorKind::kUnsupported) {
        add_end(*row, DriveEnd::Why::kQuarantined);
      } else if (kind == ErrorKind::kLocked && state.holder_lives(row->key)) {
        add_end(*row, DriveEnd::Why::kHeld);
      } else if (auto known = state.store->run(row->key);
                 kind == ErrorKind::kRefused && known && is_over(known->status)) {
        add_end(*row, DriveEnd::Why::kOver);  // it was driven along with others of its family
      } else if (kind != ErrorKind::kLocked && kind != ErrorKind::kRefused) {
        return tl::unexpected(driver.error());
      }
    }
    return row != rows->rend() && state.stop_level.load() == 0;
  };
  auto driven = state.drive(options, come);
  if (!driven) return tl::unexpected(driven.error());
  for (DriveEnd& end : *driven) ends.push_back(std::move(end));
  return ends;
}

}  // namespace rbk::engine
