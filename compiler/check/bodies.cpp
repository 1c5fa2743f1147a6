// Functions, runbooks and the other declarations: their parameters, defaults and bodies.
#include <algorithm>

#include "compiler/check/body_checker.h"

namespace rbk::check {

using diagnostics::Code;

void BodyChecker::check_declaration(SymbolId id) {
  Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  strict_ = all_.options.strict ||
            std::any_of(decl.annotations.begin(), decl.annotations.end(),
                        [](const syntax::Annotation& one) { return one.name.text == "strict"; });
  if (std::holds_alternative<syntax::FnDecl>(decl.node)) {
    check_function(id);
  } else if (std::holds_alternative<syntax::RunbookDecl>(decl.node)) {
    check_runbook(id);
  } else if (std::holds_alternative<syntax::ActionDecl>(decl.node)) {
    check_action(id, decl);
  } else if (std::holds_alternative<syntax::ScheduleDecl>(decl.node)) {
    check_schedule(id);
  } else if (const auto* record = std::get_if<syntax::RecordDecl>(&decl.node)) {
    check_fields(symbol.fields, record->fields, symbol.name, "a record");
    symbol.parameters = check_conditions(id, kNone, symbol.fields, record->fields);
  } else if (const auto* error = std::get_if<syntax::ErrorKindDecl>(&decl.node)) {
    check_fields(symbol.fields, error->fields, symbol.name, "an error");
    for (const syntax::Field& field : error->fields) {
      for (const syntax::Refinement& where : field.where)
        not_supported(where.span, "`where` on a field of an error",
                      "check it with `require` where the error is made");
    }
  } else if (const auto* declared = std::get_if<syntax::EnumDecl>(&decl.node)) {
    for (uint32_t i = 0; i < declared->members.size() && i < symbol.members.size(); ++i) {
      check_fields(symbol.members[i].payload, declared->members[i].payload, symbol.name,
                   "an enum's member");
      symbol.members[i].parameters =
          check_conditions(id, i, symbol.members[i].payload, declared->members[i].payload);
    }
  }
}

void BodyChecker::check_constant(SymbolId id) {
  Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  const auto& written = std::get<syntax::ConstDecl>(decl.node);
  place_ = Place{};
  place_.pure_in = "a constant";
  if (written.type.valid()) {
    expect(written.value, symbol.type,
           {Why::Kind::kName, symbol.name, {}, ast_[written.type].span});
    return;
  }
  const TypeId type = infer(written.value);
  if (type == types::kNull || type == types::kNothing) {
    diagnostics_
        .report(Code::kCannotInfer, span_of(written.value), fmt::format("`{}`", symbol.name))
        .labelled("this alone does not say it")
        .help(fmt::format("write it: `const {}: string? = null`", symbol.name));
    return;
  }
  symbol.type = type == types::kNever ? types::kUnknown : type;
}

void BodyChecker::check_fields(const std::vector<Field>& fields,
                               const std::vector<syntax::Field>& written, std::string_view owner,
                               std::string_view what) {
  place_ = Place{};
  place_.pure_in = "a default";
  for (size_t i = 0; i < written.size() && i < fields.size(); ++i) {
    check_annotations(written[i]);
    if (written[i].default_value.valid())
      expect(written[i].default_value, fields[i].type,
             {Why::Kind::kField, fields[i].name, owner, written[i].name.span});
    if (written[i].default_value.valid() && what != "an error")
      all_.defaults.push_back({module_.id, written[i].default_value, fields[i].name});
    if (what == "an error" && all_.holds_secret(fields[i].type))
      diagnostics_.report(Code::kSecretShown, written[i].span, fmt::format("the error `{}`", owner))
          .labelled("errors are shown and kept")
          .help("say what went wrong without the secret");
  }
}

std::vector<SymbolId> BodyChecker::check_conditions(SymbolId owner, uint32_t member,
                                                    const std::vector<Field>& fields,
                                                    const std::vector<syntax::Field>& written) {
  const size_t count = std::min(fields.size(), written.size());
  if (std::all_of(written.begin(), written.end(),
                  [](const syntax::Field& field) { return field.where.empty(); }))
    return {};
  const Scopes::Open scope(scopes_);
  place_ = Place{};
  place_.pure_in = "a `where`";
  facts_ = Facts{};
  std::vector<SymbolId> names;
  names.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    syntax::Name name = written[i].name;
    if (fields[i].name.empty()) name.text = "_";  // told where its type was resolved
    names.push_back(declare_local(name, fields[i].type, Symbol::Kind::kParameter, false));
  }
  for (uint32_t i = 0; i < count; ++i) {
    later_.assign(names.begin() + i + 1, names.end());
    reading_ = written[i].name.text;
    check_where(written[i]);
    if (written[i].default_value.valid() && !written[i].where.empty()) {
      std::vector<ExprId> values(count);
      values[i] = written[i].default_value;
      all_.refinements.push_back({owner, member, module_.id, written[i].span, values, i});
    }
  }
  later_.clear();
  return names;
}

