#include "engine/sqlite/connection.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <cstring>

#include "base/mutant.h"
#include "engine/sqlite/read_only.h"

namespace rbk::engine::sqlite {
namespace {

constexpr int kBusyMilliseconds = 10'000;

int remember_frames(void* frames, sqlite3*, const char*, int count) {
  *static_cast<int*>(frames) = count;
  return SQLITE_OK;
}

/// The path in a URI.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("/._-~").find(c) != std::string_view::npos;
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return text;
}

}  // namespace

Error translate(const std::string& path, std::string_view doing, int code, int system_error,
                std::string_view detail) {
  const auto say = [&](ErrorKind kind, std::string_view what, std::string_view cure) {
    return Error{kind, fmt::format("store {}: can't {}: {}", path, doing, what), std::string(cure)};
  };
  const bool out_of_space =
      system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return say(ErrorKind::kFull, "no space is left for it", "free space on its file system");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return say(ErrorKind::kLocked, "another program has kept it locked for ten seconds",
                 "end that program (`fuser` on the file names it), then try again");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return say(ErrorKind::kPermission, "this user may not write the file or its folder",
                 "give the user write permission for both, or name another store with --store");
    case SQLITE_CORRUPT:
      return say(
          ErrorKind::kCorrupt, fmt::format("the file is damaged ({})", detail),
          "restore it from a backup, without the -wal and -shm of the damaged one beside it; "
          "`sqlite3 FILE .recover` saves what can be read");
    case SQLITE_NOTADB:
      return say(ErrorKind::kCorrupt, "the file is not a database",
                 "name the right file with --store, or restore it from a backup");
    case SQLITE_CANTOPEN:
      if (system_error == ENOENT)
        return say(ErrorKind::kCorrupt, "its file was removed or moved away", "put its files back");
      if (system_error == EACCES || system_error == EPERM || system_error == EROFS)
        return say(ErrorKind::kPermission, std::strerror(system_error),
                   cure_of_denied_write(system_error));
      [[fallthrough]];
    default:
      break;
  }
  if (out_of_space)
    return say(ErrorKind::kFull, std::strerror(system_error),
               "free space on its file system (or raise the limit)");
  const std::string why = system_error != 0
                              ? fmt::format("{} ({})", detail, std::strerror(system_error))
                              : std::string(detail);
  return say(ErrorKind::kIo, why, "check the disk and the system's log");
}

Connection::Connection(Connection&& other) noexcept { *this = std::move(other); }

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(path_, other.path_);
  std::swap(log_frames_, other.log_frames_);
  return *this;
}

Result<Connection> Connection::open(const std::string& path, bool still) {
  Connection made;
  made.path_ = path;
  made.log_frames_ = std::make_unique<int>(0);
  const int flags = (still ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const std::string name = still ? "file:" + escaped(path) + "?immutable=1" : path;
  if (sqlite3_open_v2(name.c_str(), &made.database_, flags, nullptr) != SQLITE_OK)
    return tl::unexpected(made.error("open it"));
  sqlite3_busy_timeout(made.database_, kBusyMilliseconds);
  // Rule of durability 5: below SQLite 3.51.3 a commit and a second checkpoint race; only
  // SqliteStore checkpoints, while it excludes commits.
  sqlite3_db_config(made.database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(made.database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(made.database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_wal_hook(made.database_, remember_frames, made.log_frames_.get());
  const char* settings = RBK_MUTANT("commits_without_a_sync")
                             ? "pragma synchronous=normal; pragma temp_store=memory"
                             : "pragma synchronous=full; pragma temp_store=memory";
  if (auto done = made.run(settings); !done) return tl::unexpected(done.error());
  return made;
}

Status Connection::run(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(error("use it"));
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
    return tl::unexpected(error("read its tables"));
  return Statement(made);
}

Status Connection::ready(Statement& slot, std::string_view sql) {
  if (slot) return {};
  auto made = prepare(sql);
  if (!made) return tl::unexpected(made.error());
  slot = std::move(*made);
  return {};
}

Error Connection::error(std::string_view doing) const {
  const int last = errno;
  const int system = sqlite3_system_errno(database_);
  return translate(path_, doing, sqlite3_extended_errcode(database_), system != 0 ? system : last,
                   sqlite3_errmsg(database_));
}

}  // namespace rbk::engine::sqlite
