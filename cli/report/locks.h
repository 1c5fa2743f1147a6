// Locks, for people and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace rbk::cli {

/// "the lock `db`", "`exclusive \"restart-api\"`", by the input of news of a lock.
std::string lock_text(const boost::json::value& description);

/// "waits for the lock `db`, which run 3k9 has", of the news kQueues; the others in their way.
std::string lock_line(const engine::News& news);
boost::json::object lock_event(const std::string& run, const engine::News& news);

/// ", which run 3k9 has", ", which runs 3k9 and 4ab have"; empty if nobody has it.
std::string holders_text(const std::vector<std::string>& runs);
/// "the lock `db`, which run 3k9 has": what a run waits for.
std::string queue_text(const engine::LockState& lock);
/// Those of its holders that nobody drives, each with what frees it: "run 3k9, which has the lock
/// `db`, is waiting and nobody drives it: `rbk resume 3k9` goes on with it, `rbk cancel 3k9` ends
/// it".
std::vector<std::string> idle_holders(const engine::LockState& lock, std::string_view store_option);

/// Everything of one lock, in lines.
std::string lock_table(const engine::LockState& lock, std::string_view store_option);
boost::json::object lock_json(const engine::LockState& lock);

}  // namespace rbk::cli
