// Operators, and conditions as jumps.
#include <limits>
#include <optional>

#include "compiler/lower/body.h"

namespace rbk::lower {

using syntax::BinaryExpr;
using syntax::BinaryOp;
using Shape = check::Type::Shape;

namespace {

bool is_comparison(BinaryOp op) {
  return op == BinaryOp::kEq || op == BinaryOp::kNe || op == BinaryOp::kLt || op == BinaryOp::kLe ||
         op == BinaryOp::kGt || op == BinaryOp::kGe;
}

/// A raw kind that is compared and copied as 64 bits.
bool is_number(Kind kind) { return kind != Kind::kRef && kind != Kind::kFloat; }

BinaryOp negated(BinaryOp op) {
  switch (op) {
    case BinaryOp::kEq:
      return BinaryOp::kNe;
    case BinaryOp::kNe:
      return BinaryOp::kEq;
    case BinaryOp::kLt:
      return BinaryOp::kGe;
    case BinaryOp::kLe:
      return BinaryOp::kGt;
    case BinaryOp::kGt:
      return BinaryOp::kLe;
    default:
      return BinaryOp::kLt;
  }
}

Op jump_op(BinaryOp op) {
  switch (op) {
    case BinaryOp::kEq:
      return Op::kJumpEqInt;
    case BinaryOp::kNe:
      return Op::kJumpNeInt;
    case BinaryOp::kLt:
      return Op::kJumpLtInt;
    case BinaryOp::kLe:
      return Op::kJumpLeInt;
    case BinaryOp::kGt:
      return Op::kJumpGtInt;
    default:
      return Op::kJumpGeInt;
  }
}

/// The jump that compares with an immediate where `op` compares with a register.
Op immediate_op(Op op) {
  switch (op) {
    case Op::kJumpEqInt:
      return Op::kJumpEqImm;
    case Op::kJumpNeInt:
      return Op::kJumpNeImm;
    case Op::kJumpLtInt:
      return Op::kJumpLtImm;
    case Op::kJumpLeInt:
      return Op::kJumpLeImm;
    case Op::kJumpGtInt:
      return Op::kJumpGtImm;
    default:
      return Op::kJumpGeImm;
  }
}

/// A small whole number that is written there: fits an immediate.
std::optional<int16_t> small_number(const syntax::Ast& ast, ExprId id, bool negate) {
  const syntax::Expr& expr = ast[id];
  int64_t number = 0;
  if (const auto* node = std::get_if<syntax::IntLit>(&expr.node)) {
    number = node->value;
  } else if (const auto* duration = std::get_if<syntax::DurationLit>(&expr.node)) {
    number = duration->micros;
  } else if (const auto* size = std::get_if<syntax::SizeLit>(&expr.node)) {
    number = size->bytes;
  } else {
    return std::nullopt;
  }
  if (number > std::numeric_limits<int16_t>::max() || number < -32767) return std::nullopt;
  return static_cast<int16_t>(negate ? -number : number);
}

bool is_number_literal(const syntax::Ast& ast, ExprId id) {
  const auto& node = ast[id].node;
  return std::holds_alternative<syntax::IntLit>(node) ||
         std::holds_alternative<syntax::FloatLit>(node) ||
         std::holds_alternative<syntax::DurationLit>(node) ||
         std::holds_alternative<syntax::SizeLit>(node);
}

}  // namespace

void Body::unary_into(ExprId id, const syntax::UnaryExpr& node, Reg to) {
  if (node.op == syntax::UnaryOp::kNot) {
    branch_into(id, to);
    return;
  }
  if (const auto* number = std::get_if<syntax::IntLit>(&ast()[node.operand].node)) {
    return load_number_into(to, -number->value);
  }
  const Reg operand = value(node.operand);
  code_.emit(code_.kind(to) == Kind::kFloat ? Op::kNegFloat : Op::kNegInt, to, operand);
}

void Body::binary_into(ExprId id, const BinaryExpr& node, Reg to) {
  switch (node.op) {
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
      return branch_into(id, to);
    case BinaryOp::kCoalesce:
      return coalesce_into(node, to);
    case BinaryOp::kIn:
    case BinaryOp::kNotIn:
      return in_into(id, node, to);
    case BinaryOp::kMatches:
      return native_into("string.matches", {slot_of(node.left), slot_of(node.right)}, to);
    default:
      if (is_comparison(node.op)) return compare_into(id, node, to);
      return arithmetic_into(node, info(id).value_type, to);
  }
}

void Body::arithmetic_into(const BinaryExpr& node, check::TypeId result, Reg to) {
  const Kind left_kind = kind(info(node.left).type);
  const Kind right_kind = kind(info(node.right).type);
  const Shape left_shape = checked_type(info(node.left).type).shape;
  if (code_.kind(to) == Kind::kRef) {
    if (left_shape == Shape::kList) {
      return native_into("list.concat", {slot_of(node.left), slot_of(node.right)}, to);
    }
    const Reg first = fill_run({slot_of(node.left), slot_of(node.right)});
    code_.emit_run(Op::kConcat, to, first, 2, 2);
    return;
  }
  const bool adds = node.op == BinaryOp::kAdd;
  if ((adds || node.op == BinaryOp::kSub) && is_number(left_kind) && left_kind == right_kind &&
      left_kind != Kind::kTime) {
    if (const auto number = small_number(ast(), node.right, !adds)) {
      code_.emit(Op::kAddImm, to, value(node.left), static_cast<uint16_t>(*number));
      return;
    }
    const auto number = adds ? small_number(ast(), node.left, false) : std::nullopt;
    if (number) {
      code_.emit(Op::kAddImm, to, value(node.right), static_cast<uint16_t>(*number));
      return;
    }
  }
  Reg left = operand_before(node.left, node.right);
  Reg right = value(node.right);
  Op op = Op::kNop;
  const bool is_float = left_kind == Kind::kFloat;
  switch (node.op) {
    case BinaryOp::kAdd:
      if (code_.kind(to) == Kind::kTime) {
        if (right_kind == Kind::kTime) std::swap(left, right);
        op = Op::kAddTime;
      } else {
        op = is_float ? Op::kAddFloat : Op::kAddInt;
      }
      break;
    case BinaryOp::kSub:
      if (left_kind == Kind::kTime) {
        op = right_kind == Kind::kTime ? Op::kDiffTime : Op::kSubTime;
      } else {
        op = is_float ? Op::kSubFloat : Op::kSubInt;
      }
      break;
    case BinaryOp::kMul:
      // The quantity stands first, the number second.
      if (left_kind == Kind::kInt && right_kind != Kind::kInt) std::swap(left, right);
      op = is_float ? Op::kMulFloat : Op::kMulInt;
      break;
    case BinaryOp::kDiv:
      op = is_float ? Op::kDivFloat : kind(result) == Kind::kFloat ? Op::kDivRatio : Op::kDivInt;
      break;
    case BinaryOp::kMod:
      op = Op::kModInt;
      break;
    default:
      fault(node.op_span, "an operator without an instruction");
      return;
  }
  code_.emit(op, to, left, right);
}

void Body::compare_into(ExprId id, const BinaryExpr& node, Reg to) {
  if (std::holds_alternative<syntax::NullLit>(ast()[node.left].node) ||
      std::holds_alternative<syntax::NullLit>(ast()[node.right].node)) {
    return branch_into(id, to);
  }
  const Kind operands = kind(info(node.left).type);
  Reg left = operand_before(node.left, node.right);
  Reg right = value(node.right);
  const bool equality = node.op == BinaryOp::kEq || node.op == BinaryOp::kNe;
  const bool strict = node.op == BinaryOp::kLt || node.op == BinaryOp::kGt;
  if (node.op == BinaryOp::kGt || node.op == BinaryOp::kGe) std::swap(left, right);
  Op op = Op::kNop;
  if (operands == Kind::kFloat) {
    op = equality ? Op::kEqFloat : strict ? Op::kLtFloat : Op::kLeFloat;
  } else if (operands == Kind::kRef) {
    op = equality ? Op::kEqRef : strict ? Op::kLtString : Op::kLeString;
  } else {
    op = equality ? Op::kEqInt : strict ? Op::kLtInt : Op::kLeInt;
  }
  code_.emit(op, to, left, right);
  if (node.op == BinaryOp::kNe) code_.emit(Op::kNot, to, to);
}

/// `map.get(key) ?? other` where `other` costs nothing: one operation, and nothing is boxed.
bool Body::map_value_or(const BinaryExpr& node, Reg to) {
  const auto* call = std::get_if<syntax::CallExpr>(&ast()[node.left].node);
  const Meaning* meaning = module_->meaning(node.left);
  if (call == nullptr || meaning == nullptr || meaning->native != "map.get") return false;
  const auto* callee = std::get_if<syntax::MemberExpr>(&ast()[call->callee].node);
  const check::Type& map = checked_type(info(callee->base).type);
  if (callee->optional || map.shape != Shape::kMap || is_optional(map.element) ||
      checked_type(map.element).shape == Shape::kJson || kind(map.element) != code_.kind(to) ||
      kind(info(node.right).type) != code_.kind(to))
    return false;
  const bool is_free = existing(node.right) != kNoReg || is_number_literal(ast(), node.right);
  if (!is_free || !keeps_representation(node.left)) return false;
  const Reg base = operand_before(callee->base, meaning->arguments.at(0));
  const Reg key = value(meaning->arguments.at(0));
  const Reg other = value(node.right);
  code_.emit(Op::kMapGetOr, to, base, key);
  code_.extra(other);
  return true;
}

void Body::coalesce_into(const BinaryExpr& node, Reg to) {
  if (map_value_or(node, to)) return;
  const Label otherwise = code_.label();
  const Label end = code_.label();
  const Reg left = value(node.left);
  const check::TypeId left_type = info(node.left).type;
  const check::TypeId inner = is_optional(left_type) ? element_of(left_type) : left_type;
  if (checked_type(inner).shape == Shape::kJson) {
    const Reg is_null = temporary(Kind::kBool);
    code_.emit(Op::kIsNull, is_null, left);
    code_.jump_on(Op::kJumpIf, is_null, otherwise);
  } else {
    code_.jump_on(Op::kJumpIfNull, left, otherwise);
  }
  unbox(to, left);
  code_.jump(end);
  code_.bind(otherwise);
  into(node.right, to);
  code_.bind(end);
}

void Body::in_into(ExprId id, const BinaryExpr& node, Reg to) {
  if (std::holds_alternative<syntax::RangeExpr>(ast()[node.right].node) &&
      is_number(kind(info(node.left).type))) {
    return branch_into(id, to);
  }
  const Shape shape = checked_type(info(node.right).type).shape;
  const std::string_view native = shape == Shape::kRange    ? "range.contains"
                                  : shape == Shape::kList   ? "list.contains"
                                  : shape == Shape::kMap    ? "map.has"
                                  : shape == Shape::kString ? "string.contains"
                                                            : "json.has";
  native_into(native, {slot_of(node.right), slot_of(node.left)}, to);
  if (node.op == BinaryOp::kNotIn) code_.emit(Op::kNot, to, to);
}

void Body::branch_into(ExprId id, Reg to) {
  const Label no = code_.label();
  const Label end = code_.label();
  branch(id, false, no);
  code_.load_int(to, 1);
  code_.jump(end);
  code_.bind(no);
  code_.load_int(to, 0);
  code_.bind(end);
}

// ---- Conditions as jumps

void Body::branch(ExprId id, bool when, Label to) {
  TemporaryScope scope(code_);
  const syntax::Expr& expr = ast()[id];
  if (!keeps_representation(id)) {
    const Reg condition = value(id);
    code_.jump_on(when ? Op::kJumpIf : Op::kJumpUnless, condition, to);
    return;
  }
  if (const auto* literal = std::get_if<syntax::BoolLit>(&expr.node)) {
    if (literal->value == when) code_.jump(to);
    return;
  }
  if (const auto* unary = std::get_if<syntax::UnaryExpr>(&expr.node)) {
    if (unary->op == syntax::UnaryOp::kNot) return branch(unary->operand, !when, to);
  }
  if (const auto* node = std::get_if<BinaryExpr>(&expr.node)) {
    if (node->op == BinaryOp::kAnd || node->op == BinaryOp::kOr) {
      // `a and b` is false as soon as a is; `a or b` true as soon as a is.
      const bool decides = node->op == BinaryOp::kOr;
      if (when == decides) {
        branch(node->left, when, to);
        branch(node->right, when, to);
        return;
      }
      const Label skip = code_.label();
      branch(node->left, !when, skip);
      branch(node->right, when, to);
      code_.bind(skip);
      return;
    }
    if (branch_null(*node, when, to) || branch_compare(*node, when, to) ||
        branch_in_range(*node, when, to)) {
      return;
    }
    if (node->op == BinaryOp::kNe || node->op == BinaryOp::kNotIn) {
      // Without the instruction that turns it round.
      BinaryExpr positive = *node;
      positive.op = node->op == BinaryOp::kNe ? BinaryOp::kEq : BinaryOp::kIn;
      const Reg condition = temporary(Kind::kBool);
      binary_into(id, positive, condition);
      code_.jump_on(when ? Op::kJumpUnless : Op::kJumpIf, condition, to);
      return;
    }
  }
  const Reg condition = value(id);
  code_.jump_on(when ? Op::kJumpIf : Op::kJumpUnless, condition, to);
}

bool Body::branch_compare(const BinaryExpr& node, bool when, Label to) {
  if (!is_comparison(node.op) || !is_number(kind(info(node.left).type))) return false;
  const Op op = jump_op(when ? node.op : negated(node.op));
  const Reg left = operand_before(node.left, node.right);
  jump_compare(op, left, node.right, to);
  return true;
}

bool Body::branch_null(const BinaryExpr& node, bool when, Label to) {
  if (node.op != BinaryOp::kEq && node.op != BinaryOp::kNe) return false;
  const bool left_null = std::holds_alternative<syntax::NullLit>(ast()[node.left].node);
  const bool right_null = std::holds_alternative<syntax::NullLit>(ast()[node.right].node);
  if (!left_null && !right_null) return false;
  const Reg tested = plain_value(left_null ? node.right : node.left);
  const bool jump_if_null = (node.op == BinaryOp::kEq) == when;
  if (code_.kind(tested) != Kind::kRef) {
    // Never null.
    if (!jump_if_null) code_.jump(to);
    return true;
  }
  if (jump_if_null) {
    const check::TypeId of = info(left_null ? node.right : node.left).value_type;
    if (checked_type(of).shape != Shape::kJson &&
        !(is_optional(of) && checked_type(element_of(of)).shape == Shape::kJson)) {
      code_.jump_on(Op::kJumpIfNull, tested, to);
      return true;
    }
  }
  const Reg is_null = temporary(Kind::kBool);
  code_.emit(Op::kIsNull, is_null, tested);
  code_.jump_on(jump_if_null ? Op::kJumpIf : Op::kJumpUnless, is_null, to);
  return true;
}

/// A number that is written there needs no register if it is small.
void Body::jump_compare(Op op, Reg left, ExprId right, Label to) {
  if (const auto number = small_number(ast(), right, false)) {
    code_.jump_compare(immediate_op(op), left, static_cast<uint16_t>(*number), to);
  } else {
    code_.jump_compare(op, left, value(right), to);
  }
}

bool Body::branch_in_range(const BinaryExpr& node, bool when, Label to) {
  if (node.op != BinaryOp::kIn && node.op != BinaryOp::kNotIn) return false;
  const auto* range = std::get_if<syntax::RangeExpr>(&ast()[node.right].node);
  if (range == nullptr || !is_number(kind(info(node.left).type))) return false;
  if (node.op == BinaryOp::kNotIn) when = !when;
  const Reg tested = operand_before(node.left, node.right);
  const Label outside = when ? code_.label() : to;
  const bool half_open = range->half_open;
  const Op last = when ? (half_open ? Op::kJumpLtInt : Op::kJumpLeInt)
                       : (half_open ? Op::kJumpGeInt : Op::kJumpGtInt);
  if (small_number(ast(), range->low, false) && small_number(ast(), range->high, false)) {
    jump_compare(Op::kJumpLtInt, tested, range->low, outside);
    jump_compare(last, tested, range->high, to);
  } else {  // both are worked out before one decides
    const Reg low = operand_before(range->low, range->high);
    const Reg high = value(range->high);
    code_.jump_compare(Op::kJumpLtInt, tested, low, outside);
    code_.jump_compare(last, tested, high, to);
  }
  if (when) code_.bind(outside);
  return true;
}

}  // namespace rbk::lower
