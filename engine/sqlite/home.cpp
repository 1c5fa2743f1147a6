#include "engine/sqlite/home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace rbk::engine::sqlite {
namespace {

std::string home_at(int folder, const char* path, int flags) {
  struct statx facts {};
  if (statx(folder, path, flags, STATX_INO | STATX_BTIME, &facts) != 0) return {};
  std::string home = std::to_string(facts.stx_ino);
  if ((facts.stx_mask & STATX_BTIME) != 0)
    home += fmt::format(" {}.{:09}", facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec);
  return home;
}

}  // namespace

std::string home_of(const std::string& path) { return home_at(AT_FDCWD, path.c_str(), 0); }

std::string home_of(int file) { return home_at(file, "", AT_EMPTY_PATH); }

bool is_home(std::string_view kept, std::string_view found) {
  kept = kept.substr(0, kept.find_last_not_of(' ') + 1);
  if (kept == kCopied) return false;
  if (kept.empty() || found.empty() || kept == found) return true;
  // The time of birth counts where both have one.
  const size_t kept_end = kept.find(' ');
  const size_t found_end = found.find(' ');
  if (kept_end != std::string_view::npos && found_end != std::string_view::npos) return false;
  return kept.substr(0, kept_end) == found.substr(0, found_end);
}

}  // namespace rbk::engine::sqlite
