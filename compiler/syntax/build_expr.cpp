// Expressions: flat lists of operands and operators become trees by precedence.
#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/units.h"
#include "compiler/syntax/builder.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

// From loosest to tightest; a unary `-` and what follows a value bind tighter than all of these.
enum Precedence { kNoOp, kOr, kAnd, kNot, kComparison, kCoalesce, kRange, kSum, kProduct, kCast };

struct Operator {
  Precedence precedence = kNoOp;
  BinaryOp op = BinaryOp::kAdd;
};

Operator operator_of(Kind kind) {
  switch (kind) {
    case Kind::kOr:
      return {kOr, BinaryOp::kOr};
    case Kind::kAnd:
      return {kAnd, BinaryOp::kAnd};
    case Kind::kEq:
      return {kComparison, BinaryOp::kEq};
    case Kind::kNe:
      return {kComparison, BinaryOp::kNe};
    case Kind::kLt:
      return {kComparison, BinaryOp::kLt};
    case Kind::kLe:
      return {kComparison, BinaryOp::kLe};
    case Kind::kGt:
      return {kComparison, BinaryOp::kGt};
    case Kind::kGe:
      return {kComparison, BinaryOp::kGe};
    case Kind::kIn:
      return {kComparison, BinaryOp::kIn};
    case Kind::kNot:
      return {kComparison, BinaryOp::kNotIn};
    case Kind::kMatches:
      return {kComparison, BinaryOp::kMatches};
    case Kind::kCoalesce:
      return {kCoalesce, BinaryOp::kCoalesce};
    case Kind::kRange:
    case Kind::kRangeLt:
      return {kRange, BinaryOp::kAdd};
    case Kind::kPlus:
      return {kSum, BinaryOp::kAdd};
    case Kind::kMinus:
      return {kSum, BinaryOp::kSub};
    case Kind::kStar:
      return {kProduct, BinaryOp::kMul};
    case Kind::kSlash:
      return {kProduct, BinaryOp::kDiv};
    case Kind::kPercent:
      return {kProduct, BinaryOp::kMod};
    case Kind::kAs:
      return {kCast, BinaryOp::kAdd};
    default:
      return {};
  }
}

bool is_compound(const Expr& expr) {
  return std::holds_alternative<IfExpr>(expr.node) ||
         std::holds_alternative<MatchExpr>(expr.node) ||
         std::holds_alternative<TryExpr>(expr.node) ||
         std::holds_alternative<ParallelExpr>(expr.node) ||
         std::holds_alternative<ParallelForExpr>(expr.node) ||
         std::holds_alternative<WaitFirstExpr>(expr.node);
}

std::string without_underscores(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  return digits;
}

}  // namespace

// The operands and operators of one expression, and how far they are used up.
struct Builder::Chain {
  const std::vector<P::TailContext*>& tails;
  size_t next = 0;
};

ExprId Builder::make(Span where, decltype(Expr::node) node) {
  Expr expr;
  expr.span = where;
  expr.node = std::move(node);
  return ast_.add(std::move(expr));
}

ExprId Builder::error_expr(Span where) { return make(where, ErrorExpr{}); }

bool Builder::too_deep(Span where, size_t more) {
  if (depth_ + more <= kMaxTreeDepth) return false;
  if (!too_deep_) {
    too_deep_ = true;
    report(SyntaxError::Code::kSyntaxLimit, {where.begin, where.begin + 1, where.file},
           fmt::format("this has more than {} parts within each other", kMaxTreeDepth),
           "give some of them names with `let`");
  }
  return true;
}

