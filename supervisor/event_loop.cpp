#include "supervisor/event_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace rbk::supervisor {

namespace {

constexpr EventLoop::Id kWake = 0;

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::make() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  loop->wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  if (!loop->epoll_ || !loop->wake_ ||
      epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, loop->wake_.get(), &event) != 0) {
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

void EventLoop::run_due() {
  while (!timers_.empty() && timers_.begin()->first.first <= now()) {
    const auto due = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    due();
  }
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

int EventLoop::wait_milliseconds() const {
  if (timers_.empty()) return -1;
  // epoll's time stands still while the machine sleeps and the boot clock doesn't: no wait is long.
  constexpr int64_t kLongest = 10'000;
  const int64_t left = (timers_.begin()->first.first - now() + 999) / 1000;
  return static_cast<int>(std::clamp<int64_t>(left, 0, kLongest));
}

void EventLoop::run() {
  stopping_ = false;
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    run_due();
    if (stopping_) break;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 wait_milliseconds());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == kWake) {
        run_posted();
        continue;
      }
      const auto found = watches_.find(event.data.u64);
      if (found == watches_.end()) continue;  // forgotten by one of this round
      const std::shared_ptr<Ready> ready = found->second.ready;
      (*ready)(event.events);
    }
  }
}

}  // namespace rbk::supervisor
