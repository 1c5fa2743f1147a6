// One SQLite connection set up as the store needs it (WAL, FULL, no checkpoint by itself), with
// prepared statements and errors in our words. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::engine::sqlite {

/// A prepared statement. Text and blobs that are bound must live until the next `reset`; what
/// `text` and `blob` return lives until the next `step` or `reset`.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }

  /// Parameters count from 1.
  void bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  void bind_text(int index, std::string_view text) {
    sqlite3_bind_text64(statement_, index, text.data() ? text.data() : "", text.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind_blob(int index, std::string_view bytes) {
    sqlite3_bind_blob64(statement_, index, bytes.data() ? bytes.data() : "", bytes.size(),
                        SQLITE_STATIC);
  }
  void bind_null(int index) { sqlite3_bind_null(statement_, index); }
  void bind_optional(int index, const std::optional<int64_t>& value) {
    value ? bind(index, *value) : bind_null(index);
  }

  int step() {
    // SQLite reports why the system failed for some calls only; errno mostly tells for the others.
    errno = 0;
    return sqlite3_step(statement_);
  }
  void reset() { sqlite3_reset(statement_); }

  /// Columns count from 0.
  int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  bool is_null(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::optional<int64_t> optional_integer(int column) {
    if (is_null(column)) return std::nullopt;
    return integer(column);
  }
  std::string_view bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
  }
  std::string text(int column) { return std::string(bytes(column)); }

  explicit operator bool() const { return statement_ != nullptr; }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

/// Resets a statement at the end of its use, so that it holds no lock and no borrowed text.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  ~Use() { statement_.reset(); }
  Use(const Use&) = delete;
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

class Connection {
 public:
  /// Opens a file that exists. Reads nothing yet. `still`: nobody changes it, so that no file is
  /// needed beside it (engine/sqlite/read_only.h).
  static Result<Connection> open(const std::string& path, bool still = false);

  Connection() = default;
  ~Connection() { sqlite3_close(database_); }
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  Status run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  /// Prepares `sql` into `slot` unless that is done.
  Status ready(Statement& slot, std::string_view sql);

  /// The last failure, translated: what could not be done, the file, the cure.
  Error error(std::string_view doing) const;

  sqlite3* raw() const { return database_; }
  bool is_open() const { return database_ != nullptr; }
  /// Frames in the write-ahead log after our last commit.
  int log_frames() const { return log_frames_ ? *log_frames_ : 0; }

 private:
  sqlite3* database_ = nullptr;
  std::string path_;
  std::unique_ptr<int> log_frames_;
};

/// As Connection::error, for a result code and the errno that went with it.
Error translate(const std::string& path, std::string_view doing, int code, int system_error,
                std::string_view detail);

}  // namespace rbk::engine::sqlite