ExprId Builder::expr(const P::ExprContext* context, bool range_allowed) {
  if (context == nullptr) return error_expr({0, 0, source_.id()});
  if (context->ws != nullptr) return wait_signal(context->ws);
  if (context->first == nullptr) return error_expr(span(context));
  const Deeper deeper(depth_);
  if (too_deep(span(context))) return error_expr(span(context));
  if (context->tails.empty() && context->first->pre.empty()) {
    const ExprId id = operand(context->first);
    if (!range_allowed) no_range(id);
    return id;
  }
  Chain chain{context->tails};
  const ExprId id = binary(chain, kNoOp, context->first, 0);
  if (!range_allowed) no_range(id);
  return id;
}

ExprId Builder::optional_expr(const P::ExprContext* context, bool range_allowed) {
  return context == nullptr ? ExprId{} : expr(context, range_allowed);
}

void Builder::no_range(ExprId id) {
  if (!std::holds_alternative<RangeExpr>(ast_[id].node)) return;
  report(SyntaxError::Code::kRangePlace, ast_[id].span, "a range can't stand here",
         "a range stands after `in`, in a pattern, a slice, as an argument, or as `(1..3).map(…)`");
}

void Builder::needs_parentheses(ExprId id) {
  const Expr& part = ast_[id];
  if (part.parenthesised || !is_compound(part)) return;
  const std::string_view whole = source_.text(part.span);
  const std::string_view word = whole.substr(0, whole.find_first_of(" {(\n"));
  report(SyntaxError::Code::kNeedsParentheses,
         {part.span.begin, part.span.begin + static_cast<uint32_t>(word.size()), part.span.file},
         fmt::format("a `{}` that is a part of a value stands in parentheses", word),
         fmt::format("write `({} … )`", word));
}

// ---- Operators

ExprId Builder::binary(Chain& chain, int lowest, const P::OperandContext* operand, size_t prefix) {
  const Deeper deeper(depth_);
  if (operand == nullptr) return error_expr({0, 0, source_.id()});
  if (too_deep(span(operand))) {
    chain.next = chain.tails.size();
    return error_expr(span(operand));
  }
  ExprId left = prefixed(chain, operand, prefix);
  const size_t depth_before = depth_;
  int compared = kNoOp;
  while (chain.next < chain.tails.size()) {
    const P::TailContext* tail = chain.tails[chain.next];
    if (tail->op == nullptr) break;
    const Precedence precedence = operator_of(kind(tail->op)).precedence;
    if (precedence < lowest) break;
    if ((precedence == kComparison || precedence == kRange) && compared == precedence) {
      report(precedence == kRange ? SyntaxError::Code::kRangePlace
                                  : SyntaxError::Code::kChainedComparison,
             span(tail->op),
             precedence == kRange ? "a range has two ends only" : "comparisons don't chain",
             precedence == kRange ? "" : "write `a < b and b < c`");
    }
    compared = precedence;
    ++chain.next;
    ++depth_;  // the tree leans left: each operator puts what is before it one deeper
    if (too_deep(span(tail))) {
      chain.next = chain.tails.size();
      left = error_expr(ast_[left].span);
      break;
    }
    left = apply(chain, tail, left, precedence);
  }
  depth_ = depth_before;
  return left;
}

ExprId Builder::apply(Chain& chain, const P::TailContext* tail, ExprId left, int precedence) {
  needs_parentheses(left);
  const Span begin = ast_[left].span;
  if (precedence == kCast) {
    no_range(left);
    const TypeRefId to = type(tail->t);
    return make(source::cover(begin, ast_[to].span), CastExpr{left, to});
  }
  const ExprId right = binary(chain, precedence + 1, tail->r, 0);
  needs_parentheses(right);
  const Span where = source::cover(begin, ast_[right].span);
  const Kind op = kind(tail->op);
  if (precedence == kRange) return make(where, RangeExpr{left, right, op == Kind::kRangeLt});
  no_range(left);
  if (op != Kind::kIn && op != Kind::kNot) no_range(right);
  return make(where, BinaryExpr{operator_of(op).op, span(tail->op), left, right});
}

