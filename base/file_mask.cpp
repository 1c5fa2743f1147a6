#include "base/file_mask.h"

#include <fstream>
#include <string>

namespace rbk {
namespace {

// It can't be asked for without setting it, which other threads would see.
uint32_t read_file_mask() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint32_t mask = 0;
    if (word == "Umask:" && status >> std::oct >> mask) return mask;
  }
  return 022;
}

}  // namespace

uint32_t file_mask() {
  static const uint32_t mask = read_file_mask();
  return mask;
}

}  // namespace rbk
