#include "engine/sqlite/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "engine/sqlite/read_only.h"

namespace rbk::engine::sqlite {
namespace {

constexpr int64_t kCommits = 0;
constexpr int64_t kEngines = 1000;
constexpr ssize_t kWitness = 54;           // bytes: id, blank, 20 digits, end of line
constexpr int64_t kPatience = 10'000'000;  // microseconds

struct flock range(short type, int64_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

bool try_lock(int file, short type, int64_t byte) {
  struct flock lock = range(type, byte);
  return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

}  // namespace

Result<LockFile> LockFile::open(const std::string& store_path, bool reading) {
  LockFile made;
  made.path_ = store_path + "-lock";
  made.file_ = ::open(made.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool refused = made.file_ < 0 && (errno == EACCES || errno == EPERM || errno == EROFS);
  if (refused && reading) {
    made.file_ = ::open(made.path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (made.file_ >= 0 || errno == ENOENT) return made;
    return fail(ErrorKind::kPermission,
                fmt::format("store {}: can't read its lock file {}: {}", store_path, made.path_,
                            std::strerror(errno)),
                "give this user read permission for all of the store's files");
  }
  if (made.file_ < 0) {
    const bool full = errno == ENOSPC || errno == EDQUOT;
    const int error = errno;
    return fail(full      ? ErrorKind::kFull
                : refused ? ErrorKind::kPermission
                          : ErrorKind::kIo,
                fmt::format("store {}: can't open its lock file {}: {}", store_path, made.path_,
                            std::strerror(error)),
                full ? "free space on its file system" : cure_of_denied_write(error));
  }
  return made;
}

LockFile::~LockFile() {
  if (file_ >= 0) close(file_);
}

LockFile::LockFile(LockFile&& other) noexcept { *this = std::move(other); }

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(held_engine_, other.held_engine_);
  std::swap(path_, other.path_);
  return *this;
}

Status LockFile::lock_commits() {
  int64_t waited = 0;
  for (int64_t pause = 20;; pause = pause < 1000 ? pause * 2 : pause) {
    if (try_lock(file_, F_WRLCK, kCommits)) return {};
    if (errno != EAGAIN && errno != EACCES)
      return fail(ErrorKind::kIo, fmt::format("can't lock {}: {}", path_, std::strerror(errno)),
                  "use a local file system that knows file locks");
    if (waited >= kPatience)
      return fail(
          ErrorKind::kLocked,
          fmt::format("{}: another process has been writing to the store for ten seconds", path_),
          "end that process (`fuser` on the file names it), then try again");
    const timespec time{0, pause * 1000};
    nanosleep(&time, nullptr);
    waited += pause;
  }
}

void LockFile::unlock_commits() { try_lock(file_, F_UNLCK, kCommits); }

Status LockFile::hold_engine(int64_t key) {
  if (!try_lock(file_, F_WRLCK, kEngines + key))
    return fail(ErrorKind::kLocked,
                fmt::format("{}: engine {} is held by another process", path_, key),
                "try again; if it persists, the lock file was tampered with");
  held_engine_ = key;
  return {};
}

bool LockFile::engine_lives(int64_t key) const {
  if (key == held_engine_) return true;
  if (file_ < 0) return false;
  struct flock lock = range(F_WRLCK, kEngines + key);
  // When asking fails, taking the run from somebody who lives would be the worse mistake.
  if (fcntl(file_, F_OFD_GETLK, &lock) != 0) return true;
  return lock.l_type != F_UNLCK;
}

void LockFile::bear_witness(std::string_view id, int64_t entry) {
  // Always as long, so that no part of an older one is left over.
  const std::string text = fmt::format("{:32} {:020}\n", id, entry);
  // What is not written is not known: no error.
  (void)!pwrite(file_, text.data(), text.size(), 0);
}

int64_t LockFile::witness(std::string_view id) const {
  char text[kWitness];
  if (file_ < 0 || pread(file_, text, kWitness, 0) != kWitness) return 0;
  const std::string_view read(text, kWitness);
  if (read.substr(0, 32) != id || read[32] != ' ' || read[kWitness - 1] != '\n') return 0;
  int64_t entry = 0;
  const char* end = text + kWitness - 1;
  const auto [at, error] = std::from_chars(text + 33, end, entry);
  return error == std::errc() && at == end ? entry : 0;
}

bool LockFile::other_engine_lives() const {
  struct flock lock = range(F_WRLCK, kEngines);
  lock.l_len = 0;  // to the end
  if (fcntl(file_, F_OFD_GETLK, &lock) != 0) return true;
  return lock.l_type != F_UNLCK;
}

}  // namespace rbk::engine::sqlite
