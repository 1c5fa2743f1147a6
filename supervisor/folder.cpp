#include "supervisor/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace rbk::supervisor {

namespace {

constexpr const char* kSocketName = "supervisor.socket";
constexpr const char* kLockName = "supervisor.lock";

tl::unexpected<Error> folder_failure(const std::string& what, int error) {
  const ErrorKind kind = error == EACCES || error == EPERM ? ErrorKind::kPermission
                         : error == ENOSPC                 ? ErrorKind::kFull
                         : error == ENOENT                 ? ErrorKind::kNotFound
                                                           : ErrorKind::kIo;
  return fail(kind, fmt::format("{}: {}", what, std::strerror(error)));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<Folder> Folder::open(const std::string& store) {
  char* resolved = realpath(store.c_str(), nullptr);
  if (resolved == nullptr) {
    return folder_failure(fmt::format("the store's folder '{}' can't be used", store), errno);
  }
  Folder folder;
  folder.store_ = resolved;
  std::free(resolved);
  folder.path_ = folder.store_ + "/spool";
  if (mkdir(folder.path_.c_str(), 0700) != 0 && errno != EEXIST) {
    return folder_failure(fmt::format("the folder '{}' can't be made", folder.path_), errno);
  }
  folder.fd_ =
      Descriptor(::open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!folder.fd_ || fstat(folder.fd_.get(), &facts) != 0) {
    return folder_failure(fmt::format("the folder '{}' can't be opened", folder.path_), errno);
  }
  if (facts.st_uid != geteuid()) {
    return fail(
        ErrorKind::kPermission,
        fmt::format("the folder '{}' belongs to user {}, and this is user {}: commands would run "
                    "as somebody else",
                    folder.path_, facts.st_uid, geteuid()),
        "run rbk as the user who owns the store, or use another store");
  }
  if ((facts.st_mode & 077) != 0) {
    return fail(ErrorKind::kPermission,
                fmt::format("the folder '{}' may be entered by others; it holds the output of "
                            "commands, and only its owner is expected there",
                            folder.path_),
                fmt::format("chmod 700 '{}'", folder.path_));
  }
  return folder;
}

std::string Folder::socket_path() const {
  return fmt::format("/proc/self/fd/{}/{}", fd_.get(), kSocketName);
}

Result<Descriptor> Folder::lock() const {
  Descriptor file(openat(fd(), kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return folder_failure(fmt::format("'{}/{}' can't be opened", path_, kLockName), errno);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(ErrorKind::kLocked,
                  fmt::format("another supervisor serves the store in '{}'", store_));
    }
    return folder_failure(fmt::format("'{}/{}' can't be locked", path_, kLockName), errno);
  }
  return file;
}

Result<Descriptor> Folder::listen() const {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return folder_failure("no socket can be made", errno);
  remove_socket();
  const sockaddr_un address = address_of(socket_path());
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return folder_failure(fmt::format("the supervisor can't listen on '{}/{}'", path_, kSocketName),
                          errno);
  }
  return socket;
}

void Folder::remove_socket() const { unlinkat(fd(), kSocketName, 0); }

Result<Descriptor> Folder::connect() const {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return folder_failure("no socket can be made", errno);
  const sockaddr_un address = address_of(socket_path());
  // One that is stopped accepts nobody: once its queue is full, connecting would block.
  const timeval patience{2, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return fail(ErrorKind::kNotFound, fmt::format("no supervisor listens in '{}'", path_));
    }
    if (errno == EAGAIN) {
      return fail(ErrorKind::kLocked, fmt::format("the supervisor in '{}' does not answer", path_),
                  "it is waited for: its commands may still run");
    }
    return folder_failure(fmt::format("the supervisor in '{}' can't be reached", path_), errno);
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.uid != geteuid()) {
    return fail(ErrorKind::kPermission,
                fmt::format("the supervisor in '{}' (process {}) is run by user {}, and this is "
                            "user {}",
                            path_, peer.pid, peer.uid, geteuid()),
                "end that process, or use another store");
  }
  return socket;
}

std::string Folder::identity(const std::string& store) {
  const auto folder = open(store);
  if (!folder) return {};
  struct statx facts {};
  if (statx(folder->fd(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &facts) != 0) return {};
  return fmt::format("{}.{}.{}", facts.stx_ino, facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec);
}

}  // namespace rbk::supervisor
