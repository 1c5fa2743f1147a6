#include "stdlib/shell/shell_arguments.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "stdlib/arguments.h"
#include "stdlib/command/command_start.h"
#include "stdlib/ssh/remote_command.h"
#include "stdlib/ssh/ssh_host.h"

namespace rbk::stdlib {

namespace {

/// How long the host may take to tell that the command was ended. Microseconds.
constexpr int64_t kPatience = 10'000'000;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<std::map<std::string, std::string>> variables_of(Arguments& arguments) {
  std::map<std::string, std::string> variables;
  for (auto& [name, value] : arguments.texts("env")) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return fail(ErrorKind::kInvalid,
                  fmt::format("`{}` can't be a variable of the environment", name),
                  "names hold no '=', and neither names nor values a NUL character");
    }
    variables[name] = std::move(value);
  }
  return variables;
}

/// Where PATH leads; empty: nowhere.
std::string program_in_path(std::string_view name) {
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? std::string_view("/usr/bin:/bin") : variable;
  while (true) {
    const size_t end = std::min(rest.find(':'), rest.size());
    std::string path = fmt::format("{}/{}", rest.substr(0, end), name);
    if (path.starts_with('/') && access(path.c_str(), X_OK) == 0) return path;
    if (end == rest.size()) return {};
    rest.remove_prefix(end + 1);
  }
}

Result<supervisor::Start> on_host(const engine::Attempt& attempt, const std::string& on,
                                  RemoteCommand command, const FindSshSettings& find) {
  auto host = parse_ssh_host(on);
  if (!host) return tl::unexpected<Error>(host.error());
  const std::string ssh = program_in_path("ssh");
  if (ssh.empty())
    return fail(ErrorKind::kNotFound, "`ssh` is not installed on this host; nothing was run",
                "install it, or add its folder to PATH");
  SshSettings settings;
  if (find) {
    auto found = find(attempt.folder);
    if (!found) return tl::unexpected<Error>(found.error());
    settings = std::move(*found);
  }
  const std::string mark = remote_mark(attempt.attempt_key);
  command.variables["RUNBOOK_RUN"] = attempt.run;
  command.variables["RUNBOOK_STEP"] = attempt.path;
  command.variables["RUNBOOK_KEY"] = attempt.key;
  auto input = remote_input(command, mark);
  if (!input) return tl::unexpected<Error>(input.error());
  // ssh hands what it says about itself to a shell of this host: SHELL.
  auto start = command_start(attempt, {{"SHELL", "/bin/sh"}}, ".");
  if (!start) return start;
  start->words = ssh_arguments(*host, settings, mark);
  start->words.insert(start->words.begin(), ssh);
  start->input = std::move(*input);
  start->ends_by_input = connected_sign(mark);
  // Its own grace runs on the host; what is left then is ended with the connection.
  start->grace = command.grace + kPatience;
  return start;
}

}  // namespace

Result<supervisor::Start> shell_command(const engine::Attempt& attempt,
                                        const FindSshSettings& settings) {
  Arguments arguments(attempt.arguments);
  const auto host = arguments.text("on");
  auto variables = variables_of(arguments);
  if (!variables) return tl::unexpected<Error>(variables.error());
  const std::string command = arguments.text("command").value_or("");
  const std::string folder = arguments.text("cwd").value_or(host ? "" : ".");
  std::string input = arguments.text("stdin").value_or("");
  const auto grace = arguments.duration("grace");
  (void)arguments.numbers("accept");
  if (!arguments.fault().empty()) {
    return fail(ErrorKind::kInvalid, arguments.fault(), "check the runbook again with this rbk");
  }
  if (has_nul(command) || has_nul(folder)) {
    return fail(ErrorKind::kInvalid,
                "a command and its folder can't hold a NUL character; nothing was run",
                "hand such bytes over as `stdin`");
  }
  if (input.size() > kLargestInput) {
    return fail(ErrorKind::kLimit,
                fmt::format("`stdin` has {} bytes, and 16 MiB were expected at most; nothing was "
                            "run",
                            input.size()),
                "write it to a file and let the command read that");
  }
  if (host)
    return on_host(attempt, *host,
                   {command, std::move(*variables), folder, std::move(input),
                    grace.value_or(supervisor::kDefaultGrace)},
                   settings);
  auto start = command_start(attempt, std::move(*variables), folder);
  if (!start) return start;
  start->words = {"/bin/sh", "-ec", command};
  start->input = std::move(input);
  start->grace = grace.value_or(supervisor::kDefaultGrace);
  return start;
}

}  // namespace rbk::stdlib