ExprId Builder::prefixed(Chain& chain, const P::OperandContext* context, size_t prefix) {
  if (prefix == context->pre.size()) return operand(context);
  const P::PrefixContext* before = context->pre[prefix];
  const Span begin = span(before->op);
  const Kind op = kind(before->op);
  if (op == Kind::kMinus && prefix + 1 == context->pre.size() && context->suffixes.empty() &&
      context->tok != nullptr && kind(context->tok) == Kind::kInt &&
      text(context->tok) == "9223372036854775808")
    return make(source::cover(begin, span(context->tok)),
                IntLit{std::numeric_limits<int64_t>::min()});
  if (op == Kind::kMinus) {
    const Deeper deeper(depth_);
    if (too_deep(begin)) return error_expr(begin);
    const ExprId value = prefixed(chain, context, prefix + 1);
    needs_parentheses(value);
    return make(source::cover(begin, ast_[value].span), UnaryExpr{UnaryOp::kNegate, value});
  }
  if (op == Kind::kNot) {
    const ExprId value = binary(chain, kNot, context, prefix + 1);
    needs_parentheses(value);
    no_range(value);
    return make(source::cover(begin, ast_[value].span), UnaryExpr{UnaryOp::kNot, value});
  }
  std::vector<Field> lambda_params;
  if (op == Kind::kFnValue) lambda_params = params(before->f, false);
  const ExprId value = binary(chain, kNoOp, context, prefix + 1);
  no_range(value);
  const Span where = source::cover(begin, ast_[value].span);
  switch (op) {
    case Kind::kFail:
      return make(where, FailExpr{value});
    case Kind::kWaitUntil:
      return make(where, WaitUntilExpr{value});
    case Kind::kWait:
      return make(where, WaitExpr{value});
    default:
      return make(where, LambdaExpr{std::move(lambda_params), value, {}});
  }
}

ExprId Builder::lone_operand(const P::OperandContext* context) {
  const std::vector<P::TailContext*> no_tails;
  Chain chain{no_tails};
  return binary(chain, kNoOp, context, 0);
}

// ---- Operands

ExprId Builder::operand(const P::OperandContext* context) {
  if (context == nullptr) return error_expr({0, 0, source_.id()});
  ExprId value = core(context);
  const size_t depth_before = depth_;
  for (const P::SuffixContext* part : context->suffixes) {
    ++depth_;
    if (too_deep(span(part))) {
      value = error_expr(ast_[value].span);
      break;
    }
    value = suffix(context, part, value);
  }
  depth_ = depth_before;
  return value;
}

ExprId Builder::core(const P::OperandContext* context) {
  if (context->str != nullptr) return interpolated(context->str);
  if (context->cp != nullptr) return compound(context->cp);
  if (context->tok == nullptr) return error_expr(span(context));
  const Span where = span(context->tok);
  switch (kind(context->tok)) {
    case Kind::kDot:
      return make(context->m == nullptr ? where : source::cover(where, span(context->m)),
                  ShorthandExpr{member_name(context->m)});
    case Kind::kLparen: {
      const ExprId inner = expr(context->e, true);
      ast_.exprs[inner.index].parenthesised = true;
      return inner;
    }
    case Kind::kLbrack: {
      ListExpr list;
      for (const P::ExprContext* item : context->items) list.items.push_back(expr(item));
      Span whole = where;
      const Span rest = span(context);
      whole.end = rest.end;
      // Up to its own bracket, not to the suffixes.
      if (!context->suffixes.empty()) {
        whole.end = span(context->suffixes.front()).begin;
        while (whole.end > whole.begin && source_.text()[whole.end - 1] != ']') --whole.end;
      }
      return make(whole, std::move(list));
    }
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kDuration:
    case Kind::kSize:
    case Kind::kString:
    case Kind::kTrue:
    case Kind::kFalse:
    case Kind::kNullLit:
      return literal(context->tok, false);
    default:
      return make(where, NameExpr{std::string(text(context->tok))});
  }
}

