// Opening and reopening a store on SQLite, its lock, its checkpoints.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "engine/sqlite/read_only.h"
#include "engine/sqlite/schema.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine {

StoreKind sqlite_stores() {
  return {fmt::format("SQLite {}", sqlite3_libversion()), sqlite::kFormat};
}

namespace sqlite {
namespace {

// Pages of write-ahead log after which it is brought home; at the end a shorter one, since the next
// process reads all of it first.
constexpr int kLongLog = 1000;
constexpr int kLongLogAtEnd = 200;

}  // namespace

Result<std::unique_ptr<Store>> SqliteStore::open(const std::string& path, OpenMode mode) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    if (errno != ENOENT)
      return fail(errno == EACCES ? ErrorKind::kPermission : ErrorKind::kIo,
                  fmt::format("store {}: {}", path, std::strerror(errno)),
                  "check the path's folders, or name another store with --store");
    if (mode != OpenMode::kCreate)
      return fail(ErrorKind::kNotFound, fmt::format("there is no store at {}", path),
                  "`rbk run` makes one; or name another with --store");
    if (auto made = create(path); !made) return tl::unexpected(made.error());
  } else if (S_ISDIR(facts.st_mode)) {
    return fail(ErrorKind::kInvalid, fmt::format("store {} is a folder", path),
                "name a file, as in sqlite:.runbook/store.db");
  }
  if (auto fit = check_file_system(path); !fit) return tl::unexpected(fit.error());
  std::unique_ptr<SqliteStore> made(new SqliteStore);
  made->path_ = path;
  made->only_looks_ = mode == OpenMode::kReading;
  made->reading_ = mode == OpenMode::kReading && !may_write(path);
  if (made->reading_) {
    auto still = is_still(path);
    if (!still) return tl::unexpected(still.error());
    made->still_ = *still;
  }
  auto locks = LockFile::open(path, made->reading_);
  if (!locks) return tl::unexpected(locks.error());
  made->locks_ = std::move(*locks);
  if (auto opened = made->reopen(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Store>(std::move(made));
}

SqliteStore::~SqliteStore() {
  if (writer_.is_open()) checkpoint_if_long(kLongLogAtEnd);
}

Status SqliteStore::reopen() {
  if (auto opened = open_files(); !opened) return opened;
  return only_looks_ ? look_at_epoch() : settle_epoch();
}

Status SqliteStore::open_files() {
  const std::lock_guard guard(writing_);
  writes_ = {};
  for (Statement* statement :
       {&data_version_, &read_entry_, &read_open_messages_, &read_all_messages_, &read_run_,
        &read_ready_, &read_due_, &read_spoken_to_, &read_held_, &read_next_wake_, &read_schedule_,
        &read_due_schedules_, &read_next_schedule_, &next_notice_})
    *statement = Statement();
  tails_.clear();
  seen_version_ = -1;
  log_ = 0;
  reader_ = {};
  writer_ = {};
  locks_.unlock_commits();
  auto connection = Connection::open(path_, still_);
  if (!connection) return tl::unexpected(connection.error());
  auto found = check(*connection, path_, reading_);
  if (!found) return tl::unexpected(found.error());
  Migrated migrated;
  if (found->format < kFormat) {
    if (auto locked = locks_.lock_commits(); !locked) return locked;
    auto done = migrate(*connection, path_);
    locks_.unlock_commits();
    if (!done) return tl::unexpected(done.error());
    migrated = std::move(*done);
    found = check(*connection, path_, reading_);
    if (!found) return tl::unexpected(found.error());
  }
  if (!identity_.id.empty() && identity_.id != found->meta.id)
    return fail(ErrorKind::kCorrupt, fmt::format("store {} was replaced by another one", path_),
                "put the right file back");
  const int64_t epoch = identity_.id.empty() ? found->meta.epoch : identity_.epoch;
  identity_ = {found->meta.id, kFormat, path_, std::move(migrated.copy), migrated.format, epoch};
  home_ = found->meta.home;
  last_journal_ = found->meta.last_journal;
  writer_ = std::move(*connection);
  return take_epoch(found->meta);
}

void SqliteStore::checkpoint_if_long(int frames) {
  const bool at_end = frames < kLongLog;
  if (writer_.log_frames() < frames) return;
  if (at_end && !locks_.lock_commits()) return;
  // Not an error if it does not get through: the log stays, and is tried again after the next
  // commit.
  sqlite3_wal_checkpoint_v2(writer_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (at_end) locks_.unlock_commits();
}

/// Not with each commit: to look costs a third of one.
Status SqliteStore::still_there(bool at_once) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kLookEvery = std::chrono::milliseconds(100);
  const auto now = Clock::now();
  if (!at_once && now - looked_ < kLookEvery) return {};
  looked_ = now;
  int moved = 0;
  sqlite3_file_control(writer_.raw(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  // While it is open nobody but us brings its log home, and then too the file stays.
  struct stat log {};
  const ino_t log_now = stat((path_ + "-wal").c_str(), &log) == 0 ? log.st_ino : 0;
  if (log_ == 0) log_ = log_now;
  if (moved == 0 && log_now == log_) return {};
  return fail(ErrorKind::kCorrupt,
              fmt::format("store {} was removed or moved away while it was in use", path_),
              "put its files back");
}

Status SqliteStore::begin(bool look) {
  if (!writer_.is_open())
    return fail(ErrorKind::kIo, fmt::format("store {} is closed since a write failed", path_),
                "try again");
  if (auto there = still_there(look); !there) return there;
  for (const auto& [slot, sql] :
       {std::pair{&writes_.begin, "begin immediate"}, std::pair{&writes_.commit, "commit"},
        std::pair{&writes_.format, "pragma user_version"}})
    if (auto ready = writer_.ready(*slot, sql); !ready) return ready;
  if (auto locked = locks_.lock_commits(); !locked) return locked;
  const Status begun = [&]() -> Status {
    if (auto ok = done(writes_.begin, "write to it"); !ok) return ok;
    // A newer rbk may have migrated the store while we had it open.
    Use format(writes_.format);
    if (format->step() != SQLITE_ROW) return tl::unexpected(writer_.error("read it"));
    if (format->integer(0) != kFormat)
      return fail(ErrorKind::kUnsupported,
                  fmt::format("store {} was brought to format {} by a newer rbk", path_,
                              format->integer(0)),
                  "go on with that rbk: `rbk resume`");
    return write_engine();
  }();
  if (!begun) abandon();
  return begun;
}

Status SqliteStore::end() {
  if (auto ok = done(writes_.commit, "commit to it"); !ok) {
    abandon();
    return ok;
  }
  if (next_journal_ != 0) locks_.bear_witness(identity_.id, next_journal_ - 1);
  joining_.reset();
  checkpoint_if_long(kLongLog);
  locks_.unlock_commits();
  return {};
}

void SqliteStore::abandon() {
  if (sqlite3_get_autocommit(writer_.raw()) == 0)
    sqlite3_exec(writer_.raw(), "rollback", nullptr, nullptr, nullptr);
  locks_.unlock_commits();
  tails_.clear();
}

Status SqliteStore::done(Statement& statement, std::string_view doing) {
  const int code = statement.step();
  if (code == SQLITE_DONE || code == SQLITE_ROW) {
    statement.reset();
    return {};
  }
  Error error = writer_.error(doing);
  statement.reset();
  return tl::unexpected(std::move(error));
}

}  // namespace sqlite
}  // namespace rbk::engine
