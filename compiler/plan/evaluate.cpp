#include "compiler/plan/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "compiler/check/pattern_text.h"

namespace rbk::plan {
namespace {

using syntax::BinaryOp;
using Shape = Value::Shape;

std::optional<int> compare(const Value& left, const Value& right) {
  if (left.shape != right.shape) return std::nullopt;
  switch (left.shape) {
    case Shape::kInt:
      if (left.unit != right.unit) return std::nullopt;
      return left.number < right.number ? -1 : left.number > right.number ? 1 : 0;
    case Shape::kFloat:
      return left.real < right.real ? -1 : left.real > right.real ? 1 : 0;
    case Shape::kText:
      return left.text.compare(right.text);
    case Shape::kUnknown:
    case Shape::kNull:
    case Shape::kBool:
    case Shape::kList:
    case Shape::kRecord:
      return std::nullopt;
  }
  return std::nullopt;
}

/// The unit of a sum, product or quotient of the two, as the checker allowed them.
Value arithmetic(BinaryOp op, const Value& left, const Value& right) {
  if (left.shape == Shape::kText && right.shape == Shape::kText && op == BinaryOp::kAdd)
    return Value::of_text(left.text + right.text);
  if (left.shape == Shape::kList && right.shape == Shape::kList && op == BinaryOp::kAdd) {
    std::vector<Value> items = left.items;
    items.insert(items.end(), right.items.begin(), right.items.end());
    return Value::of_list(std::move(items));
  }
  if (left.shape == Shape::kFloat && right.shape == Shape::kFloat) {
    switch (op) {
      case BinaryOp::kAdd:
        return Value::of_float(left.real + right.real);
      case BinaryOp::kSub:
        return Value::of_float(left.real - right.real);
      case BinaryOp::kMul:
        return Value::of_float(left.real * right.real);
      case BinaryOp::kDiv:
        return Value::of_float(left.real / right.real);
      default:
        return {};
    }
  }
  if (left.shape != Shape::kInt || right.shape != Shape::kInt) return {};
  int64_t result = 0;
  Value::Unit unit = left.unit == Value::Unit::kNone ? right.unit : left.unit;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(left.number, right.number, &result)) return {};
      break;
    case BinaryOp::kSub:
      if (__builtin_sub_overflow(left.number, right.number, &result)) return {};
      if (left.unit == Value::Unit::kTime && right.unit == Value::Unit::kTime)
        unit = Value::Unit::kDuration;
      break;
    case BinaryOp::kMul:
      if (__builtin_mul_overflow(left.number, right.number, &result)) return {};
      break;
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
      if (right.number == 0 || right.number == -1) return {};
      if (left.unit != Value::Unit::kNone && left.unit == right.unit) unit = Value::Unit::kNone;
      result = op == BinaryOp::kDiv ? left.number / right.number : left.number % right.number;
      break;
    default:
      return {};
  }
  return Value::of_int(result, unit);
}

}  // namespace

