// The top level of each module: names, and what the types and callables declared there look like.
#include <algorithm>
#include <array>
#include <map>

#include "compiler/check/body_checker.h"
#include "compiler/check/later_names.h"
#include "compiler/check/program_checker.h"
#include "compiler/syntax/foreign.h"

namespace rbk::check {
namespace {

using diagnostics::Code;
using Shape = Type::Shape;

constexpr std::array kNamedTypes = {
    NamedType{"bool", types::kBool},         NamedType{"int", types::kInt},
    NamedType{"float", types::kFloat},       NamedType{"string", types::kString},
    NamedType{"duration", types::kDuration}, NamedType{"size", types::kSize},
    NamedType{"time", types::kTime},         NamedType{"json", types::kJson},
    NamedType{"secret", types::kSecret},     NamedType{"Url", types::kUrl},
    NamedType{"Command", types::kCommand},   NamedType{"Query", types::kQuery},
    NamedType{"Regex", types::kRegex},       NamedType{"error", types::kError},
    NamedType{"env", types::kEnvironment}};

struct GenericType {
  std::string_view name;
  size_t arguments;
};
constexpr std::array kGenericTypes = {GenericType{"list", 1}, GenericType{"map", 2},
                                      GenericType{"Result", 1}, GenericType{"range", 1}};

std::string outer_name_of(const syntax::Ast& ast, const syntax::Name& name, ExprId outer) {
  if (outer.valid()) {
    const auto* literal = std::get_if<syntax::StringLit>(&ast[outer].node);
    if (literal != nullptr && literal->is_plain_text() && !literal->parts.empty())
      return literal->parts.front().text;
  }
  return name.text;
}

std::string type_count(size_t count) {
  return count == 0 ? "no type" : count == 1 ? "one type" : fmt::format("{} types", count);
}

}  // namespace

ProgramChecker::ProgramChecker(CheckedProgram& checked, const Options& given)
    : program(checked),
      options(given),
      types(checked.types),
      signatures(types),
      diagnostics(checked.diagnostics) {}

void ProgramChecker::run(std::string path, std::string text) {
  const source::Source& source = program.sources.add(std::move(path), std::move(text));
  add_module(source.path(), false, source);
  files_.emplace(source.path(), 0);
  import_stack_.push_back(0);
  import_spans_.emplace_back();
  declare_all(0);
  import_stack_.pop_back();
  import_spans_.pop_back();
  // Bodies may bring in standard modules, which are checked in their turn.
  for (ModuleId id = 0; id < program.modules.size(); ++id) check_bodies(id);
  const auto checked = static_cast<ModuleId>(program.modules.size());
  for (ModuleId id = 0; id < checked; ++id) check_tests(id);
  for (ModuleId id = checked; id < program.modules.size(); ++id) check_bodies(id);
  check_refinements();
  check_defaults();
  check_shell_names();
  check_signals();
  drop_what_follows_from_syntax();
  drop_repeated_names();
  add_renames();
  check_effects();
  check_never_changes();
  check_unused();
  apply_annotations();
}

SymbolId ProgramChecker::add_symbol(Symbol symbol) {
  program.symbols.push_back(std::move(symbol));
  progress_.push_back(Progress::kNotYet);
  return static_cast<SymbolId>(program.symbols.size() - 1);
}

std::string_view ProgramChecker::kind_text(const Symbol& symbol) {
  switch (symbol.kind) {
    case Symbol::Kind::kLocal:
      return "a value";
    case Symbol::Kind::kParameter:
      return "a parameter";
    case Symbol::Kind::kStep:
      return "a step's output";
    case Symbol::Kind::kConst:
      return "a constant";
    case Symbol::Kind::kFunction:
      return "a function";
    case Symbol::Kind::kRunbook:
      return "a runbook";
    case Symbol::Kind::kAction:
      return "an action";
    case Symbol::Kind::kRecord:
      return "a record";
    case Symbol::Kind::kEnum:
      return "an enum";
    case Symbol::Kind::kErrorKind:
      return "an error kind";
    case Symbol::Kind::kSchedule:
      return "a schedule";
    case Symbol::Kind::kCalendar:
      return "a calendar";
    case Symbol::Kind::kModule:
      return "a module";
    case Symbol::Kind::kBuiltin:
      return "built in";
  }
  return "a name";
}

std::vector<std::string_view> ProgramChecker::built_in_types() {
  std::vector<std::string_view> result;
  result.reserve(std::size(kNamedTypes));
  for (const NamedType& type : kNamedTypes) result.push_back(type.name);
  for (const GenericType& type : kGenericTypes) result.push_back(type.name);
  return result;
}

// ---- Names

SymbolId ProgramChecker::declare(ModuleId module, syntax::DeclId id) {
  const syntax::Decl& decl = program.modules[module]->ast[id];
  Symbol symbol;
  if (std::holds_alternative<syntax::ImportDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kModule;
  } else if (std::holds_alternative<syntax::ConstDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kConst;
  } else if (std::holds_alternative<syntax::FnDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kFunction;
  } else if (const auto* native = std::get_if<syntax::NativeFnDecl>(&decl.node)) {
    if (native->receiver.valid()) return kNone;
    symbol.kind = Symbol::Kind::kFunction;
  } else if (std::holds_alternative<syntax::RecordDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kRecord;
  } else if (std::holds_alternative<syntax::EnumDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kEnum;
  } else if (std::holds_alternative<syntax::ErrorKindDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kErrorKind;
  } else if (std::holds_alternative<syntax::RunbookDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kRunbook;
  } else if (std::holds_alternative<syntax::ActionDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kAction;
  } else if (std::holds_alternative<syntax::ScheduleDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kSchedule;
  } else if (std::holds_alternative<syntax::CalendarDecl>(decl.node)) {
    symbol.kind = Symbol::Kind::kCalendar;
  } else {
    return kNone;
  }
  symbol.name = decl.name.text;
  symbol.module = module;
  symbol.decl = id;
  symbol.span = decl.name.span;
  if (decl.name.empty()) return kNone;
  const syntax::Unread& unread = program.modules[module]->ast.unread;
  const bool has_body =
      symbol.kind == Symbol::Kind::kFunction || symbol.kind == Symbol::Kind::kRunbook;
  symbol.unsure = has_body ? unread.holds(decl.name.span.begin) : unread.touches(decl.span);
  // It is refused where it stands; what it takes is not looked at.
  if (std::holds_alternative<syntax::NativeFnDecl>(decl.node)) symbol.unsure = true;
  if (const SymbolId other = find_declared(module, decl.name.text); other != kNone) {
    diagnostics.report(Code::kDuplicateName, decl.name.span, decl.name.text)
        .labelled(
            fmt::format("`{}` is {} already", decl.name.text, kind_text(program.symbols[other])))
        .also(program.symbols[other].span, "declared first here")
        .help("give one of the two another name");
  }
  const SymbolId added = add_symbol(std::move(symbol));
  Symbol& kept = program.symbols[added];
  switch (kept.kind) {
    case Symbol::Kind::kRecord:
      kept.type = types.nominal(Shape::kRecord, added);
      break;
    case Symbol::Kind::kEnum:
      kept.type = types.nominal(Shape::kEnum, added);
      break;
    case Symbol::Kind::kErrorKind:
      kept.type = types.nominal(Shape::kErrorKind, added);
      break;
    default:
      break;
  }
  names_[module].names.try_emplace(kept.name, added);
  return added;
}

// ---- Types as written

SymbolId ProgramChecker::resolve_type_path(ModuleId module, const syntax::Path& path) {
  if (path.empty() || path.last().empty()) return kNone;
  const syntax::Name& name = path.last();
  SymbolId found = kNone;
  if (path.parts.size() == 1) {
    found = find_top_level(module, name.text);
    if (found == kNone) {
      std::vector<std::string_view> names = built_in_types();
      const auto add = [&](ModuleId from) {
        for (const std::string_view known : declared_names(from)) {
          const Symbol& symbol = program.symbols[find_declared(from, known)];
          if (symbol.kind == Symbol::Kind::kRecord || symbol.kind == Symbol::Kind::kEnum ||
              symbol.kind == Symbol::Kind::kErrorKind)
            names.push_back(known);
        }
      };
      add(module);
      if (const SymbolId core = standard_module("core"); core != kNone) {
        if (const ModuleId id = module_of(core); id != kNone) add(id);
      }
      std::string_view meant = syntax::type_instead_of(name.text);
      if (meant.empty()) meant = nearest(name.text, std::move(names));
      diagnostics.report(Code::kUnknownType, name.span, name.text)
          .labelled("no record, enum or error of this name")
          .did_you_mean(name.span, meant);
      return kNone;
    }
  } else {
    const syntax::Name& first = path.parts.front();
    const SymbolId module_symbol = find_top_level(module, first.text);
    if (module_symbol == kNone || program.symbols[module_symbol].kind != Symbol::Kind::kModule ||
        path.parts.size() > 2) {
      if (const auto later = later_name(first.text); later && module_symbol == kNone) {
        diagnostics.report(Code::kNotSupported, first.span, later->what)
            .help(std::string(later->cure));
        return kNone;
      }
      std::vector<std::string_view> names;
      for (const StandardModule& standard : options.standard) names.push_back(standard.name);
      for (const std::string_view known : declared_names(module)) {
        if (program.symbols[find_declared(module, known)].kind == Symbol::Kind::kModule)
          names.push_back(known);
      }
      diagnostics.report(Code::kUnknownModule, first.span, first.text)
          .labelled("before the dot stands a module")
          .did_you_mean(first.span, nearest(first.text, std::move(names)));
      return kNone;
    }
    program.symbols[module_symbol].used = true;
    const ModuleId home = module_of(module_symbol);
    if (home == kNone) return kNone;
    found = find_declared(home, name.text);
    if (found == kNone) {
      diagnostics.report(Code::kUnknownInModule, name.span, first.text, name.text)
          .labelled(fmt::format("not declared in `{}`", first.text))
          .did_you_mean(name.span, nearest(name.text, declared_names(home)));
      return kNone;
    }
    if (name.text.starts_with('_')) {
      diagnostics.report(Code::kPrivateName, name.span, name.text)
          .labelled("a leading underscore keeps it in its file")
          .help(fmt::format("declare it in `{}` without the underscore", first.text));
    }
  }
  Symbol& symbol = program.symbols[found];
  symbol.used = true;
  if (symbol.kind != Symbol::Kind::kRecord && symbol.kind != Symbol::Kind::kEnum &&
      symbol.kind != Symbol::Kind::kErrorKind) {
    diagnostics.report(Code::kNotAType, name.span, name.text, kind_text(symbol))
        .labelled("a type is expected here")
        .help("types are records, enums, errors and the built-in ones");
    return kNone;
  }
  return found;
}

TypeId ProgramChecker::resolve_type(ModuleId module, syntax::TypeRefId ref) {
  if (!ref.valid()) return types::kUnknown;
  CheckedModule& home = *program.modules[module];
  const syntax::TypeRef& written = home.ast[ref];
  TypeId result = types::kUnknown;
  if (std::holds_alternative<syntax::FunctionType>(written.node)) {
    diagnostics.report(Code::kFunctionType, written.span)
        .labelled("only the language's own functions take functions")
        .help("declare a `fn` beside this and call it by its name");
  } else if (const auto* optional = std::get_if<syntax::OptionalType>(&written.node)) {
    result = types.optional(resolve_type(module, optional->inner));
  } else if (const auto* named = std::get_if<syntax::NamedType>(&written.node)) {
    std::vector<TypeId> arguments;
    for (const syntax::TypeRefId argument : named->args)
      arguments.push_back(resolve_type(module, argument));
    const std::string name = named->path.empty() ? std::string() : named->path.last().text;
    size_t expected = 0;
    bool is_built_in = false;
    if (named->path.parts.size() == 1 && find_declared(module, name) == kNone) {
      for (const NamedType& type : kNamedTypes) {
        if (type.name != name) continue;
        is_built_in = true;
        result = type.type;
      }
      for (const GenericType& type : kGenericTypes) {
        if (type.name != name) continue;
        is_built_in = true;
        expected = type.arguments;
      }
      if (name == "file") {
        diagnostics.report(Code::kNotSupported, written.span, "the type `file`")
            .labelled("files as values come later")
            .help("take the file's path as a `string`");
        home.type_refs[ref.index] = types::kUnknown;
        return types::kUnknown;
      }
    }
    if (!is_built_in) {
      const SymbolId symbol = resolve_type_path(module, named->path);
      if (symbol != kNone) result = program.symbols[symbol].type;
      if (symbol == kNone) expected = arguments.size();
    }
    // `Result<T, I>` is what a branch of `parallel for` over items of type I gives.
    const bool has_item = is_built_in && name == "Result" && arguments.size() == 2;
    if (arguments.size() != expected && !has_item) {
      diagnostics
          .report(Code::kTypeArguments, written.span, name, type_count(expected),
                  arguments.empty() ? std::string("none") : std::to_string(arguments.size()))
          .labelled(expected == 0   ? fmt::format("`{}` stands alone", name)
                    : expected == 1 ? fmt::format("say what is in it: `{}<string>`", name)
                                    : fmt::format("say what is in it: `{}<string, int>`", name));
      result = types::kUnknown;
    } else if (is_built_in && expected > 0) {
      const TypeId element = arguments.back();
      result = name == "list"     ? types.list(element)
               : name == "map"    ? types.map(arguments.front(), element)
               : name == "Result" ? types.result(arguments.front(), has_item ? element : kNone)
                                  : types.range(element);
    }
  }
  home.type_refs[ref.index] = result;
  return result;
}

// ---- What a declaration looks like from outside

std::vector<Field> ProgramChecker::resolve_fields(ModuleId module,
                                                  const std::vector<syntax::Field>& written) {
  std::vector<Field> result;
  result.reserve(written.size());
  const CheckedModule& home = *program.modules[module];
  for (const syntax::Field& field : written) {
    Field resolved;
    resolved.name = field.name.text;
    resolved.outer_name = outer_name_of(home.ast, field.name, field.outer_name);
    resolved.type = resolve_type(module, field.type);
    resolved.written = &field;
    for (size_t i = 0; i < result.size(); ++i) {
      if (result[i].name != resolved.name || resolved.name.empty() || resolved.name == "_")
        continue;
      diagnostics.report(Code::kDuplicateName, field.name.span, field.name.text)
          .labelled("this name is taken")
          .also(written[i].name.span, "declared first here")
          .help("give one of the two another name");
      resolved.name.clear();  // nobody can mean it, or needs to give it
    }
    result.push_back(std::move(resolved));
  }
  return result;
}

void ProgramChecker::resolve_callable(Symbol& symbol, const std::vector<syntax::Field>& parameters,
                                      syntax::TypeRefId result) {
  symbol.fields = resolve_fields(symbol.module, parameters);
  symbol.result = result.valid()  ? resolve_type(symbol.module, result)
                  : symbol.unsure ? types::kUnknown
                                  : types::kNothing;
  std::vector<TypeId> parameter_types;
  for (const Field& field : symbol.fields) parameter_types.push_back(field.type);
  symbol.type = types.function(std::move(parameter_types), symbol.result);
}

void ProgramChecker::resolve(SymbolId id) {
  if (progress_[id] == Progress::kDone) return;
  Symbol& symbol = program.symbols[id];
  if (!symbol.decl.valid()) return;
  if (progress_[id] == Progress::kUnderWay) {
    if (symbol.kind == Symbol::Kind::kConst) {
      diagnostics.report(Code::kRecursiveType, symbol.span, symbol.name)
          .labelled(fmt::format("the value of `{}` is made of itself", symbol.name))
          .help("write one of the constants' values out");
      progress_[id] = Progress::kDone;
    }
    return;
  }
  progress_[id] = Progress::kUnderWay;
  CheckedModule& module = *program.modules[symbol.module];
  const syntax::Decl& decl = module.ast[symbol.decl];
  if (const auto* record = std::get_if<syntax::RecordDecl>(&decl.node)) {
    symbol.fields = resolve_fields(symbol.module, record->fields);
  } else if (const auto* error = std::get_if<syntax::ErrorKindDecl>(&decl.node)) {
    symbol.fields = resolve_fields(symbol.module, error->fields);
  } else if (const auto* declared = std::get_if<syntax::EnumDecl>(&decl.node)) {
    for (const syntax::EnumDecl::Member& member : declared->members) {
      for (size_t i = 0; i < symbol.members.size(); ++i) {
        if (symbol.members[i].name != member.name.text || member.name.empty()) continue;
        diagnostics.report(Code::kDuplicateName, member.name.span, member.name.text)
            .labelled("this member is there already")
            .also(declared->members[i].name.span, "declared first here")
            .help("remove one of the two, or give it another name");
      }
      Symbol::Member resolved;
      resolved.name = member.name.text;
      resolved.outer_name = outer_name_of(module.ast, member.name, member.outer_name);
      resolved.payload = resolve_fields(symbol.module, member.payload);
      symbol.members.push_back(std::move(resolved));
    }
  } else if (const auto* function = std::get_if<syntax::FnDecl>(&decl.node)) {
    resolve_callable(symbol, function->params, function->result);
  } else if (const auto* runbook = std::get_if<syntax::RunbookDecl>(&decl.node)) {
    resolve_callable(symbol, runbook->params, runbook->result);
  } else if (const auto* action = std::get_if<syntax::ActionDecl>(&decl.node)) {
    resolve_callable(symbol, action->params, action->result);
  } else if (const auto* constant = std::get_if<syntax::ConstDecl>(&decl.node)) {
    if (constant->type.valid()) symbol.type = resolve_type(symbol.module, constant->type);
    BodyChecker(*this, module).check_constant(id);
  } else if (std::holds_alternative<syntax::CalendarDecl>(decl.node)) {
    BodyChecker(*this, module).check_calendar(id);
  }
  progress_[id] = Progress::kDone;
}

TypeId ProgramChecker::doubt_enum(TypeId output) {
  if (const auto known = doubts_.find(output); known != doubts_.end()) return known->second;
  Symbol symbol;
  symbol.kind = Symbol::Kind::kEnum;
  symbol.name = "Doubt";
  symbol.used = true;
  Symbol::Member done{"done", "done", {}};
  if (output != types::kNothing) done.payload.push_back({"output", "output", output, nullptr});
  symbol.members.push_back(std::move(done));
  symbol.members.push_back({"not_done", "not_done", {}});
  symbol.members.push_back({"unknown", "unknown", {}});
  const SymbolId id = add_symbol(std::move(symbol));
  const TypeId type = types.nominal(Shape::kEnum, id);
  program.symbols[id].type = type;
  doubts_.emplace(output, type);
  return type;
}

TypeId ProgramChecker::resolution_enum(TypeId output) {
  if (const auto known = resolutions_.find(output); known != resolutions_.end())
    return known->second;
  Symbol symbol;
  symbol.kind = Symbol::Kind::kEnum;
  symbol.name = "Resolution";
  symbol.used = true;
  Symbol::Member done{"done", "done", {}};
  if (output != types::kNothing) done.payload.push_back({"output", "output", output, nullptr});
  symbol.members.push_back({"retry", "retry", {}});
  symbol.members.push_back(std::move(done));
  symbol.members.push_back({"fail", "fail", {}});
  symbol.members.push_back({"leave", "leave", {}});
  const SymbolId id = add_symbol(std::move(symbol));
  const TypeId type = types.nominal(Shape::kEnum, id);
  program.symbols[id].type = type;
  resolutions_.emplace(output, type);
  return type;
}

bool ProgramChecker::holds_secret(TypeId type) {
  std::vector<SymbolId> seen;
  return holds_secret(type, seen);
}

bool ProgramChecker::holds_secret(TypeId type, std::vector<SymbolId>& seen) {
  const Type one = types[type];
  const auto any = [&](const std::vector<Field>& fields) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const Field& field) { return holds_secret(field.type, seen); });
  };
  switch (one.shape) {
    case Shape::kSecret:
    case Shape::kEnvironment:
      return true;
    case Shape::kResult:
      if (one.key != kNone && holds_secret(one.key, seen)) return true;
      [[fallthrough]];
    case Shape::kList:
    case Shape::kMap:
    case Shape::kOptional:
      return holds_secret(one.element, seen);
    case Shape::kRecord:
    case Shape::kErrorKind:
    case Shape::kEnum: {
      if (std::find(seen.begin(), seen.end(), one.symbol) != seen.end()) return false;
      seen.push_back(one.symbol);
      resolve(one.symbol);
      const Symbol& symbol = program.symbols[one.symbol];
      return any(symbol.fields) ||
             std::any_of(symbol.members.begin(), symbol.members.end(),
                         [&](const Symbol::Member& member) { return any(member.payload); });
    }
    default:
      return false;
  }
}

