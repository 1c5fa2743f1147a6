// Files of spools that are done, kept for the next ones: to make a file and remove it again costs
// more than it looks, on some file systems more than the command (ext4 without a journal looks
// through all that were removed in the last minutes).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "supervisor/descriptor.h"
#include "supervisor/folder.h"

namespace rbk::supervisor {

/// One thread's; of the only supervisor of a folder.
class SpareFiles {
 public:
  /// So many bytes of a file stay, and so long it is: a spool's first page.
  static constexpr size_t kLength = 4096;

  explicit SpareFiles(const Folder& folder) : folder_(folder) {}
  /// Removes them.
  ~SpareFiles();
  SpareFiles(const SpareFiles&) = delete;
  SpareFiles& operator=(const SpareFiles&) = delete;

  struct File {
    Descriptor file;   // open for reading and writing
    std::string name;  // in the folder
  };
  /// Its bytes are those of the spool that it was; the output is gone.
  std::optional<File> take();
  /// Takes the file of that name away and keeps it, or removes it if there are enough.
  void keep(const std::string& name);
  /// What was taken, and was not used.
  void give_back(File file) { files_.push_back(std::move(file)); }

 private:
  const Folder& folder_;
  std::vector<File> files_;
  unsigned made_ = 0;
};

}  // namespace rbk::supervisor
