#include "stdlib/command/command_start.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/file_mask.h"

extern char** environ;

namespace rbk::stdlib {

namespace {

/// "NAME=value" by name, as this process got it: read once, since nothing in it changes it.
const std::map<std::string, std::string, std::less<>>& own_environment() {
  static const auto own = [] {
    std::map<std::string, std::string, std::less<>> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const char* const sign = std::strchr(*entry, '=');
      if (sign != nullptr)
        entries[std::string(*entry, static_cast<size_t>(sign - *entry))] = *entry;
    }
    return entries;
  }();
  return own;
}

std::vector<std::string> environment_of(const engine::Attempt& attempt,
                                        std::map<std::string, std::string> variables) {
  variables["RUNBOOK_RUN"] = attempt.run;
  variables["RUNBOOK_STEP"] = attempt.path;
  variables["RUNBOOK_KEY"] = attempt.key;
  const auto& own = own_environment();
  std::vector<std::string> entries;
  entries.reserve(own.size() + variables.size());
  const auto& withheld = attempt.withheld;
  for (const auto& [name, entry] : own) {
    if (!variables.contains(name) &&
        std::find(withheld.begin(), withheld.end(), name) == withheld.end())
      entries.push_back(entry);
  }
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace

Result<supervisor::Start> command_start(const engine::Attempt& attempt,
                                        std::map<std::string, std::string> variables,
                                        const std::string& folder) {
  supervisor::Start start;
  start.key = attempt.attempt_key;
  start.fence = attempt.fence;
  start.deadline = attempt.timeout.value_or(-1);
  start.file_mask = attempt.umask >= 0 ? static_cast<uint32_t>(attempt.umask) : file_mask();
  start.secrets = attempt.secrets;
  start.environment = environment_of(attempt, std::move(variables));
  std::error_code error;
  const auto wanted = std::filesystem::path(attempt.folder) / (folder.empty() ? "." : folder);
  const auto absolute = std::filesystem::absolute(wanted, error);
  if (error)
    return fail(ErrorKind::kIo, fmt::format("the engine's folder is gone: {}", error.message()),
                "start the run in a folder that is there");
  start.directory = absolute.lexically_normal().string();
  return start;
}

}  // namespace rbk::stdlib
