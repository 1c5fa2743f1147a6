// The syntax tree of one file: what was written, without meaning. Nodes live in vectors of `Ast`
// and name each other by typed ids; an id is only valid in its own Ast. A default id means "not
// written". Where recovery dropped something there is an Error node, never a missing required
// child, so that a checker needs no null tests beyond those that the comments say. Immutable once
// parsed; any number of threads may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/source/source.h"

namespace rbk::syntax {

using source::Span;

template <typename Node>
struct Id {
  static constexpr uint32_t kNone = 0xffffffff;
  uint32_t index = kNone;

  bool valid() const { return index != kNone; }
  explicit operator bool() const { return valid(); }
  friend bool operator==(Id, Id) = default;
  friend auto operator<=>(Id, Id) = default;
};

struct Expr;
struct Stmt;
struct Decl;
struct TypeRef;
struct Pattern;
struct Block;

using ExprId = Id<Expr>;
using StmtId = Id<Stmt>;
using DeclId = Id<Decl>;
using TypeRefId = Id<TypeRef>;
using PatternId = Id<Pattern>;
using BlockId = Id<Block>;

/// An identifier with its place; empty text where it is missing (an error was reported then).
struct Name {
  std::string text;
  Span span;
  bool empty() const { return text.empty(); }
};

/// `Timeout`, `http.ServerError`, `b.c`: one part or more.
struct Path {
  std::vector<Name> parts;
  Span span;
  bool empty() const { return parts.empty(); }
  const Name& last() const { return parts.back(); }
  std::string text() const;  // joined with dots
};

// ---- Types
// ---------------------------------------------------------------------------------------

/// `int`, `list<T>`, `map<K, T>`, `http.Response`.
struct NamedType {
  Path path;
  std::vector<TypeRefId> args;
};
/// `T?`
struct OptionalType {
  TypeRefId inner;
};
/// `fn(T) -> U`; only standard modules write it.
struct FunctionType {
  std::vector<TypeRefId> parameters;
  TypeRefId result;  // not valid: gives nothing
};
struct ErrorType {};

struct TypeRef {
  Span span;
  std::variant<ErrorType, NamedType, OptionalType, FunctionType> node;
};

// ---- Shared pieces
// -------------------------------------------------------------------------------

/// `user "x"`, `group "x"`, `starter` (then `name` is not valid). `group` and `user` take any
/// expression.
struct Who {
  enum class Kind { kUser, kGroup, kStarter };
  Kind kind = Kind::kGroup;
  ExprId name;
  Span span;
};

/// A call's argument; `label` is empty when it is positional.
struct Argument {
  Name label;
  ExprId value;
  Span span;
};

/// One entry of a value brace. The key is a name (`took: 5s`), or an expression (map keys, JSON
/// string keys, shorthand `.dev` keys): then `key` is valid and `name` empty. Without a value
/// (`json { service }`) `value` is not valid and the name stands for itself.
struct Entry {
  Name name;
  ExprId key;
  ExprId value;
  Span span;
};

/// `@strict`, `@deprecated(use: x)`, `@suppress(RBK0142)`.
struct Annotation {
  Name name;
  std::vector<Argument> args;
  Span span;
};

/// `where cond else "message"`; `message` may be not valid.
struct Refinement {
  ExprId condition;
  ExprId message;
  Span span;
};

/// A parameter, a record's, error's or form's field, a payload of an enum member, a lambda's
/// parameter.
struct Field {
  Name name;
  TypeRefId type;        // not valid only for a lambda's parameter without a written type
  ExprId default_value;  // may be not valid
  ExprId outer_name;     // `from "imageTag"`; may be not valid
  std::vector<Refinement> where;
  std::vector<Annotation> annotations;
  std::string doc;  // lines of `///`, joined with '\n', without the marker
  Span span;
};

/// `on failure …` of a parallel block. Absent in the source: kFail with an empty span.
struct FailurePolicy {
  enum class Kind { kFail, kContinue, kTolerate };
  Kind kind = Kind::kFail;
  ExprId tolerance;      // kTolerate only: a number
  bool percent = false;  // `tolerate 5%`
  Span span;
};

// ---- Clauses of steps and calls
// ------------------------------------------------------------------

/// `timeout D`
struct TimeoutClause {
  ExprId duration;
};
/// `retry N times [backoff a..b] [on Kinds] [if expr]`
struct RetryClause {
  ExprId times;
  ExprId backoff;           // a RangeExpr, or one duration; may be not valid
  std::vector<Path> kinds;  // empty: every retryable error
  ExprId condition;         // may be not valid; sees `error`
};
/// `rollback { … }`, or `rollback none "why"` (then `block` is not valid).
struct RollbackClause {
  BlockId block;
  ExprId why;
};
/// `irreversible "why"`
struct IrreversibleClause {
  ExprId why;
};
/// `on doubt retry | verify { } | undo | fail | ask [by …]`
struct OnDoubtClause {
  enum class Kind { kRetry, kVerify, kUndo, kFail, kAsk };
  Kind kind = Kind::kAsk;
  BlockId verify;  // kVerify only
  std::vector<Who> by;
};
/// `on failure continue`, `on failure ask by …`
struct OnFailureClause {
  enum class Kind { kContinue, kAsk };
  Kind kind = Kind::kContinue;
  std::vector<Who> by;
};
/// `when expr`
struct WhenClause {
  ExprId condition;
};
struct ReadsClause {};
struct IdempotentClause {};
/// `sandbox local|container "image" [{ entries }]`
struct SandboxClause {
  enum class Kind { kLocal, kContainer };
  Kind kind = Kind::kLocal;
  ExprId image;  // kContainer only
  std::vector<Entry> entries;
};

struct Clause {
  Span span;
  std::variant<TimeoutClause, RetryClause, RollbackClause, IrreversibleClause, OnDoubtClause,
               OnFailureClause, WhenClause, ReadsClause, IdempotentClause, SandboxClause>
      node;
};

/// In the order written. A clause written twice is a syntax error that was reported; the first
/// counts.
struct Clauses {
  std::vector<Clause> items;

