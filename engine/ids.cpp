#include "engine/ids.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "engine/codec.h"

namespace rbk::engine {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int64_t kYear2026 = 1'767'225'600;

}  // namespace

std::string run_id(int64_t time, uint64_t random) {
  auto ticks = static_cast<uint64_t>((time / 31'250) - kYear2026 * 32);
  std::string id(9, '0');
  for (int i = 6; i >= 0; --i, ticks /= 32) id[static_cast<size_t>(i)] = kDigits[ticks % 32];
  id[7] = kDigits[random % 32];
  id[8] = kDigits[random / 32 % 32];
  return id;
}

Keys::Keys(std::string_view store, std::string_view run, std::string_view incarnation) {
  Writer writer;
  writer.text(store);
  writer.text(run);
  const Digest hash = sha256(writer.take());
  run_.assign(reinterpret_cast<const char*>(hash.data()), 16);
  run_digits_ = to_hex(hash).substr(0, 32);
  if (incarnation.empty()) return;
  Writer with_incarnation;
  with_incarnation.raw(run_);
  with_incarnation.text(incarnation);
  run_digits_ = to_hex(sha256(with_incarnation.take())).substr(0, 32);
}

std::string Keys::idempotency(std::string_view path, uint64_t step, uint32_t generation) const {
  // Short, so that most keys take one block of SHA-256.
  Writer writer;
  writer.raw(run_);
  writer.number(step);
  writer.raw(path);
  if (generation != 0) {
    writer.raw(std::string_view("\0", 1));  // in no path
    writer.number(generation);
  }
  return to_hex(sha256(writer.take()));
}

std::string Keys::attempt(uint64_t request, uint32_t repetition) const {
  std::string key = run_digits_;
  key.resize(64, '0');
  size_t at = 64;
  for (uint64_t rest = repetition; rest > 0; rest >>= 4) key[--at] = "0123456789abcdef"[rest & 15];
  at = 56;
  for (uint64_t rest = request; rest > 0; rest >>= 4) key[--at] = "0123456789abcdef"[rest & 15];
  return key;
}

}  // namespace rbk::engine
