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

std::string idempotency_key(std::string_view store, std::string_view run, std::string_view path,
                            uint64_t step) {
  Writer writer;
  writer.text("step");
  writer.text(store);
  writer.text(run);
  writer.text(path);
  writer.number(step);
  return to_hex(sha256(writer.take()));
}

std::string attempt_key(std::string_view store, std::string_view run, uint64_t request,
                        uint32_t repetition) {
  Writer writer;
  writer.text("attempt");
  writer.text(store);
  writer.text(run);
  writer.number(request);
  writer.number(repetition);
  return to_hex(sha256(writer.take()));
}

}  // namespace rbk::engine
