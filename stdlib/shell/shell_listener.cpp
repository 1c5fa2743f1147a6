#include "stdlib/shell/shell_listener.h"

#include <fmt/format.h>

#include <algorithm>

#include "stdlib/arguments.h"
#include "stdlib/utf8.h"

namespace rbk::stdlib {

namespace {

constexpr size_t kCommandInMessage = 80;

// The first line, shortened.
std::string shown(const boost::json::object& arguments) {
  const std::string command = Arguments(arguments).text("command").value_or("");
  const std::string_view line = std::string_view(command).substr(0, command.find('\n'));
  const std::string_view start = utf8_prefix(line, kCommandInMessage);
  return fmt::format("`{}{}`", start, start.size() < command.size() ? "…" : "");
}

}  // namespace

ShellListener::ShellListener(const boost::json::object& arguments,
                             std::shared_ptr<engine::AttemptSink> sink, std::function<void()> over)
    : CommandListener({.name = shown(arguments), .error = "ShellError"}, std::move(sink),
                      std::move(over)),
      accept_(Arguments(arguments).numbers("accept").value_or(std::vector<int64_t>{0})) {}

engine::Outcome ShellListener::exited(int64_t status) const {
  if (std::find(accept_.begin(), accept_.end(), status) == accept_.end()) {
    const std::string last = last_lines(err(), 1);
    engine::Outcome outcome = failed(
        fmt::format("{} ended with status {}{}{}", name(), status, last.empty() ? "" : ": ", last),
        engine::Effect::kDone, status);
    outcome.error.retryable = true;
    return outcome;
  }
  engine::Outcome outcome;
  boost::json::object output;
  output["exit_code"] = status;
  add_output(output);
  output["truncated"] = is_cut();
  outcome.output = std::move(output);
  return outcome;
}

}  // namespace rbk::stdlib
