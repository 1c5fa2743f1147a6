#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervisor/process.h"
#include "supervisor/server.h"

namespace rbk::supervisor {

namespace {

constexpr int64_t kIdleTime = 5'000'000;

int report(const Error& error) {
  fmt::print("{}{}{}\n", error.message, error.cure.empty() ? "" : "; ", error.cure);
  return 1;
}

// Leaves nothing that ties us to our caller: its terminal, its folder, its pipes.
void detach() {
  setsid();
  for (const int ignored : kIgnoredSignals) signal(ignored, SIG_IGN);
  // posix_spawn, by which we came to be, lets its child ignore the C library's own two signals, and
  // our commands would inherit that. The library does not let one set them: the kernel does.
  struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
  } as_usual;
  for (const int internal : {32, 33})
    syscall(SYS_rt_sigaction, internal, &as_usual, nullptr, sizeof as_usual.mask);
  // What loses its parent among a command's processes becomes our child: it is reaped, and found
  // when the command has to be killed.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  (void)!chdir("/");
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
  if (null > 2) close(null);
}

}  // namespace

int run(const std::string& store) {
  close_range(3, ~0U, 0);
  auto folder = Folder::open(store);
  if (!folder) return report(folder.error());
  auto lock = folder->lock();
  if (!lock) return lock.error().kind == ErrorKind::kLocked ? 0 : report(lock.error());
  auto listener = folder->listen();
  if (!listener) return report(listener.error());
  auto server = Server::make(std::move(*folder), std::move(*listener));
  if (!server) return report(server.error());
  const pid_t child = fork();
  if (child < 0) {
    return report({ErrorKind::kLimit, fmt::format("no process: {}", std::strerror(errno)), {}});
  }
  if (child > 0) return 0;  // the lock lives on in the child
  detach();
  (*server)->run(kIdleTime);
  _exit(0);
}

}  // namespace rbk::supervisor
