// Checks the inside of declarations: types flow down as expectations and up as what was found, what
// may be null is narrowed along the flow, effects are allowed only where steps are. One object
// checks the declarations of one module, one after the other. A mistake gives one error: what could
// not be known has the type kUnknown, of which nothing more is said.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/sql_text.h"
#include "compiler/check/facts.h"
#include "compiler/check/program_checker.h"
#include "compiler/check/rollback_rules.h"
#include "compiler/check/scope.h"
#include "timing/written.h"

namespace rbk::check {

/// Why a type is expected somewhere: what the label of a mismatch says.
struct Why {
  enum class Kind : uint8_t {
    kPlain,
    kArgument,  // `what` of `owner`
    kField,     // `what` of `owner`
    kReturn,    // `what` returns it
    kName,      // `what` is declared so
    kElement,   // the elements before
    kBranch,    // the other branch
    kClause,    // `what` takes it
  };
  Kind kind = Kind::kPlain;
  std::string_view what;
  std::string_view owner;
  Span declared;  // empty: nothing to point at
};

class BodyChecker {
 public:
  BodyChecker(ProgramChecker& all, CheckedModule& module);

  void check_declaration(SymbolId symbol);
  /// A test or an invariant; once every other body is checked.
  void check_test(syntax::DeclId decl);
  /// The value of a constant; sets the symbol's type if none was written.
  void check_constant(SymbolId symbol);
  /// What the calendar keeps closed; adds it to the program's if it has no mistake.
  void check_calendar(SymbolId symbol);

 private:
  using Shape = Type::Shape;
  static constexpr std::string_view kInTest = "a test";
  static constexpr std::string_view kInInvariant = "an invariant";
  /// What is wanted of a block: its last expression's value, that if it has one, or nothing.
  enum class Want : uint8_t { kDiscard, kIfAny, kValue };

  /// Where code stands: what it may do, and what `return`, `break`, assignments would cross.
  struct Place {
    enum class Code : uint8_t {
      kPure,     // fn, lambda, constant, default, where: no effects
      kRunbook,  // effects in steps only
      kUndo,     // rollback, defer: a call is a step by itself
      kVerify,   // the same, reads only
      kHandler,  // the same as kUndo
    };
    Code code = Code::kPure;
    std::string_view pure_in;     // kPure: "a `fn`", "a constant" …
    bool impure_told = false;     // kPure: that this step can't be here was said
    std::string_view returns_to;  // name of the callable that `return` leaves; empty: a lambda
    TypeId result = kNone;        // what `return` gives
    TypeId* found = nullptr;      // in a lambda's block: what its `return`s gave so far
    std::string_view no_return;   // why there is no `return`: "a step"; empty: there is
    bool in_loop = false;
    std::string_view loop_border;    // what hides a loop outside: "a step"
    bool covered = false;            // inside a step with a rollback of its own
    bool top_level = false;          // directly in a runbook's body
    std::optional<int64_t> timeout;  // of the steps around, microseconds
    Span timeout_span;
  };
  enum class Border : uint8_t { kBranch, kLambda, kUndo };
  struct Callee {
    std::string name;  // as messages show it
    struct Parameter {
      std::string_view name;
      TypeId type = types::kUnknown;
      bool optional = false;  // may be left out
    };
    std::vector<Parameter> parameters;
    Span declared;
    bool unsure = false;  // see Symbol
  };
  struct Reference {
    bool is_value = true;     // no name of a declaration: to be inferred
    bool is_wrong = false;    // an error was reported
    SymbolId symbol = kNone;  // a declaration, module or built-in name
  };

  // ---- declarations and parameters (bodies.cpp)
  void check_function(SymbolId symbol);
  void check_runbook(SymbolId symbol);
  void check_head(const syntax::RunbookDecl& runbook);

