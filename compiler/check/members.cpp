// What stands after a dot: fields, members of enums, properties, names of modules.
#include <algorithm>
#include <array>

#include "base/spelling.h"
#include "compiler/check/body_checker.h"
#include "compiler/syntax/foreign.h"

namespace rbk::check {

using diagnostics::Code;

TypeId BodyChecker::infer_member(ExprId expr, const syntax::MemberExpr& node, TypeId hint) {
  (void)hint;
  const Reference base = reference(node.base, After::kMember);
  if (base.is_wrong) return types::kUnknown;
  if (base.is_value) {
    const TypeId type = infer(node.base);
    return value_member(expr, node, type);
  }
  const Symbol& symbol = program_.symbols[base.symbol];
  switch (symbol.kind) {
    case Symbol::Kind::kModule: {
      const Reference found = reference(expr);
      if (found.is_wrong) return types::kUnknown;
      if (found.is_value) {  // `shell.raw`, which is no value
        diagnostics_.report(Code::kTypeAsValue, span_of(expr), "shell.raw", "a function")
            .labelled("a value is expected here")
            .help("call it: `shell.raw(text)`");
        return types::kUnknown;
      }
      return symbol_value(expr, found.symbol, shown_name(expr));
    }
    case Symbol::Kind::kEnum:
      return enum_member(expr, base.symbol, node.name, nullptr);
    case Symbol::Kind::kBuiltin:
      if (symbol.name == "run") return run_member(expr, node.name);
      if (symbol.name == "secrets") return secret_by_name(expr, node.name);
      if (symbol.name == "log") {
        diagnostics_.report(Code::kTypeAsValue, span_of(expr), shown_name(expr), "a function")
            .labelled("a value is expected here")
            .help(fmt::format("call it: `{}(\"…\")`", shown_name(expr)));
        return types::kUnknown;
      }
      break;
    default:
      break;
  }
  if (node.name.empty()) return types::kUnknown;
  diagnostics_.report(Code::kUnknownField, node.name.span, symbol.name, node.name.text)
      .labelled(fmt::format("`{}` is {}", symbol.name, ProgramChecker::kind_text(symbol)));
  return types::kUnknown;
}

TypeId BodyChecker::secret_by_name(ExprId expr, const syntax::Name& name) {
  if (name.empty()) return types::kSecret;
  mean(expr, Meaning::Kind::kSecretByName);
  // Where the project names none, all that a run reads may be elsewhere.
  const auto& known = all_.options.secrets;
  if (known.empty() || known.contains(name.text)) return types::kSecret;
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view near = nearest_name(name.text, names);
  auto& report = diagnostics_.report(Code::kUnknownSecret, name.span, name.text)
                     .labelled("runbook.toml has none of this name under [secrets]");
  if (near.empty())
    report.help(
        fmt::format("say there where it is kept: {} = \"env:NAME\" or \"file:PATH\"", name.text));
  else
    report.help(fmt::format("did you mean `{}`?", near));
  return types::kSecret;
}

TypeId BodyChecker::run_member(ExprId expr, const syntax::Name& name) {
  struct Info {
    std::string_view name;
    TypeId type;
  };
  const std::array<Info, 6> infos = {
      Info{"id", types::kString},      Info{"url", types::kUrl},
      Info{"starter", types::kString}, Info{"reason", types::kString},
      Info{"started", types::kTime},   Info{"labels", types_.map(types::kString, types::kString)}};
  for (const Info& one : infos) {
    if (one.name != name.text) continue;
    allow_effect(span_of(expr), fmt::format("`run.{}`", name.text));
    if (one.type == types::kUrl)
      not_supported(span_of(expr), "`run.url`", "name the run by `run.id` until then");
    mean(expr, Meaning::Kind::kRunInfo).native = name.text;
    return one.type;
  }
  if (name.empty()) return types::kUnknown;
  std::vector<std::string_view> names;
  names.reserve(std::size(infos));
  for (const Info& one : infos) names.push_back(one.name);
  for (const std::string_view call : {"note", "attach", "progress", "label"}) names.push_back(call);
  diagnostics_.report(Code::kUnknownField, name.span, "run", name.text)
      .labelled("of the run one can read `id`, `url`, `starter`, `reason`, `labels`, `started`")
      .did_you_mean(name.span, nearest(name.text, std::move(names)));
  return types::kUnknown;
}

void BodyChecker::report_unknown_member(TypeId type, const syntax::Name& name) {
  if (name.empty()) return;
  const SymbolId declared = types_[type].symbol;
  if (declared != kNone && program_.symbols[declared].unsure) return;
  std::vector<std::string_view> names;
  const Type& one = types_[type];
  std::string listed;
  switch (one.shape) {
    case Shape::kRecord:
    case Shape::kErrorKind:
      for (const Field& field : program_.symbols[one.symbol].fields) names.push_back(field.name);
      if (one.shape == Shape::kErrorKind)
        for (const std::string_view always : {"message", "kind", "retryable"})
          names.push_back(always);
      break;
    case Shape::kForm:
      for (const auto& [field, field_type] : one.fields) names.push_back(field);
      break;
    case Shape::kError:
      names = {"message", "kind", "retryable"};
      break;
    case Shape::kResult:
      names = {"ok", "value", "error"};
      if (one.key != kNone) names.emplace_back("item");
      break;
    default:
      names = Signatures::members(receiver_name(one.shape));
      break;
  }
  for (size_t i = 0; i < names.size() && i < 6; ++i) {
    if (i > 0) listed += ", ";
    listed += fmt::format("`{}`", names[i]);
  }
  if (names.size() > 6) listed += " …";
  auto& report = diagnostics_.report(Code::kUnknownField, name.span, text(type), name.text);
  report.labelled(names.empty() ? fmt::format("a `{}` has no fields", text(type))
                                : fmt::format("it has {}", listed));
  if (type == types::kError)
    report.help("an error's own fields are seen after `match e { case Kind { field } => … }`");
  const std::string_view ours = syntax::member_instead_of(name.text);
  const bool is_known = std::find(names.begin(), names.end(), ours) != names.end();
  report.did_you_mean(name.span, is_known ? ours : nearest(name.text, std::move(names)));
}

void BodyChecker::report_null_receiver(ExprId base, TypeId type, const syntax::Name& name) {
  const Span dot{span_of(base).end, span_of(base).end, span_of(base).file};
  diagnostics_
      .report(Code::kMayBeNull, span_of(base), text(types_.without_optional(type)), text(type))
      .labelled(fmt::format("for null there is no `{}`", name.text))
      .help(fmt::format("go on with `?.{}`, or check it with `!= null` first", name.text))
      .fix(fmt::format("write `?.{}`", name.text), {{dot, "?"}},
           diagnostics::Applicability::kMaybeIncorrect);
}

void BodyChecker::report_needless_question(ExprId base, TypeId type, const syntax::Name& name) {
  const Span dot{span_of(base).end, name.span.begin, name.span.file};
  if (type == types::kJson) {
    diagnostics_.report(Code::kOperatorType, dot, "?.", "json")
        .labelled("what is in `json` is only known when it is read")
        .help("say what it may be: `x as Record?`, then `?.`");
    return;
  }
  diagnostics_.report(Code::kNeverNull, dot, "?.", text(type))
      .also(span_of(base), fmt::format("this is `{}`", text(type)))
      .help("a plain `.` is enough")
      .fix("write `.`", {{dot, "."}});
}

// A field of some kind of error, read where the kind is not known: null if it is another one.
TypeId BodyChecker::error_member(ExprId expr, const syntax::MemberExpr& node) {
  SymbolId kind = kNone;
  uint32_t index = 0;
  SymbolId other = kNone;
  const auto look_into = [&](ModuleId module) {
    for (const SymbolId id : program_.modules[module]->decls) {
      if (id == kNone || program_.symbols[id].kind != Symbol::Kind::kErrorKind) continue;
      all_.resolve(id);
      const std::vector<Field>& fields = program_.symbols[id].fields;
      for (uint32_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != node.name.text) continue;
        if (kind != kNone) other = id;
        kind = id;
        index = i;
      }
    }
  };
  if (error_kinds_.empty()) {
    look_into(module_.id);
    if (const SymbolId core = all_.standard_module("core"); core != kNone) {
      const ModuleId id = all_.module_of(core);
      if (id != kNone && id != module_.id) look_into(id);
    }
  } else {
    for (const SymbolId id : error_kinds_) {
      if (id == kNone) return types::kUnknown;
      all_.resolve(id);
      const std::vector<Field>& fields = program_.symbols[id].fields;
      for (uint32_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != node.name.text) continue;
        if (kind != kNone && kind != id) other = id;
        kind = id;
        index = i;
      }
    }
  }
  if (kind == kNone) {
    report_unknown_member(types::kError, node.name);
    return types::kUnknown;
  }
  if (other != kNone) {
    diagnostics_.report(Code::kCannotInfer, node.name.span, fmt::format("`{}`", node.name.text))
        .labelled(fmt::format("`{}` and `{}` both have it", program_.symbols[kind].name,
                              program_.symbols[other].name))
        .help("say which is meant: `match e { case Kind { field } => … }`");
    return types::kUnknown;
  }
  Meaning& meaning = mean(expr, Meaning::Kind::kField);
  meaning.symbol = kind;
  meaning.index = index;
  return types_.optional(program_.symbols[kind].fields[index].type);
}

