// The loop of a worker: which runs of the store it takes up, and when. What it does with them is
// drive.cpp's.
#include <algorithm>

#include "engine/firings.h"

namespace rbk::engine {
namespace {

/// A run that sleeps no longer than this is kept, unless others wait for its slot; microseconds.
constexpr int64_t kLongestKeptSleep = 10'000'000;
/// Without a change of the store it is asked all the same, so often.
constexpr int64_t kLookAnyway = 60'000'000;
/// What a run lacks may be there after so long.
constexpr int64_t kTryAgain = 30'000'000;
/// A run that got nowhere is waited for so long before nothing else is taken up any more.
constexpr int64_t kDrainAfter = 30'000'000;
/// Alone for so long, it is thought to be harmless.
constexpr int64_t kTrial = 2'000'000;

}  // namespace

class Engine::State::Work {
 public:
  Work(State& state, const WorkOptions& options)
      : state_(state), options_(options), firings_(state, options.observer) {}

  Status run() {
    if (auto begun = begin(); !begun) return begun;
    while (true) {
      if (auto done = let_go_resting(); !done) return done;
      tell_ended();
      const int level = state_.stop_level.load();
      if (level > 0 && state_.runs.empty()) break;
      state_.up_at.reset();
      if (level == 0) {
        if (state_.store_changed) firings_.store_changed();
        if (auto done = take_up(); !done) return done;
        if (auto done = fire(); !done) return done;
      }
      if (auto done = state_.pump(); !done) return done;
    }
    if (auto flushed = state_.flush(true); !flushed) return flushed;
    return state_.store->leave_work();
  }

  /// Of an end that `run` did not reach: what can still be told.
  void tell_ended() {
    if (state_.ended.empty()) return;
    const std::map<RunKey, DriveEnd> all_ended = std::exchange(state_.ended, {});
    for (const auto& [run, end] : all_ended) {
      if (end.held_up) try_again(run, kTryAgain);
      if (trial_ && *trial_ == run) trial_.reset();
      if (options_.observer != nullptr) options_.observer->on_left(end);
    }
  }

 private:
  int64_t boot() const { return state_.world.clock->boot(); }
  int64_t wall() const { return state_.world.clock->wall(); }

  /// Makes this engine known as a worker.
  Status begin() {
    state_.observer = options_.observer;
    state_.confirm = {};
    state_.works = true;
    state_.placements = options_.takes;
    const EngineKey before = state_.key;
    if (auto joined = state_.join(); !joined) return joined;
    if (before != 0)
      if (auto joined = state_.store->join(state_.engine_row(before)); !joined) return joined;
    Group nothing;
    nothing.engine = state_.key;
    const Committed committed = state_.committer->commit_here(std::move(nothing));
    if (!committed.result) return tl::unexpected(committed.result.error());
    for (auto& [run, driver] : state_.runs) {
      driver->somebody_listens = state_.observer != nullptr;
      taken(*driver);
    }
    for (const RunKey run : std::set<RunKey>(state_.fresh)) state_.open_fresh(*state_.runs.at(run));
    return {};
  }

  void try_again(RunKey run, int64_t after) { not_before_[run] = boot() + after; }

  Status let_go_resting() {
    const DriveOptions options{.observer = options_.observer,
                               .wait_for_locks = false,
                               .longest_sleep = more_waits_ ? 0 : kLongestKeptSleep};
    std::vector<RunKey> held;
    held.reserve(state_.runs.size());
    for (const auto& [run, driver] : state_.runs) held.push_back(run);
    for (const RunKey run : held) {
      const auto found = state_.runs.find(run);
      if (found == state_.runs.end()) continue;
      const auto why = state_.resting(*found->second, options);
      if (!why) continue;
      // By the wall's clock it may look due, where that has jumped: its timer goes by the other.
      if (const auto left = due_in(*found->second); left && *left > 0)
        if (const auto wake = found->second->asked().wake();
            wake && *wake - seen_wall() < *left - 1'000'000)
          not_due_before_[run] = boot() + *left;
      if (auto gone = state_.let_go(*found->second, *why); !gone) return gone;
    }
    return {};
  }

  /// How long it is until its next timer, of a sleep or an expiry; nothing: it has none.
  std::optional<int64_t> due_in(RunDriver& driver) const {
    std::optional<int64_t> least;
    for (const auto& [id, asked] : driver.asked().all()) {
      if (asked.deadline == 0) continue;
      const int64_t left = asked.deadline - boot();
      least = std::min(least.value_or(left), left);
    }
    return least;
  }

