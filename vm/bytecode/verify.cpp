// Every rule that the interpreter relies on; docs/formats/program.md lists them. What can only be
// known when running (which object a ref register holds) the interpreter tests itself.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "vm/bytecode/op_table.h"
#include "vm/bytecode/verify_code.h"

namespace rbk::bytecode {

namespace {

using Shape = Type::Shape;

/// Shapes that have a name: recursion through them is well-founded.
bool is_nominal(Shape shape) {
  return shape == Shape::kRecord || shape == Shape::kEnum || shape == Shape::kError;
}

bool needs_element(Shape shape) {
  return shape == Shape::kRange || shape == Shape::kList || shape == Shape::kMap ||
         shape == Shape::kOptional || shape == Shape::kResult;
}

bool may_have_element(Shape shape) { return needs_element(shape) || shape == Shape::kFunction; }

class Verifier {
 public:
  explicit Verifier(const Program& program) : program_(program) {}

  Status run() {
    types();
    if (ok_) type_cycles();
    for (size_t i = 0; i < program_.constants.size() && ok_; ++i) constant(i);
    for (size_t i = 0; i < program_.natives.size() && ok_; ++i) native(i);
    if (!ok_) return status_;
    for (size_t i = 0; i < program_.steps.size() && ok_; ++i) {
      const Step& step = program_.steps[i];
      expect(step.function < functions(), "step {} ({}) names function {} of {}", i, step.name,
             step.function, functions());
    }
    for (size_t i = 0; i < program_.actions.size() && ok_; ++i) action(i);
    for (size_t i = 0; i < functions() && ok_; ++i) {
      Status code = verify_function(program_, static_cast<uint32_t>(i));
      if (!code) return code;
    }
    for (size_t i = 0; i < program_.field_checks.size() && ok_; ++i) field_check(i);
    for (size_t i = 0; i < program_.runbooks.size() && ok_; ++i) runbook(i);
    return status_;
  }

 private:
  template <typename... Args>
  bool expect(bool condition, fmt::format_string<Args...> text, Args&&... args) {
    if (condition || !ok_) return condition;
    ok_ = false;
    status_ =
        rbk::fail(ErrorKind::kCorrupt,
                  "the program is malformed: " + fmt::format(text, std::forward<Args>(args)...),
                  "compile it again from its source");
    return false;
  }
  size_t functions() const { return program_.functions.size(); }
  bool is_type(uint32_t id) const { return id < program_.types.size(); }

  void fields(size_t type, const std::vector<Type::Field>& list) {
    expect(list.size() < kNoRegister, "type {} has {} fields", type, list.size());
    for (const Type::Field& field : list) {
      expect(is_type(field.type), "field {} of type {} has type {} of {}", field.name, type,
             field.type, program_.types.size());
      if (field.default_constant == kNone || !ok_) continue;
      if (!expect(field.default_constant < program_.constants.size(),
                  "the default of field {} of type {} is constant {} of {}", field.name, type,
                  field.default_constant, program_.constants.size())) {
        return;
      }
      const TypeId given = program_.constants[field.default_constant].type;
      const Type& wanted = program_.types[field.type];
      const bool fits =
          is_type(given) &&
          (given == field.type || program_.types[given].kind() == wanted.kind() ||
           (wanted.shape == Shape::kOptional && program_.types[given].shape == Shape::kNull) ||
           (wanted.shape == Shape::kOptional && wanted.element == given));
      expect(fits, "the default of field {} of type {} has another type", field.name, type);
    }
  }

