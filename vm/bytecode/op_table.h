// What ops.def and natives.def say, as tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/bytecode/program.h"

namespace rbk::bytecode {

struct OpInfo {
  std::string_view name;
  std::string_view operands;  // the letters that ops.def explains
  std::string_view text;

  /// The letters of the operands of word 0 (the operation) or 1 (the kExtra word after it).
  std::string_view letters(int word) const;
  /// Words of the operation with its kExtra words.
  uint32_t words() const;
};

/// `op` must be below Op::kCount.
const OpInfo& info(Op op);

/// Whether the operation may stand in a pure function: it neither waits nor speaks to the engine.
bool is_pure(Op op);

/// After it nothing follows: Return, ReturnNothing, Raise, Jump.
bool is_end(Op op);

/// One letter of an operand string, taken apart.
struct Operand {
  char letter = '-';      // as ops.def has it, without its '?'
  bool optional = false;  // stood after '?'
};

/// Of a, b, c in this order.
std::array<Operand, 3> operands(std::string_view letters);

/// A native as natives.def declares it.
struct NativeInfo {
  std::string_view name;
  uint32_t version = 1;
  /// Of the receiver and the arguments, a letter as in ops.def, 'A' for what a list or map holds.
  std::string_view arguments;
  /// Of the result.
  char result = 'R';
};

std::span<const NativeInfo> natives();

/// Null if the machine has none of that name.
const NativeInfo* find_native(std::string_view name);

std::string_view name_of(Kind kind);
std::string_view name_of(Type::Shape shape);

}  // namespace rbk::bytecode