  // ---- schedules and calendars (schedules.cpp, calendars.cpp)
  void check_schedule(SymbolId symbol);
  void check_fires(const Schedule& schedule, const syntax::Decl& decl);
  void note_clock_changes(const timing::CronIn& cron, ExprId written, std::string_view schedule);
  std::optional<timing::Cron> cron_of(ExprId written);
  void check_outside(SymbolId runbook, const std::vector<syntax::Outside>& written);
  /// The calendar of that name; kNone and an error if there is none.
  SymbolId calendar_of(const syntax::Path& path);
  /// A text that is written in place, or is a constant so written; nothing and an error if it is
  /// not. `what` takes it.
  std::optional<std::string> known_text(ExprId written, std::string_view what);
  /// Where in the file the part of a literal's text stands; the literal if that can't be said.
  Span within_literal(ExprId literal, size_t begin, size_t end) const;
  /// UTC if nothing is written; nothing and an error if there is no such zone.
  std::optional<timing::Zone> zone_of(ExprId written);
  using ClosedRule = syntax::CalendarDecl::Closed;
  std::optional<timing::Calendar::Dates> closed_dates(const ClosedRule& written);
  std::optional<timing::Calendar::Weekly> closed_weekly(const ClosedRule& written);
  std::optional<timing::WrittenDate> date_of(ExprId written);
  std::optional<std::chrono::seconds> time_of_day(ExprId written, std::string_view clause);

  // ---- locks (locks.cpp)
  void check_lock(const syntax::LockStmt& node, Span span);
  void check_concurrency(const syntax::RunbookDecl& runbook);

  // ---- own actions (own_actions.cpp)
  enum class Passes : uint8_t { kOut, kIn };  // to the program, back from it
  void check_action(SymbolId symbol, const syntax::Decl& decl);
  TypeId part_that_stays(TypeId type, Passes way, std::vector<SymbolId>& seen);
  void check_passes(syntax::TypeRefId written, TypeId type, Passes way);
  void find_program(ExprId exec);

  void check_parameters(SymbolId id, const std::vector<syntax::Field>& written);
  void check_where(const syntax::Field& field);
  /// Those on the fields of a record or an enum's member; the fields' symbols if there are any.
  std::vector<SymbolId> check_conditions(SymbolId owner, uint32_t member,
                                         const std::vector<Field>& fields,
                                         const std::vector<syntax::Field>& written);
  /// What is given is held against the `where`s once every body is checked.
  void note_refined(SymbolId owner, uint32_t member, const std::vector<Field>& fields,
                    const std::vector<ExprId>& arguments, Span span);
  void check_fields(const std::vector<Field>& fields, const std::vector<syntax::Field>& written,
                    std::string_view owner, std::string_view what);
  void check_from_outside(const Field& field);
  void report_left_behind();

  // ---- names (names.cpp)
  /// What stands after a name: a member's name, or a member that is called.
  enum class After : uint8_t { kNothing, kMember, kCall };
  SymbolId declare_local(const syntax::Name& name, TypeId type, Symbol::Kind kind,
                         bool warn_unused);
  Reference reference(ExprId expr, After after = After::kNothing);
  SymbolId look_up(const std::string& name, Span span, After after = After::kNothing);
  void report_unknown_name(const std::string& name, Span span, After after);
  void use(SymbolId symbol, Span span);
  void use_field(const Field& field, ModuleId home, Span span);
  void report_deprecated(const std::vector<syntax::Annotation>& annotations,
                         const CheckedModule& home, std::string_view name, Span span);
  void check_annotations(const syntax::Field& field);
  TypeId infer_name(ExprId expr, const syntax::NameExpr& node);
  TypeId symbol_value(ExprId expr, SymbolId symbol, std::string_view shown);
  TypeId seen_type(SymbolId symbol);
  PathId path_of(ExprId expr);
  bool is_var(SymbolId symbol) const { return program_.symbols[symbol].is_var; }

