#include "engine/sqlite/read_only.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rbk::engine::sqlite {
namespace {

bool may(const std::string& path, int what) {
  return faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

}  // namespace

bool may_write(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return may(path, W_OK) && may(folder, W_OK | X_OK);
}

Result<bool> is_still(const std::string& path) {
  for (const char* part : {"", "-wal", "-shm"})
    if (!may(path + part, R_OK) && errno != ENOENT)
      return fail(
          ErrorKind::kPermission,
          fmt::format("store {}: can't read {}{}: {}", path, path, part, std::strerror(errno)),
          "give this user read permission for all of the store's files");
  struct stat log {};
  if (stat((path + "-wal").c_str(), &log) != 0) return true;
  if (may(path + "-shm", R_OK)) return false;
  if (log.st_size == 0) return true;
  return fail(ErrorKind::kUnsupported,
              fmt::format("store {} can't be read where nothing can be written: its {}-wal has no "
                          "{}-shm beside it",
                          path, path, path),
              fmt::format("copy {} and {}-wal into a folder that can be written, and name the copy "
                          "with --store",
                          path, path));
}

std::string cure_of_denied_write(int system_error) {
  if (system_error == EROFS)
    return "mount its file system for writing, or name another store with --store";
  return "give the user write permission for the store's files and their folder, or name another "
         "store with --store";
}

}  // namespace rbk::engine::sqlite
