// What can only be said once every body is checked: literals against `where`, names that nobody
// used, and which warnings the annotations take away.
#include <algorithm>

#include "compiler/check/program_checker.h"
#include "compiler/plan/evaluate.h"

namespace rbk::check {

using diagnostics::Code;

void ProgramChecker::check_refinements() {
  for (const PendingRefinement& pending : refinements) {
    const Symbol& callee = program.symbols[pending.callee];
    if (callee.module >= program.modules.size()) continue;
    const CheckedModule& home = *program.modules[callee.module];
    const CheckedModule& from = *program.modules[pending.module];
    if (pending.parameter >= callee.parameters.size()) continue;
    const plan::Value value = plan::Evaluator(program, from).evaluate(pending.value);
    if (!value.known()) continue;
    plan::Evaluator evaluator(program, home);
    evaluator.set(callee.parameters[pending.parameter], value);
    const Field& field = callee.fields[pending.parameter];
    for (const syntax::Refinement& where : field.written->where) {
      const plan::Value holds = evaluator.evaluate(where.condition);
      if (holds.shape != plan::Value::Shape::kBool || holds.number != 0) continue;
      const std::string_view condition = home.source->text(home.ast[where.condition].span);
      const Span span = from.ast[pending.value].span;
      if (pending.is_default)
        diagnostics.report(Code::kDefaultOutsideWhere, span, field.name)
            .labelled(fmt::format("`{}` does not hold for {}", condition, value.written()))
            .also(where.span, "this is asked of it")
            .help("change one of the two");
      else
        diagnostics
            .report(Code::kOutsideWhere, span, fmt::format("`{}`", value.written()), field.name)
            .labelled(fmt::format("`{}` does not hold for it", condition))
            .also(where.span, fmt::format("`{}` asks this of it", callee.name))
            .help(fmt::format("give a value for which `{}` holds", condition));
    }
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
