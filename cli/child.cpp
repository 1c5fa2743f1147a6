#include "cli/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/units.h"

extern char** environ;

namespace rbk::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// A descriptor that is closed when it is no longer needed.
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  void set(int number) { number_ = number; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

tl::unexpected<Error> broken(const std::string& program, int error) {
  return fail(ErrorKind::kIo, fmt::format("{} can't be started: {}", program, strerror(error)));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> made;
  made.reserve(texts.size() + 1);
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

std::vector<std::string> environment_of(const Child& child) {
  std::vector<std::string> made;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (const auto& [name, value] : child.environment)
      replaced = replaced || text.starts_with(name + "=");
    if (!replaced) made.emplace_back(text);
  }
  for (const auto& [name, value] : child.environment) made.push_back(name + "=" + value);
  return made;
}

/// `in`, `out`, `err`: what it has for them; below 0: nothing.
Result<pid_t> spawn(const Child& child, int in, int out, int err, short flags) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const auto give = [&](int from, int to, int mode) {
    if (from < 0)
      posix_spawn_file_actions_addopen(&actions, to, "/dev/null", mode, 0);
    else
      posix_spawn_file_actions_adddup2(&actions, from, to);
  };
  give(in, STDIN_FILENO, O_RDONLY);
  give(out, STDOUT_FILENO, O_WRONLY);
  give(err, STDERR_FILENO, O_WRONLY);
  if (!child.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, child.folder.c_str());
  sigset_t none;
  sigset_t usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&usual, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(
      &attributes, static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  std::vector<std::string> words = child.words;
  std::vector<std::string> environment = environment_of(child);
  pid_t process = 0;
  const int error = posix_spawn(&process, words.front().c_str(), &actions, &attributes,
                                pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return broken(child.words.front(), error);
  return process;
}

/// The last of what it said on standard error, on one line.
std::string last_words(const std::string& text) {
  constexpr size_t kMost = 300;
  std::string words = text.size() > kMost ? "…" + text.substr(text.size() - kMost) : text;
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  for (char& c : words)
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  return words.empty() ? words : ": " + words;
}

/// What a child says and hears while it runs.
class Talk {
 public:
  Talk(const Child& child, const std::atomic<bool>* stopped)
      : child_(child),
        stopped_(stopped),
        until_(Clock::now() + std::chrono::microseconds(child.timeout)) {}

  Result<std::string> run() {
    Descriptor in_theirs;
    Descriptor out_theirs;
    Descriptor err_theirs;
    if (auto made = open(in_, in_theirs); !made) return tl::unexpected(made.error());
    if (auto made = open(out_, out_theirs); !made) return tl::unexpected(made.error());
    if (auto made = open(err_, err_theirs); !made) return tl::unexpected(made.error());
    auto process =
        spawn(child_, in_theirs.get(), out_theirs.get(), err_theirs.get(), POSIX_SPAWN_SETPGROUP);
    if (!process) return tl::unexpected(process.error());
    in_theirs.close();
    out_theirs.close();
    err_theirs.close();
    Status talked = talk();
    if (!talked) kill(-*process, SIGKILL);
    int status = 0;
    while (waitpid(*process, &status, talked ? WNOHANG : 0) == 0) {
      // It has closed its output, and goes on.
      if (over()) {
        talked = too_long();
        kill(-*process, SIGKILL);
      }
      usleep(5'000);
    }
    kill(-*process, SIGKILL);  // what it has left behind
    if (!talked) return tl::unexpected(talked.error());
    const std::string& program = child_.words.back();
    if (WIFSIGNALED(status))
      return fail(ErrorKind::kRefused, fmt::format("`{}` was killed by signal {}{}", program,
                                                   WTERMSIG(status), last_words(said_[1])));
    if (WEXITSTATUS(status) != 0)
      return fail(ErrorKind::kRefused, fmt::format("`{}` ended with {}{}", program,
                                                   WEXITSTATUS(status), last_words(said_[1])));
    return std::move(said_[0]);
  }

 private:
  /// Sockets, since writing to one whose other end is gone raises no signal.
  static Status open(Descriptor& ours, Descriptor& theirs) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
      return fail(ErrorKind::kIo, fmt::format("no socket: {}", strerror(errno)));
    ours.set(pair[0]);
    theirs.set(pair[1]);
    return {};
  }

  bool over() const { return Clock::now() >= until_ || (stopped_ != nullptr && stopped_->load()); }
  Status too_long() const {
    return fail(ErrorKind::kRefused, fmt::format("`{}` did not end within {}", child_.words.back(),
                                                 format_duration(child_.timeout)));
  }

  Status talk() {
    while (out_.get() >= 0 || err_.get() >= 0) {
      if (over()) return too_long();
      if (sent_ >= child_.input.size()) in_.close();
      pollfd polled[] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {in_.get(), POLLOUT, 0}};
      poll(polled, 3, 50);
      if (polled[2].revents != 0) write();
      if (polled[0].revents != 0)
        if (auto ok = read(out_, said_[0]); !ok) return ok;
      if (polled[1].revents != 0)
        if (auto ok = read(err_, said_[1]); !ok) return ok;
    }
    return {};
  }

  void write() {
    const ssize_t count = send(in_.get(), child_.input.data() + sent_, child_.input.size() - sent_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent_ += static_cast<size_t>(count);
    if (count < 0 && errno != EAGAIN && errno != EINTR) in_.close();  // it does not want to hear it
  }

  Status read(Descriptor& from, std::string& into) const {
    char buffer[8192];
    const ssize_t count = ::read(from.get(), buffer, sizeof buffer);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (count <= 0) {
      from.close();
      return {};
    }
    into.append(buffer, static_cast<size_t>(count));
    if (into.size() <= child_.most_output) return {};
    return fail(ErrorKind::kLimit,
                fmt::format("`{}` says more than {}", child_.words.back(),
                            format_size(static_cast<int64_t>(child_.most_output))));
  }

  const Child& child_;
  const std::atomic<bool>* stopped_;
  Clock::time_point until_;
  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
  size_t sent_ = 0;
  std::string said_[2];
};

}  // namespace

Result<std::string> run_child(const Child& child, const std::atomic<bool>* stopped) {
  return Talk(child, stopped).run();
}

Status start_apart(const Child& child) {
  auto process = spawn(child, -1, -1, -1, POSIX_SPAWN_SETSID);
  return process ? Status() : Status(tl::unexpected(process.error()));
}

}  // namespace rbk::cli
