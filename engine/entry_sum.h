// What an entry's row carries to be told from a damaged one.
#pragma once

#include <cstdint>

#include "engine/store.h"

namespace rbk::engine {

/// 64 bits over the entry's contents and place.
int64_t entry_sum(RunKey run, const Entry& entry);

}  // namespace rbk::engine
