// Steps and calls with clauses: what each clause needs, and what must not be left open.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

std::string_view clause_text(const syntax::Clause& clause) {
  static constexpr std::string_view kTexts[] = {
      "timeout",    "retry", "rollback", "irreversible", "on doubt",
      "on failure", "when",  "reads",    "idempotent",   "sandbox"};
  return kTexts[clause.node.index()];
}

}  // namespace

uint8_t BodyChecker::declared_behaviour(const syntax::ActionDecl& action) {
  switch (action.effect) {
    case syntax::ActionDecl::Effect::kReads:
      return 0;
    case syntax::ActionDecl::Effect::kIdempotent:
      return 1;
    case syntax::ActionDecl::Effect::kUnknown:
    case syntax::ActionDecl::Effect::kWrites:
      return 2;
  }
  return 2;
}

BodyChecker::Work BodyChecker::work_of(ExprId call) const {
  Work work;
  if (!call.valid()) return work;
  work.span = ast_[call].span;
  const auto* written = std::get_if<syntax::CallExpr>(&ast_[call].node);
  if (written == nullptr) return work;
  work.shown = shown_name(written->callee);
  const Meaning* meaning = module_.meaning(call);
  if (meaning == nullptr) return work;
  if (meaning->kind == Meaning::Kind::kCallAction) work.action = meaning->symbol;
  if (meaning->kind == Meaning::Kind::kCallRunbook) work.runbook = meaning->symbol;
  return work;
}

BodyChecker::BlockValue BodyChecker::check_undo_block(syntax::BlockId block, Place::Code code,
                                                      std::string_view name, Want want,
                                                      TypeId hint) {
  if (!block.valid()) return {types::kUnknown, {}, {}};
  const Restore<Place> place(place_);
  const Restore<Facts> facts(facts_);
  const Restore<bool> reach(reachable_);
  const Restore<ExprId> call(step_call_);
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  if (place_.code != Place::Code::kPure) place_.code = code;
  place_.no_return = name;
  place_.in_loop = false;
  place_.loop_border = name;
  place_.timeout.reset();
  place_.covered = true;
  reachable_ = true;
  step_call_ = {};
  borders_.push_back(Border::kUndo);
  const BlockValue value = check_block(block, want, hint, {Why::Kind::kClause, "verify", {}, {}});
  borders_.pop_back();
  return value;
}

// ---- Steps

TypeId BodyChecker::check_step_work(const syntax::StepStmt& node) {
  if (node.block.valid()) {
    const Restore<Place> place(place_);
    const auto* rollback = node.clauses.find<syntax::RollbackClause>();
    const auto* irreversible = node.clauses.find<syntax::IrreversibleClause>();
    if (rollback != nullptr || irreversible != nullptr) place_.covered = true;
    place_.no_return = "a step";
    place_.in_loop = false;
    place_.loop_border = kept(fmt::format("the step `{}`", node.name.text));
    const auto* failure = node.clauses.find<syntax::OnFailureClause>();
    const bool alone =
        failure != nullptr && failure->kind == syntax::OnFailureClause::Kind::kContinue;
    const Restore<ExprId> call(step_call_);
    step_call_ = {};
    rules_.open(alone ? RollbackRules::Region::kCatches : RollbackRules::Region::kPlain);
    const BlockValue value = check_block(node.block, Want::kIfAny, kNone, {});
    rules_.close();
    if (value.type == types::kNull) {
      diagnostics_
          .report(Code::kCannotInfer, span_of(value.value), fmt::format("`{}`", node.name.text))
          .labelled("null of which type?")
          .help("give the null a name with a type first: `let none: string? = null`");
      return types::kUnknown;
    }
    return value.type == types::kNever ? types::kNothing : value.type;
  }
  if (!node.value.valid()) return types::kUnknown;
  const syntax::Expr& written = ast_[node.value];
  if (!std::holds_alternative<syntax::CallExpr>(written.node)) {
    infer(node.value);
    return types::kUnknown;  // the parser told it
  }
  const Restore<ExprId> call(step_call_);
  step_call_ = node.value;
  const Restore<ExprId> launched(launched_);
  launched_ = node.launch == syntax::StepStmt::Launch::kInline ? ExprId() : node.value;
  return infer(node.value);
}

