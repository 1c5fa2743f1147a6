// A compiled program: all that the machine needs to run runbooks, and nothing of how they were
// written. The compiler makes it, the machine runs it, the store keeps it by its content hash.
// Immutable once sealed; any number of threads may read it.
//
// Serialised form: docs/formats/program.md. `load` trusts nothing: a program that it returns can be
// run without undefined behaviour, whatever bytes it came from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "timing/calendar.h"

namespace rbk::bytecode {

/// What a register or a field of a heap object holds. A register keeps its kind for the whole of
/// its function, so that no instruction tests a type.
enum class Kind : uint8_t {
  kBool,
  kInt,
  kFloat,
  kDuration,  // microseconds
  kSize,      // bytes
  kTime,      // microseconds since the epoch
  kRef,       // a heap object, or null: every other type, and each T? (a box if T is none of those)
};

/// An index into Program::types.
using TypeId = uint32_t;
inline constexpr uint32_t kNone = 0xffffffff;
/// "No register" in an operand.
inline constexpr uint16_t kNoRegister = 0xffff;

/// What a value is, as far as running needs to know: reading it from JSON, writing it there,
/// printing it. Types are interned: equal types have equal ids within one program.
struct Type {
  enum class Shape : uint8_t {
    kNull,  // the type of nothing: a function without a result
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
    kRange,     // element: kInt, kDuration, kSize or kTime; inclusive ends
    kList,      // element
    kMap,       // element is the value's type; keys are `key`
    kOptional,  // element
    kResult,    // element: an OK value or an error; of a branch the item's type is its `key`
    kRecord,    // name, fields
    kEnum,      // name, members
    kError,     // name, fields (each optional): one error kind; the name "error" is any kind
    kFunction,  // fields are its parameters, element its result
  };
  struct Field {
    std::string name;
    std::string outer_name;  // in JSON; equals name unless `from` says otherwise
    TypeId type = 0;
    uint32_t default_constant = kNone;  // used when JSON lacks the field
    friend bool operator==(const Field&, const Field&) = default;
  };
  struct Member {
    std::string name;
    std::string outer_name;
    std::vector<Field> payload;
    friend bool operator==(const Member&, const Member&) = default;
  };
  Shape shape = Shape::kNull;
  std::string name;
  TypeId key = kNone;
  TypeId element = kNone;
  std::vector<Field> fields;
  std::vector<Member> members;
  friend bool operator==(const Type&, const Type&) = default;

  /// The kind of register that holds a value of this type.
  Kind kind() const;
};

enum class Op : uint16_t {
#define RBK_OP(name, operands, text) k##name,
#include "vm/bytecode/ops.def"
#undef RBK_OP
  kCount
};

/// 64 bits, so that a function has up to 65,534 registers and nothing is ever spilled. Some
/// operations take the next word as well (`kExtra`).
struct Instruction {
  Op op = Op::kNop;
  uint16_t a = 0;
  uint16_t b = 0;
  uint16_t c = 0;

