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

/// What stands in its blocks is walked.
bool has_blocks(const Ast& ast, ExprId id) {
  const auto& value = ast[id].node;
  return std::holds_alternative<IfExpr>(value) || std::holds_alternative<MatchExpr>(value) ||
         std::holds_alternative<TryExpr>(value) || std::holds_alternative<ParallelExpr>(value) ||
         std::holds_alternative<ParallelForExpr>(value) ||
         std::holds_alternative<WaitExpr>(value) || std::holds_alternative<WaitUntilExpr>(value) ||
         std::holds_alternative<WaitSignalExpr>(value) ||
         std::holds_alternative<WaitFirstExpr>(value) || std::holds_alternative<FailExpr>(value);
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

/// What comes after what in a block.
void Walker::order(BlockId id) {
  std::string all;
  size_t count = 0;
  for (const StmtId stmt : ast()[id].stmts) {
    const auto& node = ast()[stmt].node;
    std::string name;
    if (const auto* step = std::get_if<StepStmt>(&node))
      name = step->name.text;
    else if (const auto* approval = std::get_if<ApprovalStmt>(&node))
      name = approval->name.text;
    else if (std::holds_alternative<CommitStmt>(node))
      name = "commit";
    else if (std::holds_alternative<RequireStmt>(node))
      name = "require";
    else if (std::holds_alternative<HoldStmt>(node))
      name = "hold";
    if (name.empty()) continue;
    all += (all.empty() ? "" : ", ") + name;
    ++count;
  }
  if (count > 1) rule("order", std::move(all), ast()[id].span);
}

/// URLs and commands are told where they are used.
void Walker::let(StmtId id, const LetStmt& node) {
  if (is_told_apart(texts_.known().program(), texts_.module().info(node.value).type)) return;
  if (has_blocks(ast(), node.value)) return;
  rule(node.is_var ? "var" : "let", fmt::format("{} = {}", node.name.text, line(node.value)),
       ast()[id].span);
}

/// A call that is no step, as it stands with its clauses; or what a block gives.
void Walker::value(StmtId id, const ExprStmt& node) {
  if (has_blocks(ast(), node.value)) return;
  const Meaning* meaning = texts_.module().meaning(node.value);
  const auto kind = meaning == nullptr ? Meaning::Kind::kPlain : meaning->kind;
  if (kind == Meaning::Kind::kCallEmit) return;
  const bool acts = kind == Meaning::Kind::kCallAction || kind == Meaning::Kind::kCallRunbook;
  const source::Span span = ast()[id].span;
  rule(acts ? "call" : "value", one_line(source(span)), span);
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

void note_declarations(const check::CheckedProgram& program, Gathered& all) {
  using Declared = check::Symbol::Kind;
  std::set<check::SymbolId> seen;
  for (size_t i = 0; i < all.bodies.size(); ++i) {
    const auto [module, body] = all.bodies[i];
    lower::Visitor visitor;
    visitor.expr = [&, module = module](ExprId id) {
      const Meaning* meaning = module->meaning(id);
      if (meaning == nullptr || meaning->symbol == check::kNone) return true;
      const check::Symbol& symbol = program.symbol(meaning->symbol);
      const char* kind = symbol.kind == Declared::kFunction ? "fn"
                         : symbol.kind == Declared::kConst  ? "const"
                         : symbol.kind == Declared::kRecord ? "record"
                         : symbol.kind == Declared::kAction ? "action"
                                                            : nullptr;
      if (kind == nullptr || symbol.module >= program.modules.size()) return true;
      const check::CheckedModule& home = *program.modules[symbol.module];
      if (home.standard || !seen.insert(meaning->symbol).second) return true;
      const Decl& decl = home.ast[symbol.decl];
      all.summary.rules.push_back(
          {kind,
           symbol.name +
               one_line(home.source->text({decl.name.span.end, decl.span.end, decl.span.file})),
           {},
           {},
           {}});
      if (const auto* fn = std::get_if<FnDecl>(&decl.node); fn != nullptr && fn->body.valid())
        all.bodies.emplace_back(&home, fn->body);
      return true;
    };
    lower::walk(module->ast, body, visitor);
  }
}

}  // namespace rbk::effects