void BodyChecker::check_step(syntax::StmtId stmt, const syntax::StepStmt& node, Span span) {
  const bool allowed = allow_effect(span, "a step");
  if (node.title.valid()) expect(node.title, types::kString, {Why::Kind::kClause, "step", {}, {}});
  const Facts before = facts_;
  Work work;
  {
    const Restore<Place> place(place_);
    place_.top_level = false;
    if (!allowed) place_.impure_told = true;
    if (const auto* when = node.clauses.find<syntax::WhenClause>())
      facts_.add(condition(when->condition).when_true);
    if (const auto* timeout = node.clauses.find<syntax::TimeoutClause>()) {
      check_timeout(node.clauses, *timeout);
      if (const auto duration = constant(timeout->duration)) {
        place_.timeout = duration;
        place_.timeout_span = span_of(timeout->duration);
      }
    }
    const TypeId output = check_step_work(node);
    work = work_of(node.value);
    work.output = output;
    if (node.launch != syntax::StepStmt::Launch::kInline) check_launch(stmt, node, work);
    if (work.shown.empty()) work.shown = node.name.text;
    work.span = node.name.span;
  }
  const bool skips = node.clauses.find<syntax::WhenClause>() != nullptr;
  const auto* failure = node.clauses.find<syntax::OnFailureClause>();
  const bool continues =
      failure != nullptr && failure->kind == syntax::OnFailureClause::Kind::kContinue;
  if (skips || continues) {
    reachable_ = true;
    facts_ = before;
  }
  if (work.action == kNone && all_.holds_secret(work.output)) {
    diagnostics_
        .report(Code::kSecretShown, node.name.span,
                fmt::format("the output of `{}`", node.name.text))
        .labelled("a step's output is shown and kept")
        .help("hand the secret to where it is needed, outside of the step");
  }
  TypeId type = work.output;
  if (continues) type = types_.result(types_.is_silent(type) ? types::kUnknown : type);
  if (skips) type = types_.optional(type);
  const SymbolId symbol = declare_local(node.name, type, Symbol::Kind::kStep, false);
  module_.stmts[stmt.index].symbols = {symbol, kNone};
  if (symbol != kNone) program_.symbols[symbol].used = true;
  const Restore<std::vector<SymbolId>> absent(maybe_absent_);
  if (symbol != kNone) maybe_absent_.push_back(symbol);
  check_clauses(stmt, node.clauses, work);
  check_step_rules(stmt, node.clauses, work);
  if (place_.code == Place::Code::kVerify && work.action != kNone &&
      module_.stmts[stmt.index].behaviour != 0)
    diagnostics_.report(Code::kVerifyWrites, work.span, work.shown, "writes")
        .help("ask by actions that read; a call that does no more says so: `shell(…) reads`");
}

void BodyChecker::check_call_statement(syntax::StmtId stmt, const syntax::ExprStmt& node) {
  Work work = work_of(node.value);
  work.output = info(node.value).type;
  if (work.action == kNone && work.runbook == kNone) {
    if (!node.clauses.empty() && info(node.value).type != types::kUnknown) {
      const syntax::Clause& first = node.clauses.items.front();
      diagnostics_.report(Code::kClauseNotHere, first.span, clause_text(first))
          .labelled("only steps and calls that act have clauses")
          .help("make it a step: `step name { … }`, with the clause behind it");
    }
    return;
  }
  module_.stmts[stmt.index].symbols = {kNone, kNone};
  if (const auto* timeout = node.clauses.find<syntax::TimeoutClause>())
    check_timeout(node.clauses, *timeout);
  if (const auto* when = node.clauses.find<syntax::WhenClause>()) condition(when->condition);
  check_clauses(stmt, node.clauses, work);
  if (place_.code == Place::Code::kVerify && module_.stmts[stmt.index].behaviour != 0 &&
      work.action != kNone && step_call_ == node.value)
    diagnostics_.report(Code::kVerifyWrites, work.span, work.shown, "writes")
        .help("ask by actions that read");
}

