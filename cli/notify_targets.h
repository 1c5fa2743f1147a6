// The targets of `notify`: [notify.NAME] in the runbook.toml of the project in which a run was
// started.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/project.h"
#include "engine/notifier.h"
#include "stdlib/http/transport.h"

namespace rbk::cli {

class NotifyTargets : public engine::Notifier {
 public:
  /// `store`: the URL of the store, for runbooks that are started.
  explicit NotifyTargets(std::string store) : store_(std::move(store)) {}
  /// Ends what is under way: it is tried again another time.
  ~NotifyTargets() override;

  std::vector<std::string> defaults(const std::string& kind, const std::string& folder) override;
  void deliver(const std::string& id, const std::string& target, const std::string& payload,
               const std::string& folder, Done done) override;

 private:
  struct Delivery {
    std::string id;
    std::string payload;
    std::string root;  // of the project
  };
  void post(const NotifyTarget& target, const Delivery& delivery, Done done);
  void run_command(const NotifyTarget& target, const Delivery& delivery, Done done);
  Status start_runbook(const NotifyTarget& target, const Delivery& delivery);
  void apart(std::function<Status()> work, Done done);

  std::string store_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::vector<std::jthread> threads_;
  uint64_t last_request_ = 0;
  std::unique_ptr<stdlib::Transport> transport_;
};

}  // namespace rbk::cli
