// A run's whole state after one of its entries: the machine's snapshot and what the engine knows of
// the requests that wait. It can always be thrown away: the journal gives the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/asked.h"
#include "vm/machine.h"

namespace rbk::engine {

struct Snapshot {
  uint64_t entry = 0;  // the last one that it takes in
  int64_t time = 0;    // that entry's
  std::string machine;
  std::vector<Asked> asked;  // of each request only its id
  bool paused = false;
};

std::string encode_snapshot(uint64_t entry, int64_t time, const vm::Machine& machine,
                            const AskedRequests& asked, bool paused);
/// kCorrupt or kUnsupported: throw it away.
Result<Snapshot> decode_snapshot(std::string_view bytes);

}  // namespace rbk::engine
