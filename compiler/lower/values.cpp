// Values with parts: ranges, lists, records, maps, JSON, enums, errors; casts.
#include "compiler/lower/body.h"

namespace rbk::lower {

using check::kNone;
using syntax::BraceExpr;
using Shape = check::Type::Shape;

void Body::range_into(ExprId id, const syntax::RangeExpr& node, Reg to) {
  const check::TypeId range = info(id).value_type;
  if (node.half_open) {
    // A range value has both ends.
    const Kind ends = kind(element_of(range));
    const auto last = [&](Reg reg) {
      code_.emit(Op::kAddImm, reg, value(node.high), static_cast<uint16_t>(int16_t{-1}));
    };
    const Reg first = fill_run({slot_of(node.low), Slot{ends, last}});
    code_.emit_run(Op::kMakeRange, to, program_.narrow(type(range), "types"), first, 2);
    return;
  }
  const Reg first = fill_run({slot_of(node.low), slot_of(node.high)});
  code_.emit_run(Op::kMakeRange, to, program_.narrow(type(range), "types"), first, 2);
}

void Body::list_into(ExprId id, const syntax::ListExpr& node, Reg to) {
  std::vector<Slot> slots;
  for (const ExprId item : node.items) slots.push_back(slot_of(item));
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kMakeList, to, program_.narrow(type(info(id).value_type), "types"), first,
                 slots.size());
  code_.extra(static_cast<uint16_t>(slots.size()));
}

void Body::brace_into(ExprId id, const BraceExpr& node, Reg to) {
  switch (node.kind) {
    case BraceExpr::Kind::kRecord:
      if (checked_type(info(id).value_type).shape == Shape::kErrorKind) {
        return error_into(id, node, to);
      }
      return record_into(id, node, to);
    case BraceExpr::Kind::kMap:
    case BraceExpr::Kind::kEnv:
      return map_into(node, type(info(id).value_type), to);
    case BraceExpr::Kind::kJson: {
      const bytecode::TypeId map = program_.map_type(program_.string_type(), program_.json_type());
      const Reg made = temporary(Kind::kRef);
      map_into(node, map, made);
      code_.emit(Op::kToJson, to, made, program_.narrow(map, "types"));
      return;
    }
  }
}

void Body::map_into(const BraceExpr& node, bytecode::TypeId map, Reg to) {
  std::vector<Slot> slots;
  for (const syntax::Entry& entry : node.entries) {
    if (entry.key.valid()) {
      slots.push_back(slot_of(entry.key));
    } else {
      const uint32_t name = program_.string_constant(entry.name.text);
      slots.push_back({Kind::kRef, [this, name](Reg reg) { code_.load_constant(reg, name); }});
    }
    slots.push_back(slot_of(entry.value));
  }
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kMakeMap, to, program_.narrow(map, "types"), first, slots.size());
  code_.extra(static_cast<uint16_t>(slots.size() / 2));
}

std::vector<Body::Slot> Body::field_slots(const std::vector<check::Field>& fields, SymbolId owner,
                                          const std::vector<ExprId>& written, bool as_refs) {
  std::vector<Slot> slots;
  for (size_t i = 0; i < fields.size(); ++i) {
    const check::Field& field = fields[i];
    const ExprId given = i < written.size() ? written[i] : ExprId();
    const bool has_default = field.written != nullptr && field.written->default_value.valid();
    const ExprId default_value = has_default ? field.written->default_value : ExprId();
    if (!given.valid() && !has_default) {
      slots.push_back({Kind::kRef, [this](Reg to) { code_.emit(Op::kLoadNull, to); }});
      continue;
    }
    const auto fill = [this, given, default_value, owner, i](Reg to) {
      if (given.valid()) {
        into(given, to);
      } else {
        default_into(default_value, owner, i, to);
      }
    };
    if (as_refs && kind(field.type) != Kind::kRef) {
      const Kind raw = given.valid() ? kind(info(given).type) : kind(field.type);
      slots.push_back({Kind::kRef, [this, fill, raw](Reg to) {
                         const Reg plain = raw == Kind::kRef ? to : temporary(raw);
                         fill(plain);
                         box(to, plain);
                       }});
    } else {
      slots.push_back({kind(field.type), fill, given.valid() ? existing(given) : kNoReg});
    }
  }
  return slots;
}

void Body::default_into(ExprId id, SymbolId owner, size_t index, Reg to) {
  // It may use the parameters before it, whose values stand in the registers before `to`.
  const std::vector<SymbolId>& parameters = program_.symbol(owner).parameters;
  std::vector<std::pair<SymbolId, Reg>> hidden;
  for (size_t i = 0; i < index && i < parameters.size(); ++i) {
    hidden.emplace_back(parameters[i], local(parameters[i]));
    locals_[parameters[i]] = static_cast<Reg>(to - (index - i));
  }
  {
    ModuleScope scope(*this, program_.module_of(owner));
    into(id, to);
  }
  for (const auto& [parameter, reg] : hidden) {
    if (reg == kNoReg) {
      locals_.erase(parameter);
    } else {
      locals_[parameter] = reg;
    }
  }
}

