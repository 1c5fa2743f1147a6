// The engine: starts runs, drives them so that a crash at any moment loses nothing, and answers
// questions about them. Knows nothing of terminals or HTTP.
//
//   auto engine = Engine::open("sqlite:.runbook/store.db", OpenMode::kCreate, World::real(),
//   &actions); auto run = (*engine)->start({.program = program, .runbook = "hello", .arguments =
//   checked, ...}); auto end = (*engine)->drive(*run, {.observer = &screen});
//
// Threads: one thread uses an Engine; that thread calls the actions and the observer. `stop` alone
// may be called from any thread and from a signal handler. Two engines, in one process or in
// several, may use one store at once: a run is driven by one of them at any time.
//
// Run ids are nine letters and digits, sortable by the time of start; wherever a run is named, a
// unique prefix will do.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/action.h"
#include "engine/news.h"
#include "engine/schedules.h"
#include "engine/status.h"
#include "engine/store.h"
#include "engine/takeover.h"
#include "engine/world.h"
#include "vm/machine.h"

namespace rbk::engine {

class Replay;
struct UpgradeVerdict;

/// Who does something.
struct Person {
  std::string user;
  std::vector<std::string> groups;  // that `user` belongs to, as far as runbook.toml says
  std::string real;                 // who typed it, where that is somebody else (`--as`)
  std::string groups_problem = {};  // why `groups` may lack some; empty: it does not
};

struct StartRun {
  std::shared_ptr<const bytecode::Program> program;  // kept by its content hash, once
  std::string runbook;                               // kNotFound if the program has none of it
  boost::json::array arguments;                      // from vm::check_parameters
  std::string reason;
  boost::json::object labels;
  Person starter;
  /// What its commands begin with, whoever goes on with it and from where: the folder from which
  /// relative paths are seen, and the file mask. Empty, below 0: those of the process.
  std::string folder = {};
  int32_t umask = -1;
  /// Calendars that do not hold it back, by name; needs a reason.
  std::vector<std::string> overrides = {};
};

struct RetryRun {
  std::string run;  // or one that it retries
  RetryRule rule;
  Person by;
  std::string reason = {};                  // empty: that of the run
  std::vector<std::string> overrides = {};  // as of StartRun
};

/// What a retry would do, as far as that is known before.
struct RetryPlan {
  struct Item {
    enum class What : uint8_t {
      kTakenOver,  // about: of that run
      kInDoubt,    // nobody knows whether it was done: its `on doubt` decides, or a person
      kBegins,     // about: the runbook that it starts
      kDiffers,    // it was done with other arguments, and is done once more with these
      kAsks,       // a person is asked, or a signal waited for
      kTakesRun,   // starts a run that takes over what run `about` did
    };
    What what = What::kTakenOver;
    std::string path;
    std::string about;
  };
  std::string run;                 // that is retried
  std::string runbook;             // its name
  std::vector<Item> items;         // in that order
  std::vector<std::string> later;  // taken over if it comes to them with the same arguments
  bool ends = false;               // nothing is begun at all
};

/// A lock that somebody has or waits for.
struct LockState {
  struct Claim {
    std::string run;
    std::string runbook;
    std::string path;              // of the step; empty: the run's own
    int64_t since = 0;             // has it, or waits for it, since then
    int64_t limit = 1;             // so many may have it at once, says this one
    std::optional<int64_t> until;  // waits no longer than that
    RunStatus status = RunStatus::kRunning;
    bool held_back = false;          // with the store: only `rbk store accept` lets the run go on
    std::optional<int64_t> process;  // of the living process that drives the run
  };
  vm::Lock lock;
  std::vector<Claim> holders;
  std::vector<Claim> queue;  // who comes next first
};

struct RunSummary {
  std::string id;
  std::string runbook;
  RunStatus status = RunStatus::kRunning;
  bool rolled_back = false;  // a failed or cancelled one: all that had a rollback was undone
  std::string program;       // its content hash in hexadecimal
  std::string folder;        // see StartRun
  std::string placement;     // the label of the workers that it is for; empty: for everybody
  std::string starter;
  std::string reason;
  boost::json::object labels;
  int64_t started = 0;  // microseconds since the epoch
  int64_t updated = 0;
  std::optional<int64_t> ended;
  std::optional<int64_t> wake;     // waiting: when the earliest timer is due
  std::optional<int64_t> process;  // of the living process that drives it
  boost::json::value output;
  std::optional<vm::ErrorValue> error;
  std::string quarantine;               // quarantined: what is known
  bool held_back = false;               // quarantined: with the store, until that is accepted
  std::string undoes;                   // of a rollback: the run that it undoes
  std::string retries;                  // of a retry: the run that it retries
  std::string retried_as;               // the retry of it, if there is one
  std::string undone_by;                // rollback_failed: the rollback by hand that did the rest
  std::optional<FiringSummary> firing;  // of the schedule that started it
  Link link = Link::kNone;              // how it hangs on the run that began it
  std::string parent;                   // that run, if one did
  std::string parent_step;              // the path of its step that did
  std::vector<std::string> began;       // the runs that it began, in their order
  std::vector<std::string> awaits;      // those of them whose end it waits for
  std::vector<LockState> queues;        // waiting: for these locks
  int64_t log_bytes = 0;                // of what its steps printed; perhaps removed since
};

/// What waits for people, and how their decision on it stands.
struct WaitingFor {
  std::string run;
  std::string runbook;
  std::string path;
  Wait::Kind kind = Wait::Kind::kApproval;
  std::string name;                 // the approval's or question's
  std::string question;             // what is asked; of a doubt: what is not known
  boost::json::object description;  // all of it: {by, not_by, quorum, allow_starter, form, ...}
  std::vector<std::string> approved_by;  // so far
  int64_t quorum = 1;
  int64_t since = 0;
  std::optional<int64_t> expires;
  std::optional<int64_t> escalates;  // then others may decide as well
  bool expired = false;              // that time is past: driving the run ends the wait
  vm::RequestId request = 0;
  uint64_t head = 0;  // the run's last entry then: for `decision`
};

/// What became of an approval.
struct Decision {
  enum class How : uint8_t { kApproved, kRejected, kExpired, kWithdrawn };
  How how = How::kWithdrawn;    // withdrawn: the run ended, or went on without it
  std::vector<std::string> by;  // approved, rejected
};

/// The first that a run took in: it decides whether what was done is undone.
struct Cancellation {
  bool rollback = false;
  std::string by;
};

struct AttemptDetail {
  uint32_t number = 1;
  int64_t began = 0;
  std::optional<int64_t> ended;
  std::optional<vm::ErrorValue> error;
};

struct StepDetail {
  std::string path;
  uint64_t number = 0;
  uint64_t parent = 0;  // 0: at the top
  std::string title;
  StepStatus status = StepStatus::kRunning;
  std::string action;        // of its own call; empty for a step with a block
  boost::json::value input;  // the action's arguments
  boost::json::value output;
  std::optional<vm::ErrorValue> error;
  std::optional<vm::ErrorValue> undo_error;
  int64_t began = 0;
  std::optional<int64_t> ended;
  std::vector<AttemptDetail> attempts;
  std::vector<std::string> runs;  // that it began, in their order
  std::string taken_over;         // its last attempt was: of this run
};

/// A step that a run did, and that its retry came to an end without.
struct AbandonedStep {
  std::string path;
  std::string run;
};

struct RunDetail {
  RunSummary run;
  boost::json::array arguments;
  std::vector<std::string> parameters;   // their names, in the same order
  std::vector<StepDetail> steps;         // in the order in which they began
  std::vector<WaitingFor> waits;         // those of the runs that it waits for come last
  std::vector<std::string> quarantined;  // runs that it waits for, and that are
  std::vector<LockState> locks;          // that it has or waits for
  std::vector<News> timeline;
  std::vector<Notice> notices;           // what targets are told of it
  std::vector<RunSummary> rollbacks;     // of it, in their order
  std::vector<RunSummary> children;      // the runs that it began, in their order
  std::vector<AbandonedStep> abandoned;  // by a retry: see Engine::abandoned
};

/// What a run was given, and all that happened in it.
struct RunRecord {
  std::vector<std::string> parameters;  // their names; none if its program can't be read
  boost::json::array arguments;         // in the same order
  std::vector<News> timeline;
};

struct LogLine {
  int64_t key = 0;  // of its chunk: for `after`
  int64_t time = 0;
  uint64_t step = 0;
  uint32_t attempt = 0;
  std::string path;
  LogStream stream = LogStream::kOut;
  std::string text;
};

/// Hears of the runs that this engine drives or follows, always after what it hears of is durable
/// (log lines: as they come). Called on the engine's thread; must not call the engine, except
/// `stop`.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_news(const std::string& run, const News& news) = 0;
  virtual void on_log(const std::string& run, const LogLine& line) { (void)run, (void)line; }
};

