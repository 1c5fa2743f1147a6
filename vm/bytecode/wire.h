// How programs, snapshots and events are written as bytes: variable-length integers (7 bits a byte,
// low ones first), lengths before texts. A reader trusts nothing: after the first thing that does
// not fit, it is `failed` and gives zeros.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace rbk::bytecode {

class Writer {
 public:
  void byte(uint8_t value) { bytes_ += static_cast<char>(value); }
  void flag(bool value) { byte(value ? 1 : 0); }
  void number(uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<uint8_t>(value));
  }
  /// Small ones of either sign are short (zigzag).
  void integer(int64_t value) {
    number(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }
  void real(double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<uint8_t>(bits >> shift));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  uint8_t byte() {
    if (rest_.empty()) {
      failed_ = true;
      return 0;
    }
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  bool flag() {
    const uint8_t value = byte();
    if (value > 1) failed_ = true;
    return value == 1;
  }
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      if (shift == 63 && next > 1) break;
      value |= static_cast<uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) {
        if (next == 0 && shift != 0) failed_ = true;  // one form for each number
        return failed_ ? 0 : value;
      }
    }
    failed_ = true;
    return 0;
  }
  /// A number that must be at most `limit`.
  uint64_t number_to(uint64_t limit) {
    const uint64_t value = number();
    if (value > limit) failed_ = true;
    return failed_ ? 0 : value;
  }
  uint32_t index() { return static_cast<uint32_t>(number_to(0xffffffff)); }
  uint16_t operand() { return static_cast<uint16_t>(number_to(0xffff)); }
  int64_t integer() {
    const uint64_t value = number();
    return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }
  double real() {
    uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 8) bits |= static_cast<uint64_t>(byte()) << shift;
    return std::bit_cast<double>(failed_ ? 0 : bits);
  }
  std::string text() {
    const uint64_t length = number();
    if (length > rest_.size()) failed_ = true;
    if (failed_) return {};
    std::string value(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return value;
  }
  /// How many elements follow, each of at least `bytes_each` bytes: never more than there can be.
  size_t count(size_t bytes_each = 1) { return number_to(rest_.size() / bytes_each); }

  void fail() { failed_ = true; }
  bool failed() const { return failed_; }
  /// Everything was read and fitted.
  bool done() const { return !failed_ && rest_.empty(); }
  size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace rbk::bytecode
