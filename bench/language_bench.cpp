// What people write, compiled, against Lua 5.4: the same functions, interleaved, medians. Prints
// one JSON object a function: {"bench", "ratio", "target", "ms", "floor_ms"}. Both count the
// processor's time, without the start of a process and without compiling.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "bench/process_cost.h"
#include "compiler/compile.h"
#include "vm/machine.h"

namespace {

using namespace rbk;
using bench::median;

constexpr int kRounds = 5;

struct Case {
  const char* name;
  double target;
  int64_t argument;
  const char* ours;  // a fn `f`
  const char* lua;   // a function of n
};

const Case kCases[] = {
    {"language: 100 million integer additions in a fn against Lua 5.4", 0.5, 100'000'000, R"(
fn f(n: int) -> int {
  var total = 0
  for i in 1..n { total = total + i }
  return total
}
)",
     "function(n) local s = 0; for i = 1, n do s = s + i end; return s end"},
    {"language: fib(32) against Lua 5.4", 0.5, 32, R"(
fn f(n: int) -> int {
  if n < 2 { return n }
  return f(n - 1) + f(n - 2)
}
)",
     "(function() local function fib(n) if n < 2 then return n end "
     "return fib(n - 1) + fib(n - 2) end return fib end)()"},
    {"language: map, filter and a sum over a list against Lua 5.4", 0.9, 1'000'000, R"(
fn f(n: int) -> int {
  var xs: list<int> = []
  for i in 1..n { xs = xs.append(i) }
  return xs.map(fn(x) => x * 3).filter(fn(x) => x % 2 == 0).sum()
}
)",
     "function(n) local xs = {}; for i = 1, n do xs[#xs + 1] = i end; local m = {}; "
     "for _, x in ipairs(xs) do m[#m + 1] = x * 3 end; local s = 0; "
     "for _, x in ipairs(m) do if x % 2 == 0 then s = s + x end end; return s end"},
    {"language: texts with values in them against Lua 5.4", 0.9, 1'000'000, R"(
fn f(n: int) -> int {
  var length = 0
  for i in 1..n {
    let text = "host-${i}/${i * 2}"
    length = length + text.length
  }
  return length
}
)",
     "function(n) local len = 0; for i = 1, n do local s = 'host-' .. i .. '/' .. (i * 2); "
     "len = len + #s end; return len end"},
    {"language: 50 million float multiplications and additions against Lua 5.4", 0.5, 50'000'000,
     R"(
fn f(n: int) -> int {
  var x = 0.0
  for i in 1..n { x = x * 0.5 + 1.25 }
  return x.floor()
}
)",
     "function(n) local x = 0.0; for i = 1, n do x = x * 0.5 + 1.25 end; return x // 1 | 0 end"},
    {"language: elements of a list against Lua 5.4", 0.9, 20'000'000, R"(
fn f(n: int) -> int {
  let xs = [3, 1, 4, 1, 5, 9, 2, 6]
  var total = 0
  for i in 1..n { total = total + xs[i % 8] }
  return total
}
)",
     "function(n) local xs = {3, 1, 4, 1, 5, 9, 2, 6}; local s = 0; "
     "for i = 1, n do s = s + xs[i % 8 + 1] end; return s end"},
    {"language: a map that counts against Lua 5.4", 0.9, 5'000'000, R"(
fn f(n: int) -> int {
  let names = ["web", "db", "cache", "queue"]
  var counts: map<string, int> = map { }
  for i in 1..n {
    let name = names[i % 4]
    counts = counts.put(name, (counts.get(name) ?? 0) + i)
  }
  return counts.get("db") ?? 0
}
)",
     "function(n) local names = {'web', 'db', 'cache', 'queue'}; local c = {}; "
     "for i = 1, n do local k = names[i % 4 + 1]; c[k] = (c[k] or 0) + i end; return c.db end"},
    {"language: records against Lua 5.4", 0.9, 5'000'000, R"(
record Point { x: int, y: int }
fn f(n: int) -> int {
  var at = Point { x: 0, y: 1 }
  for i in 1..n { at = Point { x: at.y, y: at.x + i } }
  return at.x + at.y
}
)",
     "function(n) local at = {x = 0, y = 1}; "
     "for i = 1, n do at = {x = at.y, y = at.x + i} end; return at.x + at.y end"},
    {"language: branches against Lua 5.4", 0.9, 20'000'000, R"(
fn f(n: int) -> int {
  var total = 0
  for i in 1..n {
    if i % 3 == 0 { total = total + 1 } else if i % 5 == 0 { total = total + 2 } else if total > 1000000 { total = 0 }
  }
  return total
}
)",
     "function(n) local t = 0; for i = 1, n do if i % 3 == 0 then t = t + 1 "
     "elseif i % 5 == 0 then t = t + 2 elseif t > 1000000 then t = 0 end end; return t end"},
    {"language: calls of natives against Lua 5.4", 0.9, 5'000'000, R"(
fn f(n: int) -> int {
  var total = 0
  for i in 1..n { total = total + "web-1".upper().length }
  return total
}
)",
     "function(n) local t = 0; for i = 1, n do t = t + #(('web-1'):upper()) end; return t end"},
};