TypeId BodyChecker::value_member(ExprId expr, const syntax::MemberExpr& node, TypeId base) {
  const syntax::Name& name = node.name;
  TypeId plain = base;
  if (types_.is_silent(base)) return types::kUnknown;
  if (types_.is_optional(base)) {
    plain = types_.element(base);
    if (!node.optional && !in_test()) {
      report_null_receiver(node.base, base, name);
      return types::kUnknown;
    }
  } else if (node.optional) {
    report_needless_question(node.base, base, name);
  }
  const bool chained = node.optional && types_.is_optional(base);
  const auto found = [&](Meaning::Kind kind, TypeId type, uint32_t index = kNone) {
    mean(expr, kind).index = index;
    return chained ? types_.optional(type) : type;
  };
  if (name.empty()) return types::kUnknown;
  switch (types_.shape(plain)) {
    case Shape::kRecord:
    case Shape::kErrorKind: {
      const SymbolId owner = types_[plain].symbol;
      all_.resolve(owner);
      const std::vector<Field>& fields = program_.symbols[owner].fields;
      for (uint32_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != name.text) continue;
        use_field(fields[i], program_.symbols[owner].module, name.span);
        return found(Meaning::Kind::kField, fields[i].type, i);
      }
      if (types_.is(plain, Shape::kRecord)) break;
      [[fallthrough]];
    }
    case Shape::kError:
      if (name.text == "message") return found(Meaning::Kind::kErrorMessage, types::kString);
      if (name.text == "kind") return found(Meaning::Kind::kErrorKindName, types::kString);
      if (name.text == "retryable") return found(Meaning::Kind::kErrorRetryable, types::kBool);
      if (plain == types::kError) return error_member(expr, node);
      break;
    case Shape::kForm: {
      const auto& fields = types_[plain].fields;
      for (uint32_t i = 0; i < fields.size(); ++i) {
        if (fields[i].first == name.text) return found(Meaning::Kind::kField, fields[i].second, i);
      }
      break;
    }
    case Shape::kResult: {
      const TypeId element = types_.element(plain);
      if (name.text == "ok") return found(Meaning::Kind::kResultIsOk, types::kBool);
      if (name.text == "value") return found(Meaning::Kind::kResultValue, element);
      if (name.text == "error")
        return found(Meaning::Kind::kResultError, types_.optional(types::kError));
      if (name.text == "item" && types_[plain].key != kNone)
        return found(Meaning::Kind::kResultItem, types_[plain].key);
      break;
    }
    case Shape::kJson:
      mean(expr, Meaning::Kind::kJsonField);
      return types::kJson;
    default: {
      const std::string_view receiver = receiver_name(types_.shape(plain));
      const Signature* signature = all_.signatures.find(receiver, name.text);
      if (signature != nullptr && signature->property) {
        Bindings bindings(types_);
        if (!fits_receiver(*signature, plain, name.span, bindings)) return types::kUnknown;
        mean(expr, Meaning::Kind::kNativeProperty).native = signature->native;
        const TypeId type = bindings.substitute(signature->result);
        return chained ? types_.optional(type) : type;
      }
      if (signature != nullptr) {
        auto& report = diagnostics_.report(Code::kTypeAsValue, name.span, name.text, "a function")
                           .labelled("a value is expected here");
        if (signature->parameters.empty())
          report.help(fmt::format("call it: `{}()`", name.text))
              .fix("call it", {{Span{name.span.end, name.span.end, name.span.file}, "()"}});
        else
          report.help(fmt::format("call it: `{}(…)`", name.text));
        return types::kUnknown;
      }
      break;
    }
  }
  report_unknown_member(plain, name);
  return types::kUnknown;
}

