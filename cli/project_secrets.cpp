#include "cli/project_secrets.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "base/project_root.h"
#include "base/spelling.h"
#include "cli/config_file.h"
#include "cli/project.h"

namespace rbk::cli {

Result<SecretPlace> ProjectSecrets::place_of(const std::string& name,
                                             const std::string& folder) const {
  if (auto place = parse_secret_place(name)) return *place;
  if (!is_secret_name(name))
    return fail(ErrorKind::kRefused, fmt::format("`@{}` names no secret", name),
                "expected are @NAME, with NAME under [secrets] in runbook.toml, @env:NAME, or "
                "@file:PATH");
  // Read anew each time, as the secrets are: what it says may have been put right.
  Project project;
  std::error_code none;
  const std::filesystem::path config = std::filesystem::path(project_root(folder)) / "runbook.toml";
  if (std::filesystem::exists(config, none))
    if (Status read = read_config(config.string(), project); !read)
      return tl::unexpected(read.error());
  const auto found = project.secrets.find(name);
  if (found != project.secrets.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [known, place] : project.secrets) names.push_back(known);
  const std::string_view near = nearest_name(name, names);
  return fail(ErrorKind::kRefused,
              fmt::format("there is no secret `{}`: {} has none of this name under [secrets]{}",
                          name, config.string(),
                          near.empty() ? std::string() : fmt::format("; is {} meant?", near)),
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
