// A program as text, for people: `rbk disasm`, baselines of tests.
#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "vm/bytecode/op_table.h"
#include "vm/bytecode/program.h"
#include "vm/bytecode/type_text.h"

namespace rbk::bytecode {

namespace {

using Shape = Type::Shape;

class Disassembler {
 public:
  explicit Disassembler(const Program& program) : program_(program) {}

  std::string run() {
    for (size_t i = 0; i < program_.types.size(); ++i) type(i);
    for (size_t i = 0; i < program_.constants.size(); ++i) constant(i);
    for (size_t i = 0; i < program_.steps.size(); ++i) {
      const Step& step = program_.steps[i];
      line("step {} {} in {}{}", i, step.name, function_name(step.function),
           step.has_rollback ? " rollback" : "");
    }
    for (size_t i = 0; i < program_.actions.size(); ++i) action(i);
    for (size_t i = 0; i < program_.natives.size(); ++i) {
      line("native {} {} version {}", i, program_.natives[i].name, program_.natives[i].version);
    }
    for (const FieldCheck& check : program_.field_checks) {
      const Type& type = program_.types[check.type];
      const bool is_enum = type.shape == Shape::kEnum;
      const std::string member = is_enum ? "." + type.members[check.member].name : std::string();
      const auto& fields = is_enum ? type.members[check.member].payload : type.fields;
      line("{}{}.{} where {} ({} else {})", type.name, member, fields[check.field].name, check.text,
           function_name(check.condition), function_name(check.message));
    }
    for (const Runbook& runbook : program_.runbooks) {
      line("{}runbook {} = {}", runbook.is_public ? "" : "private ", runbook.name,
           function_name(runbook.function));
      if (runbook.worker != kNone) line("  on worker {}", function_name(runbook.worker));
      for (const Parameter& parameter : runbook.parameters) {
        line("  {}: {}{}", parameter.name, type_name(parameter.type),
             parameter.default_function == kNone
                 ? std::string()
                 : " = " + function_name(parameter.default_function));
        for (const ParameterCheck& check : parameter.checks) {
          line("    where {} ({} else {})", check.text, function_name(check.condition),
               function_name(check.message));
        }
      }
    }
    if (program_.manifest) manifest(*program_.manifest);
    for (const SourceFile& file : program_.files) line("file {} {}", file.path, to_hex(file.hash));
    for (size_t i = 0; i < program_.functions.size(); ++i) function(i);
    return std::move(out_);
  }

 private:
  void manifest(const Manifest& manifest) {
    static constexpr const char* kKinds[] = {"host",  "request", "command",
                                             "query", "secret",  "person"};
    line("manifest {}", manifest.name);
    for (const Manifest::Entry& entry : manifest.entries)
      line("  {} {}{}{}", kKinds[static_cast<size_t>(entry.kind)], quoted(entry.text),
           entry.at.empty() ? "" : " at ", entry.at);
  }

  template <typename... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
    out_ += '\n';
  }

