#include "stdlib/registry.h"

#include <fmt/format.h>

#include "stdlib/shell/shell_action.h"

namespace rbk::stdlib {

Registry::Registry(Options options) : options_(std::move(options)) {}
Registry::~Registry() = default;

Result<engine::Action*> Registry::find(std::string_view name) {
  if (name == "shell") {
    if (!shell_) shell_ = std::make_unique<ShellAction>(options_.store, options_.supervisor);
    return shell_.get();
  }
  return fail(ErrorKind::kNotFound,
              fmt::format("no standard action is called '{}'; there is shell", name),
              "use the version of rbk that compiled the program, or compile it again");
}

}  // namespace rbk::stdlib
