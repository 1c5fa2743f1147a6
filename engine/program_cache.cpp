#include "engine/program_cache.h"

#include <algorithm>

#include "engine/recovery.h"

namespace rbk::engine {

namespace {

constexpr size_t kKept = 4;

}  // namespace

Result<std::shared_ptr<const bytecode::Program>> ProgramCache::load(Store& store,
                                                                    const RunRow& row) {
  Shared found;
  if (const auto known = known_.find(row.program); known != known_.end())
    found = known->second.lock();
  if (!found) {
    auto loaded = load_program(store, row);
    if (!loaded) return loaded;
    found = std::move(*loaded);
    std::erase_if(known_, [](const auto& one) { return one.second.expired(); });
    known_[row.program] = found;
  }
  if (last_.empty() || last_.back() != found) {
    std::erase(last_, found);
    last_.push_back(found);
    if (last_.size() > kKept) last_.pop_front();
  }
  return found;
}

}  // namespace rbk::engine
