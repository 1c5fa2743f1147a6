// `shell`: commands of this host, or of another one by ssh, through the supervisor.
#pragma once

#include <memory>
#include <utility>

#include "stdlib/command/commands.h"
#include "stdlib/ssh/ssh_settings.h"

namespace rbk::stdlib {

class ShellAction : public CommandAction {
 public:
  ShellAction(Commands& commands, FindSshSettings settings)
      : CommandAction(commands), settings_(std::move(settings)) {}

  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override;
  engine::Recovery recover(const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink) override;

 private:
  FindSshSettings settings_;
};

}  // namespace rbk::stdlib
