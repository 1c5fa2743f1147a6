// Calls that are no steps: functions, closures, natives, log and run.
#include "compiler/lower/body.h"
#include "vm/bytecode/op_table.h"

namespace rbk::lower {

using check::kNone;
using Shape = check::Type::Shape;

Reg Body::fill_run(const std::vector<Slot>& slots) {
  if (slots.empty()) return 0;
  if (slots.size() == 1 && slots.front().ready != kNoReg) return slots.front().ready;
  std::vector<Kind> kinds;
  kinds.reserve(slots.size());
  for (const Slot& slot : slots) kinds.push_back(slot.kind);
  const Reg first = code_.temporaries(kinds);
  for (size_t i = 0; i < slots.size(); ++i) {
    const auto reg = static_cast<Reg>(first + i);
    // Temporaries of one slot serve the next.
    TemporaryScope scope(code_);
    if (slots[i].fill) {
      slots[i].fill(reg);
    } else {
      code_.move(reg, slots[i].ready);
    }
  }
  return first;
}

Body::Slot Body::slot_of(ExprId id) {
  return Slot{kind(info(id).type), [this, id](Reg to) { into(id, to); }, existing(id)};
}

void Body::call_into(ExprId id, const syntax::CallExpr& node, Reg to) {
  const Meaning* meaning = module_->meaning(id);
  const Span span = ast()[id].span;
  if (meaning == nullptr) return fault(span, "a call without a meaning");
  switch (meaning->kind) {
    case Meaning::Kind::kCallFunction: {
      const Reg first = arguments(meaning->symbol, meaning->arguments);
      place(span);
      return call_function_into(program_.function_of(meaning->symbol), meaning->symbol, first, to);
    }
    case Meaning::Kind::kCallRunbook:
    case Meaning::Kind::kCallAction:
      return call_as_step(id, to);
    case Meaning::Kind::kCallClosure:
      return closure_call_into(node, *meaning, to);
    case Meaning::Kind::kCallNative:
      return native_call_into(id, node, *meaning, to);
    case Meaning::Kind::kCallTypeFunction: {
      std::vector<Slot> slots;
      for (const ExprId argument : meaning->arguments) slots.push_back(slot_of(argument));
      place(span);
      native_into(meaning->native, slots,
                  to != kNoReg ? to : temporary(native_result(meaning->native, kNone)));
      return;
    }
    case Meaning::Kind::kCallLoop:
      place(span);
      return call_loop_into(id, node, *meaning, to);
    case Meaning::Kind::kCallNow:
      code_.emit(Op::kNow, to != kNoReg ? to : temporary(Kind::kTime));
      return;
    case Meaning::Kind::kCallRandom: {
      place(span);
      const check::TypeId drawn = info(id).value_type;
      const Reg into_reg = to != kNoReg ? to : temporary(kind(drawn));
      if (meaning->arguments.empty() || !meaning->arguments.front().valid())
        code_.emit(Op::kRandom, into_reg);
      else
        code_.emit(Op::kRandomIn, into_reg, value(meaning->arguments.front()));
      return;
    }
    case Meaning::Kind::kCallEmit:
      place(span);
      emit(*meaning);
      if (to != kNoReg) code_.emit(Op::kLoadNull, to);
      return;
    case Meaning::Kind::kCallIdentifier:
      place(span);
      return native_into("sql.ident", {slot_of(meaning->arguments.at(0))},
                         to != kNoReg ? to : temporary(Kind::kRef));
    case Meaning::Kind::kCallRawCommand:
      if (to != kNoReg) into(meaning->arguments.at(0), to);
      return;
    case Meaning::Kind::kCallTested:
      return tested_into(*meaning, to, info(id).value_type);
    case Meaning::Kind::kCallsOf:
      return calls_into(*meaning, to != kNoReg ? to : temporary(Kind::kRef), info(id).value_type);
    case Meaning::Kind::kCallSecret:
      return secret_into(*meaning, to != kNoReg ? to : temporary(Kind::kRef));
    case Meaning::Kind::kEnumMember:
      return enum_into(id, *meaning, to != kNoReg ? to : temporary(Kind::kRef));
    default:
      fault(span, "a call that has no meaning yet");
  }
}

Reg Body::arguments(SymbolId callable, const std::vector<ExprId>& written) {
  return fill_run(field_slots(program_.symbol(callable).fields, callable, written, false));
}

void Body::call_function_into(uint16_t function, SymbolId symbol, Reg first, Reg to) {
  const check::TypeId result = program_.symbol(symbol).result;
  const bool has_result = result != kNone && checked_type(result).shape != Shape::kNothing;
  code_.emit_run(Op::kCall, has_result ? to : kNoReg, function, first,
                 program_.symbol(symbol).fields.size());
  if (!has_result && to != kNoReg) code_.emit(Op::kLoadNull, to);
}

void Body::closure_call_into(const syntax::CallExpr& node, const Meaning& meaning, Reg to) {
  const check::TypeId function = info(node.callee).type;
  const check::TypeId result = element_of(function);
  const bool has_result = result != kNone && checked_type(result).shape != Shape::kNothing;
  const Reg callee = stable_value(node.callee);
  std::vector<Slot> slots;
  for (const ExprId argument : meaning.arguments) slots.push_back(slot_of(argument));
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kCallClosure, has_result ? to : kNoReg, callee, first, slots.size());
  if (!has_result && to != kNoReg) code_.emit(Op::kLoadNull, to);
}

