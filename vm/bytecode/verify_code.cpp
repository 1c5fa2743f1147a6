#include "vm/bytecode/verify_code.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/bytecode/op_table.h"

namespace rbk::bytecode {

namespace {

using Shape = Type::Shape;

class FunctionVerifier {
 public:
  FunctionVerifier(const Program& program, const Function& function, uint32_t index)
      : program_(program), function_(function), index_(index) {}

  Status run() {
    frame();
    if (ok_) boundaries();
    for (uint32_t pc = 0; pc < function_.code.size() && ok_;
         pc += info(function_.code[pc].op).words()) {
      pc_ = pc;
      instruction();
    }
    if (ok_) handlers();
    if (ok_) safepoints();
    if (ok_) places();
    return status_;
  }

 private:
  template <typename... Args>
  bool expect(bool condition, fmt::format_string<Args...> text, Args&&... args) {
    if (condition || !ok_) return condition;
    ok_ = false;
    std::string place = fmt::format("function {} ({})", index_, function_.name);
    if (pc_ < function_.code.size()) {
      place += fmt::format(", pc {} ({})", pc_, info(function_.code[pc_].op).name);
    }
    status_ = fail(ErrorKind::kCorrupt,
                   "the program is malformed: " + place + ": " +
                       fmt::format(text, std::forward<Args>(args)...),
                   "compile it again from its source");
    return false;
  }

  size_t registers() const { return function_.registers.size(); }
  Kind kind(uint16_t reg) const { return function_.registers[reg]; }
  const Type& type(TypeId id) const { return program_.types[id]; }
  Kind kind_of(TypeId id) const { return program_.types[id].kind(); }
  const Instruction& word(uint32_t offset) const { return function_.code[pc_ + offset]; }

  // ---- The function as a whole

  void frame() {
    expect(registers() < kNoRegister, "it has {} registers", registers());
    expect(function_.parameters <= registers(), "it has {} parameters and {} registers",
           function_.parameters, registers());
    expect(function_.result == kNone || function_.result < program_.types.size(),
           "its result has type {} of {}", function_.result, program_.types.size());
    expect(!function_.code.empty() && function_.code.size() < (size_t{1} << 31), "it has no code");
    expect(function_.register_names.size() <= registers(), "it names registers that it lacks");
  }

  /// Finds where instructions begin, and that the last one ends the function.
  void boundaries() {
    starts_.assign(function_.code.size(), false);
    Op last = Op::kNop;
    for (uint32_t pc = 0; pc < function_.code.size();) {
      pc_ = kNone;
      const auto op = static_cast<uint16_t>(function_.code[pc].op);
      if (!expect(op < static_cast<uint16_t>(Op::kCount) && last != Op::kExtra,
                  "pc {}: there is no operation {}", pc, op)) {
        return;
      }
      pc_ = pc;
      last = function_.code[pc].op;
      const uint32_t words = info(last).words();
      if (!expect(last != Op::kExtra, "it belongs to no operation")) return;
      if (!expect(words <= function_.code.size() - pc, "its operands are cut off")) return;
      for (uint32_t i = 1; i < words; ++i) {
        if (!expect(function_.code[pc + i].op == Op::kExtra, "its word {} is no Extra", i)) return;
      }
      starts_[pc] = true;
      pc += words;
    }
    expect(is_end(last), "the code runs past its end");
    pc_ = kNone;
  }

  bool is_start(uint64_t pc) const { return pc < starts_.size() && starts_[pc]; }

  // ---- Instructions

  void instruction() {
    const Op op = word(0).op;
    const OpInfo& op_info = info(op);
    expect(!function_.pure || is_pure(op), "a pure function must not wait");
    words(word(0), op_info.letters(0));
    if (op_info.words() > 1 && ok_) words(word(1), op_info.letters(1));
    if (op_info.words() > 2 && ok_) words(word(2), "?I#?R");
    if (ok_) operation(op);
  }

