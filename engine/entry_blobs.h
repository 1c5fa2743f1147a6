// Which values out of line an entry of a journal names.
#pragma once

#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// Of its body and its news, in any order, perhaps one twice. Reads none of them. kCorrupt: the
/// entry can't be read, and so nobody knows.
Result<std::vector<Digest>> blobs_of(const Entry& entry);

}  // namespace rbk::engine
