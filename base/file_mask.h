// The mask of this process for the files that it makes.
#pragma once

#include <cstdint>

namespace rbk {

/// Read once: nothing in this process changes it.
uint32_t file_mask();

}  // namespace rbk
