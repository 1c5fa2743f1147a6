// One attempt's command in the supervisor: its process, its pipes, its spool, and how it ends.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/masking.h"
#include "supervisor/event_loop.h"
#include "supervisor/process.h"
#include "supervisor/spool.h"
#include "supervisor/wire.h"

namespace rbk::supervisor {

class Command {
 public:
  /// `news` is called when there is more output, or the end, and may destroy the command. The loop
  /// outlives it.
  Command(EventLoop& loop, Spool spool, std::function<void()> news);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Starts the process, with `files` as its limit of open files. If it can't be started, the
  /// command has ended (kNotStarted).
  void begin(Start start, const rlimit& files);
  /// For a spool without an end whose supervisor is gone: ends what is left of its processes, then
  /// the command (kLost).
  void abandon();
  /// SIGTERM to all of its processes, or the end of its input; SIGKILL after the grace time.
  void stop();
  /// The process was reaped with this wait status.
  void reaped(int status);

  const Spool& spool() const { return spool_; }
  pid_t process() const { return spool_.process() ? spool_.process()->pid : 0; }
  bool ended() const { return spool_.ending().has_value(); }
  /// Nobody needs this object any more: its end is acknowledged, or is in its spool.
  bool settled() const { return settled_; }
  void acknowledged() { settled_ = true; }
  /// It has ended, and processes that it left in the background still hold its output: they would
  /// be killed by it if nobody read on.
  bool drains() const { return ended() && (out_.pipe || err_.pipe); }

 private:
  struct Source {
    Descriptor pipe;
    EventLoop::Id watch = 0;
    std::optional<MaskingStream> masking;  // nothing: its start named no secrets
  };

  void open_source(Source& source, Descriptor pipe, Stream stream);
  void close_source(Source& source);
  bool read_source(Source& source, Stream stream);  // false: nothing more for now
  void give_rest(Source& source, Stream stream);
  void write_input();
  void stop_writing();
  void close_input();
  void look_for_sign(std::string_view bytes);
  void ask_to_end();
  void stop_for(Ending::Cause cause);
  void settle();
  void tell();
  void signal_members(int signal);
  void end(Ending ending);
  Ending ending_of(int status) const;

  EventLoop& loop_;
  Spool spool_;
  std::function<void()> news_;
  Source out_;
  Source err_;
  Descriptor input_pipe_;
  EventLoop::Id input_watch_ = 0;
  std::string input_;
  size_t input_written_ = 0;
  bool writes_input_ = false;   // it is being watched
  std::string ends_by_input_;   // see Start
  bool input_ends_it_ = false;  // that was seen
  std::string seen_;            // the end of what was read, where it may begin
  int64_t grace_ = kDefaultGrace;
  EventLoop::Id timer_ = 0;
  std::optional<Ending::Cause> stopping_;
  int64_t kill_at_ = 0;
  int64_t give_up_at_ = 0;
  int64_t pause_ = 0;  // between two looks at what lives
  std::optional<int> status_;
  bool settled_ = false;
};

}  // namespace rbk::supervisor