  // ---- expressions (expressions.cpp)
  /// Finds the type of an expression. A hint is what the caller will check the result against:
  /// literals and shorthands are read by it.
  TypeId infer(ExprId expr, TypeId hint = kNone);
  TypeId dispatch(ExprId expr, TypeId hint);
  TypeId expect(ExprId expr, TypeId wanted, const Why& why);
  /// Makes an inferred expression fit, or reports that it does not. Returns `wanted`.
  TypeId coerce(ExprId expr, TypeId wanted, const Why& why);
  bool apply(ExprId expr, const Conversion& conversion);
  void suggest_unit(ExprId expr, TypeId wanted, diagnostics::Diagnostic& report) const;
  diagnostics::Code mismatch_code(ExprId expr, TypeId found, TypeId wanted);
  void report_mismatch(ExprId expr, TypeId found, TypeId wanted, const Why& why);
  void explain(diagnostics::Diagnostic& diagnostic, TypeId wanted, const Why& why);
  TypeId infer_list(ExprId expr, const syntax::ListExpr& node, TypeId hint);
  TypeId infer_range(const syntax::RangeExpr& node, TypeId hint);
  TypeId infer_index(const syntax::IndexExpr& node);
  TypeId infer_slice(const syntax::SliceExpr& node);
  TypeId infer_cast(ExprId expr, const syntax::CastExpr& node);
  TypeId infer_lambda(ExprId expr, const syntax::LambdaExpr& node, TypeId hint);
  TypeId infer_fail(const syntax::FailExpr& node);
  TypeId infer_wait(ExprId expr);
  TypeId infer_signal(Span span, const syntax::WaitSignalExpr& node);
  TypeId signal_type(const syntax::Name& name, syntax::TypeRefId written);
  bool readable_from_json(TypeId type);

  // ---- operators and conditions (operators.cpp)
  TypeId infer_unary(ExprId expr, const syntax::UnaryExpr& node, TypeId hint);
  TypeId infer_binary(ExprId expr, const syntax::BinaryExpr& node, TypeId hint);
  TypeId infer_coalesce(const syntax::BinaryExpr& node, TypeId hint);
  TypeId infer_equality(const syntax::BinaryExpr& node);
  TypeId infer_order(const syntax::BinaryExpr& node);
  TypeId infer_membership(const syntax::BinaryExpr& node);
  TypeId infer_arithmetic(ExprId expr, const syntax::BinaryExpr& node, TypeId hint);
  TypeId arithmetic_type(syntax::BinaryOp op, TypeId left, TypeId right);
  void fold(ExprId expr, const syntax::BinaryExpr& node, TypeId type);
  std::optional<int64_t> constant(ExprId expr) const;
  /// Reports a number of a clause that is known and lies outside.
  void within(ExprId expr, int64_t least, int64_t most, std::string_view clause,
              std::string_view why, std::string_view cure);
  void report_operator(const syntax::BinaryExpr& node, TypeId left, TypeId right);
  bool refuse_secret(ExprId expr, TypeId type, std::string_view shown_by);
  /// Points to the parameter or name that the secret in the expression comes from.
  void add_secret_source(diagnostics::Diagnostic& report, ExprId expr) const;
  /// Checks a condition and says what follows from it. Narrowing inside `and`, `or` included.
  Branching condition(ExprId expr);
  Branching logic(ExprId expr);