void BodyChecker::check_where(const syntax::Field& field) {
  for (const syntax::Refinement& where : field.where) {
    condition(where.condition);
    if (where.message.valid())
      expect(where.message, types::kString, {Why::Kind::kClause, "else", {}, {}});
  }
}

void BodyChecker::note_refined(SymbolId owner, uint32_t member, const std::vector<Field>& fields,
                               const std::vector<ExprId>& arguments, Span span) {
  const bool is_refined = std::any_of(fields.begin(), fields.end(), [](const Field& field) {
    return field.written != nullptr && !field.written->where.empty();
  });
  if (is_refined) all_.refinements.push_back({owner, member, module_.id, span, arguments, kNone});
}

void BodyChecker::check_parameters(SymbolId id, const std::vector<syntax::Field>& written) {
  Symbol& symbol = program_.symbols[id];
  const bool is_runbook = symbol.kind == Symbol::Kind::kRunbook;
  const bool has_body = symbol.kind != Symbol::Kind::kAction;
  std::vector<SymbolId> parameters;
  for (size_t i = 0; i < written.size() && i < symbol.fields.size(); ++i) {
    syntax::Name name = written[i].name;
    const bool taken = std::any_of(written.begin(), written.begin() + static_cast<ptrdiff_t>(i),
                                   [&](const auto& one) { return one.name.text == name.text; });
    if (taken) name.text = "_";  // told where its type was resolved
    parameters.push_back(declare_local(name, symbol.fields[i].type, Symbol::Kind::kParameter,
                                       has_body && !module_.standard));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const syntax::Field& field = written[i];
    check_annotations(field);
    const TypeId type = symbol.fields[i].type;
    place_ = Place{};
    later_.assign(parameters.begin() + static_cast<std::ptrdiff_t>(i), parameters.end());
    reading_ = field.name.text;
    if (field.default_value.valid()) {
      place_.pure_in = "a default";
      expect(field.default_value, type,
             {Why::Kind::kField, symbol.fields[i].name, symbol.name, field.name.span});
      if (!field.where.empty()) {
        std::vector<ExprId> values(parameters.size());
        values[i] = field.default_value;
        all_.refinements.push_back(
            {id, kNone, module_.id, field.span, values, static_cast<uint32_t>(i)});
      }
    }
    later_.erase(later_.begin());
    place_.pure_in = "a `where`";
    check_where(field);
    if (is_runbook) check_from_outside(symbol.fields[i]);
  }
  later_.clear();
  symbol.parameters = std::move(parameters);
}

namespace {

/// The part of a type that nobody outside can give, or kNone.
TypeId not_from_outside(TypeTable& types, TypeId type) {
  switch (types.shape(type)) {
    case Type::Shape::kFunction:
    case Type::Shape::kCommand:
    case Type::Shape::kQuery:
    case Type::Shape::kEnvironment:
    case Type::Shape::kError:
    case Type::Shape::kErrorKind:
    case Type::Shape::kResult:
    case Type::Shape::kRange:
      return type;
    case Type::Shape::kList:
    case Type::Shape::kMap:
    case Type::Shape::kOptional:
      return not_from_outside(types, types.element(type));
    default:
      return kNone;
  }
}

}  // namespace

