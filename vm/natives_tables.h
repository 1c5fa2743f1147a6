// The natives by subject; natives.cpp searches them.
#pragma once

#include <span>

#include "vm/natives.h"

namespace rbk::vm {

std::span<const NativeEntry> text_natives();
std::span<const NativeEntry> list_natives();
std::span<const NativeEntry> map_natives();    // and json
std::span<const NativeEntry> plain_natives();  // numbers, durations, times, ranges, shell, url

}  // namespace rbk::vm