  // ---- members and calls (members.cpp, calls.cpp)
  TypeId infer_member(ExprId expr, const syntax::MemberExpr& node, TypeId hint);
  void report_null_receiver(ExprId base, TypeId type, const syntax::Name& name);
  void report_needless_question(ExprId base, TypeId type, const syntax::Name& name);
  TypeId error_member(ExprId expr, const syntax::MemberExpr& node);
  TypeId value_member(ExprId expr, const syntax::MemberExpr& node, TypeId base);
  TypeId enum_member(ExprId expr, SymbolId symbol, const syntax::Name& name,
                     const std::vector<syntax::Argument>* args);
  TypeId infer_shorthand(ExprId expr, const syntax::Name& name,
                         const std::vector<syntax::Argument>* args, TypeId hint);
  TypeId run_member(ExprId expr, const syntax::Name& name);
  TypeId secret_by_name(ExprId expr, const syntax::Name& name);
  void report_unknown_member(TypeId type, const syntax::Name& name);
  TypeId infer_call(ExprId expr, const syntax::CallExpr& node, TypeId hint);
  TypeId call_symbol(ExprId expr, const syntax::CallExpr& node, SymbolId symbol);
  TypeId call_built_in(ExprId expr, const syntax::CallExpr& node, SymbolId symbol);
  TypeId call_emit(ExprId expr, const syntax::CallExpr& node, std::string_view module,
                   const syntax::Name& name);
  bool names_type(ExprId base) const;
  TypeId call_type_function(ExprId expr, const syntax::CallExpr& node,
                            const syntax::MemberExpr& callee);
  TypeId call_method(ExprId expr, const syntax::CallExpr& node, const syntax::MemberExpr& callee);
  bool learn_from_function(const Signature& signature, const std::vector<ExprId>& arguments,
                           Bindings& bindings);
  TypeId call_closure(ExprId expr, const syntax::CallExpr& node, TypeId function);
  void check_lock_name(ExprId name, std::string_view clause);
  void check_name(ExprId name, std::string_view clause, std::string_view what,
                  std::string_view example);
  bool needs_label(const Callee& callee, size_t index, const syntax::Argument& argument);
  TypeId call_random(ExprId expr, const syntax::CallExpr& node);
  void note_shell_names(ExprId expr, const syntax::StringLit& node);
  void note_environment(const std::vector<ExprId>& arguments);
  TypeId call_raw_command(ExprId expr, const syntax::CallExpr& node);
  std::vector<ExprId> check_arguments(const Callee& callee,
                                      const std::vector<syntax::Argument>& args, Span call);
  void infer_arguments(const std::vector<syntax::Argument>& args);
  Callee callee_of(SymbolId symbol, std::string shown);
  void check_called_here(ExprId expr, SymbolId symbol, std::string_view shown);
  void check_effect(ExprId expr, SymbolId symbol, std::string_view shown);
  /// With the fix that makes it a step, certain where the call is all that its statement is.
  void report_outside_step(ExprId call, SymbolId symbol, std::string_view shown);
  std::string free_step_name(std::string_view wanted);
  std::string shown_name(ExprId expr) const;
  /// Whether values of this type have the function, so that its variables are bound; else an error.
  bool fits_receiver(const Signature& signature, TypeId receiver, Span span, Bindings& bindings);

  // ---- braces and text (braces.cpp, templates.cpp)
  TypeId infer_brace(ExprId expr, const syntax::BraceExpr& node, TypeId hint);
  TypeId infer_record(ExprId expr, const syntax::BraceExpr& node);
  TypeId infer_map(ExprId expr, const syntax::BraceExpr& node, TypeId hint);
  TypeId infer_json(const syntax::BraceExpr& node);
  TypeId infer_environment(const syntax::BraceExpr& node);
  void to_json(ExprId expr);
  TypeId infer_string(ExprId expr, const syntax::StringLit& node, TypeId hint);
  TypeId infer_text(ExprId expr, const syntax::StringLit& node);
  TypeId infer_command(ExprId expr, const syntax::StringLit& node);
  void report_read_again(const syntax::StringLit::Part& part, TypeId type,
                         const std::string& reader);
  TypeId infer_url(ExprId expr, const syntax::StringLit& node);
  TypeId infer_query(ExprId expr, const syntax::StringLit& node);
  TypeId infer_literal(ExprId expr, const syntax::StringLit& node, TypeId type);
  /// The type of a part after what may not stand in any text was refused; kUnknown then.
  /// `may_be_null`: null has a meaning there.
  TypeId infer_part(const syntax::StringLit::Part& part, std::string_view where,
                    bool may_be_null = false);
  /// How the value stands in a query; kText if it can't.
  Encoding query_encoding(const syntax::StringLit::Part& part, TypeId type);
  void report_in_query(const syntax::StringLit& node, size_t part, SqlText::Place place);
  bool is_identifier_call(const syntax::MemberExpr& callee) const;
  TypeId call_identifier(ExprId expr, const syntax::CallExpr& node);
  bool is_scalar(TypeId type) const;

