#include "stdlib/shell/shell_arguments.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "base/file_mask.h"
#include "stdlib/arguments.h"

extern char** environ;

namespace rbk::stdlib {

namespace {

constexpr size_t kLargestInput = 16U << 20;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

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

Result<std::vector<std::string>> environment_of(const engine::Attempt& attempt,
                                                Arguments& arguments) {
  std::map<std::string, std::string> variables;
  for (auto& [name, value] : arguments.texts("env")) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("`{}` can't be a variable of the environment", name),
                  "names hold no '=', and neither names nor values a NUL character");
    }
    variables[name] = std::move(value);
  }
  variables["RUNBOOK_RUN"] = attempt.run;
  variables["RUNBOOK_STEP"] = attempt.path;
  variables["RUNBOOK_KEY"] = attempt.key;
  const auto& own = own_environment();
  std::vector<std::string> entries;
  entries.reserve(own.size() + variables.size());
  for (const auto& [name, entry] : own) {
    if (!variables.contains(name)) entries.push_back(entry);
  }
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace

Result<supervisor::Start> shell_command(const engine::Attempt& attempt) {
  Arguments arguments(attempt.arguments);
  if (const auto host = arguments.text("on"); host && !host->empty()) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("`shell(…, on: \"{}\")` is not built yet: commands run on this host "
                            "only, and nothing was run",
                            *host),
                "leave `on` out and let the command call ssh");
  }
  supervisor::Start start;
  start.key = attempt.attempt_key;
  start.fence = attempt.fence;
  start.words = {"/bin/sh", "-ec", arguments.text("command").value_or("")};
  start.input = arguments.text("stdin").value_or("");
  start.grace = arguments.duration("grace").value_or(supervisor::kDefaultGrace);
  start.deadline = attempt.timeout.value_or(-1);
  start.file_mask = attempt.umask >= 0 ? static_cast<uint32_t>(attempt.umask) : file_mask();
  auto environment = environment_of(attempt, arguments);
  if (!environment) return tl::unexpected<Error>(environment.error());
  start.environment = std::move(*environment);
  const std::string folder = arguments.text("cwd").value_or(".");
  (void)arguments.numbers("accept");
  if (!arguments.fault().empty()) {
    return fail(ErrorKind::kInvalid, arguments.fault(), "check the runbook again with this rbk");
  }
  if (has_nul(start.words[2]) || has_nul(folder)) {
    return fail(ErrorKind::kInvalid,
                "a command and its folder can't hold a NUL character; nothing was run",
                "hand such bytes over as `stdin`");
  }
  if (start.input.size() > kLargestInput) {
    return fail(ErrorKind::kLimit,
                fmt::format("`stdin` has {} bytes, and 16 MiB were expected at most; nothing was "
                            "run",
                            start.input.size()),
                "write it to a file and let the command read that");
  }
  std::error_code error;
  const auto wanted = std::filesystem::path(attempt.folder) / (folder.empty() ? "." : folder);
  const auto absolute = std::filesystem::absolute(wanted, error);
  if (error) {
    return fail(ErrorKind::kIo, fmt::format("the engine's folder is gone: {}", error.message()),
                "give the command a folder with `cwd`");
  }
  start.directory = absolute.lexically_normal().string();
  return start;
}

}  // namespace rbk::stdlib
