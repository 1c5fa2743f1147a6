// What stands in for the world in one test: `given` after `given`, the first that fits answers.
// Copies go on from where the original stands. Not thread-safe.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lower/test_program.h"
#include "harness/world.h"

namespace rbk::harness {

class StandIns : public World {
 public:
  explicit StandIns(const lower::TestProgram& tests) : tests_(&tests) {}

  /// `index` into TestProgram::stand_ins; `captures` as `test.given` gives them.
  void add(uint32_t index, boost::json::array captures);

  Reply call(const Call& call) override;
  Result<std::optional<Decision>> decide(const std::string& name, bool is_question) override;
  Result<std::optional<boost::json::value>> signal(const std::string& name) override;
  Result<std::optional<Resolution>> failed(const std::string& path) override;
  std::optional<Doubted> resolve(const std::string& path) override;
  Result<std::optional<int64_t>> clock() override;
  Result<std::vector<double>> draws() override;

 private:
  struct Given {
    const lower::StandIn* what;
    boost::json::array captures;
    int64_t replied = 0;
  };
  Reply answer(const Call& call);
  /// Runs a hidden runbook of the program, which ends at once.
  Result<vm::Ending> evaluate(uint32_t runbook, boost::json::array arguments) const;
  boost::json::array arguments_of(const Given& given, const boost::json::object& call) const;
  /// Whether its `match` says that it stands in for this call.
  Result<bool> fits(const Given& given, const boost::json::object& call) const;

  const lower::TestProgram* tests_;
  std::vector<Given> given_;
  std::vector<Call> calls_;  // so far
};

/// Whether an error of that kind is one that may pass, where the test does not say it.
bool is_retryable(const vm::ErrorValue& error);

/// Arguments as tests see them: a secret as its text.
boost::json::object handed_over(const boost::json::object& arguments);

}  // namespace rbk::harness
