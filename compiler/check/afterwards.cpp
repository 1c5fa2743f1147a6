// What can only be said once every body is checked: literals against `where`, names that nobody
// used, and which warnings the annotations take away.
#include <algorithm>

#include "compiler/check/program_checker.h"
#include "compiler/plan/evaluate.h"

namespace rbk::check {

using diagnostics::Code;

namespace {

/// The other parameters that the condition reads, with their values: "least = 3, most = 2".
std::string values_of_others(const CheckedModule& home, Span condition,
                             const std::vector<SymbolId>& parameters, SymbolId own,
                             const std::vector<plan::Value>& values) {
  std::string shown;
  for (size_t i = 0; i < parameters.size() && i < values.size(); ++i) {
    if (parameters[i] == own || !values[i].known()) continue;
    for (uint32_t id = 0; id < home.exprs.size(); ++id) {
      const Meaning* meaning = home.meaning(ExprId{id});
      if (meaning == nullptr || meaning->kind != Meaning::Kind::kSymbol ||
          meaning->symbol != parameters[i])
        continue;
      const Span span = home.ast[ExprId{id}].span;
      if (span.file != condition.file || span.begin < condition.begin || span.end > condition.end)
        continue;
      shown += fmt::format("{}{} = {}", shown.empty() ? "" : ", ", home.source->text(span),
                           values[i].written());
      break;
    }
  }
  return shown;
}

void check_form_default(ProgramChecker& all, const CheckedModule& module,
                        const syntax::ApprovalStmt& asked, const std::vector<SymbolId>& symbols) {
  const bool takes_all = asked.expires && asked.expires->then == syntax::Expiry::Then::kDefault;
  plan::Evaluator together(all.program, module);
  for (size_t i = 0; i < asked.form.size() && i + 1 < symbols.size(); ++i) {
    const syntax::Field& field = asked.form[i];
    plan::Value value;
    if (field.default_value.valid())
      value = plan::Evaluator(all.program, module).evaluate(field.default_value);
    else if (takes_all)
      value.shape = plan::Value::Shape::kNull;
    plan::Evaluator alone(all.program, module);
    alone.set(symbols[i + 1], value);
    together.set(symbols[i + 1], value);
    if (!field.default_value.valid()) continue;
    for (const syntax::Refinement& where : field.where) {
      const plan::Value holds = (takes_all ? together : alone).evaluate(where.condition);
      if (holds.shape != plan::Value::Shape::kBool || holds.number != 0) continue;
      all.diagnostics
          .report(Code::kDefaultOutsideWhere, module.ast[field.default_value].span, field.name.text)
          .labelled(fmt::format("`{}` does not hold for {}",
                                module.source->text(module.ast[where.condition].span),
                                value.written()))
          .also(where.span, "this is asked of it")
          .help("change one of the two");
      break;
    }
  }
}

/// The defaults of forms against their own `where`; where nobody has to answer, `then default`
/// takes all of them at once, and each sees the ones before it.
void check_form_defaults(ProgramChecker& all) {
  for (const auto& module : all.program.modules) {
    if (module->standard) continue;
    for (size_t i = 0; i < module->ast.stmts.size() && i < module->stmts.size(); ++i) {
      const auto* asked = std::get_if<syntax::ApprovalStmt>(&module->ast.stmts[i].node);
      if (asked != nullptr) check_form_default(all, *module, *asked, module->stmts[i].symbols);
    }
  }
}

}  // namespace

void ProgramChecker::check_refinements() {
  for (const PendingRefinement& pending : refinements) check_refinement(pending);
  check_form_defaults(*this);
}

void ProgramChecker::check_refinement(const PendingRefinement& pending) {
  const Symbol& callee = program.symbols[pending.callee];
  if (callee.module >= program.modules.size()) return;
  const CheckedModule& home = *program.modules[callee.module];
  const CheckedModule& from = *program.modules[pending.module];
  const bool is_member = pending.member != kNone;
  const auto& parameters =
      is_member ? callee.members[pending.member].parameters : callee.parameters;
  const std::vector<Field>& fields =
      is_member ? callee.members[pending.member].payload : callee.fields;
  plan::Evaluator evaluator(program, home);
  std::vector<plan::Value> values;
  for (uint32_t i = 0; i < parameters.size() && i < fields.size(); ++i) {
    const Field& field = fields[i];
    if (field.written == nullptr) return;
    const bool is_given = i < pending.arguments.size() && pending.arguments[i].valid();
    plan::Value value;
    if (is_given) {
      value = plan::Evaluator(program, from).evaluate(pending.arguments[i]);
    } else if (pending.own_default == kNone) {
      if (field.written->default_value.valid())
        value = evaluator.evaluate(field.written->default_value);
      else
        value.shape = plan::Value::Shape::kNull;
    }
    evaluator.set(parameters[i], value);
    values.push_back(value);
    if (!value.known() || (pending.own_default != kNone && pending.own_default != i)) continue;
    for (const syntax::Refinement& where : field.written->where) {
      const plan::Value holds = evaluator.evaluate(where.condition);
      if (holds.shape != plan::Value::Shape::kBool || holds.number != 0) continue;
      const Span asked = home.ast[where.condition].span;
      const std::string_view condition = home.source->text(asked);
      const std::string others = values_of_others(home, asked, parameters, parameters[i], values);
      if (!is_given && others.empty()) continue;  // told where the default is written
      const Span span = is_given ? from.ast[pending.arguments[i]].span : pending.span;
      const std::string with = others.empty() ? "" : ": " + others;
      if (pending.own_default != kNone)
        diagnostics.report(Code::kDefaultOutsideWhere, span, field.name)
            .labelled(fmt::format("`{}` does not hold for {}", condition, value.written()))
            .also(where.span, "this is asked of it")
            .help("change one of the two");
      else
        diagnostics
            .report(Code::kOutsideWhere, span, fmt::format("`{}`", value.written()), field.name)
            .labelled(fmt::format("`{}` does not hold for it{}", condition, with))
            .also(where.span, fmt::format("`{}` asks this of it", callee.name))
            .help(fmt::format("give a value for which `{}` holds", condition));
      break;
    }
  }
}

void ProgramChecker::check_defaults() {
  if (diagnostics.has_errors()) return;  // what is wrong has no value
  for (const PendingDefault& pending : defaults) {
    const CheckedModule& module = *program.modules[pending.module];
    if (module.standard || is_constant(module, pending.value)) continue;
    // A record or a member that is written out: then its own `where` is what can't be told.
    const Meaning* meaning = module.meaning(pending.value);
    const bool is_made =
        std::holds_alternative<syntax::BraceExpr>(module.ast[pending.value].node) ||
        (meaning != nullptr && meaning->kind == Meaning::Kind::kEnumMember);
    diagnostics
        .report(Code::kNotKnown, module.ast[pending.value].span,
                fmt::format("the default of `{}`", pending.field))
        .labelled(is_made ? "what is in it, or that it fits its `where`, is only known when it runs"
                          : "this is only known when it runs")
        .help("write the value out; or let the field be optional, and say by `??` what null means");
  }
}

/// Whether `lower` can make a constant of it (ProgramLowering::fold).
bool ProgramChecker::is_constant(const CheckedModule& module, ExprId value) const {
  const ExprInfo& info = module.info(value);
  const bool plain = info.convert == Convert::kNothing || info.convert == Convert::kUrlToString ||
                     info.convert == Convert::kToOptional || info.convert == Convert::kToJson;
  if (info.then != Convert::kNothing || !plain) return false;
  const auto& node = module.ast[value].node;
  const bool is_json = info.convert == Convert::kToJson;
  const auto each = [&](ExprId one) { return is_constant(module, one); };
  if (const auto* literal = std::get_if<syntax::StringLit>(&node)) return literal->is_plain_text();
  if (const auto* list = std::get_if<syntax::ListExpr>(&node))
    return !is_json && std::all_of(list->items.begin(), list->items.end(), each);
  if (const auto* range = std::get_if<syntax::RangeExpr>(&node))
    return !is_json && !range->half_open && each(range->low) && each(range->high);
  const Meaning* meaning = module.meaning(value);
  if (const auto* brace = std::get_if<syntax::BraceExpr>(&node)) {
    if (is_json) return false;
    if (brace->kind == syntax::BraceExpr::Kind::kMap)
      return std::all_of(brace->entries.begin(), brace->entries.end(), [&](const auto& entry) {
        return (!entry.key.valid() || each(entry.key)) && entry.value.valid() && each(entry.value);
      });
    return brace->kind == syntax::BraceExpr::Kind::kRecord && meaning != nullptr &&
           program.symbols[meaning->symbol].kind == Symbol::Kind::kRecord &&
           is_constant_record(module, *meaning);
  }
  if (meaning != nullptr && meaning->kind == Meaning::Kind::kEnumMember && meaning->symbol != kNone)
    return !is_json && is_constant_record(module, *meaning);
  if (std::holds_alternative<syntax::CallExpr>(node)) return false;
  if (meaning != nullptr && meaning->kind == Meaning::Kind::kEnumMember) return true;
  if (meaning != nullptr && meaning->kind == Meaning::Kind::kSecretByName) return true;
  if (meaning != nullptr && meaning->kind == Meaning::Kind::kSymbol &&
      program.symbols[meaning->symbol].kind == Symbol::Kind::kConst) {
    const Symbol& of = program.symbols[meaning->symbol];
    const CheckedModule& home = *program.modules.at(of.module);
    const auto* decl = std::get_if<syntax::ConstDecl>(&home.ast[of.decl].node);
    return decl != nullptr && is_constant(home, decl->value);
  }
  if (std::holds_alternative<syntax::NullLit>(node) ||
      std::holds_alternative<syntax::IntLit>(node) ||
      std::holds_alternative<syntax::FloatLit>(node) ||
      std::holds_alternative<syntax::BoolLit>(node) ||
      std::holds_alternative<syntax::DurationLit>(node) ||
      std::holds_alternative<syntax::SizeLit>(node))
    return true;
  const bool computes = std::holds_alternative<syntax::BinaryExpr>(node) ||
                        std::holds_alternative<syntax::UnaryExpr>(node);
  const plan::Value::Shape shape =
      computes ? plan::Evaluator(program, module).evaluate(value).shape : plan::Value::Shape::kNull;
  return shape == plan::Value::Shape::kInt || shape == plan::Value::Shape::kFloat ||
         shape == plan::Value::Shape::kBool;
}

/// Of a record, or a member of an enum with its payload.
bool ProgramChecker::is_constant_record(const CheckedModule& module, const Meaning& meaning) const {
  const Symbol& of = program.symbols[meaning.symbol];
  const bool is_member = meaning.kind == Meaning::Kind::kEnumMember;
  const auto& fields = is_member ? of.members.at(meaning.index).payload : of.fields;
  const auto& parameters = is_member ? of.members.at(meaning.index).parameters : of.parameters;
  if (fields.empty()) return true;
  const CheckedModule& home = *program.modules.at(of.module);
  plan::Evaluator evaluator(program, home);
  for (size_t i = 0; i < fields.size(); ++i) {
    const syntax::Field* written = fields[i].written;
    const bool is_given = i < meaning.arguments.size() && meaning.arguments[i].valid();
    const CheckedModule& from = is_given ? module : home;
    const ExprId value = is_given             ? meaning.arguments[i]
                         : written != nullptr ? written->default_value
                                              : ExprId{};
    plan::Value known;
    known.shape = plan::Value::Shape::kNull;
    if (value.valid()) {
      // A default that is none is told where it is written, and once.
      if (!is_constant(from, value)) return !is_given;
      known = plan::Evaluator(program, from).evaluate(value);
    }
    if (i >= parameters.size() || written == nullptr) continue;
    // What can't be told now is tested when it is made: a default is made when it is compiled.
    evaluator.set(parameters[i], known);
    for (const syntax::Refinement& where : written->where) {
      const plan::Value holds = evaluator.evaluate(where.condition);
      if (holds.shape != plan::Value::Shape::kBool || holds.number == 0) return false;
    }
  }
  return true;
}

bool ProgramChecker::gives_name(const CheckedModule& module, ExprId environment,
                                std::string_view name) const {
  const auto* brace = std::get_if<syntax::BraceExpr>(&module.ast[environment].node);
  if (brace == nullptr) return true;  // made elsewhere: it may well
  return std::any_of(brace->entries.begin(), brace->entries.end(), [&](const syntax::Entry& one) {
    if (one.name.text == name) return true;
    const auto* key =
        one.key.valid() ? std::get_if<syntax::StringLit>(&module.ast[one.key].node) : nullptr;
    return key != nullptr && key->is_plain_text() && !key->parts.empty() &&
           key->parts.front().text == name;
  });
}

void ProgramChecker::check_shell_names() {
  for (const ShellNameRead& read : shell_names) {
    const CheckedModule& module = *program.modules[read.module];
    const auto beside = command_environments.find({read.module, read.command.index});
    if (beside != command_environments.end()) {
      if (beside->second.valid() && gives_name(module, beside->second, read.name)) continue;
    } else {
      // A `Command` by itself: whoever runs it may say what is in its environment.
      bool is_given = false;
      for (uint32_t i = 0; i < module.ast.exprs.size() && !is_given; ++i) {
        const auto* brace = std::get_if<syntax::BraceExpr>(&module.ast.exprs[i].node);
        is_given = brace != nullptr && brace->kind == syntax::BraceExpr::Kind::kEnv &&
                   gives_name(module, ExprId{i}, read.name);
      }
      if (is_given) continue;
    }
    auto& report = diagnostics.report(Code::kShellVariable, read.span, read.name, read.name)
                       .labelled("the shell puts in what its environment has under this name");
    if (read.is_word && !read.is_secret)
      report
          .help(fmt::format("write `${{{}}}` for the runbook's value, or `\\${}` if the shell's is "
                            "meant",
                            read.name, read.name))
          .fix("put in the runbook's value", {{read.span, fmt::format("${{{}}}", read.name)}},
               diagnostics::Applicability::kMaybeIncorrect);
    else
      report.help(
          fmt::format("hand it over: `env: env {{ {}: {} }}`; or write `\\${}` if the "
                      "shell's own is meant",
                      read.name, read.name, read.name));
  }
}

void ProgramChecker::check_unused() {
  // A name that a mistake hides may well be used.
  std::vector<bool> has_errors(program.sources.size());
  diagnostics.for_each([&](const diagnostics::Diagnostic& one) {
    if (one.severity == diagnostics::Severity::kError && one.primary.file < has_errors.size())
      has_errors[one.primary.file] = true;
  });
  for (const Symbol& symbol : program.symbols) {
    if (symbol.used || symbol.module >= program.modules.size() || symbol.span.empty()) continue;
    const CheckedModule& module = *program.modules[symbol.module];
    if (module.standard || has_errors[module.source->id()]) continue;
    const bool is_local =
        symbol.kind == Symbol::Kind::kLocal || symbol.kind == Symbol::Kind::kParameter;
    const bool is_import = symbol.kind == Symbol::Kind::kModule;
    const bool is_private = symbol.decl.valid() && symbol.name.starts_with('_');
    if (!is_local && !is_import && !is_private) continue;
    auto& report =
        diagnostics.report(Code::kUnusedName, symbol.span, symbol.name)
            .labelled(symbol.kind == Symbol::Kind::kParameter ? "nobody reads this parameter"
                      : is_import                             ? "nothing of it is used"
                      : is_private ? "private, and used nowhere in this file"
                                   : "nobody reads it");
    if (is_import) {
      report.help("remove the import")
          .fix("remove the import", {{module.ast[symbol.decl].span, ""}});
    } else if (symbol.kind == Symbol::Kind::kLocal) {
      report.help(fmt::format("remove it, or call it `_{}` if that is meant", symbol.name))
          .fix(fmt::format("call it `_{}`", symbol.name),
               {{symbol.span, fmt::format("_{}", symbol.name)}},
               diagnostics::Applicability::kMaybeIncorrect);
    } else {
      report.help("remove it");
    }
  }
}

void ProgramChecker::apply_annotations() {
  struct Suppressed {
    Span span;
    Code code;
  };
  std::vector<Suppressed> suppressed;
  for (const auto& module : program.modules) {
    for (const syntax::DeclId id : module->ast.decls) {
      const syntax::Decl& decl = module->ast[id];
      for (const syntax::Annotation& annotation : decl.annotations) {
        if (annotation.name.text != "suppress") continue;
        for (const syntax::Argument& argument : annotation.args) {
          const std::string_view text = module->source->text(module->ast[argument.value].span);
          if (const auto code = diagnostics::find_code(text))
            suppressed.push_back({decl.span, *code});
        }
      }
    }
  }
  if (suppressed.empty()) return;
  diagnostics.remove_if([&](const diagnostics::Diagnostic& one) {
    return one.severity != diagnostics::Severity::kError &&
           std::any_of(suppressed.begin(), suppressed.end(), [&](const Suppressed& rule) {
             return rule.code == one.code && rule.span.file == one.primary.file &&
                    rule.span.begin <= one.primary.begin && one.primary.end <= rule.span.end;
           });
  });
}

}  // namespace rbk::check
