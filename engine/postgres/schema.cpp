#include "engine/postgres/schema.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <chrono>
#include <iterator>
#include <sstream>
#include <vector>

#include "engine/audit.h"

namespace rbk::engine::postgres {
namespace {

// A run's row changes with each of its commits and has room for that in its page. The journal's key
// is what it is read by. Identifiers sort by their bytes, whatever the database's language.
constexpr const char* kSchema = R"sql(
create table meta(one smallint primary key check (one = 1), id text not null,
  format bigint not null, epoch bigint not null, home text not null default '',
  incarnation text not null default '', hold text not null default '');
create table change(slot smallint primary key, count bigint not null) with (fillfactor = 25);
create table gate(one smallint primary key check (one = 1));
create table program(hash bytea primary key, bytes bytea not null);
create table engine(key bigint primary key, boot text not null, process bigint not null,
  started bigint not null, works smallint not null, birth text not null, lease timestamptz,
  epoch bigint not null default 1, takes text not null default '');
create index engine_works on engine(key) where works = 1;
create sequence run_key;
create table run(key bigint primary key, id text collate "C" not null, program bytea not null,
  runbook text not null, status smallint not null, starter text not null, reason text not null,
  labels text not null, started bigint not null, updated bigint not null, head bigint not null,
  token bigint not null, holder bigint not null, wake bigint, ending text not null,
  log_bytes bigint not null, origin bigint not null, folder bytea not null,
  umask integer not null, parent bigint not null, link smallint not null,
  parent_request bigint not null, parent_path text not null, parent_under text not null,
  claims integer not null, schedule bigint not null, stood smallint not null default 0,
  retries bigint not null default 0, retry_rule text not null default '',
  placement text collate "C" not null default '',
  constraint run_id unique (id)) with (fillfactor = 70);
create unique index run_parent on run(parent, parent_request) where parent <> 0;
create unique index run_origin on run(origin) where origin <> 0;
create index run_retries on run(retries) where retries <> 0;
create unique index run_follows on run((origin + retries)) where origin + retries <> 0;
create index run_unfinished on run(key) where status < 6;
create index run_awaited on run(key) where status < 6 and link in (1, 3);
create index run_ready on run(placement, key) where holder = 0 and status = 1;
create index run_wake on run(placement, wake) where holder = 0 and wake is not null;
create index run_held on run(holder) where holder <> 0;
create index run_schedule on run(schedule) where schedule <> 0 and status < 6;
create table schedule(key bigserial primary key, name text collate "C" not null,
  version bigint not null, program bytea not null, runbook text not null,
  arguments text not null, timing text not null, overlap smallint not null,
  missed smallint not null, within bigint, place text not null, folder bytea not null,
  umask integer not null, author text not null, added bigint not null, paused bigint,
  paused_by text not null, watermark bigint not null, due bigint, removed smallint not null);
create unique index schedule_name on schedule(name) where removed = 0;
create index schedule_due on schedule(due)
  where removed = 0 and paused is null and due is not null;
create table firing(key bigserial primary key, schedule bigint not null,
  zone text collate "C" not null, nominal bigint not null, fold smallint not null,
  at bigint not null, time bigint not null, kind smallint not null, outcome smallint not null,
  why text not null, author text not null, run bigint not null, count bigint not null,
  last bigint not null);
create unique index firing_once on firing(schedule, zone, nominal, fold) where kind <> 2;
create index firing_of on firing(schedule, key);
create index firing_queued on firing(schedule, key) where outcome = 4;
create index firing_run on firing(run) where run <> 0;
create table journal(run bigint not null, number bigint not null, kind smallint not null,
  time bigint not null, boot_time bigint not null, engine bigint not null, body bytea not null,
  news bytea not null, sum bigint not null, primary key (run, number));
create table blob(hash bytea primary key, bytes bytea not null,
  plain_size bigint not null default 0);
create table snapshot(run bigint primary key, bytes bytea not null);
create table wait(run bigint not null, request bigint not null, kind smallint not null,
  path text not null, description text not null, since bigint not null, expires bigint,
  primary key (run, request));
create table message(key bigserial primary key, id text collate "C" not null unique,
  run bigint not null, request bigint not null, kind smallint not null, body text not null,
  author text not null, time bigint not null, taken smallint not null);
create index message_open on message(run) where taken = 0;
create index message_vote on message(run, request) where kind = 1;
create table claim(key bigserial primary key, space smallint not null,
  name text collate "C" not null, run bigint not null, request bigint not null,
  slots bigint not null, held smallint not null, unwinds smallint not null, under text not null,
  path text not null, since bigint not null, until bigint, unique (run, request));
create index claim_name on claim(space, name, key);
create table notice(key bigserial primary key, id text collate "C" not null unique,
  run bigint not null, request bigint not null, kind text not null, target text not null,
  payload text not null, made bigint not null, due bigint not null, attempts bigint not null,
  state smallint not null, problem text not null);
create index notice_due on notice(due) where state = 0;
create index notice_run on notice(run, key);
create table log(key bigserial primary key, run bigint not null, step bigint not null,
  attempt bigint not null, path text not null, lines bytea not null,
  plain_size bigint not null default 0);
alter table blob alter bytes set storage external;
alter table log alter lines set storage external;
create index log_run on log(run, key);
create table audit(number bigint primary key, time bigint not null, author text not null,
  typed_by text not null, verb text not null, kind text not null, object text collate "C" not null,
  payload text not null, redacted smallint not null, payload_hash bytea not null,
  previous bytea not null, hash bytea not null);
create index audit_object on audit(kind, object);
create table audit_head(one smallint primary key check (one = 1), number bigint not null,
  hash bytea not null);
insert into gate values (1);
)sql";

/// What leads from format N to N + 1.
constexpr const char* kMigrations[] = {
    "",
    // What was unfinished when the store was restored; where it lives.
    "alter table meta add column home text not null default '',"
    "add column incarnation text not null default '', add column hold text not null default '';"
    "alter table engine add column epoch bigint not null default 1;"
    "alter table run add column stood smallint not null default 0;"
    // Retries.
    "alter table run add column retries bigint not null default 0;"
    "alter table run add column retry_rule text not null default '';"
    "create index run_retries on run(retries) where retries <> 0;"
    "create unique index run_follows on run((origin + retries)) where origin + retries <> 0;",
    // Outputs and logs are compressed by us.
    "alter table blob add column plain_size bigint not null default 0;"
    "alter table log add column plain_size bigint not null default 0;"
    "alter table blob alter bytes set storage external;"
    "alter table log alter lines set storage external;"
    // Runs for the workers of a label.
    "alter table run add column placement text collate \"C\" not null default '';"
    "alter table engine add column takes text not null default '';"
    "drop index run_ready; drop index run_wake;"
    "create index run_ready on run(placement, key) where holder = 0 and status = 1;"
    "create index run_wake on run(placement, wake) where holder = 0 and wake is not null;",
};
static_assert(std::size(kMigrations) == kFormat);

std::string random_id() {
  unsigned char raw[16];
  while (getrandom(raw, sizeof raw, 0) != sizeof raw) continue;
  std::string hex;
  for (const unsigned char byte : raw) hex += fmt::format("{:02x}", byte);
  return hex;
}

/// What begins the audit trail of a store.
std::string first_audit_sql(const std::string& id) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const AuditRow row = first_audit_row(id, kFormat, 0, duration_cast<microseconds>(now).count());
  const auto bytes = [](const Digest& hash) {
    return fmt::format("decode('{}','hex')", to_hex(hash));
  };
  return fmt::format(
      "insert into audit values({0},{1},'{2}','','{3}','{4}','{5}','{6}',0,{7},{8},{9});"
      "insert into audit_head values(1,{0},{9});",
      row.number, row.note.by.time, row.note.by.user, row.note.verb, row.note.kind, row.note.object,
      row.note.payload, bytes(row.payload_hash), bytes(row.previous), bytes(row.hash));
}

