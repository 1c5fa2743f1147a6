// Calls: which callable is meant, how arguments reach its parameters, whether it may act here.
#include <algorithm>
#include <array>

#include "compiler/check/body_checker.h"
#include "compiler/syntax/foreign.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

std::string count_text(size_t count) {
  return count == 0   ? std::string("no argument")
         : count == 1 ? std::string("one argument")
                      : fmt::format("{} arguments", count);
}

}  // namespace

std::string BodyChecker::shown_name(ExprId expr) const {
  if (const auto* name = std::get_if<syntax::NameExpr>(&ast_[expr].node)) return name->name;
  if (const auto* member = std::get_if<syntax::MemberExpr>(&ast_[expr].node))
    return shown_name(member->base) + "." + member->name.text;
  return std::string(source(span_of(expr)));
}

void BodyChecker::infer_arguments(const std::vector<syntax::Argument>& args) {
  for (const syntax::Argument& argument : args) infer(argument.value, types::kUnknown);
}

BodyChecker::Callee BodyChecker::callee_of(SymbolId symbol, std::string shown) {
  all_.resolve(symbol);
  Callee callee;
  callee.name = std::move(shown);
  const Symbol& called = program_.symbols[symbol];
  callee.declared = called.span;
  callee.unsure = called.unsure;
  for (const Field& field : called.fields) {
    const bool has_default = field.written != nullptr && field.written->default_value.valid();
    callee.parameters.push_back(
        {field.name, field.type,
         has_default || field.name.empty() || types_.is_optional(field.type)});
  }
  return callee;
}

/// `http.post(url, json { … })`: in the place of another parameter, what only `json:` can mean.
bool BodyChecker::needs_label(const Callee& callee, size_t index,
                              const syntax::Argument& argument) {
  const auto* brace = std::get_if<syntax::BraceExpr>(&ast_[argument.value].node);
  if (brace == nullptr) return false;
  const TypeId made = brace->kind == syntax::BraceExpr::Kind::kJson  ? types::kJson
                      : brace->kind == syntax::BraceExpr::Kind::kEnv ? types::kEnvironment
                                                                     : kNone;
  const TypeId here = types_.without_optional(callee.parameters[index].type);
  if (made == kNone || here == made || types_.is_silent(here)) return false;
  const Callee::Parameter* meant = nullptr;
  for (size_t i = index + 1; i < callee.parameters.size(); ++i) {
    if (types_.without_optional(callee.parameters[i].type) != made) continue;
    if (meant != nullptr) return false;
    meant = &callee.parameters[i];
  }
  if (meant == nullptr) return false;
  infer(argument.value, types::kUnknown);
  const Span span = span_of(argument.value);
  diagnostics_.report(Code::kWrongType, span, text(callee.parameters[index].type), text(made))
      .labelled(fmt::format("in this place stands `{}` of `{}`", callee.parameters[index].name,
                            callee.name))
      .help(fmt::format("write its label: `{}: {} {{ … }}`", meant->name, text(made)))
      .fix(fmt::format("put `{}:` before it", meant->name),
           {{{span.begin, span.begin, span.file}, fmt::format("{}: ", meant->name)}});
  return true;
}

