#include "compiler/effects/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/lower/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using check::Meaning;
using plan::Value;

Cost operator+(const Cost& left, const Cost& right) {
  return {left.forward + right.forward, left.undo + right.undo, longer(left.peak, right.peak)};
}

Cost longer(const Cost& left, const Cost& right) {
  return {longer(left.forward, right.forward), longer(left.undo, right.undo),
          longer(left.peak, right.peak)};
}

Cost waiting(Bound bound) { return {std::move(bound), {}, {}}; }

check::SymbolId Walker::declared(StmtId stmt, size_t at) const {
  const auto& symbols = texts_.module().stmts.at(stmt.index).symbols;
  return at < symbols.size() ? symbols[at] : check::kNone;
}

std::vector<std::string> Walker::people(const std::vector<Who>& who) {
  std::vector<std::string> names;
  for (const Who& one : who) {
    if (one.kind == Who::Kind::kStarter)
      names.emplace_back("starter");
    else
      names.push_back(fmt::format("{} \"{}\"", one.kind == Who::Kind::kUser ? "user" : "group",
                                  texts_.text(one.name)));
  }
  return names;
}

std::optional<int64_t> Walker::at_most(ExprId id) const {
  if (!id.valid()) return std::nullopt;
  const Value value = texts_.known().evaluate(id);
  if (value.shape == Value::Shape::kInt) return value.number;
  const Meaning* meaning = texts_.module().meaning(id);
  if (meaning == nullptr || meaning->kind != Meaning::Kind::kSymbol) return std::nullopt;
  const auto found = all_.largest.find(meaning->symbol);
  return found == all_.largest.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

Bound Walker::time(ExprId id, std::string_view what) const {
  if (const auto micros = at_most(id)) return Bound::of(*micros);
  return open(fmt::format("{} `{}` is not known before the run", what, source(ast()[id].span)));
}

Cost Walker::block(BlockId id) {
  Cost total;
  Cost handlers;
  if (!id.valid()) return total;
  order(id);
  for (const StmtId stmt : ast()[id].stmts) {
    const Cost one = statement(stmt);
    if (std::holds_alternative<CommitStmt>(ast()[stmt].node)) {
      total.peak = longer(total.peak, total.undo);
      total.undo = {};
      continue;
    }
    if (const auto* node = std::get_if<HandlerStmt>(&ast()[stmt].node)) {
      // One of these comes last, after whatever was undone.
      Cost& into = handlers;
      if (node->kind == HandlerStmt::Kind::kBeforeRollback)
        total.undo = total.undo + one.undo;
      else
        into = longer(into, one);
      continue;
    }
    total = total + one;
  }
  total.forward = total.forward + handlers.forward;
  if (!handlers.undo.is_nothing()) {
    total.peak = total.peak.is_nothing() ? total.peak : total.peak + handlers.undo;
    total.undo = total.undo + handlers.undo;
  }
  return total;
}

Cost Walker::statement(StmtId id) {
  const Stmt& stmt = ast()[id];
  if (const auto* node = std::get_if<StepStmt>(&stmt.node)) return step(id, *node);
  if (const auto* node = std::get_if<LetStmt>(&stmt.node)) {
    const Cost cost = expression(node->value, id, nullptr);
    let(id, *node);
    if (!node->is_var) texts_.set_from(declared(id, 0), texts_, node->value);
    return cost;
  }
  if (const auto* node = std::get_if<AssignStmt>(&stmt.node)) {
    rule("set", fmt::format("{} = {}", line(node->target), line(node->value)), stmt.span);
    return expression(node->value, id, nullptr);
  }
  if (const auto* node = std::get_if<ExprStmt>(&stmt.node)) {
    value(id, *node);
    return expression(node->value, id, &node->clauses);
  }
  if (const auto* node = std::get_if<ForStmt>(&stmt.node)) {
    const Cost items = inside(node->items, id);
    rule("for", fmt::format("{} in {}", node->item.text, line(node->items)), stmt.span);
    return items + loop(node->items, declared(id, 0), declared(id, 1), node->body, 1, false);
  }
  if (const auto* node = std::get_if<RepeatStmt>(&stmt.node)) {
    std::string bound;
    if (node->at_most.valid())
      bound =
          fmt::format(" at most {}{}", line(node->at_most), node->at_most_times ? " times" : "");
    rule("repeat", fmt::format("every {}{}", line(node->every), bound), stmt.span);
    return repeat(*node);
  }
  if (const auto* node = std::get_if<HoldStmt>(&stmt.node)) {
    rule("hold", fmt::format("{} every {}", line(node->duration), line(node->every)), stmt.span);
    Cost cost = block(node->body);
    cost.forward = cost.forward + time(node->duration, "the length of `hold`");
    return cost;
  }
  if (const auto* node = std::get_if<UntilStmt>(&stmt.node)) {
    rule("until", line(node->condition), stmt.span);
    return inside(node->condition, id);
  }
  if (const auto* node = std::get_if<ReturnStmt>(&stmt.node)) {
    rule("return", line(node->value), stmt.span);
    return expression(node->value, id, nullptr);
  }
  if (const auto* node = std::get_if<RequireStmt>(&stmt.node)) {
    rule("require", line(node->condition), stmt.span);
    return inside(node->condition, id);
  }
  if (const auto* node = std::get_if<DeferStmt>(&stmt.node)) {
    Cost cost = in_phase(node->body, Phase::kDefer);
    cost.undo = cost.undo + cost.forward;
    return cost;
  }
  if (const auto* node = std::get_if<CommitStmt>(&stmt.node)) {
    all_.summary.commits.push_back(texts_.text(node->why));
    return {};
  }
  if (const auto* node = std::get_if<LockStmt>(&stmt.node)) return lock(*node);
  if (const auto* node = std::get_if<HandlerStmt>(&stmt.node)) return handler(*node);
  if (const auto* node = std::get_if<ApprovalStmt>(&stmt.node)) return approval(*node);
  if (std::holds_alternative<BreakStmt>(stmt.node)) rule("break", {}, stmt.span);
  if (std::holds_alternative<ContinueStmt>(stmt.node)) rule("continue", {}, stmt.span);
  return {};  // what belongs into tests
}

/// What acts in an expression of any form.
Cost Walker::inside(ExprId id, StmtId owner) {
  if (!id.valid()) return {};
  Cost total;
  lower::Visitor visitor;
  visitor.expr = [&](ExprId one) {
    const auto& node = ast()[one].node;
    const bool is_compound =
        std::holds_alternative<IfExpr>(node) || std::holds_alternative<MatchExpr>(node) ||
        std::holds_alternative<TryExpr>(node) || std::holds_alternative<ParallelExpr>(node) ||
        std::holds_alternative<ParallelForExpr>(node) || std::holds_alternative<WaitExpr>(node) ||
        std::holds_alternative<WaitUntilExpr>(node) ||
        std::holds_alternative<WaitSignalExpr>(node) || std::holds_alternative<WaitFirstExpr>(node);
    if (const auto* raised = std::get_if<FailExpr>(&node))
      rule("fail", line(raised->error), ast()[one].span);
    if (is_compound) {
      total = total + expression(one, owner, nullptr);
      return false;
    }
    if (const auto* written = std::get_if<CallExpr>(&node)) {
      total = total + call(one, *written, owner, nullptr);
    }
    return !std::holds_alternative<LambdaExpr>(node);  // which is pure
  };
  lower::walk(ast(), id, visitor);
  return total;
}

Cost Walker::expression(ExprId id, StmtId owner, const Clauses* clauses) {
  if (!id.valid()) return {};
  const auto& written = ast()[id].node;
  if (const auto* node = std::get_if<IfExpr>(&written)) return choice(*node, owner);
  if (const auto* node = std::get_if<MatchExpr>(&written)) return match(*node, owner);
  if (const auto* node = std::get_if<TryExpr>(&written)) {
    rule("try", {}, ast()[id].span);
    const Cost body = block(node->body);
    const Cost caught = only_if("`try` failed", [&] { return block(node->handler); });
    // It fails, is undone, and then what catches it runs; or it goes well, and is undone later.
    return {body.forward + longer(body.rollback() + caught.forward, Bound{}),
            longer(body.undo, caught.undo), longer(body.peak, caught.peak)};
  }
  if (const auto* node = std::get_if<ParallelExpr>(&written))
    return parallel(ast()[id].span, *node);
  if (const auto* node = std::get_if<ParallelForExpr>(&written))
    return inside(node->items, owner) + parallel_for(id, *node);
  if (const auto* node = std::get_if<WaitExpr>(&written)) {
    rule("wait", line(node->duration), ast()[id].span);
    return waiting(time(node->duration, "the length of `wait`"));
  }
  if (const auto* node = std::get_if<WaitUntilExpr>(&written)) {
    rule("wait until", line(node->time), ast()[id].span);
    return waiting(
        open(fmt::format("`wait until {}` ends at a time that is not known before the run",
                         source(ast()[node->time].span))));
  }
  if (const auto* node = std::get_if<WaitSignalExpr>(&written)) {
    std::vector<std::string> by = people(node->by);
    for (const std::string& one : by) all_.touches.person(one);
    Signal made{node->signal.text, {}, {}, std::move(by), place_};
    if (node->type.valid()) made.type = source(ast()[node->type].span);
    if (node->timeout.valid()) made.timeout = line(node->timeout);
    all_.summary.signals.push_back(std::move(made));
    return waiting(node->timeout.valid() ? time(node->timeout, "the timeout of `wait for signal`")
                                         : open(fmt::format("`wait for signal {}` has no `timeout`",
                                                            node->signal.text)));
  }
  if (const auto* node = std::get_if<WaitFirstExpr>(&written)) return wait_first(*node);
  if (const auto* node = std::get_if<CallExpr>(&written)) {
    const Meaning* meaning = texts_.module().meaning(id);
    const bool acts = meaning != nullptr && (meaning->kind == Meaning::Kind::kCallAction ||
                                             meaning->kind == Meaning::Kind::kCallRunbook);
    if (acts) {
      Cost total;
      for (const Argument& argument : node->args) total = total + inside(argument.value, owner);
      return total + call(id, *node, owner, clauses);
    }
  }
  return inside(id, owner);
}

}  // namespace rbk::effects
