// Text literals: plain ones are constants, templates are joined from parts that are each encoded
// for where they stand.
#include "compiler/lower/body.h"

namespace rbk::lower {

using check::Encoding;
using Shape = check::Type::Shape;

void Body::to_text(Reg from, check::TypeId of, Reg to) {
  const Shape shape = checked_type(of).shape;
  if (shape == Shape::kString || shape == Shape::kUrl || shape == Shape::kCommand) {
    code_.move(to, from);
  } else {
    code_.emit(Op::kToText, to, from, program_.narrow(type(of), "types"));
  }
}

Reg Body::as_text(Reg from, check::TypeId of) {
  if (checked_type(of).shape == Shape::kString) return from;
  const Reg to = temporary(Kind::kRef);
  to_text(from, of, to);
  return to;
}

/// `{"text": "… $1 …", "values": […]}`, made by the machine from the parts: a text is a text, a
/// list its parameters, another query itself.
void Body::query_into(ExprId id, const syntax::StringLit& node, Reg to) {
  const bytecode::TypeId list = program_.list_type(program_.json_type());
  const uint16_t list_operand = program_.narrow(list, "types");
  const auto as_json = [this](ExprId value, Reg reg) {
    const check::TypeId of = info(value).type;
    const Reg given = this->value(value);
    if (checked_type(of).shape == Shape::kString)
      code_.move(reg, given);
    else
      code_.emit(Op::kToJson, reg, given, program_.narrow(type(of), "types"));
  };
  std::vector<Slot> slots;
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const syntax::StringLit::Part& part = node.parts[i];
    if (!part.value.valid()) {
      const uint32_t text = program_.string_constant(part.text);
      slots.push_back({Kind::kRef, [this, text](Reg reg) { code_.load_constant(reg, text); }});
      continue;
    }
    const Encoding encoding = module_->encodings.at(info(id).encodings + i);
    const ExprId given = part.value;
    if (encoding == Encoding::kQueryPiece) {
      slots.push_back(slot_of(given));
    } else if (encoding == Encoding::kBindList) {
      slots.push_back({Kind::kRef, [as_json, given](Reg reg) { as_json(given, reg); }});
    } else {
      slots.push_back({Kind::kRef, [this, as_json, given, list_operand](Reg reg) {
                         const Reg one = fill_run({Slot{
                             Kind::kRef, [as_json, given](Reg item) { as_json(given, item); }}});
                         code_.emit_run(Op::kMakeList, reg, list_operand, one, 1);
                         code_.extra(1);
                       }});
    }
  }
  const Reg first = fill_run(slots);
  const Reg parts = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeList, parts, list_operand, first, slots.size());
  code_.extra(static_cast<uint16_t>(slots.size()));
  native_into("query.build", {Slot{Kind::kRef, {}, parts}}, to);
}

void Body::string_into(ExprId id, const syntax::StringLit& node, Reg to) {
  if (checked_type(info(id).value_type).shape == Shape::kQuery) return query_into(id, node, to);
  std::vector<Slot> slots;
  const uint32_t encodings = info(id).encodings;
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const syntax::StringLit::Part& part = node.parts[i];
    if (!part.value.valid()) {
      if (part.text.empty()) continue;
      const uint32_t text = program_.string_constant(part.text);
      slots.push_back({Kind::kRef, [this, text](Reg reg) { code_.load_constant(reg, text); }});
      continue;
    }
    const Encoding encoding =
        encodings == check::kNone ? Encoding::kText : module_->encodings.at(encodings + i);
    slots.push_back({Kind::kRef, [this, value = part.value, encoding](Reg reg) {
                       part_into(value, encoding, reg);
                     }});
  }
  if (slots.size() == 1 && slots.front().fill) {
    slots.front().fill(to);
    return;
  }
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kConcat, to, first, static_cast<uint16_t>(slots.size()), slots.size());
}

void Body::part_into(ExprId id, Encoding encoding, Reg to) {
  const check::TypeId of = info(id).type;
  const auto encoded = [&](std::string_view native) {
    const Reg text = as_text(value(id), of);
    native_into(native, {Slot{Kind::kRef, {}, text}}, to);
  };
  switch (encoding) {
    case Encoding::kText:
    case Encoding::kUrlWhole:
      if (checked_type(of).shape == Shape::kString) return into(id, to);
      return to_text(value(id), of, to);
    case Encoding::kShellWord:
      return encoded("shell.quote");
    case Encoding::kUrlHost:
      return encoded("url.encode_host");
    case Encoding::kUrlPath:
      return encoded("url.encode_path");
    case Encoding::kUrlQuery:
      return encoded("url.encode_query");
    case Encoding::kShellWords: {
      const check::TypeId element = element_of(of);
      const Reg list = stable_value(id);
      if (checked_type(element).shape == Shape::kString) {
        native_into("shell.quote_all", {Slot{Kind::kRef, {}, list}}, to);
        return;
      }
      // Words are texts: a list of anything else becomes one.
      const Reg words = temporary(Kind::kRef);
      const bytecode::TypeId texts = program_.list_type(program_.string_type());
      code_.emit_run(Op::kMakeList, words, program_.narrow(texts, "types"), 0, 0);
      code_.extra(0);
      const Label leave = code_.label();
      loop_over(
          list, of,
          [&](Reg item, Reg, Label) {
            code_.emit(Op::kListAppend, words, words, as_text(item, element));
          },
          leave);
      code_.bind(leave);
      native_into("shell.quote_all", {Slot{Kind::kRef, {}, words}}, to);
      return;
    }
    case Encoding::kBind:
    case Encoding::kBindList:
    case Encoding::kQueryPiece:
      fault(ast()[id].span, "a value of a query outside of one");
  }
}

}  // namespace rbk::lower
