// What checking adds to the syntax trees of a program: the type of each expression, what each name
// means, how each argument reaches its parameter. The trees themselves stay as parsed, but for one
// thing: an entry without a value (`json { service }`) has been given its NameExpr. Written by
// `check`, read by `lower`, the formatter of plans and the editor; immutable afterwards.
//
// If `diagnostics` holds an error the annotations may have gaps (kUnknown types, no symbols) and
// must not be lowered.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/source/source.h"
#include "compiler/syntax/ast.h"
#include "timing/firing.h"

namespace rbk::check {

using source::Span;
using syntax::ExprId;

inline constexpr uint32_t kNone = 0xffffffff;

/// Indices into CheckedProgram's tables. Types are interned: equal types have equal ids.
using TypeId = uint32_t;
using SymbolId = uint32_t;
using ModuleId = uint32_t;

// ---- Types
// ---------------------------------------------------------------------------------------

struct Type {
  enum class Shape : uint8_t {
    kUnknown,  // after an error: fits everything, so that nothing follows from it
    kNever,    // of `fail`, `return`, `break`: fits everything
    kNothing,  // of a call without a result, of a block without a value
    kNull,     // of `null` alone
    kBool,
    kInt,
    kFloat,
    kDuration,
    kSize,
    kTime,
    kString,
    kUrl,
    kCommand,
    kQuery,
    kRegex,
    kJson,
    kSecret,
    kEnvironment,  // of `env { … }`: map<string, string | secret>
    kRange,        // element
    kList,         // element
    kMap,          // key, element
    kOptional,     // element, never itself optional
    kResult,       // element; of a branch of `parallel for` the item's type is its key
    kRecord,       // symbol
    kEnum,         // symbol
    kErrorKind,    // symbol: one declared kind
    kError,        // `error`: any kind
    kFunction,     // parameters, element is the result
    kVariable,     // in signatures of natives only
    kForm,         // a record without a name: what a person gave (the fields of a form; of an
                   // approval then `approvers`), what a test sees of a call or of a run (see
                   // ends_in_output)
  };
  Shape shape = Shape::kUnknown;
  TypeId element = kNone;
  TypeId key = kNone;
  SymbolId symbol = kNone;                             // record, enum, error kind: nominal
  std::vector<TypeId> parameters;                      // function
  std::vector<std::pair<std::string, TypeId>> fields;  // form
  friend bool operator==(const Type&, const Type&) = default;
};

/// Of a form: what a test sees of a run whose runbook has an output. A run that did not end well
/// has none, though its type does not say so: reading it then fails the test.
inline bool ends_in_output(const Type& form) {
  return form.shape == Type::Shape::kForm && !form.fields.empty() &&
         form.fields.back().first == "output";
}

/// A field of a record, an error kind, a payload; a parameter of a callable.
struct Field {
  std::string name;
  std::string outer_name;  // in JSON
  TypeId type = 0;
  const syntax::Field* written = nullptr;  // default, `where`, doc; null for built-in ones
};

// ---- Symbols
// -------------------------------------------------------------------------------------

struct Symbol {
  enum class Kind : uint8_t {
    kLocal,      // let, var, for, catch, lambda parameter, pattern, handler's and approval's name
    kParameter,  // of a function or runbook
    kStep,       // a step's output
    kConst,
    kFunction,
    kRunbook,
    kAction,
    kRecord,
    kEnum,
    kErrorKind,
    kSchedule,
    kCalendar,
    kModule,   // of an import or a standard module
    kBuiltin,  // now, secret, secrets, run, log, calls …: by name
  };
  Kind kind = Kind::kLocal;
  std::string name;
  TypeId type =
      0;  // of the value; of a callable its kFunction type; of a record etc. the type itself
  ModuleId module = 0;
  syntax::DeclId decl;  // of a top-level one
  Span span;            // its name where it is declared
  bool is_var = false;  // may be assigned
  bool used = false;
  bool unsure = false;  // a declaration that was not read in full: what it lacks may only be lost
  ModuleId imported = kNone;  // kModule: which
  std::vector<Field> fields;  // record, error kind: fields; callable: parameters
  struct Member {
    std::string name;
    std::string outer_name;
    std::vector<Field> payload;
    std::vector<SymbolId> parameters = {};  // as Symbol::parameters of a record
  };
  std::vector<Member> members;  // enum; one without `decl` is built in: Doubt of a verify block
  TypeId result = kNone;        // callable; kNothing's id without one
  /// Callable: its parameters' symbols, in order. Record of which a field has a `where`: its
  /// fields' symbols, as conditions see them.
  std::vector<SymbolId> parameters;
  std::vector<SymbolId> outside;  // runbook: the calendars that it must not run in
};

// ---- What an expression means
// --------------------------------------------------------------------

/// How a value is made to fit the place where it stands, after `value_type` is known.
enum class Convert : uint8_t {
  kNothing,
  kToOptional,     // T where T? is wanted
  kFromOptional,   // T? that was narrowed to T
  kToJson,         // inside json { … }
  kToError,        // a declared kind where `error` is wanted
  kUrlToString,    // a Url, where text is interpolated
  kToEnvironment,  // map<string, string> where an environment is wanted
};

/// How `${}` in a literal is encoded.
enum class Encoding : uint8_t {
  kText,        // as interpolation shows it
  kShellWord,   // quoted for the shell
  kShellWords,  // a list: each quoted, joined by blanks
  kUrlWhole,    // a Url at the head
  kUrlHost,
  kUrlPath,
  kUrlQuery,
  kBind,        // a parameter of a query
  kBindList,    // a list: one parameter each
  kQueryPiece,  // a query, with its own parameters
};

/// Methods that are compiled into loops.
enum class LoopMethod : uint8_t {
  kMap,
  kFilter,
  kAny,
  kAll,
  kFind,
  kCount,
  kEach,
  kSortBy,
  kFlatMap
};

struct Meaning {
  enum class Kind : uint8_t {
    kPlain,  // what its syntax says. A record's or error's brace: `symbol` is its type, `arguments`
             // are in the order of its fields; of an error then its message and retryable
    kSymbol,  // NameExpr, MemberExpr: a local, parameter, step, const, or a callable used as value
    kField,   // MemberExpr: field `index` of a record, error or form (`index` as in its fields).
              // With `symbol`, of an `error`: the field if it is of that kind, else null
    kErrorMessage,  // e.message, e.kind, e.retryable
    kErrorKindName,
    kErrorRetryable,
    kJsonField,   // MemberExpr on json: name as written
    kEnumMember,  // MemberExpr, ShorthandExpr, CallExpr: member `index` of the enum in `symbol`;
                  // without a symbol of Result: 0 ok, 1 err
    kNativeProperty,  // MemberExpr: `native`
    kRunInfo,         // run.id, run.url, run.starter, run.reason, run.labels, run.started
    kSecretByName,    // secrets.NAME
    kResultIsOk,      // MemberExpr on Result: ok, value, error, item
    kResultValue,
    kResultError,
    // CallExpr:
    kCallFunction,      // `symbol`
    kCallRunbook,       // `symbol`: its steps nest inside the step
    kCallAction,        // `symbol`
    kCallClosure,       // the callee is a value
    kCallNative,        // `native`; the receiver is the callee's base
    kCallTypeFunction,  // `native`, without a receiver
    kCallLoop,          // `loop`; the receiver is the callee's base
    kCallNow,
    kCallEmit,  // log.info …, run.note, run.label, run.progress, run.attach: `native` is its name
    kCallSecret,      // secret("x"), in tests only
    kCallTested,      // `symbol`: a run of this runbook, in a test; its value is how it ended
    kCallsOf,         // calls(x), in tests only: those of the action or runbook `symbol`
    kCallRawCommand,  // shell.raw(text)
    kCallIdentifier,  // sql.ident(name)
    kCallRandom,      // of a range, or without an argument
    kResultItem,      // MemberExpr on Result: item
  };
  Kind kind = Kind::kPlain;
  LoopMethod loop = LoopMethod::kMap;
  uint32_t index = kNone;
  SymbolId symbol = kNone;
  std::string native;  // "string.split", "log.info"
  /// A call's arguments in the order of the parameters; not valid: its default, or null if it has
  /// none. kCallNative, kCallLoop: without the receiver.
  std::vector<ExprId> arguments;
};

/// A name whose value may not be there yet has a `value_type` of T? while its symbol's type is T:
/// top-level names of a runbook in its handlers, a step's output in its own rollback.
struct ExprInfo {
  TypeId value_type = 0;  // before `convert`
  TypeId type = 0;        // after
  Convert convert = Convert::kNothing;
  /// A second conversion after the first, where two are needed (narrowed, then to json).
  Convert then = Convert::kNothing;
  uint32_t meaning = kNone;  // index into CheckedModule::meanings; kNone: plain
  /// A StringLit: what it makes (kString, kUrl, kCommand, kQuery, kRegex, kTime by value_type), and
  /// each part's encoding in `encodings` from here on.
  uint32_t encodings = kNone;
};

/// What a pattern means.
struct PatternInfo {
  SymbolId symbol = kNone;  // BindPattern: the local; MemberPattern: the enum (kNone: Result, with
                            // members 0 ok, 1 err); RecordPattern: the record or error kind
  uint32_t index = kNone;   // MemberPattern: the member
  TypeId type = 0;          // of what it is matched against
  std::vector<SymbolId>
      field_symbols;  // RecordPattern: the locals of fields without a pattern, in order; kNone else
  std::vector<uint32_t> field_indices;  // RecordPattern
};

/// What a statement declares, in order; kNone for what is not written.
///   let, handler: its name
///   step, call with clauses: its name (kNone for a call), then `error` of a retry's `if`
///   for: item, index; over a map the item is the value, the index the key
///   approval, ask: its name, then each form field's (as its `where` sees it)
///   given: what it stands in for (an action, a runbook, `now`; the name of an approval), then for
///          each of its parameters the name that is bound to it
/// Expressions that declare (parallel for, try, lambda) have CheckedModule::expr_symbols.
///
/// The steps of a `parallel` block stay visible after it: under `on failure continue|tolerate`
/// their symbols have the type Result<T>.
struct StmtInfo {
  std::vector<SymbolId> symbols;
  std::vector<SymbolId> retry_kinds;  // of `retry … on Kinds`, in order
  std::vector<uint32_t> places;       // of each argument of a `given`: the parameter; kNone: none
  TypeId doubt = kNone;               // the enum that a verify block's value has
  TypeId brought = kNone;             // of a given signal: what it brings; of a given resolution
  TypeId resolution = kNone;          // the enum of what a person says when the step has failed
  TypeId detached = kNone;            // of a `detach`: the record that it gives
  /// A step, and a call by itself in a rollback or handler: the behaviour after `reads`,
  /// `idempotent` clauses; 0 kReads, 1 kIdempotent, 2 kWrites.
  uint8_t behaviour = 2;
};

/// The names that expressions declare, by ExprId. Few do, so only those take room.
class ExprSymbols {
 public:
  std::vector<SymbolId>& operator[](uint32_t expr) { return symbols_[expr]; }
  /// Empty if it declares none.
  const std::vector<SymbolId>& at(uint32_t expr) const {
    static const std::vector<SymbolId> kNobody;
    const auto found = symbols_.find(expr);
    return found == symbols_.end() ? kNobody : found->second;
  }

