// A file's text with its line table, and places in it. Knows nothing of tokens or syntax.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace rbk::source {

/// Which file of a SourceSet; 0 is the first file added.
using FileId = uint32_t;

/// A half-open range of bytes `[begin, end)` in one file.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
  FileId file = 0;

  bool empty() const { return begin == end; }
  uint32_t size() const { return end - begin; }
  friend bool operator==(const Span&, const Span&) = default;
};

/// The smallest span that holds both; both must be of the same file.
inline Span cover(Span a, Span b) {
  return Span{a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end, a.file};
}

/// A place for people: both counted from 1, the column in bytes.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
  friend bool operator==(const LineColumn&, const LineColumn&) = default;
};

/// One file's immutable text. Thread-safe after construction.
class Source {
 public:
  Source(FileId id, std::string path, std::string text);

  FileId id() const { return id_; }
  /// As the user wrote it, or relative to the project.
  const std::string& path() const { return path_; }
  std::string_view text() const { return text_; }
  /// The text of a span; a span past the end is cut off.
  std::string_view text(Span span) const;
  uint32_t line_count() const { return static_cast<uint32_t>(lines_.size()); }
  LineColumn position(uint32_t offset) const;
  /// The text of a line counted from 1, without its newline; empty past the end.
  std::string_view line(uint32_t number) const;
  /// The offset of the first byte of a line counted from 1.
  uint32_t line_begin(uint32_t number) const;

 private:
  FileId id_;
  std::string path_;
  std::string text_;
  std::vector<uint32_t> lines_;  // offsets of the lines' first bytes
};

/// The files of one compilation. References stay valid while files are added. Not thread-safe.
class SourceSet {
 public:
  const Source& add(std::string path, std::string text);
  const Source& get(FileId id) const { return files_.at(id); }
  const Source* find(std::string_view path) const;
  size_t size() const { return files_.size(); }

 private:
  std::deque<Source> files_;
};

}  // namespace rbk::source
