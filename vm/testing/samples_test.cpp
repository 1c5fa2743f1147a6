// The sample programs run, however their requests are answered; the player compares each turn with
// that of a restored machine.
#include "vm/testing/samples.h"

#include <gtest/gtest.h>

#include "vm/testing/assembler.h"
#include "vm/testing/player.h"

namespace rbk::vm::testing {
namespace {

TEST(SamplesTest, AreValidAndRunHoweverTheyAreAnswered) {
  for (const Sample& sample : samples()) {
    bytecode::Program assembled = assemble(sample.text);
    const Status valid = bytecode::verify(assembled);
    ASSERT_TRUE(valid) << sample.name << ": " << valid.error().message;
    const auto program = std::make_shared<const bytecode::Program>(std::move(assembled));
    uint32_t state = 1;
    for (int round = 0; round < 300; ++round) {
      std::string choices;
      for (int i = 0; i < 40; ++i) {
        state = state * 1664525 + 1013904223;
        choices += static_cast<char>(state >> 24);
      }
      Machine machine(program, small_limits());
      ASSERT_TRUE(start(machine, *program)) << sample.name;
      play(machine, program, choices, 40);
    }
  }
}

}  // namespace
}  // namespace rbk::vm::testing
