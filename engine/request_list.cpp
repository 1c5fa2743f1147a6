#include "engine/request_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace rbk::engine {

std::string list_text(const std::vector<uint64_t>& requests) {
  return fmt::format("{}", fmt::join(requests, ","));
}

std::vector<uint64_t> list_of(std::string_view text) {
  std::vector<uint64_t> requests;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    uint64_t one = 0;
    for (const char digit : text.substr(0, comma))
      one = one * 10 + static_cast<uint64_t>(digit - '0');
    requests.push_back(one);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return requests;
}

}  // namespace rbk::engine