  void words(const Instruction& at, std::string_view letters) {
    const std::array<Operand, 3> list = operands(letters);
    const std::array<uint16_t, 3> values = {at.a, at.b, at.c};
    for (size_t i = 0; i < 3 && ok_; ++i) {
      const char letter = list[i].letter;
      if (letter == 'J' || letter == 'L' || letter == 'W') {
        if (letter == 'J') jump(at.wide());
        if (letter == 'W') constant(static_cast<uint32_t>(at.wide()));
        return;  // b and c are one
      }
      operand(list[i], values[i]);
    }
  }

  void jump(int32_t offset) {
    const int64_t target = int64_t{pc_} + info(word(0).op).words() + offset;
    expect(target >= 0 && is_start(static_cast<uint64_t>(target)),
           "it jumps to {}, where no instruction begins", target);
  }
  void constant(uint32_t index) {
    expect(index < program_.constants.size(), "constant {} of {}", index,
           program_.constants.size());
  }
  template <typename List>
  void index(const char* what, uint16_t value, const List& list) {
    expect(value < list.size(), "{} {} of {}", what, value, list.size());
  }

  void operand(Operand operand, uint16_t value) {
    if (operand.optional && value == kNoRegister) return;
    switch (operand.letter) {
      case '-':
        expect(value == 0, "an unused operand is {}", value);
        return;
      case '#':
      case 'l':
      case 'S':
        return;
      case 'K':
        jump(static_cast<int16_t>(value));
        return;
      case 'C':
        constant(value);
        return;
      case 'Y':
        index("type", value, program_.types);
        return;
      case 'X':
        index("function", value, program_.functions);
        return;
      case 'M':
        index("action", value, program_.actions);
        return;
      case 'V':
        index("native", value, program_.natives);
        return;
      case 'P':
        index("step", value, program_.steps);
        return;
      case 'Q':
        index("calendar", value, program_.calendars);
        return;
      default:
        reg(operand.letter, value);
    }
  }

  void reg(char letter, uint16_t value) {
    if (!expect(value < registers(), "register {} of {}", value, registers())) return;
    const Kind given = kind(value);
    const auto is = [&](Kind wanted) {
      expect(given == wanted, "register {} is of kind {}, not {}", value, name_of(given),
             name_of(wanted));
    };
    switch (letter & ~0x20) {  // upper case
      case 'B':
        return is(Kind::kBool);
      case 'I':
        return is(Kind::kInt);
      case 'F':
        return is(Kind::kFloat);
      case 'D':
        return is(Kind::kDuration);
      case 'Z':
        return is(Kind::kSize);
      case 'T':
        return is(Kind::kTime);
      case 'R':
        return is(Kind::kRef);
      case 'N':
        expect(given != Kind::kRef && given != Kind::kFloat, "register {} is of kind {}", value,
               name_of(given));
        return;
      case 'A':
        return;
      default:
        expect(false, "operand letter {}", letter);
    }
  }

  /// The kinds of a run of registers; `wanted` gives that of each, or nothing where any will do.
  template <typename Wanted>
  void run_of(uint32_t first, size_t count, Wanted wanted) {
    if (!expect(count <= registers() && first <= registers() - count,
                "it reads the {} registers from {} on; there are {}", count, first, registers())) {
      return;
    }
    for (size_t i = 0; i < count && ok_; ++i) {
      const auto reg_index = static_cast<uint16_t>(first + i);
      const Kind given = kind(reg_index);
      const Kind want = wanted(i);
      expect(given == want, "register {} is of kind {}, not {}", reg_index, name_of(given),
             name_of(want));
    }
  }
  void run_of_fields(uint16_t first, const std::vector<Type::Field>& fields) {
    run_of(first, fields.size(), [&](size_t i) { return kind_of(fields[i].type); });
  }
  /// A result register, or none where there is no result.
  void result(uint16_t reg_index, TypeId type_id) {
    if (reg_index == kNoRegister) return;
    if (!expect(type_id != kNone, "it keeps the result of what has none")) return;
    expect(kind(reg_index) == kind_of(type_id), "the result of kind {} goes to a register of {}",
           name_of(kind_of(type_id)), name_of(kind(reg_index)));
  }
  void same_kind(uint16_t x, uint16_t y) {
    expect(kind(x) == kind(y), "registers {} and {} are of kinds {} and {}", x, y, name_of(kind(x)),
           name_of(kind(y)));
  }
  void number(uint16_t x) {
    expect(kind(x) != Kind::kBool, "it computes a bool in register {}", x);
  }
  void shape(TypeId id, Shape wanted) {
    expect(type(id).shape == wanted, "type {} is a {}, not a {}", id, name_of(type(id).shape),
           name_of(wanted));
  }

