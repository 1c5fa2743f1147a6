#include "stdlib/shell/shell_action.h"

#include <boost/json.hpp>

#include "stdlib/shell/shell_arguments.h"
#include "stdlib/shell/shell_listener.h"

namespace rbk::stdlib {

namespace {

Commands::Listen listen(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  return [&attempt, sink = std::move(sink)](std::function<void()> over) {
    return std::make_shared<ShellListener>(attempt.arguments, sink, std::move(over));
  };
}

}  // namespace

void ShellAction::start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  auto command = shell_command(attempt);
  if (!command) {
    sink->finish(not_started("ShellError", command.error()));
    return;
  }
  commands().start(attempt, std::move(*command), listen(attempt, std::move(sink)));
}

engine::Recovery ShellAction::recover(const engine::Attempt& attempt,
                                      std::shared_ptr<engine::AttemptSink> sink) {
  return commands().recover(attempt, listen(attempt, std::move(sink)));
}

}  // namespace rbk::stdlib