ExprId Builder::literal(const antlr4::Token* token, bool negative) {
  const Span where = span(token);
  const std::string_view written = text(token);
  auto number_error = [&](std::string message, std::string hint) {
    report(SyntaxError::Code::kNumberTooLarge, where, std::move(message), std::move(hint));
    return error_expr(where);
  };
  switch (kind(token)) {
    case Kind::kInt: {
      const std::string digits = (negative ? "-" : "") + without_underscores(written);
      int64_t value = 0;
      const auto [end, failed] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (failed == std::errc::result_out_of_range)
        return number_error("this number is too large for an int",
                            "an int is at most 9223372036854775807");
      return make(where, IntLit{value});
    }
    case Kind::kFloat: {
      const std::string digits = (negative ? "-" : "") + without_underscores(written);
      double value = 0;
      const auto [end, failed] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (failed != std::errc())
        return number_error("this number is out of the range of a float",
                            "a float has at most 308 digits before its point");
      return make(where, FloatLit{value});
    }
    case Kind::kDuration: {
      const Result<int64_t> micros = parse_duration(written);
      if (!micros)
        return number_error("this duration is too long", "a duration is at most 292471 years");
      return make(where, DurationLit{negative ? -*micros : *micros});
    }
    case Kind::kSize: {
      const Result<int64_t> bytes = parse_size(written);
      if (!bytes) return number_error("this size is too large", "a size is at most 8388607TiB");
      return make(where, SizeLit{negative ? -*bytes : *bytes});
    }
    case Kind::kString:
      return string_token(token);
    case Kind::kTrue:
    case Kind::kFalse:
      return make(where, BoolLit{kind(token) == Kind::kTrue});
    case Kind::kNullLit:
      return make(where, NullLit{});
    default:
      return error_expr(where);
  }
}

ExprId Builder::suffix(const P::OperandContext* context, const P::SuffixContext* part,
                       ExprId base) {
  needs_parentheses(base);
  // `(1..5).map(…)`: in its parentheses a range has functions.
  const bool reads_member = part->tok != nullptr && kind(part->tok) == Kind::kDot;
  if (!reads_member || !ast_[base].parenthesised) no_range(base);
  Span where = ast_[base].span;
  // A parenthesised base begins at its bracket.
  if (ast_[base].parenthesised && context->tok != nullptr) where.begin = span(context->tok).begin;
  where.end = std::max(where.end, span(part).end);
  if (part->tok == nullptr) return base;
  switch (kind(part->tok)) {
    case Kind::kDot:
    case Kind::kQdot:
      return make(where, MemberExpr{base, member_name(part->m), kind(part->tok) == Kind::kQdot});
    case Kind::kLparen: {
      CallExpr call;
      call.callee = base;
      for (const P::ArgContext* item : part->items) call.args.push_back(argument(item));
      return make(where, std::move(call));
    }
    case Kind::kLbrack:
      return subscript(part, base, where);
    default:
      return brace(part, base, where);
  }
}

ExprId Builder::subscript(const P::SuffixContext* part, ExprId base, Span where) {
  if (part->r != nullptr) {
    SliceExpr slice;
    slice.base = base;
    slice.half_open = kind(part->r) == Kind::kRangeLt;
    if (part->e != nullptr) slice.high = expr(part->e);
    return make(where, slice);
  }
  const ExprId index = expr(part->e, true);
  if (part->open != nullptr) return make(where, SliceExpr{base, index, {}, false});
  if (const auto* range = std::get_if<RangeExpr>(&ast_[index].node))
    return make(where, SliceExpr{base, range->low, range->high, range->half_open});
  return make(where, IndexExpr{base, index});
}

bool Builder::as_path(ExprId id, Path& path) const {
  if (const auto* first = std::get_if<NameExpr>(&ast_[id].node)) {
    path.parts.push_back({first->name, ast_[id].span});
    path.span = ast_[id].span;
    return true;
  }
  const auto* member = std::get_if<MemberExpr>(&ast_[id].node);
  if (member == nullptr || member->optional || !as_path(member->base, path)) return false;
  path.parts.push_back(member->name);
  path.span = ast_[id].span;
  return true;
}

