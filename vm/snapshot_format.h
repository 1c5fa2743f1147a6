// What the writer and the reader of snapshots share.
#pragma once

#include <string_view>

#include "vm/image.h"

namespace rbk::vm {

inline constexpr std::string_view kSnapshotMagic = "RBKS";
inline constexpr uint32_t kSnapshotVersion = 5;
/// In the place of an object's tag: it is a constant of the program.
inline constexpr uint8_t kConstantTag = 0xff;

/// Calls visit(register) for each register whose value is kept while a frame stands at `pc`: those
/// that its safepoint names, all where it has none.
template <typename Visit>
void for_each_kept(const Code& code, const bytecode::Instruction* pc, Visit visit) {
  const bytecode::Safepoint* safepoint = code.safepoint(static_cast<uint32_t>(pc - code.code));
  size_t next = 0;
  for (uint32_t i = 0; i < code.registers; ++i) {
    if (safepoint == nullptr) {
      visit(i);
      continue;
    }
    const bool live = next < safepoint->live.size() && safepoint->live[next] == i;
    if (live) ++next;
    // An Unwind is executed again after each undo, and then reads its mark.
    if (live || (pc->op == bytecode::Op::kUnwind && pc->a == i)) visit(i);
  }
}

}  // namespace rbk::vm
