#include "compiler/check/type_table.h"

#include <functional>

namespace rbk::check {
namespace {

using Shape = Type::Shape;

/// Fields of a form that its text shows.
constexpr size_t kMostShown = 4;

constexpr Shape kPlain[] = {Shape::kUnknown, Shape::kNever,       Shape::kNothing, Shape::kNull,
                            Shape::kBool,    Shape::kInt,         Shape::kFloat,   Shape::kDuration,
                            Shape::kSize,    Shape::kTime,        Shape::kString,  Shape::kUrl,
                            Shape::kCommand, Shape::kQuery,       Shape::kRegex,   Shape::kJson,
                            Shape::kSecret,  Shape::kEnvironment, Shape::kError};

size_t mix(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2));
}

size_t hash_of(const Type& type) {
  size_t hash = static_cast<size_t>(type.shape);
  hash = mix(hash, type.element);
  hash = mix(hash, type.key);
  hash = mix(hash, type.symbol);
  for (const TypeId parameter : type.parameters) hash = mix(hash, parameter);
  for (const auto& [name, field] : type.fields)
    hash = mix(mix(hash, std::hash<std::string>{}(name)), field);
  return hash;
}

}  // namespace

TypeTable::TypeTable(std::vector<Type>& storage) : types_(storage) {
  types_.reserve(128);
  for (const Shape shape : kPlain) {
    Type type;
    type.shape = shape;
    types_.push_back(type);
  }
}

TypeId TypeTable::intern(Type type) {
  const size_t hash = hash_of(type);
  const auto [begin, end] = ids_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (types_[it->second] == type) return it->second;
  }
  const auto id = static_cast<TypeId>(types_.size());
  types_.push_back(std::move(type));
  ids_.emplace(hash, id);
  return id;
}

TypeId TypeTable::cached(std::vector<TypeId>& cache, Shape shape, TypeId element) {
  if (cache.size() <= element) cache.resize(element + 16, kNone);
  if (cache[element] == kNone) {
    Type type;
    type.shape = shape;
    type.element = element;
    cache[element] = intern(std::move(type));
  }
  return cache[element];
}

TypeId TypeTable::list(TypeId element) { return cached(lists_, Shape::kList, element); }

TypeId TypeTable::map(TypeId key, TypeId element) {
  Type type;
  type.shape = Shape::kMap;
  type.key = key;
  type.element = element;
  return intern(std::move(type));
}

TypeId TypeTable::optional(TypeId element) {
  switch (shape(element)) {
    case Shape::kOptional:
    case Shape::kUnknown:
    case Shape::kNever:
    case Shape::kNothing:
    case Shape::kNull:
      return element;
    default:
      return cached(optionals_, Shape::kOptional, element);
  }
}

TypeId TypeTable::range(TypeId element) {
  Type type;
  type.shape = Shape::kRange;
  type.element = element;
  return intern(std::move(type));
}

TypeId TypeTable::result(TypeId element, TypeId item) {
  Type type;
  type.shape = Shape::kResult;
  type.element = element;
  type.key = item;
  return intern(std::move(type));
}

TypeId TypeTable::nominal(Shape shape, SymbolId symbol) {
  Type type;
  type.shape = shape;
  type.symbol = symbol;
  return intern(std::move(type));
}

TypeId TypeTable::function(std::vector<TypeId> parameters, TypeId result) {
  Type type;
  type.shape = Shape::kFunction;
  type.parameters = std::move(parameters);
  type.element = result;
  return intern(std::move(type));
}

TypeId TypeTable::form(std::vector<std::pair<std::string, TypeId>> fields) {
  Type type;
  type.shape = Shape::kForm;
  type.fields = std::move(fields);
  return intern(std::move(type));
}

TypeId TypeTable::variable(uint32_t number) {
  Type type;
  type.shape = Shape::kVariable;
  type.symbol = number;
  return intern(std::move(type));
}

TypeId TypeTable::without_optional(TypeId id) const {
  return is_optional(id) ? types_[id].element : id;
}

bool TypeTable::compatible(TypeId a, TypeId b) const {
  if (a == b || is_silent(a) || is_silent(b)) return true;
  const Type& left = types_[a];
  const Type& right = types_[b];
  if (left.shape != right.shape) return false;
  switch (left.shape) {
    case Shape::kList:
    case Shape::kOptional:
    case Shape::kRange:
      return compatible(left.element, right.element);
    case Shape::kResult:
      // One that knows its item may stand for one that does not.
      if (right.key != kNone && (left.key == kNone || !compatible(left.key, right.key)))
        return false;
      return compatible(left.element, right.element);
    case Shape::kMap:
      return compatible(left.key, right.key) && compatible(left.element, right.element);
    case Shape::kFunction: {
      if (left.parameters.size() != right.parameters.size()) return false;
      for (size_t i = 0; i < left.parameters.size(); ++i) {
        if (!compatible(right.parameters[i], left.parameters[i])) return false;
      }
      return compatible(left.element, right.element);
    }
    default:
      return false;
  }
}

bool TypeTable::is_known(TypeId id) const {
  if (is_silent(id)) return false;
  const Type& one = types_[id];
  if (one.key != kNone && !is_known(one.key)) return false;
  if (one.element != kNone && !is_known(one.element)) return false;
  for (const TypeId parameter : one.parameters) {
    if (!is_known(parameter)) return false;
  }
  return true;
}

