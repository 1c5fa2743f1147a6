// Values in braces: records, errors, maps, JSON, environments.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

TypeId BodyChecker::infer_brace(ExprId expr, const syntax::BraceExpr& node, TypeId hint) {
  switch (node.kind) {
    case syntax::BraceExpr::Kind::kRecord:
      return infer_record(expr, node);
    case syntax::BraceExpr::Kind::kMap:
      return infer_map(expr, node, hint);
    case syntax::BraceExpr::Kind::kJson:
      return infer_json(node);
    case syntax::BraceExpr::Kind::kEnv:
      return infer_environment(node);
  }
  return types::kUnknown;
}

TypeId BodyChecker::infer_record(ExprId expr, const syntax::BraceExpr& node) {
  const auto infer_entries = [&] {
    for (const syntax::Entry& entry : node.entries) infer(entry.value, types::kUnknown);
    return types::kUnknown;
  };
  const SymbolId id = all_.resolve_type_path(module_.id, node.type);
  if (id == kNone) return infer_entries();
  all_.resolve(id);
  const Symbol& symbol = program_.symbols[id];
  const std::string shown = node.type.text();
  if (symbol.kind == Symbol::Kind::kEnum) {
    diagnostics_
        .report(Code::kTypeAsValue, node.type.span, shown, ProgramChecker::kind_text(symbol))
        .labelled("only records and errors are made with braces")
        .help(fmt::format("name a member: `{}.member`", shown));
    return infer_entries();
  }
  const bool is_error = symbol.kind == Symbol::Kind::kErrorKind;
  const size_t count = symbol.fields.size();
  std::vector<ExprId> arguments(count + (is_error ? 2 : 0));
  std::vector<Span> given(arguments.size());
  bool wrong = false;
  // Of a type that names a field twice, that alone is told.
  const bool is_twice = std::any_of(symbol.fields.begin(), symbol.fields.end(),
                                    [](const Field& field) { return field.name.empty(); });
  for (const syntax::Entry& entry : node.entries) {
    size_t index = arguments.size();
    TypeId type = types::kUnknown;
    if (!entry.name.empty()) {
      for (size_t i = 0; i < count; ++i) {
        if (symbol.fields[i].name != entry.name.text) continue;
        index = i;
        type = symbol.fields[i].type;
      }
      if (is_error && index == arguments.size()) {
        if (entry.name.text == "message") index = count, type = types::kString;
        if (entry.name.text == "retryable") index = count + 1, type = types::kBool;
      }
    }
    if (index == arguments.size()) {
      infer(entry.value, types::kUnknown);
      wrong = true;
      if (symbol.unsure) continue;
      if (entry.name.empty()) {
        diagnostics_.report(Code::kUnknownField, entry.span, shown, source(entry.span))
            .labelled(fmt::format("the entries of `{}` are its fields", shown))
            .help("write `name: value`");
        continue;
      }
      std::vector<std::string_view> names;
      std::string listed;
      for (const Field& field : symbol.fields) {
        names.push_back(field.name);
        listed += fmt::format("{}`{}`", listed.empty() ? "" : ", ", field.name);
      }
      if (is_error) names.insert(names.end(), {"message", "retryable"});
      diagnostics_.report(Code::kUnknownField, entry.name.span, shown, entry.name.text)
          .labelled(listed.empty() ? std::string("it has no fields")
                                   : fmt::format("it has {}", listed))
          .also(symbol.span, "declared here")
          .did_you_mean(entry.name.span, nearest(entry.name.text, std::move(names)));
      continue;
    }
    if (arguments[index].valid()) {
      infer(entry.value, types::kUnknown);
      wrong = true;
      if (is_twice) continue;
      diagnostics_.report(Code::kDuplicateArgument, entry.name.span, entry.name.text)
          .labelled("again")
          .also(given[index], "given first here")
          .help("leave one of the two out");
      continue;
    }
    arguments[index] = entry.value;
    given[index] = entry.name.span;
    if (index < count) use_field(symbol.fields[index], symbol.module, entry.name.span);
    const Span declared = index < count && symbol.fields[index].written != nullptr
                              ? symbol.fields[index].written->name.span
                              : Span{};
    expect(entry.value, type, {Why::Kind::kField, entry.name.text, kept(shown), declared});
  }
  if (!wrong && !symbol.unsure) {
    for (size_t i = 0; i < count; ++i) {
      const Field& field = symbol.fields[i];
      if (arguments[i].valid() || field.name.empty() || types_.is_optional(field.type)) continue;
      if (field.written != nullptr && field.written->default_value.valid()) continue;
      diagnostics_.report(Code::kMissingField, span_of(expr), shown, field.name)
          .labelled(fmt::format("`{}` is `{}` and has no default", field.name, text(field.type)))
          .help(fmt::format("add `{}: …`", field.name));
    }
  }
  if (!wrong && !is_error) note_refined(id, kNone, symbol.fields, arguments, span_of(expr));
  Meaning& meaning = mean(expr, Meaning::Kind::kPlain);
  meaning.symbol = id;
  meaning.arguments = std::move(arguments);
  return symbol.type;
}

