// What a store on PostgreSQL is asked.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/entry_sum.h"
#include "engine/packing.h"
#include "engine/postgres/postgres_store.h"
#include "engine/request_list.h"

namespace rbk::engine::postgres {
namespace {

constexpr std::string_view kRunColumns =
    "select key,id,program,runbook,status,starter,reason,labels,started,updated,head,token,holder,"
    "wake,ending,log_bytes,origin,folder,umask,parent,link,parent_request,parent_path,parent_under,"
    "claims,schedule,stood,retries,retry_rule,placement from run ";
constexpr std::string_view kMessageColumns =
    "select key,id,run,request,kind,body,author,time from message ";

}  // namespace

Result<std::vector<RunRow>> PostgresStore::read_runs(const std::string& where,
                                                     const Parameters& parameters) {
  auto rows = read(fmt::format("{}{}", kRunColumns, where), parameters, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RunRow> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    RunRow& row = found[static_cast<size_t>(i)];
    row.key = rows->integer(i, 0);
    row.id = rows->text(i, 1);
    const std::string_view hash = rows->bytes(i, 2);
    if (hash.size() != row.program.size())
      return fail(
          ErrorKind::kCorrupt,
          fmt::format("store {}: the program of run {} has no hash", identity_.place, row.id),
          "restore the store from a backup");
    std::copy(hash.begin(), hash.end(), reinterpret_cast<char*>(row.program.data()));
    row.runbook = rows->text(i, 3);
    const int64_t status = rows->integer(i, 4);
    if (status < static_cast<int64_t>(RunStatus::kRunning) ||
        status > static_cast<int64_t>(RunStatus::kCancelled))
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: run {} has the unknown status {}", identity_.place, row.id,
                              status),
                  "restore the store from a backup");
    row.status = static_cast<RunStatus>(status);
    row.starter = rows->text(i, 5);
    row.reason = rows->text(i, 6);
    row.labels = rows->text(i, 7);
    row.started = rows->integer(i, 8);
    row.updated = rows->integer(i, 9);
    row.head = static_cast<uint64_t>(rows->integer(i, 10));
    row.token = rows->integer(i, 11);
    row.holder = rows->integer(i, 12);
    row.wake = rows->optional(i, 13);
    row.ending = rows->text(i, 14);
    row.log_bytes = rows->integer(i, 15);
    row.origin = rows->integer(i, 16);
    row.folder = rows->text(i, 17);
    row.umask = static_cast<int32_t>(rows->integer(i, 18));
    row.parent = rows->integer(i, 19);
    row.link = static_cast<Link>(rows->integer(i, 20));
    row.parent_request = static_cast<uint64_t>(rows->integer(i, 21));
    row.parent_path = rows->text(i, 22);
    row.parent_under = list_of(rows->bytes(i, 23));
    row.claims = static_cast<int32_t>(rows->integer(i, 24));
    row.schedule = rows->integer(i, 25);
    if (const int64_t held = rows->integer(i, 26); held != 0)
      row.held = static_cast<RunStatus>(held);
    row.retries = rows->integer(i, 27);
    row.retry_rule = rows->text(i, 28);
    row.placement = rows->text(i, 29);
  }
  return found;
}

