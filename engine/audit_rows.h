// What the audit trail says of what a store is told to write: every store asks here, in the
// transaction that writes it, so that nothing reaches it past the trail. What a running engine does
// by itself, the runs that its runs begin included, is in their journals, and not here.
#pragma once

#include <string>
#include <vector>

#include "engine/audit.h"
#include "engine/store.h"
#include "engine/upkeep.h"

namespace rbk::engine {

/// Of what people want of a run. `by`: without a name, message.by.
AuditNote audit_of(const Message& message, const Doer& by);

/// Whether a commit has rows of its own.
bool is_audited(const Group& group);
/// Runs that people and schedules have started, firings, runs that were moved to another program.
/// After it was written: what was lost is left out.
std::vector<AuditNote> audit_of(const Group& group, const CommitResult& result);

/// A schedule as it was put: `row.version` is that of before, 0 of a new one.
AuditNote audit_of(const ScheduleRow& row, const Doer& by);
AuditNote audit_of(const ScheduleRow& row, ScheduleChange change, const Doer& by);

/// A run as it was before it is claimed; nothing if nobody held it, who goes on with it is all the
/// same then.
struct Claimed {
  std::string id;
  RunStatus status = RunStatus::kRunning;
  EngineKey holder = 0;  // that is dead, if it is another than `engine`
  int64_t process = 0;   // of that
};
std::optional<AuditNote> audit_of(const Claimed& was, EngineKey engine, Claimer claimer,
                                  const Doer& by);

AuditNote audit_of_quarantine(RunKey run, const std::string& why, const Doer& by);
AuditNote audit_of_redaction(const std::string& store_id, int64_t number, const std::string& reason,
                             const Doer& by);
/// kNotFound: the trail has no row of this number; kRefused: it is redacted already.
tl::unexpected<Error> not_redactable(int64_t number, bool is_there);
/// Of a tree that is over.
AuditNote audit_of_removal(const std::vector<RunLinks>& tree, const Doer& by);
/// That a store was found to be restored or copied, and what it holds since.
/// The logs of so many runs that were over before that time, microseconds.
AuditNote audit_of_logs_removed(const std::string& store_id, int64_t before, size_t runs,
                                const Doer& by);
AuditNote audit_of_epoch(const std::string& store_id, const Hold& hold);
/// That what it held goes on.
AuditNote audit_of_acceptance(const std::string& store_id, const Hold& hold, int64_t runs,
                              const Doer& by);
AuditNote audit_of_freed(const std::string& run, int64_t locks, const Doer& by);

}  // namespace rbk::engine
