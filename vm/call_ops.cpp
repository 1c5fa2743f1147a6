// Operations: closures, natives, constants, boxes.
#include <fmt/format.h>

#include "vm/bytecode/op_table.h"
#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

using bytecode::kNoRegister;

void Execution::set(Slot& slot, Ref value) {
  Object* old = slot.o;
  slot.o = value.give();
  release(old);
}

/// A value whose kind is only known now goes into a register.
Next Execution::set_checked(Slot& slot, Kind wanted, Value value) {
  if (value.kind() != wanted) {
    return raise("ProgramError",
                 fmt::format("the program is malformed: a {} goes to a register of kind {}",
                             bytecode::name_of(value.kind()), bytecode::name_of(wanted)));
  }
  if (wanted == Kind::kRef) {
    set(slot, Ref(value.give().o));
  } else {
    slot = value.slot();
  }
  return Next::kNext;
}

/// A part of an object, shared, into register `a`.
Next Execution::set_part(Slot* r, uint16_t a, Slot part, Kind kind) {
  return set_checked(r[a], kinds()[a], Value::to(kind, part));
}

Next Execution::op_LoadConst(Slot* r, const Instruction* at) {
  return set_checked(r[at->a], kinds()[at->a], image_.constant(static_cast<uint32_t>(at->wide())));
}

Next Execution::op_Box(Slot* r, const Instruction* at) {
  const Kind kind = kinds()[at->b];
  retain(r[at->b], kind);
  set(r[at->a], boxed(heap_, kind, r[at->b]));
  return Next::kNext;
}

Next Execution::op_Unbox(Slot* r, const Instruction* at) {
  Object* object = r[at->b].o;
  const Kind wanted = kinds()[at->a];
  if (object == nullptr) return raise("NullError", "the value is null");
  if (wanted == Kind::kRef) {
    set(r[at->a], Ref::to(object));
    return Next::kNext;
  }
  if (object->tag != Tag::kBox) return raise_wrong(object, "a boxed value");
  return set_part(r, at->a, static_cast<const Box*>(object)->value, object->kind);
}

Next Execution::op_FloatToInt(Slot* r, const Instruction* at) {
  const double value = r[at->b].f;
  if (!(value > -9223372036854777856.0 && value < 9223372036854775808.0)) {
    return raise("ArithmeticError", float_text(value) + " is no int");
  }
  r[at->a].i = static_cast<int64_t>(value);
  return Next::kNext;
}

Next Execution::op_CallClosure(Slot* r, const Instruction* at) {
  Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kClosure) return raise_wrong(object, "a function");
  const Ref keep = Ref::to(object);
  const auto& closure = *static_cast<const Closure*>(object);
  const Code& code = image_.code(closure.function);
  const Code& caller = *fiber_->top().code;
  const uint32_t given = code.parameters - closure.size;
  bool fits = at->c + given <= caller.registers && (!caller.pure || code.pure);
  for (uint32_t i = 0; i < given && fits; ++i) {
    fits = caller.kinds[at->c + i] == code.kinds[closure.size + i];
  }
  if (fits && at->a != kNoRegister) {
    fits = caller.kinds[at->a] == (code.has_result ? code.result : Kind::kRef);
  }
  if (!fits) return raise_wrong(object, "a function with other parameters or another result");
  if (!grow(*fiber_, code.registers)) {
    return raise(make_limit_error("calls are nested too deep"));
  }
  Slot* below = fiber_->registers();  // the stack may have moved
  enter_closure(*fiber_, closure, Frame::Purpose::kCall);
  Slot* registers = fiber_->registers();
  for (uint32_t i = 0; i < given; ++i) {
    registers[closure.size + i] = below[at->c + i];
    retain(registers[closure.size + i], code.kinds[closure.size + i]);
  }
  if (!code.pure) clear_dead(fiber_->frames[fiber_->depth - 2], below);
  return Next::kEnter;
}

Next Execution::op_CallNative(Slot* r, const Instruction* at) {
  NativeCall call{.heap = heap_,
                  .patterns = image_.patterns(),
                  .arguments = r + at->c,
                  .kinds = kinds() + at->c,
                  .result = {},
                  .error_kind = {},
                  .message = native_message_};
  if (!image_.native(at->b)(call)) return raise(call.error_kind, call.message);
  if (heap_.fault != Fault::kNone) return Next::kNext;  // the loop raises
  return set_checked(r[at->a], kinds()[at->a], std::move(call.result));
}

Next Execution::op_MakeClosure(Slot* r, const Instruction* at) {
  const uint16_t count = at[1].a;
  const Code& code = image_.code(at->b);
  Closure* closure = new_closure(heap_, at->b, code.kinds, count);
  for (uint32_t i = 0; i < count; ++i) {
    closure->captures()[i] = r[at->c + i];
    retain(r[at->c + i], code.kinds[i]);
  }
  settle(closure);
  set(r[at->a], Ref(closure));
  return Next::kNext;
}

Next Execution::op_EqRef(Slot* r, const Instruction* at) {
  r[at->a].i = equal(r[at->b].o, r[at->c].o) ? 1 : 0;
  return Next::kNext;
}

Next Execution::op_LtString(Slot* r, const Instruction* at) {
  const String* b = as_string(r[at->b].o);
  const String* c = as_string(r[at->c].o);
  if (b == nullptr || c == nullptr)
    return raise_wrong(b == nullptr ? r[at->b].o : r[at->c].o, "text");
  r[at->a].i = b->view() < c->view() ? 1 : 0;
  return Next::kNext;
}

Next Execution::op_LeString(Slot* r, const Instruction* at) {
  const String* b = as_string(r[at->b].o);
  const String* c = as_string(r[at->c].o);
  if (b == nullptr || c == nullptr)
    return raise_wrong(b == nullptr ? r[at->b].o : r[at->c].o, "text");
  r[at->a].i = b->view() <= c->view() ? 1 : 0;
  return Next::kNext;
}

}  // namespace rbk::vm