TypeId BodyChecker::infer_map(ExprId expr, const syntax::BraceExpr& node, TypeId hint) {
  TypeId key = kNone;
  TypeId element = kNone;
  const bool is_environment = hint == types::kEnvironment;
  if (hint != kNone && types_.is(hint, Shape::kMap)) {
    key = types_[hint].key;
    element = types_.element(hint);
  } else if (is_environment) {
    key = element = types::kString;
  }
  const bool hinted = key != kNone;
  std::unordered_map<std::string_view, Span> seen;
  for (const syntax::Entry& entry : node.entries) {
    if (!entry.key.valid()) {
      // `map { name: 1 }` could mean the name or its value: a map's keys are written as values.
      if (!entry.name.empty())
        diagnostics_
            .report(Code::kWrongType, entry.name.span, key == kNone ? "string" : text(key), "name")
            .labelled("the keys of a map are values")
            .help(fmt::format("write `\"{}\": …`; for fields make a record", entry.name.text))
            .fix("put the key in quotes",
                 {{entry.name.span, fmt::format("\"{}\"", entry.name.text)}},
                 diagnostics::Applicability::kMaybeIncorrect);
      infer(entry.value, types::kUnknown);
      continue;
    }
    if (key == kNone || types_.is_silent(key)) {
      key = infer(entry.key);
    } else {
      expect(entry.key, key, {Why::Kind::kClause, "map", {}, {}});
    }
    if (!types_.is_silent(key) && key != types::kString && key != types::kInt &&
        key != types::kBool && !types_.is(key, Shape::kEnum)) {
      diagnostics_.report(Code::kOperatorType, span_of(entry.key), "map", text(key))
          .labelled("keys are strings, numbers or enums");
      key = types::kUnknown;
    }
    const auto* literal = std::get_if<syntax::StringLit>(&ast_[entry.key].node);
    if (literal != nullptr && literal->is_plain_text() && !literal->parts.empty()) {
      const auto [first, is_new] =
          seen.try_emplace(literal->parts.front().text, span_of(entry.key));
      if (!is_new)
        diagnostics_
            .report(Code::kDuplicateArgument, span_of(entry.key), literal->parts.front().text)
            .labelled("again")
            .also(first->second, "given first here")
            .help("leave one of the two out");
    }
    if (!entry.value.valid()) continue;
    if (hinted || (element != kNone && !types_.is_silent(element))) {
      const TypeId wanted = element;
      if (hinted) {
        expect(entry.value, wanted, {Why::Kind::kElement, {}, {}, {}});
      } else {
        const TypeId found = infer(entry.value, wanted);
        const TypeId joined = types_.join(wanted, found);
        if (joined == kNone)
          report_mismatch(entry.value, found, wanted, {Why::Kind::kElement, {}, {}, {}});
        else
          element = joined;
      }
    } else {
      element = infer(entry.value);
    }
  }
  if (!hinted && element != kNone) {
    for (const syntax::Entry& entry : node.entries) {
      if (entry.value.valid() && entry.key.valid())
        apply(entry.value, types_.convert(info(entry.value).type, element));
    }
  }
  if (node.entries.empty() && !hinted) {
    if (hint == kNone)
      diagnostics_.report(Code::kCannotInfer, span_of(expr), "this empty map")
          .labelled("a map from what to what?")
          .help("write the type where the name is declared: `let m: map<string, int> = map { }`");
    return types_.map(types::kUnknown, types::kUnknown);
  }
  return types_.map(key == kNone ? types::kUnknown : key,
                    element == kNone ? types::kUnknown : element);
}

