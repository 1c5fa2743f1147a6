// Approvals and questions: what is put before people is JSON that is made when the run gets there.
#include <boost/json.hpp>

#include "compiler/lower/body.h"

namespace rbk::lower {

using check::kNone;
using syntax::ApprovalStmt;
using syntax::Who;

void Body::lower_approval(StmtId id, const ApprovalStmt& node) {
  const auto& symbols = module_->stmts.at(id.index).symbols;
  if (symbols.empty() || symbols[0] == kNone) {
    return fault(ast()[id].span, "what people are asked has no name");
  }
  const check::Type& form = checked_type(program_.symbol(symbols[0]).type);
  const Reg decided = declare(symbols[0]);
  // One that is escalated does not end: from then on others may decide as well.
  const bool ends = node.expires && node.expires->then != syntax::Expiry::Then::kEscalate;
  const Reg expires = ends ? clause_time(node.expires->after, "expires") : kNoReg;
  const Reg description = describe(node, form);
  const Label ask = code_.label();
  code_.bind(ask);
  place(ast()[id].span);
  const uint16_t form_operand = program_.narrow(form_type(node, form), "types");
  const bool has_default = node.expires && node.expires->then == syntax::Expiry::Then::kDefault;
  code_.emit(node.is_ask ? Op::kAsk : Op::kApprove, decided, description, form_operand);
  code_.extra(expires, has_default ? 1 : 0);
  if (!has_default) {
    check_form(id, node, decided, ask);
    return note_defined(symbols[0]);
  }
  const Label unanswered = code_.label();
  const Label done = code_.label();
  code_.jump_on(Op::kJumpIfNull, decided, unanswered);
  check_form(id, node, decided, ask);
  code_.jump(done);
  code_.bind(unanswered);
  default_form(node, form, form_operand, decided);
  check_form(id, node, decided, {});
  code_.bind(done);
  note_defined(symbols[0]);
}

/// The form that nobody has filled in.
void Body::default_form(const ApprovalStmt& node, const check::Type& form, uint16_t form_operand,
                        Reg to) {
  std::vector<Slot> slots;
  for (size_t i = 0; i < node.form.size() && i < form.fields.size(); ++i) {
    const ExprId written = node.form[i].default_value;
    slots.push_back({kind(form.fields[i].second), [this, written](Reg reg) {
                       if (written.valid())
                         into(written, reg);
                       else
                         code_.emit(Op::kLoadNull, reg);
                     }});
  }
  const Reg first = fill_run(slots);
  code_.emit_run(Op::kMakeRecord, to, form_operand, first, slots.size());
}

/// The form as the machine reads it from JSON: with the defaults that are written.
bytecode::TypeId Body::form_type(const ApprovalStmt& node, const check::Type& form) {
  bytecode::Type made;
  made.shape = bytecode::Type::Shape::kRecord;
  made.name = "form";
  for (size_t i = 0; i < form.fields.size(); ++i) {
    const auto& [name, field] = form.fields[i];
    bytecode::Type::Field next{name, name, type(field), bytecode::kNone};
    if (i < node.form.size() && node.form[i].default_value.valid()) {
      const auto folded = program_.fold_default(*module_, node.form[i].default_value);
      if (folded) {
        next.default_constant = *folded;
      } else {
        program_.fault(ErrorKind::kUnsupported, *module_, node.form[i].span,
                       "the default of the form's field `" + name + "` must be a constant");
      }
    }
    made.fields.push_back(std::move(next));
  }
  return program_.type_of(std::move(made));
}

/// A form that does not fit its `where` is asked for again, with a warning that says why; where
/// there is nobody to be asked again (no label), it is a failure.
void Body::check_form(StmtId id, const ApprovalStmt& node, Reg form, Label ask_again) {
  const auto& symbols = module_->stmts.at(id.index).symbols;
  for (size_t i = 0; i < node.form.size(); ++i) {
    if (node.form[i].where.empty() || i + 1 >= symbols.size()) continue;
    TemporaryScope scope(code_);
    for (size_t k = 0; k <= i; ++k) {
      const SymbolId field = symbols[k + 1];
      if (field == kNone) continue;
      code_.emit(Op::kGetField, declare(field), form, static_cast<uint16_t>(k));
    }
    for (const syntax::Refinement& where : node.form[i].where) {
      const Label holds = code_.label();
      branch(where.condition, true, holds);
      const Reg why =
          where.message.valid() ? value(where.message) : condition_message(where.condition);
      const std::string field = "`" + node.form[i].name.text + "`";
      const std::string question = (node.is_ask ? "question `" : "approval `") + node.name.text;
      const uint32_t head = program_.string_constant(
          ask_again.valid()
              ? question + "` is asked again, " + field + " does not fit: "
              : question + "` has no answer, and the default of " + field + " does not fit: ");
      const Reg parts = fill_run({Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, head); }},
                                  Slot{Kind::kRef, [&](Reg to) { code_.move(to, why); }, why}});
      const Reg text = temporary(Kind::kRef);
      code_.emit_run(Op::kConcat, text, parts, 2, 2);
      if (ask_again.valid()) {
        const uint32_t name = program_.string_constant("log.warn");
        code_.emit(Op::kEmit, program_.narrow(name, "constants"), text, kNoReg);
        code_.jump(ask_again);
      } else {
        raise("Failed", text);
      }
      code_.bind(holds);
    }
  }
}

