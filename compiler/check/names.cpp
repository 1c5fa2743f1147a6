// What names mean inside a body, and what is known of their values there.
#include <algorithm>

#include "compiler/check/body_checker.h"
#include "compiler/check/later_names.h"
#include "compiler/syntax/foreign.h"

namespace rbk::check {

using diagnostics::Code;

SymbolId BodyChecker::declare_local(const syntax::Name& name, TypeId type, Symbol::Kind kind,
                                    bool warn_unused) {
  if (name.empty()) return kNone;
  Symbol symbol;
  symbol.kind = kind;
  symbol.name = name.text;
  symbol.type = ast_.unread.holds(name.span.begin) ? types::kUnknown : type;
  symbol.module = module_.id;
  symbol.span = name.span;
  // What nobody needs to read counts as used.
  symbol.used = !warn_unused || name.text.starts_with('_') || types_.is_silent(type);
  const SymbolId other = name.text == "_" ? kNone : scopes_.in_innermost(name.text);
  if (other != kNone) {
    diagnostics_.report(Code::kDuplicateName, name.span, name.text)
        .labelled(fmt::format("`{}` is {} already", name.text,
                              ProgramChecker::kind_text(program_.symbols[other])))
        .also(program_.symbols[other].span, "declared first here")
        .help("give one of the two another name");
    symbol.used = true;
  }
  const SymbolId id = all_.add_symbol(std::move(symbol));
  if (name.text != "_") scopes_.declare(program_.symbols[id].name, id);
  if (place_.top_level) top_level_names_.push_back(id);
  return id;
}

void BodyChecker::report_unknown_name(const std::string& name, Span span, After after) {
  if (const auto later = later_name(name)) {
    not_supported(span, later->what, later->cure);
    return;
  }
  std::vector<std::string_view> names = scopes_.names();
  const std::vector<std::string_view> outer = all_.top_level_names(module_.id);
  names.insert(names.end(), outer.begin(), outer.end());
  std::string_view near = nearest(name, std::move(names));
  if (near.empty() && after == After::kNothing) near = syntax::value_instead_of(name);
  if (after == After::kCall && name == "json") {
    diagnostics_.report(Code::kUnknownModule, span, name)
        .labelled("`json` is a type, and has no functions of its own")
        .help("text becomes JSON by `text.to_json()`, and JSON text by `value.text()`");
    return;
  }
  if (after == After::kCall && near.empty()) {
    diagnostics_.report(Code::kUnknownModule, span, name)
        .labelled("neither imported nor one of the standard modules")
        .help(fmt::format("import it: `import \"….rbk\" as {}`", name));
    return;
  }
  if (after != After::kNothing && !near.empty() && scopes_.find(near) == kNone) {
    const SymbolId meant = all_.find_top_level(module_.id, near);
    if (meant != kNone && program_.symbols[meant].kind == Symbol::Kind::kModule) {
      diagnostics_.report(Code::kUnknownModule, span, name)
          .labelled("neither imported nor one of the standard modules")
          .did_you_mean(span, near);
      return;
    }
  }
  auto& report = diagnostics_.report(Code::kUnknownName, span, name)
                     .labelled("not declared anywhere that can be seen from here")
                     .did_you_mean(span, near);
  if (near.empty()) report.help(std::string(syntax::instead_of(name)));
}

SymbolId BodyChecker::look_up(const std::string& name, Span span, After after) {
  SymbolId symbol = scopes_.find(name);
  if (symbol == kNone) symbol = all_.find_top_level(module_.id, name);
  if (symbol == kNone && doubt_ != kNone && name == "Doubt") return types_[doubt_].symbol;
  if (symbol == kNone) {
    report_unknown_name(name, span, after);
    return kNone;
  }
  if (std::find(later_.begin(), later_.end(), symbol) != later_.end())
    diagnostics_.report(Code::kRequiredAfterRead, span, reading_, name)
        .labelled("parameters are read from first to last")
        .also(program_.symbols[symbol].span, "declared here")
        .help(fmt::format("move `{}` before it, or check this with `require` in the body", name));
  use(symbol, span);
  return symbol;
}

void BodyChecker::use(SymbolId id, Span span) {
  Symbol& symbol = program_.symbols[id];
  symbol.used = true;
  if (!symbol.decl.valid() || symbol.module >= program_.modules.size()) return;
  const CheckedModule& home = *program_.modules[symbol.module];
  report_deprecated(home.ast[symbol.decl].annotations, home, symbol.name, span);
}

void BodyChecker::use_field(const Field& field, ModuleId home, Span span) {
  if (field.written == nullptr || home >= program_.modules.size()) return;
  report_deprecated(field.written->annotations, *program_.modules[home], field.name, span);
}

void BodyChecker::report_deprecated(const std::vector<syntax::Annotation>& annotations,
                                    const CheckedModule& home, std::string_view name, Span span) {
  for (const syntax::Annotation& annotation : annotations) {
    if (annotation.name.text != "deprecated") continue;
    auto& report = diagnostics_.report(Code::kDeprecated, span, name).labelled("it may go away");
    for (const syntax::Argument& argument : annotation.args) {
      if (argument.label.text == "use")
        report.help(
            fmt::format("use `{}` instead", home.source->text(home.ast[argument.value].span)));
    }
  }
}

/// A field or a parameter may go out of use; nothing else is said of one.
void BodyChecker::check_annotations(const syntax::Field& field) {
  for (const syntax::Annotation& annotation : field.annotations) {
    if (annotation.name.text == "deprecated") continue;
    diagnostics_.report(Code::kUnknownAnnotation, annotation.name.span, annotation.name.text)
        .labelled("of a field or a parameter only `@deprecated` is said")
        .did_you_mean(annotation.name.span, nearest(annotation.name.text, {"deprecated"}));
  }
}

BodyChecker::Reference BodyChecker::reference(ExprId expr, After after) {
  const syntax::Expr& written = ast_[expr];
  if (const auto* name = std::get_if<syntax::NameExpr>(&written.node)) {
    if (scopes_.find(name->name) != kNone) return {};
    const SymbolId symbol = look_up(name->name, written.span, after);
    if (symbol == kNone) return {false, true, kNone};
    if (program_.symbols[symbol].kind == Symbol::Kind::kConst) return {};
    mean(expr, Meaning::Kind::kSymbol).symbol = symbol;
    return {false, false, symbol};
  }
  const auto* member = std::get_if<syntax::MemberExpr>(&written.node);
  if (member == nullptr) return {};
  const syntax::Expr& base = ast_[member->base];
  if (!std::holds_alternative<syntax::NameExpr>(base.node)) return {};
  const Reference outer =
      reference(member->base, after == After::kNothing ? After::kMember : after);
  if (outer.is_value || outer.is_wrong) return outer;
  if (program_.symbols[outer.symbol].kind != Symbol::Kind::kModule) return {};
  const ModuleId home = all_.module_of(outer.symbol);
  if (home == kNone || member->name.empty()) return {false, true, kNone};
  const SymbolId found = all_.find_declared(home, member->name.text);
  const std::string module_name = program_.symbols[outer.symbol].name;
  if (found == kNone) {
    if (module_name == "shell" && member->name.text == "raw") return {};
    diagnostics_.report(Code::kUnknownInModule, member->name.span, module_name, member->name.text)
        .labelled(fmt::format("not declared in `{}`", module_name))
        .did_you_mean(member->name.span, nearest(member->name.text, all_.declared_names(home)));
    return {false, true, kNone};
  }
  if (member->name.text.starts_with('_')) {
    diagnostics_.report(Code::kPrivateName, member->name.span, member->name.text)
        .labelled("a leading underscore keeps it in its file")
        .help(fmt::format("declare it in `{}` without the underscore", module_name));
  }
  use(found, member->name.span);
  return {false, false, found};
}

TypeId BodyChecker::seen_type(SymbolId symbol) {
  const TypeId type = program_.symbols[symbol].type;
  if (std::find(maybe_absent_.begin(), maybe_absent_.end(), symbol) != maybe_absent_.end())
    return types_.optional(type);
  return type;
}

TypeId BodyChecker::infer_name(ExprId expr, const syntax::NameExpr& node) {
  const SymbolId symbol = look_up(node.name, span_of(expr));
  return symbol == kNone ? types::kUnknown : symbol_value(expr, symbol, node.name);
}

TypeId BodyChecker::symbol_value(ExprId expr, SymbolId id, std::string_view shown) {
  mean(expr, Meaning::Kind::kSymbol).symbol = id;
  const Symbol& symbol = program_.symbols[id];
  switch (symbol.kind) {
    case Symbol::Kind::kLocal:
    case Symbol::Kind::kParameter:
    case Symbol::Kind::kStep:
      return seen_type(id);
    case Symbol::Kind::kConst:
    case Symbol::Kind::kFunction:
      all_.resolve(id);
      return symbol.type;
    default:
      break;
  }
  auto& report = diagnostics_.report(Code::kTypeAsValue, span_of(expr), shown,
                                     ProgramChecker::kind_text(symbol));
  report.labelled("a value is expected here");
  switch (symbol.kind) {
    case Symbol::Kind::kRecord:
    case Symbol::Kind::kErrorKind:
      report.help(fmt::format("make one: `{} {{ … }}`", shown));
      break;
    case Symbol::Kind::kEnum:
      report.help(fmt::format("name a member: `{}.member`", shown));
      break;
    case Symbol::Kind::kRunbook:
    case Symbol::Kind::kAction:
      report.help(fmt::format("call it in a step: `step x = {}(…)`", shown));
      break;
    default:
      report.help(fmt::format("name something of it: `{}.name`", shown));
      break;
  }
  return types::kUnknown;
}

PathId BodyChecker::path_of(ExprId expr) {
  const Meaning* meaning = module_.meaning(expr);
  if (meaning == nullptr) return kNone;
  if (meaning->kind == Meaning::Kind::kSymbol) {
    if (meaning->symbol == kNone) return kNone;
    switch (program_.symbols[meaning->symbol].kind) {
      case Symbol::Kind::kLocal:
      case Symbol::Kind::kParameter:
      case Symbol::Kind::kStep:
      case Symbol::Kind::kConst:
        return paths_.root(meaning->symbol);
      default:
        return kNone;
    }
  }
  if (meaning->kind != Meaning::Kind::kField) return kNone;
  const auto* member = std::get_if<syntax::MemberExpr>(&ast_[expr].node);
  if (member == nullptr || member->optional) return kNone;
  // Of an error whose kind is not known, fields of two kinds may have one index.
  const uint32_t index =
      meaning->symbol == kNone ? meaning->index : (meaning->symbol + 1) * 1024 + meaning->index;
  const PathId base = path_of(member->base);
  return base == kNone ? kNone : paths_.child(base, index);
}

}  // namespace rbk::check
