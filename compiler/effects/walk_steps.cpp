// Steps and calls: what they touch, their attempts, and how they are undone.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/effects/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using check::Meaning;
using plan::Value;

namespace {

/// Between attempts where the clause does not say; as the compiler does (lower/attempts.cpp).
constexpr int64_t kBackoffHigh = 30'000'000;

std::string_view behaviour_name(uint8_t behaviour) {
  return behaviour == 0 ? "reads" : behaviour == 1 ? "idempotent" : "writes";
}

std::string_view declared_behaviour(const ActionDecl& action) {
  switch (action.effect) {
    case ActionDecl::Effect::kReads:
      return "reads";
    case ActionDecl::Effect::kIdempotent:
      return "idempotent";
    case ActionDecl::Effect::kUnknown:
    case ActionDecl::Effect::kWrites:
      return "writes";
  }
  return "writes";
}

constexpr const char* kDoubts[] = {"retry", "verify", "undo", "fail", "ask"};

}  // namespace

void Walker::describe(Step& into, const Clauses& clauses) {
  const auto asked = [&](const std::vector<std::string>& by) {
    std::string text;
    for (const std::string& one : by) {
      all_.touches.person(one);
      text += (text.empty() ? " by " : ", ") + one;
    }
    return text;
  };
  for (const Clause& clause : clauses.items) {
    if (const auto* timeout = std::get_if<TimeoutClause>(&clause.node)) {
      into.timeout = texts_.code(timeout->duration);
    } else if (const auto* retry = std::get_if<RetryClause>(&clause.node)) {
      into.retry = texts_.code(retry->times) + " times";
      if (retry->backoff.valid()) into.retry += " backoff " + texts_.code(retry->backoff);
      for (size_t i = 0; i < retry->kinds.size(); ++i)
        into.retry += (i == 0 ? " on " : ", ") + retry->kinds[i].text();
      if (retry->condition.valid()) into.retry += " if " + texts_.code(retry->condition);
    } else if (const auto* rollback = std::get_if<RollbackClause>(&clause.node)) {
      into.undo = rollback->block.valid() ? "rollback" : "none";
      if (rollback->why.valid()) into.why = texts_.text(rollback->why);
    } else if (const auto* irreversible = std::get_if<IrreversibleClause>(&clause.node)) {
      into.undo = "irreversible";
      into.why = texts_.text(irreversible->why);
    } else if (const auto* doubt = std::get_if<OnDoubtClause>(&clause.node)) {
      into.on_doubt = kDoubts[static_cast<int>(doubt->kind)];
      into.on_doubt += asked(people(doubt->by));
    } else if (const auto* failure = std::get_if<OnFailureClause>(&clause.node)) {
      if (failure->kind == OnFailureClause::Kind::kAsk) ask_person(clause.span);
      into.on_failure = failure->kind == OnFailureClause::Kind::kContinue ? "continue" : "ask";
      into.on_failure += asked(people(failure->by));
    } else if (const auto* when = std::get_if<WhenClause>(&clause.node)) {
      if (!texts_.known().evaluate(when->condition).known())
        into.when = texts_.code(when->condition);
    }
  }
}

Cost Walker::step(StmtId id, const StepStmt& node) {
  size_t is_asked = 0;
  if (const auto* when = node.clauses.find<WhenClause>()) {
    const Value condition = texts_.known().evaluate(when->condition);
    if (condition.shape == Value::Shape::kBool && condition.number == 0) return {};
    if (!condition.known()) is_asked = 1;
  }
  all_.touches.conditions += is_asked;
  const std::string outer_path = path_;
  const std::string path = path_ + node.name.text;
  const std::string outer_step = std::exchange(place_.step, path);
  path_ = path + "/";
  Step made;
  made.path = path;
  made.phase = place_.phase;
  made.only_if = conditions();
  describe(made, node.clauses);
  // The same step of several rounds, or of a runbook that is called more than once, stands once.
  const size_t at = all_.summary.steps.size();
  const bool is_new =
      all_.touches.is_new(fmt::format("step\n{}\n{}", path, static_cast<int>(place_.phase)));
  if (is_new) all_.summary.steps.push_back(std::move(made));
  Cost cost;
  const Meaning* meaning = node.value.valid() ? texts_.module().meaning(node.value) : nullptr;
  const bool is_action = meaning != nullptr && meaning->kind == Meaning::Kind::kCallAction;
  std::string what = node.name.text;
  if (node.value.valid()) {
    if (const auto* written = std::get_if<CallExpr>(&ast()[node.value].node)) {
      what = source(ast()[written->callee].span);
      if (is_new) {
        Step& there = all_.summary.steps[at];
        there.calls = what;
        if (meaning != nullptr) there.arguments = arguments(*meaning);
        if (is_action)
          there.behaviour = behaviour_name(texts_.module().stmts.at(id.index).behaviour);
      }
      for (const Argument& argument : written->args) cost = cost + inside(argument.value, id);
      if (node.launch == StepStmt::Launch::kInline)
        cost = cost + call(node.value, *written, id, &node.clauses);
      else if (meaning != nullptr && meaning->kind == Meaning::Kind::kCallRunbook)
        cost = cost + launched(*meaning, node, what);
    }
  } else {
    const Cost once = block(node.block);
    cost = undo_of(node.clauses, attempts(once, node.clauses, false, what));
  }
  all_.touches.conditions -= is_asked;
  place_.step = outer_step;
  path_ = outer_path;
  return cost;
}