TypeId BodyChecker::enum_member(ExprId expr, SymbolId id, const syntax::Name& name,
                                const std::vector<syntax::Argument>* args) {
  all_.resolve(id);
  const Symbol& symbol = program_.symbols[id];
  const auto member =
      std::find_if(symbol.members.begin(), symbol.members.end(),
                   [&](const Symbol::Member& one) { return one.name == name.text; });
  if (member == symbol.members.end()) {
    if (args != nullptr) infer_arguments(*args);
    if (name.empty() || symbol.unsure) return types::kUnknown;
    std::vector<std::string_view> names;
    std::string listed;
    for (const Symbol::Member& one : symbol.members) {
      names.push_back(one.name);
      if (names.size() <= 6) listed += fmt::format("{}`.{}`", listed.empty() ? "" : ", ", one.name);
    }
    if (names.size() > 6) listed += " …";
    diagnostics_.report(Code::kUnknownMember, name.span, symbol.name, name.text)
        .labelled(fmt::format("`{}` is one of {}", symbol.name, listed))
        .did_you_mean(name.span, nearest(name.text, std::move(names)));
    return symbol.type;
  }
  std::vector<ExprId> arguments;
  if (args != nullptr || !member->payload.empty()) {
    Callee callee;
    callee.name = fmt::format("{}.{}", symbol.name, member->name);
    callee.declared = symbol.span;
    for (const Field& field : member->payload)
      callee.parameters.push_back(
          {field.name, field.type,
           field.name.empty() ||
               (field.written != nullptr && field.written->default_value.valid()) ||
               types_.is_optional(field.type)});
    static const std::vector<syntax::Argument> kNoArguments;
    arguments = check_arguments(callee, args != nullptr ? *args : kNoArguments, span_of(expr));
    note_refined(id, static_cast<uint32_t>(member - symbol.members.begin()), member->payload,
                 arguments, span_of(expr));
  }
  Meaning& meaning = mean(expr, Meaning::Kind::kEnumMember);
  meaning.symbol = id;
  meaning.index = static_cast<uint32_t>(member - symbol.members.begin());
  meaning.arguments = std::move(arguments);
  return symbol.type;
}