Value Evaluator::evaluate(syntax::ExprId id) const {
  if (!id.valid()) return {};
  const syntax::Expr& expr = module_.ast[id];
  if (std::holds_alternative<syntax::NullLit>(expr.node)) {
    Value null;
    null.shape = Shape::kNull;
    return null;
  }
  if (const auto* node = std::get_if<syntax::BoolLit>(&expr.node))
    return Value::of_bool(node->value);
  if (const auto* node = std::get_if<syntax::IntLit>(&expr.node)) return Value::of_int(node->value);
  if (const auto* node = std::get_if<syntax::FloatLit>(&expr.node))
    return Value::of_float(node->value);
  if (const auto* node = std::get_if<syntax::DurationLit>(&expr.node))
    return Value::of_int(node->micros, Value::Unit::kDuration);
  if (const auto* node = std::get_if<syntax::SizeLit>(&expr.node))
    return Value::of_int(node->bytes, Value::Unit::kSize);
  if (const auto* node = std::get_if<syntax::StringLit>(&expr.node)) return string(*node);
  if (std::holds_alternative<syntax::NameExpr>(expr.node)) return name(id);
  if (const auto* node = std::get_if<syntax::MemberExpr>(&expr.node)) return member(*node, id);
  if (const auto* node = std::get_if<syntax::ShorthandExpr>(&expr.node)) {
    Value value = Value::of_text(node->name.text);
    value.is_member = true;
    return value;
  }
  if (const auto* node = std::get_if<syntax::ListExpr>(&expr.node)) {
    std::vector<Value> items;
    for (const syntax::ExprId item : node->items) {
      items.push_back(evaluate(item));
      if (!items.back().known()) return {};
    }
    return Value::of_list(std::move(items));
  }
  if (const auto* node = std::get_if<syntax::UnaryExpr>(&expr.node)) {
    const Value operand = evaluate(node->operand);
    if (node->op == syntax::UnaryOp::kNot && operand.shape == Shape::kBool)
      return Value::of_bool(operand.number == 0);
    if (node->op == syntax::UnaryOp::kNegate && operand.shape == Shape::kInt)
      return arithmetic(BinaryOp::kSub, Value::of_int(0, operand.unit), operand);
    if (node->op == syntax::UnaryOp::kNegate && operand.shape == Shape::kFloat)
      return Value::of_float(-operand.real);
    return {};
  }
  if (const auto* node = std::get_if<syntax::BinaryExpr>(&expr.node)) return binary(*node);
  return {};
}

Value Evaluator::name(syntax::ExprId id) const {
  const check::Meaning* meaning = module_.meaning(id);
  if (meaning == nullptr || meaning->kind != check::Meaning::Kind::kSymbol) return {};
  if (const auto found = values_.find(meaning->symbol); found != values_.end())
    return found->second;
  const check::Symbol& symbol = program_.symbol(meaning->symbol);
  if (symbol.kind != check::Symbol::Kind::kConst || !symbol.decl.valid()) return {};
  const check::CheckedModule& home = *program_.modules.at(symbol.module);
  const auto* decl = std::get_if<syntax::ConstDecl>(&home.ast[symbol.decl].node);
  return decl == nullptr ? Value{} : Evaluator(program_, home).evaluate(decl->value);
}

Value Evaluator::member(const syntax::MemberExpr& node, syntax::ExprId id) const {
  const check::Meaning* meaning = module_.meaning(id);
  if (meaning == nullptr) return {};
  using Kind = check::Meaning::Kind;
  if (meaning->kind == Kind::kSymbol) return name(id);
  if (meaning->kind == Kind::kEnumMember) {
    Value value = Value::of_text(node.name.text);
    value.is_member = true;
    return value;
  }
  const Value base = evaluate(node.base);
  if (!base.known()) return {};
  if (meaning->kind == Kind::kField) {
    for (const auto& [name, value] : base.fields)
      if (name == node.name.text) return value;
    return {};
  }
  if (meaning->kind != Kind::kNativeProperty) return {};
  if (base.shape == Shape::kList) {
    if (node.name.text == "length") return Value::of_int(static_cast<int64_t>(base.items.size()));
    if (node.name.text == "is_empty") return Value::of_bool(base.items.empty());
  }
  if (base.shape == Shape::kText && node.name.text == "is_empty")
    return Value::of_bool(base.text.empty());
  return {};
}

