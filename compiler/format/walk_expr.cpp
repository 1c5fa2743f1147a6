#include <algorithm>

#include "compiler/format/walk.h"

namespace rbk::format {
namespace {

using namespace syntax;  // NOLINT: every node kind is named here

/// Operators of one level may share a group.
int level_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr:
      return 0;
    case BinaryOp::kAnd:
      return 1;
    case BinaryOp::kCoalesce:
      return 3;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return 4;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
      return 5;
    default:
      return 2;
  }
}

bool is_link(const Expr& expr) {
  return std::holds_alternative<MemberExpr>(expr.node) ||
         std::holds_alternative<CallExpr>(expr.node) ||
         std::holds_alternative<IndexExpr>(expr.node) ||
         std::holds_alternative<SliceExpr>(expr.node);
}

ExprId base_of(const Expr& expr) {
  if (const auto* member = std::get_if<MemberExpr>(&expr.node)) return member->base;
  if (const auto* call = std::get_if<CallExpr>(&expr.node)) return call->callee;
  if (const auto* index = std::get_if<IndexExpr>(&expr.node)) return index->base;
  if (const auto* slice = std::get_if<SliceExpr>(&expr.node)) return slice->base;
  return {};
}

}  // namespace

void Walker::maybe(ExprId id) {
  if (id.valid()) expr(id);
}

/// In a statement's head, which stays on one line outside of brackets.
void Walker::head(ExprId id) {
  if (!id.valid()) return;
  const bool was = one_line_;
  one_line_ = true;
  expr(id);
  one_line_ = was;
}

void Walker::expr(ExprId id) {
  const Expr& expr = ast_[id];
  until(expr.span.begin);
  if (is_link(expr)) {
    postfix(id);
  } else {
    children(expr);
  }
  until(expr.span.end);
}

void Walker::children(const Expr& expr) {
  std::visit(
      [&](const auto& it) {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, UnaryExpr>) {
          this->expr(it.operand);
        } else if constexpr (std::is_same_v<T, RangeExpr>) {
          this->expr(it.low);
          this->expr(it.high);
        } else if constexpr (std::is_same_v<T, CastExpr>) {
          this->expr(it.value);
        } else if constexpr (std::is_same_v<T, ListExpr>) {
          bracket(it.items.size(), false, [&](size_t i) { this->expr(it.items[i]); });
        } else if constexpr (std::is_same_v<T, WaitExpr>) {
          this->expr(it.duration);
        } else if constexpr (std::is_same_v<T, WaitUntilExpr>) {
          this->expr(it.time);
        } else if constexpr (std::is_same_v<T, WaitSignalExpr>) {
          maybe(it.timeout);
        } else if constexpr (std::is_same_v<T, FailExpr>) {
          this->expr(it.error);
        } else if constexpr (requires { node(expr, it); }) {
          node(expr, it);
        }
      },
      expr.node);
}

void Walker::node(const Expr&, const BinaryExpr& binary) {
  if (one_line_) {
    expr(binary.left);
    expr(binary.right);
    return;
  }
  flush();
  layout_.begin_group();
  layout_.indent();
  binary_chain(binary, level_of(binary.op));
  layout_.outdent();
  layout_.end_group();
}

/// `a + b - c` breaks behind each of its operators or behind none.
void Walker::binary_chain(const BinaryExpr& binary, int level) {
  const auto* left = std::get_if<BinaryExpr>(&ast_[binary.left].node);
  // A chain goes on to the left as long as no parenthesis comes between.
  if (left != nullptr && level_of(left->op) == level && !next_is("("))
    binary_chain(*left, level);
  else
    expr(binary.left);
  until(binary.op_span.end);
  gap(Gap::kLine);
  expr(binary.right);
}

void Walker::argument(const Argument& arg) {
  until(arg.span.begin);
  maybe(arg.value);
  until(arg.span.end);
}

/// Whether a value may open over several lines as a call's last argument while the call's own
/// brackets stay closed.
bool Walker::opens(ExprId id) const {
  const Expr& expr = ast_[id];
  if (const auto* lambda = std::get_if<LambdaExpr>(&expr.node))
    return lambda->block.valid() || opens(lambda->value);
  if (const auto* brace = std::get_if<BraceExpr>(&expr.node)) return !brace->entries.empty();
  if (const auto* list = std::get_if<ListExpr>(&expr.node)) return !list->items.empty();
  return false;
}

