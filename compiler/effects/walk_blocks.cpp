// Blocks that choose, repeat, run side by side or wait.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "compiler/effects/walk.h"

namespace rbk::effects {

using namespace syntax;  // NOLINT: this file reads trees and little else
using plan::Value;

namespace {

/// Whether a `${ … }` of the text has one of the names in it.
bool mentions(std::string_view text, const std::set<std::string, std::less<>>& names) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  for (size_t at = text.find("${"); at < text.size(); ++at) {
    if (kLetters.find(text[at]) == std::string_view::npos) continue;
    const size_t end = std::min(text.find_first_not_of(kLetters, at), text.size());
    if (names.contains(text.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

}  // namespace

Cost Walker::choice(const IfExpr& node, StmtId owner) {
  const Cost asked = inside(node.condition, owner);
  const Value condition = texts_.known().evaluate(node.condition);
  if (condition.shape == Value::Shape::kBool)
    return asked + block(condition.number != 0 ? node.then_block : node.else_block);
  const std::string text = line(node.condition);
  const Cost yes = only_if(text, [&] { return block(node.then_block); });
  const Cost no = only_if(fmt::format("not ({})", text), [&] { return block(node.else_block); });
  return asked + longer(yes, no);
}

Cost Walker::match(const MatchExpr& node, StmtId owner) {
  const Cost asked = inside(node.subject, owner);
  const Value subject = texts_.known().evaluate(node.subject);
  std::string cases;
  for (const MatchExpr::Arm& arm : node.arms)
    cases += (cases.empty() ? "" : " | ") + source(ast()[arm.pattern].span);
  rule("match", fmt::format("{} by {}", line(node.subject), cases), ast()[node.subject].span);
  Cost longest;
  for (const MatchExpr::Arm& arm : node.arms) {
    const auto* member = std::get_if<MemberPattern>(&ast()[arm.pattern].node);
    const bool is_simple = member != nullptr && !member->has_payload;
    if (subject.is_member && is_simple && subject.text != member->member.text) continue;
    std::string is = fmt::format("{} is {}", line(node.subject), source(ast()[arm.pattern].span));
    if (arm.guard.valid()) is += " and " + line(arm.guard);
    longest = longer(longest, only_if(std::move(is),
                                      [&] { return inside(arm.guard, owner) + block(arm.body); }));
    if (subject.is_member && is_simple && !arm.guard.valid()) break;
  }
  return asked + longest;
}

void Walker::compare_branches(source::Span span, const std::vector<size_t>& branches, bool each) {
  const std::vector<Target>& all = all_.touches.targets;
  if (branches.size() < 2 || branches.front() == branches.back()) return;
  // What is declared inside is another thing in each branch. Looked for once it is asked for: a
  // large program has many names.
  std::optional<std::set<std::string, std::less<>>> inside;
  const auto has_its_own = [&](std::string_view what) {
    if (!inside) {
      inside.emplace();
      for (const check::Symbol& symbol : texts_.known().program().symbols)
        if (symbol.span.file == span.file && span.begin <= symbol.span.begin &&
            symbol.span.end <= span.end)
          inside->insert(symbol.name);
    }
    return mentions(what, *inside);
  };
  const auto is_certain = [&](const Target& target) {
    if (target.conditions > all_.touches.conditions) return false;
    const bool is_known = target.what.find("${") == std::string::npos;
    return is_known || (target.calls == all_.touches.calls && !has_its_own(target.what));
  };
  const auto note = [&](const Target& first, const Target& second) {
    for (const Clash& one : all_.summary.clashes)
      if (one.first == first.span && one.second == second.span) return;
    constexpr uint32_t kWord = sizeof "parallel" - 1;
    all_.summary.clashes.push_back({first.what, first.is_file, first.span, second.span,
                                    source::Span{span.begin, span.begin + kWord, span.file}});
  };
  for (size_t i = 0; i + 1 < branches.size(); ++i) {
    for (size_t at = branches[i]; at < branches[i + 1]; ++at) {
      if (!is_certain(all[at])) continue;
      if (each) note(all[at], all[at]);
      for (size_t other = branches[i + 1]; other < branches.back(); ++other)
        if (all[other].what == all[at].what && all[other].is_file == all[at].is_file &&
            is_certain(all[other]))
          note(all[at], all[other]);
    }
  }
}

Cost Walker::parallel(source::Span span, const ParallelExpr& node) {
  rule("parallel", {}, span, {{"on failure", text_of(node.policy)}});
  Cost longest;
  std::vector<size_t> branches;
  for (const StmtId stmt : ast()[node.body].stmts) {
    branches.push_back(all_.touches.targets.size());
    Cost branch = statement(stmt);
    // A branch that fails alone is undone before the rest goes on.
    if (node.policy.kind != FailurePolicy::Kind::kFail)
      branch.forward = branch.forward + branch.rollback();
    longest = longer(longest, branch);
  }
  branches.push_back(all_.touches.targets.size());
  compare_branches(span, branches, false);
  return longest;
}

Cost Walker::parallel_for(ExprId id, const ParallelForExpr& node) {
  const auto& symbols = texts_.module().expr_symbols.at(id.index);
  const auto symbol = [&](size_t i) { return i < symbols.size() ? symbols[i] : check::kNone; };
  rule_of(ast()[id].span, node);
  // Without a limit all at once; of one that is not known one after the other is the worst case.
  int64_t at_a_time = 0;
  if (node.limit.valid()) {
    const Value limit = texts_.known().evaluate(node.limit);
    at_a_time = limit.shape == Value::Shape::kInt ? std::max<int64_t>(limit.number, 0) : 1;
  }
  std::vector<size_t> rounds;
  const Cost cost = loop(node.items, symbol(0), symbol(1), node.body, at_a_time,
                         node.policy.kind != FailurePolicy::Kind::kFail, &rounds);
  const Value limit = texts_.known().evaluate(node.limit);
  const Value items = texts_.known().evaluate(node.items);
  const bool one_by_one = limit.shape == Value::Shape::kInt && limit.number == 1;
  if (!one_by_one) compare_branches(ast()[id].span, rounds, items.shape != Value::Shape::kList);
  return cost;
}

/// `at_a_time` 0: all at once.
Cost Walker::loop(ExprId items, check::SymbolId item, check::SymbolId index, BlockId body,
                  int64_t at_a_time, bool fails_alone, std::vector<size_t>* rounds) {
  const auto once = [&] {
    if (rounds != nullptr) rounds->push_back(all_.touches.targets.size());
    Cost cost = block(body);
    if (fails_alone) cost.forward = cost.forward + cost.rollback();
    return cost;
  };
  const Value list = texts_.known().evaluate(items);
  std::optional<int64_t> count;
  Cost longest;
  if (list.shape == Value::Shape::kList) {
    count = static_cast<int64_t>(list.items.size());
    const bool follows = all_.rounds + *count <= kMostRounds;
    int64_t at = 0;
    for (const Value& value : list.items) {
      texts_.set(item, follows ? value : Value{});
      texts_.set(index, follows ? Value::of_int(at) : Value{});
      ++at;
      ++all_.rounds;
      longest = longer(longest, once());
      if (!follows) break;
    }
  } else {
    texts_.set(item, Value{});
    texts_.set(index, Value{});
    if (const auto* range = std::get_if<RangeExpr>(&ast()[items].node)) {
      const Value low = texts_.known().evaluate(range->low);
      const auto high = at_most(range->high);
      int64_t length = 0;
      if (low.shape == Value::Shape::kInt && high &&
          !__builtin_sub_overflow(*high, low.number, &length))
        count = std::max<int64_t>(0, length < INT64_MAX && !range->half_open ? length + 1 : length);
    }
    longest = once();
  }
  if (rounds != nullptr) rounds->push_back(all_.touches.targets.size());
  texts_.set(item, Value{});
  texts_.set(index, Value{});
  if (at_a_time == 0) return longest;
  if (count) {
    const int64_t waves = (*count + at_a_time - 1) / at_a_time;
    const bool side_by_side = at_a_time > 1;
    return {repeated(longest.forward, waves),
            side_by_side ? longest.undo : repeated(longest.undo, *count), longest.peak};
  }
  const std::string over = source(ast()[items].span);
  const auto all = [&](const Bound& bound) { return for_each(bound, over, at_a_time); };
  return {all(longest.forward), all(longest.undo), longest.peak};
}

Cost Walker::repeat(const RepeatStmt& node) {
  const Cost once = block(node.body);
  const auto every = at_most(node.every);
  Cost cost = once;
  std::optional<int64_t> rounds;
  if (!node.at_most.valid()) {
    cost.forward = open("`repeat` has no `at most`");
  } else if (const auto bound = at_most(node.at_most)) {
    if (node.at_most_times) {
      rounds = *bound;
      cost.forward = repeated(once.forward, *bound) +
                     repeated(time(node.every, "the pause of `repeat`"), *bound - 1);
    } else {
      // The last round begins when the time is up.
      cost.forward = Bound::of(*bound) + once.forward;
      if (every && *every > 0) rounds = *bound / *every + 1;
    }
  } else {
    cost.forward = once.forward + time(node.at_most, "the `at most`");
  }
  if (rounds)
    cost.undo = repeated(once.undo, *rounds);
  else if (!once.undo.is_nothing())
    cost.undo = once.undo + open("`repeat` has no known bound");
  return cost;
}

Cost Walker::wait_first(const WaitFirstExpr& node) {
  // It ends when the first of the cases does; what the others did is undone before it goes on.
  std::optional<int64_t> shortest;
  const auto ends_after = [&](int64_t micros) {
    if (!shortest || micros < *shortest) shortest = micros;
  };
  Cost works;
  Cost bodies;
  for (const WaitFirstExpr::Arm& arm : node.arms) {
    std::string comes;  // what it waits for, as a condition of what the case does
    switch (arm.kind) {
      case WaitFirstExpr::Arm::Kind::kDuration:
        comes = fmt::format("{} are over", line(arm.value));
        if (const auto micros = at_most(arm.value)) ends_after(*micros);
        break;
      case WaitFirstExpr::Arm::Kind::kWork: {
        comes = "it is done first";
        const Cost work = statement(arm.work);
        if (work.forward.is_bounded() && work.forward.terms.empty()) ends_after(work.forward.fixed);
        works = longer(works, {work.rollback(), work.undo, {}});
        break;
      }
      case WaitFirstExpr::Arm::Kind::kSignal:
        comes = fmt::format("the signal {} comes", arm.signal.text);
        all_.summary.signals.push_back(
            {arm.signal.text,
             arm.type.valid() ? source(ast()[arm.type].span) : std::string(),
             {},
             {},
             place_});
        break;
      case WaitFirstExpr::Arm::Kind::kUntil:
        comes = fmt::format("it is {}", line(arm.value));
        break;
    }
    rule("wait first case", comes, arm.span);
    bodies = longer(bodies, only_if(std::move(comes), [&] { return block(arm.body); }));
  }
  const Bound waited =
      shortest ? Bound::of(*shortest) : open("no case of `wait first` has a bound");
  return waiting(waited) + works + bodies;
}

Cost Walker::approval(const ApprovalStmt& node) {
  ask_person(node.name.span);
  Approval made;
  made.name = path_ + node.name.text;
  made.question = texts_.text(node.question);
  made.by = people(node.by);
  made.not_by = people(node.not_by);
  if (node.quorum.valid()) made.quorum = texts_.code(node.quorum);
  if (node.expires) {
    static constexpr const char* kThen[] = {"reject", "escalate", "default", "fail"};
    made.expires = fmt::format("{} then {}", texts_.code(node.expires->after),
                               kThen[static_cast<int>(node.expires->then)]);
  }
  made.only_if = conditions();
  made.allow_starter = node.allow_starter;
  made.is_ask = node.is_ask;
  made.place = place_;
  for (const Field& field : node.form) made.form.push_back(text_of(field));
  for (const std::string& one : made.by) all_.touches.person(one);
  made.break_glass = people(node.break_glass);
  if (node.expires) made.escalates_to = people(node.expires->to);
  for (const std::string& one : made.break_glass) all_.touches.person(one);
  for (const std::string& one : made.escalates_to) all_.touches.person(one);
  const auto same = [&](const Approval& other) {
    return other.name == made.name && other.question == made.question;
  };
  if (std::none_of(all_.summary.approvals.begin(), all_.summary.approvals.end(), same))
    all_.summary.approvals.push_back(std::move(made));
  const std::string_view kind = node.is_ask ? "ask" : "approval";
  if (!node.expires)
    return waiting(
        Bound::unbounded(path_ + node.name.text, fmt::format("the {} has no `expires`", kind)));
  Cost cost = waiting(time(node.expires->after, "the `expires`"));
  if (node.expires->then == Expiry::Then::kEscalate)
    cost.forward = cost.forward + Bound::unbounded(path_ + node.name.text,
                                                   fmt::format("the {} is escalated", kind));
  return cost;
}

Cost Walker::handler(const HandlerStmt& node) {
  static constexpr Phase kPhases[] = {Phase::kBeforeRollback, Phase::kAfterSuccess,
                                      Phase::kAfterFailure, Phase::kAfterCancel};
  const Cost body = in_phase(node.body, kPhases[static_cast<int>(node.kind)]);
  if (node.kind == HandlerStmt::Kind::kAfterSuccess) return {body.forward, {}, {}};
  return {{}, body.forward, {}};
}

}  // namespace rbk::effects
