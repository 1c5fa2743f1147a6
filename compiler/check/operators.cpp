// Operators, and what conditions tell about names that may be null.
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;
using syntax::BinaryOp;

namespace {

std::string_view operator_text(BinaryOp op) {
  switch (op) {
    case BinaryOp::kMul:
      return "*";
    case BinaryOp::kDiv:
      return "/";
    case BinaryOp::kMod:
      return "%";
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSub:
      return "-";
    case BinaryOp::kCoalesce:
      return "??";
    case BinaryOp::kEq:
      return "==";
    case BinaryOp::kNe:
      return "!=";
    case BinaryOp::kLt:
      return "<";
    case BinaryOp::kLe:
      return "<=";
    case BinaryOp::kGt:
      return ">";
    case BinaryOp::kGe:
      return ">=";
    case BinaryOp::kIn:
      return "in";
    case BinaryOp::kNotIn:
      return "not in";
    case BinaryOp::kMatches:
      return "matches";
    case BinaryOp::kAnd:
      return "and";
    case BinaryOp::kOr:
      return "or";
  }
  return "?";
}

}  // namespace

bool BodyChecker::refuse_secret(ExprId expr, TypeId type, std::string_view shown_by) {
  if (!all_.holds_secret(type)) return false;
  if (shown_by == "a comparison") {
    auto& report = diagnostics_.report(Code::kNotMatchable, span_of(expr), text(type))
                       .labelled("the answer would tell something about it")
                       .help("let whoever gives the secret say what is to be known of it");
    add_secret_source(report, expr);
    return true;
  }
  auto& report = diagnostics_.report(Code::kSecretShown, span_of(expr), shown_by)
                     .labelled(types_.without_optional(type) == types::kSecret
                                   ? fmt::format("`{}` is a `secret`", source(span_of(expr)))
                                   : fmt::format("a `{}` has a secret in it", text(type)))
                     .help("hand it to a parameter of type `secret`, or to an `env { }` entry");
  add_secret_source(report, expr);
  return true;
}

void BodyChecker::add_secret_source(diagnostics::Diagnostic& report, ExprId expr) const {
  const Meaning* meaning = module_.meaning(expr);
  while (meaning == nullptr || meaning->kind != Meaning::Kind::kSymbol) {
    if (const auto* member = std::get_if<syntax::MemberExpr>(&ast_[expr].node);
        member != nullptr && (meaning == nullptr || meaning->kind != Meaning::Kind::kSecretByName))
      expr = member->base;
    else if (const auto* index = std::get_if<syntax::IndexExpr>(&ast_[expr].node))
      expr = index->base;
    else
      return;
    if (!expr.valid()) return;
    meaning = module_.meaning(expr);
  }
  const Symbol& symbol = program_.symbols[meaning->symbol];
  if (symbol.kind == Symbol::Kind::kParameter)
    report.also(symbol.span, fmt::format("it comes from the parameter `{}`", symbol.name));
  else if (symbol.kind == Symbol::Kind::kLocal || symbol.kind == Symbol::Kind::kConst)
    report.also(symbol.span, fmt::format("it comes from `{}`", symbol.name));
}

TypeId BodyChecker::infer_unary(ExprId expr, const syntax::UnaryExpr& node, TypeId hint) {
  if (node.op == syntax::UnaryOp::kNot) {
    logic(expr);
    return types::kBool;
  }
  const TypeId type = infer(node.operand, hint);
  if (types_.is_silent(type)) return type;
  if (type != types::kInt && type != types::kFloat && type != types::kDuration) {
    if (!refuse_secret(node.operand, type, "an operator"))
      diagnostics_.report(Code::kOperatorType, span_of(expr), "-", text(type))
          .labelled("numbers and durations can be negative");
    return types::kUnknown;
  }
  if (const auto value = constant(node.operand)) {
    int64_t negative = 0;
    if (!__builtin_sub_overflow(int64_t{0}, *value, &negative)) folded_[expr.index] = negative;
  }
  return type;
}

