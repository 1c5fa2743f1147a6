#include "tests/simulation/outside.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "engine/placement.h"

namespace rbk::simulation {

using engine::Attempt;
using engine::AttemptSink;
using engine::Behaviour;
using engine::Effect;
using engine::Outcome;
using engine::Recovery;
using engine::StopMode;

namespace {

constexpr int64_t kMillisecond = 1000;

Behaviour behaviour_of(const Execution& execution) {
  if (execution.verb == "do") return execution.site->behaviour;
  return execution.verb == "look" ? Behaviour::kReads : Behaviour::kIdempotent;
}

/// Branches of one `parallel for` do not come one after the other.
std::string lane_of(const Execution& execution) {
  const std::string& lane = execution.site->lane;
  return lane.find(".f") == std::string::npos ? lane : lane + "[" + execution.subject + "]";
}

}  // namespace

Outside::Outside(Surroundings around, const Script* script, Oracle* oracle, uint64_t seed)
    : around_(std::move(around)), script_(script), oracle_(oracle), dice_(seed) {}

std::string Outside::origin(const std::string& run) {
  const auto known = origins_.find(run);
  if (known != origins_.end()) return known->second;
  const Mirror* mirror = oracle_->look(run);
  if (mirror == nullptr || mirror->row.origin == 0) return origins_[run] = run;
  auto row = oracle_->store()->run(mirror->row.origin);
  return origins_[run] = row ? origin(row->id) : run;
}

std::string Outside::line(const std::string& run) {
  const auto known = lines_.find(run);
  if (known != lines_.end()) return known->second;
  const Mirror* mirror = oracle_->look(run);
  if (mirror == nullptr) return run;
  const engine::RunKey before = mirror->row.origin + mirror->row.retries;  // one of them is 0
  if (before == 0) return lines_[run] = run;
  auto row = oracle_->store()->run(before);
  return lines_[run] = row ? line(row->id) : run;
}

Command Outside::command(const boost::json::object& arguments) const {
  std::istringstream words{std::string(arguments.at("command").as_string())};
  Command found;
  int number = 0;
  words >> found.verb >> number;
  found.subject = std::to_string(number);
  for (std::string word; words >> word;) found.subject += " " + word;
  found.site = &script_->sites.at(number);
  return found;
}

void Outside::start(const std::shared_ptr<Life>& life, const Attempt& attempt,
                    std::shared_ptr<AttemptSink> sink) {
  auto next = std::make_shared<Execution>();
  next->attempt_key = attempt.attempt_key;
  next->key = attempt.key;
  next->run = attempt.run;
  next->path = attempt.path;
  static_cast<Command&>(*next) = command(attempt.arguments);
  next->boot = around_.boot();
  next->began = order_++;
  next->life = life;
  next->attempt = attempt.id;
  next->sink = std::move(sink);
  around_.trace(fmt::format("process {} begins `{} {}` of {} {} ({})", life->process, next->verb,
                            next->subject, next->run, next->path, next->attempt_key.substr(56)));
  check_place(*life, attempt);
  check_causes(attempt);
  check_repetition(*next);
  if (next->verb == "do") check_retry(*next);
  check_locks(*next);
  if (next->verb == "undo") check_undo(*next);
  by_attempt_[next->attempt_key] = next;
  by_key_[next->key].push_back(next);
  all_.push_back(next);
  run_command(next);
}

/// A run goes on at who is for it.
void Outside::check_place(const Life& life, const Attempt& attempt) {
  const Mirror* mirror = oracle_->look(attempt.run);
  if (mirror == nullptr) return;
  acted_upon_[attempt.run] = mirror->head;
  if (!engine::takes(life.takes, mirror->row.placement))
    around_.violated(17, fmt::format("{} {} goes on in process {}, and is for \"{}\"", attempt.run,
                                     attempt.path, life.process, mirror->row.placement));
}

/// Nothing is sent before it is written that it is to be sent.
void Outside::check_causes(const Attempt& attempt) {
  const Mirror* mirror = oracle_->look(attempt.run);
  const Mirror::Asked* asked = mirror == nullptr ? nullptr : mirror->attempt(attempt.attempt_key);
  if (asked == nullptr) {
    around_.violated(2, fmt::format("{} {} begins, and no entry of the journal asks for it",
                                    attempt.run, attempt.path));
    return;
  }
  if (asked->answers > 0)
    around_.violated(
        1, fmt::format("{} {} begins after the end of that attempt", attempt.run, attempt.path));
  if (Disk::instance().has_unsynced_log())
    around_.violated(2, fmt::format("{} {} begins, and its cause is not on the disk", attempt.run,
                                    attempt.path));
}

/// A command that writes begins again only with somebody's permission.
void Outside::check_repetition(const Execution& next) {
  const auto before = by_key_.find(next.key);
  if (before == by_key_.end() || behaviour_of(next) != Behaviour::kWrites) return;
  const Execution& last = *before->second.back();
  const Site& site = *next.site;
  const Mirror* mirror = oracle_->look(next.run);
  const Mirror::Asked* asked = mirror == nullptr ? nullptr : mirror->attempt(last.attempt_key);
  const bool answered = asked != nullptr && asked->answers > 0;
  if (answered && asked->answer.effect != vm::Effect::kUnknown) {
    if (asked->answer.how != vm::event::Performed::How::kOk && site.retries) return;
  } else {
    const bool timed_out = answered && asked->answer.how == vm::event::Performed::How::kTimeout;
    if (site.doubt == "retry" || (site.retries_timeout && timed_out)) return;
    const auto permitted = permitted_.find({next.run, next.path});
    if (permitted != permitted_.end() && permitted->second > last.began) return;
    const auto says_not_done = [&](const std::shared_ptr<Execution>& one) {
      return one->verb == "look" && one->run == next.run && one->subject == next.subject &&
             one->began > last.began && one->outcome.kind == Outcome::Kind::kOk;
    };
    if (site.doubt == "verify" && std::any_of(all_.begin(), all_.end(), says_not_done)) return;
  }
  around_.violated(3, fmt::format("`do {}` of {} {} begins again, and nobody has permitted it",
                                  next.subject, next.run, next.path));
}

/// What was done well and not undone is not done again by a retry: it is taken over before.
/// Readings are made anew.
void Outside::check_retry(const Execution& next) {
  if (behaviour_of(next) == Behaviour::kReads) return;
  const Mirror* mirror = oracle_->look(next.run);
  if (mirror == nullptr || mirror->row.retries == 0) return;
  if (std::any_of(mirror->taken_over.begin(), mirror->taken_over.end(), [&](vm::RequestId id) {
        return command(mirror->performs.at(id).perform.arguments).subject == next.subject;
      }))
    return;
  const Execution* done = nullptr;
  for (const auto& one : all_) {
    if (one->subject != next.subject || line(one->run) != line(next.run)) continue;
    if (one->run == next.run) return;  // it has begun it before: its own retries
    if (one->verb == "undo" && one->began < next.began) done = nullptr;
    if (one->verb != "do") continue;
    const Mirror* its = oracle_->look(one->run);
    const Mirror::Asked* asked = its == nullptr ? nullptr : its->attempt(one->attempt_key);
    if (asked != nullptr && asked->answers > 0 &&
        asked->answer.how == vm::event::Performed::How::kOk)
      done = one.get();
  }
  if (done != nullptr)
    around_.violated(3, fmt::format("`do {}` of {} begins, which {} has done already", next.subject,
                                    next.run, done->run));
}

/// Nobody is under a lock besides those that may be, whoever knows of them.
void Outside::check_locks(const Execution& next) {
  const Site& site = *next.site;
  if (site.lock.empty()) return;
  std::set<std::string> holders{next.run};
  for (const auto& one : all_)
    if (one->ended == 0 && !one->orphaned && one->site->lock == site.lock) holders.insert(one->run);
  if (static_cast<int64_t>(holders.size()) > site.limit)
    around_.violated(8, fmt::format("{} runs are under the lock {}, which {} may have",
                                    holders.size(), site.lock, site.limit));
}

/// What was done later is undone before.
void Outside::check_undo(const Execution& next) {
  const auto done = [&](const Execution& undo) -> const Execution* {
    const Execution* found = nullptr;
    for (const auto& one : all_)
      if (one->verb == "do" && one->subject == undo.subject && line(one->run) == line(undo.run) &&
          one->began < undo.began)
        found = one.get();
    return found;
  };
  const Execution* mine = done(next);
  // What nobody knows the fate of is undone too, whether it was done or not.
  if (mine == nullptr) return;
  for (const auto& other : all_) {
    if (other->verb != "undo" || other->run != next.run || other->subject == next.subject) continue;
    const Execution* its = done(*other);
    if (its == nullptr) continue;
    const std::string a = lane_of(*its);
    const std::string b = lane_of(*mine);
    if (!a.starts_with(b) && !b.starts_with(a)) continue;
    if (its->ended != 0 && its->ended < mine->began && other->began > mine->began)
      around_.violated(5,
                       fmt::format("`undo {}` of {} begins after `undo {}`, which was done before",
                                   next.subject, next.run, other->subject));
    if (mine->ended != 0 && mine->ended < its->began && other->began > its->began &&
        other->ended == 0 && !other->orphaned)
      around_.violated(5, fmt::format("`undo {}` of {} begins before the end of `undo {}`",
                                      next.subject, next.run, other->subject));
  }
}

void Outside::plan_outcome(Execution& execution) {
  const Site& site = *execution.site;
  Outcome& outcome = execution.outcome;
  std::string text = "ok";
  if (execution.verb == "do" && !is_calm_) {
    execution.is_lost = dice_.chance(site.is_lost);
    execution.is_stubborn = site.timeout > 0 && dice_.chance(100);
    if (dice_.chance(site.fails)) {
      outcome.kind = Outcome::Kind::kError;
      outcome.error = {"ShellError", "it ended with status 1", true, {{"exit_code", 1}}};
      outcome.effect = dice_.chance(500) ? Effect::kNone : Effect::kDone;
      return;
    }
  }
  if (execution.verb == "undo" && !is_calm_ && dice_.chance(20)) {
    outcome.kind = Outcome::Kind::kError;
    outcome.error = {"ShellError", "it ended with status 1", true, {{"exit_code", 1}}};
    outcome.effect = Effect::kNone;
    return;
  }
  if (execution.verb == "look")
    text = is_done_[line(execution.run) + " " + execution.subject] ||
                   dice_.chance(is_calm_ ? 999 : 300)
               ? "done"
               : "not";
  if (site.is_big && execution.verb == "do") text = std::string(20'000, 'x');
  outcome.output = {{"exit_code", 0}, {"stdout", text}, {"stderr", ""}, {"truncated", false}};
}

void Outside::run_command(const std::shared_ptr<Execution>& execution) {
  plan_outcome(*execution);
  const int64_t most = dice_.chance(200) ? 15'000 : 300;
  const int64_t effect = dice_.between(0, most) * kMillisecond;
  const int64_t end = effect + dice_.between(0, most) * kMillisecond;
  const bool has_effect =
      execution->outcome.kind == Outcome::Kind::kOk || execution->outcome.effect == Effect::kDone;
  if (has_effect)
    around_.at(around_.now() + effect, [this, execution] {
      if (execution->ended != 0) return;
      execution->took_effect = true;
      if (execution->verb == "do") is_done_[line(execution->run) + " " + execution->subject] = true;
      if (execution->verb == "undo")
        is_done_[line(execution->run) + " " + execution->subject] = false;
    });
  around_.at(around_.now() + end, [this, execution] {
    if (execution->ended != 0 || execution->is_lost) return;
    // What it answers is what was true then.
    if (execution->verb == "look" && execution->outcome.output.is_object() &&
        execution->site->behaviour == Behaviour::kWrites)
      execution->outcome.output.as_object()["stdout"] =
          is_done_[line(execution->run) + " " + execution->subject] ? "done" : "not";
    end_of(execution);
  });
}

void Outside::end_of(const std::shared_ptr<Execution>& execution) {
  execution->ended = order_++;
  tell(*execution);
}

void Outside::tell(Execution& execution) {
  if (!execution.sink || !execution.life || execution.life->over) return;
  around_.trace(fmt::format("`{} {}` of {} answers process {}", execution.verb, execution.subject,
                            execution.run, execution.life->process));
  if (dice_.chance(300)) execution.sink->log(engine::LogStream::kOut, "a line");
  execution.sink->finish(execution.outcome);
  if (dice_.chance(150)) execution.sink->finish(execution.outcome);
  around_.wake(*execution.life);
}

void Outside::stop(const Life& life, uint64_t attempt, StopMode mode) {
  for (const auto& one : all_) {
    if (one->attempt != attempt || one->life.get() != &life || one->ended != 0) continue;
    around_.trace(fmt::format("process {} stops `{} {}` of {}{}", life.process, one->verb,
                              one->subject, one->run, mode == StopMode::kKill ? " at once" : ""));
    if (mode == StopMode::kGentle && one->is_stubborn) return;
    one->killed = true;
    one->outcome = {};
    one->outcome.kind = Outcome::Kind::kStopped;
    const bool tells = dice_.chance(300);
    one->outcome.effect = !tells             ? Effect::kUnknown
                          : one->took_effect ? Effect::kDone
                                             : Effect::kNone;
    if (one->verb == "look") one->outcome.effect = Effect::kNone;
    end_of(one);
    return;
  }
}

Recovery Outside::recover(const std::shared_ptr<Life>& life, const Attempt& attempt,
                          std::shared_ptr<AttemptSink> sink) {
  check_place(*life, attempt);
  const auto found = by_attempt_.find(attempt.attempt_key);
  const Command asked = command(attempt.arguments);
  const bool same_life = attempt.origin == around_.boot() + "@host-1";
  const auto say = [&](Recovery recovery, std::string_view what) {
    around_.trace(fmt::format("process {} looks for `{} {}` of {}: {}", life->process, asked.verb,
                              asked.subject, attempt.run, what));
    return recovery;
  };
  if (!asked.site->outlives) return say(Recovery::kUnknown, "nobody knows");
  if (found == by_attempt_.end())
    return same_life ? say(Recovery::kNeverStarted, "it never began")
                     : say(Recovery::kUnknown, "nobody knows, after the host's restart");
  const std::shared_ptr<Execution>& execution = found->second;
  if (execution->boot != around_.boot() && (execution->killed || dice_.chance(300)))
    return say(Recovery::kUnknown, "the host's restart has ended it");
  execution->life = life;
  execution->attempt = attempt.id;
  execution->sink = std::move(sink);
  if (execution->ended != 0) {
    around_.at(around_.now() + dice_.between(0, 200) * kMillisecond,
               [this, execution] { tell(*execution); });
  }
  return say(Recovery::kReattached, "it is there");
}

void Outside::acknowledge(const Life& life, const std::string& attempt_key) {
  const auto found = by_attempt_.find(attempt_key);
  if (found == by_attempt_.end()) return;
  const Execution& execution = *found->second;
  const Mirror* mirror = oracle_->look(execution.run);
  const Mirror::Asked* asked = mirror == nullptr ? nullptr : mirror->attempt(attempt_key);
  if (asked == nullptr || asked->answers == 0 || Disk::instance().has_unsynced_log())
    around_.violated(2,
                     fmt::format("process {} acknowledges the end of `{} {}` of {}, which is not "
                                 "on the disk",
                                 life.process, execution.verb, execution.subject, execution.run));
}

void Outside::process_is_over(const Life& life) {
  for (const auto& one : all_) {
    if (one->life.get() != &life) continue;
    one->sink.reset();
    if (one->site->outlives || one->ended != 0) continue;
    one->orphaned = true;
    if (dice_.chance(500)) one->ended = order_++;
  }
}

void Outside::power_is_lost() {
  for (const auto& one : all_) {
    one->sink.reset();
    if (one->ended != 0) continue;
    one->killed = true;
    one->ended = order_++;
  }
}

}  // namespace rbk::simulation
