#include "compiler/diagnostics/snippet.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text_width.h"

namespace rbk::diagnostics {
namespace {

constexpr size_t kTab = 4;
constexpr size_t kWindow = 140;     // columns of a source line that are shown
constexpr uint32_t kWholeSpan = 5;  // a span of so many lines is shown without a gap

using source::Source;

/// The column, counted from 0, at which a byte of a line stands once tabs are expanded.
size_t column_at(std::string_view line, size_t byte) {
  size_t column = 0;
  for (size_t i = 0; i < line.size() && i < byte;) {
    const Utf8Char c = utf8_at(line, i);
    column += c.code == '\t' ? kTab - column % kTab : char_width(c.code);
    i += c.size;
  }
  return column;
}

struct OneLine {  // a mark within one line
  size_t begin = 0;
  size_t end = 0;  // past it; at least begin + 1
  const Mark* mark = nullptr;
};

struct MultiLine {  // a mark over several lines; drawn in the margin's column `slot`
  uint32_t first = 0;
  uint32_t last = 0;
  size_t begin = 0;
  size_t end = 0;  // of its last character
  size_t slot = 0;
  bool from_margin = false;  // nothing stands before it on its first line
  const Mark* mark = nullptr;
};

class Snippet {
 public:
  Snippet(Page& page, const Source& source, const std::vector<Mark>& marks, Ink primary,
          size_t gutter)
      : page_(page), source_(source), primary_(primary), gutter_(gutter) {
    for (const Mark& mark : marks) place(mark);
    std::stable_sort(multi_.begin(), multi_.end(),
                     [](const MultiLine& a, const MultiLine& b) { return a.first < b.first; });
    for (size_t i = 0; i < multi_.size(); ++i) multi_[i].slot = i;
    margin_ = multi_.empty() ? 0 : multi_.size() + 1;
    choose_window();
  }

  void draw() {
    uint32_t previous = 0;
    for (const uint32_t number : shown_lines()) {
      if (previous != 0 && number > previous + 1) {
        page_.line();
        page_.write("...", Ink::kGutter);
        draw_bars(previous + 1);
      }
      draw_line(number);
      previous = number;
    }
  }

 private:
  Ink ink(const Mark& mark) const { return mark.primary ? primary_ : Ink::kSecondary; }

  void place(const Mark& mark) {
    const uint32_t last_byte = mark.span.empty() ? mark.span.begin : mark.span.end - 1;
    const uint32_t first = source_.position(mark.span.begin).line;
    const uint32_t last = source_.position(std::max(last_byte, mark.span.begin)).line;
    const size_t begin =
        column_at(source_.line(first), mark.span.begin - source_.line_begin(first));
    if (first == last) {
      const size_t end = column_at(source_.line(first), mark.span.end - source_.line_begin(first));
      one_[first].push_back({begin, std::max(end, begin + 1), &mark});
      return;
    }
    MultiLine multi;
    multi.first = first;
    multi.last = last;
    multi.begin = begin;
    const std::string_view tail = source_.line(last);
    const size_t end = column_at(tail, mark.span.end - source_.line_begin(last));
    multi.end = end == 0 ? 0 : end - 1;
    const std::string_view head = source_.line(first);
    multi.from_margin =
        head.find_first_not_of(" \t") >= mark.span.begin - source_.line_begin(first);
    multi.mark = &mark;
    multi_.push_back(multi);
  }

  void choose_window() {
    size_t furthest = 0;
    size_t nearest = std::string::npos;
    for (const auto& [line, marks] : one_) {
      for (const OneLine& one : marks) {
        furthest = std::max(furthest, std::min(one.end, one.begin + 40));
        nearest = std::min(nearest, one.begin);
      }
    }
    if (furthest > kWindow - 20 && nearest > 20) window_ = nearest - 20;
  }

  std::set<uint32_t> shown_lines() const {
    std::set<uint32_t> lines;
    for (const auto& [line, marks] : one_) lines.insert(line);
    for (const MultiLine& multi : multi_) {
      for (uint32_t line = multi.first; line <= multi.last; ++line) {
        if (multi.last - multi.first < kWholeSpan || line <= multi.first + 1 || line == multi.last)
          lines.insert(line);
      }
    }
    const std::set<uint32_t> wanted = lines;
    for (const uint32_t line : wanted) {  // one hidden line is worth showing
      if (wanted.count(line + 1) == 0 && wanted.count(line + 2) != 0) lines.insert(line + 1);
    }
    return lines;
  }

