// The files of a store as the system sees them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::sqlite {

/// "store PATH: can't DOING: why", with the kind and the cure of an errno.
Error system_error(std::string_view doing, const std::string& path, int error);

/// So many random bytes in hexadecimal.
std::string random_hex(size_t bytes);

/// Of a path; "." if it names none.
std::string folder_of(const std::string& path);

}  // namespace rbk::engine::sqlite
