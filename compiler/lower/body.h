// Lowers the body of one function: statements and expressions of the tree to instructions. The
// methods are split by subject; each section names the file that has them.
//
// Conventions. `value(e)` gives a register that holds e, perhaps a local's own; `into(e, to)` puts
// it there; `to == kNoReg` means that nobody wants the value. A value is always of the type after
// the expression's conversions (ExprInfo::type). Whatever writes `to` does so last, after all that
// it reads: `to` may be the register of a name that the expression uses.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/lower/function_builder.h"
#include "compiler/lower/program_lowering.h"

namespace rbk::lower {

using check::Meaning;
using syntax::BlockId;
using syntax::PatternId;
using syntax::StmtId;

class Body {
 public:
  /// What the function is: it says what a failure in it undoes.
  enum class Role {
    kPure,     // fn, lambda, where: nothing to undo
    kRunbook,  // a scope
    kBranch,   // of a parallel block: a scope
    kUndo,     // rollback, defer: runs while something is undone, and is not undone itself
  };
  /// `index`: the function's place in the program's table, reserved before.
  Body(ProgramLowering& program, const CheckedModule& module, std::string name, Role role,
       uint32_t index);

  // ---- Whole functions (scopes.cpp, parameters.cpp); each finishes and defines the function
  void function(SymbolId id);
  /// `caller_undoes`: a failure leaves what it did to the step that calls it.
  void runbook(SymbolId id, bool caller_undoes = false);
  void constant(SymbolId id);
  /// Of a test, or of an invariant, which looks at a finished run.
  void test(BlockId body, SymbolId looked_at);
  /// Takes the runbook's parameters before this one.
  void parameter_default(SymbolId callable, size_t parameter);
  /// The same for what a schedule gives; in the module of the schedule.
  void scheduled_argument(SymbolId callable, size_t parameter, ExprId argument);
  void worker_of(SymbolId callable);
  /// Of a `where`: each takes these parameters, or fields of a record.
  void condition(const std::vector<SymbolId>& names, size_t count, const syntax::Refinement& where);
  void message(const std::vector<SymbolId>& names, size_t count, const syntax::Refinement& where);

 private:
  // ---- Context (body.cpp)
  const syntax::Ast& ast() const { return module_->ast; }
  const check::ExprInfo& info(ExprId id) const { return module_->info(id); }
  const check::Type& checked_type(check::TypeId id) const { return program_.checked_type(id); }
  Kind kind(check::TypeId id) const { return program_.kind(id); }
  bytecode::TypeId type(check::TypeId id) { return program_.type(id); }
  std::string text_of(Span span) const { return std::string(module_->source->text(span)); }
  void fault(Span span, std::string message) {
    program_.fault(ErrorKind::kInternal, *module_, span, std::move(message));
  }
  void place(Span span);
  Reg temporary(Kind kind) { return code_.temporary(kind); }
  Reg load_text(std::string text);
  Reg load_number(Kind kind, int64_t value);
  void load_number_into(Reg to, int64_t value);
  /// A register for a name that is declared here, from here on known by its symbol.
  Reg declare(SymbolId id);
  void bind(SymbolId id, Reg reg);
  /// kNoReg if the symbol is not known here.
  Reg local(SymbolId id) const;
  /// After a local got its value: keeps what the handlers at the runbook's end see of it.
  void note_defined(SymbolId id);
  check::TypeId element_of(check::TypeId id) const { return checked_type(id).element; }
  bool is_optional(check::TypeId id) const {
    return checked_type(id).shape == check::Type::Shape::kOptional;
  }
  /// The parameters become registers.
  void take_parameters(const std::vector<SymbolId>& names, size_t count);
  void finish(bytecode::TypeId result);

  // Leaving early: what has to be done on the way, innermost last.
  struct Exit {
    enum class Kind { kLoop, kItem, kScope, kTimer, kInline, kFunction };
    Kind kind = Kind::kLoop;
    Reg reg = kNoReg;  // kScope: the mark; kTimer: the timer; kInline, kFunction: of the result
    Label leave;       // kLoop: break; kInline, kFunction: after the result is there
    Label again;       // kLoop: continue
  };
  void leave_to(size_t depth);  // does what the exits above `depth` ask for
  void lower_break(bool again, Span span);
  void lower_return(const syntax::ReturnStmt& node, Span span);