void Walker::arguments(const std::vector<Argument>& args) {
  // A line of its own would not make one long text any shorter.
  if (args.size() == 1 && std::holds_alternative<StringLit>(ast_[args.front().value].node) &&
      next_word() != nullptr && !comment_before(args.front().span.end)) {
    token();
    argument(args.front());
    drop(",");
    until(args.front().span.end);
    return;
  }
  bool others = false;
  for (size_t i = 0; i + 1 < args.size(); ++i) others = others || opens(args[i].value);
  const bool hug = !args.empty() && !others && opens(args.back().value);
  bracket(args.size(), false, [&](size_t i) {
    if (hug && i + 1 == args.size()) {
      flush();
      layout_.hug_from_here();
    }
    argument(args[i]);
  });
}

/// A chain of members, calls and indices. Its calls stand below each other if it does not fit, or
/// if its author began a line with one of them.
void Walker::postfix(ExprId id) {
  size_t calls = 0;
  bool author = false;        // began a line with a called member
  bool first_broken = false;  // with the innermost one
  uint32_t first_call = 0;    // where the name of the innermost called member begins
  ExprId base = id;
  for (ExprId at = id; is_link(ast_[at]); at = base_of(ast_[at])) {
    if (const auto* call = std::get_if<CallExpr>(&ast_[at].node)) {
      if (const auto* member = std::get_if<MemberExpr>(&ast_[call->callee].node)) {
        ++calls;
        first_call = member->name.span.begin;
        first_broken = newline_in(ast_[member->base].span.end, first_call);
        author = author || first_broken;
      }
    }
    base = base_of(ast_[at]);
  }
  // `xs.map(…)` and `http.get(…)` begin on the line of their name, unless the author says
  // otherwise.
  const bool named = std::holds_alternative<NameExpr>(ast_[base].node);
  const bool chain = !one_line_ && calls > 0 && (author || calls > (named ? 2u : 1u));
  if (chain) {
    flush();
    layout_.begin_group();
    if (author) layout_.force_break();
    layout_.indent();
  }
  links(id, chain, named && !first_broken ? first_call : 0);
  if (chain) {
    layout_.outdent();
    layout_.end_group();
  }
}

void Walker::links(ExprId id, bool broken, uint32_t first_call) {
  const Expr& link = ast_[id];
  const ExprId base = base_of(link);
  if (!is_link(link)) {
    expr(id);
    return;
  }
  const auto* call = std::get_if<CallExpr>(&link.node);
  const auto* called = call ? std::get_if<MemberExpr>(&ast_[call->callee].node) : nullptr;
  if (called != nullptr) {
    links(called->base, broken, first_call);
    while (!next_is(".") && !next_is("?.") && next_word() != nullptr &&
           next_word()->begin < called->name.span.begin)
      token();
    if (broken && called->name.span.begin != first_call) gap(Gap::kSoft);
    until(called->name.span.end);
  } else {
    links(base, broken, first_call);
  }
  if (call != nullptr) {
    while (!next_is("(") && next_word() != nullptr && next_word()->begin < link.span.end) token();
    arguments(call->args);
  } else if (const auto* index = std::get_if<IndexExpr>(&link.node)) {
    until(ast_[index->index].span.begin);
    expr(index->index);
  }
  until(link.span.end);
}

void Walker::node(const Expr&, const LambdaExpr& lambda) {
  while (!next_is("(") && next_word() != nullptr) token();
  fields(lambda.params, false);
  if (lambda.block.valid())
    block(lambda.block, BlockStyle::kAuthor);
  else
    maybe(lambda.value);
}

void Walker::entries(const std::vector<Entry>& entries) {
  while (!next_is("{") && next_word() != nullptr) token();
  bracket(entries.size(), true, [&](size_t i) {
    until(entries[i].span.begin);
    maybe(entries[i].key);
    maybe(entries[i].value);
    until(entries[i].span.end);
  });
}

void Walker::node(const Expr&, const BraceExpr& brace) { entries(brace.entries); }

