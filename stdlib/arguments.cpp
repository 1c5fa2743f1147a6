#include "stdlib/arguments.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/units.h"

namespace rbk::stdlib {

const boost::json::value* Arguments::value(std::string_view name) const {
  const boost::json::value* found = given_.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void Arguments::expected(std::string_view name, std::string_view what) {
  if (fault_.empty()) fault_ = fmt::format("the argument `{}` is no {}", name, what);
}

std::optional<std::string> Arguments::text(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  if (const auto* text = found->if_string()) return std::string(*text);
  expected(name, "string");
  return std::nullopt;
}

std::optional<int64_t> Arguments::number(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->as_int64();
  expected(name, "int");
  return std::nullopt;
}

std::optional<int64_t> Arguments::duration(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->as_int64();
  if (const auto* text = found->if_string()) {
    if (const auto parsed = parse_duration(*text)) return *parsed;
  }
  expected(name, "duration");
  return std::nullopt;
}

std::optional<int64_t> Arguments::size(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->as_int64();
  if (const auto* text = found->if_string()) {
    if (const auto parsed = parse_size(*text)) return *parsed;
  }
  expected(name, "size");
  return std::nullopt;
}

std::optional<std::vector<int64_t>> Arguments::numbers(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  std::vector<int64_t> all;
  const auto* list = found->if_array();
  if (list == nullptr) {
    expected(name, "list<int>");
    return std::nullopt;
  }
  for (const boost::json::value& one : *list) {
    if (!one.is_int64()) {
      expected(name, "list<int>");
      return std::nullopt;
    }
    all.push_back(one.as_int64());
  }
  return all;
}

std::vector<std::pair<std::string, std::string>> Arguments::texts(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> all;
  const boost::json::value* found = value(name);
  if (found == nullptr) return all;
  const auto* map = found->if_object();
  if (map == nullptr) {
    expected(name, "map<string, string>");
    return all;
  }
  for (const auto& [key, one] : *map) {
    const auto* text = one.if_string();
    if (text == nullptr) {
      expected(name, "map<string, string>");
      return all;
    }
    all.emplace_back(std::string(key), std::string(*text));
  }
  return all;
}

}  // namespace rbk::stdlib
