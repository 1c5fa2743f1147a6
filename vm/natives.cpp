#include "vm/natives.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "vm/natives_tables.h"

namespace rbk::vm {

namespace {

/// RE2 of Debian 12 spells named groups (?P<name>...): the usual (?<name>...) is translated.
std::string with_named_groups(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out += c;
      out += pattern[++i];
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    const std::string_view rest = pattern.substr(i);
    if (!in_class && rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' &&
        rest[3] != '!') {
      out += "(?P<";
      i += 2;
      continue;
    }
    out += c;
  }
  return out;
}

constexpr size_t kMostPatterns = 1000;

}  // namespace

PatternCache::PatternCache() = default;
PatternCache::~PatternCache() = default;

const re2::RE2& PatternCache::find(std::string_view pattern) {
  const auto found = patterns_.find(std::string(pattern));
  if (found != patterns_.end()) return *found->second;
  if (patterns_.size() >= kMostPatterns) patterns_.clear();
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto made = std::make_unique<re2::RE2>(with_named_groups(pattern), options);
  return *patterns_.emplace(std::string(pattern), std::move(made)).first->second;
}

const Object* NativeCall::object(size_t index, Tag tag) {
  const Object* argument = arguments[index].o;
  if (argument != nullptr && argument->tag == tag) return argument;
  if (argument == nullptr) {
    raise("NullError", "the value is null");
  } else {
    raise("ProgramError", "a native was given an object of another type than it takes");
  }
  return nullptr;
}

Native find_native_function(std::string_view name) {
  for (const auto& table : {text_natives(), list_natives(), map_natives(), plain_natives(),
                            time_natives(), encoding_natives(), table_natives()}) {
    for (const NativeEntry& entry : table) {
      if (entry.name == name) return entry.function;
    }
  }
  return nullptr;
}

}  // namespace rbk::vm