  void types() {
    for (size_t i = 0; i < program_.types.size() && ok_; ++i) {
      const Type& type = program_.types[i];
      const std::string_view name = name_of(type.shape);
      expect(!needs_element(type.shape) || is_type(type.element),
             "type {} ({}) has no element type", i, name);
      expect(may_have_element(type.shape) ? type.element == kNone || is_type(type.element)
                                          : type.element == kNone,
             "type {} ({}) has a wrong element type", i, name);
      expect(type.shape == Shape::kMap
                 ? is_type(type.key)
                 : type.key == kNone || (type.shape == Shape::kResult && is_type(type.key)),
             "type {} ({}) has a wrong key type", i, name);
      expect(!is_nominal(type.shape) || !type.name.empty(), "type {} ({}) has no name", i, name);
      const bool has_fields = type.shape == Shape::kRecord || type.shape == Shape::kError ||
                              type.shape == Shape::kFunction;
      expect(has_fields || type.fields.empty(), "type {} ({}) has fields", i, name);
      expect(type.shape == Shape::kEnum ? !type.members.empty() && type.members.size() < 0xffff
                                        : type.members.empty(),
             "type {} ({}) has {} members", i, name, type.members.size());
      if (type.shape == Shape::kRange && ok_) {
        const Shape element = program_.types[type.element].shape;
        expect(element == Shape::kInt || element == Shape::kDuration || element == Shape::kSize ||
                   element == Shape::kTime,
               "type {} is a range of {}", i, name_of(element));
      }
      if (ok_) fields(i, type.fields);
      for (const Type::Member& member : type.members) {
        if (ok_) fields(i, member.payload);
      }
    }
  }

  /// A type may contain itself only through a record, an enum or an error.
  void type_cycles() {
    enum : uint8_t { kNew, kOpen, kDone };
    std::vector<uint8_t> seen(program_.types.size(), kNew);
    struct Visit {
      TypeId type;
      size_t next;
    };
    std::vector<Visit> path;
    for (TypeId start = 0; start < program_.types.size() && ok_; ++start) {
      if (seen[start] != kNew) continue;
      path.push_back({start, 0});
      seen[start] = kOpen;
      while (!path.empty() && ok_) {
        const Type& type = program_.types[path.back().type];
        const size_t parts = is_nominal(type.shape) ? 0 : 2 + type.fields.size();
        if (path.back().next == parts) {
          seen[path.back().type] = kDone;
          path.pop_back();
          continue;
        }
        const size_t part = path.back().next++;
        const TypeId inner = part == 0   ? type.element
                             : part == 1 ? type.key
                                         : type.fields[part - 2].type;
        if (inner == kNone || seen[inner] == kDone) continue;
        if (!expect(seen[inner] == kNew, "type {} contains itself", inner)) return;
        seen[inner] = kOpen;
        path.push_back({inner, 0});
      }
    }
  }

  void constant(size_t index) {
    const Constant& constant = program_.constants[index];
    if (!expect(is_type(constant.type), "constant {} has type {} of {}", index, constant.type,
                program_.types.size())) {
      return;
    }
    for (uint32_t item : constant.items) {
      if (!expect(item < index, "constant {} holds constant {}, which does not stand before it",
                  index, item)) {
        return;
      }
    }
    const Type& type = program_.types[constant.type];
    const size_t count = constant.items.size();
    switch (type.shape) {
      case Shape::kNull:
      case Shape::kString:
      case Shape::kUrl:
      case Shape::kCommand:
      case Shape::kQuery:
      case Shape::kRegex:
      case Shape::kJson:
      case Shape::kSecret:
      case Shape::kInt:
      case Shape::kFloat:
      case Shape::kDuration:
      case Shape::kSize:
      case Shape::kTime:
        expect(count == 0, "constant {} has items", index);
        break;
      case Shape::kBool:
        expect(count == 0 && (constant.bits == 0 || constant.bits == 1), "constant {} is no bool",
               index);
        break;
      case Shape::kRange:
        expect(count == 2, "constant {} is a range of {} ends", index, count);
        for (uint32_t item : constant.items) item_kind(index, item, type.element);
        break;
      case Shape::kList:
        for (uint32_t item : constant.items) item_kind(index, item, type.element);
        break;
      case Shape::kMap:
        expect(count % 2 == 0, "constant {} is a map with a key too many", index);
        for (size_t i = 0; i < count; ++i) {
          item_kind(index, constant.items[i], i % 2 == 0 ? type.key : type.element);
        }
        break;
      case Shape::kOptional:
        expect(count <= 1, "constant {} has items", index);
        break;
      case Shape::kRecord:
        item_kinds(index, type.fields);
        break;
      case Shape::kEnum:
        if (expect(constant.bits >= 0 && static_cast<uint64_t>(constant.bits) < type.members.size(),
                   "constant {} is member {} of {}", index, constant.bits, type.members.size())) {
          item_kinds(index, type.members[static_cast<size_t>(constant.bits)].payload);
        }
        break;
      case Shape::kError:
      case Shape::kResult:
      case Shape::kFunction:
        expect(false, "constant {} is of shape {}", index, name_of(type.shape));
        break;
    }
  }

