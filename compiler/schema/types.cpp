#include "compiler/schema/types.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <cmath>

#include "base/units.h"
#include "compiler/plan/evaluate.h"
#include "compiler/schema/conditions.h"

namespace rbk::schema {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using check::Type;
using Shape = Type::Shape;

// As base/units.h reads them.
constexpr const char* kDuration = "^-?([0-9]+(w|d|h|m|s|ms|us))+$";
constexpr const char* kSize = "^-?([0-9]+(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B))+$";
constexpr const char* kTime =
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    "(:[0-5][0-9](\\.[0-9]+)?)?(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$";
// As vm/json_read.cpp asks of a URL.
constexpr const char* kUrl =
    "^[A-Za-z][A-Za-z0-9+.-]*://[^\\u0000-\\u0020\\u007f\"<>\\\\^`{|}/?#]"
    "[^\\u0000-\\u0020\\u007f\"<>\\\\^`{|}]*$";

object text_like(const char* pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

object whole_number() {
  return {{"type", "integer"}, {"minimum", INT64_MIN}, {"maximum", INT64_MAX}};
}

object either(object one, object other) {
  return {{"anyOf", array{std::move(one), std::move(other)}}};
}

object strict(object properties, array required) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

}  // namespace

check::TypeId without_null(const check::CheckedProgram& program, check::TypeId id) {
  while (program.type(id).shape == Shape::kOptional) id = program.type(id).element;
  return id;
}

object Types::of(check::TypeId id) {
  const Type& type = program_.type(id);
  switch (type.shape) {
    case Shape::kBool:
      return {{"type", "boolean"}};
    case Shape::kInt:
      return whole_number();
    case Shape::kFloat:
      return either({{"type", "number"}}, {{"enum", array{"NaN", "Infinity", "-Infinity"}}});
    case Shape::kString:
    case Shape::kCommand:
      return {{"type", "string"}};
    case Shape::kQuery:
      return strict({{"text", object{{"type", "string"}}}, {"values", object{{"type", "array"}}}},
                    array{"text", "values"});
    case Shape::kRegex:
      return {{"type", "string"}, {"format", "regex"}};
    case Shape::kUrl: {
      object made = text_like(kUrl);
      made["format"] = "uri";
      return made;
    }
    case Shape::kDuration: {
      object made = text_like(kDuration);
      made["examples"] = array{"5m30s"};
      return made;
    }
    case Shape::kSize: {
      object made = text_like(kSize);
      made["examples"] = array{"10MiB"};
      return direction_ == Direction::kOut ? made : either(std::move(made), whole_number());
    }
    case Shape::kTime: {
      object made = text_like(kTime);
      made["format"] = "date-time";
      return made;
    }
    case Shape::kSecret: {
      object by_name =
          strict({{"secret", object{{"type", "string"}, {"minLength", 1}}}}, array{"secret"});
      if (direction_ == Direction::kOut) return by_name;
      object made = either(text_like("^@[\\s\\S]"), std::move(by_name));
      made["description"] = "the name of a secret, never its value";
      return made;
    }
    case Shape::kList:
      return {{"type", "array"}, {"items", of(type.element)}};
    case Shape::kMap: {
      object made{{"type", "object"}, {"additionalProperties", of(type.element)}};
      const Shape key = program_.type(type.key).shape;
      if (key == Shape::kInt) made["propertyNames"] = text_like("^-?[0-9]+$");
      if (key == Shape::kBool) made["propertyNames"] = object{{"enum", array{"true", "false"}}};
      if (key != Shape::kInt && key != Shape::kBool && key != Shape::kString)
        made["propertyNames"] = of(type.key);
      return made;
    }
    case Shape::kRange:
      return {{"type", "object"},
              {"properties", object{{"from", of(type.element)}, {"to", of(type.element)}}},
              {"required", array{"from", "to"}}};
    case Shape::kOptional:
      return either(of(type.element), {{"type", "null"}});
    case Shape::kResult:
      return result(type);
    case Shape::kRecord:
    case Shape::kEnum:
      return reference(id);
    case Shape::kError:
    case Shape::kErrorKind:
      return error();
    case Shape::kNull:
    case Shape::kNothing:
      return {{"type", "null"}};
    case Shape::kForm: {
      object properties;
      array required;
      for (const auto& [name, field] : type.fields) {
        properties[name] = of(field);
        required.push_back(boost::json::string(name));
      }
      return strict(std::move(properties), std::move(required));
    }
    case Shape::kJson:
    case Shape::kUnknown:
    case Shape::kNever:
    case Shape::kEnvironment:
    case Shape::kFunction:
    case Shape::kVariable:
      return {};
  }
  return {};
}

object Types::result(const Type& type) {
  const auto one = [&](const char* name, object held) {
    object properties{{name, std::move(held)}};
    array required{name};
    if (type.key != check::kNone) {
      properties["item"] = of(type.key);
      required.push_back("item");
    }
    return strict(std::move(properties), std::move(required));
  };
  return either(one("ok", of(type.element)), one("error", error()));
}

object Types::error() {
  return {{"type", "object"},
          {"properties", object{{"kind", object{{"type", "string"}}},
                                {"message", object{{"type", "string"}}},
                                {"retryable", object{{"type", "boolean"}}}}},
          {"required", array{"kind", "message"}}};
}

object Types::reference(check::TypeId id) {
  auto found = names_.find(id);
  if (found == names_.end()) {
    std::string name = program_.text(id);
    while (definitions_.contains(name)) name += "_";
    found = names_.emplace(id, name).first;
    definitions_[name] = object();  // taken, so that a type that holds itself ends here
    const check::Symbol& symbol = program_.symbol(program_.type(id).symbol);
    object made = symbol.kind == check::Symbol::Kind::kEnum
                      ? enumeration(symbol)
                      : fields(symbol.fields, symbol.module, symbol.parameters);
    if (symbol.decl.valid()) {
      const std::string& doc = program_.modules.at(symbol.module)->ast[symbol.decl].doc;
      if (!doc.empty()) made["description"] = doc;
    }
    definitions_[name] = std::move(made);
  }
  return {{"$ref", fmt::format("{}/$defs/{}", where_, found->second)}};
}

object Types::fields(const std::vector<check::Field>& all, check::ModuleId module,
                     const std::vector<check::SymbolId>& names) {
  object properties;
  array required;
  const plan::Evaluator known(program_, *program_.modules.at(module));
  for (size_t i = 0; i < all.size(); ++i) {
    const check::Field& field = all[i];
    const std::string& name = field.outer_name.empty() ? field.name : field.outer_name;
    object made = of(field.type);
    bool has_default = false;
    if (field.written != nullptr) {
      array rest;
      for (const syntax::Refinement& where : field.written->where)
        if (i < names.size())
          add_condition(made, rest, known, names[i], field.type, where.condition);
      if (!rest.empty()) made["x-runbook-where"] = std::move(rest);
      if (!field.written->doc.empty()) made["description"] = field.written->doc;
      has_default = field.written->default_value.valid();
      if (has_default && direction_ == Direction::kIn)
        if (auto json = json_of(program_, field.type, known.evaluate(field.written->default_value)))
          made["default"] = std::move(*json);
    }
    const bool is_optional = program_.type(field.type).shape == Shape::kOptional;
    if (direction_ == Direction::kOut || !(has_default || is_optional))
      required.push_back(boost::json::string(name));
    properties[name] = std::move(made);
  }
  return strict(std::move(properties), std::move(required));
}

object Types::enumeration(const check::Symbol& symbol) {
  array plain;
  array all;
  for (const check::Symbol::Member& member : symbol.members) {
    const std::string& name = member.outer_name.empty() ? member.name : member.outer_name;
    if (member.payload.empty())
      plain.push_back(boost::json::string(name));
    else
      all.push_back(strict({{name, fields(member.payload, symbol.module, member.parameters)}},
                           array{boost::json::string(name)}));
  }
  if (all.empty()) return {{"type", "string"}, {"enum", std::move(plain)}};
  if (!plain.empty()) all.insert(all.begin(), object{{"enum", std::move(plain)}});
  return {{"oneOf", std::move(all)}};
}

std::optional<value> json_of(const check::CheckedProgram& program, check::TypeId id,
                             const plan::Value& known) {
  using Of = plan::Value::Shape;
  if (!known.known()) return std::nullopt;
  const check::TypeId inner = without_null(program, id);
  const Type& type = program.type(inner);
  if (known.shape == Of::kNull) return value(nullptr);
  switch (type.shape) {
    case Shape::kBool:
      if (known.shape == Of::kBool) return value(known.number != 0);
      break;
    case Shape::kInt:
      if (known.shape == Of::kInt) return value(known.number);
      break;
    case Shape::kFloat:
      if (known.shape == Of::kFloat && std::isfinite(known.real)) return value(known.real);
      break;
    case Shape::kDuration:
      if (known.shape == Of::kInt) return value(format_duration(known.number));
      break;
    case Shape::kSize:
      if (known.shape == Of::kInt) return value(format_size(known.number));
      break;
    case Shape::kTime:
      if (known.shape == Of::kText && !known.is_member) return value(known.text);
      break;
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kQuery:
    case Shape::kRegex:
      if (known.shape == Of::kText && !known.is_member) return value(known.text);
      break;
    case Shape::kEnum:
      if (known.shape != Of::kText || !known.is_member) break;
      for (const check::Symbol::Member& member : program.symbol(type.symbol).members)
        if (member.name == known.text)
          return value(member.outer_name.empty() ? member.name : member.outer_name);
      break;
    case Shape::kList: {
      if (known.shape != Of::kList) break;
      array items;
      for (const plan::Value& item : known.items) {
        auto json = json_of(program, type.element, item);
        if (!json) return std::nullopt;
        items.push_back(std::move(*json));
      }
      return value(std::move(items));
    }
    case Shape::kJson:
      if (known.shape == Of::kBool) return value(known.number != 0);
      if (known.shape == Of::kInt && known.unit == plan::Value::Unit::kNone)
        return value(known.number);
      if (known.shape == Of::kText && !known.is_member) return value(known.text);
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace rbk::schema