Conversion TypeTable::convert(TypeId from, TypeId to) {
  if (from == to) return {true, Convert::kNothing, Convert::kNothing, to};
  if (is_silent(from)) return {true, Convert::kNothing, Convert::kNothing, to};
  if (is_silent(to)) return {true, Convert::kNothing, Convert::kNothing, from};
  if (compatible(from, to))
    return {true, Convert::kNothing, Convert::kNothing, is_known(to) ? to : from};
  if (is_optional(to)) {
    if (from == types::kNull) return {true, Convert::kNothing, Convert::kNothing, to};
    if (is_optional(from)) return {};
    const Conversion inner = convert(from, types_[to].element);
    if (!inner.fits || inner.then != Convert::kNothing) return {};
    if (inner.first == Convert::kNothing)
      return {true, Convert::kToOptional, Convert::kNothing, to};
    return {true, inner.first, Convert::kToOptional, to};
  }
  if (from == types::kNull && to == types::kJson)
    return {true, Convert::kToJson, Convert::kNothing, to};
  if (to == types::kError && is(from, Shape::kErrorKind))
    return {true, Convert::kToError, Convert::kNothing, to};
  if (to == types::kEnvironment && is(from, Shape::kMap) &&
      compatible(types_[from].key, types::kString) &&
      compatible(types_[from].element, types::kString))
    return {true, Convert::kToEnvironment, Convert::kNothing, to};
  return {};
}

TypeId TypeTable::join(TypeId a, TypeId b) {
  if (a == b) return a;
  if (is_silent(a)) return a == types::kUnknown ? a : b;
  if (is_silent(b)) return b == types::kUnknown ? b : a;
  if (a == types::kNull) return optional(b);
  if (b == types::kNull) return optional(a);
  if (convert(a, b).fits) return b;
  if (convert(b, a).fits) return a;
  if (is(a, Shape::kErrorKind) && is(b, Shape::kErrorKind)) return types::kError;
  return kNone;
}

bool TypeTable::comparable(TypeId id) const {
  const Type& type = types_[id];
  switch (type.shape) {
    case Shape::kFunction:
    case Shape::kSecret:
    case Shape::kEnvironment:
    case Shape::kNothing:
    case Shape::kVariable:
      return false;
    case Shape::kList:
    case Shape::kOptional:
    case Shape::kResult:
      return comparable(type.element);
    case Shape::kMap:
      return comparable(type.element);
    default:
      return true;
  }
}

bool TypeTable::ordered(TypeId id) const {
  switch (types_[id].shape) {
    case Shape::kUnknown:
    case Shape::kNever:
    case Shape::kInt:
    case Shape::kFloat:
    case Shape::kDuration:
    case Shape::kSize:
    case Shape::kTime:
    case Shape::kString:
      return true;
    default:
      return false;
  }
}

bool TypeTable::writable_as_json(TypeId id) const {
  const Type& type = types_[id];
  switch (type.shape) {
    case Shape::kFunction:
    case Shape::kSecret:
    case Shape::kEnvironment:
    case Shape::kNothing:
    case Shape::kVariable:
    case Shape::kRange:
    case Shape::kResult:
      return false;
    case Shape::kList:
    case Shape::kOptional:
      return writable_as_json(type.element);
    case Shape::kMap:
      return writable_as_json(type.element) && (is_silent(type.key) || type.key == types::kString);
    default:
      return true;
  }
}

std::string CheckedProgram::text(TypeId id) const {
  const Type& one = type(id);
  switch (one.shape) {
    case Shape::kUnknown:
      return "?";
    case Shape::kNever:
      return "never";
    case Shape::kNothing:
      return "nothing";
    case Shape::kNull:
      return "null";
    case Shape::kBool:
      return "bool";
    case Shape::kInt:
      return "int";
    case Shape::kFloat:
      return "float";
    case Shape::kDuration:
      return "duration";
    case Shape::kSize:
      return "size";
    case Shape::kTime:
      return "time";
    case Shape::kString:
      return "string";
    case Shape::kUrl:
      return "Url";
    case Shape::kCommand:
      return "Command";
    case Shape::kQuery:
      return "Query";
    case Shape::kRegex:
      return "Regex";
    case Shape::kJson:
      return "json";
    case Shape::kSecret:
      return "secret";
    case Shape::kEnvironment:
      return "env";
    case Shape::kError:
      return "error";
    case Shape::kRange:
      return "range<" + text(one.element) + ">";
    case Shape::kList:
      return "list<" + text(one.element) + ">";
    case Shape::kMap:
      return "map<" + text(one.key) + ", " + text(one.element) + ">";
    case Shape::kOptional:
      return type(one.element).shape == Shape::kFunction ? "(" + text(one.element) + ")?"
                                                         : text(one.element) + "?";
    case Shape::kResult:
      return "Result<" + text(one.element) + (one.key == kNone ? "" : ", " + text(one.key)) + ">";
    case Shape::kRecord:
    case Shape::kEnum:
    case Shape::kErrorKind: {
      const Symbol& declared = symbol(one.symbol);
      // Of another module the name as one writes it there: "http.Response".
      const CheckedModule* home =
          declared.module < modules.size() ? modules[declared.module].get() : nullptr;
      if (home != nullptr && home->standard && home->name != "core")
        return home->name + "." + declared.name;
      return declared.name;
    }
    case Shape::kFunction: {
      std::string result = "fn(";
      for (size_t i = 0; i < one.parameters.size(); ++i) {
        if (i > 0) result += ", ";
        result += text(one.parameters[i]);
      }
      result += ")";
      if (one.element != kNone && type(one.element).shape != Shape::kNothing)
        result += " -> " + text(one.element);
      return result;
    }
    case Shape::kVariable:
      return std::string(1, "TKV"[one.symbol % 3]);
    case Shape::kForm: {
      std::string result = "form { ";
      for (size_t i = 0; i < one.fields.size(); ++i) {
        if (i > 0) result += ", ";
        if (i == kMostShown) return result + "… }";
        result += one.fields[i].first + ": " + text(one.fields[i].second);
      }
      return result + " }";
    }
  }
  return "?";
}

}  // namespace rbk::check