  void item_kind(size_t index, uint32_t item, TypeId wanted) {
    const Type& given = program_.types[program_.constants[item].type];
    expect(given.kind() == program_.types[wanted].kind(),
           "constant {} holds constant {}, a {}, where a {} belongs", index, item,
           name_of(given.kind()), name_of(program_.types[wanted].kind()));
  }
  void item_kinds(size_t index, const std::vector<Type::Field>& wanted) {
    const std::vector<uint32_t>& items = program_.constants[index].items;
    if (!expect(items.size() == wanted.size(), "constant {} has {} of {} fields", index,
                items.size(), wanted.size())) {
      return;
    }
    for (size_t i = 0; i < items.size(); ++i) item_kind(index, items[i], wanted[i].type);
  }

  void native(size_t index) {
    const NativeImport& import = program_.natives[index];
    const NativeInfo* known = find_native(import.name);
    if (known != nullptr && known->version == import.version) return;
    ok_ = false;
    status_ = rbk::fail(ErrorKind::kUnsupported,
                        fmt::format("the program needs {} in version {}; this rbk has {}",
                                    import.name, import.version,
                                    known == nullptr ? std::string("none of that name")
                                                     : fmt::format("version {}", known->version)),
                        "compile the source with this rbk, or use the rbk that compiled it");
  }

  void action(size_t index) {
    const ActionImport& action = program_.actions[index];
    fields(index, action.parameters);
    expect(action.result == kNone || is_type(action.result), "action {} has result type {} of {}",
           action.name, action.result, program_.types.size());
    if (action.exec.empty()) return;
    const auto& files = program_.files;
    expect(std::any_of(files.begin(), files.end(),
                       [&](const SourceFile& file) { return file.path == action.exec; }),
           "action {} is carried out by {}, which is none of the program's files", action.name,
           action.exec);
  }

  void field_check(size_t index) {
    const FieldCheck& check = program_.field_checks[index];
    if (!expect(is_type(check.type), "condition {} is on type {} of {}", index, check.type,
                program_.types.size())) {
      return;
    }
    const Type& type = program_.types[check.type];
    const bool is_enum = type.shape == Shape::kEnum;
    if (!expect(is_enum ? check.member < type.members.size()
                        : type.shape == Shape::kRecord && check.member == 0,
                "condition {} is on member {} of {}", index, check.member, type.name)) {
      return;
    }
    const std::vector<Type::Field>& fields =
        is_enum ? type.members[check.member].payload : type.fields;
    if (!expect(check.field < fields.size(), "condition {} is on field {} of {}", index,
                check.field, type.name)) {
      return;
    }
    field_function(type, fields, check.field + size_t{1}, check.condition, Kind::kBool);
    field_function(type, fields, check.field + size_t{1}, check.message, Kind::kRef);
  }

