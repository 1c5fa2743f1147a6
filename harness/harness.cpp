#include "harness/harness.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "harness/body.h"
#include "harness/path_text.h"
#include "harness/rehearsal.h"
#include "harness/stand_ins.h"

namespace rbk::harness {

namespace json = boost::json;

namespace {

class Testing {
 public:
  explicit Testing(const lower::TestProgram& tests) : tests_(tests), stand_ins_(tests) {}

  TestResult run(const lower::Test& test) {
    const auto begin = std::chrono::steady_clock::now();
    TestResult result;
    result.title = test.title;
    result.at = test.at;
    const BodyEnd end = run_body(tests_, test.runbook, {},
                                 [&](const std::string& action, const json::object& arguments) {
                                   return answer(action, arguments);
                                 });
    result.message = as_written(tests_, end.message);
    result.line = end.line;
    if (result.message.empty()) expect_crashes(result);
    if (result.message.empty()) result.passed = true;
    if (!result.passed) {
      for (std::string& line : last_story_)
        result.story.push_back(as_written(tests_, std::move(line)));
    }
    result.microseconds = std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::steady_clock::now() - begin)
                              .count();
    return result;
  }

 private:
  /// A crash that never came says nothing of what it was to test.
  void expect_crashes(TestResult& result) const {
    if (crashes_.empty()) return;
    const Crash& first = crashes_.front();
    result.line = first.line;
    result.message = fmt::format(
        "the engine was to die {} step {}, and no run came there after this line; write it before "
        "the run, and let the step be done in it",
        first.before ? "before" : "after", first.step);
  }

  Result<json::value> answer(const std::string& action, const json::object& arguments) {
    if (action == lower::kGivenAction) {
      const json::value& captures = arguments.at("captures");
      stand_ins_.add(static_cast<uint32_t>(arguments.at("stand_in").as_int64()),
                     captures.is_array() ? captures.as_array() : json::array());
      return json::value();
    }
    if (action == lower::kCrashAction) {
      crashes_.push_back({arguments.at("before").as_bool(),
                          std::string(arguments.at("step").as_string()), false,
                          static_cast<uint32_t>(arguments.at("line").as_int64())});
      return json::value();
    }
    if (action.starts_with(lower::kCallsAction))
      return json::value(calls_of(calls_, action.substr(lower::kCallsAction.size())));
    return rehearse_one(action.substr(lower::kRunAction.size()), arguments);
  }

  Result<json::value> rehearse_one(const std::string& name, const json::object& parameters) {
    const auto& runbooks = tests_.program->runbooks;
    uint32_t index = 0;
    while (index < runbooks.size() && runbooks[index].name != name) ++index;
    if (index == runbooks.size())
      return fail(ErrorKind::kInternal, fmt::format("the program has no runbook `{}`", name));
    Rehearsal run = rehearse(tests_, index, parameters, stand_ins_, crashes_);
    last_story_ = run.story;
    if (!run.problem.empty()) return fail(ErrorKind::kInvalid, run.problem);
    const json::object record = outcome(run);
    calls_.insert(calls_.end(), run.calls.begin(), run.calls.end());
    for (const lower::Invariant& invariant : tests_.invariants) {
      if (invariant.about != name || !run.refused.empty()) continue;
      const std::string broken = break_of(tests_, invariant, record, run.calls);
      if (broken.empty()) continue;
      return fail(ErrorKind::kInvalid, broken);
    }
    return json::value(record);
  }

  const lower::TestProgram& tests_;
  StandIns stand_ins_;
  std::vector<Crash> crashes_;
  std::vector<Call> calls_;
  std::vector<std::string> last_story_;
};

}  // namespace

TestResult run_test(const lower::TestProgram& tests, const lower::Test& test) {
  return Testing(tests).run(test);
}

}  // namespace rbk::harness