std::vector<ExprId> BodyChecker::check_arguments(const Callee& callee,
                                                 const std::vector<syntax::Argument>& args,
                                                 Span call) {
  std::vector<ExprId> result(callee.parameters.size());
  if (callee.unsure) {
    infer_arguments(args);
    return result;
  }
  bool wrong = false;
  size_t position = 0;
  size_t too_many = 0;
  std::string_view last_label;
  const auto check = [&](size_t index, const syntax::Argument& argument) {
    const Callee::Parameter& parameter = callee.parameters[index];
    result[index] = argument.value;
    expect(argument.value, parameter.type,
           {Why::Kind::kArgument, parameter.name, callee.name, callee.declared});
  };
  for (const syntax::Argument& argument : args) {
    size_t index = callee.parameters.size();
    if (!argument.label.empty()) {
      last_label = argument.label.text;
      for (size_t i = 0; i < callee.parameters.size(); ++i) {
        if (callee.parameters[i].name == argument.label.text) index = i;
      }
      if (index == callee.parameters.size()) {
        std::vector<std::string_view> names;
        for (const auto& parameter : callee.parameters) names.push_back(parameter.name);
        const std::string_view near = nearest(argument.label.text, names);
        std::string listed;
        for (const std::string_view name : names)
          listed += fmt::format("{}`{}`", listed.empty() ? "" : ", ", name);
        diagnostics_
            .report(Code::kUnknownLabel, argument.label.span, callee.name, argument.label.text)
            .labelled(names.empty() ? std::string("it has no parameters")
                                    : fmt::format("it has {}", listed))
            .did_you_mean(argument.label.span, near);
        infer(argument.value, types::kUnknown);
        wrong = true;
        continue;
      }
    } else {
      if (!last_label.empty()) {
        diagnostics_.report(Code::kPositionalAfterLabel, argument.span, last_label)
            .labelled("which parameter is this for?")
            .help("put arguments without a label first, or give it its label");
        infer(argument.value, types::kUnknown);
        wrong = true;
        continue;
      }
      index = position++;
      if (index >= callee.parameters.size()) {
        infer(argument.value, types::kUnknown);
        ++too_many;
        continue;
      }
      if (needs_label(callee, index, argument)) {
        wrong = true;
        continue;
      }
    }
    if (result[index].valid()) {
      // Where two parameters have one name, that was told.
      const bool is_twice = std::any_of(callee.parameters.begin(), callee.parameters.end(),
                                        [](const auto& one) { return one.name.empty(); });
      if (!is_twice)
        diagnostics_.report(Code::kDuplicateArgument, argument.span, callee.parameters[index].name)
            .labelled("again")
            .also(span_of(result[index]), "given first here")
            .help("leave one of the two out");
      infer(argument.value, types::kUnknown);
      wrong = true;
      continue;
    }
    check(index, argument);
  }
  if (too_many > 0) {
    diagnostics_
        .report(Code::kWrongArgumentCount, call, callee.name, count_text(callee.parameters.size()),
                std::to_string(args.size()))
        .labelled(too_many == 1 ? "one too many" : fmt::format("{} too many", too_many));
    return result;
  }
  if (wrong) return result;
  for (size_t i = 0; i < callee.parameters.size(); ++i) {
    if (result[i].valid() || callee.parameters[i].optional) continue;
    diagnostics_.report(Code::kMissingArgument, call, callee.name, callee.parameters[i].name)
        .labelled(fmt::format("`{}` is `{}` and has no default", callee.parameters[i].name,
                              text(callee.parameters[i].type)))
        .help(fmt::format("add `{}: …`", callee.parameters[i].name));
  }
  return result;
}

bool BodyChecker::allow_effect(Span span, std::string_view what) {
  if (place_.code != Place::Code::kPure) return true;
  if (place_.impure_told) return false;
  diagnostics_.report(Code::kEffectInFn, span, what, place_.pure_in)
      .labelled("this depends on the world, or acts on it")
      .help("do it in the runbook, and hand the result in");
  return false;
}

/// A runbook for workers of its own has to be a run of its own.
void BodyChecker::check_called_here(ExprId expr, SymbolId symbol, std::string_view shown) {
  const Symbol& called = program_.symbols[symbol];
  const syntax::Ast& ast = program_.modules[called.module]->ast;
  const auto& decl = std::get<syntax::RunbookDecl>(ast[called.decl].node);
  if (!decl.worker.valid() || expr == launched_) return;
  diagnostics_.report(Code::kPlacedCall, span_of(expr), shown)
      .labelled("a call goes on where the caller does")
      .help(fmt::format("start it, which makes a run that its workers take up: `step NAME = start "
                        "{}(…)`",
                        shown));
}

