#include "stdlib/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "stdlib/command/commands.h"
#include "stdlib/exec/exec_action.h"
#include "stdlib/http/http_action.h"
#include "stdlib/shell/shell_action.h"
#include "supervisor/folder.h"

namespace rbk::stdlib {

namespace {

constexpr std::array<std::string_view, 7> kHttpActions = {
    "http.get", "http.head", "http.post", "http.put", "http.patch", "http.delete", "http.request"};

}  // namespace

Registry::Registry(Options options) : options_(std::move(options)) {}
Registry::~Registry() = default;

std::string Registry::place() { return supervisor::Folder::identity(options_.store); }

int Registry::descriptor() { return commands_ ? commands_->descriptor() : -1; }

void Registry::turn() {
  if (commands_) commands_->turn();
}

Commands& Registry::commands() {
  if (!commands_) commands_ = std::make_unique<Commands>(options_.store, options_.supervisor);
  return *commands_;
}

Result<engine::Action*> Registry::find_own() {
  if (!own_) own_ = std::make_unique<ExecAction>(commands());
  return own_.get();
}

Result<engine::Action*> Registry::find(std::string_view name) {
  if (name == "shell") {
    if (!shell_) shell_ = std::make_unique<ShellAction>(commands(), options_.ssh);
    return shell_.get();
  }
  if (std::find(kHttpActions.begin(), kHttpActions.end(), name) != kHttpActions.end()) {
    if (!http_) http_ = std::make_unique<HttpAction>();
    return http_.get();
  }
  return fail(ErrorKind::kNotFound,
              fmt::format("no standard action is called '{}'; there are shell, {}", name,
                          fmt::join(kHttpActions, ", ")),
              "use the version of rbk that compiled the program, or compile it again");
}

}  // namespace rbk::stdlib
