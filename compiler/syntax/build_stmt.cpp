// Statements, clauses and what stands in them.
#include <fmt/format.h>

#include "compiler/syntax/builder.h"

namespace rbk::syntax {
namespace {

using Kind = TokenKind;

std::string_view clause_word(const Clause& clause) {
  static constexpr std::string_view kWords[] = {
      "timeout",    "retry", "rollback", "irreversible", "on doubt",
      "on failure", "when",  "reads",    "idempotent",   "sandbox"};
  return kWords[clause.node.index()];
}

}  // namespace

StmtId Builder::make(Span where, decltype(Stmt::node) node) {
  Stmt statement;
  statement.span = where;
  statement.node = std::move(node);
  return ast_.add(std::move(statement));
}

BlockId Builder::lone(StmtId statement) {
  Block block;
  block.span = ast_[statement].span;
  block.stmts.push_back(statement);
  return ast_.add(std::move(block));
}

BlockId Builder::block(const P::BlockContext* context, bool rounds) {
  Block made;
  made.span = {0, 0, source_.id()};
  if (context == nullptr) return ast_.add(std::move(made));
  const Deeper deeper(depth_);
  made.span = span(context);
  if (too_deep(made.span)) return ast_.add(std::move(made));

  auto junk = recovery_->junk().begin();
  auto add_junk_before = [&](uint32_t offset) {
    for (; junk != recovery_->junk().end(); ++junk) {
      if (junk->block != context) continue;
      if (junk->span.begin >= offset) return;
      made.stmts.push_back(make(junk->span, ErrorStmt{}));
    }
  };
  for (const P::StatementContext* item : context->items) {
    if (!recovery_->junk().empty()) add_junk_before(span(item).begin);
    made.stmts.push_back(statement(item, rounds));
  }
  if (!recovery_->junk().empty()) add_junk_before(0xffffffff);
  return ast_.add(std::move(made));
}

BlockId Builder::arm_body(const P::BlockContext* braces, const P::StatementContext* single) {
  if (braces != nullptr || single == nullptr) return block(braces);
  const Deeper deeper(depth_);
  return lone(statement(single));
}

StmtId Builder::statement(const P::StatementContext* context, bool rounds) {
  if (context == nullptr) return make({0, 0, source_.id()}, ErrorStmt{});
  const Deeper deeper(depth_);
  const Span where = span(context);
  if (too_deep(where)) return make(where, ErrorStmt{});
  if (context->lp != nullptr) return loop(context->lp, false);
  auto node = statement_node(context, rounds);
  return make(where, std::move(node));
}

decltype(Stmt::node) Builder::statement_node(const P::StatementContext* context, bool rounds) {
  if (context->kw == nullptr) return expression_statement(context);
  switch (kind(context->kw)) {
    case Kind::kLet:
    case Kind::kVar: {
      LetStmt let;
      let.is_var = kind(context->kw) == Kind::kVar;
      let.name = value_name(context->n, context->l);
      let.type = optional_type(context->t);
      let.value = expr(context->e);
      return let;
    }
    case Kind::kStep:
      return step(context);
    case Kind::kFor: {
      ForStmt loop;
      loop.item = value_name(context->n2 != nullptr ? context->n2 : context->n);
      if (context->n2 != nullptr) loop.index = value_name(context->n);
      loop.items = expr(context->e, true);
      loop.body = block(context->b);
      return loop;
    }
    case Kind::kUntil:
      if (!rounds)
        report(SyntaxError::Code::kUntilPlace, span(context->kw),
               "`until` stands directly in the block of a `repeat`",
               "`repeat every 5s at most 10m { …; until done }`");
      return UntilStmt{expr(context->e)};
    case Kind::kReturn:
      return ReturnStmt{optional_expr(context->e)};
    case Kind::kBreak:
      return BreakStmt{};
    case Kind::kContinue:
      return ContinueStmt{};
    case Kind::kRequire: {
      const ExprId condition = expr(context->e);
      return RequireStmt{condition, optional_expr(context->e2)};
    }
    case Kind::kDefer:
      return DeferStmt{block(context->b)};
    case Kind::kCommit:
      return CommitStmt{expr(context->e)};
    case Kind::kLock:
      return lock(context);
    case Kind::kBefore:
    case Kind::kAfter:
      return handler(context);
    case Kind::kApproval:
    case Kind::kAsk:
      return approval(context);
    case Kind::kExpect:
      only_in_test(context);
      return ExpectStmt{expr(context->e)};
    case Kind::kGiven:
      only_in_test(context);
      return given(context);
    case Kind::kCrash: {
      only_in_test(context);
      CrashStmt crash;
      crash.before = context->w == nullptr || kind(context->w) == Kind::kBefore;
      crash.step = path(context->p);
      return crash;
    }
    default:
      return ErrorStmt{};
  }
}

void Builder::only_in_test(const P::StatementContext* context) {
  if (in_test_ || recovery_->failed_in(span(context->kw))) return;
  report(SyntaxError::Code::kTestStatement, span(context->kw),
         fmt::format("`{}` stands in a `test` only", text(context->kw)),
         kind(context->kw) == Kind::kExpect ? "state a condition here with `require`"
                                            : "move it into a `test \"…\" { … }`");
}

decltype(Stmt::node) Builder::step(const P::StatementContext* context) {
  StepStmt step;
  step.name = value_name(context->n);
  if (context->title != nullptr) step.title = text_literal(context->title);
  if (context->launch != nullptr)
    step.launch = kind(context->launch) == Kind::kStart ? StepStmt::Launch::kStart
                                                        : StepStmt::Launch::kDetach;
  if (context->b != nullptr) {
    step.block = block(context->b);
  } else {
    step.value = expr(context->e);
    const Expr& value = ast_[step.value];
    const bool call = std::holds_alternative<CallExpr>(value.node) && !value.parenthesised;
    const bool broken = std::holds_alternative<ErrorExpr>(value.node);
    if (!call && !broken) {
      const bool launches = step.launch != StepStmt::Launch::kInline;
      report(SyntaxError::Code::kStepNeedsCall, value.span,
             launches ? "only a runbook can be started" : "after a step's `=` stands a call",
             launches ? "write `start name(…)`"
                      : fmt::format("put the rest in a block: `step {} {{ … }}`", step.name.text));
    }
  }
  step.clauses = clauses(context->c);
  return step;
}

decltype(Stmt::node) Builder::expression_statement(const P::StatementContext* context) {
  if (context->e == nullptr) return ErrorStmt{};
  const ExprId value = expr(context->e);
  Clauses clauses_found = clauses(context->c);
  if (context->e2 != nullptr) {
    const Expr& target = ast_[value];
    if (!std::holds_alternative<NameExpr>(target.node))
      report(SyntaxError::Code::kAssignTarget, target.span, "only a `var` can be given a new value",
             "values don't change: make a new one, and give it to the `var`");
    const ExprId assigned = expr(context->e2);
    if (!clauses_found.empty())
      report(
          SyntaxError::Code::kClauseWithoutCall, clauses_found.items.front().span,
          fmt::format("only a step or a call takes `{}`", clause_word(clauses_found.items.front())),
          "make the call a `step` of its own");
    return AssignStmt{value, assigned};
  }
  const bool call = std::holds_alternative<CallExpr>(ast_[value].node);
  if (!call && !clauses_found.empty()) {
    report(
        SyntaxError::Code::kClauseWithoutCall, clauses_found.items.front().span,
        fmt::format("only a step or a call takes `{}`", clause_word(clauses_found.items.front())),
        "put this in a `step` with a block");
  }
  return ExprStmt{value, std::move(clauses_found)};
}

StmtId Builder::loop(const P::LoopContext* context, bool wait_first) {
  const Deeper deeper(depth_);
  const Span where = span(context);
  if (context->kw == nullptr || too_deep(where)) return make(where, ErrorStmt{});
  if (kind(context->kw) == Kind::kHold) {
    HoldStmt hold;
    hold.duration = expr(context->e);
    hold.every = expr(context->e2);
    hold.body = block(context->b);
    return make(where, hold);
  }
  RepeatStmt repeat;
  repeat.every = expr(context->e);
  repeat.at_most = optional_expr(context->e2);
  repeat.at_most_times = context->times != nullptr;
  const size_t told = errors_.size();
  repeat.body = block(context->b, true);
  if (!recovery_->failed_in(where)) {
    if (!repeat.at_most.valid() && !wait_first)
      report(SyntaxError::Code::kRepeatWithoutEnd, span(context->kw), "this `repeat` has no end",
             "add `at most 10m` or `at most 20 times` before its `{`");
    // One that stands in an inner block was reported there.
    bool ends = std::any_of(
        errors_.begin() + static_cast<ptrdiff_t>(told), errors_.end(),
        [](const SyntaxError& error) { return error.code == SyntaxError::Code::kUntilPlace; });
    for (const StmtId statement : ast_[repeat.body].stmts)
      ends = ends || std::holds_alternative<UntilStmt>(ast_[statement].node);
    if (!ends)
      report(SyntaxError::Code::kRepeatWithoutEnd, span(context->kw),
             "this `repeat` has no `until`",
             "say in its block what it waits for: `until probe.ok`");
  }
  return make(where, repeat);
}

decltype(Stmt::node) Builder::lock(const P::StatementContext* context) {
  LockStmt lock;
  lock.name = expr(context->e);
  for (const P::LockOptionContext* option : context->opts) {
    if (option->kw == nullptr) continue;
    ExprId& slot = kind(option->kw) == Kind::kLimit     ? lock.limit
                   : kind(option->kw) == Kind::kTimeout ? lock.timeout
                                                        : lock.expires;
    if (slot.valid())
      report(SyntaxError::Code::kWrittenTwice, span(option->kw),
             fmt::format("`{}` is written twice", text(option->kw)), "keep one of them");
    slot = expr(option->e);
  }
  lock.body = block(context->b);
  return lock;
}

decltype(Stmt::node) Builder::handler(const P::StatementContext* context) {
  HandlerStmt handler;
  handler.kind = HandlerStmt::Kind::kBeforeRollback;
  if (kind(context->kw) == Kind::kAfter && context->w != nullptr) {
    switch (kind(context->w)) {
      case Kind::kSuccess:
        handler.kind = HandlerStmt::Kind::kAfterSuccess;
        break;
      case Kind::kCancel:
        handler.kind = HandlerStmt::Kind::kAfterCancel;
        break;
      default:
        handler.kind = HandlerStmt::Kind::kAfterFailure;
    }
  } else if (kind(context->kw) == Kind::kAfter) {
    handler.kind = HandlerStmt::Kind::kAfterFailure;
  }
  if (context->n != nullptr) handler.binding = value_name(context->n);
  handler.body = block(context->b);
  return handler;
}

// ---- Approvals

decltype(Stmt::node) Builder::approval(const P::StatementContext* context) {
  ApprovalStmt approval;
  approval.is_ask = kind(context->kw) == Kind::kAsk;
  approval.name = value_name(context->n);
  approval.question = expr(context->e);
  if (context->ab != nullptr) {
    for (const P::ApprovalItemContext* item : context->ab->items) approval_item(approval, item);
  }
  return approval;
}

void Builder::approval_item(ApprovalStmt& approval, const P::ApprovalItemContext* context) {
  if (context->kw == nullptr) return;
  auto append = [&](std::vector<Who>& list) {
    for (Who& one : who_list(context->w)) list.push_back(one);
  };
  auto twice = [&](bool before) {
    if (before)
      report(SyntaxError::Code::kWrittenTwice, span(context->kw),
             fmt::format("`{}` is written twice", text(context->kw)), "keep one of them");
  };
  switch (kind(context->kw)) {
    case Kind::kBy:
      return append(approval.by);
    case Kind::kNot:
      return append(approval.not_by);
    case Kind::kBreakGlass:
      return append(approval.break_glass);
    case Kind::kQuorum:
      twice(approval.quorum.valid());
      approval.quorum = expr(context->e);
      return;
    case Kind::kForm:
      twice(!approval.form_span.empty());
      approval.form_span = span(context);
      approval.form = fields(context->fs);
      return;
    case Kind::kNotify:
      for (const P::ExprContext* target : context->targets) approval.notify.push_back(expr(target));
      return;
    case Kind::kAllow:
      approval.allow_starter = true;
      return;
    case Kind::kExpires: {
      twice(approval.expires.has_value());
      Expiry expiry;
      expiry.span = span(context);
      expiry.after = expr(context->e);
      switch (context->then == nullptr ? Kind::kReject : kind(context->then)) {
        case Kind::kEscalate:
          expiry.then = Expiry::Then::kEscalate;
          break;
        case Kind::kDefault:
          expiry.then = Expiry::Then::kDefault;
          break;
        case Kind::kFail:
          expiry.then = Expiry::Then::kFail;
          break;
        default:
          expiry.then = Expiry::Then::kReject;
      }
      expiry.to = who_list(context->w);
      approval.expires = std::move(expiry);
      return;
    }
    default:
      return;
  }
}

std::vector<Who> Builder::who_list(const std::vector<P::WhoContext*>& contexts) {
  std::vector<Who> list;
  list.reserve(contexts.size());
  for (const P::WhoContext* context : contexts) list.push_back(who(context));
  return list;
}

Who Builder::who(const P::WhoContext* context) {
  Who made;
  made.span = span(context);
  if (context->kw == nullptr) {
    made.name = error_expr(made.span);
    return made;
  }
  if (kind(context->kw) == Kind::kStarter) {
    made.kind = Who::Kind::kStarter;
    return made;
  }
  made.kind = kind(context->kw) == Kind::kUser ? Who::Kind::kUser : Who::Kind::kGroup;
  made.name = lone_operand(context->o);
  return made;
}

// ---- Tests

decltype(Stmt::node) Builder::given(const P::StatementContext* context) {
  GivenStmt given;
  bool decision = false;
  if (context->w != nullptr) {
    const Kind what = kind(context->w);
    given.kind = what == Kind::kApproval ? GivenStmt::Kind::kApproval
                 : what == Kind::kAsk    ? GivenStmt::Kind::kAsk
                                         : GivenStmt::Kind::kSignal;
    decision = what != Kind::kSignal;
    Name target = name(context->n);
    given.target.span = target.span;
    given.target.parts.push_back(std::move(target));
  } else {
    given.target = path(context->p);
    given.has_args = context->a != nullptr;
    given.args = args(context->a);
  }
  given.condition = optional_expr(context->e);
  const P::ReplyContext* reply = context->r;
  if (reply == nullptr) {
    given.value = error_expr(span(context));
    return given;
  }
  if (reply->kw != nullptr && kind(reply->kw) == Kind::kIn) {
    given.reply = GivenStmt::Reply::kInOrder;
    for (const P::ExprContext* item : reply->items) given.values.push_back(expr(item));
    return given;
  }
  if (reply->kw != nullptr) {
    given.reply =
        kind(reply->kw) == Kind::kAnswer ? GivenStmt::Reply::kAnswer : GivenStmt::Reply::kApprove;
    if (reply->es != nullptr) given.entries = entries(reply->es);
    return given;
  }
  given.value = expr(reply->e);
  const auto* word = std::get_if<NameExpr>(&ast_[given.value].node);
  if (decision && word != nullptr && word->name == "reject") {
    given.reply = GivenStmt::Reply::kReject;
    given.value = {};
  }
  return given;
}

// ---- Clauses

Clauses Builder::clauses(const std::vector<P::ClauseContext*>& contexts) {
  Clauses made;
  for (const P::ClauseContext* context : contexts) {
    std::optional<Clause> next = clause(context);
    if (!next.has_value()) continue;
    const Clause* first = nullptr;
    for (const Clause& before : made.items) {
      if (before.node.index() == next->node.index()) first = &before;
    }
    if (first == nullptr) {
      made.items.push_back(std::move(*next));
      continue;
    }
    report(SyntaxError::Code::kWrittenTwice, span(context->kw),
           fmt::format("`{}` is written twice", clause_word(*next)), "keep one of them",
           first->span, "first here");
  }
  return made;
}

std::optional<Clause> Builder::clause(const P::ClauseContext* context) {
  if (context->kw == nullptr) return std::nullopt;
  Clause made;
  made.span = span(context);
  switch (kind(context->kw)) {
    case Kind::kTimeout:
      made.node = TimeoutClause{expr(context->e)};
      break;
    case Kind::kRetry: {
      RetryClause retry;
      retry.times = expr(context->e);
      retry.backoff = optional_expr(context->e2, true);
      for (const P::PathContext* error_kind : context->kinds)
        retry.kinds.push_back(path(error_kind));
      retry.condition = optional_expr(context->e3);
      made.node = std::move(retry);
      break;
    }
    case Kind::kRollback:
      if (context->b != nullptr)
        made.node = RollbackClause{block(context->b), {}};
      else
        made.node = RollbackClause{{}, expr(context->e)};
      break;
    case Kind::kIrreversible:
      made.node = IrreversibleClause{expr(context->e)};
      break;
    case Kind::kOnDoubt: {
      OnDoubtClause doubt;
      switch (context->how == nullptr ? Kind::kAsk : kind(context->how)) {
        case Kind::kRetry:
          doubt.kind = OnDoubtClause::Kind::kRetry;
          break;
        case Kind::kUndo:
          doubt.kind = OnDoubtClause::Kind::kUndo;
          break;
        case Kind::kFail:
          doubt.kind = OnDoubtClause::Kind::kFail;
          break;
        case Kind::kVerify:
          doubt.kind = OnDoubtClause::Kind::kVerify;
          doubt.verify = block(context->b);
          break;
        default:
          break;
      }
      doubt.by = who_list(context->w);
      made.node = std::move(doubt);
      break;
    }
    case Kind::kOnFailure: {
      OnFailureClause failure;
      if (context->how != nullptr && kind(context->how) == Kind::kAsk)
        failure.kind = OnFailureClause::Kind::kAsk;
      failure.by = who_list(context->w);
      made.node = std::move(failure);
      break;
    }
    case Kind::kWhen:
      made.node = WhenClause{expr(context->e)};
      break;
    case Kind::kReads:
      made.node = ReadsClause{};
      break;
    case Kind::kIdempotent:
      made.node = IdempotentClause{};
      break;
    default: {
      SandboxClause sandbox;
      if (context->how != nullptr && kind(context->how) == Kind::kContainer) {
        sandbox.kind = SandboxClause::Kind::kContainer;
        sandbox.image = expr(context->e);
      }
      if (context->es != nullptr) sandbox.entries = entries(context->es);
      made.node = std::move(sandbox);
    }
  }
  return made;
}

}  // namespace rbk::syntax