  /// Whether there is nothing for it to do but to wait, though it looks due.
  bool is_not_due(RunKey run) {
    if (!not_due_before_.contains(run)) return false;
    auto messages = state_.store->messages(run);
    return messages && messages->empty();
  }

  /// The wall's clock, or, after that was put back, what it would show. What waits for a time is
  /// found by it; when that time is up is told by the boot clock.
  int64_t seen_wall() {
    const Moment moment = state_.now();
    ahead_ = std::max(ahead_, moment.wall - moment.boot);
    return moment.boot + ahead_;
  }

  /// Whether there may be something new to take up.
  bool is_time() {
    const int64_t now = boot();
    if (state_.store_changed || now >= look_at_ || slots_were_full_) return true;
    if (next_wake_ && seen_wall() >= *next_wake_) return true;
    return std::any_of(holders_.begin(), holders_.end(),
                       [&](EngineKey holder) { return !state_.store->lives(holder); });
  }

  Status take_up() {
    slots_were_full_ = more_waits_ && state_.runs.size() < options_.slots;
    if (on_trial()) return {};
    if (!is_time()) {
      set_alarm();
      return {};
    }
    state_.store_changed = false;
    for (auto* times : {&not_before_, &not_due_before_})
      std::erase_if(*times, [&](const auto& one) { return one.second <= boot(); });
    const auto most =
        static_cast<uint32_t>(2 * options_.slots + not_before_.size() + not_due_before_.size());
    auto work = state_.store->waiting_work(seen_wall(), state_.key, state_.placements, most);
    if (!work) return tl::unexpected(work.error());
    next_wake_ = work->next_wake;
    holders_ = std::move(work->holders);
    look_at_ = boot() + kLookAnyway;
    for (const auto* times : {&not_before_, &not_due_before_})
      for (const auto& [run, time] : *times) look_at_ = std::min(look_at_, time);
    // Not all workers begin with the same.
    if (!work->runs.empty())
      std::rotate(work->runs.begin(),
                  work->runs.begin() +
                      static_cast<std::ptrdiff_t>(state_.world.random->next() % work->runs.size()),
                  work->runs.end());
    std::optional<RunKey> suspect;
    std::vector<RunKey> wanted;
    more_waits_ = false;
    for (const WaitingWork::Run& one : work->runs) {
      if (state_.runs.contains(one.key) || not_before_.contains(one.key)) continue;
      if (is_not_due(one.key)) continue;
      if (one.claims > 0) {
        suspect = one.key;
      } else if (state_.runs.size() + wanted.size() >= options_.slots) {
        more_waits_ = true;
      } else if (!drains()) {
        wanted.push_back(one.key);
      }
    }
    if (auto done = claim(wanted); !done) return done;
    if (auto done = try_suspect(suspect); !done) return done;
    set_alarm();
    return {};
  }

  /// The runs that schedules start are gone on with here, as far as there is room.
  Status fire() {
    if (trial_) return {};
    if (auto done = firings_.fire_due(); !done) return done;
    for (const std::string& id : firings_.take_started()) {
      const auto held = std::find_if(state_.runs.begin(), state_.runs.end(),
                                     [&](const auto& run) { return run.second->row().id == id; });
      if (held == state_.runs.end()) continue;
      RunDriver& driver = *held->second;
      if (state_.runs.size() > options_.slots || drains()) {
        if (auto gone = state_.let_go_fresh(driver); !gone) return gone;
        continue;
      }
      driver.somebody_listens = options_.observer != nullptr;
      taken(driver);
      state_.open_fresh(driver);
    }
    state_.up_at = std::min(state_.up_at.value_or(INT64_MAX), firings_.wanted_at());
    return {};
  }

  /// A run that got nowhere before: alone.
  Status try_suspect(std::optional<RunKey> suspect) {
    if (!suspect) {
      suspect_since_.reset();
      return {};
    }
    if (!suspect_since_) suspect_since_ = boot();
    look_at_ = std::min(look_at_, std::max(boot() + 1'000'000, *suspect_since_ + kDrainAfter));
    if (!state_.runs.empty()) return {};
    if (auto done = claim({*suspect}); !done) return done;
    if (!state_.runs.contains(*suspect)) return {};
    suspect_since_.reset();
    trial_ = suspect;
    trial_ends_ = boot() + kTrial;
    return {};
  }

