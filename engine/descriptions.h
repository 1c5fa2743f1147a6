// What a machine asks for and what happened to it, in JSON: for people and tools that look at a
// run's history. The fields are a contract: docs/events.md.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "engine/asked.h"
#include "engine/store.h"
#include "vm/bytecode/program.h"
#include "vm/machine.h"

namespace rbk::engine {

/// {"request", "what": "perform", "path", …}.
boost::json::object describe_request(const bytecode::Program& program, const vm::Request& request);

/// The step's or the wait's path; empty for requests that have none.
std::string_view path_of(const vm::Request& request);

/// {"kind": "performed", …}. `answered`: what it answers, with its path; null if nothing.
boost::json::object describe_event(const bytecode::Program& program, const vm::Event& event,
                                   const vm::Request* answered);

/// Of an entry that is no event: "repeated", "not_started", "doubt", "begun", "upgraded", …
std::string_view entry_word(Entry::Kind kind);

}  // namespace rbk::engine