 private:
  std::unordered_map<uint32_t, std::vector<SymbolId>> symbols_;
};

struct CheckedModule {
  ModuleId id = 0;
  std::string name;  // of a standard module: "http"; of a file: its path
  bool standard = false;
  const source::Source* source = nullptr;
  syntax::Ast ast;
  std::vector<ExprInfo> exprs;        // by ExprId
  std::vector<StmtInfo> stmts;        // by StmtId
  std::vector<PatternInfo> patterns;  // by PatternId
  ExprSymbols expr_symbols;           // of ParallelForExpr, TryExpr, LambdaExpr, WaitFirstExpr
  std::vector<TypeId> type_refs;      // by TypeRefId
  std::vector<Meaning> meanings;
  std::vector<Encoding> encodings;  // see ExprInfo::encodings
  std::vector<SymbolId> decls;      // by DeclId: the symbol; kNone for tests, schedules …
  std::vector<SymbolId> looked_at;  // by DeclId: of an invariant its `it`; else kNone
  std::vector<SymbolId> about;      // by DeclId: of an invariant its runbook; else kNone
  /// Of own actions: by the ExprId after `exec` the program's path, relative to the project.
  std::unordered_map<uint32_t, std::string> own_programs;

  const ExprInfo& info(ExprId expr) const { return exprs.at(expr.index); }
  const Meaning* meaning(ExprId expr) const {
    const uint32_t index = exprs.at(expr.index).meaning;
    return index == kNone ? nullptr : &meanings.at(index);
  }
};

/// The program of own actions (`= exec`).
struct OwnProgram {
  std::string path;  // relative to the project
  Digest hash{};     // of the file
};

/// `schedule nightly for restart(service: "api") { … }`
struct Schedule {
  SymbolId symbol = kNone;
  SymbolId runbook = kNone;
  std::vector<ExprId> arguments;  // by the runbook's parameters; not valid: its default, or null
  timing::Timing timing;
  enum class Overlap : uint8_t { kSkip, kQueue, kCancelRunning };
  Overlap overlap = Overlap::kSkip;
  enum class Missed : uint8_t { kSkip, kRunOnce, kRunAll };
  Missed missed = Missed::kSkip;
  std::optional<int64_t> missed_within;  // microseconds
};

struct CheckedProgram {
  source::SourceSet sources;
  std::vector<OwnProgram> programs;                     // each once
  std::vector<std::unique_ptr<CheckedModule>> modules;  // 0: the file that was asked for
  std::vector<Type> types;
  std::deque<Symbol> symbols;
  std::map<SymbolId, timing::Calendar> calendars;  // of those without a mistake
  std::vector<Schedule> schedules;                 // the same; of files, in their order
  diagnostics::Diagnostics diagnostics;

