// What a command of `shell` comes to.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "stdlib/command/command_listener.h"

namespace rbk::stdlib {

class ShellListener : public CommandListener {
 public:
  /// `arguments`: those of `shell`.
  ShellListener(const boost::json::object& arguments, std::shared_ptr<engine::AttemptSink> sink,
                std::function<void()> over);

 protected:
  engine::Outcome exited(int64_t status) const override;

 private:
  std::vector<int64_t> accept_;
};

}  // namespace rbk::stdlib
