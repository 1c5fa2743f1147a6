#include "vm/testing/assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>

#include "base/units.h"
#include "vm/bytecode/op_table.h"

namespace rbk::vm::testing {

namespace {

using namespace bytecode;  // NOLINT: this file speaks of nothing else
using Shape = Type::Shape;

[[noreturn]] void stop(size_t line, const std::string& text) {
  fmt::print(stderr, "assembler: line {}: {}\n", line, text);
  std::abort();
}

class Assembler {
 public:
  explicit Assembler(std::string_view text) {
    size_t begin = 0;
    while (begin <= text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      lines_.push_back(words(text.substr(begin, end - begin)));
      begin = end + 1;
    }
  }

  Program run() {
    // Names first: a function may call one that stands below it.
    for (line_ = 0; line_ < lines_.size(); ++line_) {
      if (is("function")) function_names_[words_at()[1]] = static_cast<uint32_t>(functions_++);
    }
    for (const char* pass : {"types", "rest"}) {
      for (line_ = 0; line_ < lines_.size(); ++line_)
        declaration(pass == std::string_view("types"));
    }
    return std::move(program_);
  }

 private:
  using Words = std::vector<std::string>;

  /// Texts in quotes stay whole, with their quotes; ( ) { } [ ] , : = are words of their own where
  /// they can't be part of one.
  static Words words(std::string_view line) {
    Words out;
    std::string word;
    const auto flush = [&] {
      if (!word.empty()) out.push_back(std::move(word));
      word.clear();
    };
    int angle = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '#') break;
      if (c == '"') {
        word += c;
        while (++i < line.size() && line[i] != '"') {
          if (line[i] == '\\' && i + 1 < line.size()) {
            const char next = line[++i];
            word += next == 'n' ? '\n' : next;
          } else {
            word += line[i];
          }
        }
        word += '"';
        continue;
      }
      if (c == '<') ++angle;
      if (c == '>' && angle > 0 && !word.ends_with('-')) --angle;
      if (angle == 0 && std::string_view("(){}[],").find(c) != std::string_view::npos) {
        flush();
        if (c != ',') out.emplace_back(1, c);
        continue;
      }
      if (c == ' ' || c == '\t') {
        flush();
      } else {
        word += c;
      }
    }
    flush();
    return out;
  }

  const Words& words_at() const { return lines_[line_]; }
  bool is(std::string_view word) const { return !words_at().empty() && words_at()[0] == word; }
  [[noreturn]] void wrong(const std::string& text) const { stop(line_ + 1, text); }

  // ---- Types

  TypeId intern(Type type) {
    const auto found = std::find(program_.types.begin(), program_.types.end(), type);
    if (found == program_.types.end()) {
      program_.types.push_back(std::move(type));
      return static_cast<TypeId>(program_.types.size() - 1);
    }
    return static_cast<TypeId>(found - program_.types.begin());
  }
  TypeId plain(Shape shape) {
    Type type;
    type.shape = shape;
    return intern(std::move(type));
  }
  TypeId over(Shape shape, std::string_view element) {
    Type type;
    type.shape = shape;
    type.element = type_of(element);
    return intern(std::move(type));
  }
  TypeId type_of(std::string_view text) {
    for (TypeId i = 0; i < program_.types.size(); ++i) {
      if (!program_.types[i].name.empty() && program_.types[i].name == text) return i;
    }
    if (text.ends_with('?')) return over(Shape::kOptional, text.substr(0, text.size() - 1));
    const size_t open = text.find('<');
    if (open != std::string_view::npos) {
      const std::string_view head = text.substr(0, open);
      const std::string_view inner = text.substr(open + 1, text.size() - open - 2);
      if (head == "list") return over(Shape::kList, inner);
      if (head == "range") return over(Shape::kRange, inner);
      if (head == "Result") return over(Shape::kResult, inner);
      if (head == "map") {
        const size_t comma = inner.find(',');
        Type type;
        type.shape = Shape::kMap;
        type.key = type_of(inner.substr(0, comma));
        type.element = type_of(inner.substr(comma + 1));
        return intern(std::move(type));
      }
    }
    for (int shape = 0; shape <= static_cast<int>(Shape::kSecret); ++shape) {
      if (name_of(static_cast<Shape>(shape)) == text) return plain(static_cast<Shape>(shape));
    }
    wrong(fmt::format("there is no type {}", text));
  }
  static std::string_view unquoted(std::string_view word) {
    return word.substr(1, word.size() - 2);
  }

