// What follows a value: `.name`, `[index]`, `[from..to]`.
#include "compiler/lower/body.h"

namespace rbk::lower {

using Shape = check::Type::Shape;

void Body::with_receiver(ExprId base, bool optional, Kind result, Reg to, const OnReceiver& inner) {
  const check::TypeId of = info(base).type;
  const Reg receiver = value(base);
  if (!is_optional(of)) {
    inner(receiver, of, to);
    return;
  }
  if (!optional) {  // only a test may: that it is null is what it then fails with
    const Label missing = code_.label();
    const Label there = code_.label();
    const check::TypeId wanted = element_of(of);
    code_.jump_on(Op::kJumpIfNull, receiver, missing);
    code_.jump(there);
    code_.bind(missing);
    raise("NullError", load_text("`" + text_of(ast()[base].span) + "` is null"));
    code_.bind(there);
    const Reg present = kind(wanted) == Kind::kRef ? receiver : temporary(kind(wanted));
    if (present != receiver) code_.emit(Op::kUnbox, present, receiver);
    inner(present, wanted, to);
    return;
  }
  const Label none = code_.label();
  const Label end = code_.label();
  const check::TypeId held = element_of(of);
  code_.jump_on(Op::kJumpIfNull, receiver, none);
  Reg present = receiver;
  if (kind(held) != Kind::kRef) {
    present = temporary(kind(held));
    code_.emit(Op::kUnbox, present, receiver);
  }
  if (result == code_.kind(to)) {
    inner(present, held, to);
  } else {
    const Reg plain = temporary(result);
    inner(present, held, plain);
    box(to, plain);
  }
  code_.jump(end);
  code_.bind(none);
  code_.emit(Op::kLoadNull, to);
  code_.bind(end);
}

/// The output of a run that a test made; it has none if it did not end well.
void Body::output_into(const syntax::MemberExpr& node, uint16_t index, Reg to) {
  const Label missing = code_.label();
  const Label there = code_.label();
  const Reg boxed = temporary(Kind::kRef);
  code_.emit(Op::kGetField, boxed, value(node.base), index);
  code_.jump_on(Op::kJumpIfNull, boxed, missing);
  code_.jump(there);
  code_.bind(missing);
  raise("Failed", load_text("`" + text_of(ast()[node.base].span) +
                            "` has no output: the run did not succeed"));
  code_.bind(there);
  unbox(to, boxed);
}

void Body::member_into(ExprId id, const syntax::MemberExpr& node, Reg to) {
  const Meaning* meaning = module_->meaning(id);
  const Span span = ast()[id].span;
  if (meaning == nullptr) return fault(span, "a member without a meaning");
  const auto on_receiver = [&](Kind result, const OnReceiver& inner) {
    with_receiver(node.base, node.optional, result, to, inner);
  };
  const auto simple = [&](Op op, Kind result) {
    on_receiver(result,
                [this, op](Reg base, check::TypeId, Reg where) { code_.emit(op, where, base); });
  };
  switch (meaning->kind) {
    case Meaning::Kind::kSymbol:
      return symbol_into(id, meaning->symbol, to);
    case Meaning::Kind::kEnumMember:
      return enum_into(id, *meaning, to);
    case Meaning::Kind::kField: {
      const check::TypeId base = info(node.base).type;
      const check::Type& holder = checked_type(is_optional(base) ? element_of(base) : base);
      const bool is_error = holder.shape == Shape::kErrorKind || holder.shape == Shape::kError;
      const auto index = static_cast<uint16_t>(meaning->index);
      if (holder.shape == Shape::kError) {
        const auto of = program_.narrow(type(program_.symbol(meaning->symbol).type), "types");
        on_receiver(Kind::kRef, [this, of, index](Reg from, check::TypeId, Reg where) {
          const Label other = code_.label();
          const Label end = code_.label();
          const Reg is_kind = temporary(Kind::kBool);
          code_.emit(Op::kErrorIs, is_kind, from, of);
          code_.jump_on(Op::kJumpUnless, is_kind, other);
          code_.emit(Op::kGetField, where, from, index);
          code_.jump(end);
          code_.bind(other);
          code_.emit(Op::kLoadNull, where);
          code_.bind(end);
        });
        return;
      }
      const check::TypeId field = holder.shape == Shape::kForm
                                      ? holder.fields.at(meaning->index).second
                                      : program_.symbol(holder.symbol).fields.at(index).type;
      if (ends_in_output(holder) && index + 1u == holder.fields.size() && !is_optional(field))
        return output_into(node, index, to);
      on_receiver(is_error ? code_.kind(to) : kind(field),
                  [this, index, is_error](Reg from, check::TypeId, Reg where) {
                    if (!is_error || code_.kind(where) == Kind::kRef) {
                      code_.emit(Op::kGetField, where, from, index);
                      return;
                    }
                    const Reg boxed = temporary(Kind::kRef);  // each field of an error may be unset
                    code_.emit(Op::kGetField, boxed, from, index);
                    code_.emit(Op::kUnbox, where, boxed);
                  });
      return;
    }
    case Meaning::Kind::kErrorMessage:
      return simple(Op::kErrorMessage, Kind::kRef);
    case Meaning::Kind::kErrorKindName:
      return simple(Op::kErrorKindName, Kind::kRef);
    case Meaning::Kind::kErrorRetryable:
      return simple(Op::kErrorRetryable, Kind::kBool);
    case Meaning::Kind::kJsonField:
      on_receiver(Kind::kRef, [&](Reg base, check::TypeId, Reg where) {
        code_.emit(Op::kJsonField, where, base, load_text(node.name.text));
      });
      return;
    case Meaning::Kind::kNativeProperty: {
      const check::TypeId of = info(id).value_type;
      const Kind result = native_result(meaning->native, of);
      on_receiver(result, [&](Reg base, check::TypeId, Reg where) {
        native_into(meaning->native, {Slot{code_.kind(base), {}, base}}, where);
      });
      return;
    }
    case Meaning::Kind::kRunInfo: {
      const uint32_t name = program_.string_constant(node.name.text);
      code_.emit(Op::kRunInfo, to, program_.narrow(name, "constants"));
      return;
    }
    case Meaning::Kind::kSecretByName: {
      const bytecode::TypeId secret = program_.shape_type(bytecode::Type::Shape::kSecret);
      code_.load_constant(to, program_.text_constant(secret, node.name.text));
      return;
    }
    case Meaning::Kind::kResultIsOk:
      return simple(Op::kResultIsOk, Kind::kBool);
    case Meaning::Kind::kResultError:
      return simple(Op::kResultError, Kind::kRef);
    case Meaning::Kind::kResultItem:
      return on_receiver(code_.kind(to), [&](Reg base, check::TypeId, Reg where) {
        code_.emit(Op::kResultItem, where, base);
      });
    case Meaning::Kind::kResultValue:
      on_receiver(code_.kind(to), [&](Reg base, check::TypeId of, Reg where) {
        const check::TypeId held = element_of(of);
        if (!is_optional(info(id).value_type) || is_optional(held)) {
          code_.emit(Op::kResultValue, where, base);
          return;
        }
        // As a T?: null where there is an error.
        const Label none = code_.label();
        const Label end = code_.label();
        const Reg is_ok = temporary(Kind::kBool);
        code_.emit(Op::kResultIsOk, is_ok, base);
        code_.jump_on(Op::kJumpUnless, is_ok, none);
        const Reg plain = temporary(kind(held));
        code_.emit(Op::kResultValue, plain, base);
        box(where, plain);
        code_.jump(end);
        code_.bind(none);
        code_.emit(Op::kLoadNull, where);
        code_.bind(end);
      });
      return;
    default:
      fault(span, "`." + node.name.text + "` has no value");
  }
}

void Body::index_into(ExprId id, const syntax::IndexExpr& node, Reg to) {
  place(ast()[id].span);
  const Reg base = operand_before(node.base, node.index);
  const Reg index = value(node.index);
  switch (checked_type(info(node.base).type).shape) {
    case Shape::kList:
      code_.emit(Op::kListGet, to, base, index);
      return;
    case Shape::kMap: {
      if (code_.kind(to) == Kind::kRef) {
        code_.emit(Op::kMapGet, to, base, index);
        return;
      }
      const Reg found = temporary(Kind::kRef);
      code_.emit(Op::kMapGet, found, base, index);
      code_.emit(Op::kUnbox, to, found);
      return;
    }
    case Shape::kJson:
      code_.emit(code_.kind(index) == Kind::kRef ? Op::kJsonField : Op::kJsonIndex, to, base,
                 index);
      return;
    default:
      fault(ast()[id].span, "an index of what has no elements");
  }
}

void Body::slice_into(const syntax::SliceExpr& node, Reg to) {
  const bool is_list = checked_type(info(node.base).type).shape == Shape::kList;
  const Reg base = stable_value(node.base);
  const auto low = [&](Reg reg) {
    if (node.low.valid()) {
      into(node.low, reg);
    } else {
      code_.load_int(reg, 0);
    }
  };
  const auto high = [&](Reg reg) {
    if (!node.high.valid()) {
      native_into(is_list ? "list.length" : "string.length", {Slot{Kind::kRef, {}, base}}, reg);
    } else if (node.half_open) {
      into(node.high, reg);
    } else {
      code_.emit(Op::kAddImm, reg, value(node.high), 1);
    }
  };
  native_into(is_list ? "list.slice" : "string.slice",
              {Slot{Kind::kRef, [&](Reg reg) { code_.move(reg, base); }, base},
               Slot{Kind::kInt, low}, Slot{Kind::kInt, high}},
              to);
}

}  // namespace rbk::lower