  /// The function takes the first `count` of the fields and gives `result`.
  void field_function(const Type& type, const std::vector<Type::Field>& fields, size_t count,
                      uint32_t index, Kind result) {
    if (!expect(index < functions(), "a condition on {} names function {} of {}", type.name, index,
                functions())) {
      return;
    }
    const Function& function = program_.functions[index];
    expect(function.pure && function.parameters == count,
           "a condition on {} needs {} to be pure, with {} parameters", type.name, function.name,
           count);
    for (size_t i = 0; i < count && ok_; ++i) {
      expect(function.registers[i] == program_.types[fields[i].type].kind(),
             "a condition on {}: parameter {} of {} is of another kind", type.name, i,
             function.name);
    }
    if (!ok_) return;
    expect(function.result != kNone && program_.types[function.result].kind() == result,
           "a condition on {}: {} gives another kind than is wanted", type.name, function.name);
  }

  /// The function takes the first `count` parameters of the runbook and gives `result`.
  void parameter_function(const Runbook& runbook, size_t count, uint32_t index, Kind result,
                          bool pure) {
    if (!expect(index < functions(), "runbook {} names function {} of {}", runbook.name, index,
                functions())) {
      return;
    }
    const Function& function = program_.functions[index];
    expect(!pure || function.pure, "runbook {} needs {} to be pure", runbook.name, function.name);
    expect(function.parameters == count, "runbook {}: {} takes {} parameters, not {}", runbook.name,
           function.name, function.parameters, count);
    for (size_t i = 0; i < count && ok_; ++i) {
      expect(function.registers[i] == program_.types[runbook.parameters[i].type].kind(),
             "runbook {}: parameter {} of {} is of another kind", runbook.name, i, function.name);
    }
    if (!pure || !ok_) return;
    expect(function.result != kNone && program_.types[function.result].kind() == result,
           "runbook {}: {} gives another kind than is wanted", runbook.name, function.name);
  }

  void runbook(size_t index) {
    const Runbook& runbook = program_.runbooks[index];
    for (const uint32_t calendar : runbook.outside)
      expect(calendar < program_.calendars.size(), "runbook {} is outside of calendar {} of {}",
             runbook.name, calendar, program_.calendars.size());
    for (size_t i = 0; i < runbook.parameters.size() && ok_; ++i) {
      const Parameter& parameter = runbook.parameters[i];
      if (!expect(is_type(parameter.type), "parameter {} of runbook {} has type {} of {}",
                  parameter.name, runbook.name, parameter.type, program_.types.size())) {
        return;
      }
    }
    expect(runbook.result == kNone || is_type(runbook.result),
           "runbook {} has result type {} of {}", runbook.name, runbook.result,
           program_.types.size());
    for (size_t i = 0; i < runbook.parameters.size() && ok_; ++i) {
      const Parameter& parameter = runbook.parameters[i];
      if (parameter.default_function != kNone) {
        parameter_function(runbook, i, parameter.default_function,
                           program_.types[parameter.type].kind(), true);
      }
      for (const ParameterCheck& check : parameter.checks) {
        parameter_function(runbook, i + 1, check.condition, Kind::kBool, true);
        parameter_function(runbook, i + 1, check.message, Kind::kRef, true);
      }
    }
    if (runbook.worker != kNone)
      parameter_function(runbook, runbook.parameters.size(), runbook.worker, Kind::kRef, true);
    parameter_function(runbook, runbook.parameters.size(), runbook.function, Kind::kRef, false);
    if (!ok_) return;
    const Function& function = program_.functions[runbook.function];
    const auto kind = [&](TypeId type) {
      return type == kNone ? std::optional<Kind>() : program_.types[type].kind();
    };
    expect(kind(function.result) == kind(runbook.result),
           "runbook {}: its function gives another kind than it", runbook.name);
  }

  const Program& program_;
  bool ok_ = true;
  Status status_;
};

}  // namespace

Status verify(const Program& program) { return Verifier(program).run(); }

}  // namespace rbk::bytecode
