// What an Engine holds, and how its parts work together. Engine's thread only, but for
// `stop_level`.
//
//   drive.cpp      the loop: deliveries, commits, timers, messages, and when a run is let go
//   work.cpp       the loop of a worker: what it takes up, and when
//   firings.cpp    schedules that are due
//   schedules.cpp  what people do with schedules
//   attempts.cpp   beginning, stopping and ending attempts; what a crash left
//   people.cpp     approvals, questions, cancellations, doubts: checking and posting them
//   retry.cpp      retries: planning and making them
//   pausing.cpp    pausing runs, leaving steps out: checking and posting it
//   upgrade.cpp    moving runs to another program
//   messages.cpp   taking up what was posted
//   signals.cpp    signals: what may be sent, and sending it
//   locks.cpp      locks: what is told of them, and who has what
//   auditing.cpp   the audit trail: reading and checking it
//   children.cpp   runs that runs begin: making them, going on with them, what came of them
//   notices.cpp    what targets are told: the outbox
//   questions.cpp  what the store says of runs
#pragma once

#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "engine/committer.h"
#include "engine/engine.h"
#include "engine/mailbox.h"
#include "engine/placement.h"
#include "engine/program_cache.h"
#include "engine/run_driver.h"
#include "engine/schedules.h"
#include "engine/timers.h"
#include "engine/unbegun.h"

namespace rbk::engine {

/// An attempt that this process began and whose outcome is not durable yet.
struct LiveAttempt {
  RunKey run = 0;
  vm::RequestId request = 0;
  Action* action = nullptr;
  std::string key;  // attempt_key
  std::string path;
  uint64_t step = 0;
  uint32_t number = 1;
  bool timed_out = false;          // its time was up before it ended
  std::optional<Outcome> outcome;  // kept until durable
};

/// What news that only give a request refer to: the attempts that have not ended, by request.
struct KnownAttempts {
  struct Place {
    std::string path;
    uint64_t step = 0;
    uint32_t attempt = 0;
  };
  std::unordered_map<vm::RequestId, Place> places;
  uint64_t seen = 0;  // all entries up to this one are taken in
  // Of who is told what became of a run, not what its journal says: what began later is told then.
  std::optional<BegunLater> begun_later;

  /// Learns of attempts, and gives a repetition its path, step and attempt.
  void take(News& news);
};

/// How deliveries ended, from whichever thread.
class NoticeResults {
 public:
  void put(int64_t key, Status status) {
    const std::lock_guard lock(mutex_);
    ended_.emplace_back(key, std::move(status));
  }
  std::vector<std::pair<int64_t, Status>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(ended_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<int64_t, Status>> ended_;
};

struct Engine::State {
  State(std::unique_ptr<Store> opened, World given, ActionRegistry* registry);
  ~State();

  // ---- Parts
  std::unique_ptr<Store> store;
  World world;
  ActionRegistry* actions;
  std::shared_ptr<Mailbox> mailbox;
  std::unique_ptr<Committer> committer;
  Timers timers;
  std::map<RunKey, std::unique_ptr<RunDriver>> runs;  // that this engine holds
  std::unordered_map<uint64_t, LiveAttempt> attempts;
  uint64_t last_attempt = 0;
  bool unsure = false;         // whether what is being committed is still ours then
  std::set<RunKey> abandoned;  // let go while attempts ran
  std::set<RunKey> fresh;      // started and not driven yet: nothing of them has left
  std::vector<LogChunk> log_chunks;
  size_t log_chunk_bytes = 0;
  int64_t log_flush_at = 0;                // boot clock; 0: nothing to flush
  std::map<RunKey, DriveEnd> ended;        // of runs that were let go by the loop
  std::map<EngineKey, EngineRow> engines;  // that wrote entries of our runs
  ProgramCache programs;
  EngineKey key = 0;  // 0 until it joined
  std::string boot;   // Clock::boot_identity
  Observer* observer = nullptr;
  std::function<bool(const AboutToWrite&)> confirm;
  int64_t look_at = 0;  // when to look for messages next, boot clock
  bool look_now = false;
  std::set<std::pair<RunKey, vm::RequestId>> locks_granted;  // at once, in a commit of ours
  /// Runs of the group that is being committed which runs have begun, in the order in which they
  /// stand in it (each before those that it has begun itself).
  std::vector<std::unique_ptr<RunDriver>> newborn;
  bool family_now = false;      // somebody may wait for a run that can go on
  std::set<RunKey> awaited_by;  // runs that wait for one that has ended here
  std::set<RunKey> woken;       // of those, the ones that are driven since
  /// Let go by this drive, as nothing of them could go on; what each of them lacks, if that is it.
  std::map<RunKey, std::optional<Error>> rested;
  int failures = 0;        // commits that failed in a row
  bool more_come = false;  // runs are to be claimed still: nothing is waited for
  std::atomic<int> stop_level = 0;
  RunKey let_go_now = 0;         // a run that was just made: nothing of it begins
  std::optional<Error> trouble;  // of the host: why nothing more was begun
  std::optional<int64_t> up_at;  // when something is to be done besides, boot clock
  bool store_changed = false;    // seen by the loop since a worker looked last
  bool works = false;
  std::vector<std::string> placements = {""};  // of the runs that it takes

