// Requests in a column: "3,17".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rbk::engine {

std::string list_text(const std::vector<uint64_t>& requests);
std::vector<uint64_t> list_of(std::string_view text);

}  // namespace rbk::engine
