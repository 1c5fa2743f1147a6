// The store: what is durable. One narrow interface; engine/sqlite/ implements it for one host. It
// knows runs, journal entries, waits, the inbox and logs as rows, and nothing of what events mean.
// Schema and format: docs/formats/store.md.
//
// Threads: `commit` and the other writing calls may run on one thread while the reading calls run
// on another; neither group is safe to call from two threads at once.
//
// Errors are kFull, kPermission (read-only), kLocked, kCorrupt, kUnsupported (a newer format), kIo;
// each message names the file and the cure. After a failed `commit` it is not known whether it
// happened: drop what was built upon it, `reopen`, and read the heads again.
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

struct StoreIdentity {
  std::string id;      // 32 hexadecimal digits, made with the store: part of every idempotency key
  int64_t format = 0;  // schema version
  std::string place;   // for messages: the file's path
};

/// One entry of a run's journal.
struct Entry {
  enum class Kind : uint8_t {
    kEvent = 1,       // `body` is a vm::Event; it was delivered to the machine
    kRepeat = 2,      // an attempt is carried out again within its request; body: request id
    kNotStarted = 3,  // a clean stop left these requests unstarted; body: request ids
    kDoubt = 4,  // nobody can say what became of this attempt, a person is asked; body: request id
    kBegun = 5,  // the engine that goes on begins what was left unstarted; body: request ids
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
  Digest hash{};
  std::string bytes;
};

/// Something that waits for a person or a signal: the row behind `approvals` and `inbox`.
struct Wait {
  enum class Kind : uint8_t { kApproval = 1, kDoubt = 2, kQuestion = 3, kSignal = 4 };
  RunKey run = 0;
  std::string run_id;
  uint64_t request = 0;
  Kind kind = Kind::kApproval;
  std::string path;         // the step's or the approval's
  std::string description;  // JSON; kApproval, kQuestion: as in vm::request::Approve; kDoubt:
                            // {action, reason}; kSignal: {name, type, by}
  int64_t since = 0;
  std::optional<int64_t> expires;
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
    kLock = 7,  // the store's own answer to a LockAsk: {how: granted|deadlock|taken, message}
  };
  int64_t key = 0;  // the store's
  std::string id;   // unique: the same one twice counts once
  RunKey run = 0;
  uint64_t request = 0;  // what it answers; 0 for kCancel and kSignal
  Kind kind = Kind::kVote;
  std::string body;  // JSON
  std::string by;    // for the record
  int64_t time = 0;
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

/// Lines of one attempt's log, in order.
struct LogChunk {
  int64_t key = 0;  // the store's; increasing in order of writing
  RunKey run = 0;
  uint64_t step = 0;  // 0: the runbook itself
  uint32_t attempt = 0;
  std::string path;
  std::string lines;  // engine/logs.h
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
  RunKey origin = 0;   // of a rollback by hand: the finished run that it undoes; 0 otherwise
  std::string folder;  // where it was started; empty: not known
  int32_t umask = -1;  // the file mask with which it was started; below 0: not known
};

/// A program's serialised form.
struct ProgramRow {
  Digest hash{};
  std::string bytes;
};

/// What one commit does to one run. All of it happens, or nothing.
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
  std::optional<std::string> snapshot;  // engine/snapshot.h; names the last entry of this change
  bool release = false;                 // the run has no holder afterwards
};

/// Another run, with its first change (token 1, head 0). Held by `change`'s writer unless it
/// releases.
struct NewRun {
  RunRow row;  // key, token and holder are set by the store
  std::shared_ptr<const ProgramRow> program;
  RunChange change;
};

/// What one commit writes. Order: new runs, changes, logs.
struct Group {
  EngineKey engine = 0;
  std::vector<NewRun> runs;  // keys are filled in by the commit
  std::vector<RunChange> changes;
  std::vector<LogChunk> logs;
};

struct CommitResult {
  /// Whose changes were refused, because another has claimed the run or moved its head.
  std::vector<RunKey> lost;
  /// What was asked for and is had at once: (run, request).
  std::vector<std::pair<RunKey, uint64_t>> locks_granted;
  bool locks_answered = false;  // there are new kLock messages, perhaps for runs of others
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
  bool alive = false;  // its lock is held
};

