// What the rows of a store refer to. Both stores are asked the same, in SQL that both understand.
#pragma once

#include <span>
#include <string_view>

namespace rbk::engine {

struct Reference {
  std::string_view kind;  // of the finding: docs/cli.md
  /// Rows of (key of the run or 0, its id or a name or '', count). `{program}` is the column of
  /// `program` that others name. A count of 0 says nothing.
  std::string_view sql;
  /// `{name}`: the run, or what else has the row; `{count}`.
  std::string_view message;
  std::string_view cure;
};

std::span<const Reference> store_references();

/// The cure of what nothing mends.
inline constexpr std::string_view kRestore = "restore the store from a backup";

}  // namespace rbk::engine
