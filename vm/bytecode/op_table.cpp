#include "vm/bytecode/op_table.h"

namespace rbk::bytecode {

namespace {

constexpr OpInfo kOps[] = {
#define RBK_OP(name, operands, text) {#name, operands, text},
#include "vm/bytecode/ops.def"
#undef RBK_OP
};

char letter_of(std::string_view type) {
  if (type == "bool") return 'B';
  if (type == "int") return 'I';
  if (type == "float") return 'F';
  if (type == "duration") return 'D';
  if (type == "size") return 'Z';
  if (type == "time") return 'T';
  if (type == "T" || type == "K" || type == "V") return 'A';
  return 'R';
}

/// "(old: string, map: map<K, V>) -> string": the commas inside <> do not part parameters.
NativeInfo parse(std::string_view name, uint32_t version, std::string_view signature) {
  NativeInfo native{name, version, signature, {}, 'R'};
  native.arguments += letter_of(name.substr(0, name.find('.')));
  // What only the compiler calls, and functions of types, have no receiver.
  for (const std::string_view prefix : {"shell.", "url.", "sort.", "parse.", "from_unix."}) {
    if (name.starts_with(prefix)) native.arguments.clear();
  }
  std::string_view result = signature;
  if (signature.starts_with('(')) {
    int depth = 0;
    size_t start = std::string_view::npos;
    size_t i = 1;
    for (; i < signature.size() && !(signature[i] == ')' && depth == 0); ++i) {
      if (signature[i] == '<') ++depth;
      if (signature[i] == '>') --depth;
      if (signature[i] == ':') start = i + 2;
      if (signature[i] == ',' && depth == 0) {
        native.arguments += letter_of(signature.substr(start, i - start));
        start = std::string_view::npos;
      }
    }
    if (start != std::string_view::npos) {
      native.arguments += letter_of(signature.substr(start, i - start));
    }
    result = signature.substr(signature.find("->", i) + 3);
  }
  native.result = letter_of(result);
  return native;
}

std::vector<NativeInfo> make_natives() {
  return {
#define RBK_NATIVE(name, version, signature) parse(name, version, signature),
#include "vm/bytecode/natives.def"
#undef RBK_NATIVE
  };
}

}  // namespace

std::string_view OpInfo::letters(int word) const {
  const size_t plus = operands.find('+');
  if (word == 0) return operands.substr(0, plus);
  return plus == std::string_view::npos ? std::string_view("---") : operands.substr(plus + 1);
}

uint32_t OpInfo::words() const {
  const bool parallel = name == "ParallelFor" || name == "ParallelBlock";
  return 1 + (operands.find('+') != std::string_view::npos ? 1 : 0) + (parallel ? 1 : 0);
}

const OpInfo& info(Op op) { return kOps[static_cast<size_t>(op)]; }

bool is_pure(Op op) {
  switch (op) {
    case Op::kItemPush:
    case Op::kItemPop:
    case Op::kStepBegin:
    case Op::kStepEnd:
    case Op::kStepSkip:
    case Op::kStepRetry:
    case Op::kUndoPush:
    case Op::kUndoDrop:
    case Op::kUndoCommit:
    case Op::kUnwind:
    case Op::kShieldBegin:
    case Op::kShieldEnd:
    case Op::kCancelPoint:
    case Op::kPerform:
    case Op::kAskDoubt:
    case Op::kSleep:
    case Op::kSleepUntil:
    case Op::kBackoff:
    case Op::kTimerStart:
    case Op::kTimerStop:
    case Op::kApprove:
    case Op::kAsk:
    case Op::kWaitSignal:
    case Op::kWaitFirst:
    case Op::kLock:
    case Op::kParallelFor:
    case Op::kParallelBlock:
    case Op::kBranchFails:
    case Op::kNow:
    case Op::kOutside:
    case Op::kRunInfo:
    case Op::kEmit:
      return false;
    default:
      return true;
  }
}

bool is_end(Op op) {
  return op == Op::kReturn || op == Op::kReturnNothing || op == Op::kRaise || op == Op::kJump;
}

std::array<Operand, 3> operands(std::string_view letters) {
  std::array<Operand, 3> found{};
  size_t next = 0;
  for (Operand& operand : found) {
    if (next < letters.size() && letters[next] == '?') {
      operand.optional = true;
      ++next;
    }
    // One letter may stand for b and c together (L, J, W): then c has none of its own.
    if (next < letters.size()) operand.letter = letters[next++];
  }
  return found;
}

std::span<const NativeInfo> natives() {
  static const std::vector<NativeInfo> table = make_natives();
  return table;
}

const NativeInfo* find_native(std::string_view name) {
  for (const NativeInfo& native : natives()) {
    if (native.name == name) return &native;
  }
  return nullptr;
}

std::string_view name_of(Kind kind) {
  static constexpr std::string_view kNames[] = {"bool", "int",  "float", "duration",
                                                "size", "time", "ref"};
  const auto index = static_cast<size_t>(kind);
  return index < std::size(kNames) ? kNames[index] : "?";
}

std::string_view name_of(Type::Shape shape) {
  static constexpr std::string_view kNames[] = {
      "null", "bool",     "int",    "float",  "duration", "size",   "time",    "string",
      "Url",  "Command",  "Query",  "Regex",  "json",     "secret", "range",   "list",
      "map",  "optional", "Result", "record", "enum",     "error",  "function"};
  const auto index = static_cast<size_t>(shape);
  return index < std::size(kNames) ? kNames[index] : "?";
}

}  // namespace rbk::bytecode
