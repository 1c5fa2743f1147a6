#include "stdlib/command/commands.h"

#include "base/boot.h"
#include "supervisor/folder.h"

namespace rbk::stdlib {

Commands::Commands(std::string store, std::vector<std::string> supervisor)
    : store_(store), client_({std::move(store), std::move(supervisor)}) {}

std::shared_ptr<supervisor::Listener> Commands::begin(const engine::Attempt& attempt,
                                                      const Listen& listen) {
  attempts_[attempt.id] = {attempt.attempt_key, attempt.behaviour};
  return listen([this, id = attempt.id] { attempts_.erase(id); });
}

void Commands::start(const engine::Attempt& attempt, supervisor::Start command,
                     const Listen& listen) {
  client_.start(std::move(command), begin(attempt, listen));
}

void Commands::stop(uint64_t attempt, engine::StopMode mode) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const bool let_finish =
      mode == engine::StopMode::kGentle && found->second.behaviour == engine::Behaviour::kWrites;
  if (!let_finish) client_.stop(found->second.key);
}

engine::Recovery Commands::recover(const engine::Attempt& attempt, const Listen& listen) {
  const bool same_boot =
      attempt.origin == boot_identity() + "@" + supervisor::Folder::identity(store_);
  const auto listener = begin(attempt, listen);
  const supervisor::Found found =
      client_.recover(attempt.attempt_key, attempt.fence, same_boot, listener);
  if (found == supervisor::Found::kFound) return engine::Recovery::kReattached;
  attempts_.erase(attempt.id);
  return found == supervisor::Found::kNeverStarted ? engine::Recovery::kNeverStarted
                                                   : engine::Recovery::kUnknown;
}

}  // namespace rbk::stdlib