  size_t code_column() const { return gutter_ + 3 + margin_; }

  /// The bars of the multi-line marks that are open after line `after`'s beginning.
  void draw_bars(uint32_t line, bool below = false) {
    for (const MultiLine& multi : multi_) {
      const bool started =
          line > multi.first || (line == multi.first && below && multi.from_margin);
      const bool open = below ? line < multi.last : line <= multi.last;
      if (started && open) page_.put(gutter_ + 3 + multi.slot, "|", ink(*multi.mark));
    }
  }

  void begin_row(uint32_t line) {
    page_.line();
    page_.write(std::string(gutter_ + 1, ' ') + "|", Ink::kGutter);
    draw_bars(line, true);
  }

  void draw_line(uint32_t number) {
    page_.line();
    page_.write(fmt::format("{:>{}} |", number, gutter_), Ink::kGutter);
    draw_bars(number);
    for (const MultiLine& multi : multi_) {
      if (multi.first == number && multi.from_margin)
        page_.put(gutter_ + 3 + multi.slot, "/", ink(*multi.mark));
    }
    draw_source(number);
    for (const MultiLine& multi : multi_) {
      if (multi.first == number && !multi.from_margin) draw_opening(number, multi);
    }
    const auto found = one_.find(number);
    if (found != one_.end()) draw_marks(number, found->second);
    for (const MultiLine& multi : multi_) {
      if (multi.last == number) draw_closing(number, multi);
    }
  }

  void draw_source(uint32_t number) {
    const std::string text = expand_tabs(source_.line(number));
    if (text.empty()) return;
    if (window_ == 0) {
      page_.put(code_column(), cut_to_width(text, kWindow), Ink::kPlain);
      return;
    }
    size_t begin = 0;
    for (size_t column = 0; begin < text.size() && column < window_;) {
      const Utf8Char c = utf8_at(text, begin);
      column += char_width(c.code);
      begin += c.size;
    }
    if (begin >= text.size()) return;
    page_.put(code_column() - 1, "\u2026", Ink::kGutter);
    page_.put(code_column(), cut_to_width(std::string_view(text).substr(begin), kWindow),
              Ink::kPlain);
  }

  size_t shown(size_t column) const {
    const size_t inside = column > window_ ? column - window_ : 0;
    return code_column() + std::min(inside, kWindow);
  }

  void draw_opening(uint32_t number, const MultiLine& multi) {
    begin_row(number);
    const size_t slot = gutter_ + 3 + multi.slot;
    for (size_t column = slot + 1; column < shown(multi.begin); ++column)
      page_.put(column, "_", ink(*multi.mark));
    page_.put(shown(multi.begin), multi.mark->primary ? "^" : "-", ink(*multi.mark));
  }

  void draw_closing(uint32_t number, const MultiLine& multi) {
    begin_row(number);
    const size_t slot = gutter_ + 3 + multi.slot;
    page_.put(slot, "|", ink(*multi.mark));
    for (size_t column = slot + 1; column < shown(multi.end); ++column)
      page_.put(column, "_", ink(*multi.mark));
    page_.put(shown(multi.end), multi.mark->primary ? "^" : "-", ink(*multi.mark));
    if (!multi.mark->text.empty())
      page_.put(shown(multi.end) + 2, multi.mark->text, ink(*multi.mark));
  }

  void draw_marks(uint32_t number, std::vector<OneLine> marks) {
    // The carets, the primary's over the others'.
    std::stable_sort(marks.begin(), marks.end(), [](const OneLine& a, const OneLine& b) {
      return a.mark->primary < b.mark->primary;
    });
    begin_row(number);
    size_t furthest = 0;
    for (const OneLine& one : marks) {
      for (size_t column = shown(one.begin);
           column < std::max(shown(one.end), shown(one.begin) + 1); ++column)
        page_.put(column, one.mark->primary ? "^" : "-", ink(*one.mark));
      furthest = std::max(furthest, one.end);
    }
    // From the right: the last label stands behind its carets, the others hang below theirs.
    std::erase_if(marks, [](const OneLine& one) { return one.mark->text.empty(); });
    std::stable_sort(marks.begin(), marks.end(),
                     [](const OneLine& a, const OneLine& b) { return a.begin > b.begin; });
    size_t next = 0;
    if (!marks.empty() && marks[0].end == furthest &&
        (marks.size() < 2 || marks[1].begin != marks[0].begin)) {
      page_.put(std::max(shown(marks[0].end), shown(marks[0].begin) + 1) + 1, marks[0].mark->text,
                ink(*marks[0].mark));
      next = 1;
    }
    if (next < marks.size()) {
      begin_row(number);
      hang(marks, next);
    }
    for (; next < marks.size(); ++next) {
      begin_row(number);
      hang(marks, next + 1);
      page_.put(shown(marks[next].begin), marks[next].mark->text, ink(*marks[next].mark));
    }
  }

