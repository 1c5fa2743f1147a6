#include "compiler/lower/function_builder.h"

#include <limits>

namespace rbk::lower {

FunctionBuilder::FunctionBuilder(std::string name) { function_.name = std::move(name); }

Reg FunctionBuilder::add_register(Kind kind, std::string name) {
  if (function_.registers.size() >= kNoReg) {
    too_many_registers_ = true;
    return 0;
  }
  function_.registers.push_back(kind);
  temporary_.push_back(false);
  busy_.push_back(true);
  const auto reg = static_cast<Reg>(function_.registers.size() - 1);
  if (!name.empty()) {
    function_.register_names.resize(size_t{reg} + 1);
    function_.register_names[reg] = std::move(name);
  }
  return reg;
}

Reg FunctionBuilder::parameter(Kind kind, std::string name) {
  ++function_.parameters;
  return add_register(kind, std::move(name));
}

Reg FunctionBuilder::local(Kind kind, std::string name) {
  return add_register(kind, std::move(name));
}

Reg FunctionBuilder::temporary(Kind kind) { return temporaries(std::span(&kind, 1)); }

Reg FunctionBuilder::temporaries(std::span<const Kind> kinds) {
  if (kinds.empty()) return 0;
  const size_t count = function_.registers.size();
  size_t base = function_.parameters;
  for (; base < count; ++base) {
    size_t i = 0;
    while (i < kinds.size() && base + i < count && temporary_[base + i] && !busy_[base + i] &&
           function_.registers[base + i] == kinds[i]) {
      ++i;
    }
    if (i == kinds.size() || base + i == count) break;
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (base + i < count) {
      busy_[base + i] = true;
    } else {
      const Reg added = add_register(kinds[i], {});
      if (too_many_registers_) return 0;
      temporary_[added] = true;
    }
    in_use_.push_back(static_cast<Reg>(base + i));
  }
  return static_cast<Reg>(base);
}

void FunctionBuilder::release(size_t in_use) {
  while (in_use_.size() > in_use) {
    busy_[in_use_.back()] = false;
    in_use_.pop_back();
  }
}

void FunctionBuilder::emit(Op op, Reg a, uint16_t b, uint16_t c) {
  if (reachable_) function_.code.push_back(Instruction{op, a, b, c});
}

void FunctionBuilder::emit_wide(Op op, uint16_t a, int32_t wide) {
  if (reachable_) function_.code.push_back(Instruction::with_wide(op, a, wide));
}

void FunctionBuilder::emit_run(Op op, uint16_t a, uint16_t b, uint16_t c, size_t count) {
  if (!reachable_) return;
  runs_.emplace_back(here(), static_cast<uint16_t>(count));
  function_.code.push_back(Instruction{op, a, b, c});
}

void FunctionBuilder::extra(uint16_t a, uint16_t b, uint16_t c) { emit(Op::kExtra, a, b, c); }

void FunctionBuilder::move(Reg to, Reg from) {
  if (to == from) return;
  switch (kind(to)) {
    case Kind::kRef:
      return emit(Op::kMoveRef, to, from);
    case Kind::kFloat:
      return emit(Op::kMoveFloat, to, from);
    default:
      return emit(Op::kMove, to, from);
  }
}

void FunctionBuilder::load_int(Reg to, int64_t value) {
  emit_wide(Op::kLoadInt, to, static_cast<int32_t>(value));
}

void FunctionBuilder::load_constant(Reg to, uint32_t constant) {
  emit_wide(Op::kLoadConst, to, static_cast<int32_t>(constant));
}

void FunctionBuilder::leave(Op op, Reg a) {
  emit(op, a);
  reachable_ = false;
}

Label FunctionBuilder::label() {
  labels_.push_back(bytecode::kNone);
  wanted_.push_back(false);
  return Label{static_cast<uint32_t>(labels_.size() - 1)};
}

void FunctionBuilder::bind(Label label) {
  // A jump to what follows anyway is not needed.
  while (!reachable_ && !jumps_.empty() && jumps_.back().label == label.index &&
         jumps_.back().pc + 1 == here() && function_.code.back().op == Op::kJump) {
    const uint32_t removed = here();
    function_.code.pop_back();
    jumps_.pop_back();
    reachable_ = true;
    for (size_t i = bound_.size(); i > 0 && labels_[bound_[i - 1]] == removed; --i) {
      labels_[bound_[i - 1]] = here();
    }
    for (PendingHandler& pending : handlers_) {
      if (pending.handler.end == removed) pending.handler.end = here();
    }
  }
  labels_[label.index] = here();
  bound_.push_back(label.index);
  reachable_ = reachable_ || wanted_[label.index];
}

void FunctionBuilder::jump(Label to) {
  if (!reachable_) return;
  wanted_[to.index] = true;
  jumps_.push_back(Jump{here(), to.index, false});
  emit(Op::kJump);
  reachable_ = false;
}

void FunctionBuilder::jump_on(Op op, Reg a, Label to) {
  if (!reachable_) return;
  wanted_[to.index] = true;
  jumps_.push_back(Jump{here(), to.index, false});
  emit(op, a);
}

void FunctionBuilder::jump_compare(Op op, Reg a, Reg b, Label to) {
  if (!reachable_) return;
  wanted_[to.index] = true;
  jumps_.push_back(Jump{here(), to.index, true});
  emit(op, a, b);
}

void FunctionBuilder::handler(uint32_t begin, uint32_t end, bytecode::Handler::Reach reach,
                              Label target, Reg error, Reg mark, Reg timer) {
  if (begin >= end) return;
  wanted_[target.index] = true;
  handlers_.push_back({bytecode::Handler{begin, end, 0, reach, error, mark, timer}, target.index});
}

void FunctionBuilder::place(uint32_t file, uint32_t line, uint32_t column) {
  auto& places = function_.places;
  if (!places.empty() && places.back().file == file && places.back().line == line &&
      places.back().column == column) {
    return;
  }
  while (!places.empty() && places.back().pc >= here()) places.pop_back();
  places.push_back({here(), file, line, column});
}

Result<FunctionBuilder::Finished> FunctionBuilder::finish() {
  if (too_many_registers_) {
    return fail(ErrorKind::kLimit, "`" + function_.name + "` needs more than 65,534 registers",
                "split it into smaller runbooks or functions");
  }
  const auto distance = [&](uint32_t from, uint32_t label) {
    return static_cast<int64_t>(labels_[label]) - static_cast<int64_t>(from) - 1;
  };
  for (const Jump& jump : jumps_) {
    const int64_t by = distance(jump.pc, jump.label);
    Instruction& word = function_.code[jump.pc];
    if (!jump.narrow) {
      word = Instruction::with_wide(word.op, word.a, static_cast<int32_t>(by));
      continue;
    }
    if (by < std::numeric_limits<int16_t>::min() || by > std::numeric_limits<int16_t>::max()) {
      return fail(ErrorKind::kLimit, "`" + function_.name + "` is too long for one jump",
                  "split it into smaller runbooks or functions");
    }
    word.c = static_cast<uint16_t>(static_cast<int16_t>(by));
  }
  for (PendingHandler& pending : handlers_) {
    pending.handler.target = labels_[pending.label];
    // One that covered nothing but a jump that is gone covers nothing.
    if (pending.handler.begin < pending.handler.end) function_.handlers.push_back(pending.handler);
  }
  // Places past the end belonged to code that is not reached.
  while (!function_.places.empty() && function_.places.back().pc >= here()) {
    function_.places.pop_back();
  }
  return Finished{std::move(function_), std::move(runs_)};
}

}  // namespace rbk::lower
