#include "stdlib/exec/program_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/spelling.h"

namespace rbk::stdlib {

namespace {

constexpr size_t kShownDigits = 12;  // of a hash

Error cant_be_read(int number) {
  if (number == ENOENT || number == ENOTDIR)
    return {ErrorKind::kNotFound, "there is no file of this name", {}};
  if (number == EACCES)
    return {ErrorKind::kPermission, "it may not be read", "check who owns it and its permissions"};
  return {ErrorKind::kIo, fmt::format("it can't be read: {}", std::strerror(number)), {}};
}

Result<std::string> content(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return tl::unexpected(cant_be_read(errno));
  std::string text;
  char buffer[1 << 16];
  ssize_t count = 0;
  while ((count = read(file, buffer, sizeof buffer)) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    text.append(buffer, static_cast<size_t>(count));
  }
  const int number = errno;
  close(file);
  if (count < 0) return tl::unexpected(cant_be_read(number));
  return text;
}

std::optional<Error> unfit_mode(mode_t mode, const std::string& path) {
  if ((mode & 0111) != 0) return std::nullopt;
  return Error{ErrorKind::kPermission, "it is not executable", fmt::format("chmod +x {}", path)};
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::optional<Error> unfit_text(std::string_view text, const std::string& path) {
  const std::string_view line = first_line(text);
  if (line.starts_with("\xef\xbb\xbf#!"))
    return Error{ErrorKind::kInvalid, "it begins with a byte order mark, before its `#!`",
                 fmt::format("remove the mark: sed -i '1s/^\\xEF\\xBB\\xBF//' {}", path)};
  if (line.starts_with("#!") && line.ends_with('\r'))
    return Error{ErrorKind::kInvalid,
                 "its lines end as those of Windows do, so that the system looks for an "
                 "interpreter whose name ends in a carriage return",
                 fmt::format("sed -i 's/\\r$//' {}", path)};
  if (line.starts_with("#!") || line.find('\0') != std::string_view::npos ||
      text.starts_with("\x7f"
                       "ELF"))
    return std::nullopt;
  return Error{ErrorKind::kInvalid, "its first line does not say what runs it",
               "begin it with a line like `#!/bin/sh` or `#!/usr/bin/env python3`"};
}

std::string interpreter_of(std::string_view text) {
  std::string_view line = first_line(text);
  if (!line.starts_with("#!")) return {};
  line.remove_prefix(2);
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  return std::string(line.substr(0, line.find_first_of(" \t\r")));
}

std::string shown(const Digest& hash) { return to_hex(hash).substr(0, kShownDigits); }

/// A file beside it that may be meant; empty if there is none.
std::string near_name(const std::string& path) {
  const std::filesystem::path wanted(path);
  std::vector<std::string> names;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(wanted.parent_path(), problem)) {
    if (!entry.is_regular_file(problem)) continue;
    names.push_back(entry.path().filename().string());
    if (entry.path().stem() == wanted.stem()) return names.back();
  }
  std::sort(names.begin(), names.end());
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(nearest_name(wanted.filename().string(), views));
}

}  // namespace

Result<ProgramFile> read_program(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    Error why = cant_be_read(errno);
    const std::string near = near_name(path);
    if (!near.empty()) why.cure = fmt::format("did you mean `{}`, which lies there?", near);
    return tl::unexpected(why);
  }
  if (S_ISDIR(facts.st_mode))
    return fail(ErrorKind::kInvalid, "this is a folder", "name the program in it");
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorKind::kInvalid, "this is no ordinary file", "name a file that can be read");
  Result<std::string> text = content(path);
  if (!text) return tl::unexpected(text.error());
  ProgramFile file;
  file.hash = sha256(*text);
  file.unfit = unfit_mode(facts.st_mode, path);
  if (!file.unfit) file.unfit = unfit_text(*text, path);
  file.interpreter = interpreter_of(*text);
  return file;
}

Status check_program(const std::string& root, const std::string& path, const Digest& hash) {
  const std::string whole = root + "/" + path;
  const auto refuse = [&](const Error& why) {
    return fail(why.kind == ErrorKind::kIo ? why.kind : ErrorKind::kRefused,
                fmt::format("`{}` can't be started: {}", path, why.message), why.cure);
  };
  const Result<ProgramFile> file = read_program(whole);
  if (!file) {
    Error why = file.error();
    if (why.kind == ErrorKind::kNotFound) {
      why.message = fmt::format("there is no file {}", whole);
      why.cure =
          "put it back where it was when the runbook was compiled, or start the run in its "
          "project";
    }
    return refuse(why);
  }
  if (file->hash != hash)
    return fail(ErrorKind::kRefused,
                fmt::format("`{}` is not the program that this run was compiled with: its SHA-256 "
                            "begins with {}, and {} was expected",
                            path, shown(file->hash), shown(hash)),
                "put that one back and go on, or begin a new run with the changed one");
  if (file->unfit) return refuse(*file->unfit);
  if (access(whole.c_str(), X_OK) != 0)
    return refuse({ErrorKind::kPermission, "we may not execute it",
                   "check who owns it and its permissions, and those of its folders"});
  if (!file->interpreter.empty() && access(file->interpreter.c_str(), X_OK) != 0)
    return refuse({ErrorKind::kNotFound,
                   fmt::format("its first line wants {}, which is not there or not executable",
                               file->interpreter),
                   "install it, or name another one there and begin a new run"});
  return {};
}

}  // namespace rbk::stdlib