  /// `name: type [from "x"] [= literal]`, up to the closing bracket, which is taken.
  std::vector<Type::Field> fields(size_t& at, std::string_view close) {
    std::vector<Type::Field> list;
    const Words& all = words_at();
    while (at < all.size() && all[at] != close) {
      Type::Field field;
      field.name = all[at].substr(0, all[at].size() - 1);  // without ':'
      field.outer_name = field.name;
      field.type = type_of(all.at(at + 1));
      at += 2;
      if (at < all.size() && all[at] == "from") {
        field.outer_name = unquoted(all.at(at + 1));
        at += 2;
      }
      if (at < all.size() && all[at] == "=") {
        field.default_constant = constant(all.at(at + 1), program_.types[field.type].shape);
        at += 2;
      }
      list.push_back(std::move(field));
    }
    ++at;
    return list;
  }

  // ---- Constants

  uint32_t add(Constant constant) {
    const auto found = std::find(program_.constants.begin(), program_.constants.end(), constant);
    if (found != program_.constants.end()) {
      return static_cast<uint32_t>(found - program_.constants.begin());
    }
    program_.constants.push_back(std::move(constant));
    return static_cast<uint32_t>(program_.constants.size() - 1);
  }
  uint32_t bits(Shape shape, int64_t value) {
    Constant made;
    made.type = plain(shape);
    made.bits = value;
    return add(std::move(made));
  }
  uint32_t text(Shape shape, std::string_view value) {
    Constant made;
    made.type = plain(shape);
    made.text = value;
    return add(std::move(made));
  }
  uint32_t constant(const std::string& word, Shape wanted = Shape::kNull) {
    const auto named = constant_names_.find(word);
    if (named != constant_names_.end()) return named->second;
    if (word == "null") return bits(Shape::kNull, 0);
    if (word == "true" || word == "false") return bits(Shape::kBool, word == "true" ? 1 : 0);
    if (word.starts_with('"')) return text(Shape::kString, unquoted(word));
    const size_t colon = word.find(':');
    if (colon != std::string::npos) {
      const std::string head = word.substr(0, colon);
      std::string value = word.substr(colon + 1);
      if (value.starts_with('"')) value = unquoted(value);
      if (head == "duration") return bits(Shape::kDuration, parse_duration(value).value());
      if (head == "size") return bits(Shape::kSize, parse_size(value).value());
      if (head == "time") return bits(Shape::kTime, parse_time(value).value());
      return text(program_.types[type_of(head)].shape, value);
    }
    if (word.find('.') != std::string::npos || wanted == Shape::kFloat) {
      return bits(Shape::kFloat, std::bit_cast<int64_t>(std::strtod(word.c_str(), nullptr)));
    }
    if (word.find_first_not_of("-0123456789") == std::string::npos) {
      return bits(wanted == Shape::kNull ? Shape::kInt : wanted, std::atoll(word.c_str()));
    }
    wrong("there is no constant " + word);
  }

  // ---- Declarations

