#include "engine/logs.h"

#include "engine/codec.h"

namespace rbk::engine {
namespace {

/// Bytes of the well-formed UTF-8 character at the front, 0 if there is none (Unicode 15, table
/// 3-7).
size_t character(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto follows = [&](size_t i, int low = 0x80, int high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  const int first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const int low = first == 0xe0 ? 0xa0 : 0x80;
    const int high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const int low = first == 0xf0 ? 0x90 : 0x80;
    const int high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_line(std::string& lines, int64_t time, LogStream stream, std::string_view text) {
  Writer writer;
  writer.signed_number(time);
  writer.byte(static_cast<uint8_t>(stream));
  writer.number(text.size());
  lines += writer.take();
  lines += text;
}

Result<std::vector<LogText>> decode_lines(std::string_view lines) {
  std::vector<LogText> found;
  Reader reader(lines);
  while (reader.ok() && !reader.at_end()) {
    LogText line;
    line.time = reader.signed_number();
    const uint8_t stream = reader.byte();
    if (stream > static_cast<uint8_t>(LogStream::kDebug)) reader.stop();
    line.stream = static_cast<LogStream>(stream);
    line.text = reader.text();
    if (reader.ok()) found.push_back(std::move(line));
  }
  if (!reader.ok()) return fail(ErrorKind::kCorrupt, "a chunk of log lines is damaged");
  return found;
}

std::string as_utf8(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  while (!text.empty()) {
    const size_t size = character(text);
    if (size == 0)
      made += "\xef\xbf\xbd";
    else
      made.append(text.substr(0, size));
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return made;
}

}  // namespace rbk::engine