Reg Body::describe(const ApprovalStmt& node, const check::Type& form) {
  const auto text_entry = [&](std::string key, std::string text) {
    return JsonEntry{std::move(key), [this, text](Reg to) {
                       json_constant_into(boost::json::serialize(boost::json::string(text)), to);
                     }};
  };
  const auto as_json = [&](ExprId value_id) {
    return [this, value_id](Reg to) {
      const check::TypeId of = info(value_id).type;
      convert(check::Convert::kToJson, value(value_id), of, to);
    };
  };
  std::vector<JsonEntry> entries;
  entries.push_back(text_entry("name", node.name.text));
  entries.push_back({"question", as_json(node.question)});
  entries.push_back({"by", [&](Reg to) { people_into(node.by, to); }});
  if (!node.not_by.empty()) {
    entries.push_back({"not_by", [&](Reg to) { people_into(node.not_by, to); }});
  }
  if (node.quorum.valid()) {
    entries.push_back({"quorum", as_json(node.quorum)});
  } else if (!node.is_ask) {
    entries.push_back({"quorum", [this](Reg to) { json_constant_into("1", to); }});
  }
  if (!node.is_ask) {
    entries.push_back({"allow_starter", [&](Reg to) {
                         json_constant_into(node.allow_starter ? "true" : "false", to);
                       }});
  }
  if (node.expires && node.expires->then == syntax::Expiry::Then::kEscalate) {
    entries.push_back({"escalate_after", as_json(node.expires->after)});
    entries.push_back({"escalate_to", [&](Reg to) { people_into(node.expires->to, to); }});
  }
  if (!node.break_glass.empty())
    entries.push_back({"break_glass", [&](Reg to) { people_into(node.break_glass, to); }});
  if (!node.notify.empty()) {
    std::vector<std::function<void(Reg)>> targets;
    for (const ExprId target : node.notify) targets.push_back(as_json(target));
    entries.push_back({"notify", [this, targets](Reg to) { json_list_into(targets, to); }});
  }
  entries.push_back({"form", [&](Reg to) { json_constant_into(form_json(node, form), to); }});
  const Reg made = temporary(Kind::kRef);
  json_object_into(entries, made);
  return made;
}