// ---- Clauses

void BodyChecker::check_timeout(const syntax::Clauses& clauses,
                                const syntax::TimeoutClause& clause) {
  expect(clause.duration, types::kDuration, {Why::Kind::kClause, "timeout", {}, {}});
  within(clause.duration, 1, INT64_MAX, "timeout", "it would be up before it begins",
         "write how long an attempt may take, as `timeout 5m`, or leave it out");
  const auto duration = constant(clause.duration);
  if (!duration || !place_.timeout || *duration <= *place_.timeout) return;
  diagnostics_
      .report(Code::kLongerThanTimeout, clauses.span_of<syntax::TimeoutClause>(),
              source(span_of(clause.duration)), source(place_.timeout_span))
      .also(place_.timeout_span, "this timeout is around it")
      .help("make the outer timeout longer, or this one shorter");
}

void BodyChecker::check_retry(syntax::StmtId stmt, const syntax::RetryClause& clause) {
  expect(clause.times, types::kInt, {Why::Kind::kClause, "retry", {}, {}});
  within(clause.times, 1, INT64_MAX, "retry", "it is tried at least once",
         "write how often it is tried again, as `retry 3 times`, or leave it out");
  if (clause.backoff.valid()) {
    const bool is_range = std::holds_alternative<syntax::RangeExpr>(ast_[clause.backoff].node);
    expect(clause.backoff, is_range ? types_.range(types::kDuration) : types::kDuration,
           {Why::Kind::kClause, "backoff", {}, {}});
    const auto* range = std::get_if<syntax::RangeExpr>(&ast_[clause.backoff].node);
    const ExprId shortest = range == nullptr ? clause.backoff : range->low;
    const auto low = constant(shortest);
    within(shortest, 0, INT64_MAX, "backoff", "a pause takes time, or none",
           "write the pause between two attempts, as `backoff 1s..30s`");
    if (range != nullptr && low && *low >= 0)
      within(range->high, *low, INT64_MAX, "backoff", "the shortest pause is longer",
             "write the shortest pause first, as `backoff 1s..30s`");
  }
  for (const syntax::Path& path : clause.kinds) {
    const SymbolId kind = all_.resolve_type_path(module_.id, path);
    if (kind != kNone && program_.symbols[kind].kind != Symbol::Kind::kErrorKind) {
      diagnostics_
          .report(Code::kWrongType, path.span, "error",
                  std::string(ProgramChecker::kind_text(program_.symbols[kind])))
          .labelled("`retry … on` names kinds of errors");
      continue;
    }
    module_.stmts[stmt.index].retry_kinds.push_back(kind);
  }
  if (!clause.condition.valid()) return;
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  place_.top_level = false;
  // With one kind named the condition is only asked of errors of that kind, whose fields it sees.
  const auto& kinds = module_.stmts[stmt.index].retry_kinds;
  const bool one_kind = kinds.size() == 1 && clause.kinds.size() == 1 && kinds.front() != kNone;
  const TypeId seen = one_kind ? program_.symbols[kinds.front()].type : types::kError;
  const SymbolId error =
      declare_local({"error", span_of(clause.condition)}, seen, Symbol::Kind::kLocal, false);
  module_.stmts[stmt.index].symbols.resize(2, kNone);
  module_.stmts[stmt.index].symbols[1] = error;
  const Restore<std::vector<SymbolId>> outer_kinds(error_kinds_);
  error_kinds_ = kinds;
  condition(clause.condition);
}

