// Which files a program consists of: imports, and the standard modules that are used.
#include <algorithm>
#include <array>

#include "base/spelling.h"
#include "compiler/check/program_checker.h"
#include "compiler/check/project_path.h"
#include "compiler/diagnostics/from_syntax.h"
#include "compiler/syntax/parse.h"

namespace rbk::check {
namespace {

using diagnostics::Code;

constexpr std::array<std::string_view, 7> kBuiltIn = {"now",    "random",  "run",  "log",
                                                      "secret", "secrets", "calls"};

/// Each `json { service }`, `approve { ticket }` gets the name that its entry stands for.
void complete_entries(syntax::Ast& ast) {
  const size_t count = ast.exprs.size();
  for (size_t i = 0; i < count; ++i) {
    if (!std::holds_alternative<syntax::BraceExpr>(ast.exprs[i].node)) continue;
    for (size_t j = 0;; ++j) {
      auto& brace = std::get<syntax::BraceExpr>(ast.exprs[i].node);
      if (j >= brace.entries.size()) break;
      const syntax::Entry& entry = brace.entries[j];
      if (entry.value.valid() || entry.name.empty()) continue;
      syntax::Expr name;
      name.span = entry.name.span;
      name.node = syntax::NameExpr{entry.name.text};
      const ExprId added = ast.add(std::move(name));
      std::get<syntax::BraceExpr>(ast.exprs[i].node).entries[j].value = added;
    }
  }
  for (syntax::Stmt& stmt : ast.stmts) {
    auto* given = std::get_if<syntax::GivenStmt>(&stmt.node);
    if (given == nullptr) continue;
    for (syntax::Entry& entry : given->entries) {
      if (entry.value.valid() || entry.name.empty()) continue;
      syntax::Expr name;
      name.span = entry.name.span;
      name.node = syntax::NameExpr{entry.name.text};
      entry.value = ast.add(std::move(name));
    }
  }
}

}  // namespace

std::string_view nearest(std::string_view name, std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  return nearest_name(name, names);
}

ModuleId ProgramChecker::add_module(std::string name, bool standard, const source::Source& source) {
  syntax::ParsedFile parsed = syntax::parse(source);
  for (const syntax::SyntaxError& error : parsed.errors) {
    diagnostics.add(diagnostics::from_syntax_error(error));
    syntax_errors_.push_back(error.span);
  }
  const auto id = static_cast<ModuleId>(program.modules.size());
  CheckedModule& module = *program.modules.emplace_back(std::make_unique<CheckedModule>());
  names_.emplace_back();
  module.id = id;
  module.name = std::move(name);
  module.standard = standard;
  module.source = &source;
  module.ast = std::move(parsed.ast);
  complete_entries(module.ast);
  module.exprs.resize(module.ast.exprs.size());
  module.stmts.resize(module.ast.stmts.size());
  module.patterns.resize(module.ast.patterns.size());
  module.type_refs.resize(module.ast.types.size());
  module.decls.resize(module.ast.all_decls.size(), kNone);
  return id;
}

void ProgramChecker::import_file(ModuleId importer, const syntax::Decl& decl) {
  const auto& written = std::get<syntax::ImportDecl>(decl.node);
  const CheckedModule& from = *program.modules[importer];
  const SymbolId symbol = find_declared(importer, decl.name.text);
  const std::optional<std::string> path = plain_text(from.ast, written.path);
  if (!path) {
    if (written.path.valid() &&
        std::holds_alternative<syntax::StringLit>(from.ast[written.path].node))
      diagnostics.report(Code::kImportComputed, from.ast[written.path].span)
          .labelled("a path with `${}` is not known when compiling")
          .help("write the path out: imports are files of the project");
    return;
  }
  const Span span = from.ast[written.path].span;
  const std::optional<std::string> joined = join_path(from.name, *path);
  if (!joined) {
    diagnostics.report(Code::kImportOutside, span, *path)
        .help("imports are files of the project: move the file into it");
    return;
  }
  if (const auto known = files_.find(*joined); known != files_.end()) {
    const auto open = std::find(import_stack_.begin(), import_stack_.end(), known->second);
    if (open != import_stack_.end()) {
      std::string circle;
      for (auto it = open; it != import_stack_.end(); ++it)
        circle += program.modules[*it]->name + " -> ";
      circle += *joined;
      // Told where the circle is entered: that is the file which somebody asked for.
      const auto place = static_cast<size_t>(open - import_stack_.begin()) + 1;
      const Span entered = place < import_spans_.size() ? import_spans_[place] : span;
      auto& report = diagnostics.report(Code::kImportCycle, entered, circle)
                         .labelled("this leads back to the file that it stands in");
      if (!(entered == span)) report.also(span, "this import closes the circle");
      report.help("move what both files need into a third one");
      return;
    }
    if (symbol != kNone) program.symbols[symbol].imported = known->second;
    return;
  }
  if (!options.read) {
    diagnostics.report(Code::kImportNotFound, span, *path)
        .labelled("there is no project to read files from")
        .help("check the file where it lies on disk");
    return;
  }
  Result<std::string> text = options.read(*joined);
  if (!text) {
    diagnostics.report(Code::kImportNotFound, span, *path)
        .labelled(text.error().message)
        .help(text.error().cure.empty()
                  ? fmt::format("an import is found from the importing file: this one is `{}`",
                                *joined)
                  : text.error().cure);
    return;
  }
  const source::Source& source = program.sources.add(*joined, std::move(*text));
  const ModuleId id = add_module(*joined, false, source);
  files_.emplace(*joined, id);
  if (symbol != kNone) program.symbols[symbol].imported = id;
  import_stack_.push_back(id);
  import_spans_.push_back(span);
  declare_all(id);
  import_stack_.pop_back();
  import_spans_.pop_back();
}

void ProgramChecker::declare_all(ModuleId module) {
  // Imports last: reading them may add modules, while names of this one are complete.
  const std::vector<syntax::DeclId> decls = program.modules[module]->ast.decls;
  for (const syntax::DeclId id : decls) {
    const SymbolId symbol = declare(module, id);
    program.modules[module]->decls[id.index] = symbol;
  }
  for (const syntax::DeclId id : decls) {
    const syntax::Decl& decl = program.modules[module]->ast[id];
    if (std::holds_alternative<syntax::ImportDecl>(decl.node)) import_file(module, decl);
  }
}

SymbolId ProgramChecker::standard_module(std::string_view name) {
  if (const auto known = standard_.find(name); known != standard_.end()) return known->second;
  for (const StandardModule& module : options.standard) {
    if (module.name != name) continue;
    Symbol symbol;
    symbol.kind = Symbol::Kind::kModule;
    symbol.name = std::string(name);
    symbol.module = kNone;
    symbol.used = true;
    const SymbolId id = add_symbol(std::move(symbol));
    standard_.emplace(module.name, id);
    return id;
  }
  return kNone;
}

ModuleId ProgramChecker::module_of(SymbolId symbol) {
  const Symbol& module = program.symbols[symbol];
  if (module.imported != kNone || module.module != kNone) return module.imported;
  for (const StandardModule& standard : options.standard) {
    if (standard.name != module.name) continue;
    const source::Source& source =
        program.sources.add(fmt::format("<{}>", standard.name), std::string(standard.text));
    const ModuleId id = add_module(std::string(standard.name), true, source);
    program.symbols[symbol].imported = id;
    declare_all(id);
    return id;
  }
  return kNone;
}

SymbolId ProgramChecker::find_declared(ModuleId module, std::string_view name) const {
  const auto& names = names_[module].names;
  const auto found = names.find(name);
  return found == names.end() ? kNone : found->second;
}

SymbolId ProgramChecker::find_top_level(ModuleId module, std::string_view name) {
  if (const SymbolId own = find_declared(module, name); own != kNone) return own;
  if (const auto known = built_in_.find(name); known != built_in_.end()) return known->second;
  for (const std::string_view built_in : kBuiltIn) {
    if (built_in != name) continue;
    Symbol symbol;
    symbol.kind = Symbol::Kind::kBuiltin;
    symbol.name = std::string(name);
    symbol.module = kNone;
    symbol.used = true;
    const SymbolId id = add_symbol(std::move(symbol));
    built_in_.emplace(built_in, id);
    return id;
  }
  if (const SymbolId standard = standard_module(name); standard != kNone && name != "core")
    return standard;
  const SymbolId core = standard_module("core");
  if (core == kNone) return kNone;
  const ModuleId id = module_of(core);
  return id == kNone || id == module ? kNone : find_declared(id, name);
}

std::vector<std::string_view> ProgramChecker::top_level_names(ModuleId module) const {
  std::vector<std::string_view> result = declared_names(module);
  for (const std::string_view built_in : kBuiltIn) result.push_back(built_in);
  for (const StandardModule& standard : options.standard) {
    if (standard.name != "core") result.push_back(standard.name);
  }
  if (const auto core = standard_.find("core"); core != standard_.end()) {
    const ModuleId id = program.symbols[core->second].imported;
    if (id != kNone) {
      for (const std::string_view name : declared_names(id)) result.push_back(name);
    }
  }
  return result;
}

std::vector<std::string_view> ProgramChecker::declared_names(ModuleId module) const {
  std::vector<std::string_view> result;
  for (const auto& [name, symbol] : names_[module].names) result.push_back(name);
  return result;
}

}  // namespace rbk::check
