// One run of the checker over a program: its modules, their declarations, and what all bodies
// share. Bodies are checked by BodyChecker. Used by check() only.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/check/checked.h"
#include "compiler/check/signatures.h"
#include "compiler/check/type_table.h"

namespace rbk::effects {
struct Clash;
struct HeldWait;
struct LockOrder;
}  // namespace rbk::effects

namespace rbk::check {

/// The types without type arguments that are always there.
struct NamedType {
  std::string_view name;
  TypeId type;
};

/// Values for parameters, or fields, whose `where`s are looked at once every body is checked.
struct PendingRefinement {
  SymbolId callee = kNone;  // or a record, an enum
  uint32_t member = kNone;  // of an enum
  ModuleId module = 0;      // of the values
  Span span;                // of all of it
  /// By parameter; not valid: its default, or null.
  std::vector<ExprId> arguments;
  /// The parameter whose own default alone is looked at; kNone: what is given.
  uint32_t own_default = kNone;
};

/// The default of a field of a record or an enum's member, which has to be known when compiling.
struct PendingDefault {
  ModuleId module = 0;
  ExprId value;
  std::string field;
};

/// A name of the runbook that a command's text reads as a variable of the shell.
struct ShellNameRead {
  ModuleId module = 0;
  ExprId command;  // the literal
  std::string name;
  Span span;
  bool is_word = false;    // `${name}` may stand there
  bool is_secret = false;  // then it may not
};

/// A wait for a signal, and what it expects of it.
struct AwaitedSignal {
  std::string name;
  TypeId type = 0;
  Span span;
};

class ProgramChecker {
 public:
  ProgramChecker(CheckedProgram& checked, const Options& given);

  void run(std::string path, std::string text);

  CheckedProgram& program;
  const Options& options;
  TypeTable types;
  Signatures signatures;
  diagnostics::Diagnostics& diagnostics;
  std::vector<PendingRefinement> refinements;
  std::vector<AwaitedSignal> signals;
  std::vector<PendingDefault> defaults;
  std::vector<ShellNameRead> shell_names;
  /// Of a command's literal that is an argument: the environment beside it; not valid: none.
  std::map<std::pair<ModuleId, uint32_t>, ExprId> command_environments;

  // ---- Modules (modules.cpp)

  /// The symbol that stands for a standard module, or kNone. It is not parsed by that.
  SymbolId standard_module(std::string_view name);
  /// The module behind a kModule symbol; parsed now if it was not yet. kNone if it can't be read.
  ModuleId module_of(SymbolId symbol);
  /// A top-level name of that module itself, or kNone.
  SymbolId find_declared(ModuleId module, std::string_view name) const;
  /// What a name at the top level of the module means: its own, a built-in one, a standard module,
  /// one of module core. kNone if there is none.
  SymbolId find_top_level(ModuleId module, std::string_view name);
  /// Every name that find_top_level finds without parsing more.
  std::vector<std::string_view> top_level_names(ModuleId module) const;
  std::vector<std::string_view> declared_names(ModuleId module) const;

  // ---- Declarations (declarations.cpp)

  SymbolId add_symbol(Symbol symbol);
  /// Makes sure that the symbol's fields, members, parameters, result and type are known.
  void resolve(SymbolId symbol);
  /// Resolves a written type and keeps it in the module's `type_refs`. kUnknown after an error.
  TypeId resolve_type(ModuleId module, syntax::TypeRefId ref);
  /// The type of that path of names: `http.Response`. kNone and an error if there is none.
  SymbolId resolve_type_path(ModuleId module, const syntax::Path& path);
  /// The built-in enum of a verify block whose step's output has this type (kNothing: none).
  TypeId doubt_enum(TypeId output);
  /// What a person says of a failed step that gives `output`: `.retry`, `.done(output)`, `.fail`,
  /// `.leave`.
  TypeId resolution_enum(TypeId output);

  /// A secret, or something that has one in it.
  bool holds_secret(TypeId type);

  /// "a runbook", "an enum"… of a symbol, for messages.
  static std::string_view kind_text(const Symbol& symbol);
  static std::vector<std::string_view> built_in_types();

 private:
  struct ModuleNames {
    std::unordered_map<std::string_view, SymbolId> names;
  };
  enum class Progress : uint8_t { kNotYet, kUnderWay, kDone };

  ModuleId add_module(std::string name, bool standard, const source::Source& source);
  void import_file(ModuleId importer, const syntax::Decl& decl);
  void declare_all(ModuleId module);
  SymbolId declare(ModuleId module, syntax::DeclId decl);
  void check_bodies(ModuleId module);
  void check_tests(ModuleId module);
  void check_annotations(ModuleId module, const syntax::Decl& decl);
  void check_suppressed(ModuleId module, const syntax::Annotation& annotation);
  void report_not_supported(const syntax::Decl& decl);
  std::vector<Field> resolve_fields(ModuleId module, const std::vector<syntax::Field>& written);
  void resolve_callable(Symbol& symbol, const std::vector<syntax::Field>& parameters,
                        syntax::TypeRefId result);
  void check_not_recursive(SymbolId symbol);
  bool contains(TypeId type, SymbolId wanted, std::vector<SymbolId>& seen);
  bool holds_secret(TypeId type, std::vector<SymbolId>& seen);
  void check_refinements();
  void check_refinement(const PendingRefinement& pending);
  void check_defaults();
  bool is_constant(const CheckedModule& module, ExprId value) const;
  bool is_constant_record(const CheckedModule& module, const Meaning& meaning) const;
  void check_shell_names();
  bool gives_name(const CheckedModule& module, ExprId environment, std::string_view name) const;
  void check_signals();
  void check_unused();
  /// What only shows when runbooks are followed into each other (effects.cpp, lock_order.cpp).
  void check_effects();
  void report_clash(const effects::Clash& clash);
  void report_held_wait(const effects::HeldWait& wait);
  void report_lock_orders(const std::vector<effects::LockOrder>& orders);
  void check_never_changes();
  void apply_annotations();
  void drop_what_follows_from_syntax();
  void drop_repeated_names();
  const CheckedModule* module_in(source::FileId file) const;
  /// The top-level declaration that a place lies in; the place itself if there is none.
  Span declaration_around(Span place) const;
  /// Names of the wrong case get the fix that renames them, where all their uses are known.
  void add_renames();

  std::vector<ModuleNames> names_;                           // by module
  std::vector<Progress> progress_;                           // by symbol
  std::unordered_map<std::string_view, SymbolId> built_in_;  // by name, when first used
  std::unordered_map<std::string_view, SymbolId> standard_;  // by name, when first used
  std::unordered_map<std::string, ModuleId> files_;          // by path
  std::vector<Span> syntax_errors_;
  std::vector<ModuleId> import_stack_;              // files being read, outermost first
  std::vector<Span> import_spans_;                  // by which import each of them is read
  std::unordered_map<TypeId, TypeId> doubts_;       // by output
  std::unordered_map<TypeId, TypeId> resolutions_;  // likewise
};

/// The nearest of the names, whatever order they come in.
std::string_view nearest(std::string_view name, std::vector<std::string_view> names);

}  // namespace rbk::check
