// A difference between two versions as people read it, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "compiler/effects/compare.h"

namespace rbk::cli {

/// "no longer has `wait 5m`, in drain": one line, without what would move the cursor.
std::string change_text(const effects::Change& change);

/// The fields are described in docs/cli.md.
boost::json::object change_json(const std::string& runbook, const effects::Change& change);

}  // namespace rbk::cli