  void operation(Op op) {
    const Instruction& head = word(0);  // no structured binding: clang 14 can't capture one
    const uint16_t a = head.a;
    const uint16_t b = head.b;
    const uint16_t c = head.c;
    const Instruction& extra = info(op).words() > 1 ? word(1) : word(0);
    switch (op) {
      case Op::kMove:
        return same_kind(a, b);
      case Op::kNegInt:
      case Op::kAddImm:
        number(a);
        return same_kind(a, b);
      case Op::kAddInt:
      case Op::kSubInt:
      case Op::kModInt:
        number(a);
        same_kind(a, b);
        return same_kind(b, c);
      case Op::kMulInt:
      case Op::kDivInt:
        return number(a);
      case Op::kEqInt:
      case Op::kLtInt:
      case Op::kLeInt:
        return same_kind(b, c);
      case Op::kJumpLtInt:
      case Op::kJumpLeInt:
      case Op::kJumpGeInt:
      case Op::kJumpGtInt:
      case Op::kJumpEqInt:
      case Op::kJumpNeInt:
        return same_kind(a, b);
      case Op::kForLoop:
        number(a);
        return same_kind(a, b);
      case Op::kLoadInt:
        expect(kind(a) != Kind::kBool || word(0).wide() == 0 || word(0).wide() == 1, "a bool is {}",
               word(0).wide());
        return;
      case Op::kLoadConst: {
        const TypeId of = program_.constants[static_cast<uint32_t>(word(0).wide())].type;
        return result(a, of);
      }
      case Op::kCall: {
        const Function& callee = program_.functions[b];
        expect(callee.parameters <= callee.registers.size() && !(function_.pure && !callee.pure),
               "it calls {}, which is not pure", callee.name);
        run_of(c, callee.parameters, [&](size_t i) { return callee.registers[i]; });
        if (ok_ && callee.result != kNone) {
          expect(callee.result < program_.types.size(), "{} has a wrong result type", callee.name);
        }
        if (ok_) result(a, callee.result);
        return;
      }
      case Op::kCallClosure:
        expect(c <= registers(), "its arguments begin at {}", c);
        return;
      case Op::kCallNative:
        return native(a, b, c);
      case Op::kMakeClosure: {
        const Function& callee = program_.functions[b];
        expect(extra.a <= callee.parameters && callee.parameters <= callee.registers.size(),
               "it captures {} of {} parameters", extra.a, callee.parameters);
        if (ok_) run_of(c, extra.a, [&](size_t i) { return callee.registers[i]; });
        return;
      }
      case Op::kReturn: {
        if (expect(function_.result != kNone, "the function has no result")) {
          result(a, function_.result);
        }
        return;
      }
      case Op::kReturnNothing:
        expect(function_.result == kNone, "the function must give a result");
        return;
      case Op::kMakeList:
        shape(b, Shape::kList);
        if (ok_) run_of(c, extra.a, [&](size_t) { return kind_of(type(b).element); });
        return;
      case Op::kMakeMap:
        shape(b, Shape::kMap);
        if (!ok_) return;
        return run_of(c, size_t{extra.a} * 2, [&](size_t i) {
          return kind_of(i % 2 == 0 ? type(b).key : type(b).element);
        });
      case Op::kMakeRecord:
        shape(b, Shape::kRecord);
        if (ok_) run_of_fields(c, type(b).fields);
        return;
      case Op::kMakeEnum:
        shape(b, Shape::kEnum);
        if (ok_ && expect(extra.a < type(b).members.size(), "member {} of {}", extra.a,
                          type(b).members.size())) {
          run_of_fields(c, type(b).members[extra.a].payload);
        }
        return;
      case Op::kMakeError:
        shape(b, Shape::kError);
        if (ok_) run_of(c, type(b).fields.size(), [](size_t) { return Kind::kRef; });
        return;
      case Op::kMakeRange:
        shape(b, Shape::kRange);
        if (ok_) run_of(c, 2, [&](size_t) { return kind_of(type(b).element); });
        return;
      case Op::kMakeResult:
        shape(b, Shape::kResult);
        if (ok_) result(c, type(b).element);
        return;
      case Op::kMakeErrorResult:
        return shape(b, Shape::kResult);
      case Op::kMapGetOr:
        expect(kind(a) == kind(extra.a), "it gives a value of one kind or another");
        return;
      case Op::kMapPut:
        expect(c + 1U < registers(), "it reads register {}", c + 1U);
        return;
      case Op::kToText:
      case Op::kToJson:
        return result(b, c);
      case Op::kFromJson:
        return result(a, c);
      case Op::kConcat:
        return run_of(b, c, [](size_t) { return Kind::kRef; });
      case Op::kErrorIs:
        return shape(c, Shape::kError);
      case Op::kStepEnd:
        if (a != kNoRegister) result(a, b);
        return;
      case Op::kUndoPush:
        expect(c == 1 || (c == 0 && b != kNoRegister), "it pushes {}, and no step", c);
        return;
      case Op::kUnwind:
        expect(b <= 1, "it unwinds after {}", b);
        return;
      case Op::kPerform: {
        const ActionImport& action = program_.actions[b];
        run_of_fields(c, action.parameters);
        if (ok_) result(a, action.result);
        expect(extra.b <= 3 && extra.c <= static_cast<uint16_t>(Doubt::kAsk),
               "behaviour {}, doubt {}", extra.b, extra.c);
        return;
      }
      case Op::kAskDoubt:
        return result(a, program_.actions[c].result);
      case Op::kAskFailure:
        expect(a != kNoRegister || c == 0, "an output of type {} goes nowhere", c);
        expect(extra.a != kNoRegister, "it asks about no error");
        if (ok_ && a != kNoRegister) result(a, c);
        return;
      case Op::kApprove:
        return shape(c, Shape::kRecord);
      case Op::kAsk:
        expect(extra.b <= 1, "a question that nobody answers ends by {}", extra.b);
        return shape(c, Shape::kRecord);
      case Op::kWaitSignal: {
        shape(c, Shape::kRecord);
        if (!ok_) return;
        const std::vector<Type::Field>& fields = type(c).fields;
        expect(fields.size() == 2 && type(fields[1].type).shape == Shape::kString,
               "what a signal gives is a record of what it brought and who sent it");
        expect(type(program_.constants[b].type).shape == Shape::kString, "a signal's name is text");
        return;
      }
      case Op::kLock:
        expect(extra.a <= 2, "a lock of space {}", extra.a);
        expect(extra.b == 0 || (extra.b <= 2 && extra.a == 1), "it waits in mode {}", extra.b);
        return;
      case Op::kStart: {
        const auto& runbooks = program_.runbooks;
        const auto runbook = std::find_if(runbooks.begin(), runbooks.end(),
                                          [&](const Runbook& one) { return one.function == b; });
        if (!expect(runbook != runbooks.end(), "it starts function {}, which is no runbook", b))
          return;
        expect(extra.b <= 1, "it starts a run in mode {}", extra.b);
        const Function& callee = program_.functions[b];
        expect(callee.parameters <= callee.registers.size(), "{} has too few registers",
               callee.name);
        run_of(c, callee.parameters, [&](size_t i) { return callee.registers[i]; });
        if (ok_ && callee.result != kNone)
          expect(callee.result < program_.types.size(), "{} has a wrong result type", callee.name);
        if (ok_) result(a, callee.result);
        return;
      }
      case Op::kWaitFirst:
        expect(extra.a > 0, "it waits for nothing");
        return run_of(c, extra.a, [](size_t) { return Kind::kRef; });
      case Op::kParallelFor:
      case Op::kParallelBlock:
        if (op == Op::kParallelBlock) {
          run_of(b, c, [](size_t) { return Kind::kRef; });
          shape(extra.a, Shape::kList);
          if (ok_) {
            expect(kind_of(type(extra.a).element) == Kind::kRef,
                   "the results of a block are a list of refs");
          }
        } else {
          shape(extra.b, Shape::kList);
        }
        expect(extra.c <= 2, "policy {}", extra.c);
        expect(extra.c != 2 || word(2).a != kNoRegister, "it tolerates without saying how much");
        expect(word(2).b <= 1, "percentage {}", word(2).b);
        expect(op == Op::kParallelFor || word(2).c == kNoRegister, "a block has no items");
        return;
      case Op::kRunInfo: {
        const Constant& constant = program_.constants[b];
        const std::string& what = constant.text;
        const bool known = what == "id" || what == "url" || what == "starter" || what == "reason" ||
                           what == "started" || what == "labels";
        expect(known, "run.{} does not exist", what);
        expect(kind(a) == (what == "started" ? Kind::kTime : Kind::kRef),
               "run.{} is of another kind", what);
        return;
      }
      case Op::kEmit: {
        const std::string& what = program_.constants[a].text;
        const bool known = what == "log.info" || what == "log.warn" || what == "log.error" ||
                           what == "log.debug" || what == "note" || what == "attach" ||
                           what == "label" || what == "progress";
        expect(known, "there is nothing to emit called {}", what);
        return;
      }
      default:
        return;
    }
  }

