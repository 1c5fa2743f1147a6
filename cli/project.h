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

namespace rbk::cli {

struct Project {
  std::string root;    // absolute
  std::string config;  // runbook.toml's path; empty without one
  std::string store;   // [store] url, made absolute; empty if not given
  std::map<std::string, std::vector<std::string>> groups;  // [groups] name -> users
  std::vector<std::string> act_as;                         // [permissions] act_as
  std::map<std::string, SecretPlace> secrets;  // [secrets] by name; files by absolute paths

  /// The path as seen from the root; one that lies outside begins with "../".
  std::string relative(std::string_view path) const;
};

/// Looks upwards from the current folder. kInvalid names the place in runbook.toml.
Result<Project> find_project();

/// `option`, else RBK_STORE, else the project's, else SQLite in `.runbook/` below its root.
std::string store_url(const Project& project, const std::optional<std::string>& option);

/// The user of the system with the groups that the project gives them; or `as`, if the project lets
/// that user act for others. kPermission otherwise.
Result<engine::Person> who(const Project& project, const std::optional<std::string>& as);

}  // namespace rbk::cli
