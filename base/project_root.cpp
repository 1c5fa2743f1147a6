#include "base/project_root.h"

#include <filesystem>

namespace rbk {

namespace fs = std::filesystem;

std::string project_root(const std::string& folder) {
  std::error_code problem;
  for (fs::path at = folder;; at = at.parent_path()) {
    if (fs::exists(at / "runbook.toml", problem)) return at.string();
    if (at == at.root_path() || at.empty()) return folder;
  }
}

}  // namespace rbk
