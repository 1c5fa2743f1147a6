// The serialised form, the verifier and the disassembler.
#include "vm/bytecode/program.h"

#include <gtest/gtest.h>

#include "vm/bytecode/op_table.h"
#include "vm/testing/assembler.h"

namespace rbk::bytecode {
namespace {

using vm::testing::assemble;

constexpr std::string_view kSample = R"(
record Point { x: int, y: int = 5 }
enum Env { dev, prod from "production", custom (n: int) }
error ShellError { exit_code: int? }
action shell(command: string) -> string writes
step restart rollback
const names list<string> [ "a" "b" ]
runbook main(n: int, env: Env) -> int = main

function add(a: int, b: int) -> int pure
  reg sum int
  AddInt sum a b
  Return sum
end
function main(n: int, env: ref) -> int
  reg i sum one int
  reg text out error list ref
  reg mark int
  reg flag bool
  reg pause duration
  Mark mark
begin:
  LoadInt i 0
  LoadInt sum 0
  LoadInt one 1
again:
  Call sum add sum
  JumpGeInt i n @done
  AddImm i i 1
  Jump @again
done:
  LoadConst text "date"
  LoadConst list names
  StepBegin restart _
  keep sum mark
  Perform out shell text | _ 0 0
  StepEnd out string
end_region:
  LoadConst pause duration:5s
  Sleep pause
  Return sum
handler:
  ErrorIs flag error ShellError
  Raise error
  cleanup begin end_region handler error mark
end
)";

/// `Call sum add sum` reads sum and the register after it.
Program sample() {
  Program program = assemble(kSample);
  program.files.push_back({"first.rbk", sha256("x")});
  program.functions[1].places = {{0, 0, 3, 1}, {5, 0, 4, 9}};
  return program;
}

TEST(ProgramTest, SampleIsValid) {
  const Status status = verify(sample());
  EXPECT_TRUE(status) << status.error().message;
}

TEST(ProgramTest, LoadGivesBackWhatWasSaved) {
  const Program program = sample();
  const Result<Program> loaded = load(save(program));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, program);
}

/// With a calendar of each kind of rule, in a zone that has changes and a rule.
Program with_calendar() {
  using std::chrono::seconds;
  using timing::Calendar;
  Program program = sample();
  const auto zone = timing::Zone::make("Europe/Berlin", seconds(3600),
                                       {{timing::sys_seconds(seconds(323830800)), seconds(7200)}},
                                       "CET-1CEST,M3.5.0,M10.5.0/3");
  const timing::local_seconds begin(seconds(1797724800));
  program.calendars.emplace_back(
      "freeze", zone.value(),
      std::vector<Calendar::Rule>{{Calendar::Dates{begin, begin + seconds(86400)}, "year end"},
                                  {Calendar::Weekly{32, seconds(57600), seconds(86400)}, ""}});
  program.runbooks[0].outside = {0};
  return program;
}

TEST(ProgramTest, ACalendarComesBackWithItsZone) {
  const Program program = with_calendar();
  ASSERT_TRUE(verify(program));
  const Result<Program> loaded = load(save(program));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, program);
  EXPECT_NE(content_hash(program), content_hash(sample()));
}

TEST(ProgramTest, WithoutCalendarsItIsWrittenAsBefore) {
  EXPECT_EQ(save(sample())[4], 1);
  EXPECT_EQ(save(with_calendar())[4], 2);
}

/// With a condition on Point.y: both functions take x and y.
Program with_condition() {
  Program program = assemble(R"(
record Point { x: int, y: int }
enum Env { dev, custom (n: int) }
runbook main() = main
const no string "no"
function fine(x: int, y: int) -> bool pure
  reg answer bool
  LtInt answer x y
  Return answer
end
function why(x: int, y: int) -> string pure
  reg text ref
  LoadConst text no
  Return text
end
function main()
  ReturnNothing
end
)");
  FieldCheck check;
  for (TypeId id = 0; id < program.types.size(); ++id) {
    if (program.types[id].name == "Point") check.type = id;
  }
  check.field = 1;
  check.message = 1;
  check.text = "x < y";
  program.field_checks.push_back(check);
  return program;
}

TEST(ProgramTest, AConditionOnAFieldComesBack) {
  const Program program = with_condition();
  const Status status = verify(program);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(save(program)[4], 3);
  const Result<Program> loaded = load(save(program));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, program);
  EXPECT_NE(disassemble(program).find("Point.y where x < y (fine else why)"), std::string::npos);
}

TEST(ProgramTest, AConditionThatFitsNoFieldIsRefused) {
  const auto refused = [](const auto& change) {
    Program program = with_condition();
    change(program, program.field_checks[0]);
    return !verify(program);
  };
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.type = 99; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.member = 1; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.field = 2; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.field = 0; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.condition = 1; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.message = 0; }));
  EXPECT_TRUE(refused([](Program&, FieldCheck& check) { check.condition = 77; }));
  EXPECT_TRUE(refused([](Program& program, FieldCheck&) { program.functions[0].pure = false; }));
  EXPECT_TRUE(refused([](Program& program, FieldCheck& check) {
    for (TypeId id = 0; id < program.types.size(); ++id) {
      if (program.types[id].name == "Env") check.type = id;
    }
  }));
}