/// An attempt of a step that `writes`, just before it begins.
struct AboutToWrite {
  std::string run;
  std::string path;
  std::string action;
  boost::json::object arguments;
  uint32_t number = 1;  // of the step's attempts
};

struct DriveOptions {
  Observer* observer = nullptr;
  /// Asked before each; false: it does not begin, and the engine stops as by `stop` at a border.
  /// Called on the engine's thread, which waits; as an Observer, it may call `stop` only.
  std::function<bool(const AboutToWrite&)> confirm = {};
  /// Stay with a run that waits for people only; otherwise leave it suspended.
  bool wait_for_people = false;
  /// Stay with a run that waits for a lock, and for no people.
  bool wait_for_locks = true;
  /// Stay with a run that only sleeps if its next timer is due within this; microseconds.
  int64_t longest_sleep = INT64_MAX;
};

/// How a run stood when driving or following it ended.
struct DriveEnd {
  RunSummary run;
  enum class Why : uint8_t {
    kOver,       // is_over(run.status): succeeded, failed, ...
    kSuspended,  // it waits for a time, people or a lock
    kInDoubt,    // `rbk resolve` is needed
    kQuarantined,
    kStopped,    // `stop` was called
    kHeld,       // another living process drives it: run.process
    kAbandoned,  // it was followed, and the process that drove it is gone: drive it
    kElsewhere,  // it is for workers with the label run.placement: follow it
  };
  Why why = Why::kOver;
  std::vector<WaitingFor> waits;
  std::vector<std::string> quarantined;  // runs that it waits for, and that are
  std::optional<Error> held_up;  // kStopped: by what this run alone lacks, which is to be put right
};