bool BodyChecker::retries_timeouts(syntax::StmtId stmt) const {
  const auto& kinds = module_.stmts[stmt.index].retry_kinds;
  return std::any_of(kinds.begin(), kinds.end(), [&](SymbolId kind) {
    return kind != kNone && program_.symbols[kind].name == "Timeout";
  });
}

void BodyChecker::check_doubt(syntax::StmtId stmt, const syntax::Clauses& clauses,
                              const syntax::OnDoubtClause& clause, const Work& work) {
  const Span span = clauses.span_of<syntax::OnDoubtClause>();
  if (work.action == kNone) {
    if (work.output != types::kUnknown)
      diagnostics_.report(Code::kClauseNotHere, span, "on doubt")
          .labelled("only the call of one action can be in doubt")
          .help("put it on the step inside that calls the action");
    if (clause.verify.valid())
      check_undo_block(clause.verify, Place::Code::kVerify, "a `verify`", Want::kIfAny);
    return;
  }
  if (module_.stmts[stmt.index].behaviour != 2)
    diagnostics_.report(Code::kNeverInDoubt, span, work.shown)
        .labelled(module_.stmts[stmt.index].behaviour == 0
                      ? fmt::format("`{}` only reads: it is simply repeated", work.shown)
                      : fmt::format("`{}` may be repeated: it is idempotent", work.shown))
        .help("leave it out");
  switch (clause.kind) {
    case syntax::OnDoubtClause::Kind::kVerify: {
      const TypeId output = types_.is_silent(work.output) ? types::kNothing : work.output;
      const TypeId doubt = all_.doubt_enum(output);
      module_.stmts[stmt.index].doubt = doubt;
      const Restore<TypeId> name(doubt_);
      doubt_ = doubt;
      const BlockValue value =
          check_undo_block(clause.verify, Place::Code::kVerify, "a `verify`", Want::kValue, doubt);
      if (value.type == types::kNothing)
        diagnostics_.report(Code::kNoValue, span, "Doubt")
            .labelled("it has to end with what it found")
            .help("let its last line be `.done(…)`, `.not_done` or `.unknown`");
      break;
    }
    case syntax::OnDoubtClause::Kind::kUndo: {
      const auto* rollback = clauses.find<syntax::RollbackClause>();
      if (rollback == nullptr || !rollback->block.valid())
        diagnostics_.report(Code::kNothingToUndo, span)
            .labelled("there is no rollback to run")
            .help("add `rollback { … }`, or say `on doubt fail`");
      break;
    }
    case syntax::OnDoubtClause::Kind::kAsk:
      check_who(clause.by, "name users or groups");
      break;
    case syntax::OnDoubtClause::Kind::kRetry:
    case syntax::OnDoubtClause::Kind::kFail:
      break;
  }
}

void BodyChecker::check_failure_ask(syntax::StmtId stmt, const syntax::OnFailureClause& clause,
                                    Span span, const Work& work) {
  check_who(clause.by, "");
  if (place_.code == Place::Code::kVerify)
    diagnostics_.report(Code::kClauseNotHere, span, "on failure ask")
        .labelled("a `verify` that fails is `.unknown`, and then a person is asked")
        .help("leave it out");
  module_.stmts[stmt.index].resolution =
      all_.resolution_enum(types_.is_silent(work.output) ? types::kNothing : work.output);
}

