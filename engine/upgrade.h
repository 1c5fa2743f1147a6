// Whether a suspended run can go on with another program: its journal is replayed on it, and each
// request has to be the one that was made.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/recovery.h"
#include "engine/store.h"
#include "vm/inspect.h"

namespace rbk::engine {

struct UpgradeVerdict {
  enum class What : uint8_t {
    kGoesOn,    // its journal replays alike
    kMustStay,  // `why`
    kSame,      // it has this program
  };
  /// What one of the two programs asks for, and where in its text.
  struct Side {
    boost::json::object request;  // engine/descriptions.h; empty: it asks for nothing here
    vm::Place place;              // no file: not known
  };
  std::string run;
  std::string runbook;
  What what = What::kMustStay;
  std::string why;
  uint64_t event = 0;       // must stay: at which entry of its journal; 0: not for one of them
  std::optional<Side> was;  // must stay: the first requests that differ
  std::optional<Side> now;
  std::string from;  // the contents' hashes, in hexadecimal
  std::string to;
};

/// Errors are those of reading the run with its own program. `brought`: where it goes on, its state
/// in the new one.
Result<UpgradeVerdict> judge_upgrade(Store& store, const RunRow& row,
                                     const std::shared_ptr<const bytecode::Program>& program,
                                     std::optional<RecoveredRun>* brought = nullptr);

}  // namespace rbk::engine
