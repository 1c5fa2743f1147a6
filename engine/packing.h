// How the stores keep long texts: compressed (zstd), where that makes them smaller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/store.h"

namespace rbk::engine {

/// Packs what of the group's outputs and log lines is worth it: see `plain_size` of each. What is
/// packed stays as it is.
void pack(Group& group);

/// Of the lines before they were packed.
int64_t size_of_lines(const LogChunk& chunk);
int64_t size_of_lines(const std::vector<LogChunk>& chunks);

/// The text that `bytes` were made of, of `plain_size` bytes; 0: they are that text. kCorrupt: they
/// are not.
Result<std::string> unpack(std::string bytes, int64_t plain_size);

}  // namespace rbk::engine
