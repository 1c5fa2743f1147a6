// The project that a command works in: the folder of the nearest `runbook.toml`, or the current
// one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/secret_place.h"
#include "engine/engine.h"
#include "stdlib/ssh/ssh_settings.h"

namespace rbk::cli {

/// A text of runbook.toml, or where it stands.
struct TextPlace {
  std::string text;
  std::optional<SecretPlace> place;  // then that counts
};

/// [notify.NAME]
struct NotifyTarget {
  enum class Kind : uint8_t { kCommand, kWebhook, kRunbook };
  Kind kind = Kind::kCommand;
  TextPlace what;                   // the command, the URL, FILE[:RUNBOOK]
  std::optional<TextPlace> bearer;  // kWebhook
};

struct Project {
  std::string root;                    // absolute
  std::string config;                  // runbook.toml's path; empty without one
  std::string store;                   // [store] url, made absolute; empty if not given
  std::optional<int64_t> retain;       // [store] retain: how old a run gets, microseconds
  std::optional<int64_t> retain_logs;  // [store] retain_logs: how old what it printed gets
  std::map<std::string, std::vector<std::string>> groups;  // [groups] name -> users
  std::vector<std::string> act_as;                         // [permissions] act_as
  std::map<std::string, SecretPlace> secrets;  // [secrets] by name; files by absolute paths
  std::map<std::string, NotifyTarget> notify;  // [notify.NAME]
  std::map<std::string, std::vector<std::string>> notify_defaults;  // kind -> targets
  std::string groups_command;  // [groups] command: who is in further groups; empty: none
  int64_t groups_cache = int64_t{60} * 1'000'000;  // [groups] cache: for so long, microseconds
  stdlib::SshSettings ssh;                         // [ssh]

  /// The path as seen from the root; one that lies outside begins with "../".
  std::string relative(std::string_view path) const;
};

/// Looks upwards from the current folder. kInvalid names the place in runbook.toml.
Result<Project> find_project();

/// [ssh] of the project that `folder` is in, as it is now. kInvalid names the place in
/// runbook.toml.
Result<stdlib::SshSettings> ssh_settings(const std::string& folder);

/// `option`, else RBK_STORE, else the project's, else SQLite in `.runbook/` below its root.
std::string store_url(const Project& project, const std::optional<std::string>& option);

/// The user of the system with the groups that the project gives them; or `as`, if the project lets
/// that user act for others. kPermission otherwise.
/// `acts`: what the groups' command says of them counts too.
Result<engine::Person> who(const Project& project, const std::optional<std::string>& as,
                           bool acts = true);

}  // namespace rbk::cli
