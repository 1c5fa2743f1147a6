#include "harness/samples.h"

#include <fmt/format.h>

#include "vm/machine.h"

namespace rbk::harness {

namespace json = boost::json;
using bytecode::Program;
using bytecode::Type;
using bytecode::TypeId;

namespace {

constexpr int kDeepest = 12;

json::value made_up(const Program& program, TypeId id, int depth);

json::value of_field(const Program& program, const Type::Field& field, int depth) {
  return made_up(program, field.type, depth + 1);
}

/// What else a field may be, where its `where` asks more of it than that it is of its type.
std::vector<json::value> others(const Program& program, TypeId id, int depth) {
  switch (program.types.at(id).shape) {
    case Type::Shape::kInt:
    case Type::Shape::kSize:
      return {0, 2, 3, 5, 10, 50, 100, 443, 1000, 8080, -1};
    case Type::Shape::kFloat:
      return {0.0, 0.5, 0.01, 10.0, 100.0};
    case Type::Shape::kDuration:
      return {"0s", "10s", "1m", "1h", "1d"};
    case Type::Shape::kBool:
      return {false};
    case Type::Shape::kString:
      return {"", "a", "1", "sample-1", "SAMPLE", "SAMPLE-1", "1.2.3", "sample@example.com"};
    case Type::Shape::kList:
      return {json::array{made_up(program, program.types[id].element, depth + 1)}};
    case Type::Shape::kEnum: {
      std::vector<json::value> members;
      for (const Type::Member& member : program.types[id].members)
        if (member.payload.empty()) members.emplace_back(json::string(member.outer_name));
      return members;
    }
    case Type::Shape::kOptional: {
      std::vector<json::value> inner = others(program, program.types[id].element, depth);
      inner.push_back(made_up(program, program.types[id].element, depth + 1));
      return inner;
    }
    default:
      return {};
  }
}

/// A record's fields one after another, until it keeps what is asked of them. What none of the
/// values fits stays as it is: then the path ends there.
void fit_conditions(const Program& program, TypeId id, json::object& object, int depth) {
  const Type& type = program.types[id];
  for (const bytecode::FieldCheck& check : program.field_checks) {
    if (check.type != id) continue;
    const Type::Field& field = type.fields.at(check.field);
    const std::string here = "$." + field.outer_name + ":";
    const auto unmet = [&] {
      const Status fits = vm::check_output(program, id, object);
      return !fits && fits.error().message.starts_with(here);
    };
    if (!unmet()) continue;
    const json::value before = object[field.outer_name];
    bool found = false;
    for (const json::value& other : others(program, field.type, depth)) {
      object[field.outer_name] = other;
      found = !unmet();
      if (found) break;
    }
    if (!found) object[field.outer_name] = before;
  }
}

json::value of_member(const Program& program, const Type& type, int depth) {
  if (type.members.empty()) return nullptr;
  const Type::Member& first = type.members.front();
  if (first.payload.empty()) return json::string(first.outer_name);
  json::object payload;
  for (const Type::Field& field : first.payload)
    payload[field.outer_name] = of_field(program, field, depth);
  return json::object{{first.outer_name, std::move(payload)}};
}

json::value made_up(const Program& program, TypeId id, int depth) {
  if (id >= program.types.size() || depth > kDeepest) return nullptr;
  const Type& type = program.types[id];
  switch (type.shape) {
    case Type::Shape::kBool:
      return true;
    case Type::Shape::kInt:
    case Type::Shape::kSize:
      return 1;
    case Type::Shape::kFloat:
      return 1.0;
    case Type::Shape::kDuration:
      return "1s";
    case Type::Shape::kTime:
      return "2026-01-01T00:00:00Z";
    case Type::Shape::kUrl:
      return "https://example.com/sample";
    case Type::Shape::kString:
    case Type::Shape::kCommand:
    case Type::Shape::kRegex:
      return "sample";
    case Type::Shape::kQuery:
      return json::object{{"text", "select 1"}, {"values", json::array()}};
    case Type::Shape::kSecret:
      return json::object{{"secret", "sample"}};
    case Type::Shape::kJson:
    case Type::Shape::kMap:
      return json::object{};
    case Type::Shape::kList:
      return json::array{};
    case Type::Shape::kRange:
      return json::object{{"from", made_up(program, type.element, depth + 1)},
                          {"to", made_up(program, type.element, depth + 1)}};
    case Type::Shape::kResult:
      if (type.key != bytecode::kNone)
        return json::object{{"ok", made_up(program, type.element, depth + 1)},
                            {"item", made_up(program, type.key, depth + 1)}};
      return json::object{{"ok", made_up(program, type.element, depth + 1)}};
    case Type::Shape::kRecord: {
      json::object object;
      // What has a default keeps it.
      for (const Type::Field& field : type.fields) {
        if (field.default_constant == bytecode::kNone)
          object[field.outer_name] = of_field(program, field, depth);
      }
      fit_conditions(program, id, object, depth);
      return object;
    }
    case Type::Shape::kEnum:
      return of_member(program, type, depth);
    case Type::Shape::kError:
      return json::object{{"kind", type.name}, {"message", "sample"}};
    default:
      return nullptr;
  }
}

/// Left out when it is written: as far as constants without a name of their own go.
bool is_default(const Program& program, const Type::Field& field, const json::value& value) {
  if (field.default_constant == bytecode::kNone) return false;
  const bytecode::Constant& constant = program.constants.at(field.default_constant);
  switch (program.types.at(constant.type).shape) {
    case Type::Shape::kBool:
      return value.is_bool() && value.as_bool() == (constant.bits != 0);
    case Type::Shape::kInt:
      return value.is_int64() && value.as_int64() == constant.bits;
    case Type::Shape::kString:
      return value.is_string() && value.as_string() == constant.text;
    case Type::Shape::kList:
      return value.is_array() && value.as_array().empty() && constant.items.empty();
    case Type::Shape::kMap:
      return value.is_object() && value.as_object().empty() && constant.items.empty();
    default:
      return false;
  }
}

std::string fields_literal(const Program& program, const std::vector<Type::Field>& fields,
                           const json::object& values) {
  std::string text;
  for (const Type::Field& field : fields) {
    const json::value* value = values.if_contains(field.outer_name);
    if (value == nullptr || value->is_null() || is_default(program, field, *value)) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name,
                        literal(program, field.type, *value));
  }
  return text;
}

std::string enum_literal(const Program& program, const Type& type, const json::value& value) {
  const bool is_plain = value.is_string();
  const std::string outer = is_plain ? std::string(value.as_string())
                            : value.is_object() && !value.as_object().empty()
                                ? std::string(value.as_object().begin()->key())
                                : std::string();
  for (const Type::Member& member : type.members) {
    if (member.outer_name != outer) continue;
    if (is_plain || member.payload.empty()) return "." + member.name;
    const json::value& payload = value.as_object().begin()->value();
    return fmt::format(
        ".{}({})", member.name,
        payload.is_object() ? fields_literal(program, member.payload, payload.as_object()) : "");
  }
  return "null";
}

/// `json { "a": 1 }` and what stands inside of it.
std::string json_literal(const json::value& value) {
  if (const auto* text = value.if_string()) return quoted(std::string_view(*text));
  if (const auto* array = value.if_array()) {
    std::string items;
    for (const json::value& item : *array)
      items += (items.empty() ? "" : ", ") + json_literal(item);
    return "[" + items + "]";
  }
  const auto* object = value.if_object();
  if (object == nullptr) return json::serialize(value);
  std::string entries;
  for (const auto& [key, inner] : *object)
    entries += fmt::format("{}{}: {}", entries.empty() ? "" : ", ", quoted(std::string_view(key)),
                           json_literal(inner));
  return entries.empty() ? "json { }" : "json { " + entries + " }";
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
      case '$':
        made += '\\';
        made += c;
        break;
      case '\n':
        made += "\\n";
        break;
      case '\t':
        made += "\\t";
        break;
      case '\r':
        made += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          made += fmt::format("\\u{{{:x}}}", static_cast<unsigned char>(c));
        } else {
          made += c;
        }
    }
  }
  return made + "\"";
}