/// Hears of all that a worker does.
class WorkObserver : public Observer {
 public:
  /// It goes on with this run from here on.
  virtual void on_taken(const RunSummary& run) = 0;
  /// And here no more: the run is over, waits, needs a person, or another process has it.
  virtual void on_left(const DriveEnd& end) = 0;
  /// A schedule was due: what became of it.
  virtual void on_firing(const FiringSummary& firing) { (void)firing; }
  /// A schedule is due and can't fire here.
  virtual void on_trouble(const std::string& schedule, const Error& why) {
    (void)schedule, (void)why;
  }
};

struct WorkOptions {
  WorkObserver* observer = nullptr;
  size_t slots = 32;  // runs that it goes on with at once; what only waits takes none for long
  /// The placements of the runs that it goes on with; "" is that of those which are for everybody.
  std::vector<std::string> takes = {""};
};

/// A process that goes on with any run of the store.
struct Worker {
  int64_t process = 0;
  int64_t started = 0;             // microseconds since the epoch
  std::vector<std::string> takes;  // as of WorkOptions
};

enum class StopHow : uint8_t {
  kAtBorder,  // no further attempt begins; those under way end first
  kAtOnce,    // nothing is waited for; what was under way is found again by the next engine
};

enum class CancelHow : uint8_t { kLeave, kRollback };

enum class SignalSent : uint8_t {
  kNow,
  kBefore,  // one with this id was sent before: it counts once
};

enum class Resolution : uint8_t {
  kDone,
  kNotDone,
  kRetry,
  kFail,
  kLeave,  // it failed, and all is left as it is: no rollback is run
};

class Engine {
 public:
  /// Opens the store. `actions` must outlive the engine. Errors: those of store.h.
  static Result<std::unique_ptr<Engine>> open(std::string_view store_url, OpenMode mode,
                                              World world, ActionRegistry* actions);
  /// The same over a store that is open already.
  static std::unique_ptr<Engine> over(std::unique_ptr<Store> store, World world,
                                      ActionRegistry* actions);
  ~Engine();

  const StoreIdentity& store() const;

  // ---- Driving

  /// Makes a run and holds it for this engine; nothing of it leaves before `drive`. Durable on
  /// return. One that is for workers of another label is left to them at once. kRefused: a secret
  /// that it is given can't be read, or one that its program names is not there; it is outside of a
  /// calendar that is closed now. kPermission: its runbook, or one that it may call, does not
  /// `allow` the starter. kInvalid: it overrides one that the program has not, or without a reason;
  /// its `on worker` fails.
  Result<std::string> start(const StartRun& request);

