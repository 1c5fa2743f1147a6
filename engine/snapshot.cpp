#include "engine/snapshot.h"

#include "engine/codec.h"
#include "engine/sum.h"

namespace rbk::engine {
namespace {

constexpr uint64_t kVersion = 3;  // 2: without `paused`
constexpr size_t kSumBytes = 8;

uint64_t sum_of(std::string_view bytes) {
  Sum sum;
  sum.add(bytes);
  return sum.value();
}

}  // namespace

std::string encode_snapshot(uint64_t entry, int64_t time, const vm::Machine& machine,
                            const AskedRequests& asked, bool paused) {
  Writer writer;
  writer.number(kVersion);
  writer.number(entry);
  writer.signed_number(time);
  writer.byte(paused ? 1 : 0);
  writer.number(asked.all().size());
  for (const auto& [id, request] : asked.all()) {
    writer.number(id);
    writer.number(request.entry);
    writer.signed_number(request.time);
    writer.signed_number(request.boot_time);
    writer.signed_number(request.engine);
    writer.number(request.repetition);
    writer.byte(static_cast<uint8_t>((request.not_started ? 1 : 0) | (request.in_doubt ? 2 : 0)));
    writer.byte(request.stop ? static_cast<uint8_t>(*request.stop) + 1 : 0);
  }
  writer.text(machine.snapshot());
  std::string bytes = writer.take();
  uint64_t sum = sum_of(bytes);
  for (size_t i = 0; i < kSumBytes; ++i, sum >>= 8) bytes.push_back(static_cast<char>(sum & 0xff));
  return bytes;
}

Result<Snapshot> decode_snapshot(std::string_view bytes) {
  const auto corrupt = [] { return fail(ErrorKind::kCorrupt, "a snapshot is damaged"); };
  if (bytes.size() < kSumBytes) return corrupt();
  uint64_t sum = 0;
  for (size_t i = 0; i < kSumBytes; ++i)
    sum |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[bytes.size() - kSumBytes + i]))
           << 8 * i;
  bytes.remove_suffix(kSumBytes);
  if (sum != sum_of(bytes)) return corrupt();
  Reader reader(bytes);
  if (reader.number() != kVersion)
    return fail(ErrorKind::kUnsupported, "a snapshot of another version");
  Snapshot made;
  made.entry = reader.number();
  made.time = reader.signed_number();
  made.paused = reader.byte() != 0;
  const uint64_t count = reader.number();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    Asked& asked = made.asked.emplace_back();
    asked.request.id = reader.number();
    asked.entry = reader.number();
    asked.time = reader.signed_number();
    asked.boot_time = reader.signed_number();
    asked.engine = reader.signed_number();
    asked.repetition = static_cast<uint32_t>(reader.number());
    const uint8_t flags = reader.byte();
    asked.not_started = (flags & 1) != 0;
    asked.in_doubt = (flags & 2) != 0;
    if (const uint8_t stop = reader.byte(); stop != 0) {
      if (stop > static_cast<uint8_t>(vm::request::Stop::How::kKill) + 1) reader.stop();
      asked.stop = static_cast<vm::request::Stop::How>(stop - 1);
    }
  }
  made.machine = reader.text();
  if (!reader.ok() || !reader.at_end()) return corrupt();
  return made;
}

}  // namespace rbk::engine