void BodyChecker::check_effect(ExprId expr, SymbolId symbol, std::string_view shown) {
  const bool is_runbook = program_.symbols[symbol].kind == Symbol::Kind::kRunbook;
  if (is_runbook) check_called_here(expr, symbol, shown);
  switch (place_.code) {
    case Place::Code::kPure:
      if (place_.impure_told) return;
      diagnostics_
          .report(Code::kEffectInFn, span_of(expr), fmt::format("`{}` is called", shown),
                  place_.pure_in)
          .labelled(is_runbook ? "a runbook does things" : "an action acts on the world")
          .help("call it in a step of the runbook, and hand the result in");
      return;
    case Place::Code::kRunbook:
      if (expr != step_call_) report_outside_step(expr, symbol, shown);
      return;
    case Place::Code::kVerify: {
      if (is_runbook) {
        diagnostics_
            .report(Code::kVerifyWrites, span_of(expr), shown, "is a runbook, which may write")
            .help("ask by actions that read");
        return;
      }
      const Symbol& action = program_.symbols[symbol];
      const auto& decl =
          std::get<syntax::ActionDecl>(program_.modules[action.module]->ast[action.decl].node);
      if (declared_behaviour(decl) != 0 && expr != step_call_)
        diagnostics_.report(Code::kVerifyWrites, span_of(expr), shown, "writes")
            .help(
                "ask by actions that read; a call that does no more says so: "
                "`shell(…) reads`");
      return;
    }
    case Place::Code::kUndo:
    case Place::Code::kHandler:
      return;
  }
}

TypeId BodyChecker::infer_call(ExprId expr, const syntax::CallExpr& node, TypeId hint) {
  if (const auto* shorthand = std::get_if<syntax::ShorthandExpr>(&ast_[node.callee].node))
    return infer_shorthand(expr, shorthand->name, &node.args, hint);
  if (const auto* member = std::get_if<syntax::MemberExpr>(&ast_[node.callee].node)) {
    if (names_type(member->base)) return call_type_function(expr, node, *member);
    if (is_identifier_call(*member)) return call_identifier(expr, node);
    const Reference base = reference(member->base, After::kCall);
    if (base.is_wrong) {
      infer_arguments(node.args);
      return types::kUnknown;
    }
    if (base.is_value) return call_method(expr, node, *member);
    const Symbol& symbol = program_.symbols[base.symbol];
    if (symbol.kind == Symbol::Kind::kBuiltin)
      return call_emit(expr, node, symbol.name, member->name);
    if (symbol.kind == Symbol::Kind::kEnum)
      return enum_member(expr, base.symbol, member->name, &node.args);
    if (symbol.kind == Symbol::Kind::kModule) {
      const Reference found = reference(node.callee);
      if (found.is_wrong) {
        infer_arguments(node.args);
        return types::kUnknown;
      }
      if (found.is_value) return call_raw_command(expr, node);
      return call_symbol(expr, node, found.symbol);
    }
    infer_arguments(node.args);
    if (!member->name.empty())
      diagnostics_.report(Code::kUnknownMethod, member->name.span, symbol.name, member->name.text)
          .labelled(fmt::format("`{}` is {}", symbol.name, ProgramChecker::kind_text(symbol)));
    return types::kUnknown;
  }
  if (std::holds_alternative<syntax::NameExpr>(ast_[node.callee].node)) {
    const Reference callee = reference(node.callee);
    if (callee.is_wrong) {
      infer_arguments(node.args);
      return types::kUnknown;
    }
    if (!callee.is_value) return call_symbol(expr, node, callee.symbol);
  }
  const TypeId type = infer(node.callee);
  if (types_.is(type, Shape::kFunction)) return call_closure(expr, node, type);
  infer_arguments(node.args);
  if (!types_.is_silent(type))
    diagnostics_
        .report(Code::kNotCallable, span_of(node.callee), source(span_of(node.callee)),
                fmt::format("`{}`", text(type)))
        .labelled("only functions, actions and runbooks are called");
  return types::kUnknown;
}

/// The `int` of `int.parse(…)`, where nothing else is called so.
bool BodyChecker::names_type(ExprId base) const {
  const auto* name = std::get_if<syntax::NameExpr>(&ast_[base].node);
  return name != nullptr && Signatures::has_type_functions(name->name) &&
         scopes_.find(name->name) == kNone && all_.find_top_level(module_.id, name->name) == kNone;
}