  bool empty() const { return items.empty(); }
  /// The clause of this kind, or null.
  template <typename T>
  const T* find() const {
    for (const Clause& clause : items) {
      if (const T* found = std::get_if<T>(&clause.node)) return found;
    }
    return nullptr;
  }
  template <typename T>
  Span span_of() const {
    for (const Clause& clause : items) {
      if (std::holds_alternative<T>(clause.node)) return clause.span;
    }
    return {};
  }
};

// ---- Patterns
// ------------------------------------------------------------------------------------

struct ErrorPattern {};
struct WildcardPattern {};  // `_`
struct NullPattern {};
/// A number, string, bool, duration, size; a negative number too.
struct LiteralPattern {
  ExprId value;
};
/// `1..10`, `-1..<5`, `500..599`
struct RangePattern {
  ExprId low;
  ExprId high;
  bool half_open = false;
};
/// `x`: binds the value.
struct BindPattern {
  Name name;
};
/// `.prod`, `Env.dev`, `.custom(n)`; `type` is empty for the shorthand.
struct MemberPattern {
  Path type;
  Name member;
  std::vector<PatternId> payload;
  bool has_payload = false;  // parentheses were written
};
/// `Rec { a, b: .c }`, `http.ServerError { status }`; a field's pattern that is not valid binds its
/// name.
struct RecordPattern {
  struct PatternField {
    Name name;
    PatternId pattern;
  };
  Path type;
  std::vector<PatternField> fields;
};
/// `a | b`
struct OrPattern {
  std::vector<PatternId> alternatives;
};

struct Pattern {
  Span span;
  std::variant<ErrorPattern, WildcardPattern, NullPattern, LiteralPattern, RangePattern,
               BindPattern, MemberPattern, RecordPattern, OrPattern>
      node;
};

// ---- Expressions
// ---------------------------------------------------------------------------------

struct ErrorExpr {};
struct NullLit {};
struct BoolLit {
  bool value = false;
};
struct IntLit {
  int64_t value = 0;
};
struct FloatLit {
  double value = 0;
};
/// `5m30s`
struct DurationLit {
  int64_t micros = 0;
};
/// `512MiB`
struct SizeLit {
  int64_t bytes = 0;
};

/// Any string literal; one text part (or none, when empty) if nothing is interpolated.
struct StringLit {
  enum class Kind { kPlain, kRaw, kDollar };  // "…", r"…", $$"…"
  struct Part {
    std::string text;  // escapes done, margin removed; only when `value` is not valid
    ExprId value;      // `${…}`
    Span span;
  };
  Kind kind = Kind::kPlain;
  bool multi_line = false;  // """…"""
  std::vector<Part> parts;

