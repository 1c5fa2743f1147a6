// Programs written by hand, for the machine's tests, fuzz corpora and benchmarks: text to Program.
//
//   record Point { x: int, y: int }        enum Env { dev, custom(n: int) }
//   error ShellError { exit_code: int? }   step drain
//   action shell(command: string) -> string writes
//   runbook main(x: int) -> int = main
//   const names list<string> [ "a" "b" ]
//
//   function main(x: int) -> int [pure]
//     reg y int                    a register, by its kind: bool int float duration size time ref
//     LoadConst y "text"           operands in the order of ops.def, the kExtra words' after '|'
//   again:                         a label, for jumps (@again) and handlers
//     keep x y                     a safepoint at the next instruction
//     catch begin end target error mark        (also cleanup; timeout … timer)
//   end
//
// Operands: a register's name, _ for none, @label, a number, a type (without blanks), the name of
// a function, action, native, step or constant, and for constants a literal: "text", true, 1.5,
// 3, duration:5s, json:"[1]", url:"…", null.
#pragma once

#include <string_view>

#include "vm/bytecode/program.h"

namespace rbk::vm::testing {

/// Ends the process with a message if the text is wrong. The program is not verified.
bytecode::Program assemble(std::string_view text);

}  // namespace rbk::vm::testing
