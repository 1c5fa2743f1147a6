// `shell`: commands of this host, through the supervisor.
#pragma once

#include <memory>

#include "stdlib/command/commands.h"

namespace rbk::stdlib {

class ShellAction : public CommandAction {
 public:
  using CommandAction::CommandAction;

  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override;
  engine::Recovery recover(const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink) override;
};

}  // namespace rbk::stdlib
