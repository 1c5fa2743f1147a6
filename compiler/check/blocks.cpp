// Blocks, and the statements that hold them and may have a value: if, match, try, parallel.
#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

bool BodyChecker::is_compound(const syntax::Expr& expr) {
  return std::holds_alternative<syntax::IfExpr>(expr.node) ||
         std::holds_alternative<syntax::MatchExpr>(expr.node) ||
         std::holds_alternative<syntax::TryExpr>(expr.node) ||
         std::holds_alternative<syntax::ParallelExpr>(expr.node) ||
         std::holds_alternative<syntax::ParallelForExpr>(expr.node) ||
         std::holds_alternative<syntax::WaitFirstExpr>(expr.node);
}

BodyChecker::BlockValue BodyChecker::check_block(syntax::BlockId block, Want want, TypeId hint,
                                                 const Why& why) {
  if (!block.valid()) return {types::kUnknown, {}, {}};
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  place_.top_level = false;
  return check_statements(block, want, hint, why);
}

BodyChecker::BlockValue BodyChecker::check_statements(syntax::BlockId block, Want want, TypeId hint,
                                                      const Why& why) {
  const syntax::Block& written = ast_[block];
  BlockValue result;
  result.span = written.span;
  const bool lost = written.span.empty() || ast_.unread.touches(written.span);
  if (written.stmts.empty() && lost) result.type = types::kUnknown;
  bool dead = false;
  Span handler;
  for (size_t i = 0; i < written.stmts.size(); ++i) {
    const syntax::StmtId id = written.stmts[i];
    const syntax::Stmt& stmt = ast_[id];
    const auto* as_handler = std::get_if<syntax::HandlerStmt>(&stmt.node);
    if (as_handler != nullptr) {
      if (handler.empty()) handler = stmt.span;
    } else {
      const bool was_read = !std::holds_alternative<syntax::ErrorStmt>(stmt.node) &&
                            !ast_.unread.holds(stmt.span.begin);
      if (!handler.empty() && place_.top_level && was_read) {
        const std::string_view text = source(handler);
        diagnostics_
            .report(Code::kHandlerPlace, handler, text.substr(0, text.find(" {")), "the runbook")
            .also(stmt.span, "this comes after it")
            .help("move it below everything else");
        handler = Span{};
      }
      if (!reachable_ && !std::holds_alternative<syntax::ErrorStmt>(stmt.node)) {
        if (!dead)
          diagnostics_.report(Code::kUnreachable, stmt.span)
              .labelled("what stands before it never goes on to here")
              .help("remove it, or put it before");
        dead = true;
        reachable_ = true;
      }
    }
    const bool is_last = i + 1 == written.stmts.size();
    const auto* expression = std::get_if<syntax::ExprStmt>(&stmt.node);
    if (expression != nullptr) {
      const BlockValue value = check_expression_statement(
          id, *expression, is_last ? want : Want::kDiscard, is_last ? hint : kNone, why);
      if (is_last) {
        result.type = value.type;
        result.value = value.value;
      }
    } else {
      if (is_last && std::holds_alternative<syntax::ErrorStmt>(stmt.node))
        result.type = types::kUnknown;
      check_statement(id);
    }
  }
  if (dead) reachable_ = false;
  if (!reachable_) result.type = types::kNever;
  return result;
}

BodyChecker::BlockValue BodyChecker::check_expression_statement(syntax::StmtId stmt,
                                                                const syntax::ExprStmt& node,
                                                                Want want, TypeId hint,
                                                                const Why& why) {
  const ExprId expr = node.value;
  if (!expr.valid()) return {types::kUnknown, {}, {}};
  if (is_compound(ast_[expr])) {
    const TypeId type = compound(expr, want, hint, why);
    info(expr).value_type = info(expr).type = type;
    if (!node.clauses.empty()) check_call_statement(stmt, node);
    return {type, want == Want::kDiscard ? ExprId{} : expr, {}};
  }
  const Restore<OwnStatement> own(own_statement_);
  own_statement_ = {expr, {}, {}, false, kNone, want != Want::kDiscard};
  const Restore<ExprId> own_step(step_call_);
  if (place_.code == Place::Code::kVerify && node.clauses.find<syntax::ReadsClause>() != nullptr)
    step_call_ = expr;
  TypeId type = types::kNothing;
  if (want == Want::kValue && hint != kNone) {
    type = expect(expr, hint, why);
    if (types_.is_silent(info(expr).type)) type = info(expr).type;
  } else {
    type = infer(expr);
  }
  const Work work = work_of(expr);
  const bool acts = work.action != kNone || work.runbook != kNone;
  if (acts || !node.clauses.empty()) check_call_statement(stmt, node);
  if (want == Want::kDiscard && !acts && node.clauses.empty() && type != types::kNothing &&
      type != types::kNull && !types_.is_silent(type) &&
      !std::holds_alternative<syntax::WaitSignalExpr>(ast_[expr].node)) {
    diagnostics_.report(Code::kUnusedValue, span_of(expr))
        .labelled(fmt::format("nobody looks at this `{}`", text(type)))
        .help("use it, or remove it");
  }
  return {type, want == Want::kDiscard ? ExprId{} : expr, {}};
}