  std::shared_ptr<NoticeResults> notices = std::make_shared<NoticeResults>();
  std::map<int64_t, Notice> delivering;  // by key
  bool look_for_notices = true;          // there may be some that are due
  int64_t notices_at = 0;                // when the next one is, boot clock; 0: there is none

  Moment now() { return {world.clock->wall(), world.clock->boot()}; }
  int64_t process() const { return world.process != 0 ? world.process : getpid(); }
  /// For the audit trail.
  Doer doer(const Person& by) { return {by.user, by.real, world.clock->wall()}; }
  Doer itself() { return {world.user, {}, world.clock->wall()}; }
  /// Whether the run is for this engine.
  bool is_for_us(const RunRow& row) const;
  Status join();
  EngineRow engine_row(EngineKey wanted) const;

  // ---- drive.cpp
  Result<RunDriver*> hold(const RunRow& row, int64_t patience_until = 0,
                          Claimer by = Claimer::kPerson);
  Result<RunRow> claim(const RunRow& row, int64_t patience_until, Claimer by);
  Result<RunDriver*> take(const Result<RunRow>& claimed);
  Status give_up(const RunRow& row);
  /// Gives the keys of runs that are held from now on; whether there may be more. Those that came
  /// first are driven already while the others are claimed.
  using Coming = std::function<Result<bool>(std::vector<RunKey>& come)>;
  Result<std::vector<DriveEnd>> drive(const DriveOptions& options, const Coming& coming);
  Status take_coming(const Coming& coming, std::vector<RunKey>& come);
  Result<std::vector<DriveEnd>> drive_those_that_can(const DriveOptions& options, bool first,
                                                     std::set<int64_t>& seen);
  Status pump();
  Status leave_lost(const Group* committed);
  void lose(const RunRow& row);
  Status let_go_resting(const DriveOptions& options);
  Status flush(bool in_this_thread);
  Status settle_commit(Committed committed);
  Status restart_after(const Error& error, Group lost);
  void leave(RunDriver& driver, Leaving leaving);
  bool is_worth_telling(RunKey run, News& news);
  void note_locks(const CommitResult& result);
  void store_lines(RunDriver& driver);
  /// What a run says that this commit makes: durable with it.
  static std::vector<LogChunk> first_lines(RunDriver& driver);
  Result<std::string> begin_run(
      RunRow row, std::shared_ptr<const bytecode::Program> program,
      std::shared_ptr<const ProgramRow> stored,
      const std::function<Result<RecoveredRun>()>& beginning,
      const std::function<decltype(vm::Event::what)(const std::string&)>& first, const Doer& by,
      const std::string& arguments = {}, const ScheduleStep* step = nullptr,
      const std::string& acting = {}, const std::string& retried = {});
  /// What a retry begins with.
  struct Retrying {
    RunRow run;   // that is retried
    RunRow last;  // itself, or its last rollback by hand
    std::shared_ptr<const bytecode::Program> program;
    const bytecode::Runbook* runbook = nullptr;
    vm::event::Started started;
    std::unique_ptr<Takeover> takeover;
  };
  Result<std::string> start(const StartRun& request, const ScheduleStep* step = nullptr,
                            const Retrying* retrying = nullptr, const std::string& rule = {});
  Status check_origin(const RunRow& row);
  Result<RunRow> last_undoing(const std::string& run);
  /// See Engine::undoable; `asked`: the run that its errors name. kNotFound: no such step.
  Result<std::vector<vm::Undoable>> undoable(const RunRow& row, const std::string& asked,
                                             const std::string& to = {});
  Status let_try(const RunRow& row);
  Result<bool> is_cancelled_unbegun(const RunRow& row);
  Status cancel_unbegun(const RunRow& row);
  void open_fresh(RunDriver& driver);
  Status let_go_fresh(RunDriver& driver);
  bool holder_lives(RunKey run);
  int64_t claim_patience();
  void fire(const Timer& timer);
  Result<bool> look();
  std::optional<int64_t> sleeps_for(RunDriver& driver);
  std::optional<DriveEnd::Why> resting(RunDriver& driver, const DriveOptions& options);
  Status let_go(RunDriver& driver, DriveEnd::Why why);
  /// Takes runs whose machines broke out of driving. They are only marked where it happens, since
  /// the driver is in use there.
  Status quarantine_broken();
  void remember_end(const RunRow& row, DriveEnd::Why why, bool alone = false);
  void sleep_until_needed();
  void tell(const std::string& run, const News& news) {
    if (observer != nullptr) observer->on_news(run, news);
  }

