#include "engine/sqlite/schema.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "base/wall_time.h"
#include "engine/audit.h"
#include "engine/sqlite/backup.h"
#include "engine/sqlite/empty_store.h"
#include "engine/sqlite/files.h"
#include "engine/sqlite/home.h"

namespace rbk::engine::sqlite {
namespace {

/// Stores of older formats have no audit trail, do not know where they live.
constexpr int64_t kFirstWithAudit = 4;
constexpr int64_t kFirstWithHome = 5;

/// What begins the audit trail of a store.
std::string first_audit_sql(const std::string& id, int64_t migrated_from) {
  const AuditRow row = first_audit_row(id, kFormat, migrated_from, wall_time());
  return fmt::format(
      "insert into audit values({},{},'{}','','{}','{}','{}','{}',0,x'{}',x'{}',x'{}');",
      row.number, row.note.by.time, row.note.by.user, row.note.verb, row.note.kind, row.note.object,
      row.note.payload, to_hex(row.payload_hash), to_hex(row.previous), to_hex(row.hash));
}

Status write_durably(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected(system_error("write it", path, errno));
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  if (fdatasync(file) != 0) return tl::unexpected(system_error("flush it", path, errno));
  return {};
}

}  // namespace

Status create(const std::string& path) {
  const std::string folder = folder_of(path);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return tl::unexpected(system_error("make its folder", path, errno));
  if (auto fit = check_file_system(path); !fit) return fit;
  const std::string unfinished = fmt::format("{}-new-{}", path, random_hex(8));
  const int file = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return tl::unexpected(system_error("create it", path, errno));
  Status done = write_durably(file, empty_store(random_hex(16), home_of(file), wall_time()), path);
  close(file);
  // Fails if another process was faster: then its store is the store.
  if (done && link(unfinished.c_str(), path.c_str()) != 0 && errno != EEXIST)
    done = tl::unexpected(system_error("create it", path, errno));
  unlink(unfinished.c_str());
  return done;
}

namespace {

/// What leads from format N to N + 1.
constexpr const char* kMigrations[] = {
    "",
    // Runs know the folder and the file mask that they were started with.
    "alter table run add column folder text not null default '';"
    "alter table run add column umask integer not null default -1;",
    // Locks.
    "create table claim(key integer primary key, space integer not null, name text not null,"
    "run integer not null, request integer not null, slots integer not null, held integer not null,"
    "unwinds integer not null, under text not null, path text not null, since integer not null,"
    "until integer);"
    "create unique index claim_request on claim(run, request);"
    "create index claim_name on claim(space, name, key);",
    // Runs that runs begin; what targets are to be told; workers.
    "alter table run add column parent integer not null default 0;"
    "alter table run add column link integer not null default 0;"
    "alter table run add column parent_request integer not null default 0;"
    "alter table run add column parent_path text not null default '';"
    "alter table run add column parent_under text not null default '';"
    "create unique index run_parent on run(parent, parent_request) where parent <> 0;"
    "create table notice(key integer primary key, id text not null unique, run integer not null,"
    "request integer not null, kind text not null, target text not null, payload text not null,"
    "made integer not null, due integer not null, attempts integer not null,"
    "state integer not null, problem text not null);"
    "create index notice_due on notice(due) where state = 0;"
    "create index notice_run on notice(run, key);"
    "alter table engine add column works integer not null default 0;"
    "create index engine_works on engine(key) where works = 1;"
    "alter table run add column claims integer not null default 0;"
    "create index run_ready on run(status) where holder = 0 and status = 1;"
    "create index run_wake on run(wake) where holder = 0 and wake is not null;"
    "create index run_held on run(holder) where holder <> 0;"
    // Schedules.
    "alter table run add column schedule integer not null default 0;"
    "create index run_schedule on run(schedule) where schedule <> 0 and status < 6;"
    "create table schedule(key integer primary key, name text not null, version integer not null,"
    "program integer not null, runbook text not null, arguments text not null,"
    "timing text not null, overlap integer not null, missed integer not null, within integer,"
    "place text not null, folder text not null, umask integer not null, author text not null,"
    "added integer not null, paused integer, paused_by text not null, watermark integer not null,"
    "due integer, removed integer not null);"
    "create unique index schedule_name on schedule(name) where removed = 0;"
    "create index schedule_due on schedule(due) "
    "where removed = 0 and paused is null and due is not null;"
    "create table firing(key integer primary key, schedule integer not null, zone text not null,"
    "nominal integer not null, fold integer not null, at integer not null, time integer not null,"
    "kind integer not null, outcome integer not null, why text not null, author text not null,"
    "run integer not null, count integer not null, last integer not null);"
    "create unique index firing_once on firing(schedule, zone, nominal, fold) where kind <> 2;"
    "create index firing_of on firing(schedule, key);"
    "create index firing_queued on firing(schedule, key) where outcome = 4;"
    "create index firing_run on firing(run) where run <> 0;"
    // The audit trail; what begins it follows in `migrate`.
    "create table audit(number integer primary key, time integer not null, author text not null,"
    "typed_by text not null, verb text not null, kind text not null, object text not null,"
    "payload text not null, redacted integer not null, payload_hash blob not null,"
    "previous blob not null, hash blob not null);"
    "create index audit_object on audit(kind, object);",
    // What was unfinished when the store was restored; where it lives follows in `migrate`.
    "alter table run add column stood integer not null default 0;"
    "alter table engine add column epoch integer not null default 1;"
    // Retries.
    "alter table run add column retries integer not null default 0;"
    "alter table run add column retry_rule text not null default '';"
    "create index run_retries on run(retries) where retries <> 0;"
    "create unique index run_follows on run(origin + retries) where origin + retries <> 0;",
    // Outputs and logs are compressed.
    "alter table blob add column plain_size integer not null default 0;"
    "alter table log add column plain_size integer not null default 0;"
    // Runs for the workers of a label.
    "alter table run add column placement text not null default '';"
    "alter table engine add column takes text not null default '';"
    "drop index run_ready; drop index run_wake;"
    "create index run_ready on run(placement) where holder = 0 and status = 1;"
    "create index run_wake on run(placement, wake) where holder = 0 and wake is not null;",
};
static_assert(std::size(kMigrations) == kFormat);

Status execute(Connection& connection, const std::string& sql) {
  if (sqlite3_exec(connection.raw(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
    return {};
  return tl::unexpected(connection.error("bring it to a newer format"));
}

Result<int64_t> format_of(Connection& connection) {
  auto header = connection.prepare("pragma user_version");
  if (!header) return tl::unexpected(header.error());
  if (header->step() != SQLITE_ROW) return tl::unexpected(connection.error("read it"));
  return header->integer(0);
}

}  // namespace

Result<Meta> read_meta(Connection& connection, const std::string& path) {
  auto rows = connection.prepare(
      "select name,value from meta union all select 'journal',max(key) from journal");
  if (!rows) return tl::unexpected(rows.error());
  Meta meta;
  int code = SQLITE_ROW;
  while ((code = rows->step()) == SQLITE_ROW) {
    const std::string name = rows->text(0);
    if (name == "id") meta.id = rows->text(1);
    if (name == "epoch") meta.epoch = rows->integer(1);
    if (name == "incarnation") meta.incarnation = rows->text(1);
    if (name == "home") meta.home = rows->text(1);
    if (name == "hold") meta.hold = rows->text(1);
    if (name == "journal") meta.last_journal = rows->integer(1);
  }
  if (code != SQLITE_DONE) return tl::unexpected(connection.error("read it"));
  if (meta.id.empty())
    return fail(ErrorKind::kCorrupt, fmt::format("store {} has no id", path),
                "restore it from a backup");
  return meta;
}

Result<Migrated> migrate(Connection& connection, const std::string& path) {
  auto format = format_of(connection);  // another process may have been faster
  if (!format) return tl::unexpected(format.error());
  if (*format >= kFormat) return Migrated{};
  if (*format < 1)
    return fail(ErrorKind::kCorrupt, fmt::format("store {} has format {}", path, *format),
                "restore it from a backup");
  auto meta = read_meta(connection, path);
  if (!meta) return tl::unexpected(meta.error());
  auto copy = copy_before_migration(connection, path, *format);
  if (!copy) return tl::unexpected(copy.error());
  std::string sql = "begin immediate;";
  for (int64_t from = *format; from < kFormat; ++from) sql += kMigrations[from];
  if (*format < kFirstWithAudit) sql += first_audit_sql(meta->id, *format);
  if (*format < kFirstWithHome)
    sql += fmt::format("insert or ignore into meta values('home','{}');", home_of(path));
  sql += fmt::format("pragma user_version={};commit", kFormat);
  Status done = execute(connection, sql);
  if (!done && sqlite3_get_autocommit(connection.raw()) == 0)
    sqlite3_exec(connection.raw(), "rollback", nullptr, nullptr, nullptr);
  if (!done) return tl::unexpected(done.error());
  return Migrated{std::move(*copy), *format};
}

Result<Found> check(Connection& connection, const std::string& path, bool reading) {
  const auto read = [&](std::string_view sql) -> Result<int64_t> {
    auto header = connection.prepare(sql);
    if (!header) return tl::unexpected(header.error());
    if (header->step() != SQLITE_ROW) return tl::unexpected(connection.error("read it"));
    return header->integer(0);
  };
  const auto application = read("pragma application_id");
  if (!application) return tl::unexpected(application.error());
  const auto format = read("pragma user_version");
  if (!format) return tl::unexpected(format.error());
  if (*application != kApplication)
    return fail(ErrorKind::kInvalid,
                fmt::format("{} is an SQLite database, but not a store of Runbook's", path),
                "name the right file with --store");
  if (*format > kFormat)
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {} has format {}; this rbk knows formats up to {}", path,
                            *format, kFormat),
                "use the rbk that wrote it, or a newer one; or name another store with --store");
  if (reading && *format < kFormat)
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {} has format {}, which this rbk brings to {} before it reads "
                            "it; nothing may be written there",
                            path, *format, kFormat),
                "let a user who may write to it run `rbk runs` once, or read a copy of it");
  if (!reading && sqlite3_db_readonly(connection.raw(), "main") == 1)
    return tl::unexpected(translate(path, "write to it", SQLITE_READONLY, 0, ""));
  auto meta = read_meta(connection, path);
  if (!meta) return tl::unexpected(meta.error());
  return Found{std::move(*meta), *format};
}

Status check_file_system(const std::string& path) {
  struct statfs facts {};
  if (statfs(folder_of(path).c_str(), &facts) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR)
      return fail(ErrorKind::kNotFound,
                  fmt::format("store {}: its folder {} does not exist", path, folder_of(path)),
                  "make the folder, or name another store with --store");
    return tl::unexpected(system_error("look at its file system", path, error));
  }
  struct Unfit {
    uint32_t magic;
    const char* name;
  };
  constexpr Unfit kUnfit[] = {{0x6969, "NFS"},        {0x517b, "SMB"},        {0xff534d42, "CIFS"},
                              {0xfe534d42, "SMB2"},   {0x5346414f, "AFS"},    {0x01021997, "9p"},
                              {0x00c36400, "CephFS"}, {0x0bd00bd0, "Lustre"}, {0x73757245, "Coda"}};
  for (const Unfit& unfit : kUnfit)
    if (static_cast<uint32_t>(facts.f_type) == unfit.magic)
      return fail(ErrorKind::kUnsupported,
                  fmt::format("store {} lies on {}, a network file system, where a commit can't be "
                              "made certain",
                              path, unfit.name),
                  "put it on a local disk with --store");
  return {};
}

}  // namespace rbk::engine::sqlite
