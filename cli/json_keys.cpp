#include "cli/json_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>
#include <vector>

namespace rbk::cli {
namespace {

/// An object or a list that is open.
struct Open {
  bool is_object = false;
  std::set<std::string> keys;
  std::string key;   // that is read
  size_t index = 0;  // in a list
};

/// The quoted text that begins at `at`, decoded; moves `at` behind it.
std::string text_at(std::string_view json, size_t& at) {
  const size_t begin = at++;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  at = std::min(at + 1, json.size());
  boost::json::error_code problem;
  const boost::json::value text = boost::json::parse(json.substr(begin, at - begin), problem);
  return problem || !text.is_string() ? std::string() : std::string(text.get_string());
}

std::string way_to(const std::vector<Open>& open) {
  std::string way;
  for (const Open& one : open) {
    if (one.is_object)
      way += (way.empty() ? "" : ".") + one.key;
    else
      way += fmt::format("[{}]", one.index);
  }
  return way;
}

}  // namespace

std::optional<std::string> repeated_key(std::string_view json) {
  std::vector<Open> open;
  bool wants_key = false;
  for (size_t at = 0; at < json.size();) {
    switch (json[at]) {
      case '"': {
        std::string text = text_at(json, at);
        if (!wants_key) continue;
        wants_key = false;
        open.back().key = text;
        if (!open.back().keys.insert(std::move(text)).second) return way_to(open);
        continue;
      }
      case '{':
      case '[':
        open.push_back({json[at] == '{', {}, {}, 0});
        wants_key = open.back().is_object;
        break;
      case '}':
      case ']':
        if (!open.empty()) open.pop_back();
        wants_key = false;
        break;
      case ',':
        if (open.empty()) break;
        wants_key = open.back().is_object;
        ++open.back().index;
        break;
      default:
        break;
    }
    ++at;
  }
  return std::nullopt;
}

}  // namespace rbk::cli
