#include "cli/config_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <array>
#include <filesystem>
#include <span>

#include "base/spelling.h"
#include "cli/project.h"
#include "cli/secret_place.h"

namespace rbk::cli {
namespace {

class ConfigReader {
 public:
  ConfigReader(const std::string& path, Project& project) : path_(path), project_(project) {}

  Status read() {
    toml::table root;
    try {
      root = toml::parse_file(path_);
    } catch (const toml::parse_error& error) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("{}:{}:{}: {}", path_, error.source().begin.line,
                              error.source().begin.column, error.description()),
                  "correct it; docs/runbook-toml.md shows what may stand there");
    }
    constexpr std::array<std::string_view, 4> kSections{"store", "groups", "permissions",
                                                        "secrets"};
    for (const auto& [key, node] : root) {
      const toml::table* table = node.as_table();
      if (table == nullptr ||
          std::find(kSections.begin(), kSections.end(), key.str()) == kSections.end())
        return unknown(node, fmt::format("section [{}]", key.str()), key.str(), kSections);
      Status section;
      if (key.str() == "store") section = store(*table);
      if (key.str() == "groups") section = groups(*table);
      if (key.str() == "permissions") section = permissions(*table);
      if (key.str() == "secrets") section = secrets(*table);
      if (!section) return section;
    }
    return {};
  }

 private:
  tl::unexpected<Error> wrong(const toml::node& node, std::string message, std::string cure) const {
    return fail(ErrorKind::kInvalid,
                fmt::format("{}:{}: {}", path_, node.source().begin.line, message),
                std::move(cure));
  }

  tl::unexpected<Error> unknown(const toml::node& node, const std::string& what,
                                std::string_view name,
                                std::span<const std::string_view> known) const {
    const std::string_view near = nearest_name(name, known);
    return wrong(node, fmt::format("there is no {}", what),
                 near.empty() ? fmt::format("known are: {}", fmt::join(known, ", "))
                              : fmt::format("did you mean {}?", near));
  }

  Status store(const toml::table& table) {
    constexpr std::array<std::string_view, 1> kKeys{"url"};
    for (const auto& [key, node] : table) {
      if (key.str() != "url")
        return unknown(node, fmt::format("key store.{}", key.str()), key.str(), kKeys);
      const auto url = node.value<std::string>();
      if (!url) return wrong(node, "store.url is no text", "write url = \"sqlite:PATH\"");
      project_.store = *url;
    }
    return {};
  }

  Result<std::vector<std::string>> names(const toml::node& node, std::string_view key) {
    std::vector<std::string> result;
    const toml::array* list = node.as_array();
    const std::string cure = fmt::format("write {} = [\"ann\", \"bob\"]", key);
    if (list == nullptr) return wrong(node, fmt::format("{} is no list of users", key), cure);
    for (const toml::node& item : *list) {
      const auto name = item.value<std::string>();
      if (!name) return wrong(item, fmt::format("{} lists something that is no text", key), cure);
      result.push_back(*name);
    }
    return result;
  }

  Status groups(const toml::table& table) {
    for (const auto& [key, node] : table) {
      auto users = names(node, key.str());
      if (!users) return tl::unexpected(users.error());
      project_.groups[std::string(key.str())] = std::move(*users);
    }
    return {};
  }

  Status permissions(const toml::table& table) {
    constexpr std::array<std::string_view, 1> kKeys{"act_as"};
    for (const auto& [key, node] : table) {
      if (key.str() != "act_as")
        return unknown(node, fmt::format("key permissions.{}", key.str()), key.str(), kKeys);
      auto users = names(node, "act_as");
      if (!users) return tl::unexpected(users.error());
      project_.act_as = std::move(*users);
    }
    return {};
  }

  Status secrets(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto place = node.value<std::string>();
      const std::string cure = fmt::format("write {0} = \"env:NAME\" or {0} = \"file:PATH\"", name);
      if (!is_secret_name(name))
        return wrong(node, fmt::format("{} can't be a secret's name", name),
                     "letters, digits and _ are expected, as in `secrets.lb_token`");
      if (!place) return wrong(node, fmt::format("secrets.{} is no text", name), cure);
      auto found = parse_secret_place(*place);
      // What stands there may be the secret itself: it is not shown.
      if (!found)
        return wrong(node, fmt::format("secrets.{} does not say where it comes from", name), cure);
      if (found->kind == SecretPlace::Kind::kFile)
        found->where =
            (std::filesystem::path(path_).parent_path() / found->where).lexically_normal().string();
      project_.secrets[name] = *found;
    }
    return {};
  }

  const std::string& path_;
  Project& project_;
};

}  // namespace

Status read_config(const std::string& path, Project& project) {
  return ConfigReader(path, project).read();
}

}  // namespace rbk::cli