  void declaration(bool types) {
    if (words_at().empty()) return;
    const Words& all = words_at();
    const std::string& head = all[0];
    if (head == "record" || head == "error" || head == "enum") {
      if (types) nominal();
    } else if (head == "function") {
      if (types) {
        while (!is("end")) ++line_;
      } else {
        function();
      }
    } else if (head == "step") {
      if (types) step_names_[all.at(1)] = static_cast<uint32_t>(program_.steps.size());
      if (types) program_.steps.push_back({all.at(1), 0, all.size() > 2});
    } else if (head == "const") {
      if (!types) named_constant();
    } else if (head == "action") {
      if (!types) action();
    } else if (head == "runbook") {
      if (!types) runbook();
    } else if (head != "native") {
      wrong("there is no declaration " + head);
    }
  }

  void nominal() {
    const Words& all = words_at();
    // The name is known inside, for types that hold themselves.
    const auto id = static_cast<TypeId>(program_.types.size());
    Type placeholder;
    placeholder.name = all.at(1);
    placeholder.shape = all[0] == "record"  ? Shape::kRecord
                        : all[0] == "error" ? Shape::kError
                                            : Shape::kEnum;
    program_.types.push_back(placeholder);
    Type type = placeholder;
    size_t at = 3;
    if (type.shape != Shape::kEnum) {
      if (all.size() > 3) type.fields = fields(at, "}");
      program_.types[id] = std::move(type);
      return;
    }
    while (at < all.size() && all[at] != "}") {
      Type::Member member;
      member.name = member.outer_name = all[at++];
      if (at < all.size() && all[at] == "(") member.payload = fields(++at, ")");
      if (at < all.size() && all[at] == "from") {
        member.outer_name = unquoted(all.at(at + 1));
        at += 2;
      }
      type.members.push_back(std::move(member));
    }
    program_.types[id] = std::move(type);
  }

  /// const NAME TYPE [ items ]; const NAME TYPE number [ items ] for an enum's member
  void named_constant() {
    const Words& all = words_at();
    Constant made;
    made.type = type_of(all.at(2));
    size_t at = 3;
    if (all.at(at) != "[") made.bits = std::atoll(all[at++].c_str());
    for (++at; at < all.size() && all[at] != "]"; ++at) made.items.push_back(constant(all[at]));
    constant_names_[all.at(1)] = add(std::move(made));
  }

  void action() {
    const Words& all = words_at();
    ActionImport import;
    import.name = all.at(1);
    size_t at = 3;
    import.parameters = fields(at, ")");
    if (at < all.size() && all[at] == "->") {
      import.result = type_of(all.at(at + 1));
      at += 2;
    }
    const std::string behaviour = at < all.size() ? all[at] : "writes";
    import.behaviour = behaviour == "reads"        ? Behaviour::kReads
                       : behaviour == "idempotent" ? Behaviour::kIdempotent
                                                   : Behaviour::kWrites;
    action_names_[import.name] = static_cast<uint32_t>(program_.actions.size());
    program_.actions.push_back(std::move(import));
  }

  /// runbook NAME(parameters) [-> type] = function; a parameter's `= f` names a default function,
  /// `where CONDITION MESSAGE "text"` a check.
  void runbook() {
    const Words& all = words_at();
    Runbook made;
    made.name = all.at(1);
    size_t at = 3;
    while (all.at(at) != ")") {
      Parameter parameter;
      parameter.name = all[at].substr(0, all[at].size() - 1);
      parameter.type = type_of(all.at(at + 1));
      at += 2;
      if (all.at(at) == "=") {
        parameter.default_function = function_names_.at(all.at(at + 1));
        at += 2;
      }
      while (all.at(at) == "where") {
        parameter.checks.push_back({function_names_.at(all.at(at + 1)),
                                    function_names_.at(all.at(at + 2)),
                                    std::string(unquoted(all.at(at + 3)))});
        at += 4;
      }
      made.parameters.push_back(std::move(parameter));
    }
    ++at;
    if (all.at(at) == "->") {
      made.result = type_of(all.at(at + 1));
      at += 2;
    }
    made.function = function_names_.at(all.at(at + 1));
    program_.runbooks.push_back(std::move(made));
  }

  // ---- Functions

