// Which runs of a store a command looks at: the options that `rbk runs` and `rbk search` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "engine/store.h"

namespace rbk::cli {

class RunFilterOptions {
 public:
  /// `--status --runbook --label --by --since --limit`. Must outlive the parsing.
  void describe(Options& options);
  /// `most`: so many without --limit. kInvalid: a value that says nothing.
  Result<engine::RunFilter> read(uint32_t most) const;

 private:
  std::optional<std::string> status_;
  std::optional<std::string> runbook_;
  std::optional<std::string> by_;
  std::optional<std::string> since_;
  std::optional<std::string> limit_;
  std::vector<std::string> labels_;
};

}  // namespace rbk::cli