std::string script(const Url& url, bool has_schema) {
  std::string sql = "begin;";
  if (!has_schema) sql += fmt::format("create schema {};", quoted_name(url.schema));
  sql += kSchema;
  const std::string id = random_id();
  sql += first_audit_sql(id);
  sql += fmt::format(
      "insert into change select slot, 0 from generate_series(0, {}) slot;"
      "insert into meta (one, id, format, epoch) values (1, '{}', {}, 1);commit",
      kCounters - 1, id, kFormat);
  return sql;
}

/// Two who make the same schema or table: the second one finds that it is there, in one way or
/// another.
bool came_second(const Failure& failure) {
  return failure.state == "42P06" || failure.state == "42P07" || failure.state == "42710" ||
         failure.is_unique() || failure.is_transient();
}

struct Standing {
  bool has_schema = false;
  bool has_store = false;
  int64_t tables = 0;
};

Result<Standing> standing(Connection& connection, const Url& url) {
  Parameters schema;
  schema.text(url.schema);
  auto rows = connection.query(
      "select exists(select 1 from pg_namespace where nspname=$1), "
      "exists(select 1 from pg_tables where schemaname=$1 and tablename='meta'), "
      "(select count(*) from pg_tables where schemaname=$1)",
      schema, "read it");
  if (!rows) return tl::unexpected(rows.error());
  return Standing{rows->boolean(0, 0), rows->boolean(0, 1), rows->integer(0, 2)};
}

}  // namespace

