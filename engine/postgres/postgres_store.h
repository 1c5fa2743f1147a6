// The store on PostgreSQL, for the processes of many hosts.
//
// Writing calls are serialised among themselves and may come from any thread; reading calls belong
// to one thread. Two connections: one writes, the other, opened on first use, reads; the lease has
// one of its own. A connection that is lost is made anew, for as long as a lease lasts: what is
// only read, or may be repeated, is repeated then. `commit` is not: what it did is not known.
//
// Plain SQL under READ COMMITTED: each write hangs on a conditional update of the run's row, by
// token and head; whatever touches claims first locks the one row of `gate`, and whatever touches
// firings the row of their schedule. Whatever is audited locks the one row of `audit_head` last of
// all, until its commit: so that there is one chain, and whoever has it waits for nobody.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "engine/claim_rows.h"
#include "engine/postgres/connection.h"
#include "engine/postgres/lease.h"
#include "engine/postgres/schema.h"
#include "engine/store.h"
#include "engine/upkeep.h"

namespace rbk::engine::postgres {

class PostgresStore : public Store, public Upkeep, private ClaimRows {
 public:
  static Result<std::unique_ptr<Store>> open(std::string_view url, OpenMode mode);
  ~PostgresStore() override;

  const StoreIdentity& identity() const override { return identity_; }

  Status join(const EngineRow& engine) override;
  Result<CommitResult> commit(Group& group) override;
  Result<RunRow> claim(RunKey run, EngineKey engine, Claimer claimer, const Doer& by) override;
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
  bool lives(EngineKey engine) override;
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
  bool lapsed() override;

  // ---- postgres_upkeep.cpp
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
  PostgresStore(const Library& library, Url url, OpenMode mode)
      : library_(library), url_(std::move(url)), mode_(mode) {}

  // ---- postgres_open.cpp
  /// Connects, checks the server and that it is the same store as before.
  Result<Connection> connect(Found& found);
  /// The same, again and again for as long as a lease lasts, while the server can't be reached.
  Status connect_patiently(Connection& slot);
  /// The writing connection, made anew if it is lost and nothing was sent over it.
  Status ready_to_write();
  Result<Rows> read(const std::string& sql, const Parameters& parameters, std::string_view doing);
  /// Carries `body` out until it gets through, but not again where a connection was lost unless it
  /// `may_repeat`. A transaction that it left open is rolled back.
  Status write(bool may_repeat, const std::function<Status()>& body);
  /// `body` between `begin` and `commit`, with the row of `gate` locked if it touches claims; what
  /// it noted goes into the audit trail last.
  Status transaction(bool gate, const std::function<Status()>& body);
  /// In a statement that begins with kHere: column 0 says whether the format is still ours.
  Status check_format(const Rows& rows) const;

  // ---- postgres_epoch.cpp
  /// Over the writing connection: begins a new epoch where the store was restored or copied since
  /// it was written last.
  Status settle_epoch(Found found);
  Status begin_epoch(Found& found);
  Status take_epoch(const Found& found);

  // ---- postgres_commit.cpp
  Status commit_once(Group& group, CommitResult& result);
  Status commit_rows(Group& group, CommitResult& result);
  Result<std::vector<RunKey>> take_keys(size_t count);
  bool needs_gate(const Group& group) const;
  void remember_locks(const RunChange& change, bool is_new, bool is_lost);
  Status wake_after(const RunChange& change);

  // ---- postgres_audit.cpp
  /// To be written at the end of the transaction.
  void note(AuditNote note) { noted_.push_back(std::move(note)); }
  Status write_audit();
  Status name_run(AuditNote& note);

  // ---- postgres_schedules.cpp
  /// In the order of their keys, until the transaction ends.
  Status lock_schedules(const std::set<ScheduleKey>& keys);
  Status write_step(const ScheduleStep& step, RunKey run, CommitResult& result);
  Status write_firing(const FiringRow& row, RunKey run);
  Status cancel_runs_of(const ScheduleStep& step, CommitResult& result);
  Status wake_queued(ScheduleKey schedule, int64_t time);
  Result<std::vector<ScheduleRow>> read_schedules(const std::string& where,
                                                  const Parameters& parameters);
  Result<std::vector<FiringRow>> read_firings(const std::string& where,
                                              const Parameters& parameters);
  Result<std::optional<FiringRow>> read_firing(const std::string& where,
                                               const Parameters& parameters);

  // ---- postgres_work.cpp
  /// What is known of another engine's life.
  struct Life {
    std::string birth;
    int64_t until = 0;  // it lives until then in any case, unless its process is gone; boot clock
    int64_t asked = 0;  // boot clock
  };
  Result<std::vector<EngineRow>> read_engines(const std::string& where,
                                              const Parameters& parameters);

  // ---- postgres_locks.cpp
  Result<std::vector<LockRow>> claims(const vm::Lock* lock) override;
  Result<std::vector<vm::Lock>> remove(RunKey run, std::optional<uint64_t> request) override;
  Result<int64_t> add(RunKey run, const LockAsk& ask) override;
  Status grant(int64_t key, int64_t since) override;
  Result<std::vector<WaitingRun>> waiting_runs() override;
  Result<bool> is_above(RunKey run, RunKey other) override;
  Status tell(const Message& message) override;

  Result<std::vector<RunRow>> read_runs(const std::string& where, const Parameters& parameters);
  Result<std::vector<Message>> read_messages(const std::string& where,
                                             const Parameters& parameters);

  const Library& library_;
  const Url url_;
  const OpenMode mode_;
  StoreIdentity identity_;
  int64_t slot_ = 0;  // of `change`
  EngineKey joined_ = 0;
  std::unique_ptr<Lease> lease_;

  std::mutex writing_;
  Connection writer_;
  std::vector<AuditNote> noted_;  // within a transaction
  /// Runs that have no claim, as their holder knows, and under which token.
  std::unordered_map<RunKey, Token> lockless_;

  Result<std::vector<Digest>> read_hashes(const std::string& sql);
  Result<int64_t> room_taken();

  // ---- postgres_retention.cpp
  Result<bool> remove_tree(const std::vector<RunLinks>& tree);
  Status remove_left_of(const char* table, const char* key);
  /// A statement that begins with kHere and gives whether that is so, and how many rows it took.
  Result<int64_t> remove_rows(const std::string& sql, const Parameters& more);

  Connection reader_;
  bool looking_ = false;  // within begin_look and end_look: what is read is of one moment
  std::optional<int64_t> seen_;
  std::unordered_map<EngineKey, Life> lives_;
};

/// Begins every statement that writes: one row, if the store's format is still ours ($1).
inline constexpr const char* kHere =
    "with here as materialized (select format from meta where format = $1) ";
/// A further part of it: others see that something changed ($2 is the slot).
inline constexpr const char* kCounted =
    ", counted as (update change set count = count + 1 from here where slot = $2) ";

}  // namespace rbk::engine::postgres
