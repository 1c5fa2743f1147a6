// The store on SQLite, for the processes of one host.
//
// Writing calls are serialised among themselves and may come from any thread; reading calls belong
// to one thread. Two connections: one writes, the other, opened on first use, reads.
#pragma once

#include <chrono>
#include <mutex>
#include <unordered_map>

#include "engine/claim_rows.h"
#include "engine/sqlite/connection.h"
#include "engine/sqlite/lock_file.h"
#include "engine/sqlite/schema.h"
#include "engine/store.h"
#include "engine/upkeep.h"

namespace rbk::engine::sqlite {

class SqliteStore : public Store, public Upkeep, private ClaimRows {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& path, OpenMode mode);
  ~SqliteStore() override;

  const StoreIdentity& identity() const override { return identity_; }

  Status join(const EngineRow& engine) override;
  Result<CommitResult> commit(Group& group) override;
  Result<RunRow> claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by) override;
  Result<std::vector<Result<RunRow>>> claim_each(const std::vector<RunKey>& runs, EngineKey engine,
                                                 Claimer claimer, const Doer& by) override;
  Status leave_work() override;
  Status post(const Message& message, const Doer& by) override;
  Status drop_snapshot(RunKey run) override;
  Status quarantine(RunKey run, Token token, const std::string& why, const Doer& by) override;
  Result<size_t> free_locks(RunKey run, const Doer& by) override;
  Result<std::vector<Notice>> take_notices(int64_t now, int64_t lease, size_t most) override;
  Status settle_notice(int64_t key, Notice::State state, int64_t due,
                       const std::string& problem) override;
  Status put_schedule(ScheduleRow& row, const ProgramRow& program, const Doer& by) override;
  Status change_schedule(const ScheduleRow& row, ScheduleChange change, const Doer& by) override;
  Status redact_audit(int64_t number, const std::string& reason, const Doer& by) override;
  Status reopen() override;

  Result<RunRow> find_run(std::string_view id_or_prefix) override;
  Result<RunRow> run(RunKey key) override;
  Result<std::optional<RunRow>> rollback_of(RunKey origin) override;
  Result<std::optional<RunRow>> retry_of(RunKey run) override;
  Result<std::vector<RunRow>> runs(const RunFilter& filter) override;
  Result<std::optional<RunRow>> run_begun_by(RunKey parent, uint64_t request) override;
  Result<std::vector<RunRow>> children(RunKey parent) override;
  Result<std::vector<Entry>> entries(RunKey run, uint64_t after) override;
  Result<std::optional<std::string>> snapshot(RunKey run) override;
  Result<std::string> program(const Digest& hash) override;
  Result<std::string> blob(const Digest& hash) override;
  Result<std::vector<Wait>> waits(RunKey run) override;
  Result<std::vector<LockRow>> locks() override;
  Result<std::vector<Notice>> notices(RunKey run) override;
  Result<std::optional<int64_t>> next_notice() override;
  Result<std::vector<Message>> messages(RunKey run) override;
  Result<std::vector<Message>> votes(RunKey run, uint64_t request) override;
  Result<std::vector<LogChunk>> logs(RunKey run, int64_t after_key, size_t most_bytes) override;
  Result<EngineRow> engine(EngineKey key) override;
  Result<std::vector<EngineRow>> workers() override;
  bool lives(EngineKey engine) override { return locks_.engine_lives(engine); }
  Result<WaitingWork> waiting_work(int64_t now, EngineKey own,
                                   const std::vector<std::string>& takes, uint32_t most) override;
  Result<std::vector<ScheduleRow>> schedules() override;
  Result<std::optional<ScheduleRow>> schedule(std::string_view name) override;
  Result<std::optional<ScheduleRow>> schedule(ScheduleKey key) override;
  Result<std::vector<ScheduleRow>> due_schedules(int64_t now, uint32_t most) override;
  Result<std::optional<int64_t>> next_schedule(int64_t after) override;
  Result<std::vector<FiringRow>> firings(ScheduleKey schedule, uint32_t most) override;
  Result<std::optional<FiringRow>> firing(const FiringRow& like) override;
  Result<std::optional<FiringRow>> firing_of_run(RunKey run) override;
  Result<std::optional<FiringRow>> queued_firing(ScheduleKey schedule) override;
  Result<std::vector<RunRow>> unfinished_of(ScheduleKey schedule) override;
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override;
  Result<std::optional<Hold>> hold() override;
  Result<bool> changed() override;
  /// The kernel drops the lock of a process that is dead, and of no other.
  bool lapsed() override { return false; }

  // ---- sqlite_upkeep.cpp
  Upkeep& upkeep() override { return *this; }
  Status begin_look() override;
  void end_look() override;
  Result<std::vector<std::string>> damage() override;
  Result<std::vector<Dangling>> dangling() override;
  Result<std::vector<RunLinks>> run_links() override;
  Result<std::vector<Digest>> program_hashes() override;
  Result<std::vector<Digest>> blob_hashes() override;
  Result<std::vector<RunKey>> owing() override;
  Result<int64_t> back_up(const std::string& file, bool replace) override;
  Result<Room> vacuum() override;
  Result<int64_t> accept(int64_t epoch, const Doer& by) override;
  Result<std::vector<bool>> remove_trees(const std::vector<std::vector<RunLinks>>& trees,
                                         const Doer& by) override;
  Status remove_left() override;
  Result<std::vector<RunKey>> logged_runs(int64_t before) override;
  Status remove_logs(const std::vector<RunKey>& runs, int64_t before, const Doer& by) override;
  Result<int64_t> remove_programs() override;
  Result<int64_t> remove_blobs(const std::function<Result<std::vector<Digest>>()>& unused) override;

 private:
  /// Statements of the writing connection, prepared on first use.
  struct Writes {
    Statement begin, commit, rollback, format, last_journal, run_head, advance, update, labels, pin,
        entry, blob, snapshot, snapshot_drop, wait, wait_over, waits_over, taken, message, release,
        new_run, program_find, program, log, log_bytes, engine, leave_work, holder, claim,
        quarantine, schedule_step, schedule_busy, schedule_wake, firing, lock_free, lock_free_run,
        lock_ask, lock_grant, lock_claims, lock_claims_of, lock_message, run_waits, parents,
        run_end, run_cancel, notice, notice_next, notice_take, notice_settle, audit_last, audit_run,
        audit;
  };
  /// Where a run's chain of entries ends, for runs that this process writes.
  struct Tail {
    Token token = 0;
    int64_t journal_key = 0;
  };

  SqliteStore() = default;
  Status open_files();
  Status begin(bool look);
  Status still_there(bool at_once);
  Status write_engine();
  Status write_claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by);
  Status end();
  void abandon();
  /// Runs `body` (-> Status) in one transaction under the lock that excludes checkpoints. `look`:
  /// whether the store's files are still there, in any case.
  template <typename Body>
  Status transaction(bool look, Body body);
  void checkpoint_if_long(int frames);

  Result<bool> write(const RunChange& change, EngineKey engine);
  Status write_facts(const RunChange& change);
  Status write_chunk(const LogChunk& chunk);
  Status write_entries(const RunChange& change, EngineKey engine, int64_t previous);
  Status insert(NewRun& fresh, EngineKey engine, CommitResult& result);
  /// What the change means for others: locks, runs that it begins, cancels or has ended.
  Status write_others(RunChange& change, bool is_new, EngineKey engine, CommitResult& result);

  // ---- sqlite_epoch.cpp
  /// Begins a new epoch where the store was restored or copied since it was written last.
  Status settle_epoch();
  /// Only says that it was.
  Status look_at_epoch();
  Status begin_epoch(const Meta& meta, std::string why);
  Status take_epoch(const Meta& meta);
  std::string what_befell(const Meta& meta) const;
  std::string what_befell() const;

  // ---- sqlite_audit.cpp
  /// To be written at the end of the transaction.
  void note(AuditNote note) { noted_.push_back(std::move(note)); }
  Status write_audit();
  Status name_run(AuditNote& note);

  // ---- sqlite_notices.cpp
  Status write_notices(const RunChange& change);
  Result<std::vector<Notice>> read_notices(Connection& connection, Statement& statement);

  // ---- sqlite_schedules.cpp
  Status write_step(const ScheduleStep& step, RunKey run, CommitResult& result);
  Status write_firing(const FiringRow& row, RunKey run);
  Status cancel_runs_of(const ScheduleStep& step, CommitResult& result);
  Status wake_queued(ScheduleKey schedule, int64_t time);
  Result<bool> goes_on(ScheduleKey schedule, RunKey but);
  Result<std::vector<ScheduleRow>> read_schedules(Statement& statement);
  Result<std::vector<FiringRow>> read_firings(Statement& statement);

  // ---- sqlite_locks.cpp
  Result<std::vector<LockRow>> claims(const vm::Lock* lock) override;
  Result<std::vector<vm::Lock>> remove(RunKey run, std::optional<uint64_t> request) override;
  Result<int64_t> add(RunKey run, const LockAsk& ask) override;
  Status grant(int64_t key, int64_t since) override;
  Result<std::vector<WaitingRun>> waiting_runs() override;
  Result<bool> is_above(RunKey run, RunKey other) override;
  Status tell(const Message& message) override;
  /// All, or those on one lock; each of the two by a statement of its own.
  static Result<std::vector<LockRow>> read_claims(Connection& connection, Statement& statement,
                                                  const vm::Lock* lock = nullptr);
  Result<int64_t> keep(const ProgramRow& program);
  Status done(Statement& statement, std::string_view doing);

  Result<Connection*> reader();
  static std::string_view run_columns();
  Result<std::vector<RunRow>> read_runs(Statement& statement);
  Result<std::vector<EngineRow>> read_engines(Statement& statement);
  Status read_work(Statement& slot, const char* sql, std::optional<int64_t> now,
                   const std::string& placement, uint32_t most,
                   std::vector<WaitingWork::Run>& runs);
  Status read_free_work(int64_t now, const std::string& placement, uint32_t most,
                        WaitingWork& work);
  Result<std::vector<Message>> read_messages(Statement& statement);
  Result<std::vector<Digest>> read_hashes(const char* sql);
  Result<std::vector<RunKey>> read_keys(const char* sql, int64_t after = 0);
  int64_t size() const;

  // ---- sqlite_retention.cpp
  Result<bool> may_go(const std::vector<RunLinks>& tree);
  Status remove_run(RunKey run);
  Status remove_left_of(const char* table, const char* key);
  Status write_each(const char* sql, const std::vector<int64_t>& values);

  std::string path_;
  ino_t log_ = 0;  // of the write-ahead log that we write; 0: not known yet
  std::chrono::steady_clock::time_point looked_;  // when the files were looked for
  StoreIdentity identity_;
  std::string home_;          // what it says of that, when it was opened
  int64_t last_journal_ = 0;  // its last entry, then
  bool only_looks_ = false;
  bool reading_ = false;  // it may not be written here
  bool still_ = false;    // and nobody changes it
  LockFile locks_;
  std::mutex writing_;
  Connection writer_;
  Writes writes_;
  std::optional<EngineRow> joining_;  // not known to be written yet
  int64_t next_journal_ = 0;          // within a transaction; 0: it journals nothing
  std::vector<AuditNote> noted_;      // the same
  std::unordered_map<RunKey, Tail> tails_;

  Connection reader_;
  Statement next_notice_, data_version_, read_entry_, read_open_messages_, read_all_messages_,
      read_run_, read_ready_, read_due_, read_spoken_to_, read_held_, read_next_wake_,
      read_schedule_, read_due_schedules_, read_next_schedule_;
  int64_t seen_version_ = -1;
};

template <typename Body>
Status SqliteStore::transaction(bool look, Body body) {
  const std::lock_guard guard(writing_);
  if (auto begun = begin(look); !begun) return begun;
  noted_.clear();
  next_journal_ = 0;
  Status written = body();
  if (written) written = write_audit();
  if (!written) {
    abandon();
    return written;
  }
  return end();
}

}  // namespace rbk::engine::sqlite
