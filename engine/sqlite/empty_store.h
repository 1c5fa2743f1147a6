// A store that nothing was written to yet, byte by byte: made from schema.sql when rbk is built
// (embed_store.py), since to make its tables by SQL takes a new store milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rbk::engine::sqlite {

/// The database file of a new store of format kFormat. `home`: at most 64 bytes, which are padded
/// with blanks; `time`: microseconds since the epoch.
std::string empty_store(const std::string& id, std::string_view home, int64_t time);

/// Of the image: its length, and what of it is not zeros.
struct ImagePart {
  size_t offset = 0;
  std::string_view bytes;
};
size_t image_size();
std::span<const ImagePart> image_parts();

}  // namespace rbk::engine::sqlite