struct Outcome {
  double milliseconds;
  int64_t result;
};

std::shared_ptr<const bytecode::Program> compile(const char* function) {
  const std::string text =
      std::string(function) + "\nrunbook main(n: int) -> int {\n  return f(n)\n}\n";
  auto compiled = compiler::compile("bench.rbk", text, {});
  if (!compiled || !compiled->program) {
    fmt::print(stderr, "language_bench: a program does not compile: {}\n",
               compiled ? compiled->checked.diagnostics.sorted().front().message
                        : compiled.error().message);
    std::exit(1);
  }
  if (const Status valid = bytecode::verify(*compiled->program); !valid) {
    fmt::print(stderr, "language_bench: {}\n", valid.error().message);
    std::exit(1);
  }
  return std::make_shared<const bytecode::Program>(std::move(*compiled->program));
}

Outcome run_ours(const std::shared_ptr<const bytecode::Program>& program, int64_t argument) {
  vm::Limits limits;
  limits.fuel = uint64_t{1} << 40;
  limits.memory = uint64_t{1} << 30;
  vm::Machine machine(program, limits);
  vm::event::Started started;
  started.arguments.push_back(argument);
  const std::clock_t begin = std::clock();
  const Result<vm::Turn> turn = machine.deliver({0, std::move(started)});
  const std::clock_t end = std::clock();
  if (!turn || !turn->ending || !turn->ending->output.is_int64()) {
    fmt::print(stderr, "language_bench: a program did not end well\n");
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
    fmt::print(stderr, "language_bench: lua5.4 did not run well; is it installed?\n");
    std::exit(1);
  }
  pclose(pipe);
  outcome.result = result;
  return outcome;
}

}  // namespace

int main() {
  for (const Case& one : kCases) {
    const auto program = compile(one.ours);
    std::vector<double> ours;
    std::vector<double> lua;
    for (int i = 0; i < kRounds; ++i) {
      const Outcome mine = run_ours(program, one.argument);
      const Outcome theirs = run_lua(one.lua, one.argument);
      if (mine.result != theirs.result) {
        fmt::print(stderr, "language_bench: {}: {} is not {}\n", one.name, mine.result,
                   theirs.result);
        return 1;
      }
      ours.push_back(mine.milliseconds);
      lua.push_back(theirs.milliseconds);
    }
    fmt::print(R"({{"bench":"{}","ratio":{:.2f},"target":{},"ms":{:.1f},"floor_ms":{:.1f}}})"
               "\n",
               one.name, median(ours) / median(lua), one.target, median(ours), median(lua));
  }
}