  const Type& type(TypeId id) const { return types.at(id); }
  const Symbol& symbol(SymbolId id) const { return symbols.at(id); }
  /// As messages show it: "list<string>?", "http.Response", "(int) -> bool".
  std::string text(TypeId id) const;
};

/// A standard module's declarations; the compiler has none of its own.
struct StandardModule {
  std::string_view name;  // "http"; "core" holds the built-in error kinds and is searched last
  std::string_view text;
};

/// Reads a file that an import names; the path is relative to the project's root.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

/// A program that an own action names.
struct FoundProgram {
  Digest hash{};               // of the file
  std::optional<Error> unfit;  // as it lies there it can't be started: why, and the cure
};

/// Finds a program by its path, relative to the project's root. Fails if there is no such file.
using FindProgram = std::function<Result<FoundProgram>(const std::string& path)>;

/// The time zones that there are.
struct Zones {
  /// kNotFound if there is none of that name.
  std::function<Result<timing::Zone>(std::string_view name)> find;
  /// All of them: for what may have been meant.
  std::function<std::vector<std::string>()> names;
};

struct Options {
  std::vector<StandardModule> standard;
  ReadFile read;             // may be empty: then every import of a file is kImportNotFound
  FindProgram find_program;  // may be empty: then every `= exec` is kProgramNotFound
  Zones zones;               // may be empty: then there is UTC alone
  bool strict = false;       // warnings that @strict makes errors, for every runbook
  /// Who is in which group, where that is known. Empty: nothing is said of groups.
  std::map<std::string, std::vector<std::string>> groups;
  /// The secrets that the project says the place of. Empty: nothing is said of secrets.
  std::set<std::string, std::less<>> secrets;
  /// The targets that the project has for `notify`. Nothing: they are not known.
  std::optional<std::set<std::string, std::less<>>> notify;
};

/// Parses and checks the file and all that it imports. Standard modules are parsed only when a name
/// of theirs is used. Never fails: look at `diagnostics`.
CheckedProgram check(std::string path, std::string text, const Options& options);

}  // namespace rbk::check