  Kind kind_of(const std::string& word) {
    for (int kind = 0; kind <= static_cast<int>(Kind::kRef); ++kind) {
      if (name_of(static_cast<Kind>(kind)) == word) return static_cast<Kind>(kind);
    }
    return program_.types[type_of(word)].kind();
  }

  void add_register(const std::string& name, Kind kind) {
    registers_[name] = static_cast<uint16_t>(function_.registers.size());
    function_.registers.push_back(kind);
    function_.register_names.push_back(name);
  }

  void function() {
    const Words& head = words_at();
    function_ = Function();
    registers_.clear();
    labels_.clear();
    fixes_.clear();
    function_.name = head.at(1);
    size_t at = 3;
    for (; head.at(at) != ")"; at += 2) {
      add_register(head[at].substr(0, head[at].size() - 1), kind_of(head.at(at + 1)));
    }
    function_.parameters = static_cast<uint16_t>(function_.registers.size());
    for (++at; at < head.size(); ++at) {
      if (head[at] == "->") function_.result = type_of(head.at(++at));
      if (head[at] == "pure") function_.pure = true;
    }
    std::vector<std::pair<size_t, Words>> handlers;
    for (++line_; !is("end"); ++line_) {
      if (line_ + 1 >= lines_.size()) wrong("the function has no end");
      const Words& all = words_at();
      if (all.empty()) continue;
      const std::string& word = all[0];
      if (word == "reg") {
        for (size_t i = 1; i + 1 < all.size(); ++i) add_register(all[i], kind_of(all.back()));
      } else if (word.ends_with(':') && all.size() == 1) {
        labels_[word.substr(0, word.size() - 1)] = static_cast<uint32_t>(function_.code.size());
      } else if (word == "keep") {
        Safepoint safepoint;
        safepoint.pc = static_cast<uint32_t>(function_.code.size());
        for (size_t i = 1; i < all.size(); ++i) safepoint.live.push_back(reg(all[i]));
        std::sort(safepoint.live.begin(), safepoint.live.end());
        function_.safepoints.push_back(std::move(safepoint));
      } else if (word == "catch" || word == "cleanup" || word == "timeout") {
        handlers.emplace_back(line_, all);
      } else {
        instruction(all);
      }
    }
    for (const auto& [line, all] : handlers) {
      Handler handler;
      handler.begin = label(all.at(1));
      handler.end = label(all.at(2));
      handler.target = label(all.at(3));
      handler.error = reg(all.at(4));
      handler.mark = reg(all.at(5));
      handler.reach = all[0] == "catch"     ? Handler::Reach::kCatch
                      : all[0] == "cleanup" ? Handler::Reach::kCleanup
                                            : Handler::Reach::kTimeout;
      if (all[0] == "timeout") handler.timer = reg(all.at(6));
      function_.handlers.push_back(handler);
    }
    for (const Fix& fix : fixes_) {
      Instruction& at_fix = function_.code[fix.pc];
      const auto offset = static_cast<int32_t>(label(fix.label)) - static_cast<int32_t>(fix.next);
      if (fix.wide) {
        at_fix = Instruction::with_wide(at_fix.op, at_fix.a, offset);
      } else {
        at_fix.c = static_cast<uint16_t>(static_cast<int16_t>(offset));
      }
    }
    program_.functions.push_back(std::move(function_));
  }

  uint16_t reg(const std::string& name) const {
    const auto found = registers_.find(name);
    if (found == registers_.end()) wrong("there is no register " + name);
    return found->second;
  }
  uint32_t label(const std::string& name) const {
    const auto found = labels_.find(name.starts_with('@') ? name.substr(1) : name);
    if (found == labels_.end()) wrong("there is no label " + name);
    return found->second;
  }
  template <typename Map>
  uint16_t named(const Map& map, const std::string& name) const {
    const auto found = map.find(name);
    if (found == map.end()) wrong("there is nothing called " + name);
    return static_cast<uint16_t>(found->second);
  }

