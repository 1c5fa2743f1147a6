// The store: what is durable. One narrow interface; engine/sqlite/ implements it for one host,
// engine/postgres/ for many. It knows runs, journal entries, waits, the inbox and logs as rows, and
// nothing of what events mean.
// Schema and format: docs/formats/store.md.
//
// Threads: `commit` and the other writing calls may run on one thread while the reading calls run
// on another; neither group is safe to call from two threads at once.
//
// Errors are kFull, kPermission (read-only), kLocked, kCorrupt, kUnsupported (a newer format), kIo
// (also: the server can't be reached), kRefused (a server that may lose what it confirms; a store
// that was found to be restored while an engine of it lives); each
// message names the file or the server, never a password, and the cure. After a failed `commit` it
// is not known whether it happened: drop what was built upon it, `reopen`, and read the heads
// again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "engine/audit.h"
#include "engine/status.h"
#include "vm/lock_queue.h"

namespace rbk::engine {

/// A row's key in its table; never 0, increasing (those of engines are random). Keys are the
/// store's own business; people see ids.
using RunKey = int64_t;
using EngineKey = int64_t;

/// Counts claims of one run. Who holds the run writes with the token of its claim; a later claim
/// makes that token worthless.
using Token = int64_t;

/// What a store holds back since it was found to be restored or copied (rule 6 of durability): what
/// its unfinished runs did after the copy was made is not known.
struct Hold {
  int64_t epoch = 0;  // that began with it
  int64_t since = 0;  // microseconds since the epoch of time
  std::string why;    // what was found: "its file is another one than that which was written last"
  int64_t runs = 0;   // that it quarantined
};

struct StoreIdentity {
  std::string id;      // 32 hexadecimal digits, made with the store: part of every idempotency key
  int64_t format = 0;  // schema version
  std::string place;   // for messages: the file's path, or the URL without a password
  std::string copy;    // of the store as it was, if opening it has brought it to a newer format
  int64_t format_before = 0;  // that copy's
  int64_t epoch = 1;          // counts how often the store was found to be restored or copied
  /// Random, made with each epoch but the first: tells what attempts of this epoch leave on a host
  /// from those of others, of other copies too.
  std::string incarnation = {};
  std::optional<Hold> hold = {};  // when it was opened
  /// For who only looks: what has befallen it since it was written last, so that the next who
  /// writes begins another epoch. Empty: nothing.
  std::string befell = {};
};

/// One entry of a run's journal.
struct Entry {
  enum class Kind : uint8_t {
    kEvent = 1,       // `body` is a vm::Event; it was delivered to the machine
    kRepeat = 2,      // an attempt is carried out again within its request; body: request id
    kNotStarted = 3,  // a clean stop left these requests unstarted; body: request ids
    kDoubt = 4,   // nobody can say what became of this attempt, a person is asked; body: request id
    kBegun = 5,   // the engine that goes on begins what was left unstarted; body: request ids
    kPaused = 7,  // nothing further begins; body: who said so
    kUnpaused = 8,   // it goes on; body: who said so
    kUpgraded = 6,   // from here on it has another program; body: engine/numbering.h
    kTakenOver = 9,  // of a retry: what became of this attempt in the run that it retries is what
                     // becomes of it; body: engine/journal.h
  };
  uint64_t number = 0;  // from 1, without gaps, within its run
  Kind kind = Kind::kEvent;
  int64_t time = 0;       // microseconds since the epoch; never smaller than the entry's before
  int64_t boot_time = 0;  // boot clock of the host, microseconds
  EngineKey engine = 0;   // who wrote it
  std::string body;
  std::string news;  // what people may see of it (engine/news.h); follows from the entries
};

/// A value kept out of line, once by its content; bodies and news name it by its hash.
struct Blob {
  Digest hash{};  // of the plain bytes
  std::string bytes;
  int64_t plain_size = 0;  // not 0: they are packed (engine/packing.h), and so many before
};

/// Something that waits for a person or a signal: the row behind `approvals` and `inbox`.
struct Wait {
  enum class Kind : uint8_t {
    kApproval = 1,
    kDoubt = 2,
    kQuestion = 3,
    kSignal = 4,
    kFailure = 5,  // a step that has failed, and asks what becomes of it
  };
  RunKey run = 0;
  std::string run_id;
  uint64_t request = 0;
  Kind kind = Kind::kApproval;
  std::string path;         // the step's or the approval's
  std::string description;  // JSON; kApproval, kQuestion: as in vm::request::Approve; kDoubt:
                            // {action, reason}; kSignal: {name, type, by}; kFailure: {name, error,
                            // in_doubt, type?, by?}
  int64_t since = 0;
  std::optional<int64_t> expires;
};

/// Something that a target is to be told: a row of the outbox, written with its cause.
struct Notice {
  enum class State : uint8_t {
    kOpen = 0,
    kDelivered = 1,
    kGivenUp = 2,  // it could not be delivered for too long; `problem` says why
    kDropped = 3,  // what it was to tell was over before it was due
  };
  int64_t key = 0;       // the store's
  std::string id;        // unique: its receiver may be given it twice under this id, and knows it
  RunKey run = 0;        // the store fills it in
  std::string run_id;    // read only
  uint64_t request = 0;  // the wait that it tells of; 0: of none
  std::string kind;      // engine/notices.h
  std::string target;
  std::string payload;  // JSON
  int64_t made = 0;
  int64_t due = 0;       // not before; then of the next attempt
  int64_t attempts = 0;  // begun so far
  State state = State::kOpen;
  std::string problem;  // of the last attempt
};

/// What somebody other than the run's holder wants of it. The holder journals it.
struct Message {
  enum class Kind : uint8_t {
    kVote = 1,
    kReject = 2,
    kCancel = 3,
    kResolve = 4,
    kAnswer = 5,
    kSignal = 6,
    kLock = 7,      // the store's own answer to a LockAsk: {how: granted|deadlock|taken, message}
    kRunEnded = 8,  // the store's own: a run that this one waits for has ended: {run: its id}
    kPause = 9,
    kUnpause = 10,
  };
  int64_t key = 0;  // the store's
  std::string id;   // unique: the same one twice counts once
  RunKey run = 0;
  uint64_t request = 0;  // what it answers; 0 for kCancel, kSignal, kPause and kUnpause
  Kind kind = Kind::kVote;
  std::string body;  // JSON
  std::string by;    // for the record
  int64_t time = 0;
  std::string path;  // of what it answers, for the audit trail; not kept with the message
};

/// What a run asks of a lock.
struct LockAsk {
  uint64_t request = 0;
  vm::request::Acquire acquire;
  int64_t time = 0;
};

/// Who has a lock, or waits for it.
struct LockRow {
  int64_t key = 0;      // increasing: who came first
  vm::LockClaim claim;  // `run` is the run's key
  std::string run_id;
  std::string path;              // of the step; empty: the run's own
  int64_t since = 0;             // held: since it has it; else since it waits
  std::optional<int64_t> until;  // it waits no longer than that
};

/// How a run hangs on the one that began it.
enum class Link : uint8_t {
  kNone = 0,
  kStarted = 1,   // that one waits for its end
  kDetached = 2,  // it does not
  kUndoing = 3,   // it undoes what that one started, and that one waits for its end
};

/// Lines of one attempt's log, in order.
struct LogChunk {
  int64_t key = 0;  // the store's; increasing in order of writing
  RunKey run = 0;
  uint64_t step = 0;  // 0: the runbook itself
  uint32_t attempt = 0;
  std::string path;
  std::string lines;       // engine/logs.h
  int64_t plain_size = 0;  // as of Blob; what a store gives is plain
};

struct RunRow {
  RunKey key = 0;
  std::string id;
  Digest program{};
  std::string runbook;
  RunStatus status = RunStatus::kRunning;
  std::string starter;
  std::string reason;
  std::string labels;  // JSON object
  int64_t started = 0;
  int64_t updated = 0;  // time of the last entry
  uint64_t head = 0;    // number of the last entry
  Token token = 0;
  EngineKey holder = 0;         // 0: nobody
  std::optional<int64_t> wake;  // when the earliest timer is due, microseconds since the epoch
  std::string ending;           // JSON (engine/news.h), once it is over; why, if quarantined
  int64_t log_bytes = 0;
  RunKey origin = 0;     // of a rollback by hand: the finished run that it undoes; 0 otherwise
  std::string folder;    // where it was started; empty: not known
  int32_t umask = -1;    // the file mask with which it was started; below 0: not known
  int64_t schedule = 0;  // that started it: its key; 0: none
  Link link = Link::kNone;
  RunKey parent = 0;            // the run that began it; 0: a person or a schedule did
  uint64_t parent_request = 0;  // by which it did; unique with the parent
  std::string parent_path;      // of the step that did
  /// The Acquires of the parent that it can't release before this run has ended.
  std::vector<uint64_t> parent_under;
  /// How it stood when the store was found to be restored or copied, since which it is quarantined.
  std::optional<RunStatus> held;
  int32_t claims = 0;  // since it last got further: 0 once an event of it is journaled or it is let
                       // go; a person's claim counts as the first
  /// Of a retry: the finished run that it goes on from, or the last rollback by hand of that one; 0
  /// otherwise. A run is gone on from once: by one retry, or by one rollback by hand.
  RunKey retries = 0;
  std::string retry_rule;  // what it does not take over: engine/takeover.h
  std::string placement;   // the label of the workers that it is for; empty: for everybody
};

/// A program's serialised form.
struct ProgramRow {
  Digest hash{};
  std::string bytes;
};

/// A run that another one has begun is to be cancelled by it.
struct RunCancel {
  std::string run;  // its id
  bool rollback = false;
  bool now = false;
  std::string by;
  int64_t time = 0;
};

class Upkeep;
struct NewRun;

/// What one commit does to one run. All of it happens, or nothing. If it ends the run, and another
/// one waits for that end, that one gets a kRunEnded message with it.
struct RunChange {
  RunKey run = 0;
  Token token = 0;    // must be the run's, else nothing of this change is done
  uint64_t head = 0;  // the run's head before this change: must be the run's too
  std::vector<Entry> entries;
  std::vector<Blob> blobs;
  RunStatus status = RunStatus::kRunning;
  bool facts_changed = true;  // status, wake or ending differ from what the row holds
  std::optional<int64_t> wake;
  std::string ending;
  std::string labels;  // empty: as they were
  std::vector<Wait> waits;
  std::vector<uint64_t> waits_over;     // requests
  std::vector<int64_t> messages_taken;  // keys
  /// In this order: first what is freed, then what is asked for. Each ask is answered by a kLock
  /// message, in this commit or a later one, unless it is freed before. A run that is over has
  /// nothing.
  std::vector<uint64_t> locks_freed;  // requests
  std::vector<LockAsk> locks_asked;
  std::vector<NewRun> children;         // that it begins; their `parent` is set by the store
  std::vector<RunCancel> cancels;       // those of its children that are over are left alone
  std::vector<Notice> notices;          // one whose id is there already is not written again
  std::optional<std::string> snapshot;  // engine/snapshot.h; names the last entry of this change
  bool release = false;                 // the run has no holder afterwards
  /// From here on it is pinned to this one; null: to the one that it has.
  std::shared_ptr<const ProgramRow> program;
  Doer by;               // whose doing the other program is
  int64_t schedule = 0;  // of the run: one that is over lets what waits for it there be started
};

/// Another run, with its first change (token 1, head 0). Held by `change`'s writer unless it
/// releases.
struct NewRun {
  RunRow row;  // key, token and holder are set by the store
  /// Of a child only its hash is looked at: its parent's program is kept already.
  std::shared_ptr<const ProgramRow> program;
  RunChange change;
  // For the audit trail; not of a child.
  Doer by;                          // without a name: row.starter
  std::string arguments;            // JSON
  std::string retried;              // of a retry: the id of the run that it retries
  std::vector<LogChunk> logs = {};  // what it has said already; their run is set by the store
};

using ScheduleKey = int64_t;

/// A schedule as it was added.
struct ScheduleRow {
  enum class Overlap : uint8_t { kSkip = 0, kQueue = 1, kCancelRunning = 2 };
  enum class Missed : uint8_t { kSkip = 0, kRunOnce = 1, kRunAll = 2 };
  ScheduleKey key = 0;
  std::string name;     // unique among those that were not removed
  int64_t version = 0;  // counts what people did to it
  Digest program{};
  std::string runbook;
  std::string arguments;  // JSON array
  std::string timing;     // JSON: engine/schedule_timing.h
  Overlap overlap = Overlap::kSkip;
  Missed missed = Missed::kSkip;
  std::optional<int64_t> missed_within;  // microseconds
  std::string place;                     // where it is written
  std::string folder;                    // of its runs
  int32_t umask = -1;
  std::string author;  // who added it
  int64_t added = 0;
  std::optional<int64_t> paused;  // since then
  std::string paused_by;
  int64_t watermark = 0;       // everything that was due up to then was dealt with
  std::optional<int64_t> due;  // when there is something to be done next; none: never
};

/// What became of a nominal time of a schedule.
struct FiringRow {
  enum class Kind : uint8_t { kPlan = 1, kHand = 2, kBackfill = 3 };
  enum class Outcome : uint8_t {
    kStarted = 1,
    kSkipped = 2,
    kDelayed = 3,  // a calendar is closed: it starts when that opens
    kQueued = 4,   // it starts when the run before it has ended
  };
  int64_t key = 0;
  ScheduleKey schedule = 0;
  std::string zone;     // of the clock that shows `nominal`
  int64_t nominal = 0;  // what it shows: seconds since 1970-01-01 00:00 on that clock
  int32_t fold = 0;     // 1: the second time that it shows this
  int64_t at = 0;       // the instant, microseconds since the epoch
  int64_t time = 0;     // when it was dealt with
  Kind kind = Kind::kPlan;
  Outcome outcome = Outcome::kStarted;
  std::string why;
  std::string by;  // not by plan: who did it
  RunKey run = 0;
  std::string run_id;
  int64_t count = 1;  // so many in a row
  int64_t last = 0;   // the instant of the last of them
};

/// What one commit does to one schedule. Unless that has the version, and the watermark where it
/// moves, nothing of the group is done: kExists.
struct ScheduleStep {
  ScheduleKey schedule = 0;
  std::string name;
  int64_t version = 0;
  bool moves = false;  // the watermark and `due`
  int64_t watermark_was = 0;
  int64_t watermark = 0;
  std::optional<int64_t> due;
  int64_t time = 0;
  bool cancels = false;  // the runs of it that go on are cancelled, what is queued is not started
  std::vector<FiringRow> records;  // in the place of others of their nominal times
  /// Belongs to the group's first new run. kExists as well if its nominal time has its run, or
  /// another run of the schedule goes on.
  std::optional<FiringRow> start;
  Doer by;  // not by plan: who did it
};

enum class ScheduleChange : uint8_t { kFacts, kRemove };

/// What one commit writes. Order: new runs, schedules, changes, logs.
struct Group {
  EngineKey engine = 0;
  std::vector<NewRun> runs;  // keys are filled in by the commit
  std::vector<ScheduleStep> schedules;
  std::vector<RunChange> changes;
  std::vector<LogChunk> logs;
};

struct CommitResult {
  /// Whose changes were refused, because another has claimed the run or moved its head.
  std::vector<RunKey> lost;
  /// What was asked for and is had at once: (run, request).
  std::vector<std::pair<RunKey, uint64_t>> locks_granted;
  bool messages_posted = false;  // by the store itself, perhaps for runs of others
};

struct RunFilter {
  std::optional<RunStatus> status;
  std::string runbook;
  std::string starter;
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<int64_t> since;
  bool unfinished = false;
  uint32_t limit = 0;  // 0: all; newest first
};

/// A process that drives runs.
struct EngineRow {
  EngineKey key = 0;
  std::string boot;  // Clock::boot_identity()
  int64_t process = 0;
  int64_t started = 0;
  bool alive = false;  // its lock is held, or its lease has not run out
  bool works = false;  // it goes on with any run of the store, until it is stopped
  int64_t epoch = 1;   // of the store, when it joined; the store fills it in
  std::vector<std::string> takes = {""};  // runs of these placements
};

/// On whose behalf a run is claimed.
enum class Claimer : uint8_t {
  kPerson,  // who has looked at it: also one that is quarantined since it got nowhere
  kWorker,
};

/// So many claims in a row that got a run nowhere, and it is quarantined.
inline constexpr int32_t kMostClaims = 4;

/// What workers can go on with: runs that can go on and that nobody who lives holds.
struct WaitingWork {
  struct Run {
    RunKey key = 0;
    int32_t claims = 0;  // RunRow::claims
  };
  std::vector<Run> runs;
  std::optional<int64_t> next_wake;  // when the next run is due that waits for a time only
  std::vector<EngineKey> holders;    // others that live and hold runs
};

class Store {
 public:
  virtual ~Store() = default;