TypeId BodyChecker::call_type_function(ExprId expr, const syntax::CallExpr& node,
                                       const syntax::MemberExpr& callee) {
  const std::string owner(source(span_of(callee.base)));
  const Signature* found = all_.signatures.find_type_function(owner, callee.name.text);
  if (found == nullptr) {
    infer_arguments(node.args);
    if (callee.name.empty()) return types::kUnknown;
    diagnostics_.report(Code::kUnknownMethod, callee.name.span, owner, callee.name.text)
        .labelled("the type itself has no function of this name")
        .did_you_mean(callee.name.span,
                      nearest(callee.name.text, Signatures::type_functions(owner)));
    return types::kUnknown;
  }
  Callee called;
  called.name = source(span_of(node.callee));
  for (const auto& [parameter, type] : found->parameters)
    called.parameters.push_back({parameter, type, false});
  std::vector<ExprId> arguments = check_arguments(called, node.args, span_of(expr));
  Meaning& meaning = mean(expr, Meaning::Kind::kCallTypeFunction);
  meaning.native = found->native;
  meaning.arguments = std::move(arguments);
  return found->result;
}

TypeId BodyChecker::call_symbol(ExprId expr, const syntax::CallExpr& node, SymbolId id) {
  const Symbol* symbol = &program_.symbols[id];
  std::string shown = shown_name(node.callee);
  if (symbol->kind == Symbol::Kind::kModule) {
    // `shell(…)` is the action of the module's own name.
    const ModuleId home = all_.module_of(id);
    const SymbolId own = home == kNone ? kNone : all_.find_declared(home, symbol->name);
    if (own != kNone) {
      id = own;
      symbol = &program_.symbols[id];
      use(id, span_of(node.callee));
      mean(node.callee, Meaning::Kind::kSymbol).symbol = id;
    }
  }
  switch (symbol->kind) {
    case Symbol::Kind::kFunction:
    case Symbol::Kind::kRunbook:
    case Symbol::Kind::kAction:
      break;
    case Symbol::Kind::kBuiltin:
      return call_built_in(expr, node, id);
    default: {
      infer_arguments(node.args);
      auto& report = diagnostics_.report(Code::kNotCallable, span_of(node.callee), shown,
                                         ProgramChecker::kind_text(*symbol));
      report.labelled("only functions, actions and runbooks are called");
      if (symbol->kind == Symbol::Kind::kRecord || symbol->kind == Symbol::Kind::kErrorKind)
        report.help(fmt::format("make one with braces: `{} {{ field: … }}`", shown));
      return types::kUnknown;
    }
  }
  if (in_test() && symbol->kind != Symbol::Kind::kFunction) return call_tested(expr, node, id);
  const Callee callee = callee_of(id, std::move(shown));
  if (symbol->kind != Symbol::Kind::kFunction) check_effect(expr, id, callee.name);
  std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
  for (uint32_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].valid()) use_field(symbol->fields[i], symbol->module, span_of(arguments[i]));
  }
  note_environment(arguments);
  note_refined(id, kNone, symbol->fields, arguments, span_of(expr));
  mean(node.callee, Meaning::Kind::kSymbol).symbol = id;
  Meaning& meaning =
      mean(expr, symbol->kind == Symbol::Kind::kFunction  ? Meaning::Kind::kCallFunction
                 : symbol->kind == Symbol::Kind::kRunbook ? Meaning::Kind::kCallRunbook
                                                          : Meaning::Kind::kCallAction);
  meaning.symbol = id;
  meaning.arguments = std::move(arguments);
  return symbol->result == kNone ? types::kUnknown : symbol->result;
}

TypeId BodyChecker::call_built_in(ExprId expr, const syntax::CallExpr& node, SymbolId id) {
  const std::string& name = program_.symbols[id].name;
  if (name == "now") {
    allow_effect(span_of(expr), "`now()`");
    check_arguments({"now", {}, {}}, node.args, span_of(expr));
    mean(expr, Meaning::Kind::kCallNow);
    return types::kTime;
  }
  if (name == "random") return call_random(expr, node);
  if (in_test() && name == "calls") return call_calls(expr, node);
  if (in_test() && name == "secret") return call_secret(expr, node);
  if (name != "calls") infer_arguments(node.args);
  if (name == "secret" || name == "calls") {
    diagnostics_.report(Code::kOutsideTest, span_of(expr), fmt::format("{}(…)", name))
        .labelled(name == "secret" ? "a secret is never written in a runbook"
                                   : "only tests see what was called")
        .help(name == "secret" ? "take it as a parameter of type `secret`" : "");
    return name == "secret" ? types::kSecret : types::kUnknown;
  }
  diagnostics_.report(Code::kNotCallable, span_of(node.callee), name, "a module")
      .labelled(
          fmt::format("call something of it: `{}.{}(…)`", name, name == "log" ? "info" : "label"));
  return types::kUnknown;
}

