#include "engine/postgres/lease.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "base/boot.h"

namespace rbk::engine::postgres {
namespace {

/// When the process began, in ticks since the boot; 0: it has ended, and its parent has not fetched
/// that yet. Nothing where that can't be read, which says nothing.
std::optional<int64_t> beginning_of(int64_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // The name stands in brackets and may hold anything; behind it come the state and numbers.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 2));
  std::string state, field;
  fields >> state;
  if (state == "Z" || state == "X") return 0;
  constexpr int kBeginning = 22;
  for (int number = 4; number < kBeginning; ++number) fields >> field;
  int64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

/// Boot, pid namespace and time namespace: what the numbers of a process mean.
std::string here() {
  const std::string boot = boot_identity();
  char times[64];
  const ssize_t length = readlink("/proc/self/ns/time", times, sizeof times);
  if (boot.empty()) return {};
  return boot + ":" + std::string(times, static_cast<size_t>(std::max<ssize_t>(length, 0)));
}

}  // namespace

int64_t boot_clock() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

std::string process_birth() {
  const std::string place = here();
  const auto beginning = beginning_of(getpid());
  if (place.empty() || !beginning) return {};
  return fmt::format("{} {} {}", place, getpid(), *beginning);
}

bool is_proved_dead(const std::string& birth) {
  std::istringstream words(birth);
  std::string place;
  int64_t process = 0;
  int64_t beginning = 0;
  words >> place >> process >> beginning;
  if (process <= 0 || process > INT32_MAX || beginning <= 0 || place.empty() || place != here())
    return false;
  if (kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH) return true;
  // /proc may hide the processes of other users; it never shows one that is not there.
  const auto found = beginning_of(process);
  return found && *found != beginning;
}

Lease::Lease(const Library& library, Url url, int64_t engine)
    : library_(library),
      url_(std::move(url)),
      engine_(engine),
      renewed_(boot_clock()),
      thread_([this] { work(); }) {}

Lease::~Lease() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Lease::lapsed() {
  // Also before the thread comes to it: whoever wakes first must know.
  const bool late = boot_clock() - renewed_.load() > url_.lease;
  return lapsed_.exchange(false) || late;
}

bool Lease::renew(Connection& connection) {
  const int64_t asked = boot_clock();
  Parameters parameters;
  parameters.integer(engine_).integer(url_.lease);
  auto rows = connection.query(
      "update engine set lease=clock_timestamp() + $2 * interval '1 microsecond' "
      "from (select lease > clock_timestamp() as alive from engine where key=$1) before "
      "where key=$1 returning before.alive",
      parameters, "renew the lease of this process in it");
  if (!rows) return false;
  if (rows->size() != 1 || !rows->boolean(0, 0)) lapsed_ = true;
  renewed_ = asked;
  return true;
}

void Lease::work() {
  using Microseconds = std::chrono::microseconds;
  const Microseconds usual(url_.lease / 3);
  const Microseconds after_failure(std::min<int64_t>(url_.lease / 10, 1'000'000));
  Connection connection;
  Microseconds pause = usual;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [&] { return stop_; })) {
    lock.unlock();
    if (connection.is_lost()) {
      connection = {};
      if (auto opened = Connection::open(library_, url_)) connection = std::move(*opened);
    }
    pause = connection.is_open() && renew(connection) ? usual : after_failure;
    lock.lock();
  }
}

}  // namespace rbk::engine::postgres
