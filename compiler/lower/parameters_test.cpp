// Parameters and conditions: what is refused, and what is shown.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

TEST(LowerParameters, Where) {
  ScriptedWorld world(R"rbk(enum Env { dev, prod }
runbook r(
  /// How many.
  batch: int = 2 where batch in 1..10,
  names: list<string> = ["a"] where names.length < batch and names.all(fn(n) => n.length > 0),
  env: Env = .dev where env != .prod or batch == 1 else "only one at once in ${env}, not ${batch}",
) -> int {
  return batch
}
)rbk");
  EXPECT_EQ(world.run("r"), R"(=> succeeded 2
)");
  EXPECT_EQ(world.run("r", {{"batch", 20}}),
            R"(refused: batch: `batch in 1..10` does not hold: batch = 20
)");
  EXPECT_EQ(
      world.run("r", {{"batch", 1}, {"names", {"x"}}}),
      R"(refused: names: `names.length < batch and names.all(fn(n) => n.length > 0)` does not hold: names.length = 1, batch = 1
)");
  EXPECT_EQ(
      world.run("r", {{"batch", 3}, {"names", {"x", ""}}}),
      R"(refused: names: `names.length < batch and names.all(fn(n) => n.length > 0)` does not hold: names = ["x",""]
)");
  EXPECT_EQ(world.run("r", {{"batch", 3}, {"env", "prod"}}),
            R"(refused: env: only one at once in prod, not 3
)");
  EXPECT_EQ(world.run("r", {{"batch", "x"}}), R"(refused: batch: expected int, got "x"
)");
}

TEST(LowerParameters, Require) {
  ScriptedWorld world(R"rbk(record Gate { rate: float, name: string? }
runbook r(n: int) {
  let gate = Gate { rate: 0.5, name: null }
  let xs = [1, 2, 3]
  require n in xs
  require n < 3 and gate.rate < 0.1
  require not (gate.name == null)
}
runbook own(n: int) { require n > 1 else "at least two, not ${n}" }
)rbk");
  EXPECT_EQ(world.run("r", {{"n", 7}}),
            R"(=> failed Failed: `n in xs` does not hold: n = 7, xs = [1,2,3]
)");
  EXPECT_EQ(world.run("r", {{"n", 3}}),
            R"(=> failed Failed: `n < 3 and gate.rate < 0.1` does not hold: n = 3
)");
  EXPECT_EQ(world.run("r", {{"n", 1}}),
            R"(=> failed Failed: `n < 3 and gate.rate < 0.1` does not hold: gate.rate = 0.5
)");
  EXPECT_EQ(world.run("own", {{"n", 1}}), R"(=> failed Failed: at least two, not 1
)");
}

}  // namespace
}  // namespace rbk::lower
