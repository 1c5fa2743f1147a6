#include "engine/postgres/parameters.h"

#include <cstdlib>

#include "base/encoding.h"

namespace rbk::engine::postgres {
namespace {

constexpr Oid kIntegers = 1016;
constexpr Oid kTexts = 1009;
constexpr Oid kManyBytes = 1001;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

template <typename Integer>
void append(std::string& bytes, Integer value) {
  for (size_t shift = sizeof value; shift-- > 0;)
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * shift));
}

/// How many bytes the character that begins here has; 0: it is none.
size_t character_length(std::string_view text) {
  for (size_t length = 1; length <= 4 && length <= text.size(); ++length)
    if (is_utf8(text.substr(0, length))) return length;
  return 0;
}

}  // namespace

std::string clean_text(std::string_view text) {
  if (text.find('\0') == std::string_view::npos && is_utf8(text)) return std::string(text);
  std::string clean;
  while (!text.empty()) {
    const size_t length = character_length(text);
    if (length == 0 || text.front() == '\0')
      clean += kReplacement;
    else
      clean += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return clean;
}

void Array::integer(int64_t value) {
  append<uint32_t>(elements_, sizeof value);
  append(elements_, value);
  ++size_;
}

void Array::integer(const std::optional<int64_t>& value) {
  if (value) return integer(*value);
  append<int32_t>(elements_, -1);
  has_null_ = true;
  ++size_;
}

void Array::text(std::string_view text) { bytes(clean_text(text)); }

void Array::bytes(std::string_view bytes) {
  append(elements_, static_cast<uint32_t>(bytes.size()));
  elements_ += bytes;
  ++size_;
}

std::string Array::binary() const {
  std::string bytes;
  bytes.reserve(20 + elements_.size());
  append<uint32_t>(bytes, size_ > 0 ? 1 : 0);
  append<uint32_t>(bytes, has_null_ ? 1 : 0);
  append(bytes, static_cast<uint32_t>(element_));
  if (size_ == 0) return bytes;
  append(bytes, size_);
  append<uint32_t>(bytes, 1);
  return bytes + elements_;
}

void Parameters::add(Oid type, std::string own) {
  types_.push_back(type);
  values_.push_back({std::move(own), {}, Value::Kind::kOwn});
}

Parameters& Parameters::integer(int64_t value) {
  std::string bytes;
  append(bytes, value);
  add(static_cast<Oid>(Type::kInteger), std::move(bytes));
  return *this;
}

Parameters& Parameters::integer(const std::optional<int64_t>& value) {
  if (value) return integer(*value);
  add(static_cast<Oid>(Type::kInteger), {});
  values_.back().kind = Value::Kind::kNull;
  return *this;
}

Parameters& Parameters::text(std::string_view text) {
  add(static_cast<Oid>(Type::kText), clean_text(text));
  return *this;
}

Parameters& Parameters::bytes(std::string_view bytes) {
  add(static_cast<Oid>(Type::kBytes), {});
  values_.back().bytes = bytes;
  values_.back().kind = Value::Kind::kBorrowed;
  return *this;
}

Parameters& Parameters::array(const Array& array) {
  const Oid type = array.element() == Type::kInteger ? kIntegers
                   : array.element() == Type::kText  ? kTexts
                                                     : kManyBytes;
  add(type, array.binary());
  return *this;
}

std::vector<const char*> Parameters::values() const {
  std::vector<const char*> pointers;
  pointers.reserve(values_.size());
  for (const Value& value : values_) {
    const char* bytes = value.bytes.data() != nullptr ? value.bytes.data() : "";
    pointers.push_back(value.kind == Value::Kind::kNull  ? nullptr
                       : value.kind == Value::Kind::kOwn ? value.own.data()
                                                         : bytes);
  }
  return pointers;
}

std::vector<int> Parameters::lengths() const {
  std::vector<int> lengths;
  lengths.reserve(values_.size());
  for (const Value& value : values_)
    lengths.push_back(static_cast<int>(value.kind == Value::Kind::kBorrowed ? value.bytes.size()
                                                                            : value.own.size()));
  return lengths;
}

Rows::~Rows() {
  if (result_ != nullptr) library_->PQclear(result_);
}

Rows& Rows::operator=(Rows&& other) noexcept {
  std::swap(library_, other.library_);
  std::swap(result_, other.result_);
  return *this;
}

int Rows::size() const { return library_->PQntuples(result_); }

int64_t Rows::changed() const { return std::strtoll(library_->PQcmdTuples(result_), nullptr, 10); }

bool Rows::is_null(int row, int column) const {
  return library_->PQgetisnull(result_, row, column) != 0;
}

int64_t Rows::integer(int row, int column) const {
  const std::string_view raw = bytes(row, column);
  uint64_t value = 0;
  for (const char byte : raw) value = value << 8 | static_cast<uint8_t>(byte);
  if (raw.size() == 2) return static_cast<int16_t>(value);
  if (raw.size() == 4) return static_cast<int32_t>(value);
  return static_cast<int64_t>(value);
}

std::optional<int64_t> Rows::optional(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return integer(row, column);
}

bool Rows::boolean(int row, int column) const {
  const std::string_view raw = bytes(row, column);
  return !raw.empty() && raw.front() != 0;
}

std::string_view Rows::bytes(int row, int column) const {
  return {library_->PQgetvalue(result_, row, column),
          static_cast<size_t>(library_->PQgetlength(result_, row, column))};
}

}  // namespace rbk::engine::postgres
