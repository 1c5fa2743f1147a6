// What a store on SQLite is asked.
#include <fmt/format.h>

#include <algorithm>

#include "engine/entry_sum.h"
#include "engine/packing.h"
#include "engine/placement.h"
#include "engine/request_list.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
namespace {

constexpr std::string_view kRunColumns =
    "select run.key,run.id,program.hash,run.runbook,run.status,run.starter,run.reason,run.labels,"
    "run.started,run.updated,run.head,run.token,run.holder,run.wake,run.ending,run.log_bytes,run."
    "origin,run.folder,run.umask,run.parent,run.link,run.parent_request,run.parent_path,run."
    "parent_under,run.claims,run.schedule,run.stood,run.retries,run.retry_rule,run.placement "
    "from run join program on program.key=run.program ";
constexpr std::string_view kMessageColumns =
    "select key,id,run,request,kind,body,author,time from message ";

}  // namespace

std::string_view SqliteStore::run_columns() { return kRunColumns; }

Result<Connection*> SqliteStore::reader() {
  if (!reader_.is_open()) {
    auto opened = Connection::open(path_, still_);
    if (!opened) return tl::unexpected(opened.error());
    reader_ = std::move(*opened);
  }
  return &reader_;
}

Result<std::vector<RunRow>> SqliteStore::read_runs(Statement& statement) {
  std::vector<RunRow> rows;
  Use use(statement);
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    RunRow& row = rows.emplace_back();
    row.key = statement.integer(0);
    row.id = statement.text(1);
    const std::string_view hash = statement.bytes(2);
    if (hash.size() != row.program.size())
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: the program of run {} has no hash", path_, row.id),
                  "restore the store from a backup");
    std::copy(hash.begin(), hash.end(), reinterpret_cast<char*>(row.program.data()));
    row.runbook = statement.text(3);
    const int64_t status = statement.integer(4);
    if (status < static_cast<int64_t>(RunStatus::kRunning) ||
        status > static_cast<int64_t>(RunStatus::kCancelled))
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: run {} has the unknown status {}", path_, row.id, status),
                  "restore the store from a backup");
    row.status = static_cast<RunStatus>(status);
    row.starter = statement.text(5);
    row.reason = statement.text(6);
    row.labels = statement.text(7);
    row.started = statement.integer(8);
    row.updated = statement.integer(9);
    row.head = static_cast<uint64_t>(statement.integer(10));
    row.token = statement.integer(11);
    row.holder = statement.integer(12);
    row.wake = statement.optional_integer(13);
    row.ending = statement.text(14);
    row.log_bytes = statement.integer(15);
    row.origin = statement.integer(16);
    row.folder = statement.text(17);
    row.umask = static_cast<int32_t>(statement.integer(18));
    row.parent = statement.integer(19);
    row.link = static_cast<Link>(statement.integer(20));
    row.parent_request = static_cast<uint64_t>(statement.integer(21));
    row.parent_path = statement.text(22);
    row.parent_under = list_of(statement.text(23));
    row.claims = static_cast<int32_t>(statement.integer(24));
    row.schedule = statement.integer(25);
    if (const int64_t held = statement.integer(26); held != 0)
      row.held = static_cast<RunStatus>(held);
    row.retries = statement.integer(27);
    row.retry_rule = statement.text(28);
    row.placement = statement.text(29);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its runs"));
  return rows;
}

Result<RunRow> SqliteStore::find_run(std::string_view id_or_prefix) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where id>=?1 and id<?2 and (?3 or instr(id,'-')=0) "
                                "order by id limit 6",
                                kRunColumns));
  if (!statement) return tl::unexpected(statement.error());
  std::string low(id_or_prefix);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string high = low + "~";
  statement->bind_text(1, low);
  statement->bind_text(2, high);
  // A beginning that goes no further than a run's own id means that run, not those that it started.
  statement->bind(3, low.find('-') != std::string::npos ? 1 : 0);
  auto rows = read_runs(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (low.empty() || rows->empty())
    return fail(ErrorKind::kNotFound,
                fmt::format("there is no run {} in store {}", id_or_prefix, path_),
                "`rbk runs` lists those that exist");
  if (rows->size() > 1 && rows->front().id != low) {
    std::string ids;
    for (const RunRow& row : *rows) ids += (ids.empty() ? "" : ", ") + row.id;
    return fail(ErrorKind::kInvalid,
                fmt::format("several runs begin with {}: {}{}", id_or_prefix, ids,
                            rows->size() == 6 ? ", ..." : ""),
                "give more of the id");
  }
  return rows->front();
}

Result<RunRow> SqliteStore::run(RunKey key) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  if (auto ok = (*connection)->ready(read_run_, fmt::format("{} where run.key=?", kRunColumns));
      !ok)
    return tl::unexpected(ok.error());
  read_run_.bind(1, key);
  auto rows = read_runs(read_run_);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorKind::kNotFound, "there is no such run");
  return rows->front();
}