void BodyChecker::check_from_outside(const Field& field) {
  const TypeId part = not_from_outside(types_, field.type);
  if (part == kNone || field.written == nullptr) return;
  diagnostics_.report(Code::kNotFromOutside, ast_[field.written->type].span, text(part))
      .labelled(fmt::format("`{}` is given by whoever starts the runbook", field.name))
      .help(part == types::kCommand || part == types::kQuery
                ? "take what varies as a `string`, and write the rest here"
                : "take plain values, lists, maps, records or enums");
}

void BodyChecker::check_function(SymbolId id) {
  const Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  const auto& written = std::get<syntax::FnDecl>(decl.node);
  const Scopes::Open scope(scopes_);
  check_parameters(id, written.params);
  place_ = Place{};
  place_.pure_in = "a `fn`";
  place_.returns_to = symbol.name;
  place_.result = symbol.result == kNone ? types::kNothing : symbol.result;
  facts_ = Facts{};
  reachable_ = true;
  check_block(written.body, Want::kDiscard, kNone, {});
  if (reachable_ && symbol.result != types::kNothing && !types_.is_silent(symbol.result))
    diagnostics_.report(Code::kMissingReturn, decl.name.span, symbol.name, text(symbol.result))
        .labelled("its end can be reached without a `return`")
        .help("end it with `return`, or with `fail` where there is nothing to return");
}

void BodyChecker::check_head(const syntax::RunbookDecl& runbook) {
  for (const syntax::Who& who : runbook.allow) {
    if (who.kind == syntax::Who::Kind::kStarter) {
      not_supported(who.span, "`starter` here", "whoever starts it is the starter");
      continue;
    }
    place_ = Place{};
    place_.pure_in = "`allow`";
    known_text(who.name, who.kind == syntax::Who::Kind::kUser ? "user" : "group");
  }
}

void BodyChecker::check_runbook(SymbolId id) {
  const Symbol& symbol = program_.symbols[id];
  const syntax::Decl& decl = ast_[symbol.decl];
  const auto& written = std::get<syntax::RunbookDecl>(decl.node);
  check_head(written);
  check_outside(id, written.outside);
  const Scopes::Open scope(scopes_);
  check_parameters(id, written.params);
  check_concurrency(written);
  if (symbol.result != kNone && all_.holds_secret(symbol.result))
    diagnostics_
        .report(Code::kSecretShown, ast_[written.result].span,
                fmt::format("the output of `{}`", symbol.name))
        .labelled("a run's output is shown and kept")
        .help("hand the secret to where it is needed instead");
  place_ = Place{};
  place_.code = Place::Code::kRunbook;
  place_.returns_to = symbol.name;
  place_.result = symbol.result == kNone ? types::kNothing : symbol.result;
  place_.top_level = true;
  facts_ = Facts{};
  reachable_ = true;
  rules_.reset();
  top_level_names_.clear();
  if (written.body.valid()) {
    const Scopes::Open body(scopes_);
    check_statements(written.body, Want::kDiscard, kNone, {});
  }
  place_.top_level = false;
  top_level_names_.clear();
  if (reachable_ && symbol.result != types::kNothing && !types_.is_silent(symbol.result))
    diagnostics_.report(Code::kMissingReturn, decl.name.span, symbol.name, text(symbol.result))
        .labelled("its end can be reached without a `return`")
        .help("end it with `return`, or with `fail` where there is nothing to return");
  report_left_behind();
}

void BodyChecker::report_left_behind() {
  if (module_.standard) return;
  for (const RollbackRules::Write& write : rules_.left_behind()) {
    auto& report = diagnostics_.report(Code::kNoRollback, write.span, write.what)
                       .labelled("what follows can fail, and then this stays as it is");
    report.help(
        "add `rollback { … }`, `rollback none \"why\"`, `irreversible \"why\"`, or `commit` once "
        "it is to stay");
    if (strict_) report.severity = diagnostics::Severity::kError;
  }
}

}  // namespace rbk::check
