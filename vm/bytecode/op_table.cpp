#include "vm/bytecode/op_table.h"

namespace rbk::bytecode {

namespace {

constexpr OpInfo kOps[] = {
#define RBK_OP(name, operands, text) {#name, operands, text},
#include "vm/bytecode/ops.def"
#undef RBK_OP
};

constexpr NativeInfo kNatives[] = {
#define RBK_NATIVE(name, version, arguments, result) {name, version, arguments, result},
#include "vm/bytecode/natives.def"
#undef RBK_NATIVE
};

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
    case Op::kAskFailure:
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
    case Op::kStart:
    case Op::kUndoRun:
    case Op::kParallelFor:
    case Op::kParallelBlock:
    case Op::kBranchFails:
    case Op::kNow:
    case Op::kRandom:
    case Op::kRandomIn:
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

std::span<const NativeInfo> natives() { return kNatives; }

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
