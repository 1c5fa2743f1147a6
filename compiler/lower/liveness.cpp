#include "compiler/lower/liveness.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "vm/bytecode/op_table.h"

namespace rbk::lower {
namespace {

using bytecode::Function;
using bytecode::Handler;
using bytecode::Instruction;
using bytecode::kNoRegister;
using bytecode::Op;

constexpr std::string_view kReads = "BIFDZTRNA";
constexpr std::string_view kWrites = "bifdztrna";

bool waits(Op op) {
  switch (op) {
    case Op::kPerform:
    case Op::kAskDoubt:
    case Op::kAskFailure:
    case Op::kSleep:
    case Op::kSleepUntil:
    case Op::kApprove:
    case Op::kAsk:
    case Op::kWaitSignal:
    case Op::kWaitFirst:
    case Op::kLock:
    case Op::kStart:
    case Op::kUndoRun:
    case Op::kParallelFor:
    case Op::kParallelBlock:
    case Op::kUnwind:
    case Op::kCall:
    case Op::kCallClosure:
      return true;
    default:
      return false;
  }
}

/// A set of registers.
class Registers {
 public:
  explicit Registers(size_t count = 0) : words_((count + 63) / 64) {}
  void add(uint16_t reg) { words_[reg / 64] |= uint64_t{1} << reg % 64; }
  void remove(uint16_t reg) { words_[reg / 64] &= ~(uint64_t{1} << reg % 64); }
  /// True if this one grew.
  bool add_all(const Registers& other) {
    bool grew = false;
    for (size_t i = 0; i < words_.size(); ++i) {
      const uint64_t joined = words_[i] | other.words_[i];
      grew = grew || joined != words_[i];
      words_[i] = joined;
    }
    return grew;
  }
  std::vector<uint16_t> list() const {
    std::vector<uint16_t> all;
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t left = words_[i]; left != 0; left &= left - 1) {
        all.push_back(static_cast<uint16_t>(i * 64 + static_cast<size_t>(__builtin_ctzll(left))));
      }
    }
    return all;
  }

 private:
  std::vector<uint64_t> words_;
};

class Liveness {
 public:
  Liveness(Function& function, std::span<const std::pair<uint32_t, uint16_t>> runs)
      : function_(function), runs_(function.code.size()), leader_(function.code.size() + 1) {
    for (const auto& [pc, count] : runs) runs_[pc] = count;
  }

  void run() {
    find_blocks();
    solve();
    collect();
  }

 private:
  struct Block {
    uint32_t begin = 0;
    uint32_t end = 0;
    std::vector<size_t> next;
    std::vector<size_t> handlers;  // that cover it: indices into Function::handlers
    Registers in;
  };

  const std::vector<Instruction>& code() const { return function_.code; }

  /// Calls `visit(register, is_write)` for each operand of the instruction at pc.
  template <typename Visit>
  void operands(uint32_t pc, Visit visit) const {
    const Op op = code()[pc].op;
    const bytecode::OpInfo& info = bytecode::info(op);
    for (int word = 0; word < 2 && static_cast<uint32_t>(word) < info.words(); ++word) {
      const auto found = bytecode::operands(info.letters(word));
      const Instruction& from = code()[pc + static_cast<uint32_t>(word)];
      const std::array<uint16_t, 3> slots{from.a, from.b, from.c};
      for (size_t i = 0; i < slots.size(); ++i) {
        const char letter = found[i].letter;
        if (letter == 'S') {
          for (uint16_t k = 0; k < runs_[pc]; ++k) {
            visit(static_cast<uint16_t>(slots[i] + k), false);
          }
        } else if (slots[i] == kNoRegister) {
          continue;
        } else if (kReads.find(letter) != std::string_view::npos) {
          visit(slots[i], false);
        } else if (kWrites.find(letter) != std::string_view::npos) {
          visit(slots[i], true);
        }
      }
    }
    if (op == Op::kForLoop) visit(code()[pc].a, false);
    // The last word of ParallelFor and ParallelBlock: the tolerance and what names a branch.
    if (op == Op::kParallelFor || op == Op::kParallelBlock) {
      const Instruction& last = code()[pc + 2];
      if (last.a != kNoRegister) visit(last.a, false);
      if (last.c != kNoRegister) visit(last.c, false);
    }
  }