Value Evaluator::binary(const syntax::BinaryExpr& node) const {
  const Value left = evaluate(node.left);
  const bool is_left_bool = left.shape == Shape::kBool;
  if (node.op == BinaryOp::kAnd && is_left_bool && left.number == 0) return left;
  if (node.op == BinaryOp::kOr && is_left_bool && left.number != 0) return left;
  if (node.op == BinaryOp::kCoalesce && left.known() && left.shape != Shape::kNull) return left;
  if (node.op == BinaryOp::kIn || node.op == BinaryOp::kNotIn) {
    const auto* range = std::get_if<syntax::RangeExpr>(&module_.ast[node.right].node);
    std::optional<bool> inside;
    if (range != nullptr) {
      const auto low = compare(evaluate(range->low), left);
      const auto high = compare(left, evaluate(range->high));
      if (low && high) inside = *low <= 0 && (range->half_open ? *high < 0 : *high <= 0);
    } else if (const Value list = evaluate(node.right);
               list.shape == Shape::kList && left.known()) {
      inside = std::find(list.items.begin(), list.items.end(), left) != list.items.end();
    }
    return inside ? Value::of_bool(*inside == (node.op == BinaryOp::kIn)) : Value{};
  }
  const Value right = evaluate(node.right);
  if (!left.known() || !right.known()) return {};
  switch (node.op) {
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kCoalesce:
      return right;
    case BinaryOp::kEq:
      return Value::of_bool(left == right);
    case BinaryOp::kNe:
      return Value::of_bool(!(left == right));
    case BinaryOp::kLt:
    case BinaryOp::kLe:
    case BinaryOp::kGt:
    case BinaryOp::kGe: {
      const auto order = compare(left, right);
      if (!order) return {};
      const bool holds = node.op == BinaryOp::kLt   ? *order < 0
                         : node.op == BinaryOp::kLe ? *order <= 0
                         : node.op == BinaryOp::kGt ? *order > 0
                                                    : *order >= 0;
      return Value::of_bool(holds);
    }
    case BinaryOp::kMatches: {
      if (left.shape != Shape::kText || right.shape != Shape::kText) return {};
      const auto found = check::pattern_matches(right.text, left.text);
      return found ? Value::of_bool(*found) : Value{};
    }
    default:
      return arithmetic(node.op, left, right);
  }
}

Value Evaluator::string(const syntax::StringLit& node) const {
  std::string text;
  for (const syntax::StringLit::Part& part : node.parts) {
    if (!part.value.valid()) {
      text += part.text;
      continue;
    }
    const Value value = evaluate(part.value);
    if (!value.known()) return {};
    text += value.shown();
  }
  return Value::of_text(std::move(text));
}

std::string Evaluator::source_text(syntax::ExprId id) const {
  return std::string(module_.source->text(module_.ast[id].span));
}

std::string Evaluator::show_text(syntax::ExprId id) const {
  if (!id.valid()) return {};
  const auto* literal = std::get_if<syntax::StringLit>(&module_.ast[id].node);
  if (literal == nullptr) {
    const Value value = evaluate(id);
    return value.known() ? value.shown() : source_text(id);
  }
  std::string text;
  for (const syntax::StringLit::Part& part : literal->parts) {
    if (!part.value.valid()) {
      text += part.text;
      continue;
    }
    const Value value = evaluate(part.value);
    text += value.known() ? value.shown() : fmt::format("${{{}}}", source_text(part.value));
  }
  return text;
}

std::string Evaluator::show(syntax::ExprId id) const {
  if (!id.valid()) return {};
  const syntax::Expr& expr = module_.ast[id];
  if (std::holds_alternative<syntax::StringLit>(expr.node))
    return Value::of_text(show_text(id)).written();
  const Value value = evaluate(id);
  if (value.known()) return value.written();
  if (const auto* call = std::get_if<syntax::CallExpr>(&expr.node)) return show_call(*call);
  return source_text(id);
}

std::string Evaluator::show_call(const syntax::CallExpr& node) const {
  std::string arguments;
  for (const syntax::Argument& argument : node.args) {
    if (!arguments.empty()) arguments += ", ";
    if (!argument.label.empty()) arguments += argument.label.text + ": ";
    arguments += show(argument.value);
  }
  return fmt::format("{}({})", source_text(node.callee), arguments);
}

}  // namespace rbk::plan
