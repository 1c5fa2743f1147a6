// Tables as commands print them: `df`, `kubectl get`, `ps`.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text_width.h"
#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Calls `each(index, offset)` for each character that is no blank: which of the line's characters
/// it is, and its first byte.
template <typename Each>
void for_each_ink(std::string_view line, Each each) {
  size_t index = 0;
  for (size_t at = 0; at < line.size(); ++index) {
    if (line[at] != ' ') each(index, at);
    at += std::max<uint32_t>(utf8_at(line, at).size, 1);
  }
}

struct Column {
  size_t from = 0;  // in characters
  size_t to = 0;
};

/// The line's cells. What lies between two columns belongs to neither, and is blank.
std::vector<std::string_view> cut(std::string_view line, const std::vector<Column>& columns) {
  std::vector<std::string_view> cells(columns.size());
  size_t column = 0;
  for_each_ink(line, [&](size_t index, size_t at) {
    while (column + 1 < columns.size() && index >= columns[column].to) ++column;
    std::string_view& cell = cells[column];
    const size_t begin = cell.empty() ? at : static_cast<size_t>(cell.data() - line.data());
    cell = line.substr(begin, at - begin + std::max<uint32_t>(utf8_at(line, at).size, 1));
  });
  return cells;
}

/// Columns lie between the places at which every line has a blank. Each line is read twice, however
/// many there are of them.
std::vector<Column> columns_of(const std::vector<std::string_view>& lines) {
  std::vector<bool> ink;
  for (const std::string_view line : lines)
    for_each_ink(line, [&](size_t index, size_t) {
      if (index >= ink.size()) ink.resize(index + 1);
      ink[index] = true;
    });
  std::vector<Column> columns;
  for (size_t at = 0; at < ink.size(); ++at) {
    if (!ink[at]) continue;
    if (at == 0 || !ink[at - 1]) columns.push_back({at, at});
    columns.back().to = at + 1;
  }
  const auto mark = [&](std::string_view line, std::vector<bool>& has) {
    size_t column = 0;
    for_each_ink(line, [&](size_t index, size_t) {
      while (index >= columns[column].to) ++column;
      has[column] = true;
    });
  };
  std::vector<bool> has_name(columns.size());
  std::vector<bool> has_values(columns.size());
  mark(lines.front(), has_name);
  for (size_t i = 1; i < lines.size(); ++i) mark(lines[i], has_values);
  std::vector<Column> named;
  for (size_t i = 0; i < columns.size(); ++i) {
    // A value with blanks, below one name; or a name of two words, above short values.
    const bool goes_on =
        !named.empty() && (!has_name[i] || (!has_values[i] && lines.size() > 1 &&
                                            columns[i].from - named.back().to == 1));
    if (goes_on) {
      named.back().to = columns[i].to;
    } else {
      named.push_back(columns[i]);
    }
  }
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

std::vector<std::string_view> lines_in(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

/// How a table's lines are cut into cells.
class Table {
 public:
  explicit Table(const std::vector<std::string_view>& lines) {
    const std::string_view head = lines.front();
    tabs_ = head.find('\t') != std::string_view::npos;
    if (tabs_) return;
    columns_ = columns_of(lines);
    names_ = split_at_gaps(head, 2).size();
  }

  std::vector<std::string_view> cells(std::string_view line) const {
    if (tabs_) {
      std::vector<std::string_view> row = split(line, '\t');
      std::transform(row.begin(), row.end(), row.begin(), trimmed);
      return row;
    }
    if (names_ <= columns_.size()) return cut(line, columns_);
    // A value reaches below the next name.
    std::vector<std::string_view> row = split_at_gaps(line, 2);
    return row.size() == names_ ? row : split_at_gaps(line, 1);
  }

 private:
  bool tabs_ = false;
  std::vector<Column> columns_;
  size_t names_ = 0;
};

/// A list of objects, one for each line below the names. Their fields are texts that may be read as
/// what they hold: `out.columns as list<Disk>`.
bool columns(NativeCall& call) {
  const String* text = call.string(0);
  if (text == nullptr) return false;
  List* list = new_list(call.heap, Kind::kRef, 0);
  call.give(Ref(list));
  const std::vector<std::string_view> lines = lines_in(text->view());
  if (lines.empty()) return true;
  const Table table(lines);
  const std::vector<std::string_view> names = table.cells(lines.front());
  std::vector<std::string_view> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    return call.raise("ParseError", fmt::format("`{}` stands above two columns", *twice));
  for (size_t row = 1; row < lines.size() && call.heap.fault == Fault::kNone; ++row) {
    const std::vector<std::string_view> cells = table.cells(lines[row]);
    if (cells.size() > names.size())
      return call.raise("ParseError", fmt::format("row {} has {} cells below {} names", row,
                                                  cells.size(), names.size()));
    Map* object = new_map(call.heap, Kind::kRef, Kind::kRef);
    push(list, slot_of(object));
    for (size_t i = 0; i < names.size() && call.heap.fault == Fault::kNone; ++i) {
      Ref value = make_string(call.heap, i < cells.size() ? cells[i] : "");
      value->kind = Kind::kBool;  // see value.h
      put(object, slot_of(make_string(call.heap, names[i]).give()), slot_of(value.give()));
    }
  }
  return true;
}

constexpr NativeEntry kTableNatives[] = {{"string.columns", columns}};

}  // namespace

std::span<const NativeEntry> table_natives() { return kTableNatives; }

}  // namespace rbk::vm