  /// Where the instruction may jump to; kNone if it is no jump.
  uint32_t jump_target(uint32_t pc) const {
    const std::string_view letters = bytecode::info(code()[pc].op).operands;
    const auto from = static_cast<int64_t>(pc) + 1;
    if (letters.find('J') != std::string_view::npos) {
      return static_cast<uint32_t>(from + code()[pc].wide());
    }
    if (letters.find('K') != std::string_view::npos) {
      return static_cast<uint32_t>(from + static_cast<int16_t>(code()[pc].c));
    }
    return bytecode::kNone;
  }

  void find_blocks() {
    const auto size = static_cast<uint32_t>(code().size());
    leader_[0] = true;
    for (uint32_t pc = 0; pc < size; ++pc) {
      if (code()[pc].op == Op::kExtra) continue;
      const uint32_t target = jump_target(pc);
      if (target != bytecode::kNone) leader_[target] = leader_[pc + 1] = true;
      if (bytecode::is_end(code()[pc].op)) leader_[pc + 1] = true;
    }
    for (const Handler& handler : function_.handlers) {
      leader_[handler.begin] = leader_[handler.end] = leader_[handler.target] = true;
    }
    block_of_.assign(size + 1, 0);
    for (uint32_t pc = 0; pc < size; ++pc) {
      if (leader_[pc]) {
        if (!blocks_.empty()) blocks_.back().end = pc;
        blocks_.push_back(Block{pc, size, {}, {}, Registers(function_.registers.size())});
      }
      block_of_[pc] = blocks_.size() - 1;
    }
    for (Block& block : blocks_) {
      uint32_t last = block.end - 1;
      while (last > block.begin && code()[last].op == Op::kExtra) --last;
      const uint32_t target = jump_target(last);
      if (target != bytecode::kNone && target < size) block.next.push_back(block_of_[target]);
      if (!bytecode::is_end(code()[last].op) && block.end < size) {
        block.next.push_back(block_of_[block.end]);
      }
      for (size_t i = 0; i < function_.handlers.size(); ++i) {
        const Handler& handler = function_.handlers[i];
        if (handler.begin <= block.begin && block.begin < handler.end) block.handlers.push_back(i);
      }
    }
  }

  /// What must be kept anywhere in the block because one of its handlers may be entered.
  Registers kept_for_handlers(const Block& block) const {
    Registers kept(function_.registers.size());
    for (const size_t index : block.handlers) {
      const Handler& handler = function_.handlers[index];
      Registers entered = blocks_[block_of_[handler.target]].in;
      entered.remove(handler.error);
      kept.add_all(entered);
      kept.add(handler.mark);
      if (handler.timer != kNoRegister) kept.add(handler.timer);
    }
    return kept;
  }

  /// Walks a block backwards; `at` is called with each instruction and what is live after it.
  template <typename At>
  Registers walk(const Block& block, At at) const {
    Registers live(function_.registers.size());
    for (const size_t next : block.next) live.add_all(blocks_[next].in);
    const Registers kept = kept_for_handlers(block);
    for (uint32_t pc = block.end; pc-- > block.begin;) {
      if (code()[pc].op == Op::kExtra) continue;
      operands(pc, [&](uint16_t reg, bool is_write) {
        if (is_write) live.remove(reg);
      });
      live.add_all(kept);
      at(pc, live);
      operands(pc, [&](uint16_t reg, bool is_write) {
        if (!is_write) live.add(reg);
      });
    }
    return live;
  }

  void solve() {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = blocks_.size(); i-- > 0;) {
        const Registers in = walk(blocks_[i], [](uint32_t, const Registers&) {});
        changed = blocks_[i].in.add_all(in) || changed;
      }
    }
  }

  void collect() {
    auto& safepoints = function_.safepoints;
    safepoints.clear();
    for (const Block& block : blocks_) {
      walk(block, [&](uint32_t pc, const Registers& live) {
        if (waits(code()[pc].op)) safepoints.push_back({pc, live.list()});
      });
    }
    std::sort(safepoints.begin(), safepoints.end(),
              [](const auto& a, const auto& b) { return a.pc < b.pc; });
  }

  Function& function_;
  std::vector<uint16_t> runs_;
  std::vector<bool> leader_;
  std::vector<size_t> block_of_;
  std::vector<Block> blocks_;
};

}  // namespace

void add_safepoints(Function& function, std::span<const std::pair<uint32_t, uint16_t>> runs) {
  function.safepoints.clear();
  if (!function.pure && !function.code.empty()) Liveness(function, runs).run();
}

}  // namespace rbk::lower