  // ---- statements (statements.cpp, blocks.cpp, steps.cpp, people.cpp)
  /// A statement that is one call, or gives its value a name, while it is checked.
  struct OwnStatement {
    ExprId call;
    Span head;              // what stands before the call; empty: nothing
    std::string_view name;  // of a `let` or `var`
    bool is_var = false;
    TypeId type = kNone;    // that is written after the name
    bool is_value = false;  // the value of its block may be looked at
  };
  struct BlockValue {
    TypeId type = types::kNothing;
    ExprId value;  // the last expression, where the block has one
    Span span;
  };
  BlockValue check_block(syntax::BlockId block, Want want, TypeId hint, const Why& why);
  BlockValue check_statements(syntax::BlockId block, Want want, TypeId hint, const Why& why);
  void check_statement(syntax::StmtId stmt);
  BlockValue check_expression_statement(syntax::StmtId stmt, const syntax::ExprStmt& node,
                                        Want want, TypeId hint, const Why& why);
  TypeId compound(ExprId expr, Want want, TypeId hint, const Why& why);
  TypeId check_if(const syntax::IfExpr& node, Want want, TypeId hint, const Why& why, Span span);
  void check_expired(const syntax::ApprovalStmt& node);
  void check_expiry_time(const syntax::Expiry& expires, std::string_view example);
  TypeId check_try(ExprId expr, const syntax::TryExpr& node, Want want, TypeId hint,
                   const Why& why);
  TypeId check_match(ExprId expr, const syntax::MatchExpr& node, Want want, TypeId hint,
                     const Why& why);
  TypeId join_values(const std::vector<BlockValue>& values, Want want, TypeId hint, const Why& why);
  TypeId check_wait_first(ExprId expr, const syntax::WaitFirstExpr& node, Want want, TypeId hint,
                          const Why& why);
  void check_case(const syntax::WaitFirstExpr::Arm& arm);
  TypeId check_parallel(ExprId expr, const syntax::ParallelExpr& node);
  TypeId check_parallel_for(ExprId expr, const syntax::ParallelForExpr& node);
  void check_policy(const syntax::FailurePolicy& policy);
  static bool is_compound(const syntax::Expr& expr);
  void check_let(syntax::StmtId stmt, const syntax::LetStmt& node);
  void check_assign(const syntax::AssignStmt& node);
  void check_for(syntax::StmtId stmt, const syntax::ForStmt& node);
  void check_repeat(const syntax::RepeatStmt& node);
  void check_hold(const syntax::HoldStmt& node);
  void bound_by_timeout(ExprId time, Span span, std::string_view what);
  void check_return(const syntax::ReturnStmt& node, Span span);
  void check_returned(const syntax::ReturnStmt& node, Span span);
  void check_jump(std::string_view word, Span span);
  void check_require(const syntax::RequireStmt& node);
  void check_handler(syntax::StmtId stmt, const syntax::HandlerStmt& node, Span span);
  void check_approval(syntax::StmtId stmt, const syntax::ApprovalStmt& node, Span span);
  void check_ask(syntax::StmtId stmt, const syntax::ApprovalStmt& node, Span span);
  void refuse_approval_clauses(const syntax::ApprovalStmt& node, Span span);
  void check_unanswered(const syntax::ApprovalStmt& node);
  void check_notify(const std::vector<ExprId>& targets);
  std::vector<std::pair<std::string, TypeId>> check_form(const syntax::ApprovalStmt& node,
                                                         std::vector<SymbolId>& symbols);
  /// That so many people may approve as have to, as far as they are named.
  void check_quorum(const syntax::ApprovalStmt& node);
  void report_empty_group(const syntax::Who& who, const std::string& name);
  /// `starter_cure`: what to write in place of `starter`; empty where it may stand.
  void check_who(const std::vector<syntax::Who>& who, std::string_view starter_cure);
  void not_supported(Span span, std::string_view what, std::string_view cure);
  /// Refuses an effect where code must be pure. True if it may stand here.
  bool allow_effect(Span span, std::string_view what);
  /// What goes through: element of a list or range; a map's value, with the key's type in `key`.
  TypeId iterate(ExprId items, TypeId& key, bool with_key);
  void enter_loop();

