// Expressions: where their values go, conversions, names, `if`.
#include <bit>
#include <type_traits>

#include "compiler/lower/body.h"
#include "compiler/lower/walk.h"

namespace rbk::lower {

using check::Convert;
using check::kNone;
using Shape = check::Type::Shape;

Reg Body::value(ExprId id) {
  const Reg known = existing(id);
  if (known != kNoReg) return known;
  const Reg to = temporary(kind(info(id).type));
  into(id, to);
  return to;
}

Reg Body::stable_value(ExprId id) {
  const Reg known = existing(id);
  const Meaning* meaning = module_->meaning(id);
  const bool may_change = known != kNoReg && meaning != nullptr && meaning->symbol != kNone &&
                          program_.symbol(meaning->symbol).is_var;
  if (!may_change) return value(id);
  const Reg to = temporary(code_.kind(known));
  code_.move(to, known);
  return to;
}

Reg Body::operand_before(ExprId id, ExprId next) {
  bool assigns = false;
  Visitor visitor;
  visitor.stmt = [&](StmtId stmt) {
    assigns = assigns || std::holds_alternative<syntax::AssignStmt>(ast()[stmt].node);
    return !assigns;
  };
  walk(ast(), next, visitor);
  return assigns ? stable_value(id) : value(id);
}

/// Whether the conversions change nothing about how the value is held.
bool Body::keeps_representation(ExprId id) const {
  const check::ExprInfo& of = info(id);
  const auto keeps = [&](Convert convert) {
    switch (convert) {
      case Convert::kToOptional:
        return kind(of.value_type) == Kind::kRef;
      case Convert::kFromOptional:
        return kind(of.value_type) == Kind::kRef && is_optional(of.value_type) &&
               kind(element_of(of.value_type)) == Kind::kRef;
      case Convert::kToJson:
        return checked_type(of.value_type).shape == Shape::kJson;
      default:
        return true;
    }
  };
  return keeps(of.convert) && keeps(of.then);
}

Reg Body::existing(ExprId id) const {
  if (const Reg number = pinned(id); number != kNoReg) return number;
  const Meaning* meaning = module_->meaning(id);
  if (meaning == nullptr || meaning->kind != Meaning::Kind::kSymbol) return kNoReg;
  const Reg reg = local(meaning->symbol);
  if (reg == kNoReg || !keeps_representation(id)) return kNoReg;
  return code_.kind(reg) == kind(info(id).type) ? reg : kNoReg;
}

void Body::into(ExprId id, Reg to) {
  TemporaryScope scope(code_);
  if (to == kNoReg || keeps_representation(id)) {
    plain_into(id, to);
    return;
  }
  const check::ExprInfo& of = info(id);
  const Reg plain = plain_value(id);
  if (of.then == Convert::kNothing) {
    convert(of.convert, plain, of.value_type, to);
    return;
  }
  const check::TypeId between = of.convert == Convert::kFromOptional && is_optional(of.value_type)
                                    ? element_of(of.value_type)
                                    : of.value_type;
  const bool is_ref = of.convert == Convert::kToOptional || of.convert == Convert::kToJson;
  const Reg middle = temporary(is_ref ? Kind::kRef : kind(between));
  convert(of.convert, plain, of.value_type, middle);
  convert(of.then, middle, between, to);
}

Reg Body::plain_value(ExprId id) {
  const Meaning* meaning = module_->meaning(id);
  const Kind wanted = kind(info(id).value_type);
  if (meaning != nullptr && meaning->kind == Meaning::Kind::kSymbol) {
    const Reg reg = local(meaning->symbol);
    if (reg != kNoReg && code_.kind(reg) == wanted) return reg;
  }
  const Reg to = temporary(wanted);
  plain_into(id, to);
  return to;
}

void Body::convert(Convert how, Reg from, check::TypeId from_type, Reg to) {
  switch (how) {
    case Convert::kToOptional:
      box(to, from);
      return;
    case Convert::kFromOptional:
      unbox(to, from);
      return;
    case Convert::kToJson:
      if (checked_type(from_type).shape == Shape::kJson) {
        code_.move(to, from);
      } else {
        code_.emit(Op::kToJson, to, from, program_.narrow(type(from_type), "types"));
      }
      return;
    default:
      code_.move(to, from);
      return;
  }
}

void Body::box(Reg to, Reg from) {
  if (code_.kind(from) == Kind::kRef) {
    code_.move(to, from);
  } else {
    code_.emit(Op::kBox, to, from);
  }
}

void Body::unbox(Reg to, Reg from) {
  if (to == kNoReg) return;
  if (code_.kind(to) == Kind::kRef) {
    code_.move(to, from);
  } else {
    code_.emit(Op::kUnbox, to, from);
  }
}

void Body::plain_into(ExprId id, Reg to) {
  const syntax::Expr& expr = ast()[id];
  const auto number = [&](int64_t bits) {
    if (to != kNoReg) load_number_into(to, bits);
  };
  const auto in_register = [&](const auto& fill) {
    fill(to != kNoReg ? to : temporary(kind(info(id).value_type)));
  };
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, syntax::NullLit>) {
          if (to != kNoReg) code_.emit(Op::kLoadNull, to);
        } else if constexpr (std::is_same_v<Node, syntax::BoolLit>) {
          number(node.value ? 1 : 0);
        } else if constexpr (std::is_same_v<Node, syntax::IntLit>) {
          number(node.value);
        } else if constexpr (std::is_same_v<Node, syntax::DurationLit>) {
          number(node.micros);
        } else if constexpr (std::is_same_v<Node, syntax::SizeLit>) {
          number(node.bytes);
        } else if constexpr (std::is_same_v<Node, syntax::FloatLit> ||
                             std::is_same_v<Node, syntax::ListExpr> ||
                             std::is_same_v<Node, syntax::BraceExpr> ||
                             std::is_same_v<Node, syntax::RangeExpr> ||
                             std::is_same_v<Node, syntax::StringLit>) {
          // What is always the same is a constant, however deep it is.
          const auto folded = program_.fold_plain(*module_, id);
          in_register([&](Reg where) {
            if (folded) {
              code_.load_constant(where, program_.constant(*folded));
            } else if constexpr (std::is_same_v<Node, syntax::ListExpr>) {
              list_into(id, node, where);
            } else if constexpr (std::is_same_v<Node, syntax::BraceExpr>) {
              brace_into(id, node, where);
            } else if constexpr (std::is_same_v<Node, syntax::StringLit>) {
              string_into(id, node, where);
            } else if constexpr (std::is_same_v<Node, syntax::RangeExpr>) {
              range_into(id, node, where);
            } else {
              bytecode::Constant constant;
              constant.type = type(info(id).value_type);
              constant.bits = std::bit_cast<int64_t>(node.value);
              code_.load_constant(where, program_.constant(std::move(constant)));
            }
          });
        } else if constexpr (std::is_same_v<Node, syntax::NameExpr>) {
          const Meaning* meaning = module_->meaning(id);
          if (meaning == nullptr) {
            fault(expr.span, "a name without a meaning");
          } else if (to != kNoReg) {
            symbol_into(id, meaning->symbol, to);
          }
        } else if constexpr (std::is_same_v<Node, syntax::MemberExpr>) {
          in_register([&](Reg where) { member_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::ShorthandExpr>) {
          in_register([&](Reg where) {
            const Meaning* meaning = module_->meaning(id);
            if (meaning == nullptr) return fault(expr.span, "a member without a meaning");
            enum_into(id, *meaning, where);
          });
        } else if constexpr (std::is_same_v<Node, syntax::IndexExpr>) {
          in_register([&](Reg where) { index_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::SliceExpr>) {
          in_register([&](Reg where) { slice_into(node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::CallExpr>) {
          call_into(id, node, to);
        } else if constexpr (std::is_same_v<Node, syntax::LambdaExpr>) {
          in_register([&](Reg where) { lambda_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::UnaryExpr>) {
          in_register([&](Reg where) { unary_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::BinaryExpr>) {
          in_register([&](Reg where) { binary_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::CastExpr>) {
          in_register([&](Reg where) { cast_into(id, node, where); });
        } else if constexpr (std::is_same_v<Node, syntax::IfExpr>) {
          if_into(node, to);
        } else if constexpr (std::is_same_v<Node, syntax::MatchExpr>) {
          match_into(node, to);
        } else if constexpr (std::is_same_v<Node, syntax::TryExpr>) {
          try_into(id, node, to);
        } else if constexpr (std::is_same_v<Node, syntax::ParallelExpr>) {
          place(expr.span);
          parallel_block_into(node, to);
        } else if constexpr (std::is_same_v<Node, syntax::ParallelForExpr>) {
          place(expr.span);
          parallel_for_into(id, node, to);
        } else if constexpr (std::is_same_v<Node, syntax::WaitExpr>) {
          place(expr.span);
          code_.emit(Op::kSleep, value(node.duration));
          if (to != kNoReg) code_.emit(Op::kLoadNull, to);
        } else if constexpr (std::is_same_v<Node, syntax::WaitUntilExpr>) {
          place(expr.span);
          code_.emit(Op::kSleepUntil, value(node.time));
          if (to != kNoReg) code_.emit(Op::kLoadNull, to);
        } else if constexpr (std::is_same_v<Node, syntax::WaitSignalExpr>) {
          place(expr.span);
          signal_into(id, node, to);
        } else if constexpr (std::is_same_v<Node, syntax::WaitFirstExpr>) {
          place(expr.span);
          wait_first_into(id, node, to);
        } else if constexpr (std::is_same_v<Node, syntax::FailExpr>) {
          place(expr.span);
          fail_with(node);
        } else {
          fault(expr.span, "an expression that has no meaning yet");
        }
      },
      expr.node);
}

void Body::symbol_into(ExprId id, SymbolId symbol, Reg to) {
  const Reg reg = local(symbol);
  const check::Symbol& of = program_.symbol(symbol);
  if (reg != kNoReg) {
    // A name that may not be there yet is a T?; narrowed, it is a T again.
    if (code_.kind(reg) == code_.kind(to)) {
      code_.move(to, reg);
    } else if (code_.kind(to) == Kind::kRef) {
      box(to, reg);
    } else {
      unbox(to, reg);
    }
    return;
  }
  switch (of.kind) {
    case check::Symbol::Kind::kConst: {
      const CheckedModule& home = program_.module_of(symbol);
      const auto* decl = std::get_if<syntax::ConstDecl>(&home.ast[of.decl].node);
      const auto folded = decl == nullptr ? std::nullopt : program_.fold(home, decl->value);
      if (folded) {
        code_.load_constant(to, *folded);
      } else {
        code_.emit_run(Op::kCall, to, program_.function_of(symbol), 0, 0);
      }
      return;
    }
    case check::Symbol::Kind::kFunction:
      code_.emit_run(Op::kMakeClosure, to, program_.function_of(symbol), 0, 0);
      code_.extra(0);
      return;
    default:
      fault(ast()[id].span, "`" + of.name + "` has no value here");
  }
}

void Body::if_into(const syntax::IfExpr& node, Reg to) {
  const Label otherwise = code_.label();
  branch(node.condition, false, otherwise);
  block_into(node.then_block, to);
  if (!node.else_block.valid() && to == kNoReg) {
    code_.bind(otherwise);
    return;
  }
  const Label end = code_.label();
  code_.jump(end);
  code_.bind(otherwise);
  if (node.else_block.valid()) {
    block_into(node.else_block, to);
  } else if (code_.kind(to) == Kind::kRef) {
    code_.emit(Op::kLoadNull, to);
  }
  code_.bind(end);
}

void Body::block_into(BlockId id, Reg to) {
  const syntax::Block& of = ast()[id];
  for (size_t i = 0; i < of.stmts.size(); ++i) {
    const StmtId stmt = of.stmts[i];
    const auto* last =
        i + 1 == of.stmts.size() ? std::get_if<syntax::ExprStmt>(&ast()[stmt].node) : nullptr;
    if (to == kNoReg || last == nullptr) {
      statement(stmt);
      continue;
    }
    TemporaryScope scope(code_);
    const check::TypeId given = info(last->value).type;
    const Shape shape = checked_type(given).shape;
    if (!last->clauses.empty()) {
      place(ast()[stmt].span);
      call_step_into(stmt, *last, to);
    } else if (kind(given) == code_.kind(to)) {
      into(last->value, to);
    } else {
      discard(last->value);
      if (shape != Shape::kNever) fault(ast()[stmt].span, "a value of another kind than is wanted");
    }
    return;
  }
  // A block that ends in something without a value.
  if (to != kNoReg && code_.kind(to) == Kind::kRef) code_.emit(Op::kLoadNull, to);
}

}  // namespace rbk::lower