  virtual const StoreIdentity& identity() const = 0;

  // ---- Writing. What a person, a schedule, or an engine that takes a run over changes is written
  // with its row of the audit trail (engine/audit_rows.h); `by` is who does it.

  /// Makes an engine known under a key of its own choice (random, not 0), and keeps it alive in the
  /// eyes of others until this store is closed or the process dies: by a lock that the kernel drops
  /// (SQLite; its row is written with the next of our writes), or by a lease that is renewed as
  /// long as the process runs (PostgreSQL). Once, before the first claim or commit. kExists: the
  /// key is taken, choose another.
  virtual Status join(const EngineRow& engine) = 0;

  /// kRefused: a new run asks for a lock that rejects it, and somebody has that; nothing of the
  /// group is done then.
  virtual Result<CommitResult> commit(Group& group) = 0;

  /// Takes the run if nobody holds it, or its holder is dead. kLocked: a living process holds it;
  /// kRefused: it is over or quarantined; kNotFound. The row returned is the run as claimed.
  virtual Result<RunRow> claim(RunKey run, EngineKey engine, Claimer claimer = Claimer::kPerson,
                               const Doer& by = {}) = 0;

  /// The same for several, in one commit where the store can do that; of each the row as claimed,
  /// or why it is not. An error of the whole: none is claimed, or it is not known which.
  virtual Result<std::vector<Result<RunRow>>> claim_each(const std::vector<RunKey>& runs,
                                                         EngineKey engine, Claimer claimer,
                                                         const Doer& by);

