#include "cli/run_filter.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "cli/timing_options.h"

namespace rbk::cli {
namespace {

Result<uint32_t> parse_limit(const std::string& text) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::kInvalid, fmt::format("--limit {} is no number", text),
                "write --limit 20; 0 shows all");
  return value;
}

}  // namespace

void RunFilterOptions::describe(Options& options) {
  options.value("--status", status_)
      .value("--runbook", runbook_)
      .value("--by", by_)
      .value("--since", since_)
      .value("--limit", limit_)
      .values("--label", labels_);
}

Result<engine::RunFilter> RunFilterOptions::read(uint32_t most) const {
  engine::RunFilter filter;
  filter.limit = most;
  if (status_) {
    Result<engine::RunStatus> wanted = engine::parse_run_status(*status_);
    if (!wanted) return tl::unexpected(wanted.error());
    filter.status = *wanted;
  }
  if (since_) {
    Result<int64_t> time = time_or_ago("--since", *since_);
    if (!time) return tl::unexpected(time.error());
    filter.since = *time;
  }
  if (limit_) {
    Result<uint32_t> count = parse_limit(*limit_);
    if (!count) return tl::unexpected(count.error());
    filter.limit = *count;
  }
  filter.runbook = runbook_.value_or("");
  filter.starter = by_.value_or("");
  for (const std::string& label : labels_) {
    auto pair = key_and_value("--label", label);
    if (!pair) return tl::unexpected(pair.error());
    filter.labels.push_back(std::move(*pair));
  }
  return filter;
}

}  // namespace rbk::cli
