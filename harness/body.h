// The body of a test or an invariant, as a machine of its own: what it asks the runner for is
// answered at once.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "compiler/lower/test_program.h"
#include "harness/rehearsal.h"

namespace rbk::harness {

/// `action` is one of those in test_program.h. An error ends the body.
using AnswerBody = std::function<Result<boost::json::value>(const std::string& action,
                                                            const boost::json::object& arguments)>;

struct BodyEnd {
  std::string message;  // why it failed; empty: it did not
  uint32_t line = 0;    // of the statement that failed; 0: not known
};

BodyEnd run_body(const lower::TestProgram& tests, uint32_t runbook, boost::json::array arguments,
                 const AnswerBody& answer);

/// Looks at a finished run (the record that `test.run` gives). Empty if the invariant holds.
std::string break_of(const lower::TestProgram& tests, const lower::Invariant& invariant,
                     const boost::json::object& run, const std::vector<Call>& calls);

}  // namespace rbk::harness
