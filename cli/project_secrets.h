// Secrets by the names that people and programs give them: `env:NAME`, `file:PATH`, or a name that
// the run's project says the place of, in [secrets] of its runbook.toml.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/secret_place.h"
#include "cli/terminal.h"
#include "engine/secrets.h"

namespace rbk::cli {

class ProjectSecrets : public engine::SecretSource {
 public:
  Result<engine::SecretValue> read(const std::string& name, const std::string& folder) override;
  Status find(const std::string& name, const std::string& folder) override;
  std::vector<engine::SecretVariable> variables(const std::string& folder) override;

  /// What should be put right about those that were read, each once.
  void warn(const Terminal& terminal);

 private:
  Result<SecretPlace> place_of(const std::string& name, const std::string& folder);
  /// What the project of `folder` says under [secrets] now; stays until the next call.
  Result<const std::map<std::string, SecretPlace>*> places(const std::string& folder);

  std::string config_;  // runbook.toml that `places_` was read from
  std::string stamp_;   // that changes with it
  std::map<std::string, SecretPlace> places_;
  std::set<std::string> warnings_;
};

}  // namespace rbk::cli