  bool is_plain_text() const {
    return parts.empty() || (parts.size() == 1 && !parts.front().value.valid());
  }
};

struct NameExpr {
  std::string name;  // the node's span is its place
};
/// `base.name`, `base?.name`
struct MemberExpr {
  ExprId base;
  Name name;
  bool optional = false;
};
/// `.prod`
struct ShorthandExpr {
  Name name;
};
struct IndexExpr {
  ExprId base;
  ExprId index;
};
/// `xs[a..b]`, `xs[..b]`, `xs[a..]`; either end may be not valid.
struct SliceExpr {
  ExprId base;
  ExprId low;
  ExprId high;
  bool half_open = false;
};
struct CallExpr {
  ExprId callee;
  std::vector<Argument> args;
};
/// `fn(x) => expr` or `fn(x) { … }`: just one of the two is valid.
struct LambdaExpr {
  std::vector<Field> params;
  ExprId value;
  BlockId block;
};
enum class UnaryOp { kNegate, kNot };
struct UnaryExpr {
  UnaryOp op = UnaryOp::kNegate;
  ExprId operand;
};
enum class BinaryOp {
  kMul,
  kDiv,
  kMod,
  kAdd,
  kSub,
  kCoalesce,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,
  kNotIn,
  kMatches,
  kAnd,
  kOr
};
struct BinaryExpr {
  BinaryOp op = BinaryOp::kAdd;
  Span op_span;
  ExprId left;
  ExprId right;
};
struct RangeExpr {
  ExprId low;
  ExprId high;
  bool half_open = false;
};
/// `value as T`
struct CastExpr {
  ExprId value;
  TypeRefId type;
};
struct ListExpr {
  std::vector<ExprId> items;
};
/// `Report { … }`, `map { … }`, `json { … }`, `env { … }`
struct BraceExpr {
  enum class Kind { kRecord, kMap, kJson, kEnv };
  Kind kind = Kind::kRecord;
  Path type;  // kRecord only
  std::vector<Entry> entries;
};
/// `if c { } else { }`; `else_block` may be not valid. `else if` is an else-block of one IfExpr
/// statement.
struct IfExpr {
  ExprId condition;
  BlockId then_block;
  BlockId else_block;
};
/// An arm's body is always a block: `=> x` is a block of one statement.
struct MatchExpr {
  struct Arm {
    PatternId pattern;
    ExprId guard;  // may be not valid
    BlockId body;
    Span span;
  };
  ExprId subject;
  std::vector<Arm> arms;
};
/// `try { } catch e { }`; `binding` may be empty, `handler` may be not valid (reported).
struct TryExpr {
  BlockId body;
  Name binding;
  BlockId handler;
};
/// `parallel { … }`
struct ParallelExpr {
  FailurePolicy policy;
  BlockId body;
};
/// `parallel for [i,] x in xs [limit n] [on failure …] { … }`
struct ParallelForExpr {
  Name index;  // empty if not written
  Name item;
  ExprId items;
  ExprId limit;  // may be not valid
  FailurePolicy policy;
  BlockId body;
};
/// `wait D`
struct WaitExpr {
  ExprId duration;
};
/// `wait until t`
struct WaitUntilExpr {
  ExprId time;
};
/// `wait for signal go: Go [by …] [timeout D]`
struct WaitSignalExpr {
  Name signal;
  TypeRefId type;  // may be not valid
  std::vector<Who> by;
  ExprId timeout;  // may be not valid
};
/// `wait first { case … => … }`
struct WaitFirstExpr {
  struct Arm {
    enum class Kind { kSignal, kUntil, kDuration, kWork };
    Kind kind = Kind::kDuration;
    Name signal;     // kSignal
    TypeRefId type;  // kSignal; may be not valid
    Name binding;    // kSignal `as c`; may be empty
    ExprId value;    // kUntil: a time; kDuration: a duration
    StmtId work;     // kWork: a repeat, hold or parallel statement
    BlockId body;
    Span span;
  };
  std::vector<Arm> arms;
};
/// `fail "text"`, `fail Kind { … }`; never has a value.
struct FailExpr {
  ExprId error;
};

struct Expr {
  Span span;
  bool parenthesised = false;
  std::variant<ErrorExpr, NullLit, BoolLit, IntLit, FloatLit, DurationLit, SizeLit, StringLit,
               NameExpr, MemberExpr, ShorthandExpr, IndexExpr, SliceExpr, CallExpr, LambdaExpr,
               UnaryExpr, BinaryExpr, RangeExpr, CastExpr, ListExpr, BraceExpr, IfExpr, MatchExpr,
               TryExpr, ParallelExpr, ParallelForExpr, WaitExpr, WaitUntilExpr, WaitSignalExpr,
               WaitFirstExpr, FailExpr>
      node;
};

// ---- Statements
// ----------------------------------------------------------------------------------

/// `{ … }`. The last statement, if it is an ExprStmt, is the block's value where one is wanted.
struct Block {
  Span span;  // with its braces; of the statement alone for an arm without braces
  std::vector<StmtId> stmts;
};

struct ErrorStmt {};
/// `let x: T = v`, `var x = v`
struct LetStmt {
  bool is_var = false;
  Name name;
  TypeRefId type;  // may be not valid
  ExprId value;
};
/// `name = value`; any other target was reported as an error but is kept.
struct AssignStmt {
  ExprId target;
  ExprId value;
};
/// An expression, also the compound ones (if, match, try, parallel, wait, fail). Only a call has
/// clauses.
struct ExprStmt {
  ExprId value;
  Clauses clauses;
};
/// `step x "title" = [start|detach] call clauses` or `step x "title" { … } clauses`.
struct StepStmt {
  enum class Launch { kInline, kStart, kDetach };
  Name name;
  ExprId title;  // may be not valid
  Launch launch = Launch::kInline;
  ExprId value;   // a call; not valid when it has a block
  BlockId block;  // not valid when it has a value
  Clauses clauses;
};
/// `for [i,] x in xs { … }`
struct ForStmt {
  Name index;  // empty if not written
  Name item;
  ExprId items;
  BlockId body;
};
/// `repeat every D [at most D | at most N times] { …; until cond }`
struct RepeatStmt {
  ExprId every;
  ExprId at_most;              // a duration, or a count; may be not valid, only in `wait first`
  bool at_most_times = false;  // `at_most` counts rounds
  BlockId body;                // has an UntilStmt
};
/// `until cond`, in a repeat's block only
struct UntilStmt {
  ExprId condition;
};
/// `hold D every D { … }`
struct HoldStmt {
  ExprId duration;
  ExprId every;
  BlockId body;
};
struct ReturnStmt {
  ExprId value;  // may be not valid
};
struct BreakStmt {};
struct ContinueStmt {};
/// `require cond [else "text"]`
struct RequireStmt {
  ExprId condition;
  ExprId message;  // may be not valid
};
struct DeferStmt {
  BlockId body;
};
/// `commit "why"`
struct CommitStmt {
  ExprId why;
};
/// `lock "name" [limit n] [timeout D] [expires D] { … }`
struct LockStmt {
  ExprId name;
  ExprId limit;
  ExprId timeout;
  ExprId expires;
  BlockId body;
};
/// `before rollback e { }`, `after success|failure|cancel [e] { }`
struct HandlerStmt {
  enum class Kind { kBeforeRollback, kAfterSuccess, kAfterFailure, kAfterCancel };
  Kind kind = Kind::kAfterFailure;
  Name binding;  // may be empty
  BlockId body;
};

/// `expires D then …`
struct Expiry {
  enum class Then { kReject, kEscalate, kDefault, kFail };
  ExprId after;
  Then then = Then::kReject;
  std::vector<Who> to;  // kEscalate
  Span span;
};

/// `approval go "…?" { … }` and `ask what "…" { … }`: the same entries, the checker says which fit.
struct ApprovalStmt {
  bool is_ask = false;
  Name name;
  ExprId question;
  std::vector<Who> by;
  std::vector<Who> not_by;
  ExprId quorum;  // may be not valid
  std::vector<Field> form;
  Span form_span;  // empty if there is none
  std::vector<ExprId> notify;
  std::optional<Expiry> expires;
  std::vector<Who> break_glass;
  bool allow_starter = false;
};

/// `expect cond`, in tests and invariants
struct ExpectStmt {
  ExprId condition;
};
/// `given target[(label: x, …)] [if cond] => reply`, in tests
struct GivenStmt {
  enum class Kind { kCall, kApproval, kAsk, kSignal };
  enum class Reply { kValue, kInOrder, kApprove, kReject, kAnswer };
  Kind kind = Kind::kCall;
  Path target;                 // of an approval, ask or signal: its name
  std::vector<Argument> args;  // a value that is a plain new name binds it: the checker's matter
  bool has_args = false;
  ExprId condition;  // may be not valid
  Reply reply = Reply::kValue;
  ExprId value;                // kValue; a FailExpr too
  std::vector<ExprId> values;  // kInOrder
  std::vector<Entry> entries;  // kApprove, kAnswer
};
/// `crash before|after step a.b`, in tests
struct CrashStmt {
  bool before = true;
  Path step;
};

struct Stmt {
  Span span;
  std::variant<ErrorStmt, LetStmt, AssignStmt, ExprStmt, StepStmt, ForStmt, RepeatStmt, UntilStmt,
               HoldStmt, ReturnStmt, BreakStmt, ContinueStmt, RequireStmt, DeferStmt, CommitStmt,
               LockStmt, HandlerStmt, ApprovalStmt, ExpectStmt, GivenStmt, CrashStmt>
      node;
};

// ---- Declarations
// --------------------------------------------------------------------------------

struct ErrorDecl {};
/// `import "path.rbk" as name`
struct ImportDecl {
  ExprId path;  // a StringLit
};
struct ConstDecl {
  TypeRefId type;  // may be not valid
  ExprId value;
};
struct FnDecl {
  std::vector<Field> params;
  TypeRefId result;  // not valid: returns nothing
  BlockId body;
};
/// `fn list<T>.take(count: int) -> list<T> = native`: what the values of a type can do; the
/// declaration's name is the function's. Without a receiver it is a function of the type itself.
struct NativeFnDecl {
  TypeRefId receiver;        // may be not valid
  bool is_property = false;  // has no parameter list
  std::vector<Field> params;
  TypeRefId result;  // not valid: returns nothing
};
struct RecordDecl {
  std::vector<Field> fields;
};
struct EnumDecl {
  struct Member {
    Name name;
    std::vector<Field> payload;
    ExprId outer_name;  // may be not valid
    std::string doc;
    Span span;
  };
  std::vector<Member> members;
};
/// `error Kind { field: T }`
struct ErrorKindDecl {
  std::vector<Field> fields;
};

/// `outside CALENDAR [then skip|delay]`
struct Outside {
  enum class Then { kDefault, kSkip, kDelay };
  Path calendar;
  Then then = Then::kDefault;
  Span span;
};
/// `exclusive "name" [queue|reject|cancel_running]`
struct Exclusive {
  enum class Mode { kDefault, kQueue, kReject, kCancelRunning };
  ExprId name;
  Mode mode = Mode::kDefault;
  Span span;
};
struct RunbookDecl {
  std::vector<Field> params;
  TypeRefId result;  // may be not valid
  std::vector<Who> allow;
  ExprId worker;  // `on worker "dc"`; may be not valid
  std::vector<Exclusive> exclusive;
  std::vector<Outside> outside;
  ExprId max;    // may be not valid
  BlockId body;  // HandlerStmts stand in it, at its end
};
/// `action page(message: string) -> Page writes = exec "plugins/page"`, or `= native`
struct ActionDecl {
  enum class Effect { kUnknown, kReads, kIdempotent, kWrites };
  std::vector<Field> params;
  TypeRefId result;  // may be not valid
  Effect effect = Effect::kUnknown;
  Span effect_span;
  bool native = false;
  ExprId exec;  // not native
};
/// `schedule s for rb(args) { cron … | every …; overlap …; missed …; outside … }`
struct ScheduleDecl {
  enum class Overlap { kDefault, kSkip, kQueue, kCancelRunning };
  enum class Missed { kDefault, kSkip, kRunOnce, kRunAll };
  struct Firing {
    bool is_cron = true;
    ExprId value;  // the cron text, or the period
    ExprId zone;   // may be not valid
    Span span;
  };
  Path runbook;
  std::vector<Argument> args;
  std::vector<Firing> firings;
  Overlap overlap = Overlap::kDefault;
  Missed missed = Missed::kDefault;
  ExprId missed_within;  // may be not valid
  std::vector<Outside> outside;
};
/// `trigger t for rb(args) { from webhook "x" where cond; key expr; at most 3 per 1h }`
struct TriggerDecl {
  Path runbook;
  std::vector<Argument> args;
  Name source_kind;  // `webhook`
  ExprId source;
  ExprId condition;  // may be not valid
  ExprId key;        // may be not valid
  ExprId at_most;    // may be not valid
  ExprId per;
};
/// `calendar freeze in "zone" { closed a..b "why"; closed every fri after "16:00" }`
struct CalendarDecl {
  struct Closed {
    ExprId range;            // a RangeExpr or one value; not valid for `every`
    std::vector<Name> days;  // of `every`
    ExprId after;            // may be not valid
    ExprId before;           // may be not valid
    ExprId why;              // may be not valid
    Span span;
  };
  ExprId zone;  // may be not valid
  std::vector<Closed> closed;
};
/// `test "title" { … }`
struct TestDecl {
  ExprId title;
  BlockId body;
};
/// `invariant "title" for rb { … }`
struct InvariantDecl {
  ExprId title;
  Path runbook;
  BlockId body;
};

/// A top-level declaration. `name` is empty for a test or an invariant; of an import it is that
/// after `as`.
struct Decl {
  Span span;
  Name name;
  std::string doc;
  std::vector<Annotation> annotations;
  std::variant<ErrorDecl, ImportDecl, ConstDecl, FnDecl, NativeFnDecl, RecordDecl, EnumDecl,
               ErrorKindDecl, RunbookDecl, ActionDecl, ScheduleDecl, TriggerDecl, CalendarDecl,
               TestDecl, InvariantDecl>
      node;
};

// ---- The file
// ------------------------------------------------------------------------------------

struct Comment {
  enum class Kind { kLine, kDoc, kFileDoc };  // `//`, `///`, `//!`
  Kind kind = Kind::kLine;
  Span span;             // with the marker, without the newline
  bool own_line = true;  // nothing but blanks before it on its line
};

/// What of a file could not be read, and was reported: statements and heads, without the blocks in
/// them. Whatever these were to declare may be what seems to be missing elsewhere.
struct Unread {
  std::vector<Span> stretches;  // in the order of the text, apart from each other
  std::set<std::string, std::less<>> words;

  bool holds(uint32_t offset) const;
  bool touches(Span span) const;
};

struct Ast {
  std::vector<Expr> exprs;
  std::vector<Stmt> stmts;
  std::vector<Decl> all_decls;
  std::vector<TypeRef> types;
  std::vector<Pattern> patterns;
  std::vector<Block> blocks;

  std::vector<DeclId> decls;      // the file's declarations, in order
  std::vector<Comment> comments;  // every comment, in order
  std::string doc;                // lines of `//!`
  Unread unread;

  const Expr& operator[](ExprId id) const { return exprs.at(id.index); }
  const Stmt& operator[](StmtId id) const { return stmts.at(id.index); }
  const Decl& operator[](DeclId id) const { return all_decls.at(id.index); }
  const TypeRef& operator[](TypeRefId id) const { return types.at(id.index); }
  const Pattern& operator[](PatternId id) const { return patterns.at(id.index); }
  const Block& operator[](BlockId id) const { return blocks.at(id.index); }

  ExprId add(Expr node);
  StmtId add(Stmt node);
  DeclId add(Decl node);  // does not enter it into `decls`
  TypeRefId add(TypeRef node);
  PatternId add(Pattern node);
  BlockId add(Block node);
};

}  // namespace rbk::syntax
