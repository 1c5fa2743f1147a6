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

// A secret comes as its text, put in by the engine; to whoever finds an attempt again it is a name.
std::optional<std::string> Arguments::text_of(std::string_view name, const boost::json::value& from,
                                              std::string_view type) {
  if (const auto* text = from.if_string()) return std::string(*text);
  const auto* object = from.if_object();
  const boost::json::value* secret = object == nullptr ? nullptr : object->if_contains("secret");
  if (secret != nullptr && object->size() == 1 && secret->is_string() && fault_.empty()) {
    fault_ = fmt::format("the secret `{}` for `{}` has no value here",
                         std::string_view(secret->as_string()), name);
  }
  expected(name, type);
  return std::nullopt;
}

std::optional<std::string> Arguments::text(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  return text_of(name, *found, "string");
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
  const auto* text = found->if_string();
  const auto parsed =
      parse_duration(text == nullptr ? std::string_view() : std::string_view(*text));
  if (parsed) return *parsed;
  expected(name, "duration");
  return std::nullopt;
}

std::optional<int64_t> Arguments::size(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  const auto* text = found->if_string();
  const auto parsed = parse_size(text == nullptr ? std::string_view() : std::string_view(*text));
  if (parsed) return *parsed;
  expected(name, "size");
  return std::nullopt;
}

std::optional<std::pair<int64_t, int64_t>> Arguments::range(std::string_view name) {
  const boost::json::value* found = value(name);
  if (found == nullptr) return std::nullopt;
  const auto* object = found->if_object();
  const boost::json::value* from = object == nullptr ? nullptr : object->if_contains("from");
  const boost::json::value* to = object == nullptr ? nullptr : object->if_contains("to");
  if (from != nullptr && to != nullptr && from->is_int64() && to->is_int64()) {
    return std::pair(from->as_int64(), to->as_int64());
  }
  expected(name, "range<int>");
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
    auto text = text_of(name, one, "map<string, string>");
    if (!text) return all;
    all.emplace_back(std::string(key), std::move(*text));
  }
  return all;
}

}  // namespace rbk::stdlib
