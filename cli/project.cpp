#include "cli/project.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/project_root.h"
#include "cli/config_file.h"
#include "cli/groups_command.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

/// "sqlite:PATH" with a path that is absolute.
std::string absolute_store(std::string url, const fs::path& folder) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme)) return url;
  const fs::path path(url.substr(kScheme.size()));
  if (path.is_absolute()) return url;
  return std::string(kScheme) + (folder / path).lexically_normal().string();
}

std::string system_user() {
  const uid_t id = geteuid();
  const passwd* entry = getpwuid(id);
  return entry != nullptr ? std::string(entry->pw_name) : fmt::format("uid-{}", id);
}

}  // namespace

std::string Project::relative(std::string_view path) const {
  std::error_code problem;
  const fs::path whole = fs::absolute(fs::path(path), problem).lexically_normal();
  if (problem) return std::string(path);
  const std::string inside = whole.lexically_relative(root).generic_string();
  return inside.empty() ? std::string(path) : inside;
}

Result<Project> find_project() {
  std::error_code problem;
  const fs::path current = fs::current_path(problem);
  if (problem)
    return fail(ErrorKind::kIo, "the current folder cannot be read: " + problem.message(),
                "change to a folder that exists");
  Project project;
  project.root = project_root(current.string());
  const fs::path file = fs::path(project.root) / "runbook.toml";
  if (!fs::exists(file, problem)) return project;
  project.config = file.string();
  if (Status read = read_config(file.string(), project); !read) return tl::unexpected(read.error());
  if (!project.store.empty()) project.store = absolute_store(project.store, project.root);
  return project;
}

Result<stdlib::SshSettings> ssh_settings(const std::string& folder) {
  Project project;
  std::error_code problem;
  const fs::path file = fs::path(project_root(folder)) / "runbook.toml";
  if (fs::exists(file, problem))
    if (Status read = read_config(file.string(), project); !read)
      return tl::unexpected(read.error());
  return std::move(project.ssh);
}

std::string store_url(const Project& project, const std::optional<std::string>& option) {
  std::error_code problem;
  if (option) return absolute_store(*option, fs::current_path(problem));
  const char* environment = std::getenv("RBK_STORE");
  if (environment != nullptr && *environment != '\0')
    return absolute_store(environment, fs::current_path(problem));
  if (!project.store.empty()) return project.store;
  return "sqlite:" + project.root + "/.runbook/store.db";
}

Result<engine::Person> who(const Project& project, const std::optional<std::string>& as,
                           bool acts) {
  engine::Person person;
  person.user = system_user();
  if (as && *as != person.user) {
    if (std::find(project.act_as.begin(), project.act_as.end(), person.user) ==
        project.act_as.end())
      return fail(
          ErrorKind::kPermission, fmt::format("{} may not act as {}", person.user, *as),
          fmt::format("list \"{}\" in runbook.toml under [permissions] act_as", person.user));
    person.real = person.user;
    person.user = *as;
  }
  for (const auto& [group, users] : project.groups) {
    if (std::find(users.begin(), users.end(), person.user) != users.end())
      person.groups.push_back(group);
  }
  if (!acts || project.groups_command.empty()) return person;
  auto more = command_groups(project);
  if (!more) {
    person.groups_problem = more.error().message;
    return person;
  }
  for (const auto& [group, users] : *more) {
    const bool is_known =
        std::find(person.groups.begin(), person.groups.end(), group) != person.groups.end();
    if (!is_known && std::find(users.begin(), users.end(), person.user) != users.end())
      person.groups.push_back(group);
  }
  return person;
}

}  // namespace rbk::cli
