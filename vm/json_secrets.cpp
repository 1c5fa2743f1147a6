#include "vm/json_secrets.h"

#include <boost/json.hpp>

namespace rbk::vm {
namespace {

namespace json = boost::json;
using bytecode::Program;
using bytecode::Type;
using bytecode::TypeId;
using Each = std::function<Status(const std::string&, json::value&)>;

constexpr int kDeepest = 400;  // as values are: docs/formats/values.md

Status walk(const Program& program, TypeId id, json::value& value, const Each& each, int depth);

Status walk_fields(const Program& program, const std::vector<Type::Field>& fields,
                   json::value& value, const Each& each, int depth) {
  json::object* object = value.if_object();
  if (object == nullptr) return {};
  for (const Type::Field& field : fields) {
    json::value* inner = object->if_contains(field.outer_name);
    if (inner == nullptr) continue;
    if (Status done = walk(program, field.type, *inner, each, depth + 1); !done) return done;
  }
  return {};
}

Status walk(const Program& program, TypeId id, json::value& value, const Each& each, int depth) {
  if (id >= program.types.size() || depth > kDeepest || value.is_null()) return {};
  const Type& type = program.types[id];
  switch (type.shape) {
    case Type::Shape::kSecret: {
      // In an `env` a text stands for itself.
      const json::object* object = value.if_object();
      const json::value* name = object == nullptr ? nullptr : object->if_contains("secret");
      if (name == nullptr || object->size() != 1 || !name->is_string()) return {};
      return each(std::string(name->as_string()), value);
    }
    case Type::Shape::kOptional:
      return walk(program, type.element, value, each, depth);
    case Type::Shape::kResult: {
      json::object* object = value.if_object();
      json::value* ok = object == nullptr ? nullptr : object->if_contains("ok");
      return ok == nullptr ? Status() : walk(program, type.element, *ok, each, depth + 1);
    }
    case Type::Shape::kList:
      if (json::array* list = value.if_array())
        for (json::value& item : *list)
          if (Status done = walk(program, type.element, item, each, depth + 1); !done) return done;
      return {};
    case Type::Shape::kMap:
      if (json::object* map = value.if_object())
        for (auto& [key, item] : *map)
          if (Status done = walk(program, type.element, item, each, depth + 1); !done) return done;
      return {};
    case Type::Shape::kRecord:
      return walk_fields(program, type.fields, value, each, depth);
    case Type::Shape::kEnum:
      if (json::object* object = value.if_object())
        for (const Type::Member& member : type.members)
          if (json::value* payload = object->if_contains(member.outer_name))
            if (Status done = walk_fields(program, member.payload, *payload, each, depth + 1);
                !done)
              return done;
      return {};
    default:
      return {};
  }
}

}  // namespace

Status each_secret(const Program& program, TypeId type, json::value& value, const Each& each) {
  return walk(program, type, value, each, 0);
}

std::set<std::string> named_secrets(const Program& program) {
  std::set<std::string> names;
  for (const bytecode::Constant& constant : program.constants)
    if (constant.type < program.types.size() &&
        program.types[constant.type].shape == Type::Shape::kSecret)
      names.insert(constant.text);
  return names;
}

json::value masked(const json::value& value, const Masks& masks) {
  switch (value.kind()) {
    case json::kind::string:
      return json::value(masks.apply(std::string_view(value.get_string())));
    case json::kind::object:
      return masked(value.get_object(), masks);
    case json::kind::array: {
      json::array made;
      for (const json::value& item : value.get_array()) made.push_back(masked(item, masks));
      return made;
    }
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      if (masks.apply(json::serialize(value)) == kMask) return json::value(kMask);
      return value;
    default:
      return value;
  }
}

json::object masked(const json::object& object, const Masks& masks) {
  json::object made;
  for (const auto& [key, value] : object)
    made[masks.apply(std::string_view(key))] = masked(value, masks);
  return made;
}

}  // namespace rbk::vm
