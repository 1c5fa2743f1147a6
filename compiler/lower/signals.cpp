// Signals, and the first of several waits. What a signal gives is a form: the fields of the record
// that it brings, then `payload`, all of what it brings, and `sender`.
#include "compiler/lower/body.h"

namespace rbk::lower {

using Shape = check::Type::Shape;

void Body::signal_into(ExprId id, const syntax::WaitSignalExpr& node, Reg to) {
  TemporaryScope scope(code_);
  const Reg timeout = node.timeout.valid() ? clause_time(node.timeout, "timeout") : kNoReg;
  Reg by = kNoReg;
  if (!node.by.empty()) {
    by = temporary(Kind::kRef);
    people_into(node.by, by);
  }
  const check::TypeId form = info(id).value_type;
  await_signal(node.signal.text, payload_of(form), timeout, by, form, to);
}

/// What a signal brings, by the type of what it gives.
check::TypeId Body::payload_of(check::TypeId form) const {
  const auto& fields = checked_type(form).fields;
  return fields.at(fields.size() - 2).second;
}

void Body::await_signal(const std::string& name, check::TypeId payload_type, Reg timeout, Reg by,
                        check::TypeId form, Reg to) {
  bytecode::Type made;
  made.shape = bytecode::Type::Shape::kRecord;
  made.name = "signal";
  const bytecode::TypeId brought =
      payload_type == check::kNone ? program_.json_type() : type(payload_type);
  made.fields.push_back({"payload", "payload", brought, bytecode::kNone});
  made.fields.push_back({"sender", "sender", program_.string_type(), bytecode::kNone});
  const bytecode::TypeId given_type = program_.type_of(std::move(made));
  const Reg given = to == kNoReg ? kNoReg : temporary(Kind::kRef);
  code_.emit(Op::kWaitSignal, given, program_.narrow(program_.string_constant(name), "constants"),
             program_.narrow(given_type, "types"));
  code_.extra(timeout, by);
  if (to == kNoReg) return;
  const Reg payload = temporary(kind(payload_type));
  code_.emit(Op::kGetField, payload, given, 0);
  const auto& fields = checked_type(form).fields;
  std::vector<Slot> slots;
  for (size_t i = 0; i < fields.size(); ++i) {
    slots.push_back({kind(fields[i].second), [&, i](Reg reg) {
                       if (i + 1 == fields.size()) {
                         code_.emit(Op::kGetField, reg, given, 1);
                       } else if (i + 2 == fields.size()) {
                         code_.move(reg, payload);
                       } else {
                         const uint16_t place = field_of(payload_type, fields[i].first);
                         code_.emit(Op::kGetField, reg, payload, place);
                       }
                     }});
  }
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kMakeRecord, to, program_.narrow(type(form), "types"), first, slots.size());
}

/// The place of a record's field.
uint16_t Body::field_of(check::TypeId record, const std::string& name) const {
  const auto& declared = program_.symbol(checked_type(record).symbol).fields;
  size_t place = 0;
  while (place + 1 < declared.size() && declared[place].name != name) ++place;
  return static_cast<uint16_t>(place);
}

// ---- The first of several

void Body::wait_first_into(ExprId id, const syntax::WaitFirstExpr& node, Reg to) {
  TemporaryScope scope(code_);
  const std::vector<SymbolId>& symbols = module_->expr_symbols.at(id.index);
  std::vector<Slot> closures;
  for (size_t i = 0; i < node.arms.size(); ++i) {
    const syntax::WaitFirstExpr::Arm& arm = node.arms[i];
    const std::string name = code_.name() + "/first" + std::to_string(++unnamed_);
    const Captures captures = arm.work.valid()    ? captures_of(arm.work)
                              : arm.value.valid() ? captures_of(arm.value)
                                                  : Captures();
    const SymbolId binding = i < symbols.size() ? symbols[i] : check::kNone;
    const uint32_t function = program_.reserve_function(name);
    Body branch(program_, *module_, name, Role::kBranch, function);
    branch.take_captures(*this, captures);
    branch.case_branch(arm, binding == check::kNone ? check::kNone : program_.symbol(binding).type);
    closures.push_back({Kind::kRef, [this, function, captures](Reg reg) {
                          code_.move(reg, closure(function, captures));
                        }});
  }
  if (closures.empty()) return fault(ast()[id].span, "a `wait first` without a case");
  const Reg first = fill_run(closures);
  const Reg winner = temporary(Kind::kInt);
  const Reg given = temporary(Kind::kRef);
  code_.emit_run(Op::kWaitFirst, winner, given, first, closures.size());
  code_.extra(static_cast<uint16_t>(closures.size()));
  const Label end = code_.label();
  for (size_t i = 0; i < node.arms.size(); ++i) {
    const Label next = code_.label();
    const bool is_last = i + 1 == node.arms.size();
    if (!is_last)
      code_.jump_compare(Op::kJumpNeInt, winner, load_number(Kind::kInt, static_cast<int64_t>(i)),
                         next);
    if (i < symbols.size() && symbols[i] != check::kNone) {
      code_.move(declare(symbols[i]), given);
      note_defined(symbols[i]);
    }
    block_into(node.arms[i].body, to);
    if (!is_last) code_.jump(end);
    code_.bind(next);
  }
  code_.bind(end);
}

/// The whole function of one case: its wait, and what a signal gives if it has a name (`form`).
void Body::case_branch(const syntax::WaitFirstExpr::Arm& arm, check::TypeId form) {
  using ArmKind = syntax::WaitFirstExpr::Arm::Kind;
  const Reg result = code_.local(Kind::kRef, {});
  scope(result, {}, [&] {
    TemporaryScope temporaries(code_);
    code_.emit(Op::kLoadNull, result);
    place(arm.span);
    switch (arm.kind) {
      case ArmKind::kSignal: {
        const check::TypeId payload = form != check::kNone ? payload_of(form)
                                      : arm.type.valid()   ? module_->type_refs.at(arm.type.index)
                                                           : check::kNone;
        return await_signal(arm.signal.text, payload, kNoReg, kNoReg, form,
                            form == check::kNone ? kNoReg : result);
      }
      case ArmKind::kUntil:
        return code_.emit(Op::kSleepUntil, value(arm.value));
      case ArmKind::kDuration:
        return code_.emit(Op::kSleep, value(arm.value));
      case ArmKind::kWork:
        return statement(arm.work);
    }
  });
  finish(program_.json_type());
}

}  // namespace rbk::lower
