// What the program of an own action answers: docs/own-actions.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/action.h"

namespace rbk::stdlib {

/// An answer that is none: what was expected, and what came.
struct Fault {
  std::string what;  // "printed no answer: expected …"
  engine::Effect effect = engine::Effect::kUnknown;
};

struct Answer {
  engine::Outcome outcome;     // kOk or kError
  std::optional<Fault> fault;  // then there is no outcome
};

/// Reads one JSON object from all that a program printed. Takes the declaration's word for what
/// fits.
Answer read_answer(std::string_view text, const engine::Declaration& declaration);

}  // namespace rbk::stdlib