  // ---- work.cpp
  class Work;

  // ---- firings.cpp
  class Firings;
  ScheduleStep step_of(const ScheduleRow& row);
  Status commit_step(const ScheduleStep& step);
  /// Makes the run of `step.start`, and holds it. Errors: those of Engine::start; kExists: another
  /// was faster.
  /// `reason`: why calendars that are closed do not hold it back, those of its runbook and
  /// `overrides`.
  Result<std::string> start_firing(const ScheduleRow& row, ScheduleStep step,
                                   const std::string& reason = {},
                                   const std::vector<std::string>& overrides = {});
  Result<std::shared_ptr<const bytecode::Program>> program_of(const ScheduleRow& row);
  Result<FiringRow> held_back(const ScheduleRow& row);

  // ---- schedules.cpp
  Result<ScheduleRow> find_schedule(const std::string& name);
  Result<ScheduleSummary> summarise(const ScheduleRow& row);
  static FiringSummary summarise(const FiringRow& row, const std::string& schedule);

  // ---- attempts.cpp
  /// Requests, and how often each was repeated.
  using Waiting = std::vector<std::pair<vm::RequestId, uint32_t>>;
  void take_up(RunDriver& driver);
  void fire_overdue(RunDriver& driver, const Waiting& waiting);
  void begin_unstarted(RunDriver& driver, const std::vector<vm::RequestId>& requests);
  void go_on_unpaused(RunDriver& driver);
  void carry_out(RunDriver& driver, Asked& asked);
  bool reject_beyond_limits(RunDriver& driver, const Asked& asked);
  bool may_begin(const RunDriver& driver, const Asked& asked);
  Status open_takeover(RunDriver& driver);
  const TakenAttempt* known_from_before(RunDriver& driver, const Asked& asked);
  bool take_over(RunDriver& driver, Asked& asked);
  void begin_attempt(RunDriver& driver, Asked& asked);
  Result<RunSecrets*> secrets_of(RunDriver& driver);
  void hold_up(RunDriver& driver, Asked& asked, const Error& why);
  bool find_again(RunDriver& driver, Asked& asked);
  void stop_attempt(RunDriver& driver, const vm::request::Stop& stop);
  void set_timer(RunDriver& driver, Asked& asked, int64_t until);
  void take_delivery(Delivery delivery);
  void end_attempt(uint64_t id, Outcome outcome);
  void effect_unknown(RunDriver& driver, Asked& asked);
  void stop_for(const RunDriver& driver, const std::string& why);
  void answer(RunDriver& driver, vm::event::Performed performed, uint64_t attempt = 0);
  bool same_boot(EngineKey engine);
  const EngineRow& known_engine(EngineKey engine);
  const std::string& boot_of(EngineKey engine);
  int64_t epoch_of(EngineKey engine);
  void tell_line(const RunDriver& driver, const LogLine& line);
  static void add_line(RunDriver& driver, const LogLine& line, std::vector<LogChunk>& chunks);
  void store_line(RunDriver& driver, const LogLine& line);

  // ---- notices.cpp
  void add_notices(RunDriver& driver, RunChange& change);
  void settle_notices();
  void send_notices();
  /// There may be some to be begun now.
  bool may_send_notices() const;
  void begin_notice(Notice notice);
  /// `given`: how long at most, microseconds; nothing: as a command may stay.
  void finish_notices(std::optional<int64_t> given);

  // ---- messages.cpp
  /// `in_time`: only those that were sent before the next time of their run is up.
  Status take_messages(bool in_time);
  static bool came_in_time(RunDriver& driver, const Message& message);
  void take_message(RunDriver& driver, const Message& message);
  void ask_again(RunDriver& driver, const Message& message);
  bool take_vote(RunDriver& driver, const Message& message);
  void take_resolution(RunDriver& driver, const Message& message, const boost::json::object& body);

