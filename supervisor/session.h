// One engine's connection, as the supervisor sees it: frames in, frames out, and the output of the
// commands it is attached to, as fast as the engine reads and no faster.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/command.h"
#include "supervisor/descriptor.h"
#include "supervisor/event_loop.h"
#include "supervisor/wire.h"

namespace rbk::supervisor {

class Session {
 public:
  /// `message` and `closed` are called from the loop; `closed` may destroy the session.
  Session(EventLoop& loop, Descriptor socket, std::function<void(Message)> message,
          std::function<void()> closed);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void send(const Message& message);
  /// Sends the command's output from the cursor on, as it comes, and then its end.
  void attach(std::shared_ptr<Command> command, Cursor from);
  /// Sends what there is, as far as the engine's socket takes it.
  void pump();
  /// Sends Refused and closes once it is sent.
  void refuse(const std::string& text);

  size_t attached() const { return attachments_.size(); }

 private:
  struct Attachment {
    std::shared_ptr<Command> command;
    Cursor at;
  };

  void ready(uint32_t events);
  bool receive();
  bool fill();
  bool advance(Attachment& attachment);
  bool flush();
  void close();

  EventLoop& loop_;
  Descriptor socket_;
  std::function<void(Message)> message_;
  std::function<void()> closed_;
  EventLoop::Id watch_ = 0;
  bool wants_out_ = false;
  bool refusing_ = false;
  std::string in_;
  std::string out_;
  std::vector<Attachment> attachments_;
};

}  // namespace rbk::supervisor
