// JSON objects that say one thing twice: readers keep one of the two, and nobody knows which.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rbk::cli {

/// The first key that an object of `json` has twice, with the way to it: "service", "tags.a",
/// "hosts[2].name". `json` must be well-formed.
std::optional<std::string> repeated_key(std::string_view json);

}  // namespace rbk::cli
