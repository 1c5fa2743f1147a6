#include "compiler/effects/effects.h"

#include <fmt/format.h>

#include "compiler/effects/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using check::Type;

namespace {

const Type& without_null(const check::CheckedProgram& program, check::TypeId id) {
  const Type* type = &program.type(id);
  while (type->shape == Type::Shape::kOptional) type = &program.type(type->element);
  return *type;
}

Parameter parameter(const check::CheckedProgram& program, const check::CheckedModule& module,
                    const check::Field& field, const Field& written) {
  const auto source = [&](ExprId id) {
    return std::string(module.source->text(module.ast[id].span));
  };
  Parameter made;
  made.name = field.name;
  made.type = program.text(field.type);
  if (written.default_value.valid()) made.default_value = source(written.default_value);
  for (const Refinement& where : written.where) made.where.push_back(source(where.condition));
  const Type& type = without_null(program, field.type);
  made.is_secret = type.shape == Type::Shape::kSecret;
  if (type.shape == Type::Shape::kEnum) {
    for (const check::Symbol::Member& member : program.symbol(type.symbol).members)
      made.members.push_back(member.outer_name.empty() ? member.name : member.outer_name);
  }
  made.doc = written.doc;
  return made;
}

/// The largest numbers that `where … in a..b` lets parameters be.
void find_largest(const check::CheckedProgram& program, Gathered& all) {
  for (const check::Symbol& symbol : program.symbols) {
    if (symbol.kind != check::Symbol::Kind::kRunbook) continue;
    const check::CheckedModule& module = *program.modules.at(symbol.module);
    const auto* decl = std::get_if<RunbookDecl>(&module.ast[symbol.decl].node);
    if (decl == nullptr) continue;
    const plan::Evaluator known(program, module);
    for (size_t i = 0; i < symbol.parameters.size() && i < decl->params.size(); ++i) {
      for (const Refinement& where : decl->params[i].where) {
        const auto* test = std::get_if<BinaryExpr>(&module.ast[where.condition].node);
        if (test == nullptr) continue;
        const check::Meaning* tested = module.meaning(test->left);
        if (tested == nullptr || tested->symbol != symbol.parameters[i]) continue;
        const auto* range = std::get_if<RangeExpr>(&module.ast[test->right].node);
        ExprId bound;
        int64_t less = 0;
        if (test->op == BinaryOp::kIn && range != nullptr) {
          bound = range->high;
          less = range->half_open ? 1 : 0;
        } else if (test->op == BinaryOp::kLe || test->op == BinaryOp::kLt) {
          bound = test->right;
          less = test->op == BinaryOp::kLt ? 1 : 0;
        }
        const plan::Value high = known.evaluate(bound);
        if (high.shape == plan::Value::Shape::kInt && high.number > INT64_MIN)
          all.largest[symbol.parameters[i]] = high.number - less;
      }
    }
  }
}

}  // namespace

std::vector<check::SymbolId> runbooks_of(const check::CheckedProgram& program) {
  std::vector<check::SymbolId> found;
  const check::CheckedModule& module = *program.modules.front();
  for (const DeclId decl : module.ast.decls) {
    const check::SymbolId symbol = module.decls.at(decl.index);
    if (symbol != check::kNone && program.symbol(symbol).kind == check::Symbol::Kind::kRunbook)
      found.push_back(symbol);
  }
  return found;
}

Summary summarise(const check::CheckedProgram& program, check::SymbolId runbook) {
  const check::Symbol& symbol = program.symbol(runbook);
  const check::CheckedModule& module = *program.modules.at(symbol.module);
  Summary made;
  made.runbook = symbol.name;
  made.path = module.source->path();
  made.line = module.source->position(symbol.span.begin).line;
  made.is_private = symbol.name.starts_with('_');
  made.doc = module.ast[symbol.decl].doc;
  const auto* decl = std::get_if<RunbookDecl>(&module.ast[symbol.decl].node);
  if (decl == nullptr) return made;
  if (decl->result.valid()) made.result = program.text(symbol.result);
  for (size_t i = 0; i < symbol.fields.size() && i < decl->params.size(); ++i)
    made.parameters.push_back(parameter(program, module, symbol.fields[i], decl->params[i]));
  Gathered all(made);
  find_largest(program, all);
  all.called.push_back(runbook);
  Texts texts(program, module);
  for (const Who& who : decl->allow) {
    made.allow.push_back(who.kind == Who::Kind::kStarter
                             ? std::string("starter")
                             : fmt::format("{} \"{}\"",
                                           who.kind == Who::Kind::kUser ? "user" : "group",
                                           texts.text(who.name)));
    all.touches.person(made.allow.back());
  }
  for (const Exclusive& one : decl->exclusive)
    made.locks.push_back({texts.text(one.name), "exclusive", {}});
  const Cost cost = Walker(all, texts, {}, Phase::kForward).block(decl->body);
  made.forward = cost.forward;
  made.rollback = cost.rollback();
  return made;
}

}  // namespace rbk::effects
