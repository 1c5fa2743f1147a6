#include "supervisor/reach.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "supervisor/wire.h"

namespace rbk::supervisor {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kReachPatience = std::chrono::seconds(3);

std::string read_to_end(int fd) {
  std::string text;
  char buffer[512];
  ssize_t length = 0;
  while ((length = read(fd, buffer, sizeof buffer)) > 0 || (length < 0 && errno == EINTR)) {
    if (length > 0) text.append(buffer, static_cast<size_t>(length));
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Runs the program until it has put the supervisor into the background.
Status start_supervisor(const Folder& folder, const std::vector<std::string>& program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return fail(ErrorKind::kLimit, fmt::format("no pipe can be made: {}", std::strerror(errno)),
                "raise the limit of open files (ulimit -n)");
  }
  const Descriptor answer(ends[0]);
  Descriptor theirs(ends[1]);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, theirs.get(), STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words = program;
  words.push_back(folder.store());
  std::vector<char*> pointers;
  pointers.reserve(std::size(words));
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // Nothing of an engine's environment: it may name one command's run, and the supervisor serves
  // many.
  char* no_environment[] = {nullptr};
  pid_t child = 0;
  const int error =
      posix_spawn(&child, pointers[0], &files, &attributes, pointers.data(), no_environment);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  theirs.close();
  if (error != 0) {
    return fail(ErrorKind::kIo, fmt::format("the supervisor '{}' can't be started: {}", words[0],
                                            std::strerror(error)));
  }
  const std::string text = read_to_end(answer.get());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text.empty()) return fail(ErrorKind::kIo, text);
  if (WIFSIGNALED(status)) {
    return fail(ErrorKind::kNotFound,
                fmt::format("the supervisor '{}' was killed by signal {} as it was started",
                            words[0], WTERMSIG(status)));
  }
  if (status != 0) {
    return fail(ErrorKind::kIo, fmt::format("the supervisor '{}' ended as it was started (wait "
                                            "status {})",
                                            words[0], status));
  }
  return {};
}

// kNotFound: it went away before it answered, as one that had nothing to do.
Status greet(int socket) {
  std::string bytes;
  append_frame(bytes, Hello{kProtocolVersion, static_cast<uint64_t>(getpid())});
  if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size())) {
    return fail(ErrorKind::kNotFound, "the supervisor is gone");
  }
  // A supervisor that answers twice refuses us: its second frame says why.
  std::string answer;
  const auto end = Clock::now() + kReachPatience;
  while (Clock::now() < end) {
    auto decoded = decode_frame(answer);
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    if (*decoded) {
      const auto* hello = std::get_if<Hello>(&(*decoded)->message);
      if (hello != nullptr && hello->version == kProtocolVersion) return {};
      if (const auto* refused = std::get_if<Refused>(&(*decoded)->message)) {
        return fail(ErrorKind::kUnsupported, refused->text,
                    fmt::format("this rbk speaks version {}; wait until that supervisor is done, "
                                "or go on with the rbk that started it",
                                kProtocolVersion));
      }
      answer.erase(0, (*decoded)->size);
      continue;
    }
    pollfd wait{socket, POLLIN, 0};
    if (poll(&wait, 1, 100) <= 0) continue;
    char buffer[512];
    const ssize_t length = recv(socket, buffer, sizeof buffer, 0);
    if (length <= 0) return fail(ErrorKind::kNotFound, "the supervisor is gone");
    answer.append(buffer, static_cast<size_t>(length));
  }
  return fail(ErrorKind::kLocked, "the supervisor does not answer",
              "it is waited for: its commands may still run. Look whether its process is stopped "
              "or the machine is overloaded; ending that process ends its commands");
}

}  // namespace

Result<Descriptor> reach_supervisor(const Folder& folder, const std::vector<std::string>& program) {
  const auto end = Clock::now() + kReachPatience;
  while (true) {
    auto socket = folder.connect();
    if (socket) {
      const Status greeted = greet(socket->get());
      if (greeted) return socket;
      if (greeted.error().kind != ErrorKind::kNotFound) {
        return tl::unexpected<Error>(greeted.error());
      }
    } else if (socket.error().kind != ErrorKind::kNotFound) {
      return socket;
    } else {
      const Status started = start_supervisor(folder, program);
      const bool killed = !started && started.error().kind == ErrorKind::kNotFound;
      if (!started && (!killed || Clock::now() >= end)) {
        return tl::unexpected<Error>(started.error());
      }
      socket = folder.connect();
      if (socket) {
        const Status greeted = greet(socket->get());
        if (greeted) return socket;
      }
    }
    if (Clock::now() >= end) {
      return fail(
          ErrorKind::kLocked,
          fmt::format("a supervisor holds the lock in '{}' and does not listen", folder.path()),
          "it is waited for: its commands may still run; ending that process (fuser names it) "
          "ends them");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace rbk::supervisor
