// A few programs that between them use every part of the machine: seeds of the fuzz targets.
#pragma once

#include <span>
#include <string_view>

namespace rbk::vm::testing {

struct Sample {
  std::string_view name;
  std::string_view text;  // for `assemble`
};

std::span<const Sample> samples();

}  // namespace rbk::vm::testing