Status create(Connection& connection, const Url& url) {
  const ServerFacts& facts = connection.facts();
  Standing now{facts.has_schema, facts.has_store, facts.foreign_tables};
  for (int attempt = 0;; ++attempt) {
    if (now.has_store) return {};
    if (now.tables > 0)
      return fail(ErrorKind::kInvalid,
                  fmt::format("store {}: the schema {} holds tables, but no store of Runbook's",
                              connection.place(), url.schema),
                  "name another with schema=NAME in the store's URL");
    Status made = connection.run(script(url, now.has_schema), "make its tables");
    if (made) return {};
    const bool again = came_second(connection.failure()) && attempt < 10;
    if (connection.is_lost()) return made;
    if (connection.in_transaction())
      if (auto undone = connection.run("rollback", "make its tables"); !undone) return undone;
    if (!again) return made;
    auto found = standing(connection, url);
    if (!found) return tl::unexpected(found.error());
    now = *found;
  }
}

namespace {

/// The server's database cluster, its timeline, the database, our tables in it: a copy, and a
/// standby that has taken over, have others in one place or another. A standby has no timeline of
/// its own.
constexpr std::string_view kHomeNow =
    "(select system_identifier::text from pg_control_system()) || ' ' || "
    "case when pg_is_in_recovery() then '-' else "
    "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end || ' ' || "
    "(select oid::text from pg_database where datname=current_database()) || ' ' || "
    "m.tableoid::text";

/// A column that an older format has not is null.
Result<Rows> query_meta(Connection& connection) {
  const auto ask = [&](std::string_view home) {
    return connection.query(
        fmt::format("select m.id, m.format, m.epoch, coalesce(to_jsonb(m)->>'incarnation',''), "
                    "coalesce(to_jsonb(m)->>'hold',''), coalesce(to_jsonb(m)->>'home',''), {} "
                    "from meta m",
                    home),
        {}, "read it");
  };
  auto rows = ask(kHomeNow);
  if (rows) return rows;
  // What speaks PostgreSQL's language without being one may not know this.
  const std::string& state = connection.failure().state;
  const bool untold = state == "42883" || state == "0A000" || state == "42501";
  return untold ? ask("''") : std::move(rows);
}

Found found_in(const Rows& rows) {
  Found found;
  found.id = rows.text(0, 0);
  found.format = rows.integer(0, 1);
  found.epoch = rows.integer(0, 2);
  found.incarnation = rows.text(0, 3);
  found.hold = rows.text(0, 4);
  found.home = rows.text(0, 5);
  found.home_now = rows.text(0, 6);
  return found;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

Result<Found> read_meta(Connection& connection) {
  auto rows = query_meta(connection);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() != 1)
    return fail(ErrorKind::kCorrupt, fmt::format("store {} has no id", connection.place()),
                "restore it from a backup");
  return found_in(*rows);
}

std::string what_befell(const Found& found) {
  if (found.home.empty() || found.home_now.empty() || found.home == found.home_now) return {};
  const std::vector<std::string> kept = words_of(found.home);
  const std::vector<std::string> now = words_of(found.home_now);
  constexpr size_t kParts = 4;
  if (kept.size() != kParts || now.size() != kParts) return "where it lives can't be told";
  if (kept[0] != now[0])
    return "it is on another server than that which it was written on last: a copy, or restored";
  if (kept[2] != now[2])
    return "it is in another database than that which it was written in last: a copy, or restored";
  if (kept[3] != now[3]) return "its tables were made anew: it is a copy, or was restored";
  return fmt::format(
      "its server is on timeline {}, and was on {}: a standby has taken over, or it was restored "
      "to "
      "an earlier time",
      now[1], kept[1]);
}

Result<Found> check(Connection& connection, const Url& url, bool reading) {
  auto rows = query_meta(connection);
  if (!rows && connection.failure().state == "42P01" && connection.facts().has_store)
    return fail(
        ErrorKind::kPermission,
        fmt::format("this user may not look into schema {} of {}", url.schema, connection.place()),
        fmt::format("let its owner grant it: grant usage on schema {0} to USER, and "
                    "select, insert, update, delete on all tables in schema {0}",
                    url.schema));
  if (!rows && connection.failure().state == "42P01")
    return fail(ErrorKind::kNotFound,
                fmt::format("there is no store in schema {} of {}", url.schema, connection.place()),
                "`rbk run` makes one; or name another with --store");
  if (!rows && connection.failure().state == "42703")
    return fail(ErrorKind::kInvalid,
                fmt::format("store {}: the table meta of schema {} is another program's",
                            connection.place(), url.schema),
                "name another with schema=NAME in the store's URL");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() != 1)
    return fail(ErrorKind::kCorrupt, fmt::format("store {} has no id", connection.place()),
                "restore it from a backup");
  Found found = found_in(*rows);
  if (found.format > kFormat)
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {} has format {}; this rbk knows formats up to {}",
                            connection.place(), found.format, kFormat),
                "use the rbk that wrote it, or a newer one; or name another store with --store");
  if (reading && found.format < kFormat)
    return fail(ErrorKind::kUnsupported,
                fmt::format("store {} has format {}, which this rbk brings to {} before it reads "
                            "it; only reading was asked for",
                            connection.place(), found.format, kFormat),
                "let a user who may write to it run `rbk resume` once");
  return found;
}

Status migrate(Connection& connection) { return migrate_by(connection, kMigrations); }

Status migrate_by(Connection& connection, std::span<const char* const> steps) {
  constexpr std::string_view kDoing = "bring it to a newer format";
  const auto newest = static_cast<int64_t>(steps.size());
  connection.set_patient(true);
  const Status done = [&]() -> Status {
    // Every commit reads the format, and is kept out until it can read the new one.
    if (auto begun = connection.run("begin; lock table meta in access exclusive mode", kDoing);
        !begun)
      return begun;
    auto rows = connection.query("select format from meta", {}, kDoing);
    if (!rows) return tl::unexpected(rows.error());
    std::string sql;
    for (int64_t from = rows->integer(0, 0); from < newest; ++from)  // another may have been faster
      sql += steps[static_cast<size_t>(from)];
    return connection.run(
        fmt::format("{};update meta set format=greatest(format, {});commit", sql, newest), kDoing);
  }();
  if (!done && !connection.is_lost() && connection.in_transaction())
    if (auto undone = connection.run("rollback", kDoing); !undone) return undone;
  connection.set_patient(false);
  return done;
}

}  // namespace rbk::engine::postgres
