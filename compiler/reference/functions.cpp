// Reads the tables of docs/language/functions.md: the page is the one place that describes the
// functions of values, and tests/docs holds it against natives.def.
#include <algorithm>
#include <array>
#include <utility>

#include "compiler/reference/reference.h"

namespace rbk::reference {
namespace {

constexpr auto kTypes =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"Text", "string"},
                                                                  {"Lists", "list"},
                                                                  {"Maps", "map"},
                                                                  {"JSON", "json"},
                                                                  {"Whole numbers", "int"},
                                                                  {"Other numbers", "float"},
                                                                  {"Durations", "duration"},
                                                                  {"Sizes", "size"},
                                                                  {"Times", "time"},
                                                                  {"Of the types themselves", ""}});

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// "| a | `b || c` | |" as its cells; a bar in a cell has no blank on one of its sides.
std::vector<std::string_view> cells_of(std::string_view row) {
  row.remove_prefix(std::min<size_t>(1, row.size()));
  if (row.ends_with('|')) row.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (;;) {
    const size_t bar = row.find(" | ");
    cells.push_back(trimmed(row.substr(0, bar)));
    if (bar == std::string_view::npos) return cells;
    row.remove_prefix(bar + 2);
  }
}

std::string_view code(std::string_view cell) {
  if (cell.size() >= 2 && cell.front() == '`' && cell.back() == '`')
    return cell.substr(1, cell.size() - 2);
  return cell;
}

Entry entry_of(const std::vector<std::string_view>& cells, std::string_view type) {
  Entry made;
  made.kind = Entry::Kind::kOfValue;
  made.signature = code(cells.front());
  made.name = made.signature.substr(0, made.signature.find_first_of("(:"));
  const size_t arrow = made.signature.find(" -> ");
  const size_t colon = made.signature.find(": ");
  const bool is_property = made.signature.find('(') == std::string::npos;
  if (is_property && colon != std::string::npos) made.result = made.signature.substr(colon + 2);
  if (!is_property && arrow != std::string::npos) made.result = made.signature.substr(arrow + 4);
  made.signature = type.empty() ? made.signature : std::string(type) + "." + made.signature;
  made.full_name = type.empty() ? made.name : std::string(type) + "." + made.name;
  if (cells.size() > 1) made.doc = cells[1];
  if (cells.size() > 2) made.example = code(cells[2]);
  if (cells.size() > 3) made.gives = code(cells[3]);
  return made;
}

}  // namespace

std::vector<Module> functions_of_values() {
  std::vector<Module> modules;
  const auto module = [&](std::string_view name) -> Module& {
    const auto found = std::find_if(modules.begin(), modules.end(),
                                    [&](const Module& one) { return one.name == name; });
    if (found != modules.end()) return *found;
    modules.push_back({std::string(name), {}, true, {}});
    return modules.back();
  };
  std::string_view page = functions_page();
  std::string_view type;
  bool in_section = false;
  while (!page.empty()) {
    const size_t end = page.find('\n');
    const std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.starts_with("## ")) {
      const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                      [&](const auto& one) { return one.first == line.substr(3); });
      in_section = found != kTypes.end();
      if (in_section) type = found->second;
    }
    if (!in_section || !line.starts_with("| `")) continue;
    Entry entry = entry_of(cells_of(line), type);
    if (type.empty()) {  // `int.parse(…)`: of the type that it names
      const std::string of = entry.name.substr(0, entry.name.find('.'));
      entry.name = entry.name.substr(of.size() + 1);
      module(of).entries.push_back(std::move(entry));
    } else {
      module(type).entries.push_back(std::move(entry));
    }
  }
  return modules;
}

}  // namespace rbk::reference
