#include "cli/project_secrets.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "base/project_root.h"
#include "base/spelling.h"
#include "cli/config_file.h"
#include "cli/project.h"

namespace rbk::cli {

namespace {

/// Another one once the file has been written again; empty if there is none.
std::string stamp_of(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return {};
  return fmt::format("{} {} {} {}.{}", facts.st_dev, facts.st_ino, facts.st_size,
                     facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

}  // namespace

Result<const std::map<std::string, SecretPlace>*> ProjectSecrets::places(
    const std::string& folder) {
  // Looked at anew each time, as the secrets are: what it says may have been put right.
  const std::string config =
      (std::filesystem::path(project_root(folder)) / "runbook.toml").string();
  const std::string stamp = stamp_of(config);
  if (config == config_ && stamp == stamp_) return &places_;
  Project project;
  if (!stamp.empty())
    if (Status read = read_config(config, project); !read) return tl::unexpected(read.error());
  config_ = config;
  stamp_ = stamp;
  places_ = std::move(project.secrets);
  return &places_;
}

std::vector<engine::SecretVariable> ProjectSecrets::variables(const std::string& folder) {
  std::vector<engine::SecretVariable> made;
  const auto known = places(folder);
  if (!known) return made;
  for (const auto& [name, place] : **known)
    if (place.kind == SecretPlace::Kind::kVariable) made.push_back({name, place.where});
  return made;
}

Result<SecretPlace> ProjectSecrets::place_of(const std::string& name, const std::string& folder) {
  if (auto place = parse_secret_place(name)) return *place;
  if (!is_secret_name(name))
    return fail(ErrorKind::kRefused, fmt::format("`@{}` names no secret", name),
                "expected are @NAME, with NAME under [secrets] in runbook.toml, @env:NAME, or "
                "@file:PATH");
  auto known = places(folder);
  if (!known) return tl::unexpected(known.error());
  const auto found = (*known)->find(name);
  if (found != (*known)->end()) return found->second;
  std::vector<std::string_view> names;
  names.reserve((*known)->size());
  for (const auto& [one, place] : **known) names.push_back(one);
  const std::string_view near = nearest_name(name, names);
  return fail(
      ErrorKind::kRefused,
      fmt::format("there is no secret `{}`: {} has none of this name under [secrets]{}", name,
                  config_, near.empty() ? std::string() : fmt::format("; is {} meant?", near)),
      fmt::format("write there {0} = \"env:NAME\" or {0} = \"file:PATH\"; the encrypted "
                  "store of secrets is not built yet",
                  name));
}

Result<engine::SecretValue> ProjectSecrets::read(const std::string& name,
                                                 const std::string& folder) {
  auto place = place_of(name, folder);
  if (!place) return tl::unexpected(place.error());
  auto text = read_secret(*place, name, folder);
  if (!text) return tl::unexpected(text.error());
  if (const auto warning = doubtful(*place, folder)) warnings_.insert(*warning);
  engine::SecretValue value{std::move(*text), {}};
  if (place->kind == SecretPlace::Kind::kVariable) value.variable = place->where;
  return value;
}

Status ProjectSecrets::find(const std::string& name, const std::string& folder) {
  auto place = place_of(name, folder);
  return place ? Status() : Status(tl::unexpected(place.error()));
}

void ProjectSecrets::warn(const Terminal& terminal) {
  for (const std::string& warning : warnings_) terminal.print_to_err("warning: " + warning + "\n");
  warnings_.clear();
}

}  // namespace rbk::cli