json::value sample(const Program& program, TypeId type) { return made_up(program, type, 0); }

json::object sample_error(const lower::TestProgram& tests, const std::string& kind) {
  const Program& program = *tests.program;
  json::object fields;
  for (const Type& type : program.types) {
    if (type.shape != Type::Shape::kError || type.name != kind) continue;
    for (const Type::Field& field : type.fields) {
      if (tests.optional_fields.contains(kind + "." + field.outer_name)) continue;
      const TypeId of = field.type;
      const bool optional = program.types[of].shape == Type::Shape::kOptional;
      fields[field.outer_name] = sample(program, optional ? program.types[of].element : of);
    }
  }
  return fields;
}

std::string literal(const Program& program, TypeId id, const json::value& value) {
  if (id >= program.types.size()) return "null";
  const Type& type = program.types[id];
  if (type.shape == Type::Shape::kJson) return json_literal(value);
  if (value.is_null()) return "null";
  switch (type.shape) {
    case Type::Shape::kOptional:
      return literal(program, type.element, value);
    case Type::Shape::kDuration:
    case Type::Shape::kSize:
      if (value.is_string()) return std::string(value.as_string());
      return json::serialize(value) + (type.shape == Type::Shape::kSize ? "B" : "us");
    case Type::Shape::kSecret: {
      const auto* object = value.if_object();
      const json::value* name = object == nullptr ? &value : object->if_contains("secret");
      return name != nullptr && name->is_string()
                 ? fmt::format("secret({})", quoted(std::string_view(name->as_string())))
                 : "secret(\"sample\")";
    }
    case Type::Shape::kList: {
      std::string items;
      if (value.is_array()) {
        for (const json::value& item : value.as_array())
          items += (items.empty() ? "" : ", ") + literal(program, type.element, item);
      }
      return "[" + items + "]";
    }
    case Type::Shape::kMap: {
      std::string entries;
      if (value.is_object()) {
        for (const auto& [key, inner] : value.as_object()) {
          const auto of_key = program.types[type.key].shape;
          const bool is_number = of_key == Type::Shape::kInt || of_key == Type::Shape::kBool;
          entries +=
              fmt::format("{}{}: {}", entries.empty() ? "" : ", ",
                          is_number ? std::string(key)
                                    : literal(program, type.key, json::value(json::string(key))),
                          literal(program, type.element, inner));
        }
      }
      return entries.empty() ? "map { }" : "map { " + entries + " }";
    }
    case Type::Shape::kRecord: {
      const std::string fields = value.is_object()
                                     ? fields_literal(program, type.fields, value.as_object())
                                     : std::string();
      return fields.empty() ? type.name + " { }" : fmt::format("{} {{ {} }}", type.name, fields);
    }
    case Type::Shape::kEnum:
      return enum_literal(program, type, value);
    case Type::Shape::kRange:
      if (!value.is_object()) return "null";
      return literal(program, type.element, value.as_object().at("from")) + ".." +
             literal(program, type.element, value.as_object().at("to"));
    case Type::Shape::kResult: {
      if (!value.is_object()) return "null";
      const json::value* ok = value.as_object().if_contains("ok");
      return ok == nullptr ? ".err(fail \"sample\")"
                           : fmt::format(".ok({})", literal(program, type.element, *ok));
    }
    default:
      break;
  }
  if (const auto* text = value.if_string()) return quoted(std::string_view(*text));
  return json::serialize(value);
}

}  // namespace rbk::harness