  void native(uint16_t a, uint16_t b, uint16_t c) {
    const NativeInfo* native = find_native(program_.natives[b].name);
    const std::string_view letters = native->arguments;
    if (!expect(letters.size() <= registers() && c <= registers() - letters.size(),
                "it reads the {} registers from {} on; there are {}", letters.size(), c,
                registers())) {
      return;
    }
    for (size_t i = 0; i < letters.size() && ok_; ++i) {
      reg(letters[i], static_cast<uint16_t>(c + i));
    }
    if (ok_) reg(native->result, a);
  }

  // ---- Tables beside the code

  void handlers() {
    pc_ = kNone;
    for (const Handler& handler : function_.handlers) {
      expect(handler.begin < handler.end && is_start(handler.begin) &&
                 (handler.end == function_.code.size() || is_start(handler.end)),
             "a handler covers {}..{}", handler.begin, handler.end);
      expect(is_start(handler.target), "a handler is at {}", handler.target);
      if (ok_) reg('R', handler.error);
      if (ok_) reg('I', handler.mark);
      if (!ok_) return;
      if (handler.reach == Handler::Reach::kTimeout) {
        reg('I', handler.timer);
      } else {
        expect(handler.timer == kNoRegister, "a handler of no timeout has timer {}", handler.timer);
      }
      expect(!function_.pure || handler.reach != Handler::Reach::kTimeout,
             "a pure function has a timeout");
    }
  }

