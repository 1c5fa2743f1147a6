// Names of the language's contract that nothing stands behind yet: modules and actions.
// Somebody who writes one has made no mistake of spelling, and is told what does its work now.
#pragma once

#include <optional>
#include <string_view>

namespace rbk::check {

struct LaterName {
  std::string_view what;  // as a message names it: "the module `sql`"
  std::string_view cure;  // what can be done until then
};

/// Nothing if the contract has no such name. A runbook's own name of this kind hides it: ask only
/// after looking that up.
std::optional<LaterName> later_name(std::string_view name);

}  // namespace rbk::check