TypeId BodyChecker::infer_binary(ExprId expr, const syntax::BinaryExpr& node, TypeId hint) {
  switch (node.op) {
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
      logic(expr);
      return types::kBool;
    case BinaryOp::kCoalesce:
      return infer_coalesce(node, hint);
    case BinaryOp::kEq:
    case BinaryOp::kNe:
      return infer_equality(node);
    case BinaryOp::kLt:
    case BinaryOp::kLe:
    case BinaryOp::kGt:
    case BinaryOp::kGe:
      return infer_order(node);
    case BinaryOp::kIn:
    case BinaryOp::kNotIn:
      return infer_membership(node);
    case BinaryOp::kMatches: {
      const TypeId left = infer(node.left);
      if (!refuse_secret(node.left, left, "a comparison"))
        coerce(node.left, types::kString, {Why::Kind::kClause, "matches", {}, {}});
      expect(node.right, types::kRegex, {Why::Kind::kClause, "matches", {}, {}});
      return types::kBool;
    }
    default:
      return infer_arithmetic(expr, node, hint);
  }
}

void BodyChecker::report_operator(const syntax::BinaryExpr& node, TypeId left, TypeId right) {
  const std::string_view op = operator_text(node.op);
  // One operand that only has to be read or checked first is told as that.
  for (const auto& [operand, type, other] :
       {std::tuple(node.left, left, right), std::tuple(node.right, right, left)}) {
    if (refuse_secret(operand, type, "an operator")) return;
    if (types_.is_optional(type) && types_.without_optional(other) == types_.element(type)) {
      report_mismatch(operand, type, types_.element(type), {});
      return;
    }
    if (type == types::kJson && other != types::kJson) {
      report_mismatch(operand, type, types_.without_optional(other), {});
      return;
    }
  }
  const bool mixes_numbers = (left == types::kInt && right == types::kFloat) ||
                             (left == types::kFloat && right == types::kInt);
  const bool adds_text =
      node.op == BinaryOp::kAdd && (left == types::kString || right == types::kString);
  const bool compares = node.op == BinaryOp::kEq || node.op == BinaryOp::kNe;
  const Code code = mixes_numbers ? Code::kMixedNumbers
                    : adds_text   ? Code::kTextOperator
                    : compares    ? Code::kComparedTypes
                                  : Code::kOperatorTypes;
  auto& report =
      diagnostics_.report(Code::kOperatorTypes, node.op_span, op, text(left), text(right));
  report.code = code;  // their messages are the same
  report.also(span_of(node.left), fmt::format("this is `{}`", text(left)));
  report.also(span_of(node.right), fmt::format("this is `{}`", text(right)));
  if (mixes_numbers) {
    const ExprId whole = left == types::kInt ? node.left : node.right;
    if (std::holds_alternative<syntax::IntLit>(ast_[whole].node)) {
      const Span end{span_of(whole).end, span_of(whole).end, span_of(whole).file};
      report.help("`int` and `float` don't mix: write the number with a point")
          .fix(fmt::format("write `{}.0`", source(span_of(whole))), {{end, ".0"}});
    } else {
      report.help(fmt::format("`int` and `float` don't mix: convert one by name, `{} as float`",
                              source(span_of(whole))));
    }
  } else if (adds_text) {
    report.help("put values into text with `${}`");
  } else if (left == types::kDuration && right == types::kInt) {
    report.help("say which unit the number has: `5s`, or `n * 1s`");
  } else if (left == types::kSize && right == types::kInt) {
    report.help("say which unit the number has: `5MiB`, or `n * 1MiB`");
  } else if (types_.is(left, Shape::kList) && node.op == BinaryOp::kAdd) {
    report.help("lists are joined by `.concat(…)` and grow by `.append(…)`");
  }
}

