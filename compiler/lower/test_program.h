// Tests as the test runner (harness/) gets them: a program of which some runbooks are no runbooks
// of anybody's, but the bodies of tests and what stands in for the world.
//
// A body asks the runner by actions of its own, which nobody else may import:
//   test.run NAME    the runbook's arguments -> how the run ended (a record)
//   test.calls NAME  -> the calls so far (a list of records)
//   test.given       {stand_in, captures} -> nothing: from now on it stands in
//   test.crash       {before, step} -> nothing
// A stand-in has two functions, each the body of a runbook that takes the captures, the arguments
// of the call as text where they are templates, and (`reply`) how often it has replied before.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "compiler/check/checked.h"
#include "vm/bytecode/program.h"

namespace rbk::lower {

inline constexpr std::string_view kRunAction = "test.run ";
inline constexpr std::string_view kCallsAction = "test.calls ";
/// And the name of a replaced runbook that a step starts: what fails is the run that it would be.
inline constexpr std::string_view kStartAction = "test.start ";
inline constexpr std::string_view kGivenAction = "test.given";
inline constexpr std::string_view kCrashAction = "test.crash";

/// A place in a file, as messages name it.
struct WrittenAt {
  std::string file;
  uint32_t line = 1;
};

struct StandIn {
  enum class Kind : uint8_t { kCall, kApproval, kQuestion, kSignal, kClock, kRandom, kFailure };
  Kind kind = Kind::kCall;
  std::string target;  // "http.post", "inventory.hosts"; of what people give its name
  WrittenAt at;
  std::vector<std::string> parameters;  // of the target, by name
  uint32_t matches = bytecode::kNone;   // runbook -> bool
  uint32_t reply = bytecode::kNone;     // runbook -> the reply; none: an approval is rejected
  uint32_t replies = bytecode::kNone;   // so many replies in order; kNone: always
  bool says_retryable = false;          // its errors say whether a repetition may end otherwise
};

struct Test {
  std::string title;
  WrittenAt at;
  uint32_t runbook = 0;  // its body, without parameters
};

struct Invariant {
  std::string title;
  WrittenAt at;
  std::string about;     // the runbook, by its full name
  uint32_t runbook = 0;  // its body; takes the record that `test.run` gives
};

/// Tests that replace the same runbooks share a program.
struct TestProgram {
  std::shared_ptr<const bytecode::Program> program;
  std::vector<StandIn> stand_ins;  // `test.given` names them by index
  /// For each action that is imported: the kinds of errors that its module declares.
  std::map<std::string, std::vector<std::string>> errors;
  /// Fields of errors that may be left out: "ShellError.stdout".
  std::set<std::string> optional_fields;
  /// How the file calls what it imports: "lib/inventory" -> "inventory".
  std::map<std::string, std::string> imports;
  std::vector<Test> tests;
  std::vector<Invariant> invariants;
};

/// The tests and invariants of the file that was checked, in the order of the text. `checked` must
/// hold no error. A file without tests, but with invariants, gives one program. Errors as `lower`.
Result<std::vector<TestProgram>> lower_tests(const check::CheckedProgram& checked);

}  // namespace rbk::lower
