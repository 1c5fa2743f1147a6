#include "engine/packing.h"

#include <zstd.h>

#include <vector>

namespace rbk::engine {
namespace {

// Of shorter ones the row around them is what takes the room.
constexpr size_t kShortest = 512;
// What is read back is longer than what lies there; so long it may be at most.
constexpr int64_t kLongestPlain = int64_t{1} << 30;
// What most texts gain is gained by the fastest level but one.
constexpr int kLevel = 2;

void pack(std::string& bytes, int64_t& plain_size) {
  if (plain_size != 0 || bytes.size() < kShortest) return;
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0 || size >= bytes.size() - bytes.size() / 8) return;
  packed.resize(size);
  packed.shrink_to_fit();
  plain_size = static_cast<int64_t>(bytes.size());
  bytes = std::move(packed);
}

void pack(std::vector<Blob>& blobs) {
  for (Blob& blob : blobs) pack(blob.bytes, blob.plain_size);
}

void pack(std::vector<LogChunk>& logs) {
  for (LogChunk& chunk : logs) pack(chunk.lines, chunk.plain_size);
}

void pack(RunChange& change) {
  pack(change.blobs);
  for (NewRun& child : change.children) {
    pack(child.change);
    pack(child.logs);
  }
}

}  // namespace

void pack(Group& group) {
  for (NewRun& fresh : group.runs) {
    pack(fresh.change);
    pack(fresh.logs);
  }
  for (RunChange& change : group.changes) pack(change);
  pack(group.logs);
}

int64_t size_of_lines(const LogChunk& chunk) {
  return chunk.plain_size != 0 ? chunk.plain_size : static_cast<int64_t>(chunk.lines.size());
}

int64_t size_of_lines(const std::vector<LogChunk>& chunks) {
  int64_t size = 0;
  for (const LogChunk& chunk : chunks) size += size_of_lines(chunk);
  return size;
}

Result<std::string> unpack(std::string bytes, int64_t plain_size) {
  if (plain_size == 0) return bytes;
  const auto damaged = [] {
    return fail(ErrorKind::kCorrupt, "a compressed text is damaged",
                "restore the store from a backup");
  };
  if (plain_size < 0 || plain_size > kLongestPlain ||
      ZSTD_getFrameContentSize(bytes.data(), bytes.size()) != static_cast<uint64_t>(plain_size))
    return damaged();
  std::string plain(static_cast<size_t>(plain_size), '\0');
  if (ZSTD_decompress(plain.data(), plain.size(), bytes.data(), bytes.size()) != plain.size())
    return damaged();
  return plain;
}

}  // namespace rbk::engine