Result<std::optional<RunRow>> SqliteStore::rollback_of(RunKey origin) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)->prepare(fmt::format("{} where run.origin=? and run.origin<>0", kRunColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, origin);
  auto rows = read_runs(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::optional<RunRow>> SqliteStore::retry_of(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)->prepare(fmt::format("{} where run.retries=? and run.retries<>0", kRunColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  auto rows = read_runs(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::optional<RunRow>> SqliteStore::run_begun_by(RunKey parent, uint64_t request) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(fmt::format("{} where run.parent=? and run.parent_request=? and run.parent<>0",
                                kRunColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, parent);
  statement->bind(2, static_cast<int64_t>(request));
  auto rows = read_runs(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::vector<RunRow>> SqliteStore::children(RunKey parent) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(
              fmt::format("{} where run.parent=? and run.parent<>0 order by run.key", kRunColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, parent);
  return read_runs(*statement);
}

Result<std::vector<RunRow>> SqliteStore::runs(const RunFilter& filter) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  std::string sql = fmt::format("{} where 1", kRunColumns);
  if (filter.unfinished) sql += " and run.status<6";
  if (filter.status) sql += fmt::format(" and run.status={}", static_cast<int>(*filter.status));
  if (filter.since) sql += fmt::format(" and run.started>={}", *filter.since);
  if (!filter.runbook.empty()) sql += " and run.runbook=?1";
  if (!filter.starter.empty()) sql += " and run.starter=?2";
  int parameter = 3;
  for (size_t i = 0; i < filter.labels.size(); ++i, parameter += 2)
    sql += fmt::format(
        " and exists(select 1 from json_each(run.labels) l where l.key=?{} and l.value=?{})",
        parameter, parameter + 1);
  sql += " order by run.key desc";
  if (filter.limit > 0) sql += fmt::format(" limit {}", filter.limit);
  auto statement = (*connection)->prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  if (!filter.runbook.empty()) statement->bind_text(1, filter.runbook);
  if (!filter.starter.empty()) statement->bind_text(2, filter.starter);
  parameter = 3;
  for (const auto& [name, value] : filter.labels) {
    statement->bind_text(parameter++, name);
    statement->bind_text(parameter++, value);
  }
  return read_runs(*statement);
}

Result<std::vector<Entry>> SqliteStore::entries(RunKey run, uint64_t after) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto head = (*connection)->prepare("select last,head,id from run where key=?");
  if (!head) return tl::unexpected(head.error());
  head->bind(1, run);
  if (head->step() != SQLITE_ROW) return fail(ErrorKind::kNotFound, "there is no such run");
  int64_t key = head->integer(0);
  auto expected = static_cast<uint64_t>(head->integer(1));
  const std::string id = head->text(2);
  head->reset();
  if (auto ok = (*connection)
                    ->ready(read_entry_,
                            "select run,number,previous,kind,time,boot_time,engine,body,news,sum "
                            "from journal where key=?");
      !ok)
    return tl::unexpected(ok.error());
  std::vector<Entry> found;
  while (expected > after) {
    read_entry_.bind(1, key);
    Use row(read_entry_);
    const int code = row->step();
    if (code != SQLITE_ROW && code != SQLITE_DONE)
      return tl::unexpected(reader_.error("read its journal"));
    Entry entry;
    bool sound = code == SQLITE_ROW;
    if (sound) {
      entry.number = static_cast<uint64_t>(row->integer(1));
      entry.kind = static_cast<Entry::Kind>(row->integer(3));
      entry.time = row->integer(4);
      entry.boot_time = row->integer(5);
      entry.engine = row->integer(6);
      entry.body = row->text(7);
      entry.news = row->text(8);
      sound = row->integer(0) == run && entry.number == expected &&
              row->integer(9) == entry_sum(run, entry);
    }
    if (!sound)
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: entry {} of the journal of run {} is damaged or missing",
                              path_, expected, id),
                  "restore the store from a backup");
    key = row->integer(2);
    --expected;
    found.push_back(std::move(entry));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

Result<std::optional<std::string>> SqliteStore::snapshot(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare("select bytes from snapshot where run=?");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  const int code = statement->step();
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return tl::unexpected(reader_.error("read a snapshot in it"));
  return statement->text(0);
}

Result<std::string> SqliteStore::program(const Digest& hash) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare("select bytes from program where hash=?");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind_blob(1, view(hash));
  const int code = statement->step();
  if (code == SQLITE_ROW) return statement->text(0);
  if (code == SQLITE_DONE)
    return fail(ErrorKind::kCorrupt, fmt::format("store {} lacks program {}", path_, to_hex(hash)),
                "restore the store from a backup");
  return tl::unexpected(reader_.error("read a program in it"));
}

Result<std::string> SqliteStore::blob(const Digest& hash) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)->prepare("select bytes,plain_size from blob where hash=?");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind_blob(1, view(hash));
  const int code = statement->step();
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    return tl::unexpected(reader_.error("read an output in it"));
  if (code == SQLITE_ROW) {
    auto text = unpack(statement->text(0), statement->integer(1));
    if (text && sha256(*text) == hash) return text;
  }
  return fail(ErrorKind::kCorrupt,
              fmt::format("store {}: the output {} is {}", path_, to_hex(hash),
                          code == SQLITE_ROW ? "damaged" : "missing"),
              "restore the store from a backup");
}

Result<std::vector<Wait>> SqliteStore::waits(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare(
              "select wait.run,run.id,request,kind,path,description,since,expires from wait "
              "join run on run.key=wait.run where ?1=0 or wait.run=?1 "
              "order by since,wait.run,request");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  std::vector<Wait> found;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) {
    Wait& wait = found.emplace_back();
    wait.run = statement->integer(0);
    wait.run_id = statement->text(1);
    wait.request = static_cast<uint64_t>(statement->integer(2));
    wait.kind = static_cast<Wait::Kind>(statement->integer(3));
    wait.path = statement->text(4);
    wait.description = statement->text(5);
    wait.since = statement->integer(6);
    wait.expires = statement->optional_integer(7);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read what waits in it"));
  return found;
}

Result<std::vector<Message>> SqliteStore::read_messages(Statement& statement) {
  std::vector<Message> found;
  Use use(statement);
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    Message& message = found.emplace_back();
    message.key = statement.integer(0);
    message.id = statement.text(1);
    message.run = statement.integer(2);
    message.request = static_cast<uint64_t>(statement.integer(3));
    message.kind = static_cast<Message::Kind>(statement.integer(4));
    message.body = statement.text(5);
    message.by = statement.text(6);
    message.time = statement.integer(7);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its messages"));
  return found;
}

Result<std::vector<Message>> SqliteStore::messages(RunKey run) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  Statement& statement = run == 0 ? read_all_messages_ : read_open_messages_;
  const std::string sql =
      fmt::format("{} where taken=0 {} order by key", kMessageColumns, run == 0 ? "" : "and run=?");
  if (auto ok = (*connection)->ready(statement, sql); !ok) return tl::unexpected(ok.error());
  if (run != 0) statement.bind(1, run);
  return read_messages(statement);
}

Result<std::vector<Message>> SqliteStore::votes(RunKey run, uint64_t request) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)
                       ->prepare(fmt::format("{} where run=? and request=? and kind=1 order by key",
                                             kMessageColumns));
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  statement->bind(2, static_cast<int64_t>(request));
  return read_messages(*statement);
}

