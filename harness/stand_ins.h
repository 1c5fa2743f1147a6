// What stands in for the world in one test: `given` after `given`, the first that fits answers.
// Not thread-safe.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lower/test_program.h"
#include "vm/machine.h"

namespace rbk::harness {

/// The answer to a call of an action or of a replaced runbook.
struct Reply {
  enum class How : uint8_t {
    kOk,       // output
    kFails,    // error: `=> fail …`
    kNone,     // nothing stands in: `problem` says it with the cure
    kProblem,  // a stand-in itself went wrong: `problem`
  };
  How how = How::kNone;
  boost::json::value output;
  vm::ErrorValue error;
  std::string problem;
};

/// The answer to an approval.
struct Decision {
  bool approved = false;
  boost::json::object form;
};

class StandIns {
 public:
  explicit StandIns(const lower::TestProgram& tests) : tests_(tests) {}

  /// `index` into TestProgram::stand_ins; `captures` as `test.given` gives them.
  void add(uint32_t index, boost::json::array captures);

  /// `arguments` by parameter, as handed over (see `handed_over`).
  Reply call(const std::string& target, const boost::json::object& arguments);
  /// Nothing if nobody decides. The error names what went wrong in a stand-in.
  Result<std::optional<Decision>> decide(const std::string& approval);
  /// When the clock begins; nothing if no `given now` says so.
  Result<std::optional<int64_t>> clock();

 private:
  struct Given {
    const lower::StandIn* what;
    boost::json::array captures;
    int64_t replied = 0;
  };
  /// Runs a hidden runbook of the program, which ends at once.
  Result<vm::Ending> evaluate(uint32_t runbook, boost::json::array arguments) const;
  boost::json::array arguments_of(const Given& given, const boost::json::object& call) const;
  /// Whether its `match` says that it stands in for this call.
  Result<bool> fits(const Given& given, const boost::json::object& call) const;

  const lower::TestProgram& tests_;
  std::vector<Given> given_;
};

/// Arguments as tests see them: a secret as its text.
boost::json::object handed_over(const boost::json::object& arguments);

}  // namespace rbk::harness