ExprId Builder::brace(const P::SuffixContext* part, ExprId base, Span where) {
  BraceExpr value;
  value.entries = entries(part->es);
  if (!as_path(base, value.type)) {
    report(SyntaxError::Code::kValueBeforeBrace, span(part->tok),
           "only the name of a type stands before the `{` of a value",
           "write `Name { … }`, `map { … }` or `json { … }`");
    return make(where, std::move(value));
  }
  if (value.type.parts.size() == 1) {
    const std::string& word = value.type.parts.front().text;
    if (word == "map") value.kind = BraceExpr::Kind::kMap;
    if (word == "json") value.kind = BraceExpr::Kind::kJson;
    if (word == "env") value.kind = BraceExpr::Kind::kEnv;
    if (value.kind != BraceExpr::Kind::kRecord) value.type = {};
  }
  return make(where, std::move(value));
}

// ---- Compound ones

ExprId Builder::compound(const P::CompoundContext* context) {
  if (context->tok == nullptr) return error_expr(span(context));
  const Span where = span(context);
  switch (kind(context->tok)) {
    case Kind::kFn:
      return make(where, LambdaExpr{params(context->f, false), {}, block(context->b)});
    case Kind::kIf:
      return if_chain(context);
    case Kind::kMatch:
      return match(context);
    case Kind::kTry: {
      TryExpr attempt;
      attempt.body = block(context->b);
      if (context->n != nullptr) attempt.binding = value_name(context->n);
      if (context->b2 != nullptr) attempt.handler = block(context->b2);
      return make(where, std::move(attempt));
    }
    case Kind::kParallel:
      return parallel(context);
    default:
      return wait_first(context);
  }
}

// `if a {} else if b {} else {}`: a flat list in the grammar, nested in the tree, made from its
// end.
ExprId Builder::if_chain(const P::CompoundContext* context) {
  const size_t count = context->conds.size();
  const Span where = span(context);
  // Each `else if` lies in a block, in a statement, in a value.
  if (too_deep(where, count * 3)) return error_expr(where);
  std::vector<IfExpr> links(count + 1);
  const size_t depth_before = depth_;
  for (size_t i = 0; i <= count; ++i) {
    links[i].condition = expr(i == 0 ? context->e : context->conds[i - 1]);
    const P::BlockContext* then = i == 0                          ? context->b
                                  : i - 1 < context->thens.size() ? context->thens[i - 1]
                                                                  : nullptr;
    links[i].then_block = block(then);
    depth_ += 3;
  }
  depth_ = depth_before;
  if (context->b2 != nullptr) links[count].else_block = block(context->b2);
  ExprId inner;
  for (size_t i = count + 1; i-- > 0;) {
    Span part = where;
    if (i > 0) {
      // From the condition's `if` on.
      const Span condition = ast_[links[i].condition].span;
      part.begin = condition.begin;
      while (part.begin > where.begin && source_.text({part.begin, part.begin + 2, 0}) != "if")
        --part.begin;
    }
    if (inner.valid()) {
      Stmt wrapped;
      wrapped.span = ast_[inner].span;
      wrapped.node = ExprStmt{inner, {}};
      links[i].else_block = lone(ast_.add(std::move(wrapped)));
    }
    inner = make(part, links[i]);
  }
  return inner;
}

ExprId Builder::match(const P::CompoundContext* context) {
  MatchExpr value;
  value.subject = expr(context->e);
  if (context->mb != nullptr) {
    for (const P::ArmContext* item : context->mb->items) {
      MatchExpr::Arm arm;
      arm.span = span(item);
      arm.pattern = pattern(item->p);
      arm.guard = optional_expr(item->g);
      arm.body = arm_body(item->b, item->s);
      value.arms.push_back(arm);
    }
  }
  return make(span(context), std::move(value));
}

