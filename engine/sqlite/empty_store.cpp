#include "engine/sqlite/empty_store.h"

#include <cstring>

#include "engine/audit.h"
#include "engine/sqlite/schema.h"

namespace rbk::engine::sqlite {
namespace {

// As in embed_store.py.
constexpr std::string_view kId = "<the id of a store, 32 letters.>";
constexpr std::string_view kHome =
    "<its home>......................................................";
constexpr std::string_view kTime = "<itsTime";
constexpr std::string_view kPayload = R"({"format":?})";
constexpr std::string_view kPayloadHash = "<its first payload's SHA-256...>";
constexpr std::string_view kHash = "<its first row's SHA-256.......>";

static_assert(kId.size() == 32 && kHome.size() == 64 && kTime.size() == 8);
static_assert(kPayloadHash.size() == sizeof(Digest) && kHash.size() == sizeof(Digest));

std::string big_endian(uint64_t value, size_t length) {
  std::string bytes(length, '\0');
  for (size_t i = length; i-- > 0; value >>= 8U) bytes[i] = static_cast<char>(value & 0xffU);
  return bytes;
}

std::string_view view(const Digest& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

/// Of the same length: SQLite's pages say where everything lies.
void put(std::string& image, std::string_view mark, std::string_view value) {
  for (size_t at = image.find(mark); at != std::string::npos; at = image.find(mark, at))
    image.replace(at, mark.size(), value);
}

}  // namespace

std::string empty_store(const std::string& id, std::string_view home, int64_t time) {
  std::string image(image_size(), '\0');
  for (const ImagePart& part : image_parts())
    std::memcpy(image.data() + part.offset, part.bytes.data(), part.bytes.size());
  const AuditRow first = first_audit_row(id, kFormat, 0, time);
  std::string padded(home);
  padded.resize(kHome.size(), ' ');
  put(image, kId, id);
  put(image, kHome, padded);
  put(image, kTime, big_endian(static_cast<uint64_t>(time), kTime.size()));
  put(image, kPayload, first.note.payload);
  put(image, kPayloadHash, view(first.payload_hash));
  put(image, kHash, view(first.hash));
  // The file's header: versions of the format for writing and for reading (2 is WAL: so a new store
  // costs one flush, and `pragma journal_mode` would cost a rollback journal and four), our format
  // and whose it is.
  image.replace(18, 2, "\2\2");
  image.replace(60, 4, big_endian(kFormat, 4));
  image.replace(68, 4, big_endian(kApplication, 4));
  return image;
}

}  // namespace rbk::engine::sqlite