TypeId BodyChecker::compound(ExprId expr, Want want, TypeId hint, const Why& why) {
  const syntax::Expr& written = ast_[expr];
  if (const auto* node = std::get_if<syntax::IfExpr>(&written.node))
    return check_if(*node, want, hint, why, written.span);
  if (const auto* node = std::get_if<syntax::MatchExpr>(&written.node))
    return check_match(expr, *node, want, hint, why);
  if (const auto* node = std::get_if<syntax::TryExpr>(&written.node))
    return check_try(expr, *node, want, hint, why);
  if (const auto* node = std::get_if<syntax::ParallelExpr>(&written.node))
    return check_parallel(expr, *node);
  if (const auto* node = std::get_if<syntax::WaitFirstExpr>(&written.node))
    return check_wait_first(expr, *node, want, hint, why);
  return check_parallel_for(expr, std::get<syntax::ParallelForExpr>(written.node));
}

TypeId BodyChecker::join_values(const std::vector<BlockValue>& values, Want want, TypeId hint,
                                const Why& why) {
  bool all_never = true;
  for (const BlockValue& value : values) all_never = all_never && value.type == types::kNever;
  if (all_never) return types::kNever;
  if (want == Want::kDiscard) return types::kNothing;
  TypeId joined = want == Want::kValue && hint != kNone ? hint : types::kNever;
  for (const BlockValue& value : values) {
    if (value.type == types::kNever) continue;
    if (value.type == types::kNothing) {
      if (want == Want::kIfAny) return types::kNothing;
      if (hint == types::kNothing) continue;
      diagnostics_
          .report(Code::kNoValue, value.span,
                  joined == types::kNever ? std::string("value") : text(joined))
          .labelled("this block ends without a value")
          .help("let its last line be the value");
      continue;
    }
    if (hint != kNone && want == Want::kValue) continue;  // it was expected to fit already
    const TypeId both = types_.join(joined, value.type);
    if (both == kNone) {
      if (want == Want::kIfAny) return types::kNothing;
      if (value.value.valid()) report_mismatch(value.value, value.type, joined, why);
      continue;
    }
    joined = both;
  }
  if (hint == kNone || want == Want::kIfAny) {
    for (const BlockValue& value : values) {
      if (value.value.valid() && !types_.is_silent(value.type))
        apply(value.value, types_.convert(info(value.value).type, joined));
    }
  }
  return joined == types::kNever ? types::kUnknown : joined;
}

TypeId BodyChecker::check_if(const syntax::IfExpr& node, Want want, TypeId hint, const Why& why,
                             Span span) {
  const Branching branching = condition(node.condition);
  if (!node.else_block.valid()) {
    if (want == Want::kValue)
      diagnostics_.report(Code::kNoValue, span, hint == kNone ? std::string("value") : text(hint))
          .labelled("without `else` there is no value where the condition does not hold")
          .help("add `else { … }`");
    want = want == Want::kValue ? Want::kIfAny : Want::kDiscard;
    hint = kNone;
  }
  const Facts before = facts_;
  facts_.add(branching.when_true);
  rules_.open(RollbackRules::Region::kPlain);
  std::vector<BlockValue> values{check_block(node.then_block, want, hint, why)};
  rules_.close();
  const bool then_ends = reachable_;
  Facts after_then = std::move(facts_);
  facts_ = before;
  facts_.add(branching.when_false);
  reachable_ = true;
  if (node.else_block.valid()) {
    rules_.open(RollbackRules::Region::kPlain);
    values.push_back(check_block(node.else_block, want, hint, why));
    rules_.close();
  }
  const bool else_ends = reachable_;
  if (!else_ends) {
    facts_ = std::move(after_then);
  } else if (then_ends) {
    facts_.keep(after_then);
  }
  reachable_ = then_ends || else_ends;
  if (!node.else_block.valid()) return want == Want::kIfAny ? types::kUnknown : types::kNothing;
  return join_values(values, want, hint, why);
}

