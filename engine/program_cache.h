// The programs of the runs that an engine goes on with: loaded and verified once, shared by all
// runs that have one.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "base/hash.h"
#include "base/result.h"
#include "engine/store.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

class ProgramCache {
 public:
  /// As load_program (engine/recovery.h). A program is kept as long as a run has it, and the last
  /// few beyond that: what waits is let go, and often comes again.
  Result<std::shared_ptr<const bytecode::Program>> load(Store& store, const RunRow& row);

 private:
  using Shared = std::shared_ptr<const bytecode::Program>;

  std::map<Digest, std::weak_ptr<const bytecode::Program>> known_;
  std::deque<Shared> last_;
};

}  // namespace rbk::engine
