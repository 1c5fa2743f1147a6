// The audit trail of a store on PostgreSQL. Where the chain ends stands in a row of its own, which
// is locked last of all in a transaction and until its end.
#include <fmt/format.h>

#include <algorithm>

#include "engine/audit_rows.h"
#include "engine/postgres/batch.h"
#include "engine/postgres/postgres_store.h"
#include "engine/postgres/schema.h"

namespace rbk::engine::postgres {
Status PostgresStore::name_run(AuditNote& note) {
  if (!note.object.empty() || note.run == 0) return {};
  Parameters which;
  which.integer(note.run);
  auto rows = writer_.query("select id from run where key=$1", which, "read its runs");
  if (!rows) return tl::unexpected(rows.error());
  if (rows->size() == 1) note.object = rows->text(0, 0);
  return {};
}

Status PostgresStore::write_audit() {
  if (noted_.empty()) return {};
  for (AuditNote& one : noted_)
    if (auto named = name_run(one); !named) return named;
  auto last = writer_.query("select number,hash from audit_head for update", {},
                            "write to its audit trail");
  if (!last) return tl::unexpected(last.error());
  if (last->size() != 1)
    return fail(ErrorKind::kCorrupt,
                fmt::format("store {}: where its audit trail ends is not known: the row of "
                            "audit_head is gone",
                            identity_.place),
                "restore the store from a backup");
  AuditHead head{last->integer(0, 0), digest(last->bytes(0, 1))};
  constexpr Type kInt = Type::kInteger;
  constexpr Type kText = Type::kText;
  constexpr Type kBytes = Type::kBytes;
  Input input("a", {{"number", kInt},
                    {"time", kInt},
                    {"author", kText},
                    {"typed_by", kText},
                    {"verb", kText},
                    {"kind", kText},
                    {"object", kText},
                    {"payload", kText},
                    {"payload_hash", kBytes},
                    {"previous", kBytes},
                    {"hash", kBytes}});
  for (AuditNote& one : noted_) {
    const AuditRow row = audit_row(std::move(one), head.number + 1, head.hash);
    const AuditNote& said = row.note;
    input.row(row.number, said.by.time, said.by.user, said.by.real, said.verb, said.kind,
              said.object, said.payload, view(row.payload_hash), view(row.previous),
              view(row.hash));
    head = {row.number, row.hash};
  }
  noted_.clear();
  Parameters parameters;
  parameters.integer(head.number).bytes(view(head.hash));
  const std::string sql = fmt::format(
      "with ending as (update audit_head set number=$1,hash=$2) "
      "insert into audit(number,time,author,typed_by,verb,kind,object,payload,redacted,"
      "payload_hash,previous,hash) select a.number,a.time,a.author,a.typed_by,a.verb,a.kind,"
      "a.object,a.payload,0,a.payload_hash,a.previous,a.hash from {}",
      input.bound(parameters));
  auto written = writer_.query(sql, parameters, "write to its audit trail");
  if (!written) return tl::unexpected(written.error());
  return {};
}

Status PostgresStore::redact_audit(int64_t number, const std::string& reason, const Doer& by) {
  Parameters parameters;
  parameters.integer(kFormat).integer(slot_).integer(number);
  return write(false, [&]() -> Status {
    return transaction(false, [&]() -> Status {
      auto rows = writer_.query(
          std::string(kHere) + kCounted +
              ", redacted as (update audit set payload='',redacted=1 from here where number=$3 "
              "and audit.redacted=0 returning number) "
              "select exists(select 1 from here),exists(select 1 from redacted),"
              "exists(select 1 from audit where number=$3)",
          parameters, "write to its audit trail");
      if (!rows) return tl::unexpected(rows.error());
      if (auto same = check_format(*rows); !same) return same;
      if (!rows->boolean(0, 1)) return not_redactable(number, rows->boolean(0, 2));
      note(audit_of_redaction(identity_.id, number, reason, by));
      return {};
    });
  });
}

Result<std::vector<AuditRow>> PostgresStore::audit(const AuditFilter& filter) {
  Parameters parameters;
  parameters.integer(filter.after);
  std::string where = "number>$1";
  const auto further = [&](const char* condition) {
    where += fmt::format(fmt::runtime(condition), parameters.count());
  };
  if (filter.since) {
    parameters.integer(*filter.since);
    further(" and time>=${}");
  }
  if (filter.until) {
    parameters.integer(*filter.until);
    further(" and time<${}");
  }
  if (!filter.run.empty()) {
    parameters.text(filter.run);
    further(" and kind='run' and object=${}");
  }
  if (!filter.user.empty()) {
    parameters.text(filter.user);
    further(" and (author=${0} or typed_by=${0})");
  }
  std::string sql = fmt::format(
      "select number,time,author,typed_by,verb,kind,object,payload,redacted,payload_hash,previous,"
      "hash from audit where {} order by number{}",
      where, filter.newest ? " desc" : "");
  if (filter.limit != 0) sql += fmt::format(" limit {}", filter.limit);
  auto found = read(sql, parameters, "read its audit trail");
  if (!found) return tl::unexpected(found.error());
  std::vector<AuditRow> rows(static_cast<size_t>(found->size()));
  for (int i = 0; i < found->size(); ++i) {
    AuditRow& row = rows[static_cast<size_t>(i)];
    row.number = found->integer(i, 0);
    row.note.by = {found->text(i, 2), found->text(i, 3), found->integer(i, 1)};
    row.note.verb = found->text(i, 4);
    row.note.kind = found->text(i, 5);
    row.note.object = found->text(i, 6);
    row.note.payload = found->text(i, 7);
    row.redacted = found->integer(i, 8) != 0;
    row.payload_hash = digest(found->bytes(i, 9));
    row.previous = digest(found->bytes(i, 10));
    row.hash = digest(found->bytes(i, 11));
  }
  if (filter.newest) std::reverse(rows.begin(), rows.end());
  return rows;
}

}  // namespace rbk::engine::postgres
