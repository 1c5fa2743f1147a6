// `shell`: commands of this host, through the supervisor.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/action.h"
#include "supervisor/client.h"

namespace rbk::stdlib {

class ShellAction : public engine::Action {
 public:
  /// `store`: the store's folder; `supervisor`: see supervisor::Client::Options.
  ShellAction(std::string store, std::vector<std::string> supervisor);

  void start(const engine::Attempt& attempt, std::shared_ptr<engine::AttemptSink> sink) override;
  void stop(uint64_t attempt, engine::StopMode mode) override;
  engine::Recovery recover(const engine::Attempt& attempt,
                           std::shared_ptr<engine::AttemptSink> sink) override;
  /// By its supervisor: an attempt is over when none of its processes is left.
  bool always_ends() const override { return true; }
  void acknowledge(const std::string& attempt_key) override;

  /// See supervisor::Client.
  int descriptor() const { return client_.descriptor(); }
  void turn() { client_.turn(); }

 private:
  struct UnderWay {
    std::string key;
    engine::Behaviour behaviour;
  };
  std::shared_ptr<supervisor::Listener> listen(const engine::Attempt& attempt,
                                               std::shared_ptr<engine::AttemptSink> sink);

  std::unordered_map<uint64_t, UnderWay> attempts_;  // by id
  std::string store_;
  supervisor::Client client_;
};

}  // namespace rbk::stdlib
