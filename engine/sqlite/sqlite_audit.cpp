// The audit trail of a store on SQLite. Whoever writes it holds the lock of commits, so that there
// is one chain.
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "engine/audit_rows.h"
#include "engine/sqlite/sqlite_store.h"

namespace rbk::engine::sqlite {
Status SqliteStore::name_run(AuditNote& note) {
  if (!note.object.empty() || note.run == 0) return {};
  if (auto ok = writer_.ready(writes_.audit_run, "select id from run where key=?"); !ok) return ok;
  writes_.audit_run.bind(1, note.run);
  Use run(writes_.audit_run);
  const int code = run->step();
  if (code == SQLITE_ROW)
    note.object = run->text(0);
  else if (code != SQLITE_DONE)
    return tl::unexpected(writer_.error("read its runs"));
  return {};
}

Status SqliteStore::write_audit() {
  for (AuditNote& note : noted_) {
    if (RBK_MUTANT("changes_without_a_row") && note.verb == "approve") continue;
    if (auto named = name_run(note); !named) return named;
    if (auto ok = writer_.ready(writes_.audit_last,
                                "select number,hash from audit order by number desc limit 1");
        !ok)
      return ok;
    AuditHead head;
    {
      Use last(writes_.audit_last);
      const int code = last->step();
      if (code == SQLITE_ROW)
        head = {last->integer(0), digest(last->bytes(1))};
      else if (code != SQLITE_DONE)
        return tl::unexpected(writer_.error("read its audit trail"));
    }
    const AuditRow made = audit_row(std::move(note), head.number + 1, head.hash);
    if (auto ok = writer_.ready(
            writes_.audit,
            "insert into audit(number,time,author,typed_by,verb,kind,object,payload,redacted,"
            "payload_hash,previous,hash) values(?,?,?,?,?,?,?,?,0,?,?,?)");
        !ok)
      return ok;
    Statement& row = writes_.audit;
    row.bind(1, made.number);
    row.bind(2, made.note.by.time);
    row.bind_text(3, made.note.by.user);
    row.bind_text(4, made.note.by.real);
    row.bind_text(5, made.note.verb);
    row.bind_text(6, made.note.kind);
    row.bind_text(7, made.note.object);
    row.bind_text(8, made.note.payload);
    row.bind_blob(9, view(made.payload_hash));
    row.bind_blob(10, view(made.previous));
    row.bind_blob(11, view(made.hash));
    if (auto ok = done(row, "write to its audit trail"); !ok) return ok;
  }
  noted_.clear();
  return {};
}

Status SqliteStore::redact_audit(int64_t number, const std::string& reason, const Doer& by) {
  return transaction(false, [&]() -> Status {
    // What stood there is overwritten in the file as well.
    if (auto ok = writer_.run("pragma secure_delete=on"); !ok) return ok;
    auto statement =
        writer_.prepare("update audit set payload='',redacted=1 where number=? and redacted=0");
    if (!statement) return tl::unexpected(statement.error());
    statement->bind(1, number);
    if (auto ok = done(*statement, "write to its audit trail"); !ok) return ok;
    if (sqlite3_changes(writer_.raw()) == 1) {
      note(audit_of_redaction(identity_.id, number, reason, by));
      return {};
    }
    auto known = writer_.prepare("select 1 from audit where number=?");
    if (!known) return tl::unexpected(known.error());
    known->bind(1, number);
    return not_redactable(number, known->step() == SQLITE_ROW);
  });
}

Result<std::vector<AuditRow>> SqliteStore::audit(const AuditFilter& filter) {
  auto connection = reader();
  if (!connection) return tl::unexpected(connection.error());
  std::string where = "number>?1";
  if (filter.since) where += " and time>=?2";
  if (filter.until) where += " and time<?3";
  if (!filter.run.empty()) where += " and kind='run' and object=?4";
  if (!filter.user.empty()) where += " and (author=?5 or typed_by=?5)";
  std::string sql = fmt::format(
      "select number,time,author,typed_by,verb,kind,object,payload,redacted,payload_hash,previous,"
      "hash from audit where {} order by number{}",
      where, filter.newest ? " desc" : "");
  if (filter.limit != 0) sql += fmt::format(" limit {}", filter.limit);
  auto statement = (*connection)->prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, filter.after);
  if (filter.since) statement->bind(2, *filter.since);
  if (filter.until) statement->bind(3, *filter.until);
  if (!filter.run.empty()) statement->bind_text(4, filter.run);
  if (!filter.user.empty()) statement->bind_text(5, filter.user);
  std::vector<AuditRow> rows;
  int code = SQLITE_ROW;
  while ((code = statement->step()) == SQLITE_ROW) {
    AuditRow& row = rows.emplace_back();
    row.number = statement->integer(0);
    row.note.by = {statement->text(2), statement->text(3), statement->integer(1)};
    row.note.verb = statement->text(4);
    row.note.kind = statement->text(5);
    row.note.object = statement->text(6);
    row.note.payload = statement->text(7);
    row.redacted = statement->integer(8) != 0;
    row.payload_hash = digest(statement->bytes(9));
    row.previous = digest(statement->bytes(10));
    row.hash = digest(statement->bytes(11));
  }
  if (code != SQLITE_DONE) return tl::unexpected((*connection)->error("read its audit trail"));
  if (filter.newest) std::reverse(rows.begin(), rows.end());
  return rows;
}

}  // namespace rbk::engine::sqlite
