// The natives by subject; natives.cpp searches them.
#pragma once

#include <span>

#include "vm/natives.h"

namespace rbk::vm {

std::span<const NativeEntry> text_natives();
std::span<const NativeEntry> list_natives();
std::span<const NativeEntry> map_natives();    // and json
std::span<const NativeEntry> plain_natives();  // numbers, durations, sizes, ranges
std::span<const NativeEntry> table_natives();
std::span<const NativeEntry> time_natives();
std::span<const NativeEntry> encoding_natives();  // shell, url, base64, hexadecimal, hashes

}  // namespace rbk::vm