void BodyChecker::check_clauses(syntax::StmtId stmt, const syntax::Clauses& clauses,
                                const Work& work) {
  StmtInfo& statement = module_.stmts[stmt.index];
  statement.behaviour = 2;
  if (work.action != kNone) {
    const Symbol& action = program_.symbols[work.action];
    statement.behaviour = declared_behaviour(
        std::get<syntax::ActionDecl>(program_.modules[action.module]->ast[action.decl].node));
  }
  for (const syntax::Clause& clause : clauses.items) {
    const bool reads = std::holds_alternative<syntax::ReadsClause>(clause.node);
    const bool idempotent = std::holds_alternative<syntax::IdempotentClause>(clause.node);
    if (!reads && !idempotent) continue;
    if (work.action == kNone) {
      if (work.output != types::kUnknown)
        diagnostics_.report(Code::kClauseNotHere, clause.span, clause_text(clause))
            .labelled("this says something of the call of one action")
            .help("put it on the step inside that calls the action");
      continue;
    }
    statement.behaviour = std::min<uint8_t>(statement.behaviour, reads ? 0 : 1);
  }
  for (const syntax::Clause& clause : clauses.items) {
    if (const auto* retry = std::get_if<syntax::RetryClause>(&clause.node)) {
      check_retry(stmt, *retry);
    } else if (const auto* rollback = std::get_if<syntax::RollbackClause>(&clause.node)) {
      if (rollback->block.valid())
        check_undo_block(rollback->block, Place::Code::kUndo, "a rollback");
      if (rollback->why.valid())
        expect(rollback->why, types::kString, {Why::Kind::kClause, "rollback none", {}, {}});
    } else if (const auto* irreversible = std::get_if<syntax::IrreversibleClause>(&clause.node)) {
      expect(irreversible->why, types::kString, {Why::Kind::kClause, "irreversible", {}, {}});
      if (clauses.find<syntax::RollbackClause>() != nullptr)
        diagnostics_.report(Code::kContradiction, clause.span, "irreversible", "rollback")
            .labelled("a step is either undone or cannot be")
            .also(clauses.span_of<syntax::RollbackClause>(), "here is a rollback")
            .help("keep one of the two");
    } else if (const auto* doubt = std::get_if<syntax::OnDoubtClause>(&clause.node)) {
      check_doubt(stmt, clauses, *doubt, work);
    } else if (const auto* failure = std::get_if<syntax::OnFailureClause>(&clause.node)) {
      if (failure->kind == syntax::OnFailureClause::Kind::kAsk)
        check_failure_ask(stmt, *failure, clause.span, work);
    } else if (std::holds_alternative<syntax::SandboxClause>(clause.node)) {
      not_supported(clause.span, "`sandbox`", "let the command itself start a container");
    }
  }
}

void BodyChecker::check_step_rules(syntax::StmtId stmt, const syntax::Clauses& clauses,
                                   const Work& work) {
  if (place_.code != Place::Code::kRunbook) return;
  const bool acts = work.action != kNone || work.runbook != kNone;
  if (!acts) return;
  const auto* rollback = clauses.find<syntax::RollbackClause>();
  const bool undone = rollback != nullptr || clauses.find<syntax::IrreversibleClause>() != nullptr;
  if (work.detached) {
    // It goes on whatever becomes of this run.
    if (!undone && !place_.covered) rules_.writes({work.shown, work.span, stmt.index});
    return;
  }
  const auto* failure = clauses.find<syntax::OnFailureClause>();
  if (failure == nullptr || failure->kind == syntax::OnFailureClause::Kind::kAsk) rules_.may_fail();
  if (work.action == kNone || module_.stmts[stmt.index].behaviour != 2) return;
  if (!undone && !place_.covered) rules_.writes({work.shown, work.span, stmt.index});
  const bool tolerates = rollback != nullptr && rollback->block.valid();
  if (clauses.find<syntax::TimeoutClause>() != nullptr &&
      clauses.find<syntax::OnDoubtClause>() == nullptr && !tolerates && !retries_timeouts(stmt)) {
    auto& report = diagnostics_
                       .report(Code::kTimeoutWithoutDoubt, clauses.span_of<syntax::TimeoutClause>(),
                               work.shown)
                       .labelled("when it strikes, nobody knows what was done");
    report.help(
        "say `on doubt retry` if doing it twice is harmless, `on doubt verify { … }` to find out, "
        "or `on doubt ask`");
    if (strict_) report.severity = diagnostics::Severity::kError;
  }
}

}  // namespace rbk::check
