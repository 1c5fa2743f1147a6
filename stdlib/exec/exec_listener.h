// What the program of an own action comes to.
#pragma once

#include <functional>
#include <memory>

#include "stdlib/command/command_listener.h"

namespace rbk::stdlib {

class ExecListener : public CommandListener {
 public:
  ExecListener(const engine::OwnProgram& own, std::shared_ptr<engine::AttemptSink> sink,
               std::function<void()> over);

 protected:
  engine::Outcome exited(int64_t status) const override;

 private:
  std::shared_ptr<const engine::Declaration> declaration_;
};

}  // namespace rbk::stdlib
