#include "timing/system_zones.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace rbk::timing {

namespace fs = std::filesystem;

namespace {

fs::path folder() {
  const char* set = std::getenv("TZDIR");
  return set != nullptr && *set != '\0' ? set : "/usr/share/zoneinfo";
}

/// A name that stays in the folder, and is no other form of the zones in it.
bool is_name(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.ends_with('/')) return false;
  if (name.starts_with("posix/") || name.starts_with("right/")) return false;
  if (name == "localtime" || name == "posixrules" || name == "Factory") return false;
  return std::all_of(name.begin(), name.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '/' || letter == '_' || letter == '-' ||
           letter == '+';
  });
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Result<Zone> system_zone(std::string_view name) {
  if (name == "UTC") return Zone();
  std::error_code error;
  const fs::path path = folder() / name;
  if (is_name(name) && fs::is_regular_file(path, error))
    return Zone::parse(std::string(name), content(path));
  const bool has_zones = fs::exists(folder() / "Etc" / "UTC", error);
  return fail(ErrorKind::kNotFound, fmt::format("there is no time zone `{}`", name),
              has_zones ? "name it as the tz database does: \"Europe/Berlin\""
                        : fmt::format("this system has no time zones in {}: install its package "
                                      "tzdata, or set TZDIR",
                                      folder().string()));
}

std::vector<std::string> system_zone_names() {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path root = folder();
  for (fs::recursive_directory_iterator it(root, error), end; it != end; it.increment(error)) {
    const std::string name = it->path().lexically_relative(root).generic_string();
    if (it->is_directory(error)) {
      if (name == "posix" || name == "right") it.disable_recursion_pending();
      continue;
    }
    if (!is_name(name)) continue;
    std::ifstream file(it->path(), std::ios::binary);
    char magic[4] = {};
    if (file.read(magic, sizeof magic) && std::string_view(magic, 4) == "TZif")
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace rbk::timing
