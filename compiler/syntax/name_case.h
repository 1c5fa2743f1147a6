// How names are written: values in `snake_case`, types in `UpperCamel`.
#pragma once

#include <string>
#include <string_view>

namespace rbk::syntax {

constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/// `hostName` and `MAX_HOSTS` as a value's name: `host_name`, `max_hosts`.
std::string snake_case(std::string_view word);

/// `host_name` as a type's name: `HostName`.
std::string upper_camel(std::string_view word);

}  // namespace rbk::syntax
