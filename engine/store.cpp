#include "engine/store.h"

namespace rbk::engine {

Result<std::vector<Result<RunRow>>> Store::claim_each(const std::vector<RunKey>& runs,
                                                      EngineKey engine, Claimer claimer,
                                                      const Doer& by) {
  std::vector<Result<RunRow>> rows;
  rows.reserve(runs.size());
  for (const RunKey run : runs) rows.push_back(claim(run, engine, claimer, by));
  return rows;
}

}  // namespace rbk::engine