  void check_step(syntax::StmtId stmt, const syntax::StepStmt& node, Span span);
  TypeId check_step_work(const syntax::StepStmt& node);
  void check_call_statement(syntax::StmtId stmt, const syntax::ExprStmt& node);
  /// What a step or a call with clauses does.
  struct Work {
    SymbolId action = kNone;   // of a call of an action
    SymbolId runbook = kNone;  // of a call of a runbook
    bool detached = false;     // a run of its own, which is not waited for
    std::string shown;         // "`http.post`", "the block"
    TypeId output = types::kNothing;
    Span span;
  };
  Work work_of(ExprId call) const;
  void check_launch(syntax::StmtId stmt, const syntax::StepStmt& node, Work& work);
  TypeId detached_run();
  void check_clauses(syntax::StmtId stmt, const syntax::Clauses& clauses, const Work& work);
  void check_timeout(const syntax::Clauses& clauses, const syntax::TimeoutClause& clause);
  void check_retry(syntax::StmtId stmt, const syntax::RetryClause& clause);
  void check_failure_ask(syntax::StmtId stmt, const syntax::OnFailureClause& clause, Span span,
                         const Work& work);
  void check_doubt(syntax::StmtId stmt, const syntax::Clauses& clauses,
                   const syntax::OnDoubtClause& clause, const Work& work);
  void check_step_rules(syntax::StmtId stmt, const syntax::Clauses& clauses, const Work& work);
  bool retries_timeouts(syntax::StmtId stmt) const;
  /// A rollback, defer or handler: what is outside can be seen, not changed. `name`: "a rollback".
  BlockValue check_undo_block(syntax::BlockId block, Place::Code code, std::string_view name,
                              Want want = Want::kDiscard, TypeId hint = kNone);
  static uint8_t declared_behaviour(const syntax::ActionDecl& action);

  // ---- tests (tests.cpp, stand_ins.cpp)
  bool in_test() const { return place_.pure_in == kInTest || place_.pure_in == kInInvariant; }
  void check_invariant(syntax::DeclId decl, const syntax::InvariantDecl& node);
  /// What a test sees of a run: a form with `status`, `output`, `error` …
  TypeId outcome_of(SymbolId runbook);
  /// What a test sees of one call: a form with its arguments.
  TypeId call_record(SymbolId callee);
  /// A value as it was handed over: a Url, a Command as text.
  TypeId handed_over(TypeId type);
  TypeId call_tested(ExprId expr, const syntax::CallExpr& node, SymbolId symbol);
  TypeId call_calls(ExprId expr, const syntax::CallExpr& node);
  TypeId call_secret(ExprId expr, const syntax::CallExpr& node);
  void check_expect(const syntax::ExpectStmt& node, Span span);
  void check_crash(const syntax::CrashStmt& node, Span span);
  void check_given(syntax::StmtId stmt, const syntax::GivenStmt& node, Span span);
  void given_call(syntax::StmtId stmt, const syntax::GivenStmt& node);
  /// Of an approval or a question.
  void given_decision(syntax::StmtId stmt, const syntax::GivenStmt& node);
  void given_signal(syntax::StmtId stmt, const syntax::GivenStmt& node);
  bool given_resolution(syntax::StmtId stmt, const syntax::GivenStmt& node);
  /// Binds or compares the arguments; gives the name bound to each parameter.
  std::vector<SymbolId> given_arguments(syntax::StmtId stmt, const syntax::GivenStmt& node,
                                        const Callee& callee);
  /// The action, runbook or `now` of that name; kNone and an error if there is none.
  SymbolId replaceable(const syntax::Path& path);
  /// What the path names; kNone and an error if there is nothing. A module's name is the action of
  /// that name in it, if there is one.
  SymbolId look_up_path(const syntax::Path& path);
  void check_reply(const syntax::GivenStmt& node, TypeId result);
  /// An approval or a question of a runbook: its decided form's symbol.
  struct Asked {
    SymbolId form = kNone;
    const syntax::ApprovalStmt* written = nullptr;
  };
  void check_form(const syntax::GivenStmt& node, const Asked& asked);
  /// Those of that name in the program's files.
  std::vector<Asked> asked(std::string_view name, bool is_ask);

