#include "engine/audit_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/units.h"
#include "engine/json_fields.h"
#include "engine/schedules.h"

namespace rbk::engine {
namespace {

namespace json = boost::json;

/// What is longer stands in the trail by its hash; it is in the journal.
constexpr size_t kLongest = 4096;

json::value bounded(const json::value& value) {
  const std::string text = json::serialize(value);
  if (text.size() <= kLongest) return value;
  return json::object{{"sha256", to_hex(sha256(text))}, {"bytes", text.size()}};
}

json::value parsed(const std::string& text) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  return failure ? json::value(text) : bounded(value);
}

AuditNote note_of(const Doer& by, std::string verb, std::string kind, std::string object,
                  const json::object& payload) {
  AuditNote note;
  note.by = by;
  note.verb = std::move(verb);
  note.kind = std::move(kind);
  note.object = std::move(object);
  note.payload = json::serialize(payload);
  return note;
}

Doer named(const Doer& by, const std::string& otherwise, int64_t time) {
  Doer made = by;
  if (made.user.empty()) made.user = otherwise;
  if (made.time == 0) made.time = time;
  return made;
}

std::string verb_of(const Message& message, const json::object& body) {
  switch (message.kind) {
    case Message::Kind::kVote:
      return "approve";
    case Message::Kind::kReject:
      return "reject";
    case Message::Kind::kCancel:
      return "cancel";
    case Message::Kind::kResolve:
      return text_of(body, "how") == "skip" ? "skip" : "resolve";
    case Message::Kind::kAnswer:
      return "answer";
    case Message::Kind::kSignal:
      return "signal";
    case Message::Kind::kPause:
      return "pause";
    case Message::Kind::kUnpause:
      return "unpause";
    case Message::Kind::kLock:
    case Message::Kind::kRunEnded:
      break;
  }
  return "tell";
}

json::object start_of(const NewRun& fresh) {
  const RunRow& row = fresh.row;
  json::object payload{{"runbook", row.runbook}, {"program", to_hex(row.program)}};
  if (!fresh.arguments.empty()) payload["arguments"] = parsed(fresh.arguments);
  if (row.retries != 0) {
    payload["retries"] = fresh.retried;
    payload["rule"] = parsed(row.retry_rule);
  }
  if (!row.placement.empty()) payload["worker"] = row.placement;
  if (!row.reason.empty()) payload["reason"] = row.reason;
  if (!row.labels.empty() && row.labels != "{}") payload["labels"] = parsed(row.labels);
  return payload;
}

std::string verb_of(const FiringRow& firing) {
  if (firing.key != 0) return "fire";  // it was queued, whoever wanted it
  switch (firing.kind) {
    case FiringRow::Kind::kHand:
      return "schedule run";
    case FiringRow::Kind::kBackfill:
      return "schedule backfill";
    case FiringRow::Kind::kPlan:
      break;
  }
  return firing.by.empty() ? "fire" : "calendar override";
}

/// `run`: that it starts; null: none.
AuditNote firing_note(const ScheduleStep& step, const FiringRow& firing, const NewRun* run) {
  const std::string verb = verb_of(firing);
  const bool by_itself = verb == "fire";
  Doer by = step.by;
  if (by_itself) by = {};
  by = named(by, by_itself || firing.by.empty() ? "schedule " + step.name : firing.by, step.time);
  json::object payload{{"schedule", step.name},
                       {"at", firing.at},
                       {"kind", to_string(firing.kind)},
                       {"outcome", to_string(firing.outcome)}};
  if (firing.count > 1) payload["count"] = firing.count;
  if (!firing.why.empty()) payload["why"] = firing.why;
  if (run == nullptr) return note_of(by, verb, "schedule", step.name, payload);
  for (auto& [key, value] : start_of(*run)) payload[key] = value;
  return note_of(by, verb, "run", run->row.id, payload);
}

bool is_lost(const CommitResult& result, RunKey run) {
  return std::find(result.lost.begin(), result.lost.end(), run) != result.lost.end();
}

bool begins_by_itself(const NewRun& fresh) { return fresh.row.link != Link::kNone; }

}  // namespace

AuditNote audit_of(const Message& message, const Doer& by) {
  json::object payload = object_of(message.body);
  const std::string verb = verb_of(message, payload);
  payload.erase("user");
  payload.erase("groups");
  for (auto& [key, value] : payload) value = bounded(value);
  if (!message.path.empty()) payload["path"] = message.path;
  AuditNote note = note_of(named(by, message.by, message.time), verb, "run", {}, payload);
  note.run = message.run;
  return note;
}

bool is_audited(const Group& group) {
  const auto is_step = [](const ScheduleStep& step) { return step.start || !step.records.empty(); };
  const auto is_move = [](const RunChange& change) { return change.program != nullptr; };
  return !std::all_of(group.runs.begin(), group.runs.end(), begins_by_itself) ||
         std::any_of(group.schedules.begin(), group.schedules.end(), is_step) ||
         std::any_of(group.changes.begin(), group.changes.end(), is_move);
}