Cost Walker::call(ExprId id, const CallExpr& node, StmtId owner, const Clauses* clauses) {
  const Meaning* meaning = texts_.module().meaning(id);
  if (meaning == nullptr) return {};
  static const Clauses kNone;
  const Clauses& written = clauses == nullptr ? kNone : *clauses;
  const std::string name = source(ast()[node.callee].span);
  if (meaning->kind == Meaning::Kind::kCallEmit) {
    if (meaning->native == "run.attach" && !meaning->arguments.empty())
      all_.touches.file(texts_.text(meaning->arguments.front()), "attached", place_);
    return {};
  }
  if (meaning->kind == Meaning::Kind::kCallAction) {
    const check::Symbol& action = texts_.known().program().symbol(meaning->symbol);
    const auto& home = *texts_.known().program().modules.at(action.module);
    std::string behaviour = "writes";
    if (const auto* decl = std::get_if<ActionDecl>(&home.ast[action.decl].node))
      behaviour = declared_behaviour(*decl);
    if (clauses != nullptr)
      behaviour = behaviour_name(texts_.module().stmts.at(owner.index).behaviour);
    all_.touches.action(texts_, *meaning, name, behaviour, place_, ast()[id].span);
    return undo_of(written, attempts({}, written, true, name));
  }
  if (meaning->kind == Meaning::Kind::kCallRunbook)
    return undo_of(written, attempts(runbook(*meaning, name), written, false, name));
  return {};
}

/// A run of its own. One that is detached takes this one no time, and is not undone by it.
Cost Walker::launched(const Meaning& meaning, const StepStmt& node, const std::string& name) {
  const bool waits = node.launch == StepStmt::Launch::kStart;
  // What this run holds it holds until that one has ended, unless it is detached.
  auto held = waits ? all_.held : std::exchange(all_.held, {});
  const Cost once = runbook(meaning, name, waits ? "start" : "detach");
  all_.held = std::move(held);
  return undo_of(node.clauses, waits ? attempts(once, node.clauses, false, name) : Cost{});
}

Cost Walker::runbook(const Meaning& meaning, const std::string& name, std::string launch) {
  all_.summary.calls.push_back({name, std::move(launch), place_});
  if (std::find(all_.called.begin(), all_.called.end(), meaning.symbol) != all_.called.end()) {
    // With what, that time, was not followed.
    all_.summary.cut_short = all_.summary.cut_short || !meaning.arguments.empty();
    return waiting(open(fmt::format("`{}` calls itself", name)));
  }
  if (++all_.runbooks > kMostRunbooks) {
    all_.summary.cut_short = true;
    return waiting(open(fmt::format("`{}` was not followed", name)));
  }
  const check::CheckedProgram& program = texts_.known().program();
  const check::Symbol& called = program.symbol(meaning.symbol);
  const check::CheckedModule& home = *program.modules.at(called.module);
  const auto* decl = std::get_if<RunbookDecl>(&home.ast[called.decl].node);
  if (decl == nullptr) return {};
  Texts inner(program, home);
  for (size_t i = 0; i < called.parameters.size() && i < decl->params.size(); ++i) {
    if (i < meaning.arguments.size() && meaning.arguments[i].valid())
      inner.set_argument(called.parameters[i], texts_, meaning.arguments[i]);
    else
      inner.set_from(called.parameters[i], inner, decl->params[i].default_value);
  }
  note_largest(program, meaning.symbol, all_);
  all_.called.push_back(meaning.symbol);
  all_.bodies.emplace_back(&home, decl->body);
  ++all_.touches.calls;
  Walker walker(all_, inner, path_, place_.phase);
  walker.place_.step = place_.step;
  head_locks(*decl, name, inner, place_, all_.summary.locks);
  Cost cost = walker.runbook_body(*decl);
  if (!decl->exclusive.empty() || decl->max.valid())
    cost = cost + waiting(open(fmt::format("`{}` waits until others have ended", name)));
  --all_.touches.calls;
  all_.called.pop_back();
  return cost;
}

