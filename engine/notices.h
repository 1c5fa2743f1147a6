// What targets are told, and the outbox's rules. Kinds of notices, as `[notify.defaults]` names
// them: approval question signal failed_step doubt (somebody is waited for), escalated (an approval
// was, while nobody had decided), break_glass (one person decided alone), run_failed,
// rollback_failed.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"

namespace rbk::engine {

inline constexpr std::array<std::string_view, 9> kNoticeKinds{
    "approval",  "question",    "signal",     "failed_step",    "doubt",
    "escalated", "break_glass", "run_failed", "rollback_failed"};

/// Something that happened in a run, of which targets are told.
struct Occasion {
  std::string kind;
  uint64_t request = 0;              // the wait that it is about; 0: none
  std::string path;                  // of the step, approval or question
  boost::json::object about;         // the wait's description; or {by, reason}, {error}
  std::vector<std::string> targets;  // that the runbook names; empty: the project's defaults
  bool defaults_too = false;         // whatever the runbook names
  std::optional<int64_t> due;        // nothing: at once
  std::optional<int64_t> expires;    // of the wait
};

/// The occasion of a wait that began; and that of its escalation, if it has one.
std::vector<Occasion> occasions_of(const Wait& wait);

/// Those that `notify` of an approval or a question names.
std::vector<std::string> named_targets(const boost::json::object& description);

/// When an approval so described, which began at `since`, is put before others too; nothing if it
/// never is.
std::optional<int64_t> escalates_at(const boost::json::object& description, int64_t since);

/// What a target is told of it. docs/formats/notices.md
boost::json::object payload_of(const RunRow& run, const std::string& id, const Occasion& occasion,
                               int64_t time);

/// When a delivery that failed so often is tried again, after so much; nothing: no more, since
/// `made`.
std::optional<int64_t> next_attempt(int64_t made, int64_t now, int64_t attempts);

/// Runs with this label do not tell anybody by default: else one that tells would tell of itself.
inline constexpr std::string_view kNoticeLabel = "notice";

}  // namespace rbk::engine
