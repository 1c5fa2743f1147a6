#include "vm/json_secrets.h"

#include <algorithm>
#include <boost/json.hpp>

#include "vm/value.h"

namespace rbk::vm {
namespace {

namespace json = boost::json;
using bytecode::Program;
using bytecode::Type;
using bytecode::TypeId;
using Each = std::function<Status(const std::string&, json::value&)>;

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
  if (id >= program.types.size() || depth > int{kDeepest} || value.is_null()) return {};
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
      json::value* of = object == nullptr ? nullptr : object->if_contains("item");
      if (of != nullptr && type.key != bytecode::kNone) {
        if (Status done = walk(program, type.key, *of, each, depth + 1); !done) return done;
      }
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

namespace {

json::object masked_object(const json::object& object, const Masks& masks) {
  json::object made;
  for (const auto& [key, value] : object)
    made[masks.apply(std::string_view(key))] = masked(value, masks);
  return made;
}

json::value masked_typed(const Program& program, TypeId id, const json::value& value,
                         const Masks& masks, int depth);

json::value masked_record(const Program& program, const std::vector<Type::Field>& fields,
                          const json::value& value, const Masks& masks, int depth) {
  const json::object* object = value.if_object();
  if (object == nullptr) return masked(value, masks);
  json::object made;
  for (const auto& [key, part] : *object) {
    const auto field = std::find_if(
        fields.begin(), fields.end(),
        [&, name = std::string_view(key)](const auto& one) { return one.outer_name == name; });
    if (field == fields.end())
      made[masks.apply(std::string_view(key))] = masked(part, masks);
    else
      made[key] = masked_typed(program, field->type, part, masks, depth + 1);
  }
  return made;
}

json::value masked_member(const Program& program, const Type& type, const json::value& value,
                          const Masks& masks, int depth) {
  const auto find = [&](std::string_view name) {
    return std::find_if(type.members.begin(), type.members.end(),
                        [&](const Type::Member& one) { return one.outer_name == name; });
  };
  if (const json::string* name = value.if_string();
      name != nullptr && find(*name) != type.members.end())
    return value;
  const json::object* object = value.if_object();
  if (object == nullptr || object->size() != 1) return masked(value, masks);
  const auto member = find(object->begin()->key());
  if (member == type.members.end()) return masked(value, masks);
  return json::object{
      {object->begin()->key(),
       masked_record(program, member->payload, object->begin()->value(), masks, depth + 1)}};
}

json::value masked_typed(const Program& program, TypeId id, const json::value& value,
                         const Masks& masks, int depth) {
  if (id >= program.types.size() || depth > int{kDeepest}) return masked(value, masks);
  const Type& type = program.types[id];
  switch (type.shape) {
    case Type::Shape::kOptional:
      return value.is_null() ? value : masked_typed(program, type.element, value, masks, depth);
    case Type::Shape::kList: {
      const json::array* list = value.if_array();
      if (list == nullptr) return masked(value, masks);
      json::array made;
      for (const json::value& item : *list)
        made.push_back(masked_typed(program, type.element, item, masks, depth + 1));
      return made;
    }
    case Type::Shape::kMap: {
      const json::object* map = value.if_object();
      if (map == nullptr) return masked(value, masks);
      json::object made;
      for (const auto& [key, item] : *map)
        made[masks.apply(std::string_view(key))] =
            masked_typed(program, type.element, item, masks, depth + 1);
      return made;
    }
    case Type::Shape::kRecord:
      return masked_record(program, type.fields, value, masks, depth);
    case Type::Shape::kEnum:
      return masked_member(program, type, value, masks, depth);
    default:
      return masked(value, masks);
  }
}

}  // namespace

json::value masked(const json::value& value, const Masks& masks) {
  switch (value.kind()) {
    case json::kind::string:
      return json::value(masks.apply(std::string_view(value.get_string())));
    case json::kind::object:
      return masked_object(value.get_object(), masks);
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

json::value masked(const Program& program, TypeId id, const json::value& value,
                   const Masks& masks) {
  return masked_typed(program, id, value, masks, 0);
}

bool has_masked_field(const Program& program, TypeId id, const json::value& value) {
  if (id >= program.types.size()) return false;
  const Type& type = program.types[id];
  const auto within = [&](TypeId inner) {
    return [&program, inner](const json::value& part) {
      return has_masked_field(program, inner, part);
    };
  };
  if (type.shape == Type::Shape::kOptional) return has_masked_field(program, type.element, value);
  if (type.shape == Type::Shape::kList && value.is_array())
    return std::any_of(value.get_array().begin(), value.get_array().end(), within(type.element));
  const json::object* object = value.if_object();
  if (object == nullptr) return false;
  if (type.shape == Type::Shape::kMap)
    return std::any_of(object->begin(), object->end(),
                       [&](const auto& entry) { return within(type.element)(entry.value()); });
  if (type.shape != Type::Shape::kRecord) return false;
  return std::any_of(object->begin(), object->end(), [&](const auto& entry) {
    for (const Type::Field& field : type.fields)
      if (std::string_view(entry.key()) == field.outer_name)
        return within(field.type)(entry.value());
    return std::string_view(entry.key()).find(kMask) != std::string_view::npos;
  });
}

json::object masked_fields(const json::object& fields, const Masks& masks) {
  json::object made;
  for (const auto& [key, value] : fields) made[key] = masked(value, masks);
  return made;
}

}  // namespace rbk::vm
