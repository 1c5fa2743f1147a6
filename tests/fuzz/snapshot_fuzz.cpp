// A snapshot from anywhere: restoring it, and if it is taken going on with it, is never undefined.
// The first byte of an input chooses the program, the rest is a snapshot whose program hash and
// checksum are put right; the checksum's bytes choose what happens to the run. The same input is
// tried as an event.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "vm/testing/assembler.h"
#include "vm/testing/player.h"
#include "vm/testing/samples.h"

namespace {

using namespace rbk;

struct Known {
  std::shared_ptr<const bytecode::Program> program;
  Digest hash;
};

const std::vector<Known>& known() {
  static const std::vector<Known> programs = [] {
    std::vector<Known> made;
    for (const vm::testing::Sample& sample : vm::testing::samples()) {
      auto program = std::make_shared<const bytecode::Program>(vm::testing::assemble(sample.text));
      if (!bytecode::verify(*program)) __builtin_trap();
      made.push_back({program, bytecode::content_hash(*program)});
    }
    return made;
  }();
  return programs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const Result<vm::Event> event = vm::decode_event(input)) {
    const Result<vm::Event> again = vm::decode_event(vm::encode(*event));
    if (!again || vm::encode(*again) != vm::encode(*event)) __builtin_trap();
  }
  constexpr size_t kHead = 5;  // magic and version
  if (size < 1 + kHead + 64) return 0;
  const Known& chosen = known()[data[0] % known().size()];
  std::string bytes(input.substr(1, size - 1 - 32));
  bytes.replace(kHead, chosen.hash.size(), reinterpret_cast<const char*>(chosen.hash.data()),
                chosen.hash.size());
  const Digest digest = sha256(bytes);
  bytes.append(digest.begin(), digest.end());
  Result<vm::Machine> machine =
      vm::Machine::restore(chosen.program, vm::testing::small_limits(), bytes);
  if (machine) vm::testing::play(*machine, chosen.program, input.substr(size - 32), 32);
  return 0;
}