/// `random()` is from 0 to below 1, `random(1..6)` one of a range's.
TypeId BodyChecker::call_random(ExprId expr, const syntax::CallExpr& node) {
  allow_effect(span_of(expr), "`random()`");
  std::vector<ExprId> arguments =
      check_arguments({"random", {{"of", types::kUnknown, true}}, {}}, node.args, span_of(expr));
  const bool has_range = !arguments.empty() && arguments.front().valid();
  const TypeId range = has_range ? info(arguments.front()).type : kNone;
  mean(expr, Meaning::Kind::kCallRandom).arguments = std::move(arguments);
  if (!has_range) return types::kFloat;
  if (types_.is(range, Shape::kRange)) return types_.element(range);
  if (!types_.is_silent(range))
    diagnostics_
        .report(Code::kWrongType, span_of(node.args.front().value), "range<int>", text(range))
        .labelled("`random` draws from a range")
        .help(types_.is(range, Shape::kList)
                  ? fmt::format("draw a place in it: `{0}[random(0..<{0}.length)]`",
                                source(span_of(node.args.front().value)))
                  : std::string("write both ends: `random(1..6)`"));
  return types::kUnknown;
}

TypeId BodyChecker::call_emit(ExprId expr, const syntax::CallExpr& node, std::string_view module,
                              const syntax::Name& name) {
  struct Emit {
    std::string_view module;
    std::string_view name;
    std::array<std::pair<std::string_view, TypeId>, 2> parameters;
    size_t count;
  };
  static constexpr std::array<Emit, 8> kEmits = {{
      {"log", "info", {{{"message", types::kString}, {}}}, 1},
      {"log", "warn", {{{"message", types::kString}, {}}}, 1},
      {"log", "error", {{{"message", types::kString}, {}}}, 1},
      {"log", "debug", {{{"message", types::kString}, {}}}, 1},
      {"run", "note", {{{"text", types::kString}, {}}}, 1},
      {"run", "attach", {{{"path", types::kString}, {}}}, 1},
      {"run", "progress", {{{"done", types::kInt}, {"total", types::kInt}}}, 2},
      {"run", "label", {{{"name", types::kString}, {"value", types::kString}}}, 2},
  }};
  std::vector<std::string_view> names;
  for (const Emit& emit : kEmits) {
    if (emit.module != module) continue;
    names.push_back(emit.name);
    if (emit.name != name.text) continue;
    Callee callee;
    callee.name = fmt::format("{}.{}", module, name.text);
    for (size_t i = 0; i < emit.count; ++i)
      callee.parameters.push_back({emit.parameters[i].first, emit.parameters[i].second, false});
    allow_effect(span_of(expr), fmt::format("`{}`", callee.name));
    std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
    Meaning& meaning = mean(expr, Meaning::Kind::kCallEmit);
    meaning.native = callee.name;
    meaning.arguments = std::move(arguments);
    return types::kNothing;
  }
  infer_arguments(node.args);
  if (!name.empty())
    diagnostics_.report(Code::kUnknownInModule, name.span, module, name.text)
        .labelled("no function of this name")
        .did_you_mean(name.span, nearest(name.text, std::move(names)));
  return types::kUnknown;
}

bool BodyChecker::is_identifier_call(const syntax::MemberExpr& callee) const {
  const auto* base = std::get_if<syntax::NameExpr>(&ast_[callee.base].node);
  const bool is_meant =
      callee.name.text == "ident" || !nearest(callee.name.text, {"ident"}).empty();
  return base != nullptr && base->name == "sql" && is_meant && scopes_.find(base->name) == kNone &&
         all_.find_top_level(module_.id, base->name) == kNone;
}

