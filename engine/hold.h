// What a store holds since it was found to be restored or copied, as its rows keep it.
// docs/decisions/0058-a-restored-store-is-another-epoch.md.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// As a store keeps it: JSON {since, why, runs}; the epoch stands beside it.
std::string hold_text(const Hold& hold);
/// kCorrupt: it is none.
Result<Hold> parse_hold(std::string_view text, int64_t epoch);

/// "store PLACE: WHY; what its 3 unfinished runs did since is not known, and they are held since
/// TIME": what is kept of each of them as the reason of its quarantine.
std::string held_because(const std::string& place, const Hold& hold);

/// Whether what a store holds may go on. `wanted`: the epoch of which that was said. kRefused: it
/// holds nothing; kExists: another has begun since.
Status may_accept(const std::string& place, int64_t epoch, bool holds, int64_t wanted);

/// An engine of the store lives, and must not go on over what has changed under it. kRefused.
tl::unexpected<Error> replaced_while_in_use(const std::string& place, const std::string& why);

}  // namespace rbk::engine
