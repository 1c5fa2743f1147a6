// The engine's side of the supervisor: starts commands in it, finds them again, hears of them.
//
// One thread's. Nothing here blocks it but a moment, and nothing is paid for before the first
// command: then the supervisor is started unless it runs already. The connection is dropped when
// nothing was to be said for some seconds, and made anew.
//
// The destructor ends no command.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "supervisor/wire.h"

namespace rbk::supervisor {

/// Hears of one command, from within the client's calls. While nobody calls `turn`, output waits in
/// the spool, never the command.
class Listener {
 public:
  virtual ~Listener() = default;
  /// As it was written; not split into lines.
  virtual void output(Stream stream, std::string_view bytes) = 0;
  /// So many bytes are missing here: there was more than a spool keeps, or `no_space` to keep it.
  virtual void dropped(uint64_t bytes, bool no_space) = 0;
  /// Nothing is heard of the command for now, and this is why.
  virtual void waits(const Error& why) { (void)why; }
  /// Once, at last.
  virtual void ended(const Ending& ending) = 0;
};

enum class Found : uint8_t {
  kNeverStarted,  // certain, and nobody can start it any more with a smaller fence
  kFound,         // its output from the beginning and its end come through the listener
  kUnknown,       // nothing is known of it
};

class Client {
 public:
  struct Options {
    std::string store;  // the store's folder; has to exist when the first command starts
    /// The program that becomes the supervisor, and its arguments before the store's folder.
    std::vector<std::string> program = {"/proc/self/exe", "__supervise"};
  };

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Starts the command unless its key was started before (kNotStarted then, the first one goes
  /// on).
  void start(Start start, std::shared_ptr<Listener> listener);

  /// SIGTERM to all processes of the command, SIGKILL after its grace time.
  void stop(const std::string& key);

  /// Looks for a command that an engine started, or meant to start, before it died. `same_boot`: it
  /// was meant to start in this boot_identity(); if not, that nothing is found proves nothing.
  /// `fence`: greater than that engine's.
  Found recover(const std::string& key, uint64_t fence, bool same_boot,
                std::shared_ptr<Listener> listener);

  /// How the command ended is durable elsewhere: its spool is removed.
  void acknowledge(const std::string& key);

  /// Readable when `turn` has something to do; below 0 before the first command. It stays the same.
  int descriptor() const;
  /// Reads what the supervisor says, at most some 64 KiB, and tells the listeners; never waits.
  void turn();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace rbk::supervisor
