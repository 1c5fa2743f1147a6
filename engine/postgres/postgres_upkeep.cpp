// The upkeep of a store on PostgreSQL as a whole: what is wrong with it, room.
#include <fmt/format.h>

#include <algorithm>

#include "base/quoting.h"
#include "engine/postgres/postgres_store.h"
#include "engine/store_references.h"

namespace rbk::engine::postgres {

Status PostgresStore::begin_look() {
  if (reader_.is_lost())
    if (auto opened = connect_patiently(reader_); !opened) return opened;
  // The first read fixes the moment. What is done between two reads may take longer than a lease.
  auto begun = reader_.run(
      "begin isolation level repeatable read read only; "
      "set local idle_in_transaction_session_timeout=0",
      "read it");
  looking_ = begun.has_value();
  reader_.set_patient(looking_);
  return begun;
}

void PostgresStore::end_look() {
  looking_ = false;
  reader_.set_patient(false);
  // Not an error if it does not get through: it is made anew then.
  if (!reader_.is_lost() && reader_.in_transaction()) (void)reader_.run("rollback", "read it");
}

/// Its files are the server's own business (data_checksums, pg_amcheck).
Result<std::vector<std::string>> PostgresStore::damage() { return std::vector<std::string>(); }

Result<std::vector<Dangling>> PostgresStore::dangling() {
  std::vector<Dangling> found;
  const auto references = store_references();
  for (size_t i = 0; i < references.size(); ++i) {
    auto rows = read(fmt::format(fmt::runtime(references[i].sql), fmt::arg("program", "hash")), {},
                     "check it");
    if (!rows) return tl::unexpected(rows.error());
    for (int row = 0; row < rows->size(); ++row)
      if (rows->integer(row, 2) != 0)
        found.push_back({i, rows->integer(row, 0), rows->text(row, 1), rows->integer(row, 2)});
  }
  return found;
}

Result<std::vector<RunLinks>> PostgresStore::run_links() {
  auto rows = read("select key,id,status,updated,head,parent,origin,retries from run order by key",
                   {}, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RunLinks> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    RunLinks& run = found[static_cast<size_t>(i)];
    run.key = rows->integer(i, 0);
    run.id = rows->text(i, 1);
    run.status = static_cast<RunStatus>(rows->integer(i, 2));
    run.updated = rows->integer(i, 3);
    run.head = static_cast<uint64_t>(rows->integer(i, 4));
    run.parent = rows->integer(i, 5);
    run.origin = rows->integer(i, 6);
    run.retries = rows->integer(i, 7);
  }
  return found;
}

Result<std::vector<Digest>> PostgresStore::read_hashes(const std::string& sql) {
  auto rows = read(sql, {}, "read its tables");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<Digest> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) {
    const std::string_view bytes = rows->bytes(i, 0);
    if (bytes.size() != Digest{}.size())
      return fail(ErrorKind::kCorrupt,
                  fmt::format("store {}: a hash in it is none", identity_.place),
                  "restore the store from a backup");
    std::copy(bytes.begin(), bytes.end(),
              reinterpret_cast<char*>(found[static_cast<size_t>(i)].data()));
  }
  return found;
}

Result<std::vector<Digest>> PostgresStore::program_hashes() {
  return read_hashes("select hash from program order by hash");
}

Result<std::vector<Digest>> PostgresStore::blob_hashes() {
  return read_hashes("select hash from blob order by hash");
}

Result<std::vector<RunKey>> PostgresStore::owing() {
  auto rows = read("select distinct run from notice where state=0", {}, "read its notices");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RunKey> found(static_cast<size_t>(rows->size()));
  for (int i = 0; i < rows->size(); ++i) found[static_cast<size_t>(i)] = rows->integer(i, 0);
  return found;
}

// ---- Copies and room

Result<int64_t> PostgresStore::back_up(const std::string& file, bool) {
  const bool plain =
      url_.schema.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  const std::string pattern = plain ? url_.schema : quoted_name(url_.schema);
  return fail(ErrorKind::kUnsupported,
              fmt::format("store {} is on a server, whose own tools copy it", identity_.place),
              fmt::format("while it is in use: `pg_dump --format=custom --schema={} --file={} {}`; "
                          "`pg_restore` brings it back",
                          shown_shell_word(pattern), shown_shell_word(file),
                          shown_shell_word(without_password(url_.connection))));
}

Result<int64_t> PostgresStore::room_taken() {
  auto rows = read(
      "select coalesce(sum(pg_total_relation_size(c.oid)),0)::bigint from pg_class c "
      "where c.relnamespace=(select oid from pg_namespace where nspname=current_schema()) "
      "and c.relkind='r'",
      {}, "read it");
  if (!rows) return tl::unexpected(rows.error());
  return rows->integer(0, 0);
}

Result<Room> PostgresStore::vacuum() {
  Room room;
  auto before = room_taken();
  if (!before) return tl::unexpected(before.error());
  room.before = *before;
  const Status done = write(true, [&]() -> Status {
    writer_.set_patient(true);
    auto cleaned = writer_.run(
        "vacuum (analyze) meta, change, gate, program, engine, run, schedule, firing, journal, "
        "blob, snapshot, wait, message, claim, notice, log, audit, audit_head",
        "clean it up");
    writer_.set_patient(false);
    return cleaned;
  });
  if (!done) return tl::unexpected(done.error());
  auto after = room_taken();
  if (!after) return tl::unexpected(after.error());
  room.after = *after;
  return room;
}

}  // namespace rbk::engine::postgres
