// One thread's loop over file descriptors and timers: a thread that does nothing else calls `run`;
// one that has more to do waits for `descriptor` among its own, and calls `turn`.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "supervisor/descriptor.h"

namespace rbk::supervisor {

/// Only `post` and `stop` may be called from another thread than the loop's.
class EventLoop {
 public:
  using Id = uint64_t;
  using Ready = std::function<void(uint32_t events)>;  // EPOLLIN and so on

  static Result<std::unique_ptr<EventLoop>> make();

  /// `fd` has to stay open until `forget`, which may be called from within `ready`.
  Id watch(int fd, uint32_t events, Ready ready);
  void change(Id id, uint32_t events);
  void forget(Id id);

  /// Calls `due` once, at that time of the boot clock.
  Id at(int64_t time, std::function<void()> due);
  void cancel(Id timer);

  void post(std::function<void()> task);
  void stop();
  void run();

  /// Readable when `turn` has something to do.
  int descriptor() const { return epoll_.get(); }
  /// Does what is to be done now, without waiting.
  void turn() { turn(0); }

  /// Microseconds since boot, sleep included.
  static int64_t now();

 private:
  struct Watch {
    int fd;
    std::shared_ptr<Ready> ready;
  };

  EventLoop() = default;
  void turn(int wait_milliseconds);
  void run_due();
  void run_posted();
  void arm(int64_t time);

  Descriptor epoll_;
  Descriptor wake_;
  Descriptor alarm_;  // rings at `armed_`, or earlier than any timer is due
  int64_t armed_ = std::numeric_limits<int64_t>::max();
  Id next_id_ = 2;  // after those of the loop's own descriptors
  bool stopping_ = false;
  std::unordered_map<Id, Watch> watches_;
  std::map<std::pair<int64_t, Id>, std::function<void()>> timers_;
  std::unordered_map<Id, int64_t> timer_times_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace rbk::supervisor
