// Attempts that are commands of this host: what `shell` and own actions share. They survive the
// engine's death in their supervisor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/action.h"
#include "supervisor/client.h"

namespace rbk::stdlib {

/// The engine's thread.
class Commands {
 public:
  /// Makes what hears of a command; it calls `over` once, before its sink's `finish`.
  using Listen = std::function<std::shared_ptr<supervisor::Listener>(std::function<void()> over)>;

  /// `store`: the store's folder; `supervisor`: see supervisor::Client::Options.
  Commands(std::string store, std::vector<std::string> supervisor);

  void start(const engine::Attempt& attempt, supervisor::Start command, const Listen& listen);
  /// A gentle stop lets an attempt that `writes` finish.
  void stop(uint64_t attempt, engine::StopMode mode);
  engine::Recovery recover(const engine::Attempt& attempt, const Listen& listen);
  void acknowledge(const std::string& attempt_key) { client_.acknowledge(attempt_key); }

  /// See supervisor::Client.
  int descriptor() const { return client_.descriptor(); }
  void turn() { client_.turn(); }

 private:
  struct UnderWay {
    std::string key;
    engine::Behaviour behaviour;
  };
  std::shared_ptr<supervisor::Listener> begin(const engine::Attempt& attempt, const Listen& listen);

  std::unordered_map<uint64_t, UnderWay> attempts_;  // by id
  std::string store_;
  supervisor::Client client_;
};

/// An action whose attempts are commands.
class CommandAction : public engine::Action {
 public:
  /// Must outlive the action.
  explicit CommandAction(Commands& commands) : commands_(commands) {}

  void stop(uint64_t attempt, engine::StopMode mode) override { commands_.stop(attempt, mode); }
  /// By its supervisor: an attempt is over when none of its processes is left.
  bool always_ends() const override { return true; }
  void acknowledge(const std::string& attempt_key) override { commands_.acknowledge(attempt_key); }

 protected:
  Commands& commands() { return commands_; }

 private:
  Commands& commands_;
};

}  // namespace rbk::stdlib
