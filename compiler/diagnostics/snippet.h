// The picture of a diagnostic's places in their source: line numbers, carets, labels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"

namespace rbk::diagnostics {

enum class Ink : uint8_t {
  kPlain,
  kBold,
  kGutter,
  kError,
  kWarning,
  kNote,
  kSecondary,
  kAdded,
  kRemoved
};

Ink ink_of(Severity severity);

/// Lines of text that are written cell by cell, from which a terminal's escapes are made last.
class Page {
 public:
  /// Begins a new line.
  void line() { lines_.emplace_back(); }
  /// Appends to the last line.
  void write(std::string_view text, Ink ink = Ink::kPlain);
  /// Puts text at a column of the last line (counted from 0), over what stands there.
  void put(size_t column, std::string_view text, Ink ink);
  /// Each line with its newline, blanks at the ends cut off; with ANSI colours or without.
  std::string text(bool colour) const;

 private:
  struct Cell {
    std::string glyph = " ";  // one character, with its combining marks; empty behind a wide one
    Ink ink = Ink::kPlain;
  };
  std::vector<std::vector<Cell>> lines_;
};

/// A place to mark in a source.
struct Mark {
  Span span;
  std::string text;
  bool primary = false;
};

/// Draws the lines of one file that the marks lie on, `gutter` columns for the line numbers.
void draw_snippet(Page& page, const source::Source& source, const std::vector<Mark>& marks,
                  Ink primary, size_t gutter);

/// Replaces tabs by blanks up to the next multiple of four columns.
std::string expand_tabs(std::string_view line);

}  // namespace rbk::diagnostics
