#include "base/boot.h"

#include <unistd.h>

#include <fstream>

namespace rbk {

namespace {

std::string read_identity() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  char name_space[64];
  const ssize_t length = readlink("/proc/self/ns/pid", name_space, sizeof name_space);
  if (boot.empty() || length <= 0) return {};
  return boot + ":" + std::string(name_space, static_cast<size_t>(length));
}

}  // namespace

std::string boot_identity() {
  static const std::string identity = read_identity();  // a process stays in its boot
  return identity;
}

}  // namespace rbk
