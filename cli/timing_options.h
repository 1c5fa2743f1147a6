// What the commands about schedules and calendars have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compiler/check/checked.h"
#include "timing/zone.h"

namespace rbk::cli {

/// The word behind a command of several. kInvalid names all that there are, and the nearest one;
/// an empty `verb`: nothing was written.
Status known_verb(std::string_view command, std::string_view verb,
                  const std::vector<std::string_view>& verbs);

/// `--from`, a time with its zone; now without it. kInvalid if it is none.
Result<timing::sys_seconds> from_time(const std::optional<std::string>& given);

/// The value of `--since` and the like: a time, or a duration before now; microseconds since the
/// epoch. kInvalid names the option.
Result<int64_t> time_or_ago(std::string_view option, const std::string& text);

/// `-n`, 1 to 1000; `otherwise` without it.
Result<int> how_many(const std::optional<std::string>& given, int otherwise);

/// The declarations of that kind in the file that was asked for, or the one of that name. kNotFound
/// says what there is. `what` names the kind: "schedule".
Result<std::vector<check::SymbolId>> declared(const check::CheckedProgram& checked,
                                              check::Symbol::Kind kind, std::string_view what,
                                              const std::string& file, const std::string& name);

}  // namespace rbk::cli
