// A folder of a test's own, gone with it, and a store to go with that.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/testing/postgres.h"

namespace rbk::engine::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rbk-engine-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// The URL of a store that goes with it: in it, or on the server of the test run.
  std::string store() const {
    return wants_postgres() ? on_postgres() : "sqlite:" + file("store.db");
  }
  std::string on_postgres() const {
    return postgres_store(std::filesystem::path(path_).filename().string());
  }

 private:
  std::string path_;
};

}  // namespace rbk::engine::testing
