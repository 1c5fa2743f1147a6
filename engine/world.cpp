#include "engine/world.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/boot.h"

namespace rbk::engine {
namespace {

int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

class HostClock : public Clock {
 public:
  int64_t wall() override { return read_clock(CLOCK_REALTIME); }
  int64_t boot() override { return read_clock(CLOCK_BOOTTIME); }
  std::string boot_identity() override { return rbk::boot_identity(); }
};

class KernelRandom : public Random {
 public:
  uint64_t next() override {
    uint64_t value = 0;
    while (getrandom(&value, sizeof value, 0) != sizeof value) continue;
    return value;
  }
};

class EventSleeper : public Sleeper {
 public:
  EventSleeper() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~EventSleeper() override { close(event_); }

  void sleep(int64_t until, int descriptor) override {
    // The poll's clock stands still while the host sleeps, ours does not: never for long.
    const int64_t left = std::clamp<int64_t>(until - read_clock(CLOCK_BOOTTIME), 0, 60'000'000);
    const timespec patience{left / 1'000'000, left % 1'000'000 * 1000};
    std::array<pollfd, 2> wanted{{{event_, POLLIN, 0}, {descriptor, POLLIN, 0}}};
    if (ppoll(wanted.data(), wanted.size(), &patience, nullptr) > 0 && wanted[0].revents != 0) {
      uint64_t count = 0;
      (void)!read(event_, &count, sizeof count);
    }
  }

  void wake() override {
    const int saved = errno;
    const uint64_t one = 1;
    (void)!write(event_, &one, sizeof one);
    errno = saved;
  }

 private:
  int event_;
};

}  // namespace

World World::real() {
  World world;
  world.clock = std::make_shared<HostClock>();
  world.random = std::make_shared<KernelRandom>();
  world.sleeper = std::make_shared<EventSleeper>();
  return world;
}

}  // namespace rbk::engine