TypeId BodyChecker::check_try(ExprId expr, const syntax::TryExpr& node, Want want, TypeId hint,
                              const Why& why) {
  const auto forget_vars = [&] {
    facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  };
  forget_vars();
  const Facts before = facts_;
  rules_.open(RollbackRules::Region::kCatches);
  std::vector<BlockValue> values{check_block(node.body, want, hint, why)};
  rules_.close();
  const bool body_ends = reachable_;
  facts_ = before;
  reachable_ = true;
  if (node.handler.valid()) {
    const Scopes::Open scope(scopes_);
    const Restore<Place> place(place_);
    place_.top_level = false;
    module_.expr_symbols[expr.index].push_back(
        declare_local(node.binding, types::kError, Symbol::Kind::kLocal, false));
    rules_.open(RollbackRules::Region::kPlain);
    values.push_back(check_block(node.handler, want, hint, why));
    rules_.close();
  }
  reachable_ = reachable_ || body_ends;
  facts_ = before;
  return join_values(values, want, hint, why);
}

TypeId BodyChecker::check_match(ExprId expr, const syntax::MatchExpr& node, Want want, TypeId hint,
                                const Why& why) {
  const TypeId subject = infer(node.subject);
  // Patterns take apart what holds a secret, and bind it; none of them compares it.
  const bool compares =
      subject == types::kSecret && refuse_secret(node.subject, subject, "a comparison");
  const TypeId type = compares ? types::kUnknown : subject;
  const PathId path = path_of(node.subject);
  const Facts before = facts_;
  Facts after;
  bool any_ends = false;
  bool null_done = false;
  bool wrong = false;
  std::vector<BlockValue> values;
  for (const syntax::MatchExpr::Arm& arm : node.arms) {
    facts_ = before;
    reachable_ = true;
    const Scopes::Open scope(scopes_);
    const Restore<Place> place(place_);
    place_.top_level = false;
    const bool is_null =
        arm.pattern.valid() && std::holds_alternative<syntax::NullPattern>(ast_[arm.pattern].node);
    const TypeId seen = null_done && !is_null ? types_.without_optional(type) : type;
    pattern_wrong_ = false;
    check_pattern(arm.pattern, seen);
    wrong = wrong || pattern_wrong_;
    if (null_done && path != kNone && types_.is_optional(type)) facts_.add(path);
    if (arm.guard.valid()) facts_.add(condition(arm.guard).when_true);
    if (is_null && !arm.guard.valid()) null_done = true;
    rules_.open(RollbackRules::Region::kPlain);
    values.push_back(check_block(arm.body, want, hint, why));
    rules_.close();
    if (!reachable_) continue;
    if (any_ends)
      after.keep(facts_);
    else
      after = facts_;
    any_ends = true;
  }
  facts_ = any_ends ? after : before;
  reachable_ = any_ends || node.arms.empty();
  wrong = wrong || ast_.unread.touches(span_of(expr));
  if (!wrong) check_exhaustive(node, type, span_of(expr));
  if (node.arms.empty()) return types::kNothing;
  return join_values(values, want, hint, why);
}

// ---- Branches side by side

void BodyChecker::check_policy(const syntax::FailurePolicy& policy) {
  if (policy.kind != syntax::FailurePolicy::Kind::kTolerate) return;
  expect(policy.tolerance, types::kInt, {Why::Kind::kClause, "tolerate", {}, {}});
  within(policy.tolerance, 0, policy.percent ? 100 : INT64_MAX, "tolerate",
         policy.percent ? "a share is at most 100%" : "that many branches may fail",
         "write how many, `tolerate 2`, or which share of them, `tolerate 5%`");
}

