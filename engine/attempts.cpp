// Attempts: how they begin, how they are found again after a crash, how they end.
#include <fmt/format.h>

#include "base/mutant.h"
#include "engine/engine_state.h"
#include "engine/ids.h"
#include "engine/logs.h"
#include "engine/own_program.h"
#include "engine/unbegun.h"

namespace rbk::engine {
namespace {

constexpr int64_t kFlushLogsEvery = 100'000;  // microseconds
constexpr size_t kLongestChunk = 64 * 1024;
constexpr int64_t kMostLogBytes = int64_t{256} << 20;  // of one run, in the store

Behaviour behaviour_of(bytecode::Behaviour behaviour) {
  switch (behaviour) {
    case bytecode::Behaviour::kReads:
      return Behaviour::kReads;
    case bytecode::Behaviour::kIdempotent:
      return Behaviour::kIdempotent;
    case bytecode::Behaviour::kWrites:
      return Behaviour::kWrites;
  }
  return Behaviour::kWrites;
}

vm::Effect effect_of(Effect effect) {
  switch (effect) {
    case Effect::kNone:
      return vm::Effect::kNone;
    case Effect::kDone:
      return vm::Effect::kDone;
    case Effect::kUnknown:
      return vm::Effect::kUnknown;
  }
  return vm::Effect::kUnknown;
}

vm::event::Performed performed(vm::RequestId request, Outcome outcome, bool timed_out) {
  using How = vm::event::Performed::How;
  vm::event::Performed event;
  event.request = request;
  event.effect = effect_of(outcome.effect);
  switch (outcome.kind) {
    case Outcome::Kind::kOk:
      event.how = How::kOk;
      event.output = std::move(outcome.output);
      event.effect = vm::Effect::kDone;
      break;
    case Outcome::Kind::kError:
      event.how = timed_out || outcome.error.kind == "Timeout" ? How::kTimeout : How::kError;
      event.error = {std::move(outcome.error.kind), std::move(outcome.error.message),
                     outcome.error.retryable, std::move(outcome.error.fields)};
      break;
    case Outcome::Kind::kStopped:
    case Outcome::Kind::kUnknown:
    case Outcome::Kind::kNotBegun:
    case Outcome::Kind::kHeldUp:
      event.how = timed_out ? How::kTimeout : How::kStopped;
      break;
  }
  if (event.how == How::kTimeout && event.error.message.empty())
    event.error = {"Timeout", "its time was up", true, {}};
  return event;
}

vm::event::Performed failed(vm::RequestId request, std::string kind, std::string message) {
  vm::event::Performed event;
  event.request = request;
  event.how = vm::event::Performed::How::kError;
  event.error = {std::move(kind), std::move(message), false, {}};
  event.effect = vm::Effect::kNone;
  return event;
}

/// On one line, as an error of the run.
std::string told(const Error& error) {
  return error.cure.empty() ? error.message : error.message + "; " + error.cure;
}

/// How its action is to be told that an attempt is not wanted any more; nothing if it is let
/// finish.
std::optional<StopMode> stop_mode(const Asked& asked) {
  using How = vm::request::Stop::How;
  if (!asked.stop || *asked.stop == How::kLetFinish) return std::nullopt;
  return *asked.stop == How::kKill ? StopMode::kKill : StopMode::kGentle;
}

}  // namespace

/// After the machine was brought back: whatever waits is found again or begun.
void Engine::State::take_up(RunDriver& driver) {
  const RunKey run = driver.row().key;
  Waiting waiting;
  waiting.reserve(driver.asked().all().size());
  for (const auto& [id, asked] : driver.asked().all()) waiting.emplace_back(id, asked.repetition);
  // A cancellation that waits comes first: what it ends does not begin; a pause as well. And what
  // came before a time was up counts, however late somebody goes on with the run.
  if (auto messages = store->messages(run))
    for (const Message& message : *messages)
      if (message.kind == Message::Kind::kCancel || message.kind == Message::Kind::kPause ||
          came_in_time(driver, message))
        take_message(driver, message);
  std::vector<uint64_t> here;
  for (auto& [id, attempt] : attempts)
    if (attempt.run == run) here.push_back(id);
  for (const uint64_t id : here) {
    LiveAttempt& attempt = attempts.at(id);
    Asked* asked = driver.asked().find(attempt.request);
    if (asked == nullptr) {
      attempt.action->acknowledge(attempt.key);
      attempts.erase(id);
      continue;
    }
    asked->attempt = id;
    asked->out = true;
    ++driver.attempts;
    if (attempt.outcome) end_attempt(id, std::move(*attempt.outcome));
  }
  std::vector<vm::RequestId> to_begin;
  for (const auto& [id, repetition] : waiting) {
    Asked* asked = driver.asked().find(id);
    if (asked == nullptr || asked->out || asked->in_doubt) continue;
    // To be repeated since a message or an outcome said so: it begins once that is durable.
    if (asked->repetition != repetition) continue;
    if (asked->perform() == nullptr) {
      carry_out(driver, *asked);
      continue;
    }
    // What this process asked for and never began has certainly not begun; nor what is taken over.
    const bool ours = asked->engine == key && !abandoned.contains(run);
    const bool not_begun =
        asked->not_started || ours || known_from_before(driver, *asked) != nullptr;
    if (not_begun || driver.held_up) {
      to_begin.push_back(id);
      continue;
    }
    const std::string path = asked->perform()->path;
    if (!find_again(driver, *asked))
      to_begin.push_back(id);
    else if (driver.takeover)
      driver.takeover->begun(path);
  }
  abandoned.erase(run);
  if (!to_begin.empty()) fire_overdue(driver, waiting);
  std::vector<vm::RequestId> unstarted;
  for (const vm::RequestId id : to_begin) {
    Asked* asked = driver.asked().find(id);
    if (asked == nullptr) continue;
    if (!asked->not_started || asked->stop)
      carry_out(driver, *asked);
    else if (stop_level.load() == 0 && !driver.paused())
      unstarted.push_back(id);
  }
  begin_unstarted(driver, unstarted);
}

/// The times that were up while nobody drove the run: what they end does not begin.
void Engine::State::fire_overdue(RunDriver& driver, const Waiting& waiting) {
  const int64_t boot_now = world.clock->boot();
  for (const auto& [id, repetition] : waiting)
    if (const Asked* asked = driver.asked().find(id);
        asked != nullptr && asked->perform() == nullptr && asked->out && asked->deadline != 0 &&
        asked->deadline <= boot_now)
      fire({asked->deadline, Timer::Kind::kDue, driver.row().key, id, 0});
}

/// That they were not started is true only until somebody may have begun them: first the intent.
void Engine::State::begin_unstarted(RunDriver& driver, const std::vector<vm::RequestId>& requests) {
  if (requests.empty()) return;
  const Unbegun unbegun(driver.asked(), requests);
  driver.note(Entry::Kind::kBegun, requests, now());
  KnownAttempts known;
  if (observer != nullptr)
    if (auto all = news_of(driver.row(), 0, known)) driver.tell_now(unbegun.held_back(*all));
}

/// What was not begun since the run is paused begins.
void Engine::State::go_on_unpaused(RunDriver& driver) {
  std::vector<vm::RequestId> unstarted;
  for (const auto& [id, asked] : driver.asked().all())
    if (asked.not_started && !asked.stop && stop_level.load() == 0) unstarted.push_back(id);
  begin_unstarted(driver, unstarted);
  family_now = true;
}

void Engine::State::carry_out(RunDriver& driver, Asked& asked) {
  if (asked.perform() != nullptr) {
    if (asked.in_doubt || asked.out) return;
    if (asked.stop) {
      Outcome outcome;
      outcome.kind = Outcome::Kind::kStopped;
      outcome.effect = Effect::kNone;
      answer(driver, performed(asked.request.id, std::move(outcome), false));
    } else if (driver.paused()) {
      // Known at once: a person may leave it out meanwhile.
      if (!asked.not_started) driver.note(Entry::Kind::kNotStarted, {asked.request.id}, now());
    } else if (!take_over(driver, asked) && may_begin(driver, asked)) {
      if (driver.takeover) driver.takeover->begun(asked.perform()->path);
      begin_attempt(driver, asked);
    }
    return;
  }
  family_now = family_now || asked.awaits_run();
  if (const auto* sleep = std::get_if<vm::request::Sleep>(&asked.request.what))
    set_timer(driver, asked, sleep->until);
  if (const auto* approve = std::get_if<vm::request::Approve>(&asked.request.what);
      approve != nullptr && !approve->is_question && reject_beyond_limits(driver, asked))
    return;
  if (const auto* approve = std::get_if<vm::request::Approve>(&asked.request.what))
    if (approve->expires) set_timer(driver, asked, *approve->expires);
  if (const auto* signal = std::get_if<vm::request::AwaitSignal>(&asked.request.what))
    if (signal->expires) set_timer(driver, asked, *signal->expires);
  if (const auto* acquire = std::get_if<vm::request::Acquire>(&asked.request.what))
    if (acquire->until) set_timer(driver, asked, *acquire->until);
}

/// An approval that people outside of the manifest could give is nobody's to give. Whether it is.
bool Engine::State::reject_beyond_limits(RunDriver& driver, const Asked& asked) {
  const auto& approve = std::get<vm::request::Approve>(asked.request.what);
  if (!driver.limits || !approve.description.is_object()) return false;
  const Status within = driver.limits->check_people(approve.description.get_object());
  if (within) return false;
  vm::event::Decided decided;
  decided.request = asked.request.id;
  decided.reason = told(within.error());
  if (auto done = driver.deliver(std::move(decided), now(), asked.request.id); !done)
    driver.broken = done.error();
  return true;
}

Status Engine::State::open_takeover(RunDriver& driver) {
  if (driver.row().retries == 0 || driver.takeover) return {};
  auto opened = Takeover::open(*store, driver.row(), driver.shared_program(), driver.asked());
  if (!opened) return tl::unexpected(opened.error());
  driver.takeover = std::move(*opened);
  return {};
}

/// What becomes of an attempt of a retry is known from the run that it retries; null if it is not.
const TakenAttempt* Engine::State::known_from_before(RunDriver& driver, const Asked& asked) {
  if (driver.row().retries == 0 || asked.repetition > 0 || asked.in_doubt ||
      RBK_MUTANT("a_retry_begins_all_of_it"))
    return nullptr;
  if (Status opened = open_takeover(driver); !opened) {
    driver.held_up = opened.error();
    return nullptr;
  }
  return driver.takeover->find(*asked.perform(), driver.machine().part_of(asked.request.id));
}

/// The attempt is not begun: what became of it before is what becomes of it.
bool Engine::State::take_over(RunDriver& driver, Asked& asked) {
  if (stop_level.load() != 0 || driver.row().key == let_go_now || driver.held_up) return false;
  const TakenAttempt* known = known_from_before(driver, asked);
  if (known == nullptr) return false;
  driver.takeover->take(*known);
  const bool in_doubt = known->what == TakenAttempt::What::kInDoubt;
  driver.take_over({asked.request.id, known->run, known->request}, known->run_id, in_doubt, now());
  if (in_doubt) {
    effect_unknown(driver, asked);
    return true;
  }
  vm::event::Performed outcome = known->outcome;
  outcome.request = asked.request.id;
  answer(driver, std::move(outcome));
  return true;
}

bool Engine::State::may_begin(const RunDriver& driver, const Asked& asked) {
  if (stop_level.load() != 0 || driver.row().key == let_go_now || driver.held_up) return false;
  const vm::request::Perform& perform = *asked.perform();
  if (!confirm || perform.behaviour != bytecode::Behaviour::kWrites) return true;
  if (confirm({driver.row().id, perform.path, driver.program().actions[perform.action].name,
               perform.arguments, perform.attempt}))
    return true;
  int running = 0;
  stop_level.compare_exchange_strong(running, 1);
  return false;
}

/// Durations count on the boot clock as long as the boot lasts, then on the wall clock.
void Engine::State::set_timer(RunDriver& driver, Asked& asked, int64_t until) {
  const Moment moment = now();
  asked.deadline = same_boot(asked.engine) ? asked.boot_time + (until - asked.time)
                                           : moment.boot + (until - moment.wall);
  asked.out = true;
  timers.add({asked.deadline, Timer::Kind::kDue, driver.row().key, asked.request.id, 0});
}

bool Engine::State::same_boot(EngineKey engine) {
  const auto life = [](const std::string& identity) {
    return identity.substr(0, identity.find(':'));
  };
  const std::string& other = boot_of(engine);
  return engine == key || (!other.empty() && life(other) == life(boot));
}

const EngineRow& Engine::State::known_engine(EngineKey engine) {
  const auto known = engines.find(engine);
  if (known != engines.end()) return known->second;
  auto row = store->engine(engine);
  return engines[engine] = row ? std::move(*row) : EngineRow{};
}

const std::string& Engine::State::boot_of(EngineKey engine) { return known_engine(engine).boot; }

int64_t Engine::State::epoch_of(EngineKey engine) {
  return engine == key ? store->identity().epoch : known_engine(engine).epoch;
}

namespace {

Attempt describe_attempt(RunDriver& driver, const Asked& asked, uint64_t id,
                         const StoreIdentity& store) {
  const vm::request::Perform& perform = *asked.perform();
  Attempt attempt;
  attempt.id = id;
  attempt.name = driver.program().actions[perform.action].name;
  attempt.arguments = perform.arguments;
  attempt.own = own_program(driver.shared_program(), perform.action);
  if (driver.limits)
    attempt.may_be_led_to = [limits = driver.limits](std::string_view url) {
      return limits->allows_redirect(url);
    };
  attempt.number = perform.attempt;
  attempt.folder = driver.row().folder;
  attempt.umask = driver.row().umask;
  attempt.run = driver.row().id;
  attempt.path = perform.path;
  if (!driver.keys) driver.keys.emplace(store.id, attempt.run, store.incarnation);
  attempt.key = driver.keys->idempotency(perform.path, perform.step, perform.generation);
  attempt.attempt_key = driver.keys->attempt(asked.request.id, asked.repetition);
  attempt.fence = static_cast<uint64_t>(driver.row().token);
  attempt.behaviour = behaviour_of(perform.behaviour);
  attempt.timeout = perform.timeout;
  return attempt;
}

Result<Action*> action_of(ActionRegistry& actions, const Attempt& attempt) {
  return attempt.own.path.empty() ? actions.find(attempt.name) : actions.find_own();
}

Status within_limits(const RunDriver& driver, const Asked& asked, const RunSecrets& secrets) {
  if (!driver.limits) return {};
  const vm::request::Perform& perform = *asked.perform();
  return driver.limits->check(driver.program(), perform.action, perform.arguments,
                              [&](const std::string& name) { return secrets.was_given(name); });
}

LiveAttempt live(const RunDriver& driver, const Asked& asked, const Attempt& attempt,
                 Action* action) {
  LiveAttempt made;
  made.run = driver.row().key;
  made.request = asked.request.id;
  made.action = action;
  made.key = attempt.attempt_key;
  made.path = attempt.path;
  made.step = asked.perform()->step;
  made.number = asked.perform()->attempt;
  return made;
}

}  // namespace

void Engine::State::begin_attempt(RunDriver& driver, Asked& asked) {
  const uint64_t id = ++last_attempt;
  Attempt attempt = describe_attempt(driver, asked, id, store->identity());
  auto action = action_of(*actions, attempt);
  if (!action) {
    answer(driver, failed(asked.request.id, "Error", told(action.error())));
    return;
  }
  // It may have been asked for long ago: what it is in may have had its time meanwhile.
  if (const auto deadline = driver.machine().deadline(asked.request.id);
      deadline && asked.repetition == 0) {
    const int64_t time = std::max(driver.time(), now().wall);
    if (*deadline <= time) {
      Outcome outcome;
      outcome.kind = Outcome::Kind::kNotBegun;
      outcome.effect = Effect::kNone;
      // What the machine has been told of already, it says itself.
      answer(driver, performed(asked.request.id, std::move(outcome), *deadline != INT64_MIN));
      return;
    }
    attempt.timeout = std::min(attempt.timeout.value_or(INT64_MAX), *deadline - time);
  }
  auto secrets = secrets_of(driver);
  if (!secrets) return hold_up(driver, asked, secrets.error());
  if (Status within = within_limits(driver, asked, **secrets); !within)
    return answer(driver, failed(asked.request.id, "OutOfManifest", told(within.error())));
  if (Status ready = (*secrets)->hand_over(world.secrets.get(), driver.program(),
                                           asked.perform()->action, attempt);
      !ready)
    return hold_up(driver, asked, ready.error());
  attempts.emplace(id, live(driver, asked, attempt, *action));
  asked.attempt = id;
  asked.out = true;
  ++driver.attempts;
  if (attempt.timeout)
    timers.add({world.clock->boot() + *attempt.timeout, Timer::Kind::kStop, driver.row().key,
                asked.request.id, id});
  (*action)->start(attempt, (*secrets)->masking(sink_for(id, mailbox), driver.shared_program(),
                                                asked.perform()->action));
}

Result<RunSecrets*> Engine::State::secrets_of(RunDriver& driver) {
  if (driver.secrets) return &*driver.secrets;
  const RunRow& row = driver.row();
  const bytecode::Runbook* runbook = driver.program().find_runbook(row.runbook);
  if (runbook == nullptr)
    return fail(ErrorKind::kCorrupt, fmt::format("its program has no runbook {}", row.runbook));
  boost::json::array given;
  if (takes_secrets(driver.program(), *runbook)) {
    auto arguments = arguments_of(*store, row);
    if (!arguments) return tl::unexpected(arguments.error());
    given = std::move(*arguments);
  }
  driver.secrets.emplace(driver.program(), *runbook, std::move(given), row.folder);
  return &*driver.secrets;
}

/// What an attempt needs is not there: nothing of the run begins until that is put right, and
/// somebody goes on with it.
void Engine::State::hold_up(RunDriver& driver, Asked& asked, const Error& why) {
  if (driver.is_given_up) {
    answer(driver, failed(asked.request.id, "SecretError", told(why)));
    return;
  }
  driver.held_up = why;
}

/// The engine that asked for this is dead. Was the attempt begun? False: certainly not.
bool Engine::State::find_again(RunDriver& driver, Asked& asked) {
  // Asked for before the store was restored or copied: how that went on is lost, and what its host
  // knows of it may be of another copy.
  if (epoch_of(asked.engine) < store->identity().epoch) {
    effect_unknown(driver, asked);
    return true;
  }
  const uint64_t id = ++last_attempt;
  Attempt attempt = describe_attempt(driver, asked, id, store->identity());
  attempt.origin = boot_of(asked.engine);
  auto action = action_of(*actions, attempt);
  if (!action) {
    effect_unknown(driver, asked);
    return true;
  }
  const int64_t boot_now = world.clock->boot();
  if (attempt.timeout && same_boot(asked.engine))
    attempt.timeout = std::max<int64_t>(0, asked.boot_time + *attempt.timeout - boot_now);
  attempts.emplace(id, live(driver, asked, attempt, *action));
  std::shared_ptr<AttemptSink> sink = sink_for(id, mailbox);
  if (auto secrets = secrets_of(driver)) {
    (*secrets)->look(world.secrets.get());
    sink = (*secrets)->masking(std::move(sink), driver.shared_program(), asked.perform()->action);
  }
  switch ((*action)->recover(attempt, std::move(sink))) {
    case Recovery::kReattached:
      asked.attempt = id;
      asked.out = true;
      ++driver.attempts;
      if (const auto mode = stop_mode(asked)) (*action)->stop(id, *mode);
      if (attempt.timeout)
        timers.add({boot_now + *attempt.timeout, Timer::Kind::kStop, driver.row().key,
                    asked.request.id, id});
      return true;
    case Recovery::kNeverStarted:
      attempts.erase(id);
      return false;
    case Recovery::kUnknown:
      break;
  }
  attempts.erase(id);
  effect_unknown(driver, asked);
  return true;
}

/// Nobody will ever say how the attempt ended.
void Engine::State::effect_unknown(RunDriver& driver, Asked& asked) {
  const vm::request::Perform& perform = *asked.perform();
  const vm::RequestId request = asked.request.id;
  asked.out = false;
  asked.attempt = 0;
  vm::event::Performed event;
  event.request = request;
  event.effect = vm::Effect::kUnknown;
  if (asked.stop) {
    event.how = vm::event::Performed::How::kStopped;
    answer(driver, std::move(event));
    return;
  }
  const bool repeatable = perform.behaviour != bytecode::Behaviour::kWrites ||
                          perform.doubt == bytecode::Doubt::kRetry ||
                          RBK_MUTANT("repeats_what_is_in_doubt");
  if (repeatable) {
    driver.note(Entry::Kind::kRepeat, {request}, now());
    return;
  }
  switch (perform.doubt) {
    case bytecode::Doubt::kVerify:
    case bytecode::Doubt::kUndo:
    case bytecode::Doubt::kFail:
    case bytecode::Doubt::kAsk:
      event.how = vm::event::Performed::How::kInDoubt;
      answer(driver, std::move(event));
      return;
    default:
      driver.note(Entry::Kind::kDoubt, {request}, now());
  }
}

void Engine::State::stop_attempt(RunDriver& driver, const vm::request::Stop& stop) {
  Asked* asked = driver.asked().find(stop.perform);
  if (asked == nullptr || asked->perform() == nullptr) return;
  asked->stop = stop.how;
  const auto attempt = attempts.find(asked->attempt);
  if (attempt != attempts.end()) {
    const auto mode = stop_mode(*asked);
    if (mode && !attempt->second.outcome) attempt->second.action->stop(asked->attempt, *mode);
    return;
  }
  if (asked->in_doubt)
    effect_unknown(driver, *asked);
  else
    carry_out(driver, *asked);
}

void Engine::State::take_delivery(Delivery delivery) {
  const auto found = attempts.find(delivery.attempt);
  if (found == attempts.end()) return;
  const LiveAttempt& attempt = found->second;
  if (auto* line = std::get_if<Delivery::Line>(&delivery.what)) {
    const auto held = runs.find(attempt.run);
    if (held == runs.end()) return;
    const LogLine told{0,
                       line->time,
                       attempt.step,
                       attempt.number,
                       attempt.path,
                       line->stream,
                       std::move(line->text)};
    tell_line(*held->second, told);
    store_line(*held->second, told);
    return;
  }
  if (!attempt.outcome || RBK_MUTANT("two_terminal_events"))
    end_attempt(delivery.attempt, std::move(std::get<Outcome>(delivery.what)));
}

void Engine::State::end_attempt(uint64_t id, Outcome outcome) {
  LiveAttempt& attempt = attempts.at(id);
  const auto held = runs.find(attempt.run);
  if (held == runs.end()) {
    attempt.outcome = std::move(outcome);
    return;
  }
  RunDriver& driver = *held->second;
  Asked* asked = driver.asked().find(attempt.request);
  if (asked == nullptr && RBK_MUTANT("two_terminal_events"))
    return answer(driver, performed(attempt.request, std::move(outcome), false), id);
  if (asked == nullptr || asked->attempt != id) {
    attempts.erase(id);
    return;
  }
  --driver.attempts;
  if (outcome.kind == Outcome::Kind::kHeldUp && driver.is_given_up)
    outcome.kind = Outcome::Kind::kError;
  const bool held_up = outcome.kind == Outcome::Kind::kHeldUp;
  if (held_up || outcome.kind == Outcome::Kind::kNotBegun) {
    attempts.erase(id);
    asked->attempt = 0;
    asked->out = false;
    if (held_up)
      driver.held_up = Error{ErrorKind::kRefused, outcome.error.message, {}};
    else
      stop_for(driver, outcome.error.message);
    return;
  }
  if (outcome.kind == Outcome::Kind::kUnknown && !attempt.timed_out) {
    attempts.erase(id);
    effect_unknown(driver, *asked);
    return;
  }
  attempt.outcome = outcome;
  vm::event::Performed event = performed(attempt.request, std::move(outcome), attempt.timed_out);
  // That this repetition failed says nothing of the attempt that was lost before it.
  // (One that a person or a `verify` says was not done is repeated too: that one is known.)
  const vm::request::Perform& perform = *asked->perform();
  const bool was_lost =
      asked->repetition > 0 && (perform.behaviour == bytecode::Behaviour::kIdempotent ||
                                perform.doubt == bytecode::Doubt::kRetry);
  if (was_lost && event.how != vm::event::Performed::How::kOk) event.effect = vm::Effect::kUnknown;
  answer(driver, std::move(event), id);
}

/// The host is not fit for what a run wants: nothing more begins.
void Engine::State::stop_for(const RunDriver& driver, const std::string& why) {
  if (!trouble)
    trouble =
        Error{ErrorKind::kIo, why, fmt::format("`rbk resume {}` goes on then", driver.row().id)};
  int running = 0;
  stop_level.compare_exchange_strong(running, 1);
}

void Engine::State::answer(RunDriver& driver, vm::event::Performed event, uint64_t attempt) {
  if (driver.broken) return;
  const vm::RequestId request = event.request;
  auto done = driver.deliver(event, now(), request, attempt);
  if (done) return;
  if (done.error().kind == ErrorKind::kInvalid && event.how == vm::event::Performed::How::kOk) {
    // The action's output is not what it declares: that is its failure.
    vm::event::Performed wrong = failed(request, "Error", done.error().message);
    wrong.effect = vm::Effect::kDone;
    done = driver.deliver(std::move(wrong), now(), request, attempt);
    if (done) return;
  }
  driver.broken = done.error();
}

void Engine::State::tell_line(const RunDriver& driver, const LogLine& line) {
  if (observer != nullptr) observer->on_log(driver.row().id, line);
}

void Engine::State::store_line(RunDriver& driver, const LogLine& line) {
  const int64_t before = driver.log_bytes;
  add_line(driver, line, log_chunks);
  if (driver.log_bytes == before) return;
  log_chunk_bytes += static_cast<size_t>(driver.log_bytes - before);
  if (log_flush_at == 0) log_flush_at = world.clock->boot() + kFlushLogsEvery;
}

/// To the chunks, of which the last one may be continued.
void Engine::State::add_line(RunDriver& driver, const LogLine& line,
                             std::vector<LogChunk>& chunks) {
  if (driver.log_bytes > kMostLogBytes) return;
  std::string_view text = line.text;
  const bool last = driver.log_bytes + static_cast<int64_t>(text.size()) > kMostLogBytes;
  if (last) text = "this run has logged 256 MiB; no more of it is kept";
  const bool goes_on = !chunks.empty() && chunks.back().run == driver.row().key &&
                       chunks.back().step == line.step && chunks.back().attempt == line.attempt &&
                       chunks.back().lines.size() < kLongestChunk;
  if (!goes_on) chunks.push_back({0, driver.row().key, line.step, line.attempt, line.path, {}});
  std::string& lines = chunks.back().lines;
  const size_t before = lines.size();
  append_line(lines, line.time, last ? LogStream::kWarn : line.stream, text);
  driver.log_bytes =
      last ? kMostLogBytes + 1 : driver.log_bytes + static_cast<int64_t>(lines.size() - before);
}

}  // namespace rbk::engine