// ---- Types that would be infinitely large

bool ProgramChecker::contains(TypeId type, SymbolId wanted, std::vector<SymbolId>& seen) {
  const Type& one = types[type];
  if (one.shape != Shape::kRecord) return false;
  const SymbolId id = one.symbol;
  if (id == wanted) return true;
  if (std::find(seen.begin(), seen.end(), id) != seen.end()) return false;
  seen.push_back(id);
  resolve(id);
  const Symbol& symbol = program.symbols[id];
  return std::any_of(symbol.fields.begin(), symbol.fields.end(),
                     [&](const Field& field) { return contains(field.type, wanted, seen); });
}

void ProgramChecker::check_not_recursive(SymbolId id) {
  for (const Field& field : program.symbols[id].fields) {
    std::vector<SymbolId> seen;
    if (field.written == nullptr || !contains(field.type, id, seen)) continue;
    const Symbol& symbol = program.symbols[id];
    const CheckedModule& module = *program.modules[symbol.module];
    diagnostics.report(Code::kRecursiveType, module.ast[field.written->type].span, symbol.name)
        .labelled(fmt::format("so a `{}` could never be made", symbol.name))
        .help("make the field optional with `?`, or a list");
    return;
  }
}

// ---- Bodies

void ProgramChecker::check_annotations(ModuleId module, const syntax::Decl& decl) {
  static constexpr std::array<std::string_view, 3> kKnown = {"strict", "deprecated", "suppress"};
  for (const syntax::Annotation& annotation : decl.annotations) {
    const std::string& name = annotation.name.text;
    if (name == "suppress") check_suppressed(module, annotation);
    if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) continue;
    diagnostics.report(Code::kUnknownAnnotation, annotation.name.span, name)
        .labelled("the annotations are `@strict`, `@deprecated` and `@suppress`")
        .did_you_mean(annotation.name.span, nearest(name, {kKnown.begin(), kKnown.end()}));
  }
}