TypeId BodyChecker::check_parallel(ExprId expr, const syntax::ParallelExpr& node) {
  (void)expr;
  const bool tolerant = node.policy.kind != syntax::FailurePolicy::Kind::kFail;
  check_policy(node.policy);
  if (place_.code == Place::Code::kPure) {
    allow_effect(span_of(expr), "`parallel`");
  }
  if (!node.body.valid()) return types::kUnknown;
  const Restore<Place> outer(place_);
  const Facts before = facts_;
  place_.no_return = "a branch of `parallel`";
  place_.in_loop = false;
  place_.loop_border = "a branch of `parallel`";
  std::vector<SymbolId> steps;
  TypeId common = kNone;
  bool same = true;
  for (const syntax::StmtId id : ast_[node.body].stmts) {
    const syntax::Stmt& stmt = ast_[id];
    const Restore<Place> branch(place_);
    place_.top_level = false;
    if (!std::holds_alternative<syntax::StepStmt>(stmt.node)) {
      if (!std::holds_alternative<syntax::ErrorStmt>(stmt.node))
        diagnostics_.report(Code::kParallelNeedsSteps, stmt.span)
            .labelled("each branch is one step")
            .help("put it in a step: `step name { … }`, or before `parallel`");
      const Scopes::Open scope(scopes_);
      check_statement(id);
      continue;
    }
    borders_.push_back(Border::kBranch);
    rules_.open(tolerant ? RollbackRules::Region::kCatches : RollbackRules::Region::kPlain);
    {
      const Scopes::Open scope(scopes_);
      facts_ = before;
      reachable_ = true;
      check_statement(id);
    }
    rules_.close();
    borders_.pop_back();
    const auto& symbols = module_.stmts[id.index].symbols;
    const SymbolId step = symbols.empty() ? kNone : symbols.front();
    if (step == kNone) continue;
    steps.push_back(step);
    const TypeId output = program_.symbols[step].type;
    same = same && (common == kNone || common == output);
    common = output;
  }
  reachable_ = true;
  facts_ = before;
  for (const SymbolId step : steps) {
    Symbol& symbol = program_.symbols[step];
    if (const SymbolId other = scopes_.in_innermost(symbol.name); other != kNone)
      diagnostics_.report(Code::kDuplicateName, symbol.span, symbol.name)
          .labelled(fmt::format("`{}` is {} already", symbol.name,
                                ProgramChecker::kind_text(program_.symbols[other])))
          .also(program_.symbols[other].span, "declared first here")
          .help("give one of the two another name");
    if (tolerant) symbol.type = types_.result(symbol.type);
    scopes_.declare(symbol.name, step);
    top_level_names_.push_back(step);
  }
  if (!tolerant) return types::kNothing;
  return types_.list(types_.result(same && common != kNone ? common : types::kNothing));
}

TypeId BodyChecker::check_parallel_for(ExprId expr, const syntax::ParallelForExpr& node) {
  const bool tolerant = node.policy.kind != syntax::FailurePolicy::Kind::kFail;
  if (place_.code == Place::Code::kPure) allow_effect(span_of(expr), "`parallel`");
  TypeId key = types::kInt;
  const TypeId element = iterate(node.items, key, !node.index.empty());
  if (node.limit.valid()) {
    expect(node.limit, types::kInt, {Why::Kind::kClause, "limit", {}, {}});
    within(node.limit, 1, INT64_MAX, "limit", "at least one branch runs at once",
           "write how many branches may run at once, as `limit 4`");
  }
  check_policy(node.policy);
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  const Facts before = facts_;
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  place_.no_return = "a branch of `parallel`";
  place_.in_loop = false;
  place_.loop_border = "a branch of `parallel`";
  place_.top_level = false;
  borders_.push_back(Border::kBranch);
  std::vector<SymbolId> symbols{declare_local(node.item, element, Symbol::Kind::kLocal, false),
                                declare_local(node.index, key, Symbol::Kind::kLocal, false)};
  module_.expr_symbols[expr.index] = std::move(symbols);
  rules_.open(tolerant ? RollbackRules::Region::kCatches : RollbackRules::Region::kLoop);
  rules_.open(RollbackRules::Region::kLoop);
  const BlockValue value = check_block(node.body, Want::kIfAny, kNone, {});
  rules_.close();
  rules_.close();
  if (tolerant) rules_.may_fail();  // past the tolerance, and what a caller makes of the results
  borders_.pop_back();
  reachable_ = true;
  facts_ = before;
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  TypeId output = value.type == types::kNever ? types::kNothing : value.type;
  if (output == types::kNull) output = types::kNothing;
  if (tolerant) return types_.list(types_.result(output, element));
  return output == types::kNothing ? types::kNothing : types_.list(output);
}

}  // namespace rbk::check
