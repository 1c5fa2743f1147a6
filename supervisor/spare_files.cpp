#include "supervisor/spare_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

namespace rbk::supervisor {

namespace {

constexpr size_t kMost = 16;

}  // namespace

SpareFiles::~SpareFiles() {
  for (const File& file : files_) unlinkat(folder_.fd(), file.name.c_str(), 0);
}

std::optional<SpareFiles::File> SpareFiles::take() {
  if (files_.empty()) return std::nullopt;
  File file = std::move(files_.back());
  files_.pop_back();
  return file;
}

void SpareFiles::keep(const std::string& name) {
  Descriptor file;
  if (files_.size() < kMost)
    file = Descriptor(openat(folder_.fd(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (file && ftruncate(file.get(), kLength) == 0) {
    // Over the one that a supervisor which was killed has left.
    std::string spare = fmt::format("spare.{}", made_++ % (2 * kMost));
    for (const File& other : files_)
      if (other.name == spare) spare.clear();
    if (!spare.empty() && renameat(folder_.fd(), name.c_str(), folder_.fd(), spare.c_str()) == 0) {
      files_.push_back({std::move(file), std::move(spare)});
      return;
    }
  }
  unlinkat(folder_.fd(), name.c_str(), 0);
}

}  // namespace rbk::supervisor