  /// Lets go of a run that `start` made, so that any engine may drive it.
  Status detach(const std::string& run);

  /// Drives one run until it is over, suspended, in doubt or quarantined, or `stop` is called; with
  /// it the runs that it waits for, and those that wait for it, unless another process does. Of
  /// runs that are for workers of other labels nothing is driven here: kElsewhere.
  Result<DriveEnd> drive(const std::string& run, const DriveOptions& options);

  /// Drives all runs of the store that can go on and that no living process holds: those that were
  /// cut off, whose timer is due or comes within `longest_sleep`, or that have a message. Returns
  /// how each ended, and kHeld for those that living processes drive.
  Result<std::vector<DriveEnd>> drive_all(const DriveOptions& options);

  /// Delivers the notices of the store that are due, whoever's run they are of; stays until none is
  /// under way, `patience` microseconds at most, or until `stop`. Driving does it too.
  Status deliver_notices(int64_t patience);
  /// Goes on with all runs of the store that can go on and that no living process holds, as soon as
  /// they can, and fires its schedules, until `stop` is called or the store fails. Runs that wait
  /// are let go and taken up again when it is time; any number of engines may work on one store. A
  /// run that got nowhere when it was claimed before is claimed while no other run is held; the
  /// fourth such claim quarantines it. Ended at a border, nothing is held any more; ended at once,
  /// what was under way is found again by the next engine.
  Status work(const WorkOptions& options);

  /// Those that live, on this store.
  Result<std::vector<Worker>> workers();

  /// Tells the observer of a run that another process drives, from the beginning or from the entry
  /// after `after`, until it is over or waits, its holder is gone (why kAbandoned) or `stop`
  /// is called. Of a run for workers of other labels a time, a lock or another run is waited for
  /// too: they go on with it by themselves.
  Result<DriveEnd> follow(const std::string& run, const DriveOptions& options, uint64_t after = 0);

  /// Ends drive, drive_all, work, follow and wait_for_change, now or when they are called next. A
  /// later call may only tighten it. Any thread; safe in a signal handler.
  void stop(StopHow how);

  // ---- What people do. Each is durable on return, and takes hold when the run's holder sees it,
  // within a tenth of a second; where nobody holds the run, drive it.

  /// `now`: attempts under way are killed. kRefused: the run is over, or is a rollback by hand. It
  /// may come too late: then the run's error is not Cancelled.
  Status cancel(const std::string& run, CancelHow how, bool now, const Person& by);

  /// Decides on the approval of this name (empty: the only one that waits). kRefused: it was
  /// decided or has expired; kPermission: this person may not, and why; kInvalid: the form, field
  /// by field. Returns how the approval stands then.
  /// `break_glass`: why this person decides alone, which the approval has to allow; empty: they do
  /// not.
  Result<WaitingFor> approve(const std::string& run, const std::string& name,
                             const boost::json::object& form, const Person& by,
                             const std::string& break_glass = {});
  Result<WaitingFor> reject(const std::string& run, const std::string& name,
                            const std::string& reason, const Person& by);

  /// Answers the question of this name (empty: the only one that waits). Errors as of `approve`.
  Result<WaitingFor> answer(const std::string& run, const std::string& name,
                            const boost::json::object& form, const Person& by);

  /// Sends a signal; without a payload null, or what its type's defaults give. `id`: one that is
  /// sent again under it counts once; empty: each counts. kRefused: the run has ended, waits for no
  /// signal at all, or keeps too many; kNotFound: no signal of this name; kInvalid: what of the
  /// payload does not fit; kPermission.
  Result<SignalSent> signal(const std::string& run, const std::string& name,
                            const std::optional<boost::json::value>& payload, const std::string& id,
                            const Person& by);

  /// How what `approve`, `reject` or `answer` returned was decided in the end (an answer approves);
  /// nothing while it is open. Of several who decide at once the first counts.
  Result<std::optional<Decision>> decision(const WaitingFor& approval);

  /// Nothing if the run was never cancelled.
  Result<std::optional<Cancellation>> cancellation(const std::string& run);

  /// Answers a step in doubt, or one that has failed and asks. kRefused: it has been answered;
  /// kPermission: its `by` names others; kInvalid: kNotDone of a failed one. `output` belongs to
  /// kDone and must fit what the step gives.
  Status resolve(const std::string& run, const std::string& path, Resolution how,
                 const std::optional<boost::json::value>& output, const Person& by);