  /// The engine that joined does not work any more; and of those that died it is put down.
  virtual Status leave_work() = 0;

  /// Puts a message before the run's holder. kExists: a message of this id is there already.
  virtual Status post(const Message& message, const Doer& by = {}) = 0;

  /// Notices that are due at `now`, at most so many, for an attempt at their delivery: each is due
  /// again at `lease`, lest it be lost with whoever took it.
  virtual Result<std::vector<Notice>> take_notices(int64_t now, int64_t lease, size_t most) = 0;
  /// What became of an attempt: kOpen is tried again at `due`.
  virtual Status settle_notice(int64_t key, Notice::State state, int64_t due,
                               const std::string& problem) = 0;

  /// Throws a run's snapshot away.
  virtual Status drop_snapshot(RunKey run) = 0;

  /// Takes the run out of driving: whoever holds the token loses it.
  virtual Status quarantine(RunKey run, Token token, const std::string& why,
                            const Doer& by = {}) = 0;

  /// Frees all that a quarantined run has, and takes it out of every queue. kRefused: it is not
  /// quarantined. Returns how many locks it had.
  virtual Result<size_t> free_locks(RunKey run, const Doer& by = {}) = 0;

  /// Adds a schedule (key 0), or puts it in the place of what it was in that version. kExists:
  /// another has its name, or has changed it.
  virtual Status put_schedule(ScheduleRow& row, const ProgramRow& program, const Doer& by = {}) = 0;
  /// Its pause, watermark and `due`; or it is removed. kExists: another has changed it.
  virtual Status change_schedule(const ScheduleRow& row, ScheduleChange change,
                                 const Doer& by = {}) = 0;