  // ---- patterns (patterns.cpp)
  void check_pattern(syntax::PatternId pattern, TypeId type);
  void check_member_pattern(syntax::PatternId id, const syntax::MemberPattern& node, TypeId type);
  void check_record_pattern(syntax::PatternId id, const syntax::RecordPattern& node, TypeId type);
  void check_exhaustive(const syntax::MatchExpr& node, TypeId type, Span span);

  PatternInfo& pattern_info(syntax::PatternId id) { return module_.patterns[id.index]; }
  ExprInfo& info(ExprId id) { return module_.exprs[id.index]; }
  Meaning& mean(ExprId id, Meaning::Kind kind);
  std::string text(TypeId type) const { return program_.text(type); }
  Span span_of(ExprId id) const { return ast_[id].span; }
  std::string_view source(Span span) const;
  std::string_view kept(std::string text);  // for Why, which only looks

  ProgramChecker& all_;
  CheckedProgram& program_;
  TypeTable& types_;
  diagnostics::Diagnostics& diagnostics_;
  CheckedModule& module_;
  const syntax::Ast& ast_;
  Scopes scopes_;
  Paths paths_;
  Facts facts_;
  Place place_;
  bool reachable_ = true;
  RollbackRules rules_;
  std::vector<Border> borders_;
  std::unordered_map<SymbolId, size_t> var_borders_;  // how many borders a var was declared in
  std::unordered_map<uint32_t, int64_t> folded_;      // constant operators, by ExprId
  std::unordered_map<SymbolId, int64_t> constants_;   // names of constant numbers
  TypeId doubt_ = kNone;                              // in a verify block: what `Doubt` means
  std::vector<SymbolId> maybe_absent_;                // names whose value may not be there yet
  std::vector<SymbolId> top_level_names_;             // of the runbook's body
  std::vector<SymbolId> error_kinds_;                 // which `error` may be; empty: any
  std::vector<SymbolId> later_;  // parameters that a default or `where` must not read yet
  std::string_view reading_;     // the parameter whose default or `where` it is
  bool strict_ = false;
  std::deque<std::string> kept_;
  bool pattern_wrong_ = false;  // one of the patterns of this match names nothing
  ExprId step_call_;            // the call that is the step itself: it may act
  ExprId launched_;             // the call that a step starts as a run of its own
  OwnStatement own_statement_;
  std::vector<std::string> offered_;                // names of steps that fixes have given
  bool expected_ = false;                           // in a test: an `expect` was there
  std::vector<std::pair<SymbolId, Span>> counted_;  // in a test: runbooks whose calls it counts
  std::set<SymbolId> replaced_;                     // in a test: what its `given`s replace
};

/// Puts a value back when it goes out of scope.
template <typename T>
class Restore {
 public:
  explicit Restore(T& value) : value_(value), saved_(value) {}
  ~Restore() { value_ = std::move(saved_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& value_;
  T saved_;
};

}  // namespace rbk::check