  // Closures
  struct Capture {
    SymbolId symbol = check::kNone;
    Reg reg = kNoReg;  // in this body
  };
  using Captures = std::vector<Capture>;
  /// The names of this body that the piece of syntax uses.
  Captures captures_of(BlockId block) const;
  Captures captures_of(ExprId expr) const;
  Captures captures_of(StmtId stmt) const;
  template <typename Piece>
  Captures captures_in(Piece piece) const;
  /// Takes the captured values as the first parameters, under the same symbols.
  void take_captures(const Body& outer, const Captures& captures);
  /// A closure of the function with the captured values.
  Reg closure(uint32_t function, const Captures& captures);

  // ---- Expressions (expressions.cpp, operators.cpp, values.cpp, members.cpp)
  Reg value(ExprId id);
  void into(ExprId id, Reg to);
  void discard(ExprId id) { into(id, kNoReg); }
  /// `value`, and never a register that can change while something else is evaluated.
  Reg stable_value(ExprId id);
  /// `value` of an operand that is used after `next` was evaluated.
  Reg operand_before(ExprId id, ExprId next);
  Reg existing(ExprId id) const;
  bool keeps_representation(ExprId id) const;
  Reg plain_value(ExprId id);  // before its conversions
  void plain_into(ExprId id, Reg to);
  void convert(check::Convert how, Reg from, check::TypeId from_type, Reg to);
  void box(Reg to, Reg from);
  /// A boxed or ref value as one of the wanted kind.
  void unbox(Reg to, Reg from);
  void block_into(BlockId id, Reg to);

  void symbol_into(ExprId id, SymbolId symbol, Reg to);
  void if_into(const syntax::IfExpr& node, Reg to);
  void unary_into(ExprId id, const syntax::UnaryExpr& node, Reg to);
  void binary_into(ExprId id, const syntax::BinaryExpr& node, Reg to);
  bool map_value_or(const syntax::BinaryExpr& node, Reg to);
  void arithmetic_into(const syntax::BinaryExpr& node, check::TypeId result, Reg to);
  void compare_into(ExprId id, const syntax::BinaryExpr& node, Reg to);
  void coalesce_into(const syntax::BinaryExpr& node, Reg to);
  void in_into(ExprId id, const syntax::BinaryExpr& node, Reg to);
  void branch_into(ExprId id, Reg to);  // a condition as a bool
  void cast_into(ExprId id, const syntax::CastExpr& node, Reg to);
  void range_into(ExprId id, const syntax::RangeExpr& node, Reg to);
  void list_into(ExprId id, const syntax::ListExpr& node, Reg to);
  void brace_into(ExprId id, const syntax::BraceExpr& node, Reg to);
  void record_into(ExprId id, const syntax::BraceExpr& node, Reg to);
  void error_into(ExprId id, const syntax::BraceExpr& node, Reg to);
  void map_into(const syntax::BraceExpr& node, bytecode::TypeId map, Reg to);
  void fail_with(const syntax::FailExpr& node);
  /// An error of the language's own, with a text register as its message.
  Reg make_error(std::string_view core_kind, Reg message);
  void raise(std::string_view core_kind, Reg message);
  void output_into(const syntax::MemberExpr& node, uint16_t index, Reg to);
  void member_into(ExprId id, const syntax::MemberExpr& node, Reg to);
  void index_into(ExprId id, const syntax::IndexExpr& node, Reg to);
  void slice_into(const syntax::SliceExpr& node, Reg to);
  void enum_into(ExprId id, const Meaning& meaning, Reg to);
  /// `inner(base, base's type, to)` for the receiver; null if the receiver is and `?.` is written.
  using OnReceiver = std::function<void(Reg base, check::TypeId type, Reg to)>;
  void with_receiver(ExprId base, bool optional, Kind result, Reg to, const OnReceiver& inner);

  /// Jumps to `to` if the condition is `when`, else goes on.
  void branch(ExprId id, bool when, Label to);
  bool branch_compare(const syntax::BinaryExpr& node, bool when, Label to);
  bool branch_null(const syntax::BinaryExpr& node, bool when, Label to);
  void jump_compare(bytecode::Op op, Reg left, ExprId right, Label to);
  bool branch_in_range(const syntax::BinaryExpr& node, bool when, Label to);

