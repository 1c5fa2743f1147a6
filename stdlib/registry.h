// The standard actions, by the names under which programs import them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/action.h"
#include "stdlib/ssh/ssh_settings.h"

namespace rbk::stdlib {

class Commands;

/// Costs nothing until an action is found: a module's thread, its libraries and the supervisor are
/// made by the first attempt that needs them. Engine's thread; destroyed after the engine.
class Registry : public engine::ActionRegistry {
 public:
  struct Options {
    /// The store's folder on this host: where commands have their supervisor.
    std::string store;
    /// The program that becomes the supervisor, and its arguments before the store's folder.
    std::vector<std::string> supervisor = {"/proc/self/exe", "__supervise"};
    /// How other hosts are reached; without it, as ssh's own configuration says.
    FindSshSettings ssh = {};
  };

  explicit Registry(Options options);
  ~Registry() override;

  /// The folder of the spools, which is made here if it is missing.
  std::string place() override;
  int descriptor() override;
  void turn() override;
  /// "shell", "http.get"; kNotFound otherwise. `log` has no actions here: the machine writes logs.
  Result<engine::Action*> find(std::string_view name) override;
  Result<engine::Action*> find_own() override;

 private:
  Options options_;
  Commands& commands();
  std::unique_ptr<Commands> commands_;
  std::unique_ptr<engine::Action> shell_;
  std::unique_ptr<engine::Action> own_;
  std::unique_ptr<engine::Action> http_;
};

}  // namespace rbk::stdlib