TEST(ProgramTest, WhoMayStartARunbookComesBack) {
  Program program = sample();
  program.runbooks[0].allow = {{"main", {{true, "sre"}, {false, "ann"}}}, {"other", {}}};
  const std::string bytes = save(program);
  EXPECT_EQ(bytes[4], 3);
  const Result<Program> loaded = load(bytes);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, program);
  EXPECT_NE(content_hash(program), content_hash(sample()));
}

TEST(ProgramTest, AManifestComesBackAndIsAPartOfTheProgram) {
  Program program = sample();
  const Digest free = content_hash(program);
  program.manifest = Manifest{"work.json",
                              {{Manifest::Kind::kRequest, "https://${host}/x", "POST"},
                               {Manifest::Kind::kPerson, "group \"sre\"", ""}}};
  const Result<Program> loaded = load(save(program));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, program);
  EXPECT_NE(content_hash(program), free);
  EXPECT_NE(disassemble(program).find("request \"https://${host}/x\" at POST"), std::string::npos);
  program.manifest->entries.clear();  // nothing may be reached
  EXPECT_EQ(*load(save(program)), program);
  EXPECT_NE(content_hash(program), free);
}

TEST(ProgramTest, ADamagedCalendarIsRefusedOrHarmless) {
  const std::string bytes = save(with_calendar());
  for (size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(load(std::string_view(bytes).substr(0, i))) << i;
  for (size_t i = 5; i < bytes.size() - 32; ++i) {
    std::string damaged = bytes.substr(0, bytes.size() - 32);
    damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
    const Digest digest = sha256(damaged);
    damaged.append(digest.begin(), digest.end());
    const Result<Program> loaded = load(damaged);
    EXPECT_TRUE(!loaded || verify(*loaded)) << i;
  }
  Program program = with_calendar();
  program.runbooks[0].outside = {1};
  EXPECT_FALSE(verify(program));
}

TEST(ProgramTest, HashIgnoresPlacesAndRegisterNames) {
  const Program program = sample();
  Program other = program;
  other.functions[1].places.clear();
  other.functions[1].register_names.clear();
  EXPECT_EQ(content_hash(program), content_hash(other));
  other.functions[1].code[1].b = 7;
  EXPECT_NE(content_hash(program), content_hash(other));
}

TEST(ProgramTest, EveryTruncationAndEveryFlippedByteIsRefused) {
  const std::string bytes = save(sample());
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(load(std::string_view(bytes).substr(0, i))) << i;
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x21);
    EXPECT_FALSE(load(flipped)) << i;
  }
}

TEST(ProgramTest, DamageBehindAValidChecksumIsRefusedOrHarmless) {
  const std::string bytes = save(sample());
  const size_t body = bytes.size() - 32;
  for (size_t i = 5; i < body; ++i) {
    for (const int change : {1, 0x40, 0x80, 0xff}) {
      std::string damaged = bytes.substr(0, body);
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      const Digest digest = sha256(damaged);
      damaged.append(digest.begin(), digest.end());
      const Result<Program> loaded = load(damaged);
      EXPECT_TRUE(!loaded || verify(*loaded)) << i;
    }
  }
}

TEST(ProgramTest, NewerFormatNamesTheCure) {
  std::string bytes = save(sample());
  bytes[4] = kProgramVersion + 1;
  const Result<Program> loaded = load(bytes);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(loaded.error().cure, "");
}

TEST(ProgramTest, HugeCountsAllocateNothing) {
  std::string bytes = "RBKC\x01";
  bytes += "\xff\xff\xff\xff\x0f";  // so many types
  const Digest digest = sha256(bytes);
  bytes.append(digest.begin(), digest.end());
  const Result<Program> loaded = load(bytes);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorrupt);
}

