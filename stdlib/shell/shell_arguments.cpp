#include "stdlib/shell/shell_arguments.h"

#include <fmt/format.h>

#include "stdlib/arguments.h"
#include "stdlib/command/command_start.h"

namespace rbk::stdlib {

namespace {

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
  auto variables = variables_of(arguments);
  if (!variables) return tl::unexpected<Error>(variables.error());
  const std::string command = arguments.text("command").value_or("");
  const std::string folder = arguments.text("cwd").value_or(".");
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
  auto start = command_start(attempt, std::move(*variables), folder);
  if (!start) return start;
  start->words = {"/bin/sh", "-ec", command};
  start->input = std::move(input);
  start->grace = grace.value_or(supervisor::kDefaultGrace);
  return start;
}

}  // namespace rbk::stdlib
