#include "engine/entry_sum.h"

#include "engine/sum.h"

namespace rbk::engine {

int64_t entry_sum(RunKey run, const Entry& entry) {
  Sum sum;
  sum.add(static_cast<uint64_t>(run));
  sum.add(entry.number);
  sum.add(static_cast<uint64_t>(entry.kind));
  sum.add(static_cast<uint64_t>(entry.time));
  sum.add(static_cast<uint64_t>(entry.boot_time));
  sum.add(entry.body);
  sum.add(entry.news);
  return static_cast<int64_t>(sum.value());
}

}  // namespace rbk::engine
