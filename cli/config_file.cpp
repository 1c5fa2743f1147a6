#include "cli/config_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <span>

#include "base/spelling.h"
#include "base/units.h"
#include "cli/project.h"
#include "cli/secret_place.h"
#include "engine/notices.h"
#include "stdlib/ssh/ssh_host.h"

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
    constexpr std::array<std::string_view, 6> kSections{"store",   "groups", "permissions",
                                                        "secrets", "notify", "ssh"};
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
      if (key.str() == "notify") section = notify(*table);
      if (key.str() == "ssh") section = ssh(*table);
      if (!section) return section;
    }
    return check_defaults(root);
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
    constexpr std::array<std::string_view, 3> kKeys{"url", "retain", "retain_logs"};
    for (const auto& [key, node] : table) {
      if (key.str() == "retain" || key.str() == "retain_logs") {
        const auto age = parse_duration(node.value<std::string>().value_or(""));
        if (!age || *age <= 0)
          return wrong(node, fmt::format("store.{} is no duration", key.str()),
                       fmt::format("write {} = \"90d\"", key.str()));
        (key.str() == "retain" ? project_.retain : project_.retain_logs) = *age;
        continue;
      }
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
      if (key.str() == "command" && node.is_string()) {
        project_.groups_command = node.value<std::string>().value_or("");
        continue;
      }
      if (key.str() == "cache" && node.is_string()) {
        const auto cache = parse_duration(node.value<std::string>().value_or(""));
        if (!cache || *cache < 0)
          return wrong(node, "groups.cache is no duration", "write cache = \"5m\"");
        project_.groups_cache = *cache;
        continue;
      }
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

  /// A text that may be a secret: `env:NAME`, `file:PATH`, or as it stands.
  TextPlace place(const std::string& text) const {
    TextPlace made{text, parse_secret_place(text)};
    if (made.place && made.place->kind == SecretPlace::Kind::kFile)
      made.place->where = (std::filesystem::path(path_).parent_path() / made.place->where)
                              .lexically_normal()
                              .string();
    return made;
  }

  Status notify(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const toml::table* section = node.as_table();
      if (section == nullptr)
        return wrong(node, fmt::format("notify.{} is no target", name),
                     fmt::format("write a section of its own: [notify.{}] with webhook = "
                                 "\"https://…\", command = \"…\" or runbook = \"FILE\"",
                                 name));
      Status read = name == "defaults" ? defaults(*section) : target(name, *section);
      if (!read) return read;
    }
    return {};
  }

  Status target(const std::string& name, const toml::table& table) {
    constexpr std::array<std::string_view, 4> kKeys{"webhook", "command", "runbook", "bearer"};
    NotifyTarget made;
    int kinds = 0;
    for (const auto& [key, node] : table) {
      const auto known = std::find(kKeys.begin(), kKeys.end(), key.str());
      if (known == kKeys.end())
        return unknown(node, fmt::format("key notify.{}.{}", name, key.str()), key.str(), kKeys);
      const auto text = node.value<std::string>();
      if (!text || text->empty())
        return wrong(node, fmt::format("notify.{}.{} is no text", name, key.str()),
                     fmt::format("write {} = \"…\"", key.str()));
      if (key.str() == "bearer") {
        made.bearer = place(*text);
        // What stands there may be the secret itself: it is not shown.
        if (!made.bearer->place)
          return wrong(node, fmt::format("notify.{}.bearer does not say where it comes from", name),
                       "write bearer = \"env:NAME\" or bearer = \"file:PATH\"");
        continue;
      }
      ++kinds;
      made.kind = key.str() == "webhook"   ? NotifyTarget::Kind::kWebhook
                  : key.str() == "command" ? NotifyTarget::Kind::kCommand
                                           : NotifyTarget::Kind::kRunbook;
      made.what = made.kind == NotifyTarget::Kind::kWebhook ? place(*text) : TextPlace{*text, {}};
      const bool is_url = text->starts_with("https://") || text->starts_with("http://");
      if (made.kind == NotifyTarget::Kind::kWebhook && !made.what.place && !is_url)
        return wrong(node, fmt::format("notify.{}.webhook is no URL", name),
                     "write webhook = \"https://…\", or \"env:NAME\" where the URL is a secret");
    }
    if (kinds != 1)
      return wrong(table,
                   fmt::format("notify.{} has {}", name,
                               kinds == 0 ? "nothing that it does" : "several ways at once"),
                   "write one of webhook = \"https://…\", command = \"…\", runbook = \"FILE\"");
    if (made.bearer && made.kind != NotifyTarget::Kind::kWebhook)
      return wrong(table, fmt::format("notify.{}.bearer belongs to a webhook", name),
                   "leave it out");
    project_.notify[name] = std::move(made);
    return {};
  }

  Status defaults(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string kind(key.str());
      if (std::find(engine::kNoticeKinds.begin(), engine::kNoticeKinds.end(), kind) ==
          engine::kNoticeKinds.end())
        return unknown(node, fmt::format("key notify.defaults.{}", kind), kind,
                       engine::kNoticeKinds);
      if (const auto one = node.value<std::string>()) {
        project_.notify_defaults[kind] = {*one};
        continue;
      }
      const toml::array* list = node.as_array();
      const std::string cure = fmt::format("write {} = [\"sre\"]", kind);
      if (list == nullptr)
        return wrong(node, fmt::format("notify.defaults.{} names no targets", kind), cure);
      std::vector<std::string>& targets = project_.notify_defaults[kind];
      for (const toml::node& item : *list) {
        const auto name = item.value<std::string>();
        if (!name)
          return wrong(
              item, fmt::format("notify.defaults.{} lists something that is no text", kind), cure);
        targets.push_back(*name);
      }
    }
    return {};
  }

  std::string absolute(const std::string& path) const {
    return (std::filesystem::absolute(path_).parent_path() / path).lexically_normal().string();
  }

  Status ssh(const toml::table& table) {
    constexpr std::array<std::string_view, 5> kKeys{"config", "user", "identity", "known_hosts",
                                                    "options"};
    for (const auto& [key, node] : table) {
      if (key.str() == "options") {
        if (Status read = ssh_options(node); !read) return read;
        continue;
      }
      const auto text = node.value<std::string>();
      if (std::find(kKeys.begin(), kKeys.end(), key.str()) == kKeys.end())
        return unknown(node, fmt::format("key ssh.{}", key.str()), key.str(), kKeys);
      if (!text || text->empty() || text->find_first_of("\n\r") != std::string::npos)
        return wrong(node, fmt::format("ssh.{} is no text of one line", key.str()),
                     fmt::format("write {} = \"…\"", key.str()));
      stdlib::SshSettings& settings = project_.ssh;
      if (key.str() == "config") settings.config = absolute(*text);
      if (key.str() == "identity") settings.identity = absolute(*text);
      if (key.str() == "known_hosts") settings.known_hosts = absolute(*text);
      if (key.str() != "user") continue;
      settings.user = *text;
      if (!stdlib::parse_ssh_host(*text + "@host"))
        return wrong(node, fmt::format("ssh.user '{}' can't be a user", *text),
                     "write the name of a user of the hosts");
    }
    return {};
  }

  /// Each target by default is one that there is.
  Status check_defaults(const toml::table& root) const {
    std::vector<std::string_view> names;
    names.reserve(project_.notify.size());
    for (const auto& [name, target] : project_.notify) names.push_back(name);
    for (const auto& [kind, targets] : project_.notify_defaults)
      for (const std::string& target : targets) {
        if (project_.notify.contains(target)) continue;
        const std::string_view near = nearest_name(target, names);
        return wrong(*root["notify"]["defaults"][kind].node(),
                     fmt::format("there is no target {}", target),
                     near.empty() ? fmt::format("describe it under [notify.{}]", target)
                                  : fmt::format("did you mean {}?", near));
      }
    return {};
  }

  Status ssh_options(const toml::node& node) {
    const toml::table* options = node.as_table();
    if (options == nullptr)
      return wrong(node, "ssh.options is no table",
                   "write [ssh.options] and below it NAME = \"…\"");
    for (const auto& [key, value] : *options) {
      const std::string name(key.str());
      const auto text = value.value<std::string>();
      const bool is_name = std::all_of(name.begin(), name.end(),
                                       [](unsigned char c) { return std::isalpha(c) != 0; });
      if (!is_name || !text || text->empty() || text->find_first_of("\n\r") != std::string::npos)
        return wrong(value,
                     fmt::format("ssh.options.{} is no option with a text of one line", name),
                     "write it as in ssh_config(5): ConnectTimeout = \"5\"");
      if (stdlib::is_own_ssh_option(name))
        return wrong(value,
                     fmt::format("ssh.options.{} can't be set: commands on hosts rely on it", name),
                     "leave it out");
      project_.ssh.options[name] = *text;
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
