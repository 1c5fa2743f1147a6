// A compiled program from anywhere: loading it, and if it is valid running it, is never undefined.
// The last 32 bytes of an input stand where the checksum belongs, which is computed anew; they
// choose what happens to the run.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "vm/testing/player.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rbk;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 40) return 0;
  const std::string_view choices = input.substr(size - 32);
  std::string bytes(input.substr(0, size - 32));
  const Digest digest = sha256(bytes);
  bytes.append(digest.begin(), digest.end());
  Result<bytecode::Program> loaded = bytecode::load(bytes);
  if (!loaded) return 0;
  if (bytecode::save(*loaded) != bytes) __builtin_trap();
  const std::string text = bytecode::disassemble(*loaded);
  if (text.empty() && !loaded->functions.empty()) __builtin_trap();
  const auto program = std::make_shared<const bytecode::Program>(std::move(*loaded));
  if (!program->runbooks.empty()) {
    static_cast<void>(vm::check_parameters(*program, program->runbooks[0], {}));
  }
  vm::Machine machine(program, vm::testing::small_limits());
  if (vm::testing::start(machine, *program)) vm::testing::play(machine, program, choices, 32);
  return 0;
}