TypeId BodyChecker::infer_coalesce(const syntax::BinaryExpr& node, TypeId hint) {
  const TypeId left_hint = hint == kNone ? kNone : types_.without_optional(hint);
  const TypeId left = infer(node.left, left_hint);
  const Restore<bool> reach(reachable_);
  const Restore<Facts> facts(facts_);
  if (types_.is_silent(left)) {
    infer(node.right, hint);
    return left;
  }
  if (left == types::kNull) return infer(node.right, hint);
  if (left == types::kJson) {
    infer(node.right, types::kJson);
    if (!types_.is_silent(info(node.right).type)) to_json(node.right);
    return types::kJson;
  }
  if (!types_.is_optional(left)) {
    infer(node.right, left);
    diagnostics_.report(Code::kNeverNull, node.op_span, "??", text(left))
        .also(span_of(node.left), fmt::format("this is `{}`", text(left)))
        .help("leave out `??` and what follows")
        .fix("remove the part after it",
             {{Span{span_of(node.left).end, span_of(node.right).end, node.op_span.file}, ""}},
             diagnostics::Applicability::kMaybeIncorrect);
    return left;
  }
  const TypeId plain = types_.element(left);
  const TypeId right = infer(node.right, plain);
  if (right == types::kNull || (types_.is_optional(right) && types_.compatible(right, left))) {
    apply(node.right, types_.convert(right, left));
    return left;
  }
  coerce(node.right, plain, {Why::Kind::kBranch, {}, {}, span_of(node.left)});
  return plain;
}

TypeId BodyChecker::infer_equality(const syntax::BinaryExpr& node) {
  const auto needs_other = [&](ExprId id) {
    const auto& written = ast_[id].node;
    return std::holds_alternative<syntax::ShorthandExpr>(written) ||
           std::holds_alternative<syntax::NullLit>(written) ||
           std::holds_alternative<syntax::StringLit>(written) ||
           std::holds_alternative<syntax::ListExpr>(written);
  };
  TypeId left = kNone;
  TypeId right = kNone;
  if (needs_other(node.left) && !needs_other(node.right)) {
    right = infer(node.right);
    left = infer(node.left, right);
  } else {
    left = infer(node.left);
    right = infer(node.right, left == types::kNull ? kNone : left);
  }
  if (types_.is_silent(left) || types_.is_silent(right)) return types::kBool;
  // Whether a secret was given at all may be known.
  if (left != types::kNull && right != types::kNull &&
      (refuse_secret(node.left, left, "a comparison") ||
       refuse_secret(node.right, right, "a comparison")))
    return types::kBool;
  if (left == types::kNull || right == types::kNull) {
    const TypeId other = left == types::kNull ? right : left;
    const ExprId operand = left == types::kNull ? node.right : node.left;
    if (!types_.is_optional(other) && other != types::kJson && other != types::kNull) {
      auto& report =
          diagnostics_.report(Code::kNeverNull, node.op_span, operator_text(node.op), text(other));
      report.also(span_of(operand), fmt::format("this is `{}`", text(other)));
      report.help(info(operand).convert == Convert::kFromOptional
                      ? "it was checked before, and cannot be null here"
                      : "the comparison always ends the same way: leave it out");
    }
    return types::kBool;
  }
  if (left == types::kJson || right == types::kJson) {
    for (const ExprId operand : {node.left, node.right}) to_json(operand);
    return types::kBool;
  }
  const TypeId joined = types_.join(left, right);
  if (joined == kNone) {
    report_operator(node, left, right);
    return types::kBool;
  }
  if (!types_.comparable(joined)) {
    diagnostics_.report(Code::kNotMatchable, node.op_span, text(joined))
        .also(span_of(node.left), "compared here");
    return types::kBool;
  }
  apply(node.left, types_.convert(left, joined));
  apply(node.right, types_.convert(right, joined));
  return types::kBool;
}

TypeId BodyChecker::infer_order(const syntax::BinaryExpr& node) {
  const bool left_is_text = std::holds_alternative<syntax::StringLit>(ast_[node.left].node);
  TypeId left = kNone;
  TypeId right = kNone;
  if (left_is_text) {
    right = infer(node.right);
    left = infer(node.left, right);
  } else {
    left = infer(node.left);
    right = infer(node.right, left);
  }
  if (types_.is_silent(left) || types_.is_silent(right)) return types::kBool;
  if (left != right || !types_.ordered(left)) report_operator(node, left, right);
  return types::kBool;
}

