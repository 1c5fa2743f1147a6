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

}  // namespace rbk::cli
