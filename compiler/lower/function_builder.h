// Builds the code of one function: registers, labels, handlers, places in the source. Knows
// instructions, nothing of the language. Code that can't be reached is never kept: after an
// unconditional jump nothing is emitted until a label that something jumps to is bound.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vm/bytecode/program.h"

namespace rbk::lower {

using bytecode::Instruction;
using bytecode::Kind;
using bytecode::Op;

/// A register of the function that is being built; kNoReg: none.
using Reg = uint16_t;
inline constexpr Reg kNoReg = bytecode::kNoRegister;

/// A place in the code that jumps name before it is known.
struct Label {
  uint32_t index = bytecode::kNone;
  bool valid() const { return index != bytecode::kNone; }
};

class FunctionBuilder {
 public:
  explicit FunctionBuilder(std::string name);

  // ---- Registers
  /// The next parameter; all of them come before any other register.
  Reg parameter(Kind kind, std::string name);
  /// A register of its own for the whole function.
  Reg local(Kind kind, std::string name);
  /// A register that is used again for others of its kind once it is released.
  Reg temporary(Kind kind);
  /// Consecutive temporaries of these kinds; 0 if there are none.
  Reg temporaries(std::span<const Kind> kinds);
  /// What `release` frees: every temporary made since.
  size_t temporaries_in_use() const { return in_use_.size(); }
  void release(size_t in_use);
  Kind kind(Reg reg) const { return function_.registers[reg]; }

  // ---- Code
  /// False after a jump that is always taken, until a label is bound that is jumped to.
  bool reachable() const { return reachable_; }
  void emit(Op op, Reg a = 0, uint16_t b = 0, uint16_t c = 0);
  void emit_wide(Op op, uint16_t a, int32_t wide);
  /// An operation that takes a run of `count` registers as its S operand.
  void emit_run(Op op, uint16_t a, uint16_t b, uint16_t c, size_t count);
  /// The word that follows an operation that takes one.
  void extra(uint16_t a, uint16_t b = 0, uint16_t c = 0);
  /// Moves by the registers' kind; nothing if they are the same.
  void move(Reg to, Reg from);
  void load_int(Reg to, int64_t value);  // must fit 32 bits
  void load_constant(Reg to, uint32_t constant);
  /// Raise, Return, ReturnNothing: what follows is not reached.
  void leave(Op op, Reg a = 0);

  Label label();
  void bind(Label label);
  void jump(Label to);
  /// JumpIf, JumpUnless, JumpIfNull.
  void jump_on(Op op, Reg a, Label to);
  /// JumpLtInt and its like, ForLoop: a 16-bit distance.
  void jump_compare(Op op, Reg a, Reg b, Label to);

  uint32_t here() const { return static_cast<uint32_t>(function_.code.size()); }
  /// Enters a handler for what was emitted from `begin` to `end`; inner ones must be entered first.
  /// Nothing happens if that is no code. `target` must be bound later.
  void handler(uint32_t begin, uint32_t end, bytecode::Handler::Reach reach, Label target,
               Reg error, Reg mark, Reg timer = kNoReg);
  /// What is emitted from here on comes from this place.
  void place(uint32_t file, uint32_t line, uint32_t column);
  /// The line of the latest place; 0 before the first.
  uint32_t line() const { return function_.places.empty() ? 0 : function_.places.back().line; }

  void set_result(bytecode::TypeId result) { function_.result = result; }
  const std::string& name() const { return function_.name; }

  /// Resolves the jumps. Safepoints and `pure` are still to be set; `runs` gives the length of the
  /// S operand by pc. kLimit: too many registers, or a jump too far.
  struct Finished {
    bytecode::Function function;
    std::vector<std::pair<uint32_t, uint16_t>> runs;  // (pc, count), ascending
  };
  Result<Finished> finish();

 private:
  struct Jump {
    uint32_t pc = 0;
    uint32_t label = 0;
    bool narrow = false;  // the distance is c alone
  };
  struct PendingHandler {
    bytecode::Handler handler;
    uint32_t label = 0;
  };
  Reg add_register(Kind kind, std::string name);

  bytecode::Function function_;
  std::vector<std::pair<uint32_t, uint16_t>> runs_;
  std::vector<uint32_t> labels_;  // pc, kNone while not bound
  std::vector<bool> wanted_;      // a label that something jumps to
  std::vector<uint32_t> bound_;   // labels in the order in which they were bound
  std::vector<Jump> jumps_;
  std::vector<PendingHandler> handlers_;
  std::vector<bool> temporary_;  // by register
  std::vector<bool> busy_;       // by register
  std::vector<Reg> in_use_;
  bool reachable_ = true;
  bool too_many_registers_ = false;
};

/// Frees the temporaries made during its life.
class TemporaryScope {
 public:
  explicit TemporaryScope(FunctionBuilder& code)
      : code_(code), in_use_(code.temporaries_in_use()) {}
  ~TemporaryScope() { code_.release(in_use_); }
  TemporaryScope(const TemporaryScope&) = delete;
  TemporaryScope& operator=(const TemporaryScope&) = delete;

 private:
  FunctionBuilder& code_;
  size_t in_use_;
};

}  // namespace rbk::lower