TypeId BodyChecker::infer_membership(const syntax::BinaryExpr& node) {
  const bool shorthand = std::holds_alternative<syntax::ShorthandExpr>(ast_[node.left].node);
  const auto& right_node = ast_[node.right].node;
  if (shorthand && !std::holds_alternative<syntax::ListExpr>(right_node)) {
    const TypeId right = infer(node.right);
    const TypeId element = types_.is(right, Shape::kMap)    ? types_[right].key
                           : types_.is(right, Shape::kList) ? types_.element(right)
                                                            : types::kUnknown;
    infer(node.left, element);
    return types::kBool;
  }
  const TypeId left = infer(node.left);
  if (refuse_secret(node.left, left, "a comparison")) {
    infer(node.right);
    return types::kBool;
  }
  TypeId hint = kNone;
  if (!types_.is_silent(left)) {
    if (std::holds_alternative<syntax::RangeExpr>(right_node)) hint = types_.range(left);
    if (std::holds_alternative<syntax::ListExpr>(right_node) && left != types::kNull)
      hint = types_.list(left);
  }
  const TypeId right = infer(node.right, hint);
  if (types_.is_silent(left) || types_.is_silent(right)) return types::kBool;
  const Shape shape = types_.shape(right);
  if (shape == Shape::kList || shape == Shape::kRange || shape == Shape::kMap) {
    const TypeId element = shape == Shape::kMap ? types_[right].key : types_.element(right);
    const Conversion conversion = types_.convert(left, element);
    if (!apply(node.left, conversion)) report_operator(node, left, right);
    return types::kBool;
  }
  if (right == types::kString) {
    diagnostics_
        .report(Code::kInText, node.op_span, operator_text(node.op), text(left), text(right))
        .labelled("`in` looks into lists, ranges and the keys of maps")
        .help(fmt::format("for a part of a text write `{}.contains({})`",
                          source(span_of(node.right)), source(span_of(node.left))));
    return types::kBool;
  }
  report_operator(node, left, right);
  return types::kBool;
}

TypeId BodyChecker::arithmetic_type(BinaryOp op, TypeId left, TypeId right) {
  const auto is_amount = [](TypeId type) {
    return type == types::kDuration || type == types::kSize;
  };
  switch (op) {
    case BinaryOp::kAdd:
      if (left == right && (left == types::kInt || left == types::kFloat || is_amount(left) ||
                            left == types::kString))
        return left;
      if ((left == types::kTime && right == types::kDuration) ||
          (left == types::kDuration && right == types::kTime))
        return types::kTime;
      return kNone;
    case BinaryOp::kSub:
      if (left == right && (left == types::kInt || left == types::kFloat || is_amount(left)))
        return left;
      if (left == types::kTime && right == types::kDuration) return types::kTime;
      if (left == types::kTime && right == types::kTime) return types::kDuration;
      return kNone;
    case BinaryOp::kMul:
      if (left == right && (left == types::kInt || left == types::kFloat)) return left;
      if (is_amount(left) && right == types::kInt) return left;
      if (left == types::kInt && is_amount(right)) return right;
      return kNone;
    case BinaryOp::kDiv:
      if (left == right && (left == types::kInt || left == types::kFloat)) return left;
      if (is_amount(left) && right == types::kInt) return left;
      if (left == right && is_amount(left)) return types::kInt;
      return kNone;
    case BinaryOp::kMod:
      return left == types::kInt && right == types::kInt ? types::kInt : kNone;
    default:
      return kNone;
  }
}

TypeId BodyChecker::infer_arithmetic(ExprId expr, const syntax::BinaryExpr& node, TypeId hint) {
  (void)hint;
  const TypeId left = infer(node.left);
  const TypeId right = infer(node.right);
  if (types_.is_silent(left) || types_.is_silent(right)) {
    // What one operand is tells the result of most; nothing more is said of the other.
    return types::kUnknown;
  }
  const TypeId type = arithmetic_type(node.op, left, right);
  if (type == kNone) {
    report_operator(node, left, right);
    return types::kUnknown;
  }
  if (type != types::kFloat && type != types::kString && type != types::kTime)
    fold(expr, node, type);
  return type;
}