  // ---- Text (strings.cpp)
  void string_into(ExprId id, const syntax::StringLit& node, Reg to);
  void part_into(ExprId id, check::Encoding encoding, Reg to);
  void query_into(ExprId id, const syntax::StringLit& node, Reg to);
  /// As interpolation shows it.
  void to_text(Reg from, check::TypeId type, Reg to);
  Reg as_text(Reg from, check::TypeId type);

  // ---- Calls (calls.cpp)
  /// Consecutive registers, each filled by its own function, in order.
  struct Slot {
    Kind kind = Kind::kRef;
    std::function<void(Reg)> fill;
    Reg ready = kNoReg;  // a register that holds it already
  };
  Reg fill_run(const std::vector<Slot>& slots);
  Slot slot_of(ExprId id);
  void call_into(ExprId id, const syntax::CallExpr& node, Reg to);
  void native_into(std::string_view name, const std::vector<Slot>& arguments, Reg to);
  Kind native_result(std::string_view name, check::TypeId generic) const;
  /// The arguments in the order of the parameters; defaults are evaluated where they are declared.
  Reg arguments(SymbolId callable, const std::vector<ExprId>& written);
  /// The values of a record's, error's or payload's fields, or of a callable's parameters.
  std::vector<Slot> field_slots(const std::vector<check::Field>& fields, SymbolId owner,
                                const std::vector<ExprId>& written, bool as_refs);
  /// The default of the owner's field or parameter `index`.
  void default_into(ExprId id, SymbolId owner, size_t index, Reg to);
  void closure_call_into(const syntax::CallExpr& node, const Meaning& meaning, Reg to);
  void native_call_into(ExprId id, const syntax::CallExpr& node, const Meaning& meaning, Reg to);
  void emit(const Meaning& meaning);
  /// `function`: the one of `symbol` that is meant.
  void call_function_into(uint16_t function, SymbolId symbol, Reg first, Reg to);
  /// A nested runbook's or an action's `where`s; its arguments stand from `first` on.
  void check_arguments(SymbolId callable, Reg first);
  /// The same of a record, or of the payload of an enum's member (kNone: a record).
  void check_record(SymbolId type, uint32_t member, Reg first);
  /// Those of a function's own parameters, when it begins.
  void check_own(const std::vector<syntax::Field>& parameters, const std::string& of);
  /// What is at `first` keeps what is asked of field or parameter `index`, else it fails.
  void check_one(std::pair<uint32_t, uint32_t> functions, const std::string& head, Reg first,
                 size_t index);
  /// The value of a clause's time, which fails where it is not more than nothing.
  Reg clause_time(ExprId time, std::string_view clause);
  /// Fails with the text `head` and what `message` puts behind it.
  void raise_after(const std::string& head, const Slot& message);
  void lambda_into(ExprId id, const syntax::LambdaExpr& node, Reg to);
  /// The whole function of a lambda whose captures are taken.
  void lambda(ExprId id, const syntax::LambdaExpr& node, const std::vector<check::TypeId>& types,
              check::TypeId result);

  // ---- Loops (loops.cpp)
  void lower_for(StmtId id, const syntax::ForStmt& node);
  void for_range(const syntax::ForStmt& node, SymbolId item, SymbolId index, Label leave);
  void for_map(const syntax::ForStmt& node, SymbolId item, SymbolId index, Label leave);
  /// What is done with (element, its index); the label goes on with the next one.
  using EachElement = std::function<void(Reg, Reg, Label)>;
  void loop_over(Reg list, check::TypeId of, const EachElement& body, Label leave,
                 SymbolId item = check::kNone, SymbolId index = check::kNone);
  void loop_body(const syntax::ForStmt& node, SymbolId item, Reg item_reg, Reg index, Label again,
                 Label leave);
  void call_loop_into(ExprId id, const syntax::CallExpr& node, const Meaning& meaning, Reg to);
  /// What a method like `map` calls for each element: inlined when it is written in place.
  struct Each {
    const syntax::LambdaExpr* lambda = nullptr;
    ExprId expr;
    Reg closure = kNoReg;
    check::TypeId result = 0;
  };
  Each each_of(ExprId id);
  void loop_method(check::LoopMethod method, Reg list, check::TypeId of, check::TypeId result,
                   const Each& each, Reg to);
  void call_each(const Each& each, Reg item, Reg index, Reg to);
  void branch_each(const Each& each, Reg item, Reg index, bool when, Label to);
  void bind_each(const Each& each, Reg item, Reg index);
  bool has_steps(BlockId block) const;
  Reg item_text(Reg item, check::TypeId type, Reg index);

