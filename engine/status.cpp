#include "engine/status.h"

#include <fmt/format.h>

#include <array>

namespace rbk::engine {
namespace {

constexpr std::array<std::string_view, 11> kRunWords = {
    "",          "running", "waiting", "paused",          "in_doubt", "quarantined",
    "succeeded", "partial", "failed",  "rollback_failed", "cancelled"};
constexpr std::array<std::string_view, 10> kStepWords = {
    "",       "pending", "running",  "waiting",     "succeeded",
    "failed", "skipped", "in_doubt", "rolled_back", "cancelled"};

}  // namespace

std::string_view to_string(RunStatus status) { return kRunWords.at(static_cast<size_t>(status)); }
std::string_view to_string(StepStatus status) { return kStepWords.at(static_cast<size_t>(status)); }

Result<RunStatus> parse_run_status(std::string_view word) {
  for (size_t i = 1; i < kRunWords.size(); ++i)
    if (kRunWords[i] == word) return static_cast<RunStatus>(i);
  return fail(ErrorKind::kInvalid, fmt::format("`{}` is no status of a run", word),
              "one of: running waiting paused in_doubt quarantined succeeded partial failed "
              "rollback_failed cancelled");
}

bool is_over(RunStatus status) { return status >= RunStatus::kSucceeded; }

}  // namespace rbk::engine