  uint16_t native(const std::string& name) {
    for (size_t i = 0; i < program_.natives.size(); ++i) {
      if (program_.natives[i].name == name) return static_cast<uint16_t>(i);
    }
    const NativeInfo* known = find_native(name);
    if (known == nullptr) wrong("there is no native " + name);
    program_.natives.push_back({name, known->version});
    return static_cast<uint16_t>(program_.natives.size() - 1);
  }

  void instruction(const Words& all) {
    Op op = Op::kCount;
    for (uint16_t i = 0; i < static_cast<uint16_t>(Op::kCount); ++i) {
      if (info(static_cast<Op>(i)).name == all[0]) op = static_cast<Op>(i);
    }
    if (op == Op::kCount) wrong("there is no operation " + all[0]);
    const uint32_t words = info(op).words();
    const auto pc = static_cast<uint32_t>(function_.code.size());
    size_t next = 1;
    for (uint32_t word = 0; word < words; ++word) {
      if (word > 0 && next < all.size() && all[next] == "|") ++next;
      Instruction made;
      made.op = word == 0 ? op : Op::kExtra;
      operands_of(all, next, made,
                  word == 2 ? std::string_view("?I#?R") : info(op).letters(static_cast<int>(word)),
                  pc, words);
      function_.code.push_back(made);
    }
    if (next != all.size()) wrong("too many operands");
  }

  void operands_of(const Words& all, size_t& next, Instruction& made, std::string_view letters,
                   uint32_t pc, uint32_t words) {
    const std::array<Operand, 3> list = operands(letters);
    uint16_t* const places[] = {&made.a, &made.b, &made.c};
    for (size_t i = 0; i < 3; ++i) {
      const char letter = list[i].letter;
      if (letter == '-') continue;
      if (next >= all.size()) wrong("an operand is missing");
      const std::string& word = all[next++];
      switch (letter) {
        case 'J':
          fixes_.push_back({pc, pc + words, word, true});
          return;
        case 'K':
          fixes_.push_back({pc, pc + words, word, false});
          break;
        case 'L':
          made = Instruction::with_wide(made.op, made.a, std::atoi(word.c_str()));
          return;
        case 'W':
          made = Instruction::with_wide(made.op, made.a, static_cast<int32_t>(constant(word)));
          return;
        case 'l':
        case '#':
          *places[i] = static_cast<uint16_t>(std::atoi(word.c_str()));
          break;
        case 'C':
          *places[i] = static_cast<uint16_t>(constant(word));
          break;
        case 'Y':
          *places[i] = word == "_" ? 0 : static_cast<uint16_t>(type_of(word));
          break;
        case 'X':
          *places[i] = named(function_names_, word);
          break;
        case 'M':
          *places[i] = named(action_names_, word);
          break;
        case 'V':
          *places[i] = native(word);
          break;
        case 'P':
          *places[i] = word == "_" ? kNoRegister : named(step_names_, word);
          break;
        case 'Q':  // calendars are added to the program by the test
          *places[i] = static_cast<uint16_t>(std::stoul(word));
          break;
        case 'S':
          *places[i] = word == "_" ? 0 : reg(word);
          break;
        default:
          *places[i] = word == "_" ? kNoRegister : reg(word);
      }
    }
  }

  struct Fix {
    uint32_t pc;
    uint32_t next;
    std::string label;
    bool wide;
  };

  std::vector<Words> lines_;
  size_t line_ = 0;
  size_t functions_ = 0;
  Program program_;
  Function function_;
  std::map<std::string, uint16_t> registers_;
  std::map<std::string, uint32_t> labels_;
  std::vector<Fix> fixes_;
  std::map<std::string, uint32_t> function_names_;
  std::map<std::string, uint32_t> constant_names_;
  std::map<std::string, uint32_t> action_names_;
  std::map<std::string, uint32_t> step_names_;
};

}  // namespace

Program assemble(std::string_view text) { return Assembler(text).run(); }

}  // namespace rbk::vm::testing
