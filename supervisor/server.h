// What the supervisor's process does once it is in the background.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "supervisor/command.h"
#include "supervisor/event_loop.h"
#include "supervisor/folder.h"
#include "supervisor/session.h"
#include "supervisor/spare_files.h"

namespace rbk::supervisor {

class Server {
 public:
  /// Takes the socket that listens, and blocks SIGCHLD.
  static Result<std::unique_ptr<Server>> make(Folder folder, Descriptor listener);

  /// Serves until nobody is connected and nothing runs for `patience` microseconds, then removes
  /// the socket.
  void run(int64_t patience);

 private:
  struct Engine {
    std::unique_ptr<Session> session;
    bool greeted = false;
  };

  explicit Server(Folder folder) : folder_(std::move(folder)) {}

  bool accept_one();
  void reap();
  void handle(EventLoop::Id id, Message message);
  void start(Engine& engine, Start message);
  void attach(Engine& engine, const Attach& message);
  void acknowledge(const std::string& key);
  std::shared_ptr<Command> make_command(Spool spool);
  void news();
  void forget_finished();
  void consider_leaving();

  Folder folder_;
  SpareFiles spares_{folder_};
  Descriptor listener_;
  Descriptor children_;
  std::unique_ptr<EventLoop> loop_;
  rlimit files_of_commands_{};
  int64_t patience_ = 0;
  EventLoop::Id leave_timer_ = 0;
  uint64_t next_engine_ = 1;
  std::unordered_map<uint64_t, Engine> engines_;
  std::unordered_map<std::string, std::shared_ptr<Command>> commands_;  // by attempt key
  std::unordered_map<pid_t, std::weak_ptr<Command>> by_process_;
};

}  // namespace rbk::supervisor