Result<RunRow> PostgresStore::find_run(std::string_view id_or_prefix) {
  std::string low(id_or_prefix);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  Parameters parameters;
  parameters.text(low).text(low + "~");
  // A beginning that goes no further than a run's own id means that run, not those that it started.
  parameters.integer(int64_t{low.find('-') != std::string::npos ? 1 : 0});
  auto rows = read_runs("where id>=$1 and id<$2 and ($3=1 or strpos(id,'-')=0) order by id limit 6",
                        parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (low.empty() || rows->empty())
    return fail(ErrorKind::kNotFound,
                fmt::format("there is no run {} in store {}", id_or_prefix, identity_.place),
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

Result<RunRow> PostgresStore::run(RunKey key) {
  Parameters parameters;
  parameters.integer(key);
  auto rows = read_runs("where key=$1", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorKind::kNotFound, "there is no such run");
  return rows->front();
}

Result<std::optional<RunRow>> PostgresStore::rollback_of(RunKey origin) {
  Parameters parameters;
  parameters.integer(origin);
  auto rows = read_runs("where origin=$1 and origin<>0", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::optional<RunRow>> PostgresStore::retry_of(RunKey run) {
  Parameters parameters;
  parameters.integer(run);
  auto rows = read_runs("where retries=$1 and retries<>0", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::optional<RunRow>> PostgresStore::run_begun_by(RunKey parent, uint64_t request) {
  Parameters parameters;
  parameters.integer(parent).integer(static_cast<int64_t>(request));
  auto rows = read_runs("where parent=$1 and parent_request=$2 and parent<>0", parameters);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return rows->front();
}

Result<std::vector<RunRow>> PostgresStore::children(RunKey parent) {
  Parameters parameters;
  parameters.integer(parent);
  return read_runs("where parent=$1 and parent<>0 order by key", parameters);
}

Result<std::vector<RunRow>> PostgresStore::runs(const RunFilter& filter) {
  Parameters parameters;
  std::string where = "where true";
  const auto next = [&] { return parameters.count(); };
  if (filter.unfinished) where += " and status<6";
  if (filter.status) where += fmt::format(" and status={}", static_cast<int>(*filter.status));
  if (filter.since) where += fmt::format(" and started>={}", *filter.since);
  if (!filter.runbook.empty()) {
    parameters.text(filter.runbook);
    where += fmt::format(" and runbook=${}", next());
  }
  if (!filter.starter.empty()) {
    parameters.text(filter.starter);
    where += fmt::format(" and starter=${}", next());
  }
  for (const auto& [name, value] : filter.labels) {
    parameters.text(name).text(value);
    where += fmt::format(" and labels::jsonb ->> ${} = ${}", next() - 1, next());
  }
  where += " order by key desc";
  if (filter.limit > 0) where += fmt::format(" limit {}", filter.limit);
  return read_runs(where, parameters);
}

Result<std::vector<Entry>> PostgresStore::entries(RunKey run, uint64_t after) {
  Parameters parameters;
  parameters.integer(run).integer(static_cast<int64_t>(after));
  // One statement, so that head and entries are those of one moment.
  auto rows = read(
      "select run.head,run.id,number,kind,time,boot_time,engine,body,news,sum from run "
      "left join journal on journal.run=run.key and number>$2 where run.key=$1 order by number",
      parameters, "read its journal");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 0) return fail(ErrorKind::kNotFound, "there is no such run");
  const auto head = static_cast<uint64_t>(rows->integer(0, 0));
  const std::string id = rows->text(0, 1);
  std::vector<Entry> found;
  found.reserve(static_cast<size_t>(rows->size()));
  uint64_t expected = after + 1;
  for (int i = 0; i < rows->size() && !rows->is_null(i, 2); ++i, ++expected) {
    Entry entry;
    entry.number = static_cast<uint64_t>(rows->integer(i, 2));
    entry.kind = static_cast<Entry::Kind>(rows->integer(i, 3));
    entry.time = rows->integer(i, 4);
    entry.boot_time = rows->integer(i, 5);
    entry.engine = rows->integer(i, 6);
    entry.body = rows->text(i, 7);
    entry.news = rows->text(i, 8);
    if (entry.number != expected || rows->integer(i, 9) != entry_sum(run, entry)) break;
    found.push_back(std::move(entry));
  }
  if (expected <= head)
    return fail(ErrorKind::kCorrupt,
                fmt::format("store {}: entry {} of the journal of run {} is damaged or missing",
                            identity_.place, expected, id),
                "restore the store from a backup");
  return found;
}

Result<std::optional<std::string>> PostgresStore::snapshot(RunKey run) {
  Parameters parameters;
  parameters.integer(run);
  auto rows = read("select bytes from snapshot where run=$1", parameters, "read a snapshot in it");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 0) return std::nullopt;
  return rows->text(0, 0);
}

Result<std::string> PostgresStore::program(const Digest& hash) {
  Parameters parameters;
  parameters.bytes(view(hash));
  auto rows = read("select bytes from program where hash=$1", parameters, "read a program in it");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 1) return rows->text(0, 0);
  return fail(ErrorKind::kCorrupt,
              fmt::format("store {} lacks program {}", identity_.place, to_hex(hash)),
              "restore the store from a backup");
}

Result<std::string> PostgresStore::blob(const Digest& hash) {
  Parameters parameters;
  parameters.bytes(view(hash));
  auto rows =
      read("select bytes,plain_size from blob where hash=$1", parameters, "read an output in it");
  if (!rows) return tl::unexpected(rows.error());
  const bool is_there = rows->size() == 1;
  if (is_there) {
    auto text = unpack(rows->text(0, 0), rows->integer(0, 1));
    if (text && sha256(*text) == hash) return text;
  }
  return fail(ErrorKind::kCorrupt,
              fmt::format("store {}: the output {} is {}", identity_.place, to_hex(hash),
                          is_there ? "damaged" : "missing"),
              "restore the store from a backup");
}

Result<std::vector<Wait>> PostgresStore::waits(RunKey run) {
  Parameters parameters;
  parameters.integer(run);
  auto rows = read(
      "select wait.run,run.id,request,kind,path,description,since,expires from wait "
      "join run on run.key=wait.run where $1=0 or wait.run=$1 order by since,wait.run,request",
      parameters, "read what waits in it");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<Wait> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    Wait& wait = found[static_cast<size_t>(i)];
    wait.run = rows->integer(i, 0);
    wait.run_id = rows->text(i, 1);
    wait.request = static_cast<uint64_t>(rows->integer(i, 2));
    wait.kind = static_cast<Wait::Kind>(rows->integer(i, 3));
    wait.path = rows->text(i, 4);
    wait.description = rows->text(i, 5);
    wait.since = rows->integer(i, 6);
    wait.expires = rows->optional(i, 7);
  }
  return found;
}

Result<std::vector<Message>> PostgresStore::read_messages(const std::string& where,
                                                          const Parameters& parameters) {
  auto rows = read(fmt::format("{}{}", kMessageColumns, where), parameters, "read its messages");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<Message> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    Message& message = found[static_cast<size_t>(i)];
    message.key = rows->integer(i, 0);
    message.id = rows->text(i, 1);
    message.run = rows->integer(i, 2);
    message.request = static_cast<uint64_t>(rows->integer(i, 3));
    message.kind = static_cast<Message::Kind>(rows->integer(i, 4));
    message.body = rows->text(i, 5);
    message.by = rows->text(i, 6);
    message.time = rows->integer(i, 7);
  }
  return found;
}

Result<std::vector<Message>> PostgresStore::messages(RunKey run) {
  Parameters parameters;
  if (run != 0) parameters.integer(run);
  return read_messages(fmt::format("where taken=0 {} order by key", run != 0 ? "and run=$1" : ""),
                       parameters);
}

Result<std::vector<Message>> PostgresStore::votes(RunKey run, uint64_t request) {
  Parameters parameters;
  parameters.integer(run).integer(static_cast<int64_t>(request));
  return read_messages("where run=$1 and request=$2 and kind=1 order by key", parameters);
}

/// Which chunks, by their sizes; then these, so that no more comes over the wire than is wanted.
Result<std::vector<LogChunk>> PostgresStore::logs(RunKey run, int64_t after_key,
                                                  size_t most_bytes) {
  Parameters parameters;
  parameters.integer(run).integer(after_key);
  parameters.integer(static_cast<int64_t>(std::min<size_t>(most_bytes, INT64_MAX)));
  auto rows = read(
      "select key,step,attempt,path,lines,plain_size from (select key,step,attempt,path,lines,"
      "plain_size,coalesce(sum(greatest(plain_size,octet_length(lines))) over (order by key rows "
      "between unbounded preceding and "
      "1 preceding), 0) as before, row_number() over (order by key) as place "
      "from log where run=$1 and key>$2 order by key limit 4096) chunk "
      "where place=1 or before < $3 order by key",
      parameters, "read its logs");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<LogChunk> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    LogChunk& chunk = found[static_cast<size_t>(i)];
    chunk.key = rows->integer(i, 0);
    chunk.run = run;
    chunk.step = static_cast<uint64_t>(rows->integer(i, 1));
    chunk.attempt = static_cast<uint32_t>(rows->integer(i, 2));
    chunk.path = rows->text(i, 3);
    auto lines = unpack(rows->text(i, 4), rows->integer(i, 5));
    if (!lines) return tl::unexpected(lines.error());
    chunk.lines = std::move(*lines);
  }
  return found;
}

/// Every commit adds to one of the counters, so that their sum never is what it was.
Result<bool> PostgresStore::changed() {
  auto rows = read("select sum(count)::bigint from change", {}, "read it");
  if (!rows) return tl::unexpected(rows.error());
  const int64_t now = rows->integer(0, 0);
  const bool differs = !seen_ || *seen_ != now;
  seen_ = now;
  return differs;
}

}  // namespace rbk::engine::postgres