/// `sql.ident(name)`: a name in a query, quoted so that it is one whatever it holds.
TypeId BodyChecker::call_identifier(ExprId expr, const syntax::CallExpr& node) {
  const syntax::Name& name = std::get<syntax::MemberExpr>(ast_[node.callee].node).name;
  if (name.text != "ident") {
    infer_arguments(node.args);
    diagnostics_.report(Code::kUnknownInModule, name.span, "sql", name.text)
        .labelled("no function of this name")
        .did_you_mean(name.span, "ident");
    return types::kUnknown;
  }
  std::vector<ExprId> arguments = check_arguments(
      {"sql.ident", {{"name", types::kString, false}}, {}}, node.args, span_of(expr));
  mean(expr, Meaning::Kind::kCallIdentifier).arguments = std::move(arguments);
  return types::kQuery;
}

TypeId BodyChecker::call_raw_command(ExprId expr, const syntax::CallExpr& node) {
  Callee callee{"shell.raw", {{"text", types::kString, false}}, {}};
  std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
  diagnostics_.report(Code::kRawCommand, span_of(expr), "shell.raw")
      .labelled("whatever is in this text, the shell does")
      .help("write the command in place with `${}` for its values where that is possible");
  Meaning& meaning = mean(expr, Meaning::Kind::kCallRawCommand);
  meaning.arguments = std::move(arguments);
  return types::kCommand;
}

TypeId BodyChecker::call_closure(ExprId expr, const syntax::CallExpr& node, TypeId function) {
  Callee callee;
  callee.name = shown_name(node.callee);
  const std::vector<TypeId> parameters = types_[function].parameters;
  const TypeId result = types_.element(function);
  for (const TypeId parameter : parameters) callee.parameters.push_back({{}, parameter, false});
  std::vector<ExprId> arguments = check_arguments(callee, node.args, span_of(expr));
  mean(expr, Meaning::Kind::kCallClosure).arguments = std::move(arguments);
  return result;
}

// ---- Methods

namespace {

/// "a list of strings": whose values have the function.
std::string_view receivers_text(const TypeTable& types, const Signature& signature) {
  using Shape = Type::Shape;
  const TypeId element = types.element(signature.receiver);
  switch (types.shape(element)) {
    case Shape::kString:
      return "a list of strings";
    case Shape::kList:
      return "a list of lists";
    case Shape::kResult:
      return "a list of results";
    default:
      break;
  }
  switch (static_cast<Variable>(types[element].symbol)) {
    case Variable::kOrdered:
      return "a list of what has an order";
    case Variable::kComparable:
      return "a list of what can be compared";
    default:
      return "a list of numbers, durations or sizes";
  }
}

}  // namespace

bool BodyChecker::fits_receiver(const Signature& signature, TypeId receiver, Span span,
                                Bindings& bindings) {
  if (bindings.bind(signature.receiver, receiver)) return true;
  const std::string_view name =
      std::string_view(signature.native).substr(signature.native.find('.') + 1);
  auto& report = diagnostics_.report(Code::kOperatorType, span, name, text(receiver))
                     .labelled(fmt::format("it works on {}", receivers_text(types_, signature)));
  if (name == "join") report.help("make them text first: `.map(fn(x) => \"${x}\")`");
  if (name == "sort") report.help("say by what: `.sort_by(fn(x) => x.name)`");
  return false;
}