void ProgramChecker::check_suppressed(ModuleId id, const syntax::Annotation& annotation) {
  const CheckedModule& module = *program.modules[id];
  if (annotation.args.empty())
    diagnostics.report(Code::kMissingArgument, annotation.name.span, "@suppress", "RBK…")
        .labelled("which warning?")
        .help("add its code: `@suppress(RBK0302)`");
  for (const syntax::Argument& argument : annotation.args) {
    if (!argument.value.valid()) continue;
    const Span span = module.ast[argument.value].span;
    const std::string_view written = module.source->text(span);
    const auto code = diagnostics::find_code(written);
    if (code && diagnostics::info(*code).severity != diagnostics::Severity::kError) continue;
    if (code) {
      diagnostics.report(Code::kUnknownCode, span, written)
          .labelled("it is an error's")
          .help("an error has to be mended: only warnings are suppressed");
      continue;
    }
    std::vector<std::string> codes;  // an error is never suppressed
    for (const diagnostics::CodeInfo& one : diagnostics::kCodes) {
      if (one.severity != diagnostics::Severity::kError)
        codes.push_back(diagnostics::code_text(one.code));
    }
    diagnostics.report(Code::kUnknownCode, span, written)
        .labelled("this suppresses nothing")
        .help("`rbk explain` lists the codes")
        .did_you_mean(span, nearest(written, {codes.begin(), codes.end()}));
  }
}

