#include "supervisor/wire.h"

#include <fmt/format.h>

#include "supervisor/bytes.h"

namespace rbk::supervisor {

namespace {

// One pair of functions a message; `kType` numbers are part of the format and never reused.

template <typename T>
constexpr uint8_t kType = 0;
template <>
constexpr uint8_t kType<Hello> = 1;
template <>
constexpr uint8_t kType<Start> = 2;
template <>
constexpr uint8_t kType<Attach> = 3;
template <>
constexpr uint8_t kType<Stop> = 4;
template <>
constexpr uint8_t kType<Acknowledge> = 5;
template <>
constexpr uint8_t kType<Started> = 65;
template <>
constexpr uint8_t kType<Output> = 66;
template <>
constexpr uint8_t kType<Dropped> = 67;
template <>
constexpr uint8_t kType<Ended> = 68;
template <>
constexpr uint8_t kType<Refused> = 69;

void put(ByteWriter& to, const Cursor& at) {
  to.put(at.segment);
  to.put(at.offset);
  to.put(at.total);
}
Cursor get_cursor(ByteReader& from) {
  Cursor at;
  at.segment = from.get<uint64_t>();
  at.offset = from.get<uint64_t>();
  at.total = from.get<uint64_t>();
  return at;
}

void put(ByteWriter& to, const Hello& hello) {
  to.put(hello.version);
  to.put(hello.process);
}
void get(ByteReader& from, Hello& hello) {
  hello.version = from.get<uint32_t>();
  hello.process = from.get<uint64_t>();
  from.rest();  // a later version may say more
}

void put(ByteWriter& to, const Start& start) {
  to.put(start.key);
  to.put(start.fence);
  to.put(start.words);
  to.put(start.environment);
  to.put(start.directory);
  to.put(start.input);
  to.put(start.deadline);
  to.put(start.grace);
  to.put(start.file_mask);
  to.put(start.secrets);
  to.put(start.ends_by_input);
}
void get(ByteReader& from, Start& start) {
  start.key = from.text();
  start.fence = from.get<uint64_t>();
  start.words = from.texts();
  start.environment = from.texts();
  start.directory = from.text();
  start.input = from.text();
  start.deadline = from.get<int64_t>();
  start.grace = from.get<int64_t>();
  start.file_mask = from.get<uint32_t>();
  start.secrets = from.texts();
  start.ends_by_input = from.text();
}

void put(ByteWriter& to, const Attach& attach) {
  to.put(attach.key);
  put(to, attach.from);
}
void get(ByteReader& from, Attach& attach) {
  attach.key = from.text();
  attach.from = get_cursor(from);
}

void put(ByteWriter& to, const Stop& stop) { to.put(stop.key); }
void get(ByteReader& from, Stop& stop) { stop.key = from.text(); }

void put(ByteWriter& to, const Acknowledge& acknowledge) { to.put(acknowledge.key); }
void get(ByteReader& from, Acknowledge& acknowledge) { acknowledge.key = from.text(); }

void put(ByteWriter& to, const Started& started) { to.put(started.key); }
void get(ByteReader& from, Started& started) { started.key = from.text(); }

void put(ByteWriter& to, const Output& output) {
  to.put(output.key);
  put(to, output.after);
  to.put(static_cast<uint8_t>(output.stream));
  to.put(output.bytes);
}
void get(ByteReader& from, Output& output) {
  output.key = from.text();
  output.after = get_cursor(from);
  output.stream = from.get<uint8_t>() == 2 ? Stream::kErr : Stream::kOut;
  output.bytes = from.text();
}

void put(ByteWriter& to, const Dropped& dropped) {
  to.put(dropped.key);
  put(to, dropped.after);
  to.put(dropped.bytes);
  to.put(static_cast<uint8_t>(dropped.no_space));
}
void get(ByteReader& from, Dropped& dropped) {
  dropped.key = from.text();
  dropped.after = get_cursor(from);
  dropped.bytes = from.get<uint64_t>();
  dropped.no_space = from.get<uint8_t>() != 0;
}

void put(ByteWriter& to, const Ended& ended) {
  to.put(ended.key);
  to.put(static_cast<uint8_t>(ended.ending.cause));
  to.put(ended.ending.value);
  to.put(ended.ending.text);
}
void get(ByteReader& from, Ended& ended) {
  ended.key = from.text();
  ended.ending.cause = static_cast<Ending::Cause>(from.get<uint8_t>());
  ended.ending.value = from.get<int32_t>();
  ended.ending.text = from.text();
}

void put(ByteWriter& to, const Refused& refused) { to.put(refused.text); }
void get(ByteReader& from, Refused& refused) { refused.text = from.text(); }

template <typename T>
bool read_as(uint8_t type, ByteReader& from, Message& into) {
  if (type != kType<T>) return false;
  T message;
  get(from, message);
  into = std::move(message);
  return true;
}

bool read_any(uint8_t type, ByteReader& from, Message& into) {
  return read_as<Hello>(type, from, into) || read_as<Start>(type, from, into) ||
         read_as<Attach>(type, from, into) || read_as<Stop>(type, from, into) ||
         read_as<Acknowledge>(type, from, into) || read_as<Started>(type, from, into) ||
         read_as<Output>(type, from, into) || read_as<Dropped>(type, from, into) ||
         read_as<Ended>(type, from, into) || read_as<Refused>(type, from, into);
}

}  // namespace

void append_frame(std::string& out, const Message& message) {
  const size_t begin = out.size();
  ByteWriter to(out);
  to.put(uint32_t{0});
  std::visit(
      [&to]<typename T>(const T& body) {
        to.put(kType<T>);
        put(to, body);
      },
      message);
  std::string length;
  ByteWriter(length).put(static_cast<uint32_t>(out.size() - begin - sizeof(uint32_t)));
  out.replace(begin, length.size(), length);
}

Result<std::optional<Decoded>> decode_frame(std::string_view bytes) {
  if (bytes.size() < sizeof(uint32_t)) return std::nullopt;
  const auto length = ByteReader(bytes).get<uint32_t>();
  if (length == 0 || length > kLargestFrame) {
    return fail(ErrorKind::kCorrupt,
                fmt::format("a frame of {} bytes; 1 to {} were expected", length, kLargestFrame));
  }
  bytes.remove_prefix(sizeof(uint32_t));
  if (bytes.size() < length) return std::nullopt;
  ByteReader from(bytes.substr(0, length));
  const auto type = from.get<uint8_t>();
  Decoded decoded;
  decoded.size = sizeof(uint32_t) + length;
  if (!read_any(type, from, decoded.message) || !from.ok() || !from.at_end()) {
    return fail(ErrorKind::kCorrupt, fmt::format("a frame of type {} that can't be read", type));
  }
  return decoded;
}

}  // namespace rbk::supervisor