  std::string type_name(TypeId id) const { return type_text(program_, id); }
  std::string function_name(uint32_t index) const {
    if (index >= program_.functions.size()) return fmt::format("function {}", index);
    return program_.functions[index].name;
  }
  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (c == '\n') {
        out += "\\n";
      } else if (byte < 0x20 || byte == 0x7f) {
        out += fmt::format("\\x{:02x}", byte);
      } else {
        out += c;
      }
    }
    return out + '"';
  }

  void fields(const std::vector<Type::Field>& list, const char* indent) {
    for (const Type::Field& field : list) {
      line("{}{}: {}{}{}", indent, field.name, type_name(field.type),
           field.outer_name == field.name ? std::string() : " from " + quoted(field.outer_name),
           field.default_constant == kNone ? std::string()
                                           : fmt::format(" = #{}", field.default_constant));
    }
  }
  void type(size_t index) {
    const Type& type = program_.types[index];
    const bool nominal =
        type.shape == Shape::kRecord || type.shape == Shape::kEnum || type.shape == Shape::kError;
    line("type {} {}{}", index, nominal ? fmt::format("{} ", name_of(type.shape)) : "",
         type_name(static_cast<TypeId>(index)));
    if (nominal) fields(type.fields, "  ");
    for (const Type::Member& member : type.members) {
      line("  .{}{}", member.name,
           member.outer_name == member.name ? std::string() : " from " + quoted(member.outer_name));
      fields(member.payload, "    ");
    }
  }
  std::string constant_text(uint32_t index) const {
    if (index >= program_.constants.size()) return fmt::format("#{}", index);
    const Constant& constant = program_.constants[index];
    const Shape shape = program_.types[constant.type].shape;
    switch (shape) {
      case Shape::kBool:
        return constant.bits != 0 ? "true" : "false";
      case Shape::kInt:
        return fmt::format("{}", constant.bits);
      case Shape::kFloat:
        return fmt::format("{}", std::bit_cast<double>(constant.bits));
      case Shape::kDuration:
        return format_duration(constant.bits);
      case Shape::kSize:
        return format_size(constant.bits);
      case Shape::kTime:
        return format_time(constant.bits);
      case Shape::kNull:
        return "null";
      case Shape::kString:
      case Shape::kUrl:
      case Shape::kCommand:
      case Shape::kQuery:
      case Shape::kRegex:
      case Shape::kJson:
      case Shape::kSecret:
        return quoted(constant.text);
      default:
        break;
    }
    std::string text = type_name(constant.type);
    if (shape == Shape::kEnum) {
      const auto& members = program_.types[constant.type].members;
      const auto member = static_cast<size_t>(constant.bits);
      text += "." + (member < members.size() ? members[member].name : std::string("?"));
    }
    text += " [";
    for (size_t i = 0; i < constant.items.size(); ++i) {
      text += fmt::format("{}#{}", i == 0 ? "" : " ", constant.items[i]);
    }
    return text + "]";
  }
  void constant(size_t index) {
    line("const {} {} {}", index, type_name(program_.constants[index].type),
         constant_text(static_cast<uint32_t>(index)));
  }
  void action(size_t index) {
    const ActionImport& action = program_.actions[index];
    static constexpr std::string_view kBehaviours[] = {"reads", "idempotent", "writes"};
    line("action {} {} -> {} {}{}", index, action.name, type_name(action.result),
         kBehaviours[static_cast<size_t>(action.behaviour)],
         action.exec.empty() ? std::string() : " exec " + quoted(action.exec));
    fields(action.parameters, "  ");
  }

  // ---- Functions

  std::string reg(const Function& function, uint16_t index) const {
    std::string text = fmt::format("r{}", index);
    if (index < function.register_names.size() && !function.register_names[index].empty()) {
      text += ":" + function.register_names[index];
    }
    return text;
  }

  std::string word(const Function& function, const Instruction& at, std::string_view letters,
                   size_t next_pc) const {
    std::string text;
    const std::array<Operand, 3> list = operands(letters);
    const std::array<uint16_t, 3> values = {at.a, at.b, at.c};
    for (size_t i = 0; i < 3; ++i) {
      const char letter = list[i].letter;
      if (letter == '-') continue;
      text += ' ';
      const uint16_t value = values[i];
      if (list[i].optional && value == kNoRegister) {
        text += '_';
        continue;
      }
      switch (letter) {
        case 'J':
          text += fmt::format("@{}", static_cast<int64_t>(next_pc) + at.wide());
          return text;
        case 'L':
          text += fmt::format("{}", at.wide());
          return text;
        case 'W':
          text += constant_text(static_cast<uint32_t>(at.wide()));
          return text;
        case 'K':
          text += fmt::format("@{}", static_cast<int64_t>(next_pc) + static_cast<int16_t>(value));
          break;
        case 'l':
          text += fmt::format("{}", static_cast<int16_t>(value));
          break;
        case '#':
          text += fmt::format("{}", value);
          break;
        case 'S':
          text += fmt::format("r{}..", value);
          break;
        case 'C':
          text += constant_text(value);
          break;
        case 'Y':
          text += type_name(value);
          break;
        case 'X':
          text += function_name(value);
          break;
        case 'M':
          text += value < program_.actions.size() ? program_.actions[value].name : "?";
          break;
        case 'V':
          text += value < program_.natives.size() ? program_.natives[value].name : "?";
          break;
        case 'Q':
          text += value < program_.calendars.size() ? program_.calendars[value].name() : "?";
          break;
        case 'P':
          text += value < program_.steps.size() ? program_.steps[value].name : "?";
          break;
        default:
          text += reg(function, value);
      }
    }
    return text;
  }

  void function(size_t index) {
    const Function& function = program_.functions[index];
    std::string head = fmt::format("\nfunction {} {}(", index, function.name);
    for (uint16_t i = 0; i < function.parameters && i < function.registers.size(); ++i) {
      head += fmt::format("{}{} {}", i == 0 ? "" : ", ", reg(function, i),
                          name_of(function.registers[i]));
    }
    line("{}) -> {}{}", head, type_name(function.result), function.pure ? " pure" : "");
    std::string registers = "  registers";
    for (size_t i = function.parameters; i < function.registers.size(); ++i) {
      registers += fmt::format(" {}={}", reg(function, static_cast<uint16_t>(i)),
                               name_of(function.registers[i]));
    }
    if (function.registers.size() > function.parameters) line("{}", registers);
    size_t place = 0;
    size_t safepoint = 0;
    for (size_t pc = 0; pc < function.code.size();) {
      const Instruction& at = function.code[pc];
      const bool known = at.op < Op::kCount;
      const size_t words =
          known ? std::min<size_t>(info(at.op).words(), function.code.size() - pc) : 1;
      std::string text = fmt::format("  {:>4} {:<14}", pc, known ? info(at.op).name : "?");
      for (size_t i = 0; i < words && known; ++i) {
        if (i > 0) text += " |";
        text += word(function, function.code[pc + i],
                     i == 2 ? std::string_view("?I#?R") : info(at.op).letters(static_cast<int>(i)),
                     pc + words);
      }
      while (safepoint < function.safepoints.size() && function.safepoints[safepoint].pc < pc) {
        ++safepoint;
      }
      if (safepoint < function.safepoints.size() && function.safepoints[safepoint].pc == pc) {
        text += "  ; keeps";
        for (const uint16_t live : function.safepoints[safepoint].live) {
          text += fmt::format(" r{}", live);
        }
      }
      while (place < function.places.size() && function.places[place].pc < pc) ++place;
      if (place < function.places.size() && function.places[place].pc == pc) {
        text +=
            fmt::format("  ; {}:{}", function.places[place].line, function.places[place].column);
      }
      while (text.ends_with(' ')) text.pop_back();
      line("{}", text);
      pc += words;
    }
    static constexpr std::string_view kReaches[] = {"catch", "cleanup", "timeout"};
    for (const Handler& handler : function.handlers) {
      line("  {} {}..{} -> @{} error {} mark {}{}", kReaches[static_cast<size_t>(handler.reach)],
           handler.begin, handler.end, handler.target, reg(function, handler.error),
           reg(function, handler.mark),
           handler.timer == kNoRegister ? std::string() : " timer " + reg(function, handler.timer));
    }
  }

  const Program& program_;
  std::string out_;
};

}  // namespace

std::string disassemble(const Program& program) { return Disassembler(program).run(); }

}  // namespace rbk::bytecode