  /// Empties the payload of a row of the audit trail. kNotFound: there is no such row; kRefused: it
  /// is empty already.
  virtual Status redact_audit(int64_t number, const std::string& reason, const Doer& by) = 0;

  /// After a failed write: everything is opened anew, the engine's life is kept.
  virtual Status reopen() = 0;

  // ---- Reading

  /// By id or unique prefix. kNotFound; kInvalid: several begin so, and it names them.
  virtual Result<RunRow> find_run(std::string_view id_or_prefix) = 0;
  virtual Result<RunRow> run(RunKey key) = 0;
  /// The rollback by hand of this run, if there is one.
  virtual Result<std::optional<RunRow>> rollback_of(RunKey origin) = 0;
  /// The retry that goes on from this run, if there is one.
  virtual Result<std::optional<RunRow>> retry_of(RunKey run) = 0;
  virtual Result<std::vector<RunRow>> runs(const RunFilter& filter) = 0;
  /// The run that this one began by that request.
  virtual Result<std::optional<RunRow>> run_begun_by(RunKey parent, uint64_t request) = 0;
  /// All that it began, in that order.
  virtual Result<std::vector<RunRow>> children(RunKey parent) = 0;

  /// The entries numbered `after + 1` and on, in order. kCorrupt if one is missing.
  virtual Result<std::vector<Entry>> entries(RunKey run, uint64_t after) = 0;
  /// Nothing if the run has none.
  virtual Result<std::optional<std::string>> snapshot(RunKey run) = 0;
  virtual Result<std::string> program(const Digest& hash) = 0;
  virtual Result<std::string> blob(const Digest& hash) = 0;

