// What decides whether, how often and when something is done: conditions, loops, waits, and the
// values that they depend on.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/effects/walk.h"
#include "compiler/lower/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using check::Meaning;
using Shape = check::Type::Shape;

namespace {

/// On one line: how a text is laid out says nothing.
std::string one_line(std::string_view text) {
  std::string made;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\n') {
      made += text[i];
      continue;
    }
    while (!made.empty() && made.back() == ' ') made.pop_back();
    i = std::min(text.find_first_not_of(" \n", i), text.size()) - 1;
    made += ' ';
  }
  return made;
}

/// What is told of otherwise: URLs and commands by what they touch, secrets by whom they are given.
bool is_told_apart(const check::CheckedProgram& program, check::TypeId id) {
  const check::Type* type = &program.type(id);
  while (type->shape == Shape::kOptional) type = &program.type(type->element);
  return type->shape == Shape::kUrl || type->shape == Shape::kCommand ||
         type->shape == Shape::kQuery || type->shape == Shape::kSecret;
}

}  // namespace

std::string Walker::line(ExprId id) const {
  return id.valid() ? one_line(texts_.code(id)) : std::string();
}

std::string Walker::conditions() const {
  std::string all;
  for (const std::string& one : all_.conditions) all += (all.empty() ? "" : " and ") + one;
  return all;
}

Cost Walker::only_if(std::string condition, const std::function<Cost()>& walk) {
  all_.conditions.push_back(std::move(condition));
  ++all_.touches.conditions;
  Cost cost = walk();
  --all_.touches.conditions;
  all_.conditions.pop_back();
  return cost;
}

void Walker::rule(std::string kind, std::string text, source::Span span,
                  std::vector<std::pair<std::string, std::string>> aspects) {
  // The same words in several rounds, or of a runbook that a step calls more than once, stand once.
  if (!all_.touches.is_new(fmt::format("rule\n{}\n{}\n{}\n{}", place_.step,
                                       static_cast<int>(place_.phase), span.file, span.begin)))
    return;
  all_.summary.rules.push_back(
      {std::move(kind), std::move(text), std::move(aspects), conditions(), place_});
}

/// Names whose value is known, and URLs and commands, are told where they are used.
void Walker::let(StmtId id, const LetStmt& node) {
  if (texts_.known().evaluate(node.value).known() && !node.is_var) return;
  if (is_told_apart(texts_.known().program(), texts_.module().info(node.value).type)) return;
  const auto& value = ast()[node.value].node;
  const bool has_blocks =
      std::holds_alternative<IfExpr>(value) || std::holds_alternative<MatchExpr>(value) ||
      std::holds_alternative<TryExpr>(value) || std::holds_alternative<ParallelExpr>(value) ||
      std::holds_alternative<ParallelForExpr>(value) ||
      std::holds_alternative<WaitSignalExpr>(value) || std::holds_alternative<WaitFirstExpr>(value);
  if (has_blocks) return;
  rule(node.is_var ? "var" : "let", fmt::format("{} = {}", node.name.text, line(node.value)),
       ast()[id].span);
}

std::string Walker::text_of(const FailurePolicy& policy) const {
  switch (policy.kind) {
    case FailurePolicy::Kind::kFail:
      return "fail";
    case FailurePolicy::Kind::kContinue:
      return "continue";
    case FailurePolicy::Kind::kTolerate:
      return fmt::format("tolerate {}{}", line(policy.tolerance), policy.percent ? "%" : "");
  }
  return {};
}

std::string Walker::text_of(const Field& field) const {
  std::string text = field.name.text + ": " + source(ast()[field.type].span);
  if (field.default_value.valid()) text += " = " + line(field.default_value);
  for (const Refinement& where : field.where) text += " where " + line(where.condition);
  return text;
}

void Walker::rule_of(source::Span span, const ParallelForExpr& node) {
  rule("parallel for", fmt::format("{} in {}", node.item.text, line(node.items)), span,
       {{"limit", line(node.limit)}, {"on failure", text_of(node.policy)}});
}

std::vector<std::pair<std::string, std::string>> Walker::arguments(const Meaning& meaning) const {
  std::vector<std::pair<std::string, std::string>> all;
  if (meaning.symbol == check::kNone) return all;
  const check::CheckedProgram& program = texts_.known().program();
  const check::Symbol& called = program.symbol(meaning.symbol);
  const bool is_action = meaning.kind == Meaning::Kind::kCallAction;
  for (size_t i = 0; i < meaning.arguments.size() && i < called.fields.size(); ++i) {
    const ExprId value = meaning.arguments[i];
    if (!value.valid() || (is_action && is_told_apart(program, called.fields[i].type))) continue;
    all.emplace_back(called.fields[i].name, line(value));
  }
  return all;
}

void note_functions(const check::CheckedProgram& program, Gathered& all) {
  std::set<check::SymbolId> seen;
  for (size_t i = 0; i < all.bodies.size(); ++i) {
    const auto [module, body] = all.bodies[i];
    lower::Visitor visitor;
    visitor.expr = [&, module = module](ExprId id) {
      const Meaning* meaning = module->meaning(id);
      if (meaning == nullptr || meaning->symbol == check::kNone) return true;
      const check::Symbol& symbol = program.symbol(meaning->symbol);
      if (symbol.kind != check::Symbol::Kind::kFunction || !seen.insert(meaning->symbol).second)
        return true;
      const check::CheckedModule& home = *program.modules.at(symbol.module);
      const auto* decl = std::get_if<FnDecl>(&home.ast[symbol.decl].node);
      if (decl == nullptr || !decl->body.valid()) return true;
      all.summary.rules.push_back(
          {"fn",
           symbol.name + " " + one_line(home.source->text(home.ast[decl->body].span)),
           {},
           {},
           {}});
      all.bodies.emplace_back(&home, decl->body);
      return true;
    };
    lower::walk(module->ast, body, visitor);
  }
}

}  // namespace rbk::effects