void BodyChecker::to_json(ExprId expr) {
  if (!expr.valid()) return;
  ExprInfo& one = info(expr);
  const TypeId type = one.type;
  if (type == types::kJson || types_.is_silent(type)) return;
  if (refuse_secret(expr, type, "`json`")) {
    one.type = types::kJson;
    return;
  }
  if (!types_.writable_as_json(type)) {
    diagnostics_.report(Code::kWrongType, span_of(expr), "json", text(type))
        .labelled(fmt::format("a `{}` has no form in JSON", text(type)));
    one.type = types::kJson;
    return;
  }
  // A narrowed value may as well be written as what it was before.
  if (one.convert == Convert::kFromOptional) one.convert = Convert::kNothing;
  if (one.convert == Convert::kNothing)
    one.convert = Convert::kToJson;
  else
    one.then = Convert::kToJson;
  one.type = types::kJson;
}

TypeId BodyChecker::infer_json(const syntax::BraceExpr& node) {
  std::unordered_map<std::string_view, Span> seen;
  for (const syntax::Entry& entry : node.entries) {
    std::string_view key = entry.name.text;
    Span key_span = entry.name.span;
    if (entry.key.valid()) {
      expect(entry.key, types::kString, {Why::Kind::kClause, "json", {}, {}});
      key_span = span_of(entry.key);
      const auto* literal = std::get_if<syntax::StringLit>(&ast_[entry.key].node);
      if (literal != nullptr && literal->is_plain_text() && !literal->parts.empty())
        key = literal->parts.front().text;
    }
    if (!key.empty()) {
      const auto [first, is_new] = seen.try_emplace(key, key_span);
      if (!is_new)
        diagnostics_.report(Code::kDuplicateArgument, key_span, key)
            .labelled("again")
            .also(first->second, "given first here")
            .help("leave one of the two out");
    }
    if (!entry.value.valid()) continue;
    infer(entry.value, types::kJson);
    to_json(entry.value);
  }
  return types::kJson;
}

TypeId BodyChecker::infer_environment(const syntax::BraceExpr& node) {
  std::unordered_map<std::string_view, Span> seen;
  for (const syntax::Entry& entry : node.entries) {
    if (entry.key.valid()) {
      expect(entry.key, types::kString, {Why::Kind::kClause, "env", {}, {}});
    } else if (!entry.name.empty()) {
      const auto [first, is_new] = seen.try_emplace(entry.name.text, entry.name.span);
      if (!is_new)
        diagnostics_.report(Code::kDuplicateArgument, entry.name.span, entry.name.text)
            .labelled("again")
            .also(first->second, "given first here")
            .help("leave one of the two out");
    }
    if (!entry.value.valid()) continue;
    const TypeId found = infer(entry.value);
    if (found == types::kSecret || types_.is_silent(found)) continue;
    if (types_.without_optional(found) == types::kSecret) {
      diagnostics_.report(Code::kMayBeNull, span_of(entry.value), text(types::kSecret), text(found))
          .labelled("an `env` has no entry that may be missing")
          .help("check it with `!= null` first, or say what stands for null by `??`");
      continue;
    }
    coerce(entry.value, types::kString,
           {Why::Kind::kField,
            entry.name.empty() ? "entry" : std::string_view(entry.name.text),
            "env",
            {}});
  }
  return types::kEnvironment;
}

}  // namespace rbk::check