  bool drains() const { return suspect_since_ && boot() >= *suspect_since_ + kDrainAfter; }

  /// Whether a run that got nowhere before is held and may still bring this process down.
  bool on_trial() {
    if (!trial_) return false;
    const auto held = state_.runs.find(*trial_);
    if (held != state_.runs.end() && !held->second->got_further() && boot() < trial_ends_) {
      state_.up_at = trial_ends_;
      return true;
    }
    trial_.reset();
    look_at_ = boot();
    return false;
  }

  /// Takes up those of them that nobody holds, by one commit.
  Status claim(const std::vector<RunKey>& wanted) {
    std::vector<RunKey> free;
    for (const RunKey run : wanted) {
      auto row = state_.store->run(run);
      if (!row) return tl::unexpected(row.error());
      const bool is_ours = row->holder == state_.key;
      if (row->holder == 0 || is_ours || !state_.store->lives(row->holder)) free.push_back(run);
    }
    if (free.empty()) return {};
    if (auto joined = state_.join(); !joined) return joined;
    auto claimed = state_.store->claim_each(free, state_.key, Claimer::kWorker, state_.itself());
    if (!claimed) {
      if (claimed.error().kind != ErrorKind::kLocked) return tl::unexpected(claimed.error());
      for (const RunKey run : free) try_again(run, 1'000'000);  // the store is asked again
      return {};
    }
    for (size_t i = 0; i < free.size(); ++i)
      if (auto done = take(free[i], (*claimed)[i]); !done) return done;
    return {};
  }

  Status take(RunKey run, const Result<RunRow>& claimed) {
    auto driver = state_.take(claimed);
    if (driver) {
      taken(**driver);
      return {};
    }
    const ErrorKind kind = driver.error().kind;
    if (kind == ErrorKind::kLocked || kind == ErrorKind::kRefused) {
      if (kind == ErrorKind::kLocked) try_again(run, 1'000'000);
      return {};
    }
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kUnsupported)
      return tl::unexpected(driver.error());
    if (auto now = state_.store->run(run)) state_.remember_end(*now, DriveEnd::Why::kQuarantined);
    return {};
  }

  void taken(const RunDriver& driver) {
    if (options_.observer == nullptr) return;
    if (auto summary = state_.summarise(driver.row())) options_.observer->on_taken(*summary);
  }

  /// When the loop has to come by, whatever else happens.
  void set_alarm() {
    int64_t at = look_at_;
    if (next_wake_) at = std::min(at, boot() + std::max<int64_t>(0, *next_wake_ - seen_wall()));
    state_.up_at = at;
  }

  State& state_;
  const WorkOptions& options_;
  Firings firings_;
  std::map<RunKey, int64_t> not_before_;  // boot clock: what it lacks may be there then
  /// Boot clock: by the wall's clock it is due already, where that has jumped.
  std::map<RunKey, int64_t> not_due_before_;
  std::vector<EngineKey> holders_;    // others that held runs when the store was asked last
  std::optional<int64_t> next_wake_;  // wall clock
  int64_t look_at_ = 0;               // boot clock
  int64_t ahead_ = INT64_MIN;         // most that the wall's clock was ahead of the boot's
  bool more_waits_ = false;           // there was more than there are slots
  bool slots_were_full_ = false;
  std::optional<int64_t> suspect_since_;  // boot clock
  std::optional<RunKey> trial_;
  int64_t trial_ends_ = 0;  // boot clock
};

Status Engine::work(const WorkOptions& options) {
  State& state = *state_;
  state.failures = 0;
  State::Work work(state, options);
  Status done = work.run();
  work.tell_ended();
  state.observer = nullptr;
  state.up_at.reset();
  state.works = false;
  state.placements = {""};
  if (state.trouble) {
    int stopped = 1;
    state.stop_level.compare_exchange_strong(stopped, 0);
    const Error error = *std::exchange(state.trouble, std::nullopt);
    if (done) return tl::unexpected(error);
  }
  return done;
}

Result<std::vector<Worker>> Engine::workers() {
  auto rows = state_->store->workers();
  if (!rows) return tl::unexpected(rows.error());
  std::vector<Worker> workers;
  workers.reserve(rows->size());
  for (const EngineRow& row : *rows) workers.push_back({row.process, row.started, row.takes});
  return workers;
}

}  // namespace rbk::engine