  // ---- match (match.cpp)
  struct Subject {
    Reg reg = kNoReg;
    check::TypeId type = 0;
    Reg member = kNoReg;  // of an enum: the member's index
  };
  void match_into(const syntax::MatchExpr& node, Reg to);
  /// Goes on if it matches, with its names bound; else jumps. `certain`: it is known to match.
  void pattern(PatternId id, Subject& subject, Label otherwise, bool certain);
  void member_pattern(PatternId id, const syntax::MemberPattern& node, Subject& subject,
                      Label otherwise, bool certain);
  void record_pattern(PatternId id, const syntax::RecordPattern& node, Subject& subject,
                      Label otherwise, bool certain);
  void or_pattern(const syntax::OrPattern& node, Subject& subject, Label otherwise, bool certain);
  void bind_pattern(SymbolId symbol, const Subject& subject);
  void jump_unless_equal(const Subject& subject, ExprId literal, Label otherwise);

  // ---- Statements (statements.cpp)
  void block(BlockId id);
  void statement(StmtId id);
  void lower_let(StmtId id, const syntax::LetStmt& node);
  void lower_assign(const syntax::AssignStmt& node);
  void lower_require(const syntax::RequireStmt& node);
  void lower_defer(const syntax::DeferStmt& node);

  // ---- What a condition shows when it fails (conditions.cpp)
  Reg condition_message(ExprId condition);
  struct Shown;
  /// True if something is shown; `first`: nothing was before.
  bool show_parts(ExprId condition, Shown& shown, bool first);
  bool show_part(ExprId part, Shown& shown, bool first);
  bool is_outcome(check::TypeId id) const;
  bool show_outcome(ExprId run, Shown& shown, bool first);

  // ---- Steps (steps.cpp, attempts.cpp)
  /// A step, or a call that is a step by itself.
  struct StepSpec {
    std::string name;
    ExprId title;
    ExprId call;    // or
    BlockId block;  // this
    const syntax::Clauses* clauses = nullptr;
    const check::StmtInfo* info = nullptr;
    uint8_t behaviour = 2;
    SymbolId symbol = check::kNone;
    Span span;
    syntax::StepStmt::Launch launch = syntax::StepStmt::Launch::kInline;
    /// Of the call or the block, before `when` and `on failure continue`; kNone without one.
    check::TypeId output = check::kNone;
  };
  struct Attempt {
    uint16_t action = 0;
    bytecode::Doubt doubt = bytecode::Doubt::kDefault;
    BlockId verify;
    Reg mark = kNoReg;
    Reg error = kNoReg;
    Reg in_doubt = kNoReg;  // of a `writes` attempt: whether it had its effect is open
    /// Whether this one or one before it may have had its effect; kNoReg where nothing is undone.
    Reg left_open = kNoReg;
    uint32_t pause_begin = 0;  // the code of the pause before the next attempt
    uint32_t pause_end = 0;
    Label again;
    const syntax::OnFailureClause* asks = nullptr;  // `on failure ask`
    bool unwinds = false;  // what an attempt did is undone before it is tried again
    // retry
    const syntax::RetryClause* retry = nullptr;
    Reg number = kNoReg;   // of this attempt, from 1
    Reg before = kNoReg;   // attempts before a person had it tried again; kNoReg: nobody can
    Reg allowed = kNoReg;  // further attempts
    Reg low = kNoReg;      // backoff
    Reg high = kNoReg;
    // rollback
    uint32_t undo = 0;
    Captures undo_captures;
    Reg own_value = kNoReg;  // what the rollback captures as the step's own value
  };
  void lower_step(StmtId id, const syntax::StepStmt& node);
  void call_step_into(StmtId id, const syntax::ExprStmt& node, Reg to);
  void call_as_step(ExprId id, Reg to);  // where a call is a step by itself
  StepSpec spec_of(StmtId id, const syntax::StepStmt& node) const;
  check::TypeId output_of(const StepSpec& spec) const;
  bool has_output(const StepSpec& spec) const;
  Kind value_kind(const StepSpec& spec) const;
  bool continues(const StepSpec& spec) const;
  bool is_action_call(const StepSpec& spec) const;
  bool has_rollback(const StepSpec& spec) const;
  void step_into(const StepSpec& spec, Reg to);
  void guarded_step(const StepSpec& spec, Reg to);  // with `on failure continue`
  void whole_step(const StepSpec& spec, Reg to);    // from its begin to its end
  void begin_step(const StepSpec& spec);
  uint16_t step_operand(const StepSpec& spec);
  void content(const StepSpec& spec, Reg to);  // the block, the runbook or the function
  void prepare_rollback(const StepSpec& spec, Attempt& attempt);
  /// `output` is kNoReg while nobody knows it.
  void push_rollback(const StepSpec& spec, const Attempt& attempt, Reg output);
  bool uses(BlockId block, SymbolId symbol) const;
  uint32_t undo_function(const std::string& name, BlockId block, const Captures& captures);
  bool pushes_undo(BlockId block) const;
  void undo(BlockId block);