  // ---- children.cpp
  Status bear(RunDriver& parent, RunChange& change, bool released);
  Result<std::unique_ptr<RunDriver>> make_child(RunDriver& parent,
                                                const RunDriver::Starting& starting);
  void let_go_unbegun(RunDriver& driver);
  void adopt_children(std::vector<NewRun>& children, bool is_fresh);
  void leave_children(std::vector<NewRun>& children);
  void drop_children(std::vector<NewRun>& children);
  Status look_after_families();
  Status look_after(RunKey run, vm::RequestId request);
  Status undo_run(RunDriver& driver, Asked& asked, const vm::request::UndoRun& undo);
  Result<bool> has_tried_to_undo(const RunDriver& driver, const RunRow& undone);
  void tell_undo_failed(RunDriver& driver, const Asked& asked, const RunRow& undone);
  Result<std::optional<RunRow>> awaited_run(const RunDriver& driver, Asked& asked);
  Result<bool> rests_elsewhere(const RunRow& row);
  Result<std::optional<bool>> awaits_rest(RunDriver& driver);
  bool take_run_end(RunDriver& driver, const Message& message, const boost::json::object& body);
  Status open_fresh_children(RunKey run);
  Status let_go_children(RunKey run);
  void note_end(const RunDriver& driver);
  Status add_awaited(const RunRow& row, DriveEnd& end);
  RunRow rollback_row(const RunRow& origin, const std::string& undone, const std::string& by);
  Result<std::string> begin_rollback(RunRow row, const RunRow& origin, const std::string& oldest,
                                     const std::string& shown_by, const Doer& by);

  /// For what changes a run: one that the store holds is refused. `refusal`: "can't be cancelled".
  Result<RunRow> find_changeable(const std::string& run, std::string_view refusal);

  // ---- retry.cpp
  Result<std::pair<RunRow, RunRow>> retryable(const std::string& asked);
  Status check_retried_runs(const Takeover& takeover, const RunRow& retried,
                            const std::shared_ptr<const bytecode::Program>& program);
  Result<Retrying> prepare_retry(const RetryRun& request);

  // ---- people.cpp
  Status check_output(const RunRow& row, vm::RequestId request, const boost::json::value& output,
                      const Person& by);
  Result<vm::Turn> try_on_machine(const RunRow& row, decltype(vm::Event::what) what);
  Status check_decision(const RunRow& row, const Wait& wait, vm::event::Decided decided);
  Status post(RunKey run, vm::RequestId request, Message::Kind kind,
              const boost::json::object& body, const Person& by, std::string id = {},
              std::string path = {});
  /// Others may decide on the approval too, since nobody has for so long.
  bool is_escalated(const Wait& wait);
  Result<Wait> find_resolvable(const RunRow& row, const std::string& path);
  Result<Wait> find_wait(const RunRow& row, Wait::Kind kind, const std::string& name);

  // ---- pausing.cpp
  Status post_pause(const RunRow& row, bool pause, const Person& by);
  Status post_skip(const RunRow& row, vm::RequestId request, const std::string& path,
                   const std::optional<boost::json::value>& output, const Person& by);

  // ---- signals.cpp
  Status check_sender(const RunRow& row, const vm::event::Signalled& signal);
  Status check_signal(const RunRow& row, const std::shared_ptr<const bytecode::Program>& program,
                      const vm::event::Signalled& signal);

  // ---- locks.cpp
  Result<std::vector<LockState>> lock_states(const std::optional<RunKey>& run);

  // ---- questions.cpp
  /// `alone`: no other run hangs on it, so that none is looked for.
  Result<RunSummary> summarise(const RunRow& row, bool alone = false);
  Result<WaitingFor> describe(const Wait& wait, const RunRow& row);
  Result<std::vector<WaitingFor>> waits_of(const RunRow& row);
  Result<std::vector<WaitingFor>> waits_of_kind(Wait::Kind kind, const std::string& run);
  Result<std::vector<News>> news_of(const RunRow& row, uint64_t after, KnownAttempts& known);
};

/// "root (as dan)" of somebody who acts for another, else the name.
std::string shown(const Person& person);

/// A quarantined run neither ends nor is undone by itself. `refusal`: "can't be cancelled".
tl::unexpected<Error> quarantined(const RunRow& row, std::string_view refusal);

/// "user ann, group sre": of a list of people in a description.
std::string people_listed(const boost::json::object& description, std::string_view field);

/// A signal as its message holds it.
boost::json::object signal_body(const vm::event::Signalled& signal);
vm::event::Signalled signal_of(const boost::json::object& body);

/// The name of an approval, a question or a signal: its description's, else the last part of its
/// path.
std::string approval_name(const Wait& wait, const boost::json::object& description);

}  // namespace rbk::engine