  void safepoints() {
    pc_ = kNone;
    uint32_t before = 0;
    bool first = true;
    for (const Safepoint& safepoint : function_.safepoints) {
      expect((first || safepoint.pc > before) && is_start(safepoint.pc),
             "a safepoint at {} after {}", safepoint.pc, before);
      for (size_t i = 0; i < safepoint.live.size() && ok_; ++i) {
        expect(safepoint.live[i] < registers() &&
                   (i == 0 || safepoint.live[i] > safepoint.live[i - 1]),
               "the safepoint at {} keeps register {}", safepoint.pc, safepoint.live[i]);
      }
      if (!ok_) return;
      before = safepoint.pc;
      first = false;
    }
  }

  void places() {
    pc_ = kNone;
    for (size_t i = 0; i < function_.places.size() && ok_; ++i) {
      const SourcePlace& place = function_.places[i];
      expect(place.file < program_.files.size(), "file {} of {}", place.file,
             program_.files.size());
      expect(place.pc < function_.code.size() && (i == 0 || place.pc >= function_.places[i - 1].pc),
             "a place at {}", place.pc);
    }
  }

  const Program& program_;
  const Function& function_;
  uint32_t index_;
  uint32_t pc_ = kNone;
  std::vector<bool> starts_;
  bool ok_ = true;
  Status status_;
};

}  // namespace

Status verify_function(const Program& program, uint32_t index) {
  return FunctionVerifier(program, program.functions[index], index).run();
}

}  // namespace rbk::bytecode