  void perform_step(const StepSpec& spec, Attempt& attempt, Reg to);
  void scoped_step(const StepSpec& spec, Attempt& attempt, Reg to);
  void failed_attempt(const StepSpec& spec, Attempt& attempt, Reg to, Label done);
  void note_left_open(const Attempt& attempt);
  void undo_if_in_doubt(const StepSpec& spec, const Attempt& attempt, Reg in_doubt);
  void resolve_doubt(const StepSpec& spec, Attempt& attempt, Reg to, Label done, Label give_up);
  void verify_attempt(const StepSpec& spec, Attempt& attempt, Reg to, Label done, Label known,
                      Label ask);
  void ask_doubt(const Attempt& attempt, Reg to, Label done);
  void ask_failure(const StepSpec& spec, Attempt& attempt, Reg to, Label done);
  const syntax::OnFailureClause* asks(const StepSpec& spec) const;
  void prepare_retry(const StepSpec& spec, Attempt& attempt);
  void decide_retry(const StepSpec& spec, Attempt& attempt, Label give_up);
  void try_again(const Attempt& attempt, Reg pause);

  // ---- Runs of their own (runs.cpp)
  void start_run(const StepSpec& spec, Reg to);
  /// A stand-in answers for the detached run.
  void detach_stand_in(SymbolId runbook, Reg first);
  uint32_t undo_run_function(const StepSpec& spec);
  void push_undo_run(const StepSpec& spec, Reg run);
  void undo_what_it_left(const StepSpec& spec, Reg run, Reg mark, uint32_t begin, uint32_t end);

  // ---- Scopes (scopes.cpp)
  struct Handlers {
    std::vector<StmtId> before_rollback, after_success, after_failure, after_cancel;
  };
  Handlers handlers_of(BlockId block) const;
  /// `locks`: where those that it runs under are freed; kNoReg without any.
  void scope(Reg result, const Handlers& handlers, const std::function<void()>& body,
             Reg locks = kNoReg);
  void fail_scope(const Handlers& handlers, Reg error, Reg mark, bool only_defers = false);
  void after_failure(const Handlers& handlers, Reg error);
  void handler_body(StmtId id, Reg error);
  void run_handler(StmtId id, Reg error);
  void make_shadows(BlockId body, const Handlers& handlers);
  void try_into(ExprId id, const syntax::TryExpr& node, Reg to);
  /// Whether something in it may have to be undone, so that failing needs a scope.
  bool needs_scope(BlockId block) const;

  // ---- Waiting (waits.cpp)
  void lower_repeat(const syntax::RepeatStmt& node);
  void lower_until(const syntax::UntilStmt& node);
  void lower_hold(const syntax::HoldStmt& node);

  // ---- Locks (locks.cpp)
  void lower_lock(const syntax::LockStmt& node);
  Reg take_head_locks(const syntax::RunbookDecl& runbook, const std::string& name);
  bool has_lock(BlockId block) const;

  // ---- Signals (signals.cpp)
  void signal_into(ExprId id, const syntax::WaitSignalExpr& node, Reg to);
  check::TypeId payload_of(check::TypeId form) const;
  /// Waits for the signal, which brings a `payload` (kNone: json), and puts what it gives, a value
  /// of the type `form`, into `to`.
  void await_signal(const std::string& name, check::TypeId payload, Reg timeout, Reg by,
                    check::TypeId form, Reg to);
  uint16_t field_of(check::TypeId record, const std::string& name) const;
  void wait_first_into(ExprId id, const syntax::WaitFirstExpr& node, Reg to);
  void case_branch(const syntax::WaitFirstExpr::Arm& arm, check::TypeId form);

