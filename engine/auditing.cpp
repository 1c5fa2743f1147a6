// The audit trail as it is read and checked; the stores write it.
#include "engine/engine_state.h"

namespace rbk::engine {
namespace {

constexpr uint32_t kRowsAtOnce = 1000;

/// Rows as of `filter`, so many at a time; not of the newest only.
Status read_audit(Store& store, AuditFilter filter,
                  const std::function<bool(const AuditRow&)>& each) {
  const uint32_t wanted = filter.limit;
  uint32_t given = 0;
  while (wanted == 0 || given < wanted) {
    filter.limit = wanted == 0 ? kRowsAtOnce : std::min(kRowsAtOnce, wanted - given);
    auto rows = store.audit(filter);
    if (!rows) return tl::unexpected(rows.error());
    for (const AuditRow& row : *rows)
      if (!each(row)) return {};
    given += static_cast<uint32_t>(rows->size());
    if (rows->size() < filter.limit) break;
    filter.after = rows->back().number;
  }
  return {};
}

}  // namespace

Status Engine::audit(AuditFilter filter, const std::function<bool(const AuditRow&)>& each) {
  if (!filter.run.empty()) {
    auto row = state_->store->find_run(filter.run);
    if (row)
      filter.run = row->id;
    else if (row.error().kind != ErrorKind::kNotFound)
      return tl::unexpected(row.error());
  }
  if (!filter.newest) return read_audit(*state_->store, std::move(filter), each);
  auto rows = state_->store->audit(filter);
  if (!rows) return tl::unexpected(rows.error());
  for (const AuditRow& row : *rows)
    if (!each(row)) break;
  return {};
}

Result<AuditCheck> Engine::check_audit(const std::optional<AuditHead>& kept) {
  AuditCheck check(kept);
  const Status read =
      read_audit(*state_->store, {}, [&](const AuditRow& row) { return check.add(row); });
  if (!read) return tl::unexpected(read.error());
  check.end();
  return check;
}

Status Engine::redact_audit(int64_t number, const std::string& reason, const Person& by) {
  if (reason.empty())
    return fail(ErrorKind::kInvalid, "a row of the audit trail is redacted without a reason",
                "say why: --reason \"…\"");
  return state_->store->redact_audit(number, reason, state_->doer(by));
}

}  // namespace rbk::engine