  void hang(const std::vector<OneLine>& marks, size_t from) {
    for (size_t i = from; i < marks.size(); ++i)
      page_.put(shown(marks[i].begin), "|", ink(*marks[i].mark));
  }

  Page& page_;
  const Source& source_;
  Ink primary_;
  size_t gutter_;
  size_t margin_ = 0;
  size_t window_ = 0;  // the first column of source lines that is shown
  std::map<uint32_t, std::vector<OneLine>> one_;
  std::vector<MultiLine> multi_;
};

std::string_view escape(Ink ink) {
  switch (ink) {
    case Ink::kPlain:
      return "";
    case Ink::kBold:
      return "\033[1m";
    case Ink::kGutter:
    case Ink::kSecondary:
      return "\033[1;34m";
    case Ink::kError:
    case Ink::kRemoved:
      return "\033[1;31m";
    case Ink::kWarning:
      return "\033[1;33m";
    case Ink::kNote:
      return "\033[1;36m";
    case Ink::kAdded:
      return "\033[1;32m";
  }
  return "";
}

}  // namespace

Ink ink_of(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return Ink::kError;
    case Severity::kWarning:
      return Ink::kWarning;
    case Severity::kNote:
      return Ink::kNote;
  }
  return Ink::kError;
}

std::string expand_tabs(std::string_view line) {
  std::string result;
  size_t column = 0;
  for (size_t i = 0; i < line.size();) {
    const Utf8Char c = utf8_at(line, i);
    if (c.code == '\t') {
      const size_t blanks = kTab - column % kTab;
      result.append(blanks, ' ');
      column += blanks;
    } else if (c.code >= 0x20 && c.code != 0x7f) {  // a control character must not reach a terminal
      if (c.code == 0xfffd)
        result += "\ufffd";
      else
        result += line.substr(i, c.size);
      column += char_width(c.code);
    }
    i += c.size;
  }
  return result;
}

void Page::write(std::string_view text, Ink ink) {
  if (lines_.empty()) line();
  put(lines_.back().size(), text, ink);
}

void Page::put(size_t column, std::string_view text, Ink ink) {
  if (lines_.empty()) line();
  std::vector<Cell>& cells = lines_.back();
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8_at(text, i);
    const std::string_view glyph = text.substr(i, c.size);
    i += c.size;
    const size_t width = char_width(c.code);
    if (width == 0) {
      if (column > 0 && column <= cells.size()) cells[column - 1].glyph += glyph;
      continue;
    }
    if (cells.size() < column + width) cells.resize(column + width);
    cells[column] = {std::string(glyph), ink};
    if (width == 2) cells[column + 1] = {std::string(), ink};
    column += width;
  }
}

std::string Page::text(bool colour) const {
  std::string result;
  for (const std::vector<Cell>& cells : lines_) {
    size_t end = cells.size();
    while (end > 0 && cells[end - 1].glyph == " ") --end;
    Ink current = Ink::kPlain;
    for (size_t i = 0; i < end; ++i) {
      const bool blank = cells[i].glyph == " ";
      if (colour && !blank && cells[i].ink != current) {
        if (current != Ink::kPlain) result += "\033[0m";
        result += escape(cells[i].ink);
        current = cells[i].ink;
      }
      result += cells[i].glyph;
    }
    if (current != Ink::kPlain) result += "\033[0m";
    result += '\n';
  }
  return result;
}

void draw_snippet(Page& page, const source::Source& source, const std::vector<Mark>& marks,
                  Ink primary, size_t gutter) {
  Snippet(page, source, marks, primary, gutter).draw();
}

}  // namespace rbk::diagnostics