  // ---- Parallel (parallel.cpp)
  void parallel_for_into(ExprId id, const syntax::ParallelForExpr& node, Reg to);
  Reg list_of(ExprId items);
  void parallel_block_into(const syntax::ParallelExpr& node, Reg to);
  struct Policy {
    uint16_t number = 0;  // 0 fail, 1 continue, 2 tolerate
    Reg tolerance = kNoReg;
    uint16_t percent = 0;
  };
  Policy policy_of(const syntax::FailurePolicy& written);
  /// The whole function of a branch, for which the captures are taken.
  void for_branch(ExprId id, const syntax::ParallelForExpr& node, check::TypeId result);
  void step_branch(StmtId stmt);
  /// A function from the item to its text in paths; kNone if it has no short one.
  uint32_t item_function(check::TypeId item);
  void take_branch_result(const StepSpec& spec, Reg list, size_t index, bool as_result);

  // ---- Numbers that a loop uses in each round (pins.cpp)
  /// A number that is held in a register for as long as a loop runs.
  struct Pinned {
    Kind kind = Kind::kInt;
    int64_t bits = 0;
    Reg reg = kNoReg;
  };
  void pin_numbers(BlockId loop);
  Reg pinned(ExprId id) const;

  // ---- Tests (tests.cpp)
  void begin_line(const std::string& what);
  /// Performs one of the actions that the test runner has (test_program.h).
  void ask_runner(uint16_t action, const std::string& shown, const std::vector<Slot>& slots,
                  Reg to);
  void tested_into(const Meaning& meaning, Reg to, check::TypeId outcome);
  void calls_into(const Meaning& meaning, Reg to, check::TypeId list);
  void secret_into(const Meaning& meaning, Reg to);
  void lower_expect(const syntax::ExpectStmt& node);
  void lower_crash(const syntax::CrashStmt& node);
  void lower_given(StmtId id, const syntax::GivenStmt& node);
  void take_call(const check::Symbol& target, const check::StmtInfo& given,
                 std::vector<bytecode::Parameter>& parameters);
  void given_match(const syntax::GivenStmt& node, const check::StmtInfo& given);
  void given_reply(const syntax::GivenStmt& node, bytecode::TypeId result, Reg turn);

  // ---- People (people.cpp)
  void lower_approval(StmtId id, const syntax::ApprovalStmt& node);
  bytecode::TypeId form_type(const syntax::ApprovalStmt& node, const check::Type& form);
  void check_form(StmtId id, const syntax::ApprovalStmt& node, Reg form, Label ask_again);
  void default_form(const syntax::ApprovalStmt& node, const check::Type& form,
                    uint16_t form_operand, Reg to);
  Reg describe(const syntax::ApprovalStmt& node, const check::Type& form);
  void people_into(const std::vector<syntax::Who>& people, Reg to);
  std::string form_json(const syntax::ApprovalStmt& node, const check::Type& form) const;
  /// A JSON object, each value filled in by its own function.
  using JsonEntry = std::pair<std::string, std::function<void(Reg)>>;
  void json_object_into(const std::vector<JsonEntry>& entries, Reg to);
  void json_list_into(const std::vector<std::function<void(Reg)>>& items, Reg to);
  void json_constant_into(std::string json, Reg to);

  friend class ModuleScope;

  ProgramLowering& program_;
  const CheckedModule* module_;
  FunctionBuilder code_;
  Role role_;
  uint32_t index_;
  std::unordered_map<SymbolId, Reg> locals_;
  std::unordered_map<SymbolId, Reg> shadows_;  // a ref that is null until the name has its value
  bool in_handler_ = false;
  bool leaves_undoing_ = false;  // a step around it asks before what it did is undone
  Reg not_yet_ = kNoReg;         // in a repeat: the error came from a `reads` step and may pass
  Label until_;                  // in a repeat: where it is left
  size_t until_depth_ = 0;
  std::vector<Exit> exits_;
  std::vector<Pinned> pinned_;
  std::vector<Reg> call_;  // of a stand-in: the arguments of the call
  int unnamed_ = 0;        // closures without a name of their own, for their functions' names
};

/// Code of another module is lowered during its life: a default that is declared there.
class ModuleScope {
 public:
  ModuleScope(Body& body, const CheckedModule& module) : body_(body), outer_(body.module_) {
    body_.module_ = &module;
  }
  ~ModuleScope() { body_.module_ = outer_; }
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  Body& body_;
  const CheckedModule* outer_;
};

}  // namespace rbk::lower