void Body::people_into(const std::vector<Who>& people, Reg to) {
  std::vector<std::function<void(Reg)>> items;
  for (const Who& who : people) {
    if (who.kind == Who::Kind::kStarter) {
      items.push_back([this](Reg reg) { json_constant_into(R"({"starter":true})", reg); });
      continue;
    }
    const std::string key = who.kind == Who::Kind::kUser ? "user" : "group";
    items.push_back([this, key, name = who.name](Reg reg) {
      json_object_into({{key,
                         [this, name](Reg inner) {
                           convert(check::Convert::kToJson, value(name), info(name).type, inner);
                         }}},
                       reg);
    });
  }
  json_list_into(items, to);
}

/// {"fields": [{"name", "type", "doc"?, "optional"?, "default"?, "where"?, "members"?,
/// "payloads"?}]}
std::string Body::form_json(const ApprovalStmt& node, const check::Type& form) const {
  boost::json::array fields;
  for (size_t i = 0; i < node.form.size() && i < form.fields.size(); ++i) {
    const syntax::Field& written = node.form[i];
    const check::TypeId of = form.fields[i].second;
    boost::json::object field;
    field["name"] = written.name.text;
    field["type"] = program_.checked().text(of);
    if (!written.doc.empty()) field["doc"] = written.doc;
    if (is_optional(of)) field["optional"] = true;
    if (written.default_value.valid()) {
      field["default"] = text_of(ast()[written.default_value].span);
    }
    boost::json::array conditions;
    for (const syntax::Refinement& where : written.where) {
      conditions.emplace_back(condition_text(*module_, where.condition));
    }
    if (!conditions.empty()) field["where"] = std::move(conditions);
    const check::Type& plain = checked_type(is_optional(of) ? element_of(of) : of);
    if (plain.shape == check::Type::Shape::kEnum) {
      boost::json::array members;
      boost::json::object payloads;
      for (const auto& member : program_.symbol(plain.symbol).members) {
        const std::string& name = member.outer_name.empty() ? member.name : member.outer_name;
        members.emplace_back(name);
        for (const check::Field& part : member.payload) {
          if (!payloads.contains(name)) payloads[name] = boost::json::object();
          payloads[name].as_object()[part.outer_name.empty() ? part.name : part.outer_name] =
              program_.checked().text(part.type);
        }
      }
      field["members"] = std::move(members);
      if (!payloads.empty()) field["payloads"] = std::move(payloads);
    }
    fields.push_back(std::move(field));
  }
  return boost::json::serialize(boost::json::object{{"fields", std::move(fields)}});
}

// ---- JSON

void Body::json_constant_into(std::string json, Reg to) {
  code_.load_constant(to, program_.text_constant(program_.json_type(), std::move(json)));
}

void Body::json_object_into(const std::vector<JsonEntry>& entries, Reg to) {
  std::vector<Slot> slots;
  for (const auto& [key, fill] : entries) {
    const uint32_t name = program_.string_constant(key);
    slots.push_back({Kind::kRef, [this, name](Reg reg) { code_.load_constant(reg, name); }});
    slots.push_back({Kind::kRef, fill});
  }
  const uint16_t map =
      program_.narrow(program_.map_type(program_.string_type(), program_.json_type()), "types");
  const Reg first = fill_run(slots);
  const Reg made = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeMap, made, map, first, slots.size());
  code_.extra(static_cast<uint16_t>(entries.size()));
  code_.emit(Op::kToJson, to, made, map);
}

void Body::json_list_into(const std::vector<std::function<void(Reg)>>& items, Reg to) {
  std::vector<Slot> slots;
  slots.reserve(std::size(items));
  for (const auto& fill : items) slots.push_back({Kind::kRef, fill});
  const uint16_t list = program_.narrow(program_.list_type(program_.json_type()), "types");
  const Reg first = fill_run(slots);
  const Reg made = temporary(Kind::kRef);
  code_.emit_run(Op::kMakeList, made, list, first, slots.size());
  code_.extra(static_cast<uint16_t>(slots.size()));
  code_.emit(Op::kToJson, to, made, list);
}

}  // namespace rbk::lower
