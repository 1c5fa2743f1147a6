#include "stdlib/shell/shell_action.h"

#include <boost/json.hpp>

#include "base/boot.h"
#include "stdlib/shell/shell_arguments.h"
#include "stdlib/shell/shell_listener.h"
#include "supervisor/folder.h"

namespace rbk::stdlib {

ShellAction::ShellAction(std::string store, std::vector<std::string> supervisor)
    : store_(store), client_({std::move(store), std::move(supervisor)}) {}

std::shared_ptr<supervisor::Listener> ShellAction::listen(
    const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  attempts_[attempt.id] = {attempt.attempt_key, attempt.behaviour};
  return std::make_shared<ShellListener>(attempt.arguments, std::move(sink),
                                         [this, id = attempt.id] { attempts_.erase(id); });
}

void ShellAction::start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) {
  auto command = shell_command(attempt);
  if (!command) {
    engine::Outcome outcome;
    outcome.kind = engine::Outcome::Kind::kError;
    outcome.effect = engine::Effect::kNone;
    outcome.error.kind = "ShellError";
    outcome.error.message = command.error().message;
    if (!command.error().cure.empty()) outcome.error.message += "; " + command.error().cure;
    outcome.error.fields = {{"exit_code", -1}, {"stdout", ""}, {"stderr", ""}};
    sink->finish(std::move(outcome));
    return;
  }
  client_.start(std::move(*command), listen(attempt, std::move(sink)));
}

void ShellAction::stop(uint64_t attempt, engine::StopMode mode) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const bool let_finish =
      mode == engine::StopMode::kGentle && found->second.behaviour == engine::Behaviour::kWrites;
  if (!let_finish) client_.stop(found->second.key);
}

engine::Recovery ShellAction::recover(const engine::Attempt& attempt,
                                      std::shared_ptr<engine::AttemptSink> sink) {
  const bool same_boot =
      attempt.origin == boot_identity() + "@" + supervisor::Folder::identity(store_);
  const auto listener = listen(attempt, std::move(sink));
  const supervisor::Found found =
      client_.recover(attempt.attempt_key, attempt.fence, same_boot, listener);
  if (found == supervisor::Found::kFound) return engine::Recovery::kReattached;
  attempts_.erase(attempt.id);
  return found == supervisor::Found::kNeverStarted ? engine::Recovery::kNeverStarted
                                                   : engine::Recovery::kUnknown;
}

void ShellAction::acknowledge(const std::string& attempt_key) { client_.acknowledge(attempt_key); }

}  // namespace rbk::stdlib