/// Each of these breaks one rule.
TEST(VerifierTest, RefusesWhatBreaksARule) {
  struct Break {
    const char* rule;
    void (*change)(Program&);
  };
  const Break breaks[] = {
      {"register index", [](Program& p) { p.functions[0].code[0].b = 9; }},
      {"register kind", [](Program& p) { p.functions[0].registers[0] = Kind::kRef; }},
      {"mixed kinds", [](Program& p) { p.functions[0].registers[0] = Kind::kSize; }},
      {"unknown operation", [](Program& p) { p.functions[0].code[0].op = Op::kCount; }},
      {"past the end", [](Program& p) { p.functions[0].code.pop_back(); }},
      {"unused operand", [](Program& p) { p.functions[0].code[1].c = 1; }},
      {"jump target",
       [](Program& p) {
         for (Instruction& at : p.functions[1].code) {
           if (at.op == Op::kJump) at = Instruction::with_wide(Op::kJump, 0, 100);
         }
       }},
      {"jump into operands",
       [](Program& p) {
         auto& code = p.functions[1].code;
         for (size_t i = 0; i < code.size(); ++i) {
           if (code[i].op != Op::kPerform) continue;
           p.functions[1].handlers[0].target = static_cast<uint32_t>(i + 1);
         }
       }},
      {"lost kExtra",
       [](Program& p) {
         for (Instruction& at : p.functions[1].code) {
           if (at.op == Op::kExtra) at.op = Op::kNop;
         }
       }},
      {"stray kExtra",
       [](Program& p) {
         p.functions[0].code[0] = {Op::kExtra, 0, 0, 0};
       }},
      {"function index",
       [](Program& p) {
         for (Instruction& at : p.functions[1].code) {
           if (at.op == Op::kCall) at.b = 2;
         }
       }},
      {"argument kinds", [](Program& p) { p.functions[1].registers[4] = Kind::kFloat; }},
      {"action index", [](Program& p) { p.actions.clear(); }},
      {"action's program", [](Program& p) { p.actions[0].exec = "plugins/other"; }},
      {"action's argument", [](Program& p) { p.actions[0].parameters[0].type = 1 << 20; }},
      {"step index", [](Program& p) { p.steps.clear(); }},
      {"constant index", [](Program& p) { p.constants.resize(1); }},
      {"native version",
       [](Program& p) {
         p.natives.push_back({"string.trim", 99});
       }},
      {"native name",
       [](Program& p) {
         p.natives.push_back({"string.nothing", 1});
       }},
      {"numbers in a bool",
       [](Program& p) {
         Function& function = p.functions[0];
         function.registers.push_back(Kind::kBool);
         const auto yes = static_cast<uint16_t>(function.registers.size() - 1);
         function.code.insert(function.code.begin(), {Op::kMulInt, yes, yes, yes});
       }},
      {"waiting in a pure function", [](Program& p) { p.functions[1].pure = true; }},
      {"result's kind", [](Program& p) { p.functions[0].result = kNone; }},
      {"handler's range", [](Program& p) { p.functions[1].handlers[0].end = 1; }},
      {"handler's error", [](Program& p) { p.functions[1].handlers[0].error = 0; }},
      {"handler's timer", [](Program& p) { p.functions[1].handlers[0].timer = 0; }},
      {"safepoint's register",
       [](Program& p) {
         p.functions[1].safepoints[0].live = {1, 1};
       }},
      {"safepoint's place", [](Program& p) { p.functions[1].safepoints[0].pc = 1000; }},
      {"place's file", [](Program& p) { p.files.clear(); }},
      {"field's type", [](Program& p) { p.types[0].fields[0].type = 1 << 20; }},
      {"field's default", [](Program& p) { p.types[0].fields[1].default_constant = 1 << 20; }},
      {"list of itself",
       [](Program& p) {
         Type type;
         type.shape = Type::Shape::kList;
         type.element = static_cast<TypeId>(p.types.size());
         p.types.push_back(type);
       }},
      {"constant of itself",
       [](Program& p) {
         for (size_t i = 0; i < p.constants.size(); ++i) {
           if (!p.constants[i].items.empty()) p.constants[i].items[0] = static_cast<uint32_t>(i);
         }
       }},
      {"runbook's function", [](Program& p) { p.runbooks[0].function = 0; }},
      {"parameters past the registers", [](Program& p) { p.functions[0].parameters = 9; }},
  };
  for (const Break& each : breaks) {
    Program program = sample();
    each.change(program);
    const Status status = verify(program);
    EXPECT_FALSE(status) << each.rule;
    EXPECT_TRUE(status || !status.error().message.empty()) << each.rule;
  }
}

TEST(OpTableTest, EveryOperandLetterIsKnown) {
  const std::string_view known = "BIFDZTRNAbifdztrnaS#CWYXMVPQJKLl-";
  for (uint16_t i = 0; i < static_cast<uint16_t>(Op::kCount); ++i) {
    const OpInfo& op = info(static_cast<Op>(i));
    for (const char letter : op.operands) {
      EXPECT_TRUE(known.find(letter) != std::string_view::npos || letter == '+' || letter == '?')
          << op.name;
    }
  }
}

TEST(OpTableTest, NativesHaveTheirArguments) {
  EXPECT_EQ(find_native("string.replace")->arguments, "RRR");
  EXPECT_EQ(find_native("map.put")->arguments, "RAA");
  EXPECT_EQ(find_native("list.concat")->arguments, "RR");
  EXPECT_EQ(find_native("time.format")->arguments, "TR");
  EXPECT_EQ(find_native("shell.quote")->arguments, "R");
  EXPECT_EQ(find_native("list.sum")->result, 'A');
  EXPECT_EQ(find_native("string.to_int")->result, 'R');
  EXPECT_EQ(find_native("nothing"), nullptr);
}

TEST(DisassemblerTest, ShowsWhatPeopleLookFor) {
  const std::string text = disassemble(sample());
  for (const char* part :
       {"type 0 record Point", "y: int = #0", ".prod from \"production\"", "action 0 shell",
        "function 0 add(r0:a int, r1:b int) -> int pure", "AddInt         r2:sum r0:a r1:b",
        "Perform        r6:out shell r5.. | _ 0 0  ; keeps r3 r9", "cleanup 1..",
        "LoadConst      r5:text \"date\"", "Sleep          r11:pause"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace rbk::bytecode
