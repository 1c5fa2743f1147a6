// A runbook's parameters: their defaults and conditions as functions of the parameters before.
#include "compiler/lower/body.h"

namespace rbk::lower {

namespace {

const syntax::Field& written(const CheckedModule& module, const check::Symbol& symbol,
                             size_t parameter) {
  return std::get<syntax::RunbookDecl>(module.ast[symbol.decl].node).params.at(parameter);
}

}  // namespace

void Body::parameter_default(SymbolId callable, size_t parameter) {
  const check::Symbol& symbol = program_.symbol(callable);
  const syntax::Field& field = written(*module_, symbol, parameter);
  take_parameters(symbol.parameters, parameter);
  TemporaryScope scope(code_);
  place(ast()[field.default_value].span);
  const Reg made = value(field.default_value);
  code_.leave(Op::kReturn, made);
  finish(type(symbol.fields.at(parameter).type));
}

void Body::scheduled_argument(SymbolId callable, size_t parameter, ExprId argument) {
  take_parameters(program_.symbol(callable).parameters, parameter);
  TemporaryScope scope(code_);
  place(ast()[argument].span);
  const Reg made = value(argument);
  code_.leave(Op::kReturn, made);
  finish(type(program_.symbol(callable).fields.at(parameter).type));
}

/// Of a head's `on worker`.
void Body::worker_of(SymbolId callable) {
  const check::Symbol& symbol = program_.symbol(callable);
  const ExprId name = std::get<syntax::RunbookDecl>(ast()[symbol.decl].node).worker;
  take_parameters(symbol.parameters, symbol.parameters.size());
  TemporaryScope scope(code_);
  place(ast()[name].span);
  const Reg made = value(name);
  code_.leave(Op::kReturn, made);
  finish(program_.string_type());
}

void Body::condition(const std::vector<SymbolId>& names, size_t count,
                     const syntax::Refinement& where) {
  take_parameters(names, count);
  TemporaryScope scope(code_);
  place(where.span);
  const Reg made = value(where.condition);
  code_.leave(Op::kReturn, made);
  finish(program_.bool_type());
}

void Body::message(const std::vector<SymbolId>& names, size_t count,
                   const syntax::Refinement& where) {
  take_parameters(names, count);
  TemporaryScope scope(code_);
  place(where.span);
  const Reg made =
      where.message.valid() ? value(where.message) : condition_message(where.condition);
  code_.leave(Op::kReturn, made);
  finish(program_.string_type());
}

void Body::check_arguments(SymbolId callable, Reg first) {
  const auto functions = program_.functions_of_parameters(callable);
  const check::Symbol& symbol = program_.symbol(callable);
  for (size_t i = 0; i < functions.checks.size(); ++i) {
    const std::string head =
        "parameter `" + symbol.fields.at(i).name + "` of `" + program_.full_name(callable) + "`: ";
    for (const auto& check : functions.checks[i]) check_one(check, head, first, i);
  }
}

void Body::check_record(SymbolId type, uint32_t member, Reg first) {
  const auto checks = program_.functions_of_fields(type, member);
  if (checks.empty()) return;
  const check::Symbol& symbol = program_.symbol(type);
  const bool is_member = member != check::kNone;
  const auto& fields = is_member ? symbol.members.at(member).payload : symbol.fields;
  std::string owner = program_.full_name(type);
  if (is_member) owner += "." + symbol.members.at(member).name;
  for (size_t i = 0; i < checks.size(); ++i) {
    const std::string head = "`" + fields.at(i).name + "` of `" + owner + "`: ";
    for (const auto& check : checks[i]) check_one(check, head, first, i);
  }
}

void Body::check_one(std::pair<uint32_t, uint32_t> functions, const std::string& head, Reg first,
                     size_t index) {
  TemporaryScope scope(code_);
  const Label holds = code_.label();
  const Reg answer = temporary(Kind::kBool);
  code_.emit_run(Op::kCall, answer, program_.narrow(functions.first, "functions"), first,
                 index + 1);
  code_.jump_on(Op::kJumpIf, answer, holds);
  raise_after(head, Slot{Kind::kRef, [&](Reg to) {
                           code_.emit_run(Op::kCall, to,
                                          program_.narrow(functions.second, "functions"), first,
                                          index + 1);
                         }});
  code_.bind(holds);
}

void Body::raise_after(const std::string& head, const Slot& message) {
  const uint32_t constant = program_.string_constant(head);
  const Reg parts =
      fill_run({Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, constant); }}, message});
  const Reg text = temporary(Kind::kRef);
  code_.emit_run(Op::kConcat, text, parts, 2, 2);
  raise("Failed", text);
}

Reg Body::clause_time(ExprId time, std::string_view clause) {
  const Reg given = stable_value(time);
  // The checker has looked at what is written out.
  if (std::holds_alternative<syntax::DurationLit>(ast()[time].node)) return given;
  TemporaryScope scope(code_);
  const Label fits = code_.label();
  const Reg none = load_number(Kind::kDuration, 0);
  const Reg is_more = temporary(Kind::kBool);
  code_.emit(Op::kLtInt, is_more, none, given);
  code_.jump_on(Op::kJumpIf, is_more, fits);
  raise_after("`" + std::string(clause) + "` has to be more than nothing, and is ",
              Slot{Kind::kRef, [&](Reg to) { to_text(given, info(time).type, to); }});
  code_.bind(fits);
  return given;
}

void Body::check_own(const std::vector<syntax::Field>& parameters, const std::string& of) {
  for (const syntax::Field& parameter : parameters) {
    for (const syntax::Refinement& where : parameter.where) {
      TemporaryScope scope(code_);
      place(where.span);
      const Label holds = code_.label();
      branch(where.condition, true, holds);
      const Reg why =
          where.message.valid() ? value(where.message) : condition_message(where.condition);
      raise_after("parameter `" + parameter.name.text + "`" + of + ": ",
                  Slot{Kind::kRef, [&](Reg to) { code_.move(to, why); }, why});
      code_.bind(holds);
    }
  }
}

}  // namespace rbk::lower
