// The fields of frames and spool records: little-endian integers, strings with a 32-bit length.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace rbk::supervisor {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <std::integral T>
  void put(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (size_t i = 0; i < sizeof(T); ++i) {
      out_.push_back(static_cast<char>(bits & 0xff));
      if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits >> 8);
    }
  }
  void put(std::string_view text) {
    put(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }
  void put(const std::vector<std::string>& texts) {
    put(static_cast<uint32_t>(texts.size()));
    for (const std::string& text : texts) put(std::string_view(text));
  }

 private:
  std::string& out_;
};

/// Reads what ByteWriter wrote. After a field that is not there in full, everything reads as zero
/// or empty and `ok` is false: callers check once, at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T get() {
    std::make_unsigned_t<T> bits = 0;
    const std::string_view bytes = take(sizeof(T));
    for (size_t i = bytes.size(); i > 0; --i) {
      if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits << 8);
      bits = static_cast<decltype(bits)>(bits | static_cast<unsigned char>(bytes[i - 1]));
    }
    return static_cast<T>(bits);
  }
  /// Points into the bytes given.
  std::string_view text() { return take(get<uint32_t>()); }
  std::vector<std::string> texts() {
    std::vector<std::string> found;
    const auto count = get<uint32_t>();
    for (uint32_t i = 0; i < count && ok_; ++i) found.emplace_back(text());
    return found;
  }
  /// Everything that is left.
  std::string_view rest() { return take(rest_.size()); }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(size_t count) {
    if (!ok_ || rest_.size() < count) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rbk::supervisor