std::vector<AuditNote> audit_of(const Group& group, const CommitResult& result) {
  std::vector<AuditNote> notes;
  const NewRun* fired = nullptr;
  for (const ScheduleStep& step : group.schedules) {
    for (const FiringRow& record : step.records)
      notes.push_back(firing_note(step, record, nullptr));
    if (!step.start) continue;
    fired = &group.runs.front();
    notes.push_back(firing_note(step, *step.start, fired));
  }
  for (const NewRun& fresh : group.runs) {
    if (begins_by_itself(fresh) || &fresh == fired) continue;
    const std::string_view verb = fresh.row.origin != 0    ? "rollback"
                                  : fresh.row.retries != 0 ? "retry"
                                                           : "start";
    notes.push_back(note_of(named(fresh.by, fresh.row.starter, fresh.row.started),
                            std::string(verb), "run", fresh.row.id, start_of(fresh)));
  }
  for (const RunChange& change : group.changes) {
    if (change.program == nullptr || is_lost(result, change.run)) continue;
    notes.push_back(
        note_of(change.by, "upgrade", "run", {}, {{"program", to_hex(change.program->hash)}}));
    notes.back().run = change.run;
  }
  return notes;
}

AuditNote audit_of(const ScheduleRow& row, const Doer& by) {
  json::object payload{{"version", row.version + 1},
                       {"runbook", row.runbook},
                       {"program", to_hex(row.program)},
                       {"arguments", parsed(row.arguments)},
                       {"timing", parsed(row.timing)},
                       {"overlap", to_string(row.overlap)},
                       {"missed", missed_text(row.missed, row.missed_within)},
                       {"file", row.place},
                       {"folder", row.folder}};
  return note_of(named(by, row.author, row.added), "schedule add", "schedule", row.name, payload);
}

AuditNote audit_of(const ScheduleRow& row, ScheduleChange change, const Doer& by) {
  const bool removes = change == ScheduleChange::kRemove;
  return note_of(named(by, row.paused_by, row.paused.value_or(row.watermark)),
                 removes      ? "schedule remove"
                 : row.paused ? "schedule pause"
                              : "schedule resume",
                 "schedule", row.name, {{"version", row.version + 1}});
}

std::optional<AuditNote> audit_of(const Claimed& was, EngineKey engine, Claimer claimer,
                                  const Doer& by) {
  const bool is_quarantined = was.status == RunStatus::kQuarantined;
  if (!is_quarantined && (was.holder == 0 || was.holder == engine)) return std::nullopt;
  json::object payload{{"engine", engine},
                       {"as", claimer == Claimer::kWorker ? "worker" : "person"}};
  if (!is_quarantined) payload["from"] = {{"engine", was.holder}, {"process", was.process}};
  return note_of(by, is_quarantined ? "resume" : "take over", "run", was.id, payload);
}

AuditNote audit_of_quarantine(RunKey run, const std::string& why, const Doer& by) {
  AuditNote note = note_of(by, "quarantine", "run", {}, {{"why", why}});
  note.run = run;
  return note;
}

AuditNote audit_of_redaction(const std::string& store_id, int64_t number, const std::string& reason,
                             const Doer& by) {
  return note_of(by, "audit redact", "store", store_id, {{"row", number}, {"reason", reason}});
}

tl::unexpected<Error> not_redactable(int64_t number, bool is_there) {
  if (is_there)
    return fail(ErrorKind::kRefused,
                fmt::format("row {} of the audit trail is redacted already", number));
  return fail(ErrorKind::kNotFound, fmt::format("the audit trail has no row {}", number),
              "`rbk audit` lists them by their numbers");
}

AuditNote audit_of_removal(const std::vector<RunLinks>& tree, const Doer& by) {
  const RunLinks& first = first_of(tree);
  return note_of(by, "store retain", "run", first.id,
                 {{"status", to_string(first.status)}, {"runs", tree.size()}});
}

AuditNote audit_of_logs_removed(const std::string& store_id, int64_t before, size_t runs,
                                const Doer& by) {
  return note_of(by, "store retain", "store", store_id,
                 {{"logs_before", format_time(before)}, {"runs", runs}});
}

AuditNote audit_of_epoch(const std::string& store_id, const Hold& hold) {
  return note_of({"rbk", "", hold.since}, "begin epoch", "store", store_id,
                 {{"epoch", hold.epoch}, {"why", hold.why}, {"runs", hold.runs}});
}

AuditNote audit_of_acceptance(const std::string& store_id, const Hold& hold, int64_t runs,
                              const Doer& by) {
  return note_of(by, "store accept", "store", store_id,
                 {{"epoch", hold.epoch}, {"why", hold.why}, {"runs", runs}});
}

AuditNote audit_of_freed(const std::string& run, int64_t locks, const Doer& by) {
  return note_of(by, "locks free", "run", run, {{"locks", locks}});
}

}  // namespace rbk::engine
