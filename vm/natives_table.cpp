// Tables as commands print them: `df`, `kubectl get`, `ps`.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text_width.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

/// A line by its characters: where each begins, and the line's end.
struct Line {
  std::string_view text;
  std::vector<uint32_t> begins;

  explicit Line(std::string_view of) : text(of) {
    for (size_t at = 0; at < text.size();) {
      begins.push_back(static_cast<uint32_t>(at));
      at += std::max<uint32_t>(utf8_at(text, at).size, 1);
    }
    begins.push_back(static_cast<uint32_t>(text.size()));
  }
  size_t length() const { return begins.size() - 1; }
  bool is_blank(size_t index) const { return index >= length() || text[begins[index]] == ' '; }
  std::string_view part(size_t from, size_t to) const {
    const uint32_t begin = begins[std::min(from, length())];
    std::string_view cut = text.substr(begin, begins[std::min(to, length())] - begin);
    while (cut.starts_with(' ')) cut.remove_prefix(1);
    while (cut.ends_with(' ')) cut.remove_suffix(1);
    return cut;
  }
};

struct Column {
  size_t from = 0;
  size_t to = 0;
};

/// Columns lie between the places at which every line has a blank.
std::vector<Column> columns_of(const std::vector<Line>& lines) {
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.length());
  std::vector<Column> columns;
  bool inside = false;
  for (size_t at = 0; at < width; ++at) {
    const bool blank = std::all_of(lines.begin(), lines.end(),
                                   [at](const Line& line) { return line.is_blank(at); });
    if (!blank && !inside) columns.push_back({at, at});
    if (!blank) columns.back().to = at + 1;
    inside = !blank;
  }
  const Line& head = lines.front();
  std::vector<Column> named;
  for (const Column& column : columns) {
    const bool has_name = !head.part(column.from, column.to).empty();
    const bool has_values = std::any_of(lines.begin() + 1, lines.end(), [&](const Line& line) {
      return !line.part(column.from, column.to).empty();
    });
    // A value with blanks, below one name; or a name of two words, above short values.
    const bool goes_on =
        !named.empty() &&
        (!has_name || (!has_values && lines.size() > 1 && column.from - named.back().to == 1));
    if (goes_on) {
      named.back().to = column.to;
    } else {
      named.push_back(column);
    }
  }
  if (!named.empty()) named.back().to = width;
  return named;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The parts between runs of at least so many blanks.
std::vector<std::string_view> split_at_gaps(std::string_view text, size_t least) {
  std::vector<std::string_view> parts;
  size_t at = text.find_first_not_of(' ');
  while (at != std::string_view::npos) {
    size_t end = text.find(' ', at);
    while (end != std::string_view::npos &&
           text.find_first_not_of(' ', end) != std::string_view::npos &&
           text.find_first_not_of(' ', end) - end < least)
      end = text.find(' ', text.find_first_not_of(' ', end));
    std::string_view part = text.substr(at, end == std::string_view::npos ? end : end - at);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.push_back(part);
    at = end == std::string_view::npos ? end : text.find_first_not_of(' ', end);
  }
  return parts;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> lines_in(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

/// The names, then the cells of each row.
std::vector<std::vector<std::string_view>> cells_of(std::string_view text) {
  std::vector<std::vector<std::string_view>> cells;
  const std::vector<std::string_view> lines = lines_in(text);
  if (lines.empty()) return cells;
  if (lines.front().find('\t') != std::string_view::npos) {
    for (const std::string_view line : lines) {
      auto& row = cells.emplace_back(split(line, '\t'));
      std::transform(row.begin(), row.end(), row.begin(), trimmed);
    }
    return cells;
  }
  std::vector<Line> measured(lines.begin(), lines.end());
  const std::vector<Column> columns = columns_of(measured);
  const std::vector<std::string_view> names = split_at_gaps(lines.front(), 2);
  if (names.size() > columns.size()) {  // a value reaches below the next name
    for (const std::string_view line : lines) {
      auto& row = cells.emplace_back(split_at_gaps(line, 2));
      if (row.size() != names.size()) row = split_at_gaps(line, 1);
    }
    return cells;
  }
  for (const Line& line : measured) {
    auto& row = cells.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i)
      row.push_back(line.part(columns[i].from, columns[i].to));
  }
  return cells;
}

/// A list of objects, one for each line below the names. Their fields are texts that may be read as
/// what they hold: `out.columns as list<Disk>`.
bool columns(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  const auto cells = cells_of(text->view());
  if (!cells.empty()) {
    std::vector<std::string_view> names = cells.front();
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
      return call.raise("ParseError", fmt::format("`{}` stands above two columns", *twice));
  }
  for (size_t row = 1; row < cells.size(); ++row) {
    if (cells[row].size() <= cells[0].size()) continue;
    return call.raise("ParseError", fmt::format("row {} has {} cells below {} names", row,
                                                cells[row].size(), cells[0].size()));
  }
  for (size_t row = 1; row < cells.size() && call.heap.fault == Fault::kNone; ++row) {
    Map* object = new_map(call.heap, Kind::kRef, Kind::kRef);
    push(list, slot_of(object));
    for (size_t i = 0; i < cells[0].size(); ++i) {
      Ref value = make_string(call.heap, i < cells[row].size() ? cells[row][i] : "");
      value->kind = Kind::kBool;  // see value.h
      put(object, slot_of(make_string(call.heap, cells[0][i]).give()), slot_of(value.give()));
    }
  }
  return true;
}

constexpr NativeEntry kTable[] = {{"string.columns", columns}};

}  // namespace

std::span<const NativeEntry> table_natives() { return kTable; }

}  // namespace rbk::vm
