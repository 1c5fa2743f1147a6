// The checker's types as the machine knows them.
#include <utility>

#include "compiler/lower/program_lowering.h"

namespace rbk::lower {

using bytecode::Type;
using From = check::Type::Shape;
using To = bytecode::Type::Shape;

Kind ProgramLowering::kind(check::TypeId id) const {
  switch (checked_type(id).shape) {
    case From::kBool:
      return Kind::kBool;
    case From::kInt:
      return Kind::kInt;
    case From::kFloat:
      return Kind::kFloat;
    case From::kDuration:
      return Kind::kDuration;
    case From::kSize:
      return Kind::kSize;
    case From::kTime:
      return Kind::kTime;
    default:
      return Kind::kRef;
  }
}

bytecode::TypeId ProgramLowering::type_of(Type type) {
  for (uint32_t i = 0; i < program_.types.size(); ++i) {
    if (program_.types[i] == type) return i;
  }
  program_.types.push_back(std::move(type));
  const auto id = static_cast<uint32_t>(program_.types.size() - 1);
  narrow(id, "types");
  return id;
}

bytecode::TypeId ProgramLowering::shape_type(To shape) {
  Type made;
  made.shape = shape;
  return type_of(std::move(made));
}

bytecode::TypeId ProgramLowering::optional_type(bytecode::TypeId element) {
  if (type_at(element).shape == bytecode::Type::Shape::kOptional) return element;
  bytecode::Type made;
  made.shape = bytecode::Type::Shape::kOptional;
  made.element = element;
  return type_of(std::move(made));
}

bytecode::TypeId ProgramLowering::list_type(bytecode::TypeId element) {
  Type made;
  made.shape = To::kList;
  made.element = element;
  return type_of(std::move(made));
}

bytecode::TypeId ProgramLowering::result_type(bytecode::TypeId element, bytecode::TypeId item) {
  Type made;
  made.shape = To::kResult;
  made.element = element;
  made.key = item;
  return type_of(std::move(made));
}

bytecode::TypeId ProgramLowering::map_type(bytecode::TypeId key, bytecode::TypeId element) {
  Type made;
  made.shape = To::kMap;
  made.key = key;
  made.element = element;
  return type_of(std::move(made));
}

bytecode::TypeId ProgramLowering::core_error(std::string_view name) {
  for (SymbolId id = 0; id < checked_.symbols.size(); ++id) {
    const check::Symbol& found = symbol(id);
    if (found.kind == check::Symbol::Kind::kErrorKind && found.name == name &&
        checked_.modules.at(found.module)->standard) {
      return type(found.type);
    }
  }
  Type made;
  made.shape = To::kError;
  made.name = name;
  return type_of(std::move(made));
}

std::vector<Type::Field> ProgramLowering::fields(const std::vector<check::Field>& written,
                                                 SymbolId owner, bool optional) {
  std::vector<Type::Field> made;
  for (const check::Field& field : written) {
    Type::Field next;
    next.name = field.name;
    next.outer_name = field.outer_name.empty() ? field.name : field.outer_name;
    next.type = type(field.type);
    if (optional && program_.types[next.type].shape != To::kOptional) {
      Type wrapped;
      wrapped.shape = To::kOptional;
      wrapped.element = next.type;
      next.type = type_of(std::move(wrapped));
    }
    if (field.written != nullptr && field.written->default_value.valid() && !optional) {
      const CheckedModule& module = module_of(owner);
      const auto folded = fold_default(module, field.written->default_value);
      if (folded) {
        next.default_constant = *folded;
      } else {
        fault(ErrorKind::kUnsupported, module, field.written->span,
              "the default of `" + field.name + "` must be a constant");
      }
    }
    made.push_back(std::move(next));
  }
  return made;
}

/// Records, enums and errors may contain themselves: the id exists before the parts do.
void ProgramLowering::fill_nominal(bytecode::TypeId id, const check::Type& type) {
  const check::Symbol& of = symbol(type.symbol);
  if (type.shape == From::kEnum) {
    std::vector<Type::Member> members;
    for (const check::Symbol::Member& member : of.members) {
      members.push_back({member.name, member.outer_name.empty() ? member.name : member.outer_name,
                         fields(member.payload, type.symbol, false)});
    }
    program_.types[id].members = std::move(members);
    for (uint32_t i = 0; i < of.members.size(); ++i) functions_of_fields(type.symbol, i);
    return;
  }
  auto made = fields(of.fields, type.symbol, type.shape == From::kErrorKind);
  program_.types[id].fields = std::move(made);
  if (type.shape == From::kRecord) functions_of_fields(type.symbol, check::kNone);
}

bytecode::TypeId ProgramLowering::type(check::TypeId id) {
  if (types_.size() <= id) types_.resize(checked_.types.size(), bytecode::kNone);
  if (types_[id] != bytecode::kNone) return types_[id];
  const check::Type& from = checked_type(id);
  Type made;
  const auto simple = [&](To shape) {
    made.shape = shape;
    return types_[id] = type_of(made);
  };
  switch (from.shape) {
    case From::kUnknown:
    case From::kNever:
    case From::kNothing:
    case From::kNull:
      return simple(To::kNull);
    case From::kBool:
      return simple(To::kBool);
    case From::kInt:
      return simple(To::kInt);
    case From::kFloat:
      return simple(To::kFloat);
    case From::kDuration:
      return simple(To::kDuration);
    case From::kSize:
      return simple(To::kSize);
    case From::kTime:
      return simple(To::kTime);
    case From::kString:
      return simple(To::kString);
    case From::kUrl:
      return simple(To::kUrl);
    case From::kCommand:
      return simple(To::kCommand);
    case From::kQuery:
      return simple(To::kQuery);
    case From::kRegex:
      return simple(To::kRegex);
    case From::kJson:
    case From::kVariable:
      return simple(To::kJson);
    case From::kSecret:
      return simple(To::kSecret);
    case From::kEnvironment:
      // Texts and secrets side by side: each value says itself which it is.
      return types_[id] = map_type(string_type(), shape_type(To::kSecret));
    case From::kRange:
    case From::kList:
    case From::kOptional: {
      made.element = type(from.element);
      return simple(from.shape == From::kRange  ? To::kRange
                    : from.shape == From::kList ? To::kList
                                                : To::kOptional);
    }
    case From::kResult: {
      const bytecode::TypeId item = from.key == check::kNone ? bytecode::kNone : type(from.key);
      return types_[id] = result_type(type(from.element), item);
    }
    case From::kMap: {
      const bytecode::TypeId key = type(from.key);
      return types_[id] = map_type(key, type(from.element));
    }
    case From::kError:
      made.name = "error";
      return simple(To::kError);
    case From::kFunction: {
      for (const check::TypeId parameter : from.parameters) {
        made.fields.push_back({"", "", type(parameter), bytecode::kNone});
      }
      made.element = from.element == check::kNone ? bytecode::kNone : type(from.element);
      return simple(To::kFunction);
    }
    case From::kForm: {
      for (const auto& [name, field] : from.fields) {
        made.fields.push_back({name, name, type(field), bytecode::kNone});
      }
      if (ends_in_output(from)) made.fields.back().type = optional_type(made.fields.back().type);
      made.name = "form";
      return simple(To::kRecord);
    }
    case From::kRecord:
    case From::kEnum:
    case From::kErrorKind: {
      const auto known = nominal_types_.find(from.symbol);
      if (known != nominal_types_.end()) return types_[id] = known->second;
      made.shape = from.shape == From::kRecord ? To::kRecord
                   : from.shape == From::kEnum ? To::kEnum
                                               : To::kError;
      made.name = full_name(from.symbol);
      program_.types.push_back(std::move(made));
      const auto added = static_cast<uint32_t>(program_.types.size() - 1);
      narrow(added, "types");
      types_[id] = added;
      nominal_types_[from.symbol] = added;
      fill_nominal(added, from);
      return added;
    }
  }
  return simple(To::kNull);
}

}  // namespace rbk::lower
