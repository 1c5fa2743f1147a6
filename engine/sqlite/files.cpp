#include "engine/sqlite/files.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "engine/sqlite/read_only.h"

namespace rbk::engine::sqlite {

Error system_error(std::string_view doing, const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const bool denied = error == EACCES || error == EPERM || error == EROFS;
  return {full     ? ErrorKind::kFull
          : denied ? ErrorKind::kPermission
                   : ErrorKind::kIo,
          fmt::format("store {}: can't {}: {}", path, doing, std::strerror(error)),
          full     ? "free space on the file system"
          : denied ? cure_of_denied_write(error)
                   : "check that the folder exists, or name another store with --store"};
}

std::string random_hex(size_t bytes) {
  std::string raw(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t got = getrandom(raw.data() + have, bytes - have, 0);
    if (got > 0) have += static_cast<size_t>(got);
  }
  std::string hex;
  for (const char byte : raw) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return hex;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace rbk::engine::sqlite
