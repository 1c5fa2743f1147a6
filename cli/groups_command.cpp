#include "cli/groups_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "cli/child.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int64_t kLongest = 10'000'000;
constexpr size_t kMostOutput = size_t{4} << 20;

int64_t wall() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// One file a user and command: what one may read there another may not write.
fs::path cache_file(const Project& project) {
  const std::string name =
      to_hex(sha256(project.groups_command + "\n" + std::to_string(geteuid()))).substr(0, 16);
  return fs::path(project.root) / ".runbook" / ("groups-" + name + ".json");
}

/// Nothing if there is none that counts: it is another's, or too old.
std::string cached(const Project& project) {
  const fs::path path = cache_file(project);
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  if (facts.st_uid != geteuid() || (facts.st_mode & 022) != 0) return {};
  const int64_t written = int64_t{facts.st_mtim.tv_sec} * 1'000'000 + facts.st_mtim.tv_nsec / 1'000;
  const int64_t age = wall() - written;
  if (age < 0 || age >= project.groups_cache) return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// As a whole or not at all; where it can't be kept, it is asked again next time.
void keep(const Project& project, const std::string& text) {
  if (project.groups_cache == 0) return;
  const fs::path path = cache_file(project);
  std::error_code none;
  fs::create_directories(path.parent_path(), none);
  const std::string unfinished = fmt::format("{}-new-{}", path.string(), getpid());
  const int file = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return;
  const bool whole = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  if (!whole || rename(unfinished.c_str(), path.c_str()) != 0) unlink(unfinished.c_str());
}

}  // namespace

Result<std::map<std::string, std::vector<std::string>>> parse_groups(const std::string& text) {
  const auto wrong = [](std::string what) {
    return fail(ErrorKind::kInvalid, std::move(what),
                "it is to print one JSON object: {\"sre\": [\"ann\", \"bob\"]}");
  };
  json::error_code problem;
  const json::value value = json::parse(text, problem);
  if (problem) return wrong("what it prints is no JSON: " + problem.message());
  if (!value.is_object()) return wrong("what it prints is no JSON object");
  std::map<std::string, std::vector<std::string>> groups;
  for (const auto& [name, users] : value.get_object()) {
    if (!users.is_array())
      return wrong(fmt::format("the group `{}` is no list", std::string_view(name)));
    std::vector<std::string>& members = groups[std::string(name)];
    for (const json::value& user : users.get_array()) {
      if (!user.is_string())
        return wrong(
            fmt::format("the group `{}` lists something that is no text", std::string_view(name)));
      members.emplace_back(user.get_string());
    }
  }
  return groups;
}

Result<std::map<std::string, std::vector<std::string>>> command_groups(const Project& project) {
  if (const std::string known = cached(project); !known.empty())
    if (auto groups = parse_groups(known)) return groups;
  Child child;
  child.words = {"/bin/sh", "-c", project.groups_command};
  child.folder = project.root;
  child.timeout = kLongest;
  child.most_output = kMostOutput;
  auto said = run_child(child);
  if (!said)
    return fail(said.error().kind,
                fmt::format("the groups' command in {}: {}", project.config, said.error().message),
                "put the command right, or name the groups in runbook.toml");
  auto groups = parse_groups(*said);
  if (!groups)
    return fail(
        groups.error().kind,
        fmt::format("the groups' command in {}: {}", project.config, groups.error().message),
        groups.error().cure);
  keep(project, *said);
  return groups;
}

}  // namespace rbk::cli
