// An effect summary as people read it, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "compiler/effects/effects.h"

namespace rbk::cli {

/// Several lines, the last one with its end. What happens in several places stands once.
std::string effects_text(const effects::Summary& summary, bool colour);

/// The fields are described in docs/cli.md.
boost::json::object effects_json(const effects::Summary& summary);

/// "forward", "rollback", "after failure".
std::string_view phase_name(effects::Phase phase);
/// "drain", "drain (undo)", "(after failure)".
std::string place_text(const effects::Place& place);
/// "7m", "5m and 2m for every 2 of `hosts`"; "nothing" if it takes no time.
std::string bound_text(const effects::Bound& bound);

}  // namespace rbk::cli