ExprId Builder::parallel(const P::CompoundContext* context) {
  FailurePolicy policy;
  policy.span = {0, 0, source_.id()};
  ExprId limit;
  for (const P::ParallelOptionContext* option : context->opts) {
    if (option->kw == nullptr) continue;
    if (kind(option->kw) == Kind::kLimit) {
      if (limit.valid())
        report(SyntaxError::Code::kWrittenTwice, span(option->kw), "`limit` is written twice",
               "keep one of them");
      limit = expr(option->e);
      continue;
    }
    if (!policy.span.empty())
      report(SyntaxError::Code::kWrittenTwice, span(option->kw), "`on failure` is written twice",
             "keep one of them");
    policy.span = span(option);
    policy.percent = option->percent != nullptr;
    if (option->how == nullptr) continue;
    switch (kind(option->how)) {
      case Kind::kContinue:
        policy.kind = FailurePolicy::Kind::kContinue;
        break;
      case Kind::kTolerate:
        policy.kind = FailurePolicy::Kind::kTolerate;
        policy.tolerance = expr(option->e);
        break;
      default:
        break;
    }
  }
  const Span where = span(context);
  const bool over_list = context->n != nullptr || context->e != nullptr;
  if (!over_list) {
    if (limit.valid())
      report(SyntaxError::Code::kNotAllowed, ast_[limit].span,
             "only `parallel for` takes a `limit`", "delete it, or loop over a list");
    return make(where, ParallelExpr{policy, block(context->b)});
  }
  ParallelForExpr value;
  value.policy = policy;
  value.limit = limit;
  value.item = value_name(context->n2 != nullptr ? context->n2 : context->n);
  if (context->n2 != nullptr) value.index = value_name(context->n);
  value.items = expr(context->e, true);
  value.body = block(context->b);
  return make(where, std::move(value));
}

ExprId Builder::wait_signal(const P::WaitSignalContext* context) {
  const Deeper deeper(depth_);
  if (too_deep(span(context))) return error_expr(span(context));
  WaitSignalExpr wait;
  wait.signal = name_or_label(context->n, context->l);
  wait.type = optional_type(context->t);
  wait.by = who_list(context->w);
  if (context->o != nullptr) {
    wait.timeout = lone_operand(context->o);
  }
  return make(span(context), std::move(wait));
}

ExprId Builder::wait_first(const P::CompoundContext* context) {
  WaitFirstExpr value;
  if (context->wb == nullptr) return make(span(context), std::move(value));
  for (const P::WaitArmContext* item : context->wb->items) {
    WaitFirstExpr::Arm arm;
    arm.span = span(item);
    if (item->kw != nullptr && kind(item->kw) == Kind::kSignal) {
      arm.kind = WaitFirstExpr::Arm::Kind::kSignal;
      arm.signal = name_or_label(item->n, item->l);
      arm.type = optional_type(item->t);
      if (item->n2 != nullptr) arm.binding = value_name(item->n2);
    } else if (item->kw != nullptr) {
      arm.kind = WaitFirstExpr::Arm::Kind::kUntil;
      arm.value = expr(item->e);
    } else if (item->lp != nullptr) {
      arm.kind = WaitFirstExpr::Arm::Kind::kWork;
      arm.work = loop(item->lp, true);
    } else {
      arm.value = expr(item->e);
      if (is_compound(ast_[arm.value]) && !ast_[arm.value].parenthesised) {
        arm.kind = WaitFirstExpr::Arm::Kind::kWork;
        arm.work = make(ast_[arm.value].span, ExprStmt{arm.value, {}});
        arm.value = {};
      }
    }
    arm.body = arm_body(item->b, item->s);
    value.arms.push_back(std::move(arm));
  }
  return make(span(context), std::move(value));
}

}  // namespace rbk::syntax