TypeId BodyChecker::call_method(ExprId expr, const syntax::CallExpr& node,
                                const syntax::MemberExpr& callee) {
  TypeId receiver = infer(callee.base);
  const syntax::Name& name = callee.name;
  if (types_.is_silent(receiver) || name.empty()) {
    infer_arguments(node.args);
    return types::kUnknown;
  }
  const bool chained = callee.optional && types_.is_optional(receiver);
  if (types_.is_optional(receiver)) {
    if (!callee.optional && !in_test()) {
      report_null_receiver(callee.base, receiver, name);
      infer_arguments(node.args);
      return types::kUnknown;
    }
    receiver = types_.element(receiver);
  } else if (callee.optional) {
    report_needless_question(callee.base, receiver, name);
  }
  const std::string_view type_name = receiver_name(types_.shape(receiver));
  TypeId result = types::kUnknown;
  if (const Signature* signature = all_.signatures.find(type_name, name.text)) {
    if (signature->property) {
      infer_arguments(node.args);
      const Span brackets{name.span.end, span_of(expr).end, name.span.file};
      auto& report = diagnostics_.report(Code::kNotCallable, name.span, name.text, "a property")
                         .labelled("it is read without parentheses")
                         .help(fmt::format("write `{}`", name.text));
      if (node.args.empty()) report.fix("remove the parentheses", {{brackets, ""}});
      return types::kUnknown;
    }
    Bindings bindings(types_);
    if (!fits_receiver(*signature, receiver, name.span, bindings)) {
      infer_arguments(node.args);
      return types::kUnknown;
    }
    Callee called;
    called.name = name.text;
    for (const auto& [parameter, type] : signature->parameters)
      called.parameters.push_back({parameter, bindings.substitute(type), false});
    std::vector<ExprId> arguments = check_arguments(called, node.args, span_of(expr));
    const auto loop = Signatures::loop(type_name, name.text);
    if (loop && !learn_from_function(*signature, arguments, bindings)) return types::kUnknown;
    result = bindings.substitute(signature->result);
    Meaning& meaning = mean(expr, loop ? Meaning::Kind::kCallLoop : Meaning::Kind::kCallNative);
    if (loop) meaning.loop = *loop;
    meaning.native = loop ? name.text : signature->native;
    meaning.arguments = std::move(arguments);
  } else {
    infer_arguments(node.args);
    if (receiver == types::kSecret) {
      refuse_secret(callee.base, receiver, "a function");
      return types::kUnknown;
    }
    if (types_.is(receiver, Shape::kRecord) || types_.is(receiver, Shape::kForm) ||
        types_.is(receiver, Shape::kErrorKind)) {
      const SymbolId owner = types_[receiver].symbol;
      if (owner != kNone) all_.resolve(owner);
    }
    const std::vector<std::string_view> names = Signatures::members(type_name);
    auto& report = diagnostics_.report(Code::kUnknownMethod, name.span, text(receiver), name.text);
    report.labelled("no function of this name");
    const std::string_view ours = syntax::member_instead_of(name.text);
    const Signature* known = ours.empty() ? nullptr : all_.signatures.find(type_name, ours);
    if (known != nullptr && known->property && node.args.empty())
      report.help(fmt::format("write `.{}`, without parentheses", ours))
          .fix(fmt::format("write `.{}`", ours),
               {{{name.span.begin, span_of(expr).end, name.span.file}, std::string(ours)}});
    else
      report.did_you_mean(name.span, known != nullptr ? ours : nearest(name.text, names));
    return types::kUnknown;
  }
  return chained ? types_.optional(result) : result;
}

/// What the given function makes is what the signature's result is made of.
bool BodyChecker::learn_from_function(const Signature& signature,
                                      const std::vector<ExprId>& arguments, Bindings& bindings) {
  const TypeId declared = types_.element(signature.parameters.front().second);
  if (arguments.empty() || !arguments.front().valid() || !bindings.is_open(declared)) return true;
  const Span span = span_of(arguments.front());
  const std::string name = signature.native.substr(signature.native.find('.') + 1);
  const TypeId function = info(arguments.front()).value_type;
  const TypeId given =
      types_.is(function, Shape::kFunction) ? types_.element(function) : types::kUnknown;
  if (given == types::kNothing) {
    diagnostics_.report(Code::kNoValue, span, "value")
        .labelled(fmt::format("`{}` needs what this `fn` gives", name))
        .help("end it with `return`");
    return false;
  }
  if (bindings.bind(declared, given)) return true;
  if (types_.is(declared, Shape::kList)) {
    diagnostics_.report(Code::kWrongType, span, "list", text(given))
        .labelled(fmt::format("`{}` joins the lists that this `fn` gives", name))
        .help("for one value each there is `map`");
    return false;
  }
  diagnostics_.report(Code::kOperatorType, span, name, text(given))
      .labelled("this gives values without an order")
      .help("give a number, text, time, duration or size");
  return true;
}

}  // namespace rbk::check