  /// Nothing further of the run begins, once whoever drives it has seen it; what is under way ends.
  /// Its times go on. The runs that it has begun and waits for are paused with it. kRefused: it is
  /// over, or paused already.
  Status pause(const std::string& run, const Person& by);
  /// It goes on, and so do the runs that it has begun and that are paused. kRefused: it is not
  /// paused.
  Status unpause(const std::string& run, const Person& by);

  /// Leaves a step out, which counts as done with this output then, and is not undone later: one
  /// that has failed and asks, or whose call was not begun, as the run is paused or was stopped.
  /// kRefused: it is neither, or may have had its effect; kInvalid: the output; kPermission.
  Status skip(const std::string& run, const std::string& path,
              const std::optional<boost::json::value>& output, const Person& by);

  /// What a rollback of this finished run would undo, newest first, down to the step `to`: one of
  /// them, or one around some of them; empty: everything. Of branches, which have no order among
  /// them, what began before `to` stays.
  Result<std::vector<vm::Undoable>> undoable(const std::string& run, const std::string& to = {});

  /// Makes a run of its own, linked to this finished one, that undoes what it did: down to the step
  /// `to` and with it, or all of it (empty). Returns its id; `drive` it. Durable on return. A run
  /// that was undone in part is undone further by the next call. kRefused: it is not finished,
  /// nothing is left to be undone, or another rollback of it has not ended.
  Result<std::string> rollback(const std::string& run, const std::string& to, const Person& by);

  /// What a retry of this finished run would do. Reads only; errors as of `retry`.
  Result<RetryPlan> plan_retry(const RetryRun& request);
  /// Makes a run of its own with the same program and arguments, which takes over what this one has
  /// done and not undone (engine/takeover.h). Of a run that was retried the latest retry is
  /// retried. Returns its id; `drive` it. Durable on return. kRefused: it is not finished, or has
  /// succeeded and the rule leaves nothing out; something of it could not be undone; the rule does
  /// not fit it. kNotFound: the rule names a step or an item that it has not. Otherwise as of
  /// `start`.
  Result<std::string> retry(const RetryRun& request);
  /// What a retry that is over did not come to of what was done before it, in the order in which it
  /// was done: neither it nor the run that did it undoes that. Nothing for other runs, and for one
  /// that was retried itself, as its retry may come to it.
  Result<std::vector<AbandonedStep>> abandoned(const std::string& run);

  /// Whether a run could go on with another program (engine/upgrade.h). Reads only.
  Result<UpgradeVerdict> check_upgrade(const std::string& run, const Person& by,
                                       const std::shared_ptr<const bytecode::Program>& program);
  /// The same, and where it can, from then on it does: one commit, which stands in its history.
  /// Whoever drives it must have let it go: kLocked. kPermission: the new runbook does not `allow`
  /// this person.
  Result<UpgradeVerdict> upgrade(const std::string& run,
                                 const std::shared_ptr<const bytecode::Program>& program,
                                 const Person& by);

  // ---- Schedules. Durable on return; kNotFound: there is none of that name; kExists: another has
  // changed it meanwhile, try again. Workers fire them.

  /// Adds a schedule, or puts it in the place of the one of its name: from then on that fires
  /// otherwise, and nothing that it was due for is done twice. Errors as of `start`.
  Result<ScheduleAdded> add_schedule(const AddSchedule& request, const Person& by);
  /// Whether it would be added as it is, as far as that can be told before.
  Status check_schedule(const AddSchedule& request);
  Result<std::vector<ScheduleSummary>> schedules();
  Result<ScheduleSummary> schedule(const std::string& name);
  /// What became of its firings, the latest first; 0: all of them.
  Result<std::vector<FiringSummary>> firings(const std::string& name, uint32_t most);
  /// It fires no more. kRefused: it is paused already.
  Status pause_schedule(const std::string& name, const Person& by);
  /// It fires again, from now on: what was due meanwhile is left out. kRefused: it is not paused.
  Status resume_schedule(const std::string& name, const Person& by);
  /// Its runs and what is known of them stay; what was queued is not started.
  Status remove_schedule(const std::string& name, const Person& by);
  /// Fires it now, by the rules of its `overlap`, and leaves the run to a worker. `overrides`: the
  /// closed calendars, its own or its runbook's, that do not hold it back; with a reason, which is
  /// in the history of both. kRefused: a run of it goes on, or a calendar is closed; kInvalid:
  /// there is no such calendar, or no reason.
  Result<FiringSummary> run_schedule(const std::string& name, const Person& by,
                                     const std::vector<std::string>& overrides = {},
                                     const std::string& reason = {});
  /// Starts now what a calendar of the schedule holds back, or kept from starting while it is
  /// closed still; and leaves the run to a worker. The reason is in the history of both. kRefused:
  /// no calendar holds anything back; kInvalid: without a reason.
  Result<FiringSummary> override_calendar(const std::string& name, const std::string& reason,
                                          const Person& by);
  /// Queues a run for each time between the two (microseconds since the epoch) at which it was due
  /// and no run was started; workers start one after the other. Returns all of these times; those
  /// that have their run, too. kLimit: more than a thousand.
  Result<std::vector<FiringSummary>> backfill(const std::string& name, int64_t from, int64_t to,
                                              const Person& by);

