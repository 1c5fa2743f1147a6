// The machine against Lua 5.4: the same loops, interleaved, medians. Prints one JSON object a loop:
// {"bench", "ratio", "target", "ms", "floor_ms"}. Both count the processor's time, without the
// start of a process.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "vm/machine.h"
#include "vm/testing/assembler.h"

namespace {

using namespace rbk;

constexpr int kRounds = 5;

struct Loop {
  const char* name;
  double target;
  int64_t argument;
  const char* ours;
  const char* lua;  // a function of n
};

const Loop kLoops[] = {
    {"vm: 100 million integer additions against Lua 5.4", 0.7, 100'000'000, R"(
runbook main(n: int) -> int = main
function sum(n: int) -> int pure
  reg total i int
  LoadInt i 1
again:
  AddInt total total i
  ForLoop i n @again
  Return total
end
function main(n: int) -> int
  reg total int
  Call total sum n
  Return total
end
)",
     "function(n) local s = 0; for i = 1, n do s = s + i end; return s end"},
    {"vm: fib(32) against Lua 5.4", 0.6, 32, R"(
runbook main(n: int) -> int = main
function fib(n: int) -> int pure
  reg a b int
  JumpGeImm n 2 @more
  Return n
more:
  AddImm a n -1
  Call a fib a
  AddImm b n -2
  Call b fib b
  AddInt a a b
  Return a
end
function main(n: int) -> int
  reg result int
  Call result fib n
  Return result
end
)",
     "(function() local function fib(n) if n < 2 then return n end "
     "return fib(n - 1) + fib(n - 2) end return fib end)()"},
    {"vm: append to a list and add it up against Lua 5.4", 1.0, 5'000'000, R"(
runbook main(n: int) -> int = main
function list(n: int) -> int pure
  reg items ref
  reg i total one item int
  MakeList items list<int> items | 0
  LoadInt i 1
append:
  ListAppend items items i
  ForLoop i n @append
  LoadInt i 0
  LoadInt one 1
  SubInt n n one
sum:
  ListGet item items i
  AddInt total total item
  ForLoop i n @sum
  Return total
end
function main(n: int) -> int
  reg result int
  Call result list n
  Return result
end
)",
     "function(n) local t = {}; for i = 1, n do t[i] = i end; local s = 0; "
     "for i = 1, n do s = s + t[i] end; return s end"},
    {"vm: texts joined from four parts against Lua 5.4", 1.0, 1'000'000, R"(
runbook main(n: int) -> int = main
function texts(n: int) -> int pure
  reg a b c d text ref
  reg i total double length int
  LoadConst a "host-"
  LoadConst c "/"
  LoadInt i 1
again:
  ToText b i int
  AddInt double i i
  ToText d double int
  Concat text a 4
  CallNative length string.length text
  AddInt total total length
  ForLoop i n @again
  Return total
end
function main(n: int) -> int
  reg result int
  Call result texts n
  Return result
end
)",
     "function(n) local len = 0; for i = 1, n do local s = 'host-' .. i .. '/' .. (i * 2); "
     "len = len + #s end; return len end"},
};

struct Outcome {
  double milliseconds;
  int64_t result;
};

Outcome run_ours(const std::shared_ptr<const bytecode::Program>& program, int64_t argument) {
  vm::Limits limits;
  limits.fuel = uint64_t{1} << 40;
  vm::Machine machine(program, limits);
  vm::event::Started started;
  started.arguments.push_back(argument);
  const std::clock_t begin = std::clock();
  const Result<vm::Turn> turn = machine.deliver({0, std::move(started)});
  const std::clock_t end = std::clock();
  if (!turn || !turn->ending || !turn->ending->output.is_int64()) {
    fmt::print(stderr, "vm_bench: a program did not end well\n");
    std::exit(1);
  }
  return {1000.0 * static_cast<double>(end - begin) / CLOCKS_PER_SEC,
          turn->ending->output.get_int64()};
}

Outcome run_lua(const char* function, int64_t argument) {
  const std::string command = fmt::format(
      "lua5.4 -e \"local f = {}; local c = os.clock(); local r = f({}); "
      "print((os.clock() - c) * 1000, r)\"",
      function, argument);
  FILE* pipe = popen(command.c_str(), "r");
  Outcome outcome{};
  long long result = 0;
  if (pipe == nullptr || std::fscanf(pipe, "%lf %lld", &outcome.milliseconds, &result) != 2) {
    fmt::print(stderr, "vm_bench: lua5.4 did not run well; is it installed?\n");
    std::exit(1);
  }
  pclose(pipe);
  outcome.result = result;
  return outcome;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  for (const Loop& loop : kLoops) {
    bytecode::Program assembled = vm::testing::assemble(loop.ours);
    if (const Status valid = bytecode::verify(assembled); !valid) {
      fmt::print(stderr, "vm_bench: {}\n", valid.error().message);
      return 1;
    }
    const auto program = std::make_shared<const bytecode::Program>(std::move(assembled));
    std::vector<double> ours;
    std::vector<double> lua;
    for (int i = 0; i < kRounds; ++i) {
      const Outcome mine = run_ours(program, loop.argument);
      const Outcome theirs = run_lua(loop.lua, loop.argument);
      if (mine.result != theirs.result) {
        fmt::print(stderr, "vm_bench: {}: {} is not {}\n", loop.name, mine.result, theirs.result);
        return 1;
      }
      ours.push_back(mine.milliseconds);
      lua.push_back(theirs.milliseconds);
    }
    fmt::print(R"({{"bench":"{}","ratio":{:.2f},"target":{},"ms":{:.1f},"floor_ms":{:.1f}}})"
               "\n",
               loop.name, median(ours) / median(lua), loop.target, median(ours), median(lua));
  }
}
