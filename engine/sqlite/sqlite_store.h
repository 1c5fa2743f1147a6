// The store on SQLite, for the processes of one host.
//
// Writing calls are serialised among themselves and may come from any thread; reading calls belong
// to one thread. Two connections: one writes, the other, opened on first use, reads.
#pragma once

#include <chrono>
#include <mutex>
#include <unordered_map>

#include "engine/sqlite/connection.h"
#include "engine/sqlite/lock_file.h"
#include "engine/store.h"

namespace rbk::engine::sqlite {

class SqliteStore : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& path, OpenMode mode);
  ~SqliteStore() override;

  const StoreIdentity& identity() const override { return identity_; }

  Status join(const EngineRow& engine) override;
  Result<CommitResult> commit(Group& group) override;
  Result<RunRow> claim(RunKey run, EngineKey engine) override;
  Status post(const Message& message) override;
  Status drop_snapshot(RunKey run) override;
  Status quarantine(RunKey run, Token token, const std::string& why) override;
  Result<size_t> free_locks(RunKey run) override;
  Status reopen() override;

  Result<RunRow> find_run(std::string_view id_or_prefix) override;
  Result<RunRow> run(RunKey key) override;
  Result<std::optional<RunRow>> rollback_of(RunKey origin) override;
  Result<std::vector<RunRow>> runs(const RunFilter& filter) override;
  Result<std::vector<Entry>> entries(RunKey run, uint64_t after) override;
  Result<std::optional<std::string>> snapshot(RunKey run) override;
  Result<std::string> program(const Digest& hash) override;
  Result<std::string> blob(const Digest& hash) override;
  Result<std::vector<Wait>> waits(RunKey run) override;
  Result<std::vector<LockRow>> locks() override;
  Result<std::vector<Message>> messages(RunKey run) override;
  Result<std::vector<Message>> votes(RunKey run, uint64_t request) override;
  Result<std::vector<LogChunk>> logs(RunKey run, int64_t after_key, size_t most_bytes) override;
  Result<EngineRow> engine(EngineKey key) override;
  Result<bool> changed() override;

 private:
  /// Statements of the writing connection, prepared on first use.
  struct Writes {
    Statement begin, commit, rollback, format, last_journal, run_head, advance, update, labels,
        entry, blob, snapshot, snapshot_drop, wait, wait_over, waits_over, taken, message, release,
        new_run, program_find, program, log, log_bytes, engine, holder, claim, quarantine,
        lock_free, lock_free_run, lock_ask, lock_grant, lock_claims, lock_claims_of, lock_message;
  };
  /// Where a run's chain of entries ends, for runs that this process writes.
  struct Tail {
    Token token = 0;
    int64_t journal_key = 0;
  };

  SqliteStore() = default;
  Status begin(bool look);
  Status still_there(bool at_once);
  Status write_engine();
  Status end();
  void abandon();
  /// Runs `body` (-> Status) in one transaction under the lock that excludes checkpoints. `look`:
  /// whether the store's files are still there, in any case.
  template <typename Body>
  Status transaction(bool look, Body body);
  void checkpoint_if_long(int frames);

  Result<bool> write(const RunChange& change, EngineKey engine);
  Status write_facts(const RunChange& change);
  Status write_entries(const RunChange& change, EngineKey engine, int64_t previous);
  Status insert(NewRun& fresh, EngineKey engine, CommitResult& result);

  // ---- sqlite_locks.cpp
  Status write_locks(const RunChange& change, bool is_new, CommitResult& result);
  Status free_lock(RunKey run, uint64_t request, std::vector<vm::Lock>& freed);
  Status free_all(RunKey run, std::vector<vm::Lock>& freed);
  Status ask_lock(RunKey run, const LockAsk& ask, bool is_new, CommitResult& result);
  /// Gives the lock to those who come next.
  Status settle_lock(const vm::Lock& lock, int64_t time, CommitResult& result);
  Status break_deadlock(int64_t key, int64_t time, CommitResult& result);
  Status cancel_others(RunKey run, const LockAsk& ask, const std::vector<LockRow>& rows);
  Status answer_lock(RunKey run, uint64_t request, std::string_view how, const std::string& message,
                     int64_t time);
  Status tell(RunKey run, uint64_t request, Message::Kind kind, const std::string& id,
              const std::string& body, const std::string& by, int64_t time);
  /// All, or those on one lock; each of the two by a statement of its own.
  Result<std::vector<LockRow>> claims(Connection& connection, Statement& statement,
                                      const vm::Lock* lock = nullptr);
  Result<int64_t> keep(const ProgramRow& program);
  Status done(Statement& statement, std::string_view doing);

  Result<Connection*> reader();
  Result<std::vector<RunRow>> read_runs(Statement& statement);
  Result<std::vector<Message>> read_messages(Statement& statement);

  std::string path_;
  ino_t log_ = 0;  // of the write-ahead log that we write; 0: not known yet
  std::chrono::steady_clock::time_point looked_;  // when the files were looked for
  StoreIdentity identity_;
  bool reading_ = false;  // it may not be written here
  bool still_ = false;    // and nobody changes it
  LockFile locks_;
  std::mutex writing_;
  Connection writer_;
  Writes writes_;
  std::optional<EngineRow> joining_;  // not known to be written yet
  int64_t next_journal_ = 0;          // within a transaction
  std::unordered_map<RunKey, Tail> tails_;

  Connection reader_;
  Statement data_version_, read_entry_, read_open_messages_, read_all_messages_, read_run_;
  int64_t seen_version_ = -1;
};

template <typename Body>
Status SqliteStore::transaction(bool look, Body body) {
  const std::lock_guard guard(writing_);
  if (auto begun = begin(look); !begun) return begun;
  if (Status written = body(); !written) {
    abandon();
    return written;
  }
  return end();
}

/// What an entry's row carries to be told from a damaged one: 64 bits over its contents and place.
int64_t entry_sum(RunKey run, const Entry& entry);

}  // namespace rbk::engine::sqlite