void ProgramChecker::report_not_supported(const syntax::Decl& decl) {
  if (std::holds_alternative<syntax::TriggerDecl>(decl.node)) {
    const Span span{decl.span.begin, decl.name.empty() ? decl.span.end : decl.name.span.end,
                    decl.span.file};
    diagnostics.report(Code::kNotSupported, span, "`trigger`")
        .help("start the runbook by `rbk run` until then");
  } else if (const auto* native = std::get_if<syntax::NativeFnDecl>(&decl.node)) {
    const std::string& name = decl.name.text;
    diagnostics.report(Code::kNativeOutside, decl.name.span)
        .labelled("the machine brings nothing of this name")
        .help(
            native->receiver.valid()
                ? fmt::format("write a function that takes the value: `fn {}(of: …) {{ … }}`", name)
                : fmt::format("give it a body: `fn {}(…) {{ … }}`", name));
  }
}

void ProgramChecker::check_bodies(ModuleId id) {
  CheckedModule& module = *program.modules[id];
  BodyChecker body(*this, module);
  for (size_t i = 0; i < module.ast.decls.size(); ++i) {
    const syntax::DeclId decl_id = module.ast.decls[i];
    const syntax::Decl& decl = module.ast[decl_id];
    check_annotations(id, decl);
    report_not_supported(decl);
    const SymbolId symbol = module.decls[decl_id.index];
    if (symbol == kNone) continue;
    resolve(symbol);
    if (program.symbols[symbol].kind == Symbol::Kind::kRecord) check_not_recursive(symbol);
    body.check_declaration(symbol);
  }
}

void ProgramChecker::check_tests(ModuleId id) {
  CheckedModule& module = *program.modules[id];
  module.looked_at.assign(module.decls.size(), kNone);
  module.about = module.looked_at;
  BodyChecker body(*this, module);
  std::map<std::string, Span, std::less<>> titles;
  for (const syntax::DeclId decl : module.ast.decls) {
    const auto* test = std::get_if<syntax::TestDecl>(&module.ast[decl].node);
    if (test == nullptr && !std::holds_alternative<syntax::InvariantDecl>(module.ast[decl].node))
      continue;
    // The kinds of errors that exploration raises.
    if (const SymbolId core = standard_module("core"); core != kNone) module_of(core);
    body.check_test(decl);
    if (test == nullptr || !test->title.valid()) continue;
    const Span span = module.ast[test->title].span;
    const auto [first, is_new] = titles.emplace(module.source->text(span), span);
    if (!is_new)
      diagnostics.report(Code::kDuplicateTest, span, first->first)
          .labelled("again")
          .also(first->second, "the first of this name")
          .help("say what this one shows that the other does not");
  }
}

}  // namespace rbk::check