class Store {
 public:
  virtual ~Store() = default;

  virtual const StoreIdentity& identity() const = 0;

  // ---- Writing

  /// Makes an engine known under a key of its own choice (random, not 0), and holds a lock that the
  /// kernel drops when the process dies. Once, before the first claim or commit; its row is written
  /// with the next of our writes. kExists: the key is taken, choose another.
  virtual Status join(const EngineRow& engine) = 0;

  /// kRefused: a new run asks for a lock that rejects it, and somebody has that; nothing of the
  /// group is done then.
  virtual Result<CommitResult> commit(Group& group) = 0;

  /// Takes the run if nobody holds it, or its holder is dead. kLocked: a living process holds it;
  /// kRefused: it is over or quarantined; kNotFound. The row returned is the run as claimed.
  virtual Result<RunRow> claim(RunKey run, EngineKey engine) = 0;

  /// Puts a message before the run's holder. kExists: a message of this id is there already.
  virtual Status post(const Message& message) = 0;

  /// Throws a run's snapshot away.
  virtual Status drop_snapshot(RunKey run) = 0;

  /// Takes the run out of driving: whoever holds the token loses it.
  virtual Status quarantine(RunKey run, Token token, const std::string& why) = 0;

  /// Frees all that a quarantined run has, and takes it out of every queue. kRefused: it is not
  /// quarantined. Returns how many locks it had.
  virtual Result<size_t> free_locks(RunKey run) = 0;

  /// After a failed write: everything is opened anew, the lock of `join` kept.
  virtual Status reopen() = 0;

  // ---- Reading

  /// By id or unique prefix. kNotFound; kInvalid: several begin so, and it names them.
  virtual Result<RunRow> find_run(std::string_view id_or_prefix) = 0;
  virtual Result<RunRow> run(RunKey key) = 0;
  /// The rollback by hand of this run, if there is one.
  virtual Result<std::optional<RunRow>> rollback_of(RunKey origin) = 0;
  virtual Result<std::vector<RunRow>> runs(const RunFilter& filter) = 0;

  /// The entries numbered `after + 1` and on, in order. kCorrupt if one is missing.
  virtual Result<std::vector<Entry>> entries(RunKey run, uint64_t after) = 0;
  /// Nothing if the run has none.
  virtual Result<std::optional<std::string>> snapshot(RunKey run) = 0;
  virtual Result<std::string> program(const Digest& hash) = 0;
  virtual Result<std::string> blob(const Digest& hash) = 0;

  /// Of one run, or of all (0); oldest first.
  virtual Result<std::vector<Wait>> waits(RunKey run) = 0;
  /// All locks that anybody has or waits for, in the order in which they came.
  virtual Result<std::vector<LockRow>> locks() = 0;
  /// Those not taken yet, of one run or of all (0), oldest first.
  virtual Result<std::vector<Message>> messages(RunKey run) = 0;
  /// Votes on one request that were taken or not, oldest first.
  virtual Result<std::vector<Message>> votes(RunKey run, uint64_t request) = 0;
  /// The chunks with keys greater than `after_key`, in order, until they hold `most_bytes`: at
  /// least one if there is one.
  virtual Result<std::vector<LogChunk>> logs(RunKey run, int64_t after_key, size_t most_bytes) = 0;
  virtual Result<EngineRow> engine(EngineKey key) = 0;

  /// Whether anybody has written since the last call. Cheap.
  virtual Result<bool> changed() = 0;
};

enum class OpenMode : uint8_t {
  kCreate,    // a new store is made if there is none
  kExisting,  // kNotFound if there is none
  kReading,  // the same; only what reads is called, so that it may lie where nothing can be written
};

/// What this program's stores are made with.
struct StoreLibrary {
  std::string name;    // "SQLite 3.40.1"
  int64_t format = 0;  // the newest format that it writes and reads
};
StoreLibrary store_library();

/// Opens "sqlite:PATH". kUnsupported for other schemes, with the cure.
Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenMode mode);

}  // namespace rbk::engine