std::optional<int64_t> BodyChecker::constant(ExprId expr) const {
  if (!expr.valid()) return std::nullopt;
  const auto& written = ast_[expr].node;
  if (const auto* number = std::get_if<syntax::IntLit>(&written)) return number->value;
  if (const auto* duration = std::get_if<syntax::DurationLit>(&written)) return duration->micros;
  if (const auto* size = std::get_if<syntax::SizeLit>(&written)) return size->bytes;
  const auto found = folded_.find(expr.index);
  if (found == folded_.end()) return std::nullopt;
  return found->second;
}

void BodyChecker::within(ExprId expr, int64_t least, int64_t most, std::string_view clause,
                         std::string_view why, std::string_view cure) {
  std::optional<int64_t> number = constant(expr);
  if (expr.valid() && std::holds_alternative<syntax::NameExpr>(ast_[expr].node)) {
    const Meaning* meaning = module_.meaning(expr);
    const auto named = constants_.find(meaning == nullptr ? kNone : meaning->symbol);
    if (named != constants_.end()) number = named->second;
  }
  if (!number || (*number >= least && *number <= most)) return;
  diagnostics_.report(Code::kClauseValue, span_of(expr), clause, source(span_of(expr)))
      .labelled(std::string(why))
      .help(std::string(cure));
}

void BodyChecker::fold(ExprId expr, const syntax::BinaryExpr& node, TypeId type) {
  const auto right = constant(node.right);
  const bool divides = node.op == BinaryOp::kDiv || node.op == BinaryOp::kMod;
  if (divides && right && *right == 0) {
    diagnostics_.report(Code::kConstantDivision, node.op_span)
        .also(span_of(node.right), "this is zero")
        .help("divide by something else, or say what happens for zero with `if`");
    return;
  }
  const auto left = constant(node.left);
  if (!left || !right) return;
  int64_t value = 0;
  bool overflow = false;
  switch (node.op) {
    case BinaryOp::kAdd:
      overflow = __builtin_add_overflow(*left, *right, &value);
      break;
    case BinaryOp::kSub:
      overflow = __builtin_sub_overflow(*left, *right, &value);
      break;
    case BinaryOp::kMul:
      overflow = __builtin_mul_overflow(*left, *right, &value);
      break;
    case BinaryOp::kDiv:
      overflow = *right == -1 && __builtin_sub_overflow(int64_t{0}, *left, &value);
      if (!overflow && *right != -1) value = *left / *right;
      break;
    case BinaryOp::kMod:
      value = *right == -1 ? 0 : *left % *right;
      break;
    default:
      return;
  }
  if (overflow) {
    diagnostics_.report(Code::kConstantOverflow, span_of(expr), fmt::format("a `{}`", text(type)))
        .labelled("the result is outside of what 64 bits hold")
        .help("reckon with smaller numbers, or with `float`");
    return;
  }
  folded_[expr.index] = value;
}

// ---- Conditions

