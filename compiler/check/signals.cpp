// Signals: what a wait for one gives, and that all waits for one name expect the same of it.
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
