// What a machine holds between two turns, for people who look at it: fibers, where each stands in
// the text, and the values of its variables. Nothing of it changes the machine.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/machine.h"

namespace rbk::vm {

/// A place in the text, as the program knows it.
struct Place {
  std::string file;     // relative to the project; empty: the program does not know its places
  uint32_t line = 0;    // from 1
  uint32_t column = 0;  // from 1
  friend bool operator==(const Place&, const Place&) = default;
};

/// A variable that is read further on. What nothing reads any more is gone while a run waits.
struct VariableState {
  std::string name;
  boost::json::value value;  // docs/formats/values.md; secrets by their names
  bool too_large = false;    // then the value is null
};

struct FrameState {
  std::string function;  // "restart_service", "restart_service/drain/rollback"
  Place place;
  bool undoes = false;                   // it is a rollback or a `defer` that runs
  std::vector<VariableState> variables;  // parameters first
};

struct FiberState {
  uint64_t id = 0;
  uint64_t parent = 0;         // whose branch it is; 0: the run's first
  std::string path;            // of the step that it is in; empty: of none
  std::string_view waits_for;  // "perform", "sleep", "branches", ...; empty: nothing, it has ended
  RequestId request = 0;       // that it waits for; 0: for none
  std::vector<FrameState> frames;  // the innermost first
};

/// Whether a program knows the names of its variables.
bool names_variables(const bytecode::Program& program);

}  // namespace rbk::vm