void Walker::node(const Expr& expr, const IfExpr& branch) {
  const bool flat = !newline_in(expr.span.begin, expr.span.end);
  if (flat) {
    flush();
    layout_.begin_group();
  }
  if_expr(branch, flat);
  if (flat) layout_.end_group();
}

void Walker::if_expr(const IfExpr& branch, bool flat) {
  const BlockStyle style = flat ? BlockStyle::kInGroup : BlockStyle::kOpen;
  head(branch.condition);
  block(branch.then_block, style);
  if (!branch.else_block.valid()) return;
  while (!next_is("else") && next_word() != nullptr) token();
  gap(Gap::kSpace);
  token();
  const Block& other = ast_[branch.else_block];
  if (!next_is("{") && other.stmts.size() == 1) {
    const auto* statement = std::get_if<ExprStmt>(&ast_[other.stmts.front()].node);
    const auto* chained = statement ? std::get_if<IfExpr>(&ast_[statement->value].node) : nullptr;
    if (chained != nullptr) {
      until(ast_[statement->value].span.begin);
      if_expr(*chained, flat);
      return;
    }
  }
  block(branch.else_block, style);
}

/// What stands behind `=>`.
void Walker::arm_body(BlockId id) {
  const Block& body = ast_[id];
  while (!next_is("=>") && next_word() != nullptr && next_word()->begin < body.span.begin) token();
  if (next_is("=>")) token();
  if (next_is("{")) {
    block(id, BlockStyle::kAuthor);
    return;
  }
  if (body.stmts.empty()) return;
  comments();
  if (after_comment_) {
    layout_.indent();
    statement(body.stmts.front());
    layout_.outdent();
    return;
  }
  gap(Gap::kNone);
  layout_.begin_assign();
  statement(body.stmts.front());
  layout_.end_value();
  layout_.end_assign();
}

void Walker::node(const Expr& expr, const MatchExpr& match) {
  head(match.subject);
  while (!next_is("{") && next_word() != nullptr && next_word()->begin < expr.span.end) token();
  token();
  layout_.indent();
  gap(Gap::kHard);
  for (const MatchExpr::Arm& arm : match.arms) {
    until(arm.span.begin);
    until(ast_[arm.pattern].span.end);
    head(arm.guard);
    arm_body(arm.body);
    until(arm.span.end);
    while (next_is(";")) drop(";");
    gap(Gap::kHard, true);
  }
  comments();
  layout_.outdent();
  gap(Gap::kHard);
  token();
}

void Walker::node(const Expr& expr, const WaitFirstExpr& wait) {
  while (!next_is("{") && next_word() != nullptr && next_word()->begin < expr.span.end) token();
  token();
  layout_.indent();
  gap(Gap::kHard);
  for (const WaitFirstExpr::Arm& arm : wait.arms) {
    until(arm.span.begin);
    if (next_is("case")) token();
    if (arm.work.valid())
      statement(arm.work);
    else
      head(arm.value);
    arm_body(arm.body);
    until(arm.span.end);
    while (next_is(";")) drop(";");
    gap(Gap::kHard, true);
  }
  comments();
  layout_.outdent();
  gap(Gap::kHard);
  token();
}

void Walker::node(const Expr& expr, const TryExpr& attempt) {
  const bool flat = !newline_in(expr.span.begin, expr.span.end);
  const BlockStyle style = flat ? BlockStyle::kInGroup : BlockStyle::kOpen;
  if (flat) {
    flush();
    layout_.begin_group();
  }
  while (!next_is("{") && next_word() != nullptr) token();
  block(attempt.body, style);
  if (attempt.handler.valid()) {
    while (!next_is("catch") && next_word() != nullptr) token();
    gap(Gap::kSpace);
    until(ast_[attempt.handler].span.begin);
    block(attempt.handler, style);
  }
  if (flat) layout_.end_group();
}

void Walker::node(const Expr&, const ParallelExpr& parallel) {
  head(parallel.policy.tolerance);
  block(parallel.body, BlockStyle::kAuthor);
}

void Walker::node(const Expr&, const ParallelForExpr& parallel) {
  head(parallel.items);
  head(parallel.limit);
  head(parallel.policy.tolerance);
  block(parallel.body, BlockStyle::kAuthor);
}

}  // namespace rbk::format
