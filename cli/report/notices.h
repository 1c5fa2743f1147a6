// Notices as people and scripts see them.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "engine/store.h"

namespace rbk::cli {

/// "open", "delivered", "given_up", "dropped".
std::string_view notice_state(engine::Notice::State state);

boost::json::object notice_json(const engine::Notice& notice);

/// "3k9 approval to sre: delivered 2026-11-30T08:00:00Z"; a problem on a line of its own.
std::string notice_text(const engine::Notice& notice);

}  // namespace rbk::cli
