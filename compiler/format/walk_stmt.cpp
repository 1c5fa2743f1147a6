#include <algorithm>

#include "compiler/format/walk.h"

namespace rbk::format {
namespace {

using namespace syntax;  // NOLINT: every node kind is named here

}  // namespace

/// `{ … }`, or the one statement of an arm without braces.
void Walker::block(BlockId id, BlockStyle style) {
  if (!id.valid()) return;
  const Block& block = ast_[id];
  until(block.span.begin);
  if (!next_is("{")) {
    for (const StmtId stmt : block.stmts) statement(stmt);
    return;
  }
  const bool was_one_line = one_line_;
  one_line_ = false;
  const bool flat = style != BlockStyle::kOpen && !newline_in(block.span.begin, block.span.end);
  token();
  if (block.stmts.empty() && next_is("}") && tokens_[at_].kind != Token::Kind::kComment) {
    token();
    one_line_ = was_one_line;
    return;
  }
  const bool group = flat && style == BlockStyle::kAuthor;
  if (group) layout_.begin_group();
  const Gap between = flat ? Gap::kLine : Gap::kHard;
  layout_.indent();
  gap(between);
  for (size_t i = 0; i < block.stmts.size(); ++i) {
    statement(block.stmts[i]);
    while (next_is(";")) drop(";");
    if (i + 1 == block.stmts.size()) break;
    // A line that begins with `.member` would go on with the one before it.
    if (next_is("."))
      layout_.text(";");
    else if (flat)
      layout_.if_flat(";");
    gap(between, true);
  }
  if (block.stmts.empty()) gap(Gap::kHard);
  keep_blank_ = !block.stmts.empty();
  comments();
  layout_.outdent();
  gap(between);
  token();
  if (group) layout_.end_group();
  one_line_ = was_one_line;
}

/// A value behind `=`, on the same line or on the next; then `more` with the same indentation.
template <typename More>
void Walker::assigned(ExprId id, const More& more) {
  const uint32_t begin = ast_[id].span.begin;
  while (!next_is("=") && next_word() != nullptr && next_word()->begin < begin) token();
  if (next_is("=")) token();
  comments();
  if (after_comment_) {
    layout_.indent();
    expr(id);
    more();
    layout_.outdent();
    return;
  }
  gap(Gap::kNone);
  layout_.begin_assign();
  expr(id);
  layout_.end_value();
  more();
  layout_.end_assign();
}

void Walker::assigned(ExprId id) {
  assigned(id, [] {});
}

void Walker::statement(StmtId id) {
  const Stmt& stmt = ast_[id];
  until(stmt.span.begin);
  flush();
  std::visit(
      [&](const auto& it) {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, LetStmt>) {
          assigned(it.value);
        } else if constexpr (std::is_same_v<T, AssignStmt>) {
          expr(it.target);
          assigned(it.value);
        } else if constexpr (std::is_same_v<T, ExprStmt>) {
          expr(it.value);
          clauses(it.clauses);
        } else if constexpr (std::is_same_v<T, StepStmt>) {
          step(it);
        } else if constexpr (std::is_same_v<T, ForStmt>) {
          head(it.items);
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, RepeatStmt>) {
          head(it.every);
          head(it.at_most);
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, UntilStmt>) {
          expr(it.condition);
        } else if constexpr (std::is_same_v<T, HoldStmt>) {
          head(it.duration);
          head(it.every);
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, ReturnStmt>) {
          maybe(it.value);
        } else if constexpr (std::is_same_v<T, RequireStmt>) {
          layout_.begin_group();
          expr(it.condition);
          if (it.message.valid()) {
            while (!next_is("else") && next_word() != nullptr) token();
            layout_.indent();
            gap(Gap::kLine);
            expr(it.message);
            layout_.outdent();
          }
          layout_.end_group();
        } else if constexpr (std::is_same_v<T, DeferStmt>) {
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, LockStmt>) {
          head(it.name);
          head(it.limit);
          head(it.timeout);
          head(it.expires);
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, HandlerStmt>) {
          block(it.body, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, ApprovalStmt>) {
          approval(stmt, it);
        } else if constexpr (std::is_same_v<T, ExpectStmt>) {
          expr(it.condition);
        } else if constexpr (std::is_same_v<T, GivenStmt>) {
          given(stmt, it);
        }
      },
      stmt.node);
  until(stmt.span.end);
}

void Walker::step(const StepStmt& step) {
  if (step.block.valid()) {
    block(step.block, BlockStyle::kAuthor);
    clauses(step.clauses);
    return;
  }
  if (step.value.valid()) assigned(step.value, [&] { clauses(step.clauses); });
}

/// Behind the call if the author has them there and they fit, else one a line.
void Walker::clauses(const Clauses& clauses) {
  if (clauses.empty()) return;
  layout_.begin_group();
  for (const Clause& one : clauses.items) {
    const Token* next = next_word();
    if (next != nullptr && next->begin == one.span.begin && next->newlines > 0)
      layout_.force_break();
    layout_.indent();
    gap(Gap::kLine);
    keep_blank_ = false;
    clause(one);
    layout_.outdent();
  }
  layout_.end_group();
}

void Walker::clause(const Clause& clause) {
  flush();
  std::visit(
      [&](const auto& it) {
        using T = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<T, TimeoutClause>) {
          head(it.duration);
        } else if constexpr (std::is_same_v<T, RetryClause>) {
          head(it.times);
          head(it.backoff);
          head(it.condition);
        } else if constexpr (std::is_same_v<T, RollbackClause>) {
          block(it.block, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, OnDoubtClause>) {
          block(it.verify, BlockStyle::kAuthor);
        } else if constexpr (std::is_same_v<T, WhenClause>) {
          head(it.condition);
        } else if constexpr (std::is_same_v<T, SandboxClause>) {
          head(it.image);
          if (next_is("{") && next_word()->begin < clause.span.end) entries(it.entries);
        }
      },
      clause.node);
  until(clause.span.end);
}

/// Entries that the tree does not tell apart: the author's lines stay lines.
void Walker::raw_lines(uint32_t end) {
  while (next_is(";")) drop(";");
  while (next_word() != nullptr && next_word()->begin < end) {
    token();
    bool ended = false;
    while (next_is(";")) {
      drop(";");
      ended = true;
    }
    const Token* next = next_word();
    if (next != nullptr && next->begin < end && (ended || next->newlines > 0))
      gap(Gap::kHard, true);
  }
}

void Walker::approval(const Stmt& stmt, const ApprovalStmt& approval) {
  expr(approval.question);
  if (!next_is("{")) return;
  token();
  if (next_is("}") && tokens_[at_].kind != Token::Kind::kComment) {
    token();
    return;
  }
  layout_.indent();
  gap(Gap::kHard);
  if (!approval.form_span.empty()) {
    const size_t before = at_;
    raw_lines(approval.form_span.begin);
    if (at_ != before) gap(Gap::kHard, true);
    while (!next_is("{") && next_word() != nullptr) token();
    fields(approval.form, true);
    while (next_is(";")) drop(";");
    gap(Gap::kHard, true);
  }
  raw_lines(stmt.span.end - 1);
  keep_blank_ = true;
  comments();
  layout_.outdent();
  gap(Gap::kHard);
  token();
}

void Walker::given(const Stmt& stmt, const GivenStmt& given) {
  until(given.target.span.end);
  if (given.has_args && next_is("(")) arguments(given.args);
  head(given.condition);
  while (!next_is("=>") && next_word() != nullptr && next_word()->begin < stmt.span.end) token();
  if (!next_is("=>")) return;
  token();
  if (given.value.valid()) {
    expr(given.value);
  } else if (given.reply == GivenStmt::Reply::kInOrder) {
    while (!next_is("[") && next_word() != nullptr) token();
    bracket(given.values.size(), false, [&](size_t i) { expr(given.values[i]); });
  } else if (!given.entries.empty()) {
    entries(given.entries);
  }
}

}  // namespace rbk::format
