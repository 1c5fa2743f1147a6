#include "supervisor/event_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace rbk::supervisor {

namespace {

constexpr EventLoop::Id kWake = 0;
constexpr EventLoop::Id kAlarm = 1;

bool add(int epoll, int fd, EventLoop::Id id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::make() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  loop->wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // The boot clock, as a host that slept was not idle, only away.
  loop->alarm_ = Descriptor(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!loop->epoll_ || !loop->wake_ || !loop->alarm_ ||
      !add(loop->epoll_.get(), loop->wake_.get(), kWake) ||
      !add(loop->epoll_.get(), loop->alarm_.get(), kAlarm)) {
    return fail(ErrorKind::kLimit,
                fmt::format("no event loop can be made: {}", std::strerror(errno)),
                "raise the limit of open files (ulimit -n)");
  }
  return loop;
}

int64_t EventLoop::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

EventLoop::Id EventLoop::watch(int fd, uint32_t events, Ready ready) {
  const Id id = next_id_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  watches_.emplace(id, Watch{fd, std::make_shared<Ready>(std::move(ready))});
  return id;
}

void EventLoop::change(Id id, uint32_t events) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void EventLoop::forget(Id id) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watches_.erase(found);
}

EventLoop::Id EventLoop::at(int64_t time, std::function<void()> due) {
  const Id id = next_id_++;
  timers_.emplace(std::pair(time, id), std::move(due));
  timer_times_.emplace(id, time);
  if (time < armed_) arm(time);
  return id;
}

void EventLoop::cancel(Id timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase(std::pair(found->second, timer));
  timer_times_.erase(found);
}

void EventLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  eventfd_write(wake_.get(), 1);
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::arm(int64_t time) {
  armed_ = time;
  // A time of zero would disarm it.
  const int64_t at = std::max<int64_t>(time, 1);
  const itimerspec alarm{{}, {at / 1'000'000, at % 1'000'000 * 1000}};
  timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &alarm, nullptr);
}

void EventLoop::run_due() {
  uint64_t rings = 0;
  (void)!read(alarm_.get(), &rings, sizeof rings);
  armed_ = std::numeric_limits<int64_t>::max();
  while (!timers_.empty() && timers_.begin()->first.first <= now()) {
    const auto due = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    due();
  }
  if (!timers_.empty() && timers_.begin()->first.first < armed_) arm(timers_.begin()->first.first);
}

void EventLoop::run_posted() {
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void EventLoop::turn(int wait_milliseconds) {
  std::array<epoll_event, 64> events{};
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_milliseconds);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.u64 == kWake) {
      run_posted();
      continue;
    }
    if (event.data.u64 == kAlarm) {
      run_due();
      continue;
    }
    const auto found = watches_.find(event.data.u64);
    if (found == watches_.end()) continue;  // forgotten by one of this round
    const std::shared_ptr<Ready> ready = found->second.ready;
    (*ready)(event.events);
  }
}

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) turn(-1);
}

}  // namespace rbk::supervisor