Kind Body::native_result(std::string_view name, check::TypeId generic) const {
  const bytecode::NativeInfo* native = bytecode::find_native(name);
  switch (native == nullptr ? 'R' : native->result) {
    case 'B':
      return Kind::kBool;
    case 'I':
      return Kind::kInt;
    case 'F':
      return Kind::kFloat;
    case 'D':
      return Kind::kDuration;
    case 'Z':
      return Kind::kSize;
    case 'T':
      return Kind::kTime;
    case 'A':
      return kind(is_optional(generic) ? element_of(generic) : generic);
    default:
      return Kind::kRef;
  }
}

void Body::native_into(std::string_view name, const std::vector<Slot>& arguments, Reg to) {
  const uint16_t native = program_.native(name);
  const Reg first = fill_run(arguments);
  code_.emit_run(Op::kCallNative, to, native, first, arguments.size());
}

void Body::native_call_into(ExprId id, const syntax::CallExpr& node, const Meaning& meaning,
                            Reg to) {
  const check::TypeId of = info(id).value_type;
  const auto* callee = std::get_if<syntax::MemberExpr>(&ast()[node.callee].node);
  if (callee == nullptr) return fault(ast()[id].span, "a native without a receiver");
  const Kind result = native_result(meaning.native, of);
  if (to == kNoReg) {
    to = temporary(callee->optional && is_optional(info(callee->base).type) ? Kind::kRef : result);
  }
  place(ast()[id].span);
  // The receiver must still be what it was when the arguments have been evaluated.
  with_receiver(
      callee->base, callee->optional, result, to, [&](Reg base, check::TypeId, Reg where) {
        // These change the list or map in place when nothing else holds it.
        if (meaning.native == "list.append") {
          code_.emit(Op::kListAppend, where, base, value(meaning.arguments.at(0)));
          return;
        }
        if (meaning.native == "map.put") {
          const Reg entry =
              fill_run({slot_of(meaning.arguments.at(0)), slot_of(meaning.arguments.at(1))});
          code_.emit_run(Op::kMapPut, where, base, entry, 2);
          return;
        }
        std::vector<Slot> slots{
            Slot{code_.kind(base), [this, base](Reg reg) { code_.move(reg, base); }, base}};
        for (const ExprId argument : meaning.arguments) {
          slots.push_back(slot_of(argument));
        }
        native_into(meaning.native, slots, where);
      });
}

void Body::emit(const Meaning& meaning) {
  std::string name = meaning.native;
  if (name.starts_with("run.")) name = name.substr(4);
  std::vector<Reg> values;
  for (const ExprId argument : meaning.arguments) {
    if (!argument.valid()) continue;
    const Reg given = stable_value(argument);
    const Reg boxed = code_.kind(given) == Kind::kRef ? given : temporary(Kind::kRef);
    box(boxed, given);
    values.push_back(boxed);
  }
  if (values.empty() || values.size() > 2) {
    program_.fault(ErrorKind::kInternal, *module_, Span(), "`" + name + "` takes one value or two");
    return;
  }
  const uint32_t constant = program_.string_constant(name);
  code_.emit(Op::kEmit, program_.narrow(constant, "constants"), values[0],
             values.size() == 2 ? values[1] : kNoReg);
}

void Body::lambda_into(ExprId id, const syntax::LambdaExpr& node, Reg to) {
  const Captures captures = captures_of(id);
  const std::string name = code_.name() + "/fn" + std::to_string(++unnamed_);
  const uint32_t index = program_.reserve_function(name);
  const check::Type& of = checked_type(info(id).value_type);
  {
    Body body(program_, *module_, name, Role::kPure, index);
    body.take_captures(*this, captures);
    body.lambda(id, node, of.parameters, of.element);
  }
  const Reg made = closure(index, captures);
  code_.move(to, made);
}

void Body::lambda(ExprId id, const syntax::LambdaExpr& node,
                  const std::vector<check::TypeId>& types, check::TypeId result) {
  const std::vector<SymbolId>& symbols = module_->expr_symbols.at(id.index);
  for (size_t i = 0; i < types.size(); ++i) {
    const SymbolId symbol = i < symbols.size() ? symbols[i] : kNone;
    const Reg reg = code_.parameter(kind(types[i]),
                                    symbol == kNone ? std::string() : program_.symbol(symbol).name);
    bind(symbol, reg);
  }
  check_own(node.params, {});
  const bool has_result = result != kNone && checked_type(result).shape != Shape::kNothing;
  exits_.push_back({Exit::Kind::kFunction, kNoReg, {}, {}});
  {
    TemporaryScope scope(code_);
    if (node.block.valid()) {
      block(node.block);
    } else if (has_result) {
      const Reg made = value(node.value);
      code_.leave(Op::kReturn, made);
    } else {
      discard(node.value);
    }
  }
  exits_.pop_back();
  finish(has_result ? type(result) : bytecode::kNone);
}

}  // namespace rbk::lower
