// Signals: what a wait for one gives, and that all waits for one name expect the same of it. And
// `wait first`, which waits for one of several things.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

TypeId BodyChecker::infer_signal(Span span, const syntax::WaitSignalExpr& node) {
  allow_effect(span, "`wait for signal`");
  check_who(node.by, "");
  if (node.timeout.valid()) {
    expect(node.timeout, types::kDuration, {Why::Kind::kClause, "timeout", {}, {}});
    within(node.timeout, 1, INT64_MAX, "timeout", "it would be over before anybody could send it",
           "write how long to wait, as `timeout 1h`");
    bound_by_timeout(node.timeout, span_of(node.timeout), "this one");
    if (place_.code == Place::Code::kRunbook) rules_.may_fail();
  }
  return signal_type(node.signal, node.type);
}

/// The type of what the signal gives: the fields of the record that it brings, `payload`, `sender`.
/// Those two are always the signal's own, whatever the record calls its fields: who sent it is not
/// for the sender to say.
TypeId BodyChecker::signal_type(const syntax::Name& name, syntax::TypeRefId written) {
  TypeId brought = types::kJson;
  if (written.valid()) {
    brought = all_.resolve_type(module_.id, written);
    const bool secret = all_.holds_secret(brought);
    if (types_.is_silent(brought)) return types::kUnknown;
    if (secret || !readable_from_json(brought)) {
      diagnostics_.report(Code::kNotFromOutside, ast_[written].span, text(brought))
          .labelled(fmt::format("`{}` is given by whoever sends the signal", name.text))
          .help(secret ? "take the secret as a parameter of the runbook"
                       : "take plain values, lists, maps, records or enums");
      return types::kUnknown;
    }
  }
  all_.signals.push_back({name.text, brought, written.valid() ? ast_[written].span : name.span});
  std::vector<std::pair<std::string, TypeId>> fields;
  if (types_.is(brought, Shape::kRecord)) {
    for (const Field& field : program_.symbols[types_[brought].symbol].fields)
      if (field.name != "payload" && field.name != "sender")
        fields.emplace_back(field.name, field.type);
  }
  fields.emplace_back("payload", brought);
  fields.emplace_back("sender", types::kString);
  return types_.form(std::move(fields));
}

// ---- The first of several

/// What one case of a `wait first` waits for: a branch of its own, that may be cancelled.
void BodyChecker::check_case(const syntax::WaitFirstExpr::Arm& arm) {
  using Kind = syntax::WaitFirstExpr::Arm::Kind;
  switch (arm.kind) {
    case Kind::kSignal:
      return;
    case Kind::kUntil:
      expect(arm.value, types::kTime, {Why::Kind::kClause, "case until", {}, {}});
      return;
    case Kind::kDuration:
      expect(arm.value, types::kDuration, {Why::Kind::kClause, "case", {}, {}});
      within(arm.value, 0, INT64_MAX, "case", "nothing waits for a time that is over",
             "write how long to wait, as `case 2h => …`");
      bound_by_timeout(arm.value, span_of(arm.value), "this case");
      return;
    case Kind::kWork:
      break;
  }
  constexpr std::string_view kCase = "a case of `wait first`";
  const Scopes::Open scope(scopes_);
  const Restore<Place> place(place_);
  const Restore<std::vector<SymbolId>> names(top_level_names_);
  place_.top_level = false;
  place_.no_return = kCase;
  place_.in_loop = false;
  place_.loop_border = kCase;
  borders_.push_back(Border::kBranch);
  // A case that loses is unwound, as one that fails is; what it has done is undone.
  const bool in_runbook = place_.code == Place::Code::kRunbook;
  rules_.open(RollbackRules::Region::kCatches);
  rules_.open(RollbackRules::Region::kLoop);
  check_statement(arm.work);
  rules_.close();
  if (in_runbook) rules_.may_fail();
  rules_.close();
  if (in_runbook) rules_.may_fail();
  borders_.pop_back();
}

TypeId BodyChecker::check_wait_first(ExprId expr, const syntax::WaitFirstExpr& node, Want want,
                                     TypeId hint, const Why& why) {
  allow_effect(span_of(expr), "`wait first`");
  if (node.arms.empty() && !ast_.unread.touches(span_of(expr)))
    diagnostics_.report(Code::kEmptyWait, span_of(expr))
        .labelled("it would wait for nothing, and so for ever")
        .help("add a case: `case 2h => …`");
  facts_.drop_if([&](PathId path) { return is_var(paths_.root_of(path)); });
  const Facts before = facts_;
  std::vector<TypeId> given;  // by case: what its signal gives
  for (const syntax::WaitFirstExpr::Arm& arm : node.arms) {
    facts_ = before;
    reachable_ = true;
    check_case(arm);
    given.push_back(arm.kind == syntax::WaitFirstExpr::Arm::Kind::kSignal
                        ? signal_type(arm.signal, arm.type)
                        : kNone);
  }
  std::vector<SymbolId> symbols;
  std::vector<BlockValue> values;
  Facts after;
  bool any_ends = false;
  for (size_t i = 0; i < node.arms.size(); ++i) {
    const syntax::WaitFirstExpr::Arm& arm = node.arms[i];
    facts_ = before;
    reachable_ = true;
    const Scopes::Open scope(scopes_);
    const Restore<Place> place(place_);
    place_.top_level = false;
    symbols.push_back(arm.binding.empty() || given[i] == kNone
                          ? kNone
                          : declare_local(arm.binding, given[i], Symbol::Kind::kLocal, true));
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
  module_.expr_symbols[expr.index] = std::move(symbols);
  facts_ = any_ends ? after : before;
  reachable_ = any_ends || node.arms.empty();
  if (node.arms.empty()) return want == Want::kDiscard ? types::kNothing : types::kUnknown;
  return join_values(values, want, hint, why);
}

/// What is sent is held against the type before anybody waits: so there is one for each name.
void ProgramChecker::check_signals() {
  for (size_t i = 0; i < signals.size(); ++i) {
    const auto first = std::find_if(signals.begin(), signals.end(), [&](const AwaitedSignal& one) {
      return one.name == signals[i].name;
    });
    if (first->type == signals[i].type) continue;
    diagnostics
        .report(Code::kSignalType, signals[i].span, signals[i].name, program.text(signals[i].type))
        .labelled(fmt::format("elsewhere it is `{}`", program.text(first->type)))
        .also(first->span, "it is waited for here as well")
        .help("give both the same type, or the signals different names");
  }
}

}  // namespace rbk::check
