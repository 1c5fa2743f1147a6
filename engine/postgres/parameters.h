// Parameters of a statement and the rows that come back, both in PostgreSQL's binary form
// (https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES): integers
// are big-endian, texts and bytes stand as they are, nothing is quoted.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/postgres/library.h"

namespace rbk::engine::postgres {

/// Types by their numbers in pg_type, which never change.
enum class Type : uint32_t { kBytes = 17, kInteger = 20, kText = 25 };

/// What PostgreSQL takes as text: a zero byte, or what is not UTF-8, becomes U+FFFD.
std::string clean_text(std::string_view text);

/// A one-dimensional array: `unnest` makes rows of it.
class Array {
 public:
  explicit Array(Type element) : element_(element) {}

  void integer(int64_t value);
  void integer(const std::optional<int64_t>& value);
  void text(std::string_view text);
  void bytes(std::string_view bytes);

  Type element() const { return element_; }
  /// With its header.
  std::string binary() const;

 private:
  Type element_;
  uint32_t size_ = 0;
  bool has_null_ = false;
  std::string elements_;
};

/// In the order of $1, $2, …
class Parameters {
 public:
  Parameters& integer(int64_t value);
  Parameters& integer(const std::optional<int64_t>& value);
  Parameters& text(std::string_view text);
  /// Not copied: must live until the statement was carried out.
  Parameters& bytes(std::string_view bytes);
  Parameters& array(const Array& array);

  int count() const { return static_cast<int>(values_.size()); }
  std::vector<Oid> types() const { return types_; }
  std::vector<const char*> values() const;
  std::vector<int> lengths() const;
  std::vector<int> formats() const { return std::vector<int>(values_.size(), 1); }

 private:
  struct Value {
    std::string own;
    std::string_view bytes;
    enum class Kind : uint8_t { kNull, kOwn, kBorrowed } kind = Kind::kOwn;
  };
  void add(Oid type, std::string own);

  std::vector<Oid> types_;
  std::vector<Value> values_;
};

/// A result. Rows and columns count from 0; what `bytes` returns lives as long as this does.
class Rows {
 public:
  Rows(const Library* library, PGresult* result) : library_(library), result_(result) {}
  ~Rows();
  Rows(Rows&& other) noexcept
      : library_(other.library_), result_(std::exchange(other.result_, nullptr)) {}
  Rows& operator=(Rows&& other) noexcept;

  int size() const;
  /// Rows that a statement without RETURNING changed.
  int64_t changed() const;
  bool is_null(int row, int column) const;
  /// Of two, four or eight bytes.
  int64_t integer(int row, int column) const;
  std::optional<int64_t> optional(int row, int column) const;
  bool boolean(int row, int column) const;
  std::string_view bytes(int row, int column) const;
  std::string text(int row, int column) const { return std::string(bytes(row, column)); }

 private:
  const Library* library_;
  PGresult* result_;
};

}  // namespace rbk::engine::postgres