  // ---- Questions

  Result<std::vector<RunSummary>> runs(const RunFilter& filter);
  Result<RunSummary> summary(const std::string& run);
  Result<RunRecord> record(const std::string& run);
  Result<RunDetail> show(const std::string& run);
  /// The program that a run is pinned to.
  Result<std::shared_ptr<const bytecode::Program>> program(const std::string& run);
  /// Steps through all that happened to a run, forwards and backwards (engine/replay.h); the engine
  /// must outlive it.
  Result<std::unique_ptr<Replay>> replay(const std::string& run);
  /// All locks that somebody has or waits for, by kind and name.
  Result<std::vector<LockState>> locks();
  /// Frees what a quarantined run has, for whoever waits for it: nobody goes on with that run by
  /// itself, and somebody has to know what it left. Returns how many. kRefused: it is not
  /// quarantined.
  Result<size_t> free_locks(const std::string& run, const Person& by);
  /// Gives `each` the rows of the audit trail in their order, until it returns false; the run may
  /// be given by a prefix, or be one that the store does not have any more. Reads little at a time.
  Status audit(AuditFilter filter, const std::function<bool(const AuditRow&)>& each);
  /// Walks all of the trail. `kept`: a head that it had once, and that it has to have still.
  Result<AuditCheck> check_audit(const std::optional<AuditHead>& kept);
  /// Empties a row's payload; its hash stays, so that the chain holds. That stands in the trail.
  /// kInvalid: without a reason; kNotFound, kRefused: of store.h.
  Status redact_audit(int64_t number, const std::string& reason, const Person& by);
  /// All approvals that wait, or those of one run.
  Result<std::vector<WaitingFor>> approvals(const std::string& run = {});
  /// All questions that wait in one run.
  Result<std::vector<WaitingFor>> questions(const std::string& run);
  /// What targets were, are or will be told of one run, or of all (empty), in order.
  Result<std::vector<Notice>> notices(const std::string& run);
  /// Everything that waits for this person: approvals that they may decide, questions and failed
  /// steps that they may answer, signals whose `by` names them, and doubts.
  Result<std::vector<WaitingFor>> inbox(const Person& person);
  /// Gives `each` the lines in order, from chunks with keys greater than `after`; of the step with
  /// this path (and the steps inside it), or of all (empty). Reads little at a time, however much
  /// there is. Ends early once `each` returns false or `stop` was called. Returns the key of the
  /// last chunk that was read, `after` if there was none.
  Result<int64_t> logs(const std::string& run, const std::string& path, int64_t after,
                       const std::function<bool(LogLine)>& each);
  /// Sleeps until somebody has written to the store, `stop` was called (false), or the time is up.
  Result<bool> wait_for_change(int64_t microseconds);

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whether this person may decide on an approval so described, which is escalated or not yet.
/// kPermission says why not.
Status may_decide(const boost::json::object& description, const std::string& starter,
                  const Person& person, bool is_escalated = false);
/// Whether this person may decide on it alone. kRefused: nobody may; kPermission.
Status may_break_glass(const boost::json::object& description, const std::string& starter,
                       const Person& person);
/// Whether this person may start the runbook. kPermission says who may.
Status may_start(const bytecode::Runbook& runbook, const Person& person);
/// The same of a question: whoever `by` names may answer it, or everybody without it.
Status may_answer(const boost::json::object& description, const std::string& starter,
                  const Person& person);

}  // namespace rbk::engine
