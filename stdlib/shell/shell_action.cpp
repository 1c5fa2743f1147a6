#include "stdlib/shell/shell_action.h"

#include <boost/json.hpp>

#include "stdlib/arguments.h"
#include "stdlib/shell/shell_arguments.h"
#include "stdlib/shell/shell_listener.h"
#include "stdlib/ssh/remote_command.h"
#include "stdlib/ssh/remote_listener.h"

namespace rbk::stdlib {

namespace {

Commands::Listen listen_shell(const engine::Attempt& attempt,
                              std::shared_ptr<engine::AttemptSink> sink) {
  return [&attempt, sink = std::move(sink)](
             std::function<void()> over) -> std::shared_ptr<supervisor::Listener> {
    if (const auto host = Arguments(attempt.arguments).text("on"))
      return std::make_shared<RemoteListener>(
          attempt.arguments, *host, remote_mark(attempt.attempt_key), sink, std::move(over));
    return std::make_shared<ShellListener>(attempt.arguments, sink, std::move(over));
  };
}

}  // namespace

void ShellAction::start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  auto command = shell_command(attempt, settings_);
  if (!command) {
    sink->finish(not_started("ShellError", command.error()));
    return;
  }
  commands().start(attempt, std::move(*command), listen_shell(attempt, std::move(sink)));
}

engine::Recovery ShellAction::recover(const engine::Attempt& attempt,
                                      std::shared_ptr<engine::AttemptSink> sink) {
  return commands().recover(attempt, listen_shell(attempt, std::move(sink)));
}

}  // namespace rbk::stdlib
