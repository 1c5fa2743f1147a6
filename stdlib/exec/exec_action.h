// Own actions: programs of the project that read one JSON object and write one
// (docs/own-actions.md), through the supervisor.
#pragma once

#include <memory>

#include "stdlib/command/commands.h"

namespace rbk::stdlib {

class ExecAction : public CommandAction {
 public:
  using CommandAction::CommandAction;

  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override;
  engine::Recovery recover(const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink) override;
};

}  // namespace rbk::stdlib
