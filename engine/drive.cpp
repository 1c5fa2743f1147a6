// The engine's loop. Everything that has come in is given to the machines; what follows is
// committed; what was committed leaves. Completions that are there come before deadlines, and
// messages before those that were not up when they were sent.
#include <fmt/format.h>

#include "base/mutant.h"
#include "engine/engine_state.h"
#include "engine/ids.h"
#include "engine/unbegun.h"

namespace rbk::engine {
namespace {

constexpr size_t kFlushLogsBytes = 256 * 1024;
constexpr int kMostFailures = 3;
/// With people to be waited for, how long a sleep may be that is stayed for all the same.
constexpr int64_t kShortSleep = 60'000'000;

}  // namespace

EngineRow Engine::State::engine_row(EngineKey wanted) const {
  return {wanted, boot, process(), world.clock->wall(), true, works, 1, placements};
}

bool Engine::State::is_for_us(const RunRow& row) const {
  return takes(placements, row.placement) || RBK_MUTANT("goes_on_anywhere");
}

Status Engine::State::join() {
  if (key != 0) return {};
  boot = world.clock->boot_identity();
  if (const std::string place = actions->place(); !place.empty()) boot += "@" + place;
  for (int attempt = 0; attempt < 8; ++attempt) {
    // 47 bits: lock offsets stay positive, and the key readable.
    const auto wanted = static_cast<EngineKey>((world.random->next() >> 17) | 1);
    const Status joined = store->join(engine_row(wanted));
    if (joined) {
      key = wanted;
      engines[key].boot = boot;
      return {};
    }
    if (joined.error().kind != ErrorKind::kExists) return joined;
  }
  return fail(ErrorKind::kInternal, "every key that was tried for this engine is taken");
}

/// Until when a run that is held is waited for, so that a holder which was killed just now and is
/// being taken down by the kernel does not look alive.
int64_t Engine::State::claim_patience() { return world.clock->boot() + 100'000; }

Result<RunRow> Engine::State::claim(const RunRow& run, int64_t patience_until, Claimer by) {
  constexpr int64_t kLookEvery = 5'000;
  while (true) {
    auto row = store->claim(run.key, key, by, itself());
    const bool held = !row && row.error().kind == ErrorKind::kLocked;
    if (!held || world.clock->boot() >= patience_until || stop_level.load() != 0) return row;
    world.sleeper->sleep(world.clock->boot() + kLookEvery);
  }
}

/// It was claimed over and over and got nowhere: it is quarantined, with what is known.
Status Engine::State::give_up(const RunRow& row) {
  std::string why = fmt::format(
      "whatever process goes on with it ends before the run gets any further: {} times in a row, "
      "since entry {} of its journal",
      row.claims - 1, row.head);
  KnownAttempts known;
  if (auto all = news_of(row, 0, known); all && !known.places.empty()) {
    why += "; under way was";
    for (const auto& [request, place] : known.places) why += fmt::format(" {}", place.path);
  }
  return store->quarantine(row.key, row.token,
                           why + fmt::format(". `rbk resume {}` tries it once more", row.id),
                           itself());
}

Result<RunDriver*> Engine::State::hold(const RunRow& found, int64_t patience_until, Claimer by) {
  if (const auto held = runs.find(found.key); held != runs.end()) return held->second.get();
  if (!is_for_us(found))
    return fail(ErrorKind::kRefused, fmt::format("run {} is for a worker with the label \"{}\"",
                                                 found.id, found.placement));
  if (auto joined = join(); !joined) return tl::unexpected(joined.error());
  return take(claim(found, patience_until, by));
}

/// Brings the machine of a run that was claimed back.
Result<RunDriver*> Engine::State::take(const Result<RunRow>& row) {
  if (!row) return tl::unexpected(row.error());
  if (row->claims >= kMostClaims) {
    if (auto done = give_up(*row); !done) return tl::unexpected(done.error());
    return fail(ErrorKind::kCorrupt, fmt::format("run {} gets nowhere", row->id));
  }
  auto recovered = [&]() -> Result<std::unique_ptr<RunDriver>> {
    auto program = programs.load(*store, *row);
    if (!program) return tl::unexpected(program.error());
    auto run = recover_run(*store, *row, *program);
    if (!run) return tl::unexpected(run.error());
    if (run->snapshot_was_bad)
      if (auto dropped = store->drop_snapshot(row->key); !dropped)
        return tl::unexpected(dropped.error());
    auto made = std::make_unique<RunDriver>(*row, *program, std::move(*run), key);
    if (auto opened = open_takeover(*made); !opened) return tl::unexpected(opened.error());
    return made;
  }();
  if (!recovered) {
    const Error& error = recovered.error();
    if (error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kUnsupported)
      if (auto done =
              store->quarantine(row->key, row->token, error.message + ". " + error.cure, itself());
          !done)
        return tl::unexpected(done.error());
    return tl::unexpected(error);
  }
  RunDriver* driver = recovered->get();
  driver->somebody_listens = observer != nullptr;
  runs[row->key] = std::move(*recovered);
  rested.erase(row->key);
  look_now = family_now = true;
  take_up(*driver);
  return driver;
}

Result<std::vector<DriveEnd>> Engine::State::drive(const DriveOptions& options,
                                                   const Coming& coming) {
  observer = options.observer;
  confirm = options.confirm;
  std::set<RunKey> left;
  std::vector<DriveEnd> ends;
  failures = 0;
  rested.clear();
  woken.clear();
  family_now = true;
  for (auto& [run, driver] : runs) driver->somebody_listens = observer != nullptr;
  if (store->lapsed())
    if (auto gone = leave_lost(nullptr); !gone) return tl::unexpected(gone.error());
  for (more_come = true;;) {
    if (more_come) {
      std::vector<RunKey> come;
      const Status taken = take_coming(coming, come);
      left.insert(come.begin(), come.end());
      if (!taken) {
        observer = nullptr;
        return tl::unexpected(taken.error());
      }
    }
    if (auto gone = let_go_resting(options); !gone) {
      observer = nullptr;
      return tl::unexpected(gone.error());
    }
    left.insert(woken.begin(), woken.end());
    woken.clear();
    for (auto end = ended.begin(); end != ended.end(); end = ended.erase(end)) {
      if (left.erase(end->first) > 0) ends.push_back(std::move(end->second));
    }
    // Those of the family that are driven along are let go as well before this ends.
    const bool drives = std::any_of(runs.begin(), runs.end(),
                                    [&](const auto& held) { return !fresh.contains(held.first); });
    // So is whoever waits for one that has ended.
    const bool wakes = !awaited_by.empty() && stop_level.load() == 0;
    if (left.empty() && !drives && !wakes && !more_come) break;
    if (auto done = pump(); !done) {
      observer = nullptr;
      return tl::unexpected(done.error());
    }
  }
  Status flushed = flush(true);
  observer = nullptr;
  if (flushed) finish_notices({});
  if (trouble) {
    int stopped = 1;
    stop_level.compare_exchange_strong(stopped, 0);
    const Error error = *std::exchange(trouble, std::nullopt);
    const auto is_over = [](const DriveEnd& end) { return end.why == DriveEnd::Why::kOver; };
    if (flushed && !std::all_of(ends.begin(), ends.end(), is_over)) return tl::unexpected(error);
  }
  if (!flushed) return tl::unexpected(flushed.error());
  return ends;
}

/// The next runs that are to be driven.
Status Engine::State::take_coming(const Coming& coming, std::vector<RunKey>& come) {
  auto more = coming(come);
  more_come = more.value_or(false);
  if (!more) return tl::unexpected(more.error());
  for (const RunKey run : come) {
    if (const auto held = runs.find(run); held != runs.end()) open_fresh(*held->second);
    if (auto opened = open_fresh_children(run); !opened) return opened;
  }
  return {};
}

/// Lets go of what can't go on now.
Status Engine::State::let_go_resting(const DriveOptions& options) {
  std::vector<RunKey> held;
  held.reserve(runs.size());
  for (const auto& [run, driver] : runs)
    if (!fresh.contains(run)) held.push_back(run);
  // Those that were begun come after those that wait for them.
  for (auto run = held.rbegin(); run != held.rend(); ++run) {
    const auto found = runs.find(*run);
    if (found == runs.end()) continue;
    const auto why = resting(*found->second, options);
    if (!why) continue;
    rested[*run] = found->second->held_up;
    if (auto gone = let_go(*found->second, *why); !gone) return gone;
  }
  return {};
}

Status Engine::State::pump() {
  bool worked = false;
  if (store->lapsed())
    if (auto left = leave_lost(nullptr); !left) return left;
  actions->turn();
  for (Delivery& delivery : mailbox->take()) {
    take_delivery(std::move(delivery));
    worked = true;
  }
  if (auto committed = committer->poll()) {
    if (auto done = settle_commit(std::move(*committed)); !done) return done;
    worked = true;
  }
  const int64_t boot_now = world.clock->boot();
  if (const auto next = timers.next(); next && *next <= boot_now) {
    auto changed = look_now ? Result<bool>(true) : look();
    if (!changed) return tl::unexpected(changed.error());
    if (*changed)
      if (auto taken = take_messages(true); !taken) return taken;
    look_now = look_now || *changed;
  }
  while (const auto timer = timers.take(boot_now)) {
    fire(*timer);
    worked = true;
  }
  if (look_now || boot_now >= look_at) {
    auto changed = look_now ? Result<bool>(true) : look();
    if (!changed) return tl::unexpected(changed.error());
    worked = worked || look_now;  // what rested but for this rests now
    look_now = false;
    look_at = boot_now + world.look_every;
    look_for_notices = look_for_notices || *changed;
    if (*changed) {
      family_now = true;
      if (auto taken = take_messages(false); !taken) return taken;
    }
  }
  if (auto done = look_after_families(); !done) return done;
  send_notices();
  if (auto done = quarantine_broken(); !done) return done;
  if (auto flushed = flush(false); !flushed) return flushed;
  // What was taken over while it left is to be committed, and nobody else wakes us for it.
  const bool more_to_commit =
      !committer->busy() && std::any_of(runs.begin(), runs.end(), [](const auto& held) {
        return held.second->dirty() && !held.second->in_flight() && !held.second->broken;
      });
  if (!worked && !more_come && !more_to_commit && mailbox->empty() && !may_send_notices())
    sleep_until_needed();
  return {};
}

/// Another engine has the run. What is under way of it here is that one's to find; should the run
/// come back, nothing that this process asked for counts as never begun.
void Engine::State::lose(const RunRow& row) {
  fresh.erase(row.key);
  abandoned.insert(row.key);
  std::erase_if(attempts, [&](const auto& item) { return item.second.run == row.key; });
  remember_end(row, DriveEnd::Why::kHeld);
}

/// We may have counted as dead. What others have taken over since is theirs: it is not driven on
/// until its next commit is refused, but let go now. `committed`: this group was, and nothing of it
/// has left yet.
Status Engine::State::leave_lost(const Group* committed) {
  const auto lets_go = [&](RunKey run) {
    return std::any_of(
        committed->changes.begin(), committed->changes.end(),
        [&](const RunChange& change) { return change.run == run && change.release; });
  };
  for (auto held = runs.begin(); held != runs.end();) {
    const RunDriver& driver = *held->second;
    // Of what is being committed nothing leaves before it is asked for again.
    const bool is_under_way = committed == nullptr && driver.in_flight();
    unsure = unsure || is_under_way;
    if (is_under_way || (committed != nullptr && lets_go(held->first))) {
      ++held;
      continue;
    }
    auto row = store->run(held->first);
    if (!row) return tl::unexpected(row.error());
    if (row->token == driver.row().token) {
      ++held;
      continue;
    }
    held = runs.erase(held);
    lose(*row);
  }
  return {};
}

Result<bool> Engine::State::look() {
  auto changed = store->changed();
  store_changed = store_changed || (changed && *changed);
  return changed;
}

/// Commits what is dirty: in this thread if nothing else could go on meanwhile, since handing over
/// costs more than it gains then.
Status Engine::State::flush(bool in_this_thread) {
  while (true) {
    if (committer->busy()) {
      if (!in_this_thread) return {};
      if (auto done = settle_commit(committer->wait()); !done) return done;
    }
    Group group;
    group.engine = key;
    for (auto& [run, driver] : runs)
      if (driver->dirty() && !driver->in_flight() && !driver->broken) {
        group.changes.push_back(driver->take());
        add_notices(*driver, group.changes.back());
        store_lines(*driver);
        if (auto born = bear(*driver, group.changes.back(), false); !born)
          driver->broken = born.error();
      }
    const bool logs_due = log_flush_at != 0 && (in_this_thread || !group.changes.empty() ||
                                                log_chunk_bytes >= kFlushLogsBytes ||
                                                world.clock->boot() >= log_flush_at);
    if (logs_due) {
      group.logs = std::exchange(log_chunks, {});
      log_chunk_bytes = 0;
      log_flush_at = 0;
    }
    if (group.changes.empty() && group.logs.empty()) return {};
    if (RBK_MUTANT("leaves_before_the_commit"))
      for (const RunChange& change : group.changes)
        leave(*runs.at(change.run), runs.at(change.run)->committed());
    const bool others_go_on = attempts.size() > group.changes.size();
    if (!in_this_thread && others_go_on && committer->may_use_thread()) {
      committer->submit(std::move(group));
      return {};
    }
    if (auto done = settle_commit(committer->commit_here(std::move(group))); !done) return done;
    if (!in_this_thread) return {};
  }
}

Status Engine::State::settle_commit(Committed committed) {
  if (!committed.result) return restart_after(committed.result.error(), std::move(committed.group));
  failures = 0;
  for (const RunChange& change : committed.group.changes)
    look_for_notices = look_for_notices || !change.notices.empty();
  const std::vector<RunKey>& all_lost = committed.result->lost;
  for (const RunKey lost : all_lost) {
    const auto held = runs.find(lost);
    if (held == runs.end()) continue;
    const RunRow row = held->second->row();
    runs.erase(held);
    lose(row);
  }
  // Children are known before locks that they were given at once.
  for (RunChange& change : committed.group.changes)
    if (std::find(all_lost.begin(), all_lost.end(), change.run) != all_lost.end())
      drop_children(change.children);
    else
      adopt_children(change.children, false);
  note_locks(*committed.result);
  const bool lapsed = store->lapsed();
  if (std::exchange(unsure, false) || lapsed)
    if (auto left = leave_lost(&committed.group); !left) return left;
  for (RunChange& change : committed.group.changes) {
    const auto held = runs.find(change.run);
    if (held == runs.end()) {
      leave_children(change.children);
      continue;
    }
    RunDriver& driver = *held->second;
    leave(driver, driver.committed());
    // After their parent's news, and without it: it may have ended over them.
    leave_children(change.children);
    if (!change.release) continue;
    if (driver.over()) note_end(driver);
    if (driver.over()) remember_end(driver.row(), DriveEnd::Why::kOver);
    // A run that ended over an attempt (its limits were reached) does not want it any more.
    for (auto& [id, attempt] : attempts)
      if (driver.over() && attempt.run == change.run && !attempt.outcome)
        attempt.action->stop(id, StopMode::kGentle);
    std::erase_if(attempts, [&](const auto& item) { return item.second.run == change.run; });
    runs.erase(change.run);
  }
  return {};
}

/// What the store says now is the truth: every machine is built anew from it. Outcomes that came in
/// meanwhile are kept, so that nothing is done twice.
Status Engine::State::restart_after(const Error& error, Group lost) {
  ++failures;
  newborn.clear();
  family_now = true;
  std::vector<RunKey> held;
  for (const auto& [run, driver] : runs) held.push_back(run);
  runs.clear();
  while (committer->busy()) committer->wait();
  const bool lasting = error.kind != ErrorKind::kIo && error.kind != ErrorKind::kLocked;
  if (auto opened = store->reopen(); !opened) return lasting ? tl::unexpected(error) : opened;
  if (lasting || failures >= kMostFailures) return tl::unexpected(error);
  world.sleeper->sleep(world.clock->boot() + 100'000 * failures);
  bool happened = false;
  for (const RunChange& change : lost.changes) {
    auto row = store->run(change.run);
    if (!row) return tl::unexpected(row.error());
    happened = happened || (!change.entries.empty() && row->head >= change.entries.back().number);
  }
  if (!happened) log_chunks.insert(log_chunks.begin(), lost.logs.begin(), lost.logs.end());
  if (!log_chunks.empty()) log_flush_at = world.clock->boot();
  for (const RunKey run : held) {
    auto row = store->run(run);
    if (!row) return tl::unexpected(row.error());
    if (is_over(row->status)) {
      remember_end(*row, DriveEnd::Why::kOver);
    } else if (row->holder != 0 && row->holder != key) {
      lose(*row);
    } else if (auto driver = hold(*row); !driver) {
      return tl::unexpected(driver.error());
    }
  }
  return {};
}

void Engine::State::store_lines(RunDriver& driver) {
  for (const RunLogLine& line : driver.lines_in_flight())
    store_line(driver, {0, line.time, line.step, 0, line.path, line.stream, line.text});
}

std::vector<LogChunk> Engine::State::first_lines(RunDriver& driver) {
  std::vector<LogChunk> chunks;
  for (const RunLogLine& line : driver.lines_in_flight())
    add_line(driver, {0, line.time, line.step, 0, line.path, line.stream, line.text}, chunks);
  return chunks;
}

/// The causes are durable: attempts begin, timers are set, people are told. What is to be done goes
/// first: the rest is looked after while it runs.
void Engine::State::leave(RunDriver& driver, Leaving leaving) {
  for (const vm::RequestId request : leaving.requests)
    if (Asked* asked = driver.asked().find(request)) carry_out(driver, *asked);
  for (const vm::request::Stop& stop : leaving.stops) stop_attempt(driver, stop);
  for (const uint64_t id : leaving.acknowledged) {
    const auto attempt = attempts.find(id);
    if (attempt == attempts.end()) continue;
    attempt->second.action->acknowledge(attempt->second.key);
    attempts.erase(attempt);
  }
  const Unbegun unbegun =
      stop_level.load() != 0 || driver.row().key == let_go_now || driver.held_up || driver.paused()
          ? Unbegun(driver.asked(), leaving.requests)
          : Unbegun();
  size_t told = 0;
  const auto tell_up_to = [&](size_t end) {
    for (; told < std::min(end, leaving.news.size()); ++told)
      if (!unbegun.is_told_by(leaving.news[told]) &&
          is_worth_telling(driver.row().key, leaving.news[told]))
        tell(driver.row().id, leaving.news[told]);
  };
  for (const RunLogLine& line : leaving.lines) {
    tell_up_to(line.after_news);
    tell_line(driver, {0, line.time, line.step, 0, line.path, line.stream, line.text});
  }
  tell_up_to(leaving.news.size());
}

void Engine::State::fire(const Timer& timer) {
  const auto held = runs.find(timer.run);
  if (held == runs.end()) return;
  RunDriver& driver = *held->second;
  Asked* asked = driver.asked().find(timer.request);
  if (asked == nullptr) return;
  if (timer.kind == Timer::Kind::kDue) {
    if (asked->deadline != timer.at) return;
    if (auto done = driver.deliver(vm::event::Woke{timer.request}, now(), timer.request); !done)
      driver.broken = done.error();
    return;
  }
  const auto found = attempts.find(timer.attempt);
  if (found == attempts.end() || found->second.outcome || asked->attempt != timer.attempt) return;
  LiveAttempt& attempt = found->second;
  Timer next = timer;
  switch (timer.kind) {
    case Timer::Kind::kStop:
      attempt.timed_out = true;
      attempt.action->stop(timer.attempt, StopMode::kGentle);
      next.kind = Timer::Kind::kKill;
      next.at += 2'000'000;
      timers.add(next);
      return;
    case Timer::Kind::kKill:
      attempt.action->stop(timer.attempt, StopMode::kKill);
      if (attempt.action->always_ends()) return;
      next.kind = Timer::Kind::kGiveUp;
      next.at += 10'000'000;
      timers.add(next);
      return;
    default: {
      Outcome outcome;
      outcome.kind = Outcome::Kind::kStopped;
      outcome.effect = Effect::kUnknown;
      end_attempt(timer.attempt, std::move(outcome));
    }
  }
}

/// How long it is until its next sleep ends, by the clock that its timer goes by.
std::optional<int64_t> Engine::State::sleeps_for(RunDriver& driver) {
  const Moment moment = now();
  std::optional<int64_t> least;
  for (const auto& [id, asked] : driver.asked().all()) {
    const auto* sleep = std::get_if<vm::request::Sleep>(&asked.request.what);
    if (sleep == nullptr) continue;
    const int64_t left =
        asked.deadline != 0 ? asked.deadline - moment.boot : sleep->until - moment.wall;
    least = std::min(least.value_or(left), left);
  }
  return least;
}

/// Whether the run is to be let go now, and why.
std::optional<DriveEnd::Why> Engine::State::resting(RunDriver& driver,
                                                    const DriveOptions& options) {
  if (driver.in_flight() || driver.over() || driver.broken || look_now) return std::nullopt;
  const int level = stop_level.load();
  if (level >= 2) return DriveEnd::Why::kStopped;
  if (driver.dirty()) return std::nullopt;
  if ((level == 1 || driver.held_up) && driver.attempts == 0) return DriveEnd::Why::kStopped;
  AskedRequests& asked = driver.asked();
  if (driver.paused()) {
    if (driver.attempts > 0) return std::nullopt;
    // Those that it waits for are let go first; those of other processes are not waited for.
    for (const vm::RequestId request : asked.awaited_runs()) {
      auto awaited = awaited_run(driver, *asked.find(request));
      if (!awaited || (*awaited && runs.contains((*awaited)->key))) return std::nullopt;
    }
    return DriveEnd::Why::kSuspended;
  }
  if (asked.performing() > 0) return std::nullopt;
  auto others_rest = awaits_rest(driver);
  if (!others_rest || (*others_rest && !**others_rest)) return std::nullopt;
  const bool people = asked.doubts() > 0 || asked.asks_others() || *others_rest;
  const std::optional<int64_t> sleep = sleeps_for(driver);
  if (people && options.wait_for_people) return std::nullopt;
  const int64_t patience =
      people ? std::min(options.longest_sleep, kShortSleep) : options.longest_sleep;
  if (sleep && *sleep <= patience) return std::nullopt;
  if (asked.queues() && !people && options.wait_for_locks) return std::nullopt;
  return asked.doubts() > 0 ? DriveEnd::Why::kInDoubt : DriveEnd::Why::kSuspended;
}

/// Commits at once that nobody holds the run, and which of its requests were certainly not begun.
Status Engine::State::let_go(RunDriver& driver, DriveEnd::Why why) {
  std::vector<vm::RequestId> not_started;
  for (const auto& [id, asked] : driver.asked().all())
    if (asked.perform() != nullptr && !asked.out && !asked.in_doubt && !asked.not_started)
      not_started.push_back(id);
  if (!not_started.empty()) driver.note(Entry::Kind::kNotStarted, not_started, now());
  if (driver.attempts > 0) abandoned.insert(driver.row().key);
  driver.let_go(true);
  const RunRow row = driver.row();
  const std::optional<Error> held_up = driver.held_up;
  if (auto flushed = flush(true); !flushed) return flushed;
  // After a commit that failed it may be held again, from what the store says: then it is asked
  // anew.
  if (!runs.contains(row.key) && !ended.contains(row.key)) {
    remember_end(row, why);
    if (held_up) ended[row.key].held_up = held_up;
  }
  return {};
}

Status Engine::State::quarantine_broken() {
  for (auto held = runs.begin(); held != runs.end();) {
    RunDriver& driver = *held->second;
    if (!driver.broken || driver.in_flight()) {
      ++held;
      continue;
    }
    RunRow row = driver.row();
    row.status = RunStatus::kQuarantined;
    row.ending = driver.broken->message;
    if (!driver.broken->cure.empty()) row.ending += ". " + driver.broken->cure;
    if (auto done = store->quarantine(row.key, row.token, row.ending, itself()); !done) return done;
    std::erase_if(attempts, [&](const auto& item) { return item.second.run == row.key; });
    held = runs.erase(held);
    remember_end(row, DriveEnd::Why::kQuarantined);
  }
  return {};
}

void Engine::State::remember_end(const RunRow& row, DriveEnd::Why why, bool alone) {
  DriveEnd end;
  end.why = why;
  RunRow known = row;
  if (why == DriveEnd::Why::kHeld || why == DriveEnd::Why::kStopped) {
    if (auto read = store->run(row.key)) known = *read;
  }
  if (why != DriveEnd::Why::kHeld) known.holder = 0;
  if (auto summary = summarise(known, alone)) end.run = std::move(*summary);
  if (why == DriveEnd::Why::kSuspended || why == DriveEnd::Why::kInDoubt) {
    if (auto waits = waits_of(known)) end.waits = std::move(*waits);
    (void)add_awaited(known, end);  // what can't be read is not told
  }
  ended[row.key] = std::move(end);
}

void Engine::State::sleep_until_needed() {
  int64_t until = look_at;
  if (const auto timer = timers.next()) until = std::min(until, *timer);
  if (log_flush_at != 0) until = std::min(until, log_flush_at);
  if (notices_at != 0) until = std::min(until, notices_at);
  if (up_at) until = std::min(until, *up_at);
  world.sleeper->sleep(until, actions->descriptor());
}

}  // namespace rbk::engine