Result<std::vector<LogChunk>> SqliteStore::logs(RunKey run, int64_t after_key, size_t most_bytes) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement = (*connection)
                       ->prepare(
                           "select key,step,attempt,path,lines,plain_size from log "
                           "where run=? and key>? order by key");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, run);
  statement->bind(2, after_key);
  std::vector<LogChunk> found;
  size_t bytes = 0;
  int code = SQLITE_ROW;
  while ((found.empty() || bytes < most_bytes) && (code = statement->step()) == SQLITE_ROW) {
    LogChunk& chunk = found.emplace_back();
    chunk.key = statement->integer(0);
    chunk.run = run;
    chunk.step = static_cast<uint64_t>(statement->integer(1));
    chunk.attempt = static_cast<uint32_t>(statement->integer(2));
    chunk.path = statement->text(3);
    auto lines = unpack(statement->text(4), statement->integer(5));
    if (!lines) return tl::unexpected(lines.error());
    chunk.lines = std::move(*lines);
    bytes += chunk.lines.size();
  }
  if (code != SQLITE_DONE && code != SQLITE_ROW)
    return tl::unexpected(reader_.error("read its logs"));
  return found;
}

Result<std::vector<EngineRow>> SqliteStore::read_engines(Statement& statement) {
  std::vector<EngineRow> rows;
  int code = SQLITE_ROW;
  while ((code = statement.step()) == SQLITE_ROW) {
    EngineRow& row = rows.emplace_back();
    row.key = statement.integer(0);
    row.boot = statement.text(1);
    row.process = statement.integer(2);
    row.started = statement.integer(3);
    row.works = statement.integer(4) != 0;
    row.epoch = statement.integer(5);
    row.takes = takes_of(statement.text(6));
    row.alive = locks_.engine_lives(row.key);
  }
  if (code != SQLITE_DONE) return tl::unexpected(reader_.error("read its engines"));
  return rows;
}

Result<EngineRow> SqliteStore::engine(EngineKey key) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  auto statement =
      (*connection)
          ->prepare("select key,boot,process,started,works,epoch,takes from engine where key=?");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, key);
  auto rows = read_engines(*statement);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorKind::kNotFound, fmt::format("there is no engine {}", key));
  return std::move(rows->front());
}

Result<bool> SqliteStore::changed() {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  if (auto ok = (*connection)->ready(data_version_, "pragma data_version"); !ok)
    return tl::unexpected(ok.error());
  Use use(data_version_);
  if (data_version_.step() != SQLITE_ROW) return tl::unexpected(reader_.error("read it"));
  const int64_t version = data_version_.integer(0);
  const bool differs = version != seen_version_;
  seen_version_ = version;
  return differs;
}

}  // namespace rbk::engine::sqlite
