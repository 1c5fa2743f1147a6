// Log lines as the store keeps them: in chunks of consecutive lines of one attempt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/action.h"

namespace rbk::engine {

struct LogText {
  int64_t time = 0;  // microseconds since the epoch
  LogStream stream = LogStream::kOut;
  std::string text;
};

/// Appends a line to the form in LogChunk::lines.
void append_line(std::string& lines, int64_t time, LogStream stream, std::string_view text);

Result<std::vector<LogText>> decode_lines(std::string_view lines);

/// `text` with every byte that is not UTF-8 replaced by U+FFFD.
std::string as_utf8(std::string_view text);

}  // namespace rbk::engine