TypeId BodyChecker::infer_shorthand(ExprId expr, const syntax::Name& name,
                                    const std::vector<syntax::Argument>* args, TypeId hint) {
  if (hint != kNone && types_.is(hint, Shape::kEnum))
    return enum_member(expr, types_[hint].symbol, name, args);
  if (hint != kNone && types_.is(hint, Shape::kResult)) {
    const bool is_ok = name.text == "ok";
    if (!is_ok && name.text != "err") {
      if (args != nullptr) infer_arguments(*args);
      if (!name.empty())
        diagnostics_.report(Code::kUnknownMember, name.span, "Result", name.text)
            .labelled("`Result` is `.ok` or `.err`");
      return hint;
    }
    const TypeId element = types_.element(hint);
    Callee callee;
    callee.name = is_ok ? ".ok" : ".err";
    if (!is_ok) callee.parameters.push_back({"error", types::kError, false});
    if (is_ok && element != types::kNothing) callee.parameters.push_back({"value", element, false});
    static const std::vector<syntax::Argument> kNoArguments;
    std::vector<ExprId> arguments =
        check_arguments(callee, args != nullptr ? *args : kNoArguments, span_of(expr));
    Meaning& meaning = mean(expr, Meaning::Kind::kEnumMember);
    meaning.index = is_ok ? 0 : 1;
    meaning.arguments = std::move(arguments);
    return hint;
  }
  if (args != nullptr) infer_arguments(*args);
  if (hint == types::kUnknown || hint == types::kNever || name.empty()) return types::kUnknown;
  if (hint != kNone) {
    diagnostics_.report(Code::kWrongType, span_of(expr), text(hint), fmt::format(".{}", name.text))
        .labelled("a leading dot names a member of an enum");
    return types::kUnknown;
  }
  diagnostics_.report(Code::kCannotInfer, span_of(expr), fmt::format("`.{}`", name.text))
      .labelled("a member of which enum?")
      .help(fmt::format("write the enum before the dot: `Env.{}`", name.text));
  return types::kUnknown;
}

}  // namespace rbk::check