  /// What the store holds back now, if it does.
  virtual Result<std::optional<Hold>> hold() = 0;

  /// Of one run, or of all (0); oldest first.
  virtual Result<std::vector<Wait>> waits(RunKey run) = 0;
  /// All locks that anybody has or waits for, in the order in which they came.
  virtual Result<std::vector<LockRow>> locks() = 0;
  /// Of one run or of all (0), in the order in which they were made.
  virtual Result<std::vector<Notice>> notices(RunKey run) = 0;
  /// When the next open one is due; nothing if there is none.
  virtual Result<std::optional<int64_t>> next_notice() = 0;
  /// Those not taken yet, of one run or of all (0), oldest first.
  virtual Result<std::vector<Message>> messages(RunKey run) = 0;
  /// Votes on one request that were taken or not, oldest first.
  virtual Result<std::vector<Message>> votes(RunKey run, uint64_t request) = 0;
  /// The chunks with keys greater than `after_key`, in order, until they hold `most_bytes`: at
  /// least one if there is one.
  virtual Result<std::vector<LogChunk>> logs(RunKey run, int64_t after_key, size_t most_bytes) = 0;
  virtual Result<EngineRow> engine(EngineKey key) = 0;
  /// Those that work and live.
  virtual Result<std::vector<EngineRow>> workers() = 0;
  /// Whether this engine's lock is held. Needs no look into the store.
  virtual bool lives(EngineKey engine) = 0;
  /// At most `most` runs of each kind, of each of these placements: let go while they can go on,
  /// due at `now` (microseconds since the epoch), with an open message, held by dead engines. Costs
  /// what is found, not what there is.
  virtual Result<WaitingWork> waiting_work(int64_t now, EngineKey own,
                                           const std::vector<std::string>& takes,
                                           uint32_t most) = 0;

