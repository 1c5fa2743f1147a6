// What is common to all functions of a program that is being lowered: its tables, each entry once,
// and the functions that are still to be lowered. One use, one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "compiler/check/checked.h"
#include "compiler/lower/function_builder.h"
#include "compiler/lower/test_program.h"
#include "vm/bytecode/program.h"

namespace rbk::lower {

using check::CheckedModule;
using check::SymbolId;
using source::Span;
using syntax::ExprId;

class ProgramLowering {
 public:
  explicit ProgramLowering(const check::CheckedProgram& checked);

  Result<bytecode::Program> run();
  /// With the schedule's runbook; `with_arguments`: and its arguments as that one's defaults.
  Result<bytecode::Program> run_schedule(const check::Schedule& schedule, bool with_arguments);
  /// With the given tests of the main file, all of its invariants, and calls of these runbooks made
  /// as those of actions.
  Result<TestProgram> run_tests(const std::vector<syntax::DeclId>& tests,
                                std::unordered_set<SymbolId> replaced);

  const check::CheckedProgram& checked() const { return checked_; }
  const check::Symbol& symbol(SymbolId id) const { return checked_.symbol(id); }
  const check::Type& checked_type(check::TypeId id) const { return checked_.type(id); }
  const CheckedModule& module_of(SymbolId id) const {
    return *checked_.modules.at(symbol(id).module);
  }

  // ---- Types (types.cpp)
  bytecode::TypeId type(check::TypeId id);
  /// Of a value of this type in a register.
  Kind kind(check::TypeId id) const;
  bytecode::TypeId type_of(bytecode::Type type);
  const bytecode::Type& type_at(bytecode::TypeId id) const { return program_.types[id]; }
  bytecode::TypeId string_type() { return shape_type(bytecode::Type::Shape::kString); }
  bytecode::TypeId json_type() { return shape_type(bytecode::Type::Shape::kJson); }
  bytecode::TypeId bool_type() { return shape_type(bytecode::Type::Shape::kBool); }
  bytecode::TypeId int_type() { return shape_type(bytecode::Type::Shape::kInt); }
  bytecode::TypeId shape_type(bytecode::Type::Shape shape);
  bytecode::TypeId list_type(bytecode::TypeId element);
  /// The same if it is optional already.
  bytecode::TypeId optional_type(bytecode::TypeId element);
  bytecode::TypeId result_type(bytecode::TypeId element, bytecode::TypeId item = bytecode::kNone);
  bytecode::TypeId map_type(bytecode::TypeId key, bytecode::TypeId element);
  /// The kind of error that the language itself raises: "Timeout", "Failed" …; as the standard
  /// library declares it, else without fields.
  bytecode::TypeId core_error(std::string_view name);

  // ---- Constants (constants.cpp)
  uint32_t constant(bytecode::Constant constant);
  uint32_t text_constant(bytecode::TypeId type, std::string text);
  uint32_t string_constant(std::string text) {
    return text_constant(string_type(), std::move(text));
  }
  /// The constant that the expression always is, after its conversions; none if that is only known
  /// when running.
  /// Who may start a runbook, as it says and each one that it may call.
  std::vector<bytecode::Starters> starters(SymbolId runbook);
  std::optional<uint32_t> fold(const CheckedModule& module, ExprId id);
  /// The same of a field's default, in which what can be computed is computed now.
  std::optional<uint32_t> fold_default(const CheckedModule& module, ExprId id);

  /// The same before its conversions, not yet entered.
  std::optional<bytecode::Constant> fold_plain(const CheckedModule& module, ExprId id);

  // ---- Imports, steps, functions; each gives the operand that names it
  uint16_t native(std::string_view name);
  uint16_t action(SymbolId id);
  /// What stands in for a runbook where a step starts it.
  uint16_t started_stand_in(SymbolId id);
  uint16_t calendar(SymbolId id);
  bytecode::Behaviour declared_behaviour(SymbolId action) const;
  uint16_t step(std::string name, uint32_t function, bool has_rollback);
  bool is_replaced(SymbolId runbook) const { return replaced_.contains(runbook); }

