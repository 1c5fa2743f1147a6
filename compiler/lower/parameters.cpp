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
  take_parameters(callable, parameter);
  TemporaryScope scope(code_);
  place(ast()[field.default_value].span);
  const Reg made = value(field.default_value);
  code_.leave(Op::kReturn, made);
  finish(type(symbol.fields.at(parameter).type));
}

void Body::parameter_condition(SymbolId callable, size_t parameter,
                               const syntax::Refinement& where) {
  take_parameters(callable, parameter + 1);
  TemporaryScope scope(code_);
  place(where.span);
  const Reg made = value(where.condition);
  code_.leave(Op::kReturn, made);
  finish(program_.bool_type());
}

void Body::parameter_message(SymbolId callable, size_t parameter, const syntax::Refinement& where) {
  take_parameters(callable, parameter + 1);
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
    for (const auto& [condition, message] : functions.checks[i]) {
      TemporaryScope scope(code_);
      const Label holds = code_.label();
      const Reg answer = temporary(Kind::kBool);
      code_.emit_run(Op::kCall, answer, program_.narrow(condition, "functions"), first, i + 1);
      code_.jump_on(Op::kJumpIf, answer, holds);
      const uint32_t head =
          program_.string_constant("parameter `" + symbol.fields.at(i).name + "` of `" +
                                   program_.full_name(callable) + "`: ");
      const auto why = [&, of = message, count = i + 1](Reg to) {
        code_.emit_run(Op::kCall, to, program_.narrow(of, "functions"), first, count);
      };
      const Reg parts = fill_run({Slot{Kind::kRef, [&](Reg to) { code_.load_constant(to, head); }},
                                  Slot{Kind::kRef, why}});
      const Reg text = temporary(Kind::kRef);
      code_.emit_run(Op::kConcat, text, parts, 2, 2);
      raise("Failed", text);
      code_.bind(holds);
    }
  }
}

}  // namespace rbk::lower
