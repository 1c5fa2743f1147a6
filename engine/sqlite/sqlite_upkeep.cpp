// The upkeep of a store on SQLite as a whole: what is wrong with it, copies, room.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "engine/sqlite/backup.h"
#include "engine/sqlite/sqlite_store.h"
#include "engine/store_references.h"

namespace rbk::engine::sqlite {
namespace {

constexpr int kReaders = 1000;  // milliseconds

}  // namespace

Status SqliteStore::begin_look() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  // The first read fixes the moment.
  return (*connection)->run("begin; select count(*) from meta");
}

void SqliteStore::end_look() {
  if (reader_.is_open()) sqlite3_exec(reader_.raw(), "rollback", nullptr, nullptr, nullptr);
}

Result<std::vector<std::string>> SqliteStore::damage() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare("pragma integrity_check(20)");
  if (!statement) return tl::unexpected(statement.error());
  std::vector<std::string> found;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) found.push_back(statement->text(0));
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("check it"));
  std::erase(found, "ok");
  return found;
}

Result<std::vector<Dangling>> SqliteStore::dangling() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  std::vector<Dangling> found;
  const auto references = store_references();
  for (size_t i = 0; i < references.size(); ++i) {
    auto statement =
        (*connection)
            ->prepare(fmt::format(fmt::runtime(references[i].sql), fmt::arg("program", "key")));
    if (!statement) return tl::unexpected(statement.error());
    int code = SQLITE_ROW;
    while ((code = statement->step()) == SQLITE_ROW)
      if (statement->integer(2) != 0)
        found.push_back({i, statement->integer(0), statement->text(1), statement->integer(2)});
    if (code != SQLITE_DONE) return tl::unexpected(reader_.error("check it"));
  }
  return found;
}

Result<std::vector<RunLinks>> SqliteStore::run_links() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(
              "select key,id,status,updated,head,parent,origin,retries from run order by key");
  if (!statement) return tl::unexpected(statement.error());
  std::vector<RunLinks> found;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) {
    RunLinks& run = found.emplace_back();
    run.key = statement->integer(0);
    run.id = statement->text(1);
    run.status = static_cast<RunStatus>(statement->integer(2));
    run.updated = statement->integer(3);
    run.head = static_cast<uint64_t>(statement->integer(4));
    run.parent = statement->integer(5);
    run.origin = statement->integer(6);
    run.retries = statement->integer(7);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its runs"));
  return found;
}

Result<std::vector<Digest>> SqliteStore::read_hashes(const char* sql) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  std::vector<Digest> found;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) {
    const std::string_view bytes = statement->bytes(0);
    if (bytes.size() != Digest{}.size())
      return fail(ErrorKind::kCorrupt, fmt::format("store {}: a hash in it is none", path_),
                  "restore the store from a backup");
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(found.emplace_back().data()));
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its tables"));
  return found;
}

Result<std::vector<Digest>> SqliteStore::program_hashes() {
  return read_hashes("select hash from program order by hash");
}

Result<std::vector<Digest>> SqliteStore::blob_hashes() {
  return read_hashes("select hash from blob order by hash");
}

Result<std::vector<RunKey>> SqliteStore::read_keys(const char* sql, int64_t after) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, after);
  std::vector<RunKey> found;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) found.push_back(statement->integer(0));
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its tables"));
  return found;
}

Result<std::vector<RunKey>> SqliteStore::owing() {
  return read_keys("select distinct run from notice where state=0");
}

// ---- Copies and room

Result<int64_t> SqliteStore::back_up(const std::string& file, bool replace) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  return copy_store(**connection, path_, file, replace ? IfThere::kReplace : IfThere::kRefuse);
}

int64_t SqliteStore::size() const {
  int64_t bytes = 0;
  for (const char* part : {"", "-wal"}) {
    struct stat facts {};
    if (stat((path_ + part).c_str(), &facts) == 0) bytes += facts.st_size;
  }
  return bytes;
}

Result<Room> SqliteStore::vacuum() {
  const std::lock_guard guard(writing_);
  if (auto locked = locks_.lock_commits(); !locked) return tl::unexpected(locked.error());
  Room room;
  const Status done = [&]() -> Status {
    // Whoever writes meanwhile would give up after ten seconds, and its runs with it.
    if (locks_.other_engine_lives())
      return fail(
          ErrorKind::kLocked,
          fmt::format("store {}: a process drives runs of it, which would have to wait", path_),
          "stop its workers and `rbk run`s first (`rbk runs` shows who drives what), then "
          "try again");
    room.before = size();
    // One of its own: here what is sorted on the way does not go into memory.
    auto connection = Connection::open(path_);
    if (!connection) return tl::unexpected(connection.error());
    if (auto ok = connection->run("pragma temp_store=file"); !ok) return ok;
    if (sqlite3_exec(connection->raw(), "vacuum", nullptr, nullptr, nullptr) != SQLITE_OK)
      return tl::unexpected(connection->error("write it anew"));
    // Nobody commits meanwhile (rule of durability 5). Readers are not waited for long: others are
    // kept from writing.
    sqlite3_busy_timeout(connection->raw(), kReaders);
    room.log_left =
        sqlite3_wal_checkpoint_v2(connection->raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                  nullptr) != SQLITE_OK;
    room.after = size();
    return {};
  }();
  locks_.unlock_commits();
  if (!done) return tl::unexpected(done.error());
  return room;
}

}  // namespace rbk::engine::sqlite
