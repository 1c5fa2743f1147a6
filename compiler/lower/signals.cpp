// Signals. What one gives is a form: the fields of the record that it brings, then `payload`, all
// of what it brings, and `sender`.
#include "compiler/lower/body.h"

namespace rbk::lower {

using Shape = check::Type::Shape;

void Body::signal_into(ExprId id, const syntax::WaitSignalExpr& node, Reg to) {
  TemporaryScope scope(code_);
  const Reg timeout = node.timeout.valid() ? stable_value(node.timeout) : kNoReg;
  Reg by = kNoReg;
  if (!node.by.empty()) {
    by = temporary(Kind::kRef);
    people_into(node.by, by);
  }
  await_signal(node.signal.text, info(id).value_type, timeout, by, to);
}

void Body::await_signal(const std::string& name, check::TypeId form, Reg timeout, Reg by, Reg to) {
  const std::vector<std::pair<std::string, check::TypeId>>& fields = checked_type(form).fields;
  const check::TypeId payload_type = fields.at(fields.size() - 2).second;
  bytecode::Type made;
  made.shape = bytecode::Type::Shape::kRecord;
  made.name = "signal";
  made.fields.push_back({"payload", "payload", type(payload_type), bytecode::kNone});
  made.fields.push_back({"sender", "sender", program_.string_type(), bytecode::kNone});
  const bytecode::TypeId given_type = program_.type_of(std::move(made));
  const Reg given = to == kNoReg ? kNoReg : temporary(Kind::kRef);
  code_.emit(Op::kWaitSignal, given, program_.narrow(program_.string_constant(name), "constants"),
             program_.narrow(given_type, "types"));
  code_.extra(timeout, by);
  if (to == kNoReg) return;
  const Reg payload = temporary(kind(payload_type));
  code_.emit(Op::kGetField, payload, given, 0);
  std::vector<Slot> slots;
  for (const auto& [field, of] : fields) {
    slots.push_back({kind(of), [&, &field = field](Reg reg) {
                       if (&field == &fields.back().first) {
                         code_.emit(Op::kGetField, reg, given, 1);
                       } else if (&field == &fields.at(fields.size() - 2).first) {
                         code_.move(reg, payload);
                       } else {
                         const auto& declared =
                             program_.symbol(checked_type(payload_type).symbol).fields;
                         for (size_t i = 0; i < declared.size(); ++i)
                           if (declared[i].name == field)
                             code_.emit(Op::kGetField, reg, payload, static_cast<uint16_t>(i));
                       }
                     }});
  }
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kMakeRecord, to, program_.narrow(type(form), "types"), first, slots.size());
}

}  // namespace rbk::lower