void Body::record_into(ExprId id, const BraceExpr& node, Reg to) {
  const Meaning* meaning = module_->meaning(id);
  const check::Type& of = checked_type(info(id).value_type);
  if (of.shape != Shape::kRecord || (meaning == nullptr && !node.entries.empty())) {
    return fault(ast()[id].span, "a brace of no record");
  }
  const std::vector<ExprId> none;
  const auto slots = field_slots(program_.symbol(of.symbol).fields, of.symbol,
                                 meaning == nullptr ? none : meaning->arguments, false);
  const Reg first = fill_run(slots);
  check_record(of.symbol, kNone, first);
  code_.emit_run(Op::kMakeRecord, to, program_.narrow(type(info(id).value_type), "types"), first,
                 slots.size());
}

void Body::error_into(ExprId id, const BraceExpr& node, Reg to) {
  const Meaning* meaning = module_->meaning(id);
  const check::Type& of = checked_type(info(id).value_type);
  if (meaning == nullptr && !node.entries.empty()) {
    return fault(ast()[id].span, "a brace of no error");
  }
  const std::vector<ExprId> none;
  const std::vector<ExprId>& written = meaning == nullptr ? none : meaning->arguments;
  const std::vector<check::Field>& fields = program_.symbol(of.symbol).fields;
  const auto slots = field_slots(fields, of.symbol, written, true);
  const Reg first = fill_run(slots);
  const auto extra = [&](size_t index) {
    return index < written.size() && written[index].valid() ? value(written[index]) : kNoReg;
  };
  const Reg message = extra(fields.size());
  const Reg retryable = extra(fields.size() + 1);
  code_.emit_run(Op::kMakeError, to, program_.narrow(type(info(id).value_type), "types"), first,
                 slots.size());
  code_.extra(message, retryable);
}

Reg Body::make_error(std::string_view core_kind, Reg message) {
  const bytecode::TypeId of = program_.core_error(core_kind);
  const size_t fields = program_.type_at(of).fields.size();
  const std::vector<Slot> nulls(
      fields, Slot{Kind::kRef, [this](Reg to) { code_.emit(Op::kLoadNull, to); }});
  const Reg first = fill_run(nulls);
  const Reg error = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeError, error, program_.narrow(of, "types"), first, fields);
  code_.extra(message, kNoReg);
  return error;
}

void Body::raise(std::string_view core_kind, Reg message) {
  code_.leave(Op::kRaise, make_error(core_kind, message));
}

void Body::fail_with(const syntax::FailExpr& node) {
  const Shape shape = checked_type(info(node.error).type).shape;
  const Reg given = value(node.error);
  if (shape == Shape::kString) {
    raise("Failed", given);
  } else {
    code_.leave(Op::kRaise, given);
  }
}

void Body::enum_into(ExprId id, const Meaning& meaning, Reg to) {
  const bytecode::TypeId of = type(info(id).value_type);
  const uint16_t operand = program_.narrow(of, "types");
  if (meaning.symbol == kNone) {
    if (meaning.arguments.empty()) return fault(ast()[id].span, "a Result without its value");
    const Reg held = value(meaning.arguments.front());
    code_.emit(meaning.index == 0 ? Op::kMakeResult : Op::kMakeErrorResult, to, operand, held);
    return;
  }
  const auto& members = program_.symbol(meaning.symbol).members;
  const std::vector<check::Field>& payload = members.at(meaning.index).payload;
  if (payload.empty()) {
    bytecode::Constant constant;
    constant.type = of;
    constant.bits = meaning.index;
    code_.load_constant(to, program_.constant(std::move(constant)));
    return;
  }
  const auto slots = field_slots(payload, meaning.symbol, meaning.arguments, false);
  const Reg first = fill_run(slots);
  check_record(meaning.symbol, meaning.index, first);
  code_.emit_run(Op::kMakeEnum, to, operand, first, slots.size());
  code_.extra(static_cast<uint16_t>(meaning.index));
}

void Body::cast_into(ExprId id, const syntax::CastExpr& node, Reg to) {
  const check::TypeId from = info(node.value).type;
  const check::TypeId wanted = info(id).value_type;
  const Shape from_shape = checked_type(from).shape;
  const Shape wanted_shape = checked_type(wanted).shape;
  const Reg given = value(node.value);
  if (from == wanted) {
    code_.move(to, given);
  } else if (wanted_shape == Shape::kJson) {
    code_.emit(Op::kToJson, to, given, program_.narrow(type(from), "types"));
  } else if (from_shape == Shape::kJson) {
    code_.emit(Op::kFromJson, to, given, program_.narrow(type(wanted), "types"));
  } else if (wanted_shape == Shape::kFloat && code_.kind(given) != Kind::kRef) {
    code_.emit(Op::kIntToFloat, to, given);
  } else if (from_shape == Shape::kFloat && wanted_shape == Shape::kInt) {
    code_.emit(Op::kFloatToInt, to, given);
  } else if (wanted_shape == Shape::kString) {
    to_text(given, from, to);
  } else if (code_.kind(given) == Kind::kRef && code_.kind(to) == Kind::kRef) {
    code_.move(to, given);
  } else {
    // By way of JSON, which every other value that can be cast has.
    const Reg json = temporary(Kind::kRef);
    code_.emit(Op::kToJson, json, given, program_.narrow(type(from), "types"));
    code_.emit(Op::kFromJson, to, json, program_.narrow(type(wanted), "types"));
  }
}

}  // namespace rbk::lower
