// What a run that is rehearsed meets: what its calls are answered, what people decide, what time it
// is.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "vm/machine.h"

namespace rbk::harness {

/// One call of an action or of a replaced runbook.
struct Call {
  std::string target;             // "http.post", "inventory.hosts"
  boost::json::object arguments;  // by parameter, as handed over: a secret as its text
  std::string step;               // its path
  uint32_t attempt = 1;
  int64_t at = 0;     // microseconds since the epoch
  std::string error;  // the kind that it failed with; empty: it did not
};

/// The answer to a call.
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

/// What a person says of a step in doubt.
enum class Doubted : uint8_t { kDone, kNotDone };

/// What a person says of a step that has failed.
struct Resolution {
  vm::event::Resolved::How how = vm::event::Resolved::How::kFail;  // kNotDone: try it again
  boost::json::value output;                                       // kDone
};

class World {
 public:
  virtual ~World() = default;

  virtual Reply call(const Call& call) = 0;
  /// On an approval, or a question. Nothing if nobody decides. The error names what went wrong.
  virtual Result<std::optional<Decision>> decide(const std::string& name, bool is_question) = 0;
  /// What a signal brings that somebody sends; nothing if nobody does.
  virtual Result<std::optional<boost::json::value>> signal(const std::string& name) = 0;
  /// Of a failed step that asks. Nothing if nobody says it: the run waits.
  virtual Result<std::optional<Resolution>> failed(const std::string& path) = 0;
  /// Nothing if nobody says it: the run stays in doubt.
  virtual std::optional<Doubted> resolve(const std::string& path) = 0;
  /// When the clock begins; nothing if it does not matter.
  virtual Result<std::optional<int64_t>> clock() = 0;
  /// What `random` draws, each from 0 to below 1; empty if it does not matter.
  virtual Result<std::vector<double>> draws() = 0;
};

}  // namespace rbk::harness