  /// b and c as one signed number: jump offsets (from the following instruction) and immediates.
  int32_t wide() const {
    return static_cast<int32_t>(static_cast<uint32_t>(b) | static_cast<uint32_t>(c) << 16);
  }
  static Instruction with_wide(Op op, uint16_t a, int32_t value) {
    const auto bits = static_cast<uint32_t>(value);
    return {op, a, static_cast<uint16_t>(bits), static_cast<uint16_t>(bits >> 16)};
  }
  friend bool operator==(const Instruction&, const Instruction&) = default;
};

/// Where an error goes that is raised while pc is in [begin, end). Handlers stand innermost first.
/// Before the jump the machine puts the fiber back to the `mark` (see op kMark): step stack, item
/// stack and shield; steps that are cut off end as failed.
struct Handler {
  enum class Reach : uint8_t {
    kCatch,    // errors of the language; not a cancellation, nor a timeout of a scope outside
    kCleanup,  // everything; ends by kRaise of the same register
    kTimeout,  // only the timeout of the timer in register `timer`, which it turns into an error
  };
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t target = 0;
  Reach reach = Reach::kCatch;
  uint16_t error = 0;            // ref register that receives the error
  uint16_t mark = 0;             // int register set by kMark at the region's begin
  uint16_t timer = kNoRegister;  // kTimeout
  friend bool operator==(const Handler&, const Handler&) = default;
};

/// An instruction at which the machine may wait, with the registers that are read after it.
struct Safepoint {
  uint32_t pc = 0;
  std::vector<uint16_t> live;  // ascending
  friend bool operator==(const Safepoint&, const Safepoint&) = default;
};

/// From pc on (until the next entry) code comes from this place.
struct SourcePlace {
  uint32_t pc = 0;
  uint32_t file = 0;  // index into Program::files
  uint32_t line = 0;  // from 1
  uint32_t column = 0;
  friend bool operator==(const SourcePlace&, const SourcePlace&) = default;
};

struct Function {
  std::string name;             // "restart_service", "restart_service/drain/rollback"
  std::vector<Kind> registers;  // the first `parameters` of them receive the arguments
  uint16_t parameters = 0;
  TypeId result = kNone;  // kNone: returns nothing
  bool pure = false;      // holds no instruction that waits or speaks to the engine
  std::vector<Instruction> code;
  std::vector<Handler> handlers;
  std::vector<Safepoint> safepoints;        // ascending by pc
  std::vector<SourcePlace> places;          // ascending by pc
  std::vector<std::string> register_names;  // by register; empty for temporaries; may be shorter
  friend bool operator==(const Function&, const Function&) = default;
};

/// A constant that does not fit an instruction.
struct Constant {
  TypeId type = 0;
  int64_t bits = 0;  // bool, int, duration, size, time; the bits of a float; an enum's member index
  std::string text;  // string-like shapes; JSON text for kJson
  std::vector<uint32_t>
      items;  // list: elements; record, enum payload, error: fields; map: key, value, …
  friend bool operator==(const Constant&, const Constant&) = default;
};

enum class Behaviour : uint8_t { kReads, kIdempotent, kWrites };

/// What a doubtful attempt of a step does (`on doubt`).
enum class Doubt : uint8_t { kDefault, kRetry, kVerify, kUndo, kFail, kAsk };

/// A step as it is written: what the machine's step instructions name.
struct Step {
  std::string name;
  uint32_t function = 0;
  bool has_rollback = false;
  friend bool operator==(const Step&, const Step&) = default;
};

struct ActionImport {
  std::string name;  // "http.post", "shell"
  std::string exec;  // not empty: a program that reads and writes one JSON object
  Behaviour behaviour = Behaviour::kWrites;
  std::vector<Type::Field> parameters;
  TypeId result = kNone;
  friend bool operator==(const ActionImport&, const ActionImport&) = default;
};

/// A pure function of the machine's own, by name and semantic version; natives.def lists them.
struct NativeImport {
  std::string name;
  uint32_t version = 1;
  friend bool operator==(const NativeImport&, const NativeImport&) = default;
};

/// A condition on a parameter. Both functions take the parameters up to and including theirs.
struct ParameterCheck {
  uint32_t condition = 0;  // function -> bool
  uint32_t message = 0;    // function -> string; shows the values of the condition's parts
  std::string text;        // as written
  friend bool operator==(const ParameterCheck&, const ParameterCheck&) = default;
};

struct Parameter {
  std::string name;
  std::string doc;
  TypeId type = 0;
  uint32_t default_function = kNone;  // takes the earlier parameters
  std::vector<ParameterCheck> checks;
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// Who may start a runbook: one of these.
struct Starters {
  struct Who {
    bool is_group = false;
    std::string name;
    friend bool operator==(const Who&, const Who&) = default;
  };
  std::string runbook;  // that says so: itself, or one that it may call
  std::vector<Who> who;
  friend bool operator==(const Starters&, const Starters&) = default;
};

struct Runbook {
  std::string name;
  std::string doc;
  uint32_t function = 0;  // takes the parameters in order
  std::vector<Parameter> parameters;
  TypeId result = kNone;
  bool is_public = true;          // of the file that was compiled, and no leading underscore
  std::vector<uint32_t> outside;  // indices into Program::calendars: it must not begin in them
  std::vector<Starters> allow;    // whoever starts it is among each of them
  uint32_t worker = kNone;  // function of all parameters -> string: the label of the workers that
                            // its runs are for; kNone: any worker's
  friend bool operator==(const Runbook&, const Runbook&) = default;
};

/// A condition on a field of a record, or of the payload of an enum's member. Both functions take
/// the fields up to and including it.
struct FieldCheck {
  TypeId type = 0;
  uint32_t member = 0;  // of an enum
  uint32_t field = 0;
  uint32_t condition = 0;  // function -> bool
  uint32_t message = 0;    // function -> string; shows the values of the condition's parts
  std::string text;        // as written
  friend bool operator==(const FieldCheck&, const FieldCheck&) = default;
};

struct SourceFile {
  std::string path;  // relative to the project
  Digest hash{};
  friend bool operator==(const SourceFile&, const SourceFile&) = default;
};

/// What runs of the program may reach: an attempt at anything else does not begin. In each text
/// `${…}` stands for what is not known before a run (engine/limits.h says what it lets through).
struct Manifest {
  enum class Kind : uint8_t { kHost, kRequest, kCommand, kQuery, kSecret, kPerson };
  struct Entry {
    Kind kind = Kind::kHost;
    std::string text;  // "lb.${env}.example.com", a URL, a command, `secrets.db`, `group "sre"`
    std::string at;    // a request's method, a command's host, a query's database; may be empty
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::string name;  // of the file that it was read from, for messages
  std::vector<Entry> entries;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

struct Program {
  std::vector<Type> types;
  std::vector<Constant> constants;
  std::vector<Function> functions;
  std::vector<Step> steps;
  std::vector<ActionImport> actions;
  std::vector<NativeImport> natives;
  std::vector<Runbook> runbooks;
  std::vector<SourceFile> files;
  std::vector<timing::Calendar> calendars;  // with the zone's rules as they were when compiling
  std::vector<FieldCheck> field_checks;     // those of a type in the order of its fields
  std::optional<Manifest> manifest;         // none: whatever its text says
  friend bool operator==(const Program&, const Program&) = default;

  const Runbook* find_runbook(std::string_view name) const;
};

/// 1: without calendars, Outside, Lock and MapGetOr; 2: without conditions on fields, items of
/// results, ResultItem and what came after it; 3: without a manifest; 4: without a runbook's
/// worker. A program is written in the oldest version that has all that it needs.
inline constexpr uint32_t kProgramVersion = 5;

/// The serialised form: magic "RBKC", version, body, SHA-256 of all before.
std::string save(const Program& program);

/// Decodes and verifies. kCorrupt names what does not fit; kUnsupported a newer version, with the
/// cure; kLimit a program larger than the decoder takes.
Result<Program> load(std::string_view bytes);

/// The content hash, which is the program's version: SHA-256 of the serialised form without
/// places in the source and register names.
Digest content_hash(const Program& program);

/// Checks every rule that the interpreter relies on; docs/formats/program.md lists them.
Status verify(const Program& program);

/// Readable text of the whole program: types, functions with their registers, code, handlers,
/// safepoints.
std::string disassemble(const Program& program);

}  // namespace rbk::bytecode