/// All attempts of what takes `once`; of an action that is only what its clauses say.
Cost Walker::attempts(const Cost& once, const Clauses& clauses, bool is_action,
                      const std::string& what) {
  Bound attempt = once.forward;
  const auto* timeout = clauses.find<TimeoutClause>();
  if (timeout != nullptr) {
    if (const auto micros = at_most(timeout->duration))
      attempt = is_action ? Bound::of(*micros) : cut_off(once.forward, *micros);
    else if (is_action || !once.forward.is_bounded())
      attempt = time(timeout->duration, "the `timeout`");
  } else if (is_action) {
    attempt = open(fmt::format("`{}` has no `timeout`", what));
  }
  const auto* doubt = clauses.find<OnDoubtClause>();
  if (doubt != nullptr && doubt->verify.valid())
    attempt = attempt + in_phase(doubt->verify, Phase::kVerify).forward;
  if (doubt != nullptr && doubt->kind == OnDoubtClause::Kind::kAsk && timeout != nullptr)
    attempt = attempt + open("`on doubt ask` waits for a person");
  const auto* failure = clauses.find<OnFailureClause>();
  if (failure != nullptr && failure->kind == OnFailureClause::Kind::kAsk)
    attempt = attempt + open("`on failure ask` waits for a person");
  Cost cost = once;
  const auto* retry = clauses.find<RetryClause>();
  if (retry == nullptr) {
    const bool twice = doubt != nullptr && doubt->kind == OnDoubtClause::Kind::kRetry;
    cost.forward = twice ? repeated(attempt, 2) : attempt;
    // What fails and goes on has been undone by then.
    if (failure != nullptr) cost.forward = cost.forward + once.rollback();
    return cost;
  }
  const std::optional<int64_t> times = at_most(retry->times);
  if (!times) {
    cost.forward = attempt + time(retry->times, "how often `retry` tries again:");
    return cost;
  }
  int64_t pause = kBackoffHigh;
  std::optional<int64_t> longest = pause;
  if (retry->backoff.valid()) {
    const auto* range = std::get_if<RangeExpr>(&ast()[retry->backoff].node);
    longest = at_most(range == nullptr ? retry->backoff : range->high);
    if (longest && range == nullptr) longest = *longest / 2 * 3 + *longest % 2;
  }
  const Bound between = longest
                            ? Bound::of(*longest)
                            : time(std::get_if<RangeExpr>(&ast()[retry->backoff].node) == nullptr
                                       ? retry->backoff
                                       : std::get<RangeExpr>(ast()[retry->backoff].node).high,
                                   "the `backoff`");
  // A block or a runbook is undone before it is tried again.
  cost.forward = attempt + repeated(attempt + between + once.rollback(), *times);
  return cost;
}

/// A step's own rollback replaces those of the steps inside.
Cost Walker::undo_of(const Clauses& clauses, Cost work) {
  const auto* rollback = clauses.find<RollbackClause>();
  const auto* irreversible = clauses.find<IrreversibleClause>();
  if (rollback == nullptr && irreversible == nullptr) return work;
  work.undo = {};
  if (rollback != nullptr && rollback->block.valid())
    work.undo = in_phase(rollback->block, Phase::kRollback).forward;
  return work;
}

Cost Walker::in_phase(BlockId body, Phase phase) {
  const Phase outer =
      std::exchange(place_.phase, place_.phase == Phase::kForward ? phase : place_.phase);
  Cost cost = block(body);
  place_.phase = outer;
  return cost;
}

}  // namespace rbk::effects