  /// All that were not removed, by name.
  virtual Result<std::vector<ScheduleRow>> schedules() = 0;
  virtual Result<std::optional<ScheduleRow>> schedule(std::string_view name) = 0;
  /// Removed or not.
  virtual Result<std::optional<ScheduleRow>> schedule(ScheduleKey key) = 0;
  /// Those that are due at that time and not paused, the earliest first; none while the store holds
  /// back what was unfinished. Costs what is due.
  virtual Result<std::vector<ScheduleRow>> due_schedules(int64_t now, uint32_t most) = 0;
  /// When the next one is due after that time; nothing while the store holds back.
  virtual Result<std::optional<int64_t>> next_schedule(int64_t after) = 0;
  /// Newest first; 0: all.
  virtual Result<std::vector<FiringRow>> firings(ScheduleKey schedule, uint32_t most) = 0;
  /// What is known of this nominal time, unless it was by hand.
  virtual Result<std::optional<FiringRow>> firing(const FiringRow& like) = 0;
  virtual Result<std::optional<FiringRow>> firing_of_run(RunKey run) = 0;
  /// That has waited the longest.
  virtual Result<std::optional<FiringRow>> queued_firing(ScheduleKey schedule) = 0;
  /// Its runs that are not over, the oldest first.
  virtual Result<std::vector<RunRow>> unfinished_of(ScheduleKey schedule) = 0;

  /// In order of their numbers.
  virtual Result<std::vector<AuditRow>> audit(const AuditFilter& filter) = 0;

  /// Whether anybody has written since the last call. Cheap.
  virtual Result<bool> changed() = 0;

  /// Whether this engine may have counted as dead since the last call, because it stood still for
  /// longer than its lease or could not reach the server: its runs may be driven by others. What it
  /// writes to those is refused in any case. Any thread.
  virtual bool lapsed() = 0;

  /// What concerns the store as a whole (engine/upkeep.h); lives as long as it does.
  virtual Upkeep& upkeep() = 0;
};

enum class OpenMode : uint8_t {
  kCreate,    // a new store is made if there is none
  kExisting,  // kNotFound if there is none
  kReading,  // the same; only what reads is called, so that it may lie where nothing can be written
};

/// A kind of stores that this program knows.
struct StoreKind {
  std::string name;    // "SQLite 3.40.1", with the version of its library where that is a part of
                       // rbk; "PostgreSQL"
  int64_t format = 0;  // the newest format that it writes and reads
};
StoreKind sqlite_stores();
StoreKind postgres_stores();

/// Opens "sqlite:PATH" or "postgresql://USER@HOST:PORT/DATABASE?PARAMETERS" (docs/cli.md). kInvalid
/// for what is neither, with the cure.
Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenMode mode);

/// A store's URL as it may be shown: without its password.
std::string shown_store_url(std::string_view url);

}  // namespace rbk::engine
