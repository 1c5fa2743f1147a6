// The loop. Plain arithmetic, jumps and calls happen here, with all that is hot in locals; whatever
// touches the heap, raises or waits is a function of its own. No native frame is ever left on the
// stack when a fiber waits.
#include <algorithm>

#include "vm/bytecode/op_table.h"
#include "vm/execution.h"

namespace rbk::vm {

using bytecode::Op;

namespace {

/// Registers that one fiber may have at once.
constexpr uint32_t kMostRegisters = 1 << 20;
constexpr uint32_t kFewRegisters = 64;

/// Words of each operation.
struct WordTable {
  uint8_t words[static_cast<size_t>(Op::kCount)];
  WordTable() {
    for (size_t i = 0; i < std::size(words); ++i) {
      words[i] = static_cast<uint8_t>(bytecode::info(static_cast<Op>(i)).words());
    }
  }
};

}  // namespace

const Execution::Operation* Execution::operations() {
  struct Table {
    Operation entries[static_cast<size_t>(Op::kCount)] = {};
    Table() {
#define RBK_OPERATION(name) entries[static_cast<size_t>(Op::k##name)] = &Execution::op_##name;
#include "vm/operations.def"
#undef RBK_OPERATION
    }
  };
  static const Table table;
  return table.entries;
}

/// Makes room for one more frame with so many registers. False: a limit was reached.
bool Execution::grow(Fiber& fiber, uint32_t registers) {
  if (fiber.depth == fiber.frames.size()) {
    if (fiber.depth >= limits_.call_depth) return false;
    const size_t more = std::clamp<size_t>(fiber.frames.size() * 2, 4, limits_.call_depth);
    fiber.frames.resize(more);
  }
  const uint32_t used = fiber.depth == 0 ? 0 : fiber.top().base + fiber.top().code->registers;
  const uint32_t needed = used + registers;
  if (needed > kMostRegisters) return false;
  if (needed > fiber.stack_size) {
    const uint32_t size =
        std::min(kMostRegisters, std::max({needed, fiber.stack_size * 2, kFewRegisters}));
    auto stack = std::make_unique<Slot[]>(size);
    std::copy_n(fiber.stack.get(), used, stack.get());
    fiber.stack = std::move(stack);
    fiber.stack_size = size;
  }
  return true;
}

/// Pushes a frame with empty registers; there must be room.
void Execution::enter(Fiber& fiber, const Code& code, Frame::Purpose purpose) {
  const uint32_t base = fiber.depth == 0 ? 0 : fiber.top().base + fiber.top().code->registers;
  fiber.frames[fiber.depth++] = {&code, code.code, base, purpose};
  std::fill_n(fiber.stack.get() + base, code.registers, Slot{.i = 0});
}

/// Pushes a frame for a closure; its parameters after the captures are to be filled in.
void Execution::enter_closure(Fiber& fiber, const Closure& closure, Frame::Purpose purpose) {
  enter(fiber, image_.code(closure.function), purpose);
  Slot* registers = fiber.registers();
  for (uint32_t i = 0; i < closure.size; ++i) {
    registers[i] = closure.captures()[i];
    retain(registers[i], closure.kinds[i]);
  }
}

void Execution::pop_frame(Fiber& fiber) {
  Slot* registers = fiber.registers();
  for (const uint16_t ref : fiber.top().code->refs) release(registers[ref].o);
  --fiber.depth;
}

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wgnu-label-as-value"
#endif

Execution::Run Execution::interpret(Fiber& fiber) {
  static const void* const kLabels[] = {
#define RBK_OP(name, operands, text) &&L_##name,
#include "vm/bytecode/ops.def"
#undef RBK_OP
  };
  static const WordTable kWords;
  static const Operation* const kOperations = operations();
  const Code* const codes = image_.codes();
  const Image::Ready* const constants = image_.ready();

  fiber_ = &fiber;
  int64_t fuel = fuel_;
  Frame* frame = nullptr;
  const Instruction* pc = nullptr;
  Slot* r = nullptr;
  const char* problem = "";
  const Instruction* loop_begin = nullptr;

#define RELOAD()                          \
  frame = &fiber.frames[fiber.depth - 1]; \
  r = fiber.stack.get() + frame->base;    \
  pc = frame->pc
#define GO() goto* kLabels[static_cast<uint16_t>(pc->op)]
#define NEXT() \
  ++pc;        \
  GO()
#define JUMP(offset)                                  \
  {                                                   \
    const int32_t jump_offset = offset;               \
    if (jump_offset < 0 && --fuel <= 0) goto no_fuel; \
    pc += 1 + jump_offset;                            \
    GO();                                             \
  }
#define OVERFLOW(what) \
  {                    \
    problem = what;    \
    goto arithmetic;   \
  }

  if (fiber.raise) {
    raised_ = std::move(fiber.raise);
    fiber.raise = Ref();
    goto raise;
  }
  RELOAD();
  GO();

L_Nop:
L_Extra:
  NEXT();
L_Move:
  r[pc->a].i = r[pc->b].i;
  NEXT();
L_MoveFloat:
  r[pc->a].f = r[pc->b].f;
  NEXT();
L_MoveRef : {
  Object* old = r[pc->a].o;
  retain(r[pc->b].o);
  r[pc->a].o = r[pc->b].o;
  release(old);
  NEXT();
}
L_LoadInt:
  r[pc->a].i = pc->wide();
  NEXT();
L_LoadNull : {
  Object* old = r[pc->a].o;
  r[pc->a].o = nullptr;
  release(old);
  NEXT();
}

L_AddTime:
L_AddInt : {
  int64_t result;
  if (__builtin_add_overflow(r[pc->b].i, r[pc->c].i, &result)) OVERFLOW("the sum");
  r[pc->a].i = result;
  NEXT();
}
L_SubTime:
L_DiffTime:
L_SubInt : {
  int64_t result;
  if (__builtin_sub_overflow(r[pc->b].i, r[pc->c].i, &result)) OVERFLOW("the difference");
  r[pc->a].i = result;
  NEXT();
}
L_MulInt : {
  int64_t result;
  if (__builtin_mul_overflow(r[pc->b].i, r[pc->c].i, &result)) OVERFLOW("the product");
  r[pc->a].i = result;
  NEXT();
}
L_DivInt : {
  const int64_t by = r[pc->c].i;
  if (by == 0) goto zero;
  if (by == -1 && r[pc->b].i == INT64_MIN) OVERFLOW("the quotient");
  r[pc->a].i = r[pc->b].i / by;
  NEXT();
}
L_ModInt : {
  const int64_t by = r[pc->c].i;
  if (by == 0) goto zero;
  r[pc->a].i = by == -1 ? 0 : r[pc->b].i % by;
  NEXT();
}
L_AddImm : {
  int64_t result;
  if (__builtin_add_overflow(r[pc->b].i, int64_t{static_cast<int16_t>(pc->c)}, &result)) {
    OVERFLOW("the sum");
  }
  r[pc->a].i = result;
  NEXT();
}
L_NegInt:
  if (r[pc->b].i == INT64_MIN) OVERFLOW("the negative");
  r[pc->a].i = -r[pc->b].i;
  NEXT();
L_AddFloat:
  r[pc->a].f = r[pc->b].f + r[pc->c].f;
  NEXT();
L_SubFloat:
  r[pc->a].f = r[pc->b].f - r[pc->c].f;
  NEXT();
L_MulFloat:
  r[pc->a].f = r[pc->b].f * r[pc->c].f;
  NEXT();
L_DivFloat:
  if (r[pc->c].f == 0) goto zero;
  r[pc->a].f = r[pc->b].f / r[pc->c].f;
  NEXT();
L_NegFloat:
  r[pc->a].f = -r[pc->b].f;
  NEXT();
L_IntToFloat:
  r[pc->a].f = static_cast<double>(r[pc->b].i);
  NEXT();
L_DivRatio:
  if (r[pc->c].i == 0) goto zero;
  r[pc->a].f = static_cast<double>(r[pc->b].i) / static_cast<double>(r[pc->c].i);
  NEXT();

L_EqInt:
  r[pc->a].i = r[pc->b].i == r[pc->c].i;
  NEXT();
L_LtInt:
  r[pc->a].i = r[pc->b].i < r[pc->c].i;
  NEXT();
L_LeInt:
  r[pc->a].i = r[pc->b].i <= r[pc->c].i;
  NEXT();
L_EqFloat:
  r[pc->a].i = r[pc->b].f == r[pc->c].f;
  NEXT();
L_LtFloat:
  r[pc->a].i = r[pc->b].f < r[pc->c].f;
  NEXT();
L_LeFloat:
  r[pc->a].i = r[pc->b].f <= r[pc->c].f;
  NEXT();
L_IsNull:
  r[pc->a].i = r[pc->b].o == nullptr;
  NEXT();
L_Not:
  r[pc->a].i = r[pc->b].i ^ 1;
  NEXT();

L_Jump:
  JUMP(pc->wide());
L_JumpIf:
  if (r[pc->a].i != 0) JUMP(pc->wide());
  NEXT();
L_JumpUnless:
  if (r[pc->a].i == 0) JUMP(pc->wide());
  NEXT();
L_JumpIfNull:
  if (r[pc->a].o == nullptr) JUMP(pc->wide());
  NEXT();
L_JumpLtInt:
  if (r[pc->a].i < r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpLeInt:
  if (r[pc->a].i <= r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpGeInt:
  if (r[pc->a].i >= r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpGtInt:
  if (r[pc->a].i > r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpEqInt:
  if (r[pc->a].i == r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpNeInt:
  if (r[pc->a].i != r[pc->b].i) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpLtImm:
  if (r[pc->a].i < static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpLeImm:
  if (r[pc->a].i <= static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpGeImm:
  if (r[pc->a].i >= static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpGtImm:
  if (r[pc->a].i > static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpEqImm:
  if (r[pc->a].i == static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_JumpNeImm:
  if (r[pc->a].i != static_cast<int16_t>(pc->b)) JUMP(static_cast<int16_t>(pc->c));
  NEXT();
L_ForLoop : {
  const int64_t counter = r[pc->a].i;
  if (counter < r[pc->b].i) {
    r[pc->a].i = counter + 1;
    if (--fuel <= 0) goto no_fuel;
    // Where a loop begins is mostly where it began the last time. That is taken from a register,
    // and only checked against the instruction: the processor need not wait for the offset. The
    // empty assembly keeps the compiler from seeing that both are the same.
    const Instruction* target = pc + 1 + static_cast<int16_t>(pc->c);
    const Instruction* guess = loop_begin;
    asm("" : "+r"(guess));
    if (__builtin_expect(target != loop_begin, 0)) {
      asm volatile("" : "+r"(target));
      guess = loop_begin = target;
    }
    pc = guess;
    GO();
  }
  NEXT();
}

L_Call : {
  const Code& callee = codes[pc->b];
  const uint32_t base = frame->base + frame->code->registers;
  if (--fuel <= 0) goto no_fuel;
  if (frame == &fiber.frames.back() || base + callee.registers > fiber.stack_size) {
    frame->pc = pc;
    fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data()) + 1;
    if (!grow(fiber, callee.registers)) goto too_deep;
    RELOAD();
  }
  const Slot* arguments = r + pc->c;
  Slot* registers = fiber.stack.get() + base;
  uint32_t i = 0;
  for (; i < callee.parameters; ++i) registers[i] = arguments[i];
  for (; i < callee.registers; ++i) registers[i].i = 0;
  frame->pc = pc;
  if (!callee.plain) {
    for (const uint16_t ref : callee.refs) {
      if (ref >= callee.parameters) break;
      retain(registers[ref].o);
    }
    if (!callee.pure) clear_dead(*frame, r);
  }
  ++frame;
  *frame = {&callee, callee.code, base, Frame::Purpose::kCall};
  r = registers;
  pc = callee.code;
  GO();
}

L_Return : {
  const Code& code = *frame->code;
  Slot result = r[pc->a];
  if (code.plain && frame->purpose == Frame::Purpose::kCall) {
    --frame;
    pc = frame->pc;
    r = fiber.stack.get() + frame->base;
    if (pc->a != bytecode::kNoRegister) r[pc->a] = result;
    NEXT();
  }
  if (code.has_refs) {
    if (code.result == Kind::kRef) retain(result.o);
    for (const uint16_t ref : code.refs) release(r[ref].o);
  }
  if (frame->purpose != Frame::Purpose::kCall) {
    fiber.result = Value(code.result, result);
    goto returned_from_first;
  }
  --frame;
  pc = frame->pc;
  r = fiber.stack.get() + frame->base;
  if (pc->a == bytecode::kNoRegister) {
    release(result, code.result);
  } else if (code.result == Kind::kRef) {
    Object* old = r[pc->a].o;
    r[pc->a] = result;
    release(old);
  } else {
    r[pc->a] = result;
  }
  if (!code.pure && !fiber.timers.empty()) goto returned_with_timers;
  NEXT();
}
L_ReturnNothing : {
  const Code& code = *frame->code;
  for (const uint16_t ref : code.refs) release(r[ref].o);
  if (frame->purpose != Frame::Purpose::kCall) {
    fiber.result = Value(Ref());
    goto returned_from_first;
  }
  --frame;
  pc = frame->pc;
  r = fiber.stack.get() + frame->base;
  if (pc->a != bytecode::kNoRegister) {  // a closure's without a result, into a ref: null
    Object* old = r[pc->a].o;
    r[pc->a].o = nullptr;
    release(old);
  }
  if (!code.pure && !fiber.timers.empty()) goto returned_with_timers;
  NEXT();
}
returned_with_timers:
  // A timer ends with the function that began it.
  fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data()) + 1;
  for (size_t i = fiber.timers.size(); i-- > 0;) {
    if (fiber.timers[i].frames > fiber.depth) stop_timer(fiber, fiber.timers[i].id);
  }
  NEXT();
returned_from_first : {
  const Frame::Purpose purpose = frame->purpose;
  fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data());
  for (size_t i = fiber.timers.size(); i-- > 0;) {
    if (fiber.timers[i].frames > fiber.depth) stop_timer(fiber, fiber.timers[i].id);
  }
  if (purpose == Frame::Purpose::kUndo) {
    fiber.result = Value();
    undo_ended(fiber, nullptr);
  }
  if (purpose == Frame::Purpose::kItem) name_branch(fiber);
  if (fiber.depth == 0) {
    fuel_ = fuel;
    return Run::kFinished;
  }
  RELOAD();  // at the Unwind, which goes on with what is left; at a branch's first instruction
  GO();
}

L_LoadConst : {
  const Image::Ready& constant = constants[static_cast<uint32_t>(pc->wide())];
  if (!constant.is_ready || constant.kind != frame->code->kinds[pc->a]) goto outlined;
  if (constant.kind == Kind::kRef) {
    Object* old = r[pc->a].o;
    retain(constant.value.o);
    r[pc->a] = constant.value;
    release(old);
  } else {
    r[pc->a] = constant.value;
  }
  NEXT();
}
L_ListGet : {
  const auto* list = static_cast<const List*>(r[pc->b].o);
  if (list != nullptr && list->tag == Tag::kList && list->kind == frame->code->kinds[pc->a] &&
      static_cast<uint64_t>(r[pc->c].i) < list->items.size()) {
    const Slot item = list->items[static_cast<size_t>(r[pc->c].i)];
    if (list->kind == Kind::kRef) {
      Object* old = r[pc->a].o;
      retain(item.o);
      r[pc->a] = item;
      release(old);
    } else {
      r[pc->a] = item;
    }
    NEXT();
  }
  goto outlined;
}
L_MapGetOr : {
  const auto* map = static_cast<const Map*>(r[pc->b].o);
  const Kind* kinds = frame->code->kinds;
  if (map != nullptr && map->tag == Tag::kMap && map->kind == kinds[pc->a] &&
      map->kind != Kind::kRef && map->key_kind == kinds[pc->c]) {
    const Map::Entry* entry = find(map, r[pc->c]);
    r[pc->a] = entry == nullptr ? r[pc[1].a] : entry->value;
    pc += 2;
    GO();
  }
  goto outlined;
}
L_MapPut : {
  auto* map = static_cast<Map*>(r[pc->b].o);
  const Kind* kinds = frame->code->kinds;
  if (pc->a == pc->b && map != nullptr && map->tag == Tag::kMap && map->references == 1 &&
      map->key_kind == kinds[pc->c] && map->kind == kinds[pc->c + 1] && map->kind != Kind::kRef) {
    if (const Map::Entry* entry = find(map, r[pc->c]); entry != nullptr) {
      map->entries[static_cast<size_t>(entry - map->entries.data())].value = r[pc->c + 1];
      NEXT();
    }
  }
  goto outlined;
}
L_GetField : {
  const auto* record = static_cast<const Record*>(r[pc->b].o);
  if (record != nullptr && (record->tag == Tag::kRecord || record->tag == Tag::kEnum) &&
      pc->c < record->size && record->kinds[pc->c] == frame->code->kinds[pc->a]) {
    const Slot field = record->fields()[pc->c];
    if (record->kinds[pc->c] == Kind::kRef) {
      Object* old = r[pc->a].o;
      retain(field.o);
      r[pc->a] = field;
      release(old);
    } else {
      r[pc->a] = field;
    }
    NEXT();
  }
  goto outlined;
}

#define RBK_OPERATION(name) L_##name:
#define RBK_FALLBACK(name)
#include "vm/operations.def"
#undef RBK_OPERATION
outlined : {
  frame->pc = pc;
  fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data()) + 1;
  kinds_ = frame->code->kinds;
  const auto op = static_cast<size_t>(pc->op);
  Next next = (this->*kOperations[op])(r, pc);
  if (heap_.fault != Fault::kNone && next != Next::kWait) next = raise_fault();
  switch (next) {
    case Next::kNext:
      pc += kWords.words[op];
      GO();
    case Next::kRaise:
      goto raise;
    case Next::kEnter:
      RELOAD();
      if (--fuel <= 0) goto no_fuel;
      GO();
    case Next::kWait:
      --fuel;
      fuel_ = fuel;
      return Run::kWaits;
  }
}

zero:
  problem = nullptr;
arithmetic:
  frame->pc = pc;
  fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data()) + 1;
  raise("ArithmeticError", problem == nullptr ? std::string("division by zero")
                                              : std::string(problem) + " does not fit 64 bits");
  goto raise;
too_deep:
  raised_ = make_limit_error("calls are nested too deep");
  goto raise;
no_fuel:
  frame->pc = pc;
  fiber.depth = static_cast<uint32_t>(frame - fiber.frames.data()) + 1;
raise:
  // An error costs too: one that its own handler raises again comes to an end.
  if (--fuel <= 0) {
    if (fuel_reserve_) {
      aborted_ = true;
      fuel_ = 0;
      raised_ = Ref();
      return Run::kFinished;
    }
    // What is left is for clean-up.
    fuel_reserve_ = true;
    fuel = std::max<int64_t>(static_cast<int64_t>(limits_.fuel / 10), 1000);
    raised_ = make_limit_error("the run has computed too long without waiting");
  }
  if (!handle_error(fiber)) {
    fuel_ = fuel;
    return Run::kFinished;
  }
  RELOAD();
  GO();

#undef RELOAD
#undef GO
#undef NEXT
#undef JUMP
#undef OVERFLOW
}

}  // namespace rbk::vm
