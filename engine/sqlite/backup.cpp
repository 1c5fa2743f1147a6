#include "engine/sqlite/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/sqlite/files.h"
#include "engine/sqlite/home.h"

namespace rbk::engine::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr const char* kParts[] = {"", "-wal", "-shm", "-lock"};

/// What lacks where the copy is to lie is not the store's fault.
Error at_copy(const std::string& path, const std::string& file, int error) {
  Error made = system_error("copy it to " + file, path, error);
  made.cure =
      made.kind == ErrorKind::kFull
          ? fmt::format("free space on the file system of {}, or name a file elsewhere", file)
      : made.kind == ErrorKind::kPermission
          ? fmt::format("give this user write permission for {}, or name a file elsewhere",
                        folder_of(file))
          : fmt::format("check that the folder {} exists, or name a file elsewhere",
                        folder_of(file));
  return made;
}

/// A file that is gone again unless it got its name.
class Unfinished {
 public:
  explicit Unfinished(const std::string& file)
      : path_(fmt::format("{}-new-{}", file, random_hex(8))),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  ~Unfinished() {
    if (file_ < 0) return;
    close(file_);
    unlink(path_.c_str());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  bool is_open() const { return file_ >= 0; }
  const std::string& path() const { return path_; }

  /// As a store in WAL mode (schema.cpp), durable. 0, or the errno. Returns its size.
  int finish(int64_t& size) {
    constexpr unsigned char kWal[] = {2, 2};
    struct stat facts {};
    if (pwrite(file_, kWal, sizeof kWal, 18) != sizeof kWal) return errno != 0 ? errno : EIO;
    if (fsync(file_) != 0 || fstat(file_, &facts) != 0) return errno;
    size = facts.st_size;
    return 0;
  }
  /// 0, or the errno: EEXIST.
  int name(const std::string& file, IfThere if_there) const {
    const int failed = if_there == IfThere::kReplace ? rename(path_.c_str(), file.c_str())
                                                     : link(path_.c_str(), file.c_str());
    return failed == 0 ? 0 : errno;
  }

 private:
  std::string path_;
  int file_;
};

/// The name too is to outlive the machine.
int flush_folder(const std::string& file) {
  const int folder = ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  const int error = fsync(folder) == 0 ? 0 : errno;
  close(folder);
  return error;
}

Status fill(Connection& connection, const std::string& file, Unfinished& copy,
            const std::string& path, int64_t& size) {
  if (!copy.is_open()) return tl::unexpected(at_copy(path, file, errno));
  auto statement = connection.prepare("vacuum into ?");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind_text(1, copy.path());
  if (statement->step() != SQLITE_DONE) {
    Error error = connection.error("copy it to " + file);
    if (error.kind == ErrorKind::kFull) error.cure = at_copy(path, file, ENOSPC).cure;
    return tl::unexpected(std::move(error));
  }
  // It says of itself that it is one, wherever it is put.
  auto marked = Connection::open(copy.path());
  if (!marked) return tl::unexpected(marked.error());
  const std::string mark = fmt::format(
      "pragma journal_mode=memory; pragma synchronous=off;"
      "insert or replace into meta values('home','{}')",
      kCopied);
  if (auto ok = marked->run(mark.c_str()); !ok) return ok;
  *marked = {};
  if (const int error = copy.finish(size); error != 0)
    return tl::unexpected(at_copy(path, file, error));
  return {};
}

bool is_same(const std::string& one, const std::string& other) {
  std::error_code none;
  if (fs::equivalent(one, other, none)) return true;
  const fs::path folder = fs::weakly_canonical(folder_of(one), none);
  return fs::path(one).filename() == fs::path(other).filename() &&
         folder == fs::weakly_canonical(folder_of(other), none);
}

Status check_place(const std::string& path, const std::string& file, IfThere if_there) {
  for (const char* part : kParts)
    if (is_same(file, path + part))
      return fail(ErrorKind::kInvalid, fmt::format("{} is the store {} itself", file, path),
                  "name another file for the copy");
  struct stat facts {};
  if (lstat(file.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode))
    return fail(ErrorKind::kInvalid, fmt::format("{} is a folder", file),
                fmt::format("name a file in it: {}/store.db", file));
  if (if_there == IfThere::kRefuse && lstat(file.c_str(), &facts) == 0)
    return fail(ErrorKind::kExists, fmt::format("there is a file {} already", file),
                "name another one, or replace it with --force");
  for (const char* part : {"-wal", "-journal"})
    if (lstat((file + part).c_str(), &facts) == 0)
      return fail(
          ErrorKind::kExists,
          fmt::format("there is a file {}{}, of a store that lies or lay at {}: it would be "
                      "read as a part of the copy",
                      file, part, file),
          "name another file; or move that store away with all its files");
  return {};
}

}  // namespace

Result<int64_t> copy_store(Connection& connection, const std::string& path, const std::string& file,
                           IfThere if_there) {
  if (Status fit = check_place(path, file, if_there); !fit) return tl::unexpected(fit.error());
  Unfinished copy(file);
  int64_t size = 0;
  if (Status done = fill(connection, file, copy, path, size); !done)
    return tl::unexpected(done.error());
  int error = copy.name(file, if_there);
  if (error == EEXIST)
    return fail(ErrorKind::kExists, fmt::format("there is a file {} already", file),
                "name another one, or replace it with --force");
  if (error == 0) error = flush_folder(file);
  if (error != 0) return tl::unexpected(at_copy(path, file, error));
  return size;
}

Result<std::string> copy_before_migration(Connection& connection, const std::string& path,
                                          int64_t format) {
  const std::string first = fmt::format("{}-format-{}", path, format);
  // Of one who was killed over it; with the lock of commits nobody else makes one now.
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_of(path), ignored))
    if (entry.path().string().starts_with(fs::path(first + "-new-").string()))
      fs::remove(entry.path(), ignored);
  Unfinished copy(first);
  int64_t size = 0;
  if (Status done = fill(connection, first, copy, path, size); !done) {
    Error error = done.error();
    error.message += "; it is not brought to a newer format without a copy of it as it is";
    if (error.kind == ErrorKind::kFull)
      error.cure = fmt::format("free space on the file system of {}, then try again", path);
    return tl::unexpected(std::move(error));
  }
  // What has that name already stays: a copy of an earlier time, or somebody's own file.
  for (int number = 1;; ++number) {
    const std::string file = number == 1 ? first : fmt::format("{}-{}", first, number);
    int error = copy.name(file, IfThere::kRefuse);
    if (error == EEXIST && number < 100) continue;
    if (error == 0) error = flush_folder(file);
    if (error != 0) return tl::unexpected(at_copy(path, file, error));
    return file;
  }
}

}  // namespace rbk::engine::sqlite
