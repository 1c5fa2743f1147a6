#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

Error system_error(std::string_view verb, const std::string& path, int number) {
  const ErrorKind kind = number == ENOENT                      ? ErrorKind::kNotFound
                         : number == EACCES || number == EROFS ? ErrorKind::kPermission
                         : number == ENOSPC                    ? ErrorKind::kFull
                         : number == EISDIR                    ? ErrorKind::kInvalid
                                                               : ErrorKind::kIo;
  const std::string cure = number == ENOENT   ? "check the path"
                           : number == EACCES ? "check who owns it and its permissions"
                           : number == EISDIR ? "name a file in it"
                                              : "";
  return {kind, fmt::format("{} cannot be {}: {}", path, verb, std::strerror(number)), cure};
}

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ > STDERR_FILENO) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Status write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected(system_error("written", path, errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const File file(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) return tl::unexpected(system_error("read", path, errno));
  std::string text;
  struct stat facts {};
  if (fstat(file.number(), &facts) == 0 && facts.st_size > 0)
    text.reserve(static_cast<size_t>(facts.st_size));
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = read(file.number(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected(system_error("read", path, errno));
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

Status write_file(const std::string& path, std::string_view text) {
  // The file behind a symbolic link is replaced, not the link.
  std::error_code problem;
  fs::path target = fs::canonical(path, problem);
  if (problem) target = path;
  struct stat facts {};
  const bool there = stat(target.c_str(), &facts) == 0;
  if (there && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
    // A device or a pipe takes the bytes; it is not replaced by a file.
    const File device(open(target.c_str(), O_WRONLY | O_CLOEXEC));
    if (device.number() < 0) return tl::unexpected(system_error("written", path, errno));
    return write_all(device.number(), text, path);
  }
  const mode_t mode = there ? facts.st_mode & 07777 : 0644;
  const std::string fresh = fmt::format("{}.{}.new", target.string(), getpid());
  Status written;
  {
    const File file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.number() < 0) return tl::unexpected(system_error("written", path, errno));
    written = write_all(file.number(), text, path);
    if (written && (fchmod(file.number(), mode) != 0 || fsync(file.number()) != 0))
      written = tl::unexpected(system_error("written", path, errno));
  }
  if (written && rename(fresh.c_str(), target.c_str()) != 0)
    written = tl::unexpected(system_error("written", path, errno));
  if (!written) unlink(fresh.c_str());
  return written;
}

Result<std::vector<std::string>> find_runbooks(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code problem;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, problem), end; !problem && it != end;
       it.increment(problem)) {
    const std::string name = it->path().filename().string();
    if (it->is_directory(problem)) {
      if (name.starts_with('.') || name == "build" || name == "node_modules")
        it.disable_recursion_pending();
    } else if (name.ends_with(".rbk")) {
      found.push_back(it->path().lexically_normal().string());
    }
  }
  if (problem)
    return fail(ErrorKind::kIo, fmt::format("{} cannot be searched: {}", folder, problem.message()),
                "name the files");
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace rbk::cli