  // ---- Tests (tests.cpp)
  /// One of the runner's own.
  uint16_t test_action(std::string name, std::vector<bytecode::Type::Field> parameters,
                       bytecode::TypeId result);
  uint32_t add_hidden_runbook(std::string name, uint32_t function,
                              std::vector<bytecode::Parameter> parameters, bytecode::TypeId result);
  /// As a stand-in gets an argument: a Url, a Command as text.
  bytecode::TypeId handed_over(check::TypeId id);
  uint32_t stand_in_count() const { return static_cast<uint32_t>(stand_ins_.size()); }
  void add_stand_in(StandIn made) { stand_ins_.push_back(std::move(made)); }
  /// Of a function, a runbook or a constant that is computed; lowered later if it is new.
  uint16_t function_of(SymbolId id);
  /// Of a runbook as a step calls it that asks before anything is undone: failing, it does not undo
  /// what it did.
  uint16_t asked_function_of(SymbolId id);
  /// Those of the parameters of a runbook or an action: by parameter the default (kNone without
  /// one; an action's are evaluated by its caller), and for each `where` its condition and message.
  using Checks = std::vector<std::vector<std::pair<uint32_t, uint32_t>>>;
  struct ParameterFunctions {
    std::vector<uint32_t> defaults;
    Checks checks;
  };
  const ParameterFunctions& functions_of_parameters(SymbolId id);
  /// The same of a record, or of a member of an enum; by field. Empty if nothing is asked of them.
  const Checks& functions_of_fields(SymbolId id, uint32_t member);
  /// A place in the table for a function that is lowered now.
  uint32_t reserve_function(std::string name);
  void define_function(uint32_t index, FunctionBuilder& code);
  /// An index that an instruction has 16 bits for; what names the table in the error.
  uint16_t narrow(uint32_t index, std::string_view what);

  /// "inventory.hosts", as people know it: the name with its module's.
  std::string full_name(SymbolId id) const;

  /// The first fault ends lowering; what follows it does not matter.
  void fault(ErrorKind kind, const CheckedModule& module, Span span, std::string message);
  bool failed() const { return fault_.has_value(); }

 private:
  std::optional<uint32_t> fold_json(const CheckedModule& module, ExprId id);
  std::optional<bytecode::Constant> fold_map(const CheckedModule& module,
                                             const syntax::BraceExpr& node, ExprId id);
  std::optional<bytecode::Constant> fold_record(const CheckedModule& module, ExprId id);
  std::optional<bytecode::Constant> fold_member(const CheckedModule& module, ExprId id);
  /// The values of a record's fields, or of a member's payload, into `made`. False: they are not
  /// all known, or it is not known that they fit.
  bool fold_fields(const CheckedModule& module, const check::Meaning& meaning,
                   const std::vector<check::Field>& fields, const std::vector<SymbolId>& parameters,
                   bytecode::Constant& made);
  void fill_nominal(bytecode::TypeId id, const check::Type& type);
  std::vector<bytecode::Type::Field> fields(const std::vector<check::Field>& written,
                                            SymbolId owner, bool optional);
  void lower_runbook(SymbolId id, uint32_t function);
  std::vector<bytecode::ParameterCheck> lower_conditions(SymbolId id, size_t parameter);
  /// The kinds of errors that the program of an own action may answer with.
  void import_error_kinds(const CheckedModule& module);
  void lower_checks(SymbolId id, uint32_t member);
  bool is_proven(const CheckedModule& module, const check::Meaning& meaning,
                 const std::vector<check::Field>& fields, const std::vector<SymbolId>& parameters);
  void lower_pending();
  void find_purity();
  void collect_errors(TestProgram& tests);

  const check::CheckedProgram& checked_;
  const check::Schedule* arguments_ = nullptr;  // whose arguments become defaults
  SymbolId root_ = check::kNone;                // also lowered, wherever it is declared
  bytecode::Program program_;
  std::vector<bytecode::TypeId> types_;  // by check::TypeId
  std::unordered_map<SymbolId, bytecode::TypeId> nominal_types_;
  std::unordered_map<std::string, uint32_t> constants_;
  std::unordered_map<std::string, uint16_t> natives_;
  std::unordered_map<SymbolId, uint16_t> actions_;
  std::unordered_map<SymbolId, uint16_t> started_;
  std::unordered_map<SymbolId, uint16_t> calendars_;
  std::unordered_map<SymbolId, uint32_t> functions_;
  std::vector<std::pair<SymbolId, uint32_t>> pending_;
  std::unordered_map<SymbolId, uint32_t> asked_functions_;
  std::vector<std::vector<std::pair<uint32_t, uint16_t>>> runs_;  // by function
  std::unordered_map<SymbolId, ParameterFunctions> parameter_functions_;
  std::map<std::pair<SymbolId, uint32_t>, Checks> field_functions_;
  std::vector<std::pair<SymbolId, uint32_t>> pending_checks_;
  bool in_default_ = false;                // of a field: computed now
  std::unordered_set<SymbolId> replaced_;  // runbooks that a test replaces
  std::vector<StandIn> stand_ins_;
  TestProgram* tests_ = nullptr;  // what is lowered for
  std::optional<Error> fault_;
};

/// A condition as it is written, up to the last of its parentheses.
std::string condition_text(const CheckedModule& module, ExprId condition);

}  // namespace rbk::lower
