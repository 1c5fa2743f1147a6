// The code itself, where it matters how much of it there is: what is hot, and what every step has.
#include <gtest/gtest.h>

#include "compiler/lower/scripted_world_test.h"

namespace rbk::lower {
namespace {

/// The disassembly of one function of the program, without the places in the source.
std::string code_of(const std::string& text, const std::string& name) {
  ScriptedWorld world(text);
  if (!world.compiled()) return "not compiled";
  const std::string all = bytecode::disassemble(world.program());
  std::istringstream lines(all);
  std::string made;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("function ")) {
      inside = line.substr(line.find(' ', 9) + 1).starts_with(name + "(");
      continue;
    }
    if (!inside || line.empty()) continue;
    const size_t comment = line.find("  ; ");
    const bool is_safepoint =
        comment != std::string::npos && line.find("keeps", comment) != std::string::npos;
    if (comment != std::string::npos && !is_safepoint) line.resize(comment);
    made += line + "\n";
  }
  return made;
}

TEST(LowerCode, Fib) {
  EXPECT_EQ(code_of("fn fib(n: int) -> int {\n"
                    "  if n < 2 { return n }\n"
                    "  return fib(n - 1) + fib(n - 2)\n"
                    "}\n",
                    "fib"),
            R"(  registers r1=int r2=int r3=int r4=int
     0 JumpGeImm      r0:n 2 @2
     1 Return         r0:n
     2 AddImm         r3 r0:n -1
     3 Call           r2 fib r3..
     4 AddImm         r4 r0:n -2
     5 Call           r3 fib r4..
     6 AddInt         r1 r2 r3
     7 Return         r1
)");
}

TEST(LowerCode, NumbersStandBeforeTheLoopAndAMapIsAskedOnce) {
  EXPECT_EQ(code_of("fn f(n: int, names: list<string>) -> map<string, int> {\n"
                    "  var m: map<string, int> = map { }\n"
                    "  for i in 1..n {\n"
                    "    let name = names[i % 4]\n"
                    "    m = m.put(name, (m.get(name) ?? 0) + i)\n"
                    "  }\n"
                    "  return m\n"
                    "}\n",
                    "f"),
            R"(  registers r2:m=ref r3=int r4=int r5:i=int r6:name=ref r7=int r8=ref r9=int
     0 LoadConst      r2:m map<string, int> []
     1 LoadInt        r3 4
     2 LoadInt        r4 0
     3 LoadInt        r5:i 1
     4 JumpGtInt      r5:i r0:n @13
     5 ModInt         r7 r5:i r3
     6 ListGet        r6:name r1:names r7
     7 MoveRef        r8 r6:name
     8 MapGetOr       r7 r2:m r6:name | r4
    10 AddInt         r9 r7 r5:i
    11 MapPut         r2:m r2:m r8..
    12 ForLoop        r5:i r0:n @5
    13 Return         r2:m
)");
}

TEST(LowerCode, Sum) {
  EXPECT_EQ(code_of("fn sum(n: int) -> int {\n"
                    "  var s = 0\n"
                    "  for i in 1..n { s = s + i }\n"
                    "  return s\n"
                    "}\n",
                    "sum"),
            R"(  registers r1:s=int r2:i=int
     0 LoadInt        r1:s 0
     1 LoadInt        r2:i 1
     2 JumpGtInt      r2:i r0:n @5
     3 AddInt         r1:s r1:s r2:i
     4 ForLoop        r2:i r0:n @3
     5 Return         r1:s
)");
}

TEST(LowerCode, FilterIsALoop) {
  EXPECT_EQ(code_of("fn f(xs: list<int>, k: int) -> list<int> {\n"
                    "  return xs.filter(fn(x) => x > k and x != 0)\n"
                    "}\n",
                    "f"),
            R"(  registers r2=ref r3=ref r4=ref r5=int r6=int r7=int
     0 MoveRef        r3 r0:xs
     1 MakeList       r4 list<int> r0.. | 0
     3 ListLength     r5 r3
     4 LoadInt        r6 0
     5 JumpGeInt      r6 r5 @12
     6 AddImm         r5 r5 -1
     7 ListGet        r7 r3 r6
     8 JumpLeInt      r7 r1:k @11
     9 JumpEqImm      r7 0 @11
    10 ListAppend     r4 r4 r7
    11 ForLoop        r6 r5 @7
    12 MoveRef        r2 r4
    13 Return         r2
)");
}

TEST(LowerCode, Step) {
  EXPECT_EQ(
      code_of("runbook r(n: int) {\n"
              "  step a = put(\"${n}\") timeout 1m retry 2 times rollback { put(\"undo ${n}\") }\n"
              "}\n",
              "r"),
      R"(  registers r1=int r2=ref r3:a=ref r4=ref r5=duration r6=int r7=int r8=duration r9=duration r10=bool r11=int r12=ref r13=bool r14=bool r15=duration r16=ref
     0 Mark           r1
     1 StepBegin      a _
     2 ToText         r4 r0:n int
     3 LoadInt        r5 60000000
     4 LoadInt        r6 1
     5 LoadInt        r7 2
     6 LoadInt        r8 1000000
     7 LoadInt        r9 30000000
     8 LoadInt        r10 0
     9 Mark           r11
    10 Perform        r3:a put r4.. | r5 3 0  ; keeps r0 r1 r4 r5 r6 r7 r8 r9 r10 r11
    12 Jump           @40
    13 ErrorInDoubt   r13 r12
    14 JumpUnless     r13 @16
    15 LoadInt        r10 1
    16 ErrorInDoubt   r13 r12
    17 JumpGtInt      r6 r7 @27
    18 ErrorRetryable r14 r12
    19 JumpUnless     r14 @27
    20 JumpIf         r13 @27
    21 Backoff        r15 r6 r8 | r9
    23 StepRetry      r12 r6 r15
    24 Sleep          r15  ; keeps r0 r1 r4 r5 r6 r7 r8 r9 r10 r11
    25 AddImm         r6 r6 1
    26 Jump           @9
    27 JumpUnless     r10 @31
    28 MakeClosure    r16 r/a/rollback r0.. | 1
    30 UndoPush       r16 a 0
    31 Raise          r12
    32 ErrorInDoubt   r14 r12
    33 JumpUnless     r14 @35
    34 LoadInt        r10 1
    35 JumpUnless     r10 @39
    36 MakeClosure    r16 r/a/rollback r0.. | 1
    38 UndoPush       r16 a 0
    39 Raise          r12
    40 StepEnd        r3:a string
    41 MakeClosure    r16 r/a/rollback r0.. | 1
    43 UndoPush       r16 a 0
    44 CancelPoint
    45 Unwind         r1 1  ; keeps
    46 ReturnNothing
    47 Unwind         r1 0  ; keeps r2
    48 Raise          r2
  catch 10..12 -> @13 error r12 mark r11
  cleanup 10..12 -> @32 error r12 mark r11
  cleanup 23..27 -> @32 error r12 mark r11
  cleanup 1..45 -> @47 error r2 mark r1
)");
}

}  // namespace
}  // namespace rbk::lower