Branching BodyChecker::logic(ExprId expr) {
  const syntax::Expr& written = ast_[expr];
  const auto require_bool = [&](ExprId operand, std::string_view op, Span place) {
    const TypeId type = info(operand).type;
    if (type == types::kBool || types_.is_silent(type)) return;
    if (types_.is_optional(type) && types_.element(type) == types::kBool) {
      report_mismatch(operand, type, types::kBool, {});
    } else if (type == types::kJson) {
      report_mismatch(operand, type, types::kBool, {});
    } else if (!refuse_secret(operand, type, "a condition")) {
      diagnostics_.report(Code::kOperatorType, place, op, text(type))
          .labelled("both sides have to be `bool`")
          .help("compare it with something: `x > 0`, `x != null`");
    }
  };
  const auto is_true = [&](ExprId id) { info(id).value_type = info(id).type = types::kBool; };
  if (const auto* binary = std::get_if<syntax::BinaryExpr>(&written.node);
      binary != nullptr && (binary->op == BinaryOp::kAnd || binary->op == BinaryOp::kOr)) {
    const bool is_and = binary->op == BinaryOp::kAnd;
    const std::string_view op = operator_text(binary->op);
    const Facts before = facts_;
    const Branching left = logic(binary->left);
    require_bool(binary->left, op, span_of(binary->left));
    facts_.add(is_and ? left.when_true : left.when_false);
    Branching right;
    {
      const Restore<bool> reach(reachable_);
      right = logic(binary->right);
    }
    require_bool(binary->right, op, span_of(binary->right));
    facts_ = before;
    is_true(expr);
    Branching both;
    Facts& all = is_and ? both.when_true : both.when_false;
    all = left.when_true;
    if (!is_and) all = left.when_false;
    all.add(is_and ? right.when_true : right.when_false);
    Facts& either = is_and ? both.when_false : both.when_true;
    either = is_and ? left.when_false : left.when_true;
    either.keep(is_and ? right.when_false : right.when_true);
    return both;
  }
  if (const auto* unary = std::get_if<syntax::UnaryExpr>(&written.node);
      unary != nullptr && unary->op == syntax::UnaryOp::kNot) {
    Branching inner = logic(unary->operand);
    require_bool(unary->operand, "not", written.span);
    is_true(expr);
    std::swap(inner.when_true, inner.when_false);
    return inner;
  }
  infer(expr, types::kBool);
  Branching result;
  const auto* binary = std::get_if<syntax::BinaryExpr>(&written.node);
  if (binary == nullptr || (binary->op != BinaryOp::kEq && binary->op != BinaryOp::kNe))
    return result;
  const bool left_null = std::holds_alternative<syntax::NullLit>(ast_[binary->left].node);
  const bool right_null = std::holds_alternative<syntax::NullLit>(ast_[binary->right].node);
  Facts& holds = binary->op == BinaryOp::kNe ? result.when_true : result.when_false;
  if (left_null != right_null) {
    const PathId path = path_of(left_null ? binary->right : binary->left);
    if (path != kNone) holds.add(path);
  } else if (!left_null) {
    // `x == 5`: where it holds, x is no null.
    Facts& equal = binary->op == BinaryOp::kEq ? result.when_true : result.when_false;
    for (const auto& [one, other] :
         {std::pair(binary->left, binary->right), std::pair(binary->right, binary->left)}) {
      const TypeId from = info(one).value_type;
      const TypeId to = info(other).value_type;
      if (!types_.is_optional(from) || types_.is_optional(to)) continue;
      const PathId path = path_of(one);
      if (path != kNone) equal.add(path);
    }
  }
  return result;
}

Branching BodyChecker::condition(ExprId expr) {
  if (!expr.valid()) return {};
  Branching result = logic(expr);
  const TypeId type = info(expr).type;
  if (type == types::kBool || types_.is_silent(type)) return result;
  if (type == types::kJson || (types_.is_optional(type) && types_.element(type) == types::kBool)) {
    report_mismatch(expr, type, types::kBool, {});
  } else if (!refuse_secret(expr, type, "a condition")) {
    auto& report = diagnostics_.report(Code::kConditionNotBool, span_of(expr), text(type))
                       .labelled("only `true` and `false` decide");
    const std::string_view written = source(span_of(expr));
    if (types_.is_optional(type))
      report.help(fmt::format("is it there? write `{} != null`", written));
    else if (type == types::kInt)
      report.help(fmt::format("compare it: `{} != 0`", written));
    else if (type == types::kString)
      report.help(fmt::format("compare it: `{} != \"\"`", written));
    else if (types_.is(type, Shape::kList))
      report.help(fmt::format("is there anything in it? write `not {}.is_empty`", written));
    else if (types_.is(type, Shape::kResult))
      report.help(fmt::format("did it end well? write `{}.ok`", written));
  }
  return {};
}

}  // namespace rbk::check
