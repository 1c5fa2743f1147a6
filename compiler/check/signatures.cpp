#include "compiler/check/signatures.h"

#include <algorithm>
#include <iterator>

#include "compiler/check/value_functions.h"

namespace rbk::check {
namespace {

using Shape = Type::Shape;

struct Loop {
  std::string_view name;
  LoopMethod method;
};

constexpr Loop kCycles[] = {{"map", LoopMethod::kMap},         {"filter", LoopMethod::kFilter},
                            {"any", LoopMethod::kAny},         {"all", LoopMethod::kAll},
                            {"find", LoopMethod::kFind},       {"count", LoopMethod::kCount},
                            {"each", LoopMethod::kEach},       {"sort_by", LoopMethod::kSortBy},
                            {"flat_map", LoopMethod::kFlatMap}};

constexpr std::string_view kVariableNames[kVariables] = {"T",       "K",          "V",       "U",
                                                         "Ordered", "Comparable", "Quantity"};

/// Reads the types of the declarations; the texts are ours, so that it need not explain mistakes.
class Reader {
 public:
  Reader(TypeTable& table, std::string_view text) : types_(table), text_(text) {}

  bool take(std::string_view token) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  std::string_view word() {
    take("");
    const size_t begin = at_;
    const auto in_word = [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  TypeId type() {
    const TypeId result = named(word());
    return take("?") ? types_.optional(result) : result;
  }

 private:
  TypeId named(std::string_view name) {
    if (name == "fn") return function();
    std::vector<TypeId> of;
    if (take("<")) {
      do of.push_back(type());
      while (take(","));
      take(">");
    }
    if (name == "list") return types_.list(of.at(0));
    if (name == "map") return types_.map(of.at(0), of.at(1));
    if (name == "Result") return types_.result(of.at(0));
    if (name == "range") return types_.range(of.at(0));
    static constexpr std::pair<std::string_view, TypeId> kNames[] = {
        {"bool", types::kBool},         {"int", types::kInt},     {"float", types::kFloat},
        {"duration", types::kDuration}, {"size", types::kSize},   {"time", types::kTime},
        {"string", types::kString},     {"Regex", types::kRegex}, {"json", types::kJson},
        {"Url", types::kUrl},           {"error", types::kError}};
    for (const auto& [known, id] : kNames) {
      if (known == name) return id;
    }
    const auto* const variable =
        std::find(std::begin(kVariableNames), std::end(kVariableNames), name);
    return types_.variable(static_cast<uint32_t>(variable - std::begin(kVariableNames)));
  }

  TypeId function() {
    std::vector<TypeId> parameters;
    take("(");
    while (!take(")")) {
      parameters.push_back(type());
      take(",");
    }
    return types_.function(std::move(parameters), take("->") ? type() : types::kNothing);
  }

  TypeTable& types_;
  std::string_view text_;
  size_t at_ = 0;
};

Signature read(TypeTable& table, const ValueFunction& declared) {
  Signature made;
  const bool of_type = declared.receiver.empty();
  made.native = of_type ? fmt::format("{}.{}", declared.name, declared.type)
                        : fmt::format("{}.{}", declared.type, declared.name);
  if (!of_type) made.receiver = Reader(table, declared.receiver).type();
  Reader reader(table, declared.shape);
  if (!reader.take("(")) {
    made.property = true;
    made.result = reader.type();
    return made;
  }
  while (!reader.take(")")) {
    const std::string parameter(reader.word());
    reader.take(":");
    const TypeId type = reader.type();
    made.parameters.emplace_back(parameter, type);
    reader.take(",");
  }
  made.result = reader.take("->") ? reader.type() : types::kNothing;
  return made;
}

std::vector<std::string_view> names(std::string_view type, bool of_type) {
  std::vector<std::string_view> result;
  for (const ValueFunction& one : value_functions()) {
    if (one.type == type && one.receiver.empty() == of_type) result.push_back(one.name);
  }
  return result;
}

bool can(const TypeTable& types, Variable variable, TypeId type) {
  switch (variable) {
    case Variable::kOrdered:
      return types.ordered(type);
    case Variable::kComparable:
      return types.comparable(type);
    case Variable::kQuantity:
      return type == types::kInt || type == types::kFloat || type == types::kDuration ||
             type == types::kSize;
    default:
      return true;
  }
}

}  // namespace

std::string_view receiver_name(Shape shape) {
  switch (shape) {
    case Shape::kString:
      return "string";
    case Shape::kList:
      return "list";
    case Shape::kMap:
      return "map";
    case Shape::kJson:
      return "json";
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
    case Shape::kRange:
      return "range";
    default:
      return {};
  }
}

const Signature* Signatures::find(std::string_view type, std::string_view name, bool of_type) {
  const std::span<const ValueFunction> all = value_functions();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name != name || all[i].type != type || all[i].receiver.empty() != of_type) continue;
    const auto [found, is_new] = read_.try_emplace(i);
    if (is_new) found->second = read(types_, all[i]);
    return &found->second;
  }
  return nullptr;
}

const Signature* Signatures::find(std::string_view type, std::string_view member) {
  return find(type, member, false);
}

const Signature* Signatures::find_type_function(std::string_view type, std::string_view name) {
  return find(type, name, true);
}

bool Signatures::has_type_functions(std::string_view type) { return !names(type, true).empty(); }

std::optional<LoopMethod> Signatures::loop(std::string_view type, std::string_view member) {
  if (type != "list" && type != "range") return std::nullopt;
  for (const Loop& loop : kCycles) {
    if (loop.name == member) return loop.method;
  }
  return std::nullopt;
}

std::vector<std::string_view> Signatures::members(std::string_view type) {
  return names(type, false);
}

std::vector<std::string_view> Signatures::type_functions(std::string_view type) {
  return names(type, true);
}

// ---- Bindings

bool Bindings::bind(TypeId declared, TypeId actual) {
  if (types_.is_silent(actual)) return true;
  const Shape shape = types_.shape(declared);
  if (shape == Shape::kVariable) {
    const uint32_t number = types_[declared].symbol;
    bound_.at(number) = actual;
    return can(types_, static_cast<Variable>(number), actual);
  }
  if (shape != types_.shape(actual)) return false;
  switch (shape) {
    case Shape::kMap:
      if (!bind(types_[declared].key, types_[actual].key)) return false;
      [[fallthrough]];
    case Shape::kList:
    case Shape::kRange:
    case Shape::kResult:
    case Shape::kOptional:
      return bind(types_.element(declared), types_.element(actual));
    default:
      return true;
  }
}

TypeId Bindings::substitute(TypeId declared) const {
  const Type one = types_[declared];
  switch (one.shape) {
    case Shape::kVariable:
      return bound_.at(one.symbol) == kNone ? types::kUnknown : bound_.at(one.symbol);
    case Shape::kList:
      return types_.list(substitute(one.element));
    case Shape::kOptional:
      return types_.optional(substitute(one.element));
    case Shape::kRange:
      return types_.range(substitute(one.element));
    case Shape::kResult:
      return types_.result(substitute(one.element));
    case Shape::kMap:
      return types_.map(substitute(one.key), substitute(one.element));
    case Shape::kFunction: {
      std::vector<TypeId> parameters;
      for (const TypeId parameter : one.parameters) parameters.push_back(substitute(parameter));
      // What a lambda gives is learnt from it.
      return types_.function(std::move(parameters),
                             is_open(one.element) || one.element == types::kNothing
                                 ? types::kUnknown
                                 : substitute(one.element));
    }
    default:
      return declared;
  }
}

bool Bindings::is_open(TypeId declared) const {
  const Type& one = types_[declared];
  if (one.shape == Shape::kVariable) return bound_.at(one.symbol) == kNone;
  return one.element != kNone && one.shape != Shape::kFunction && is_open(one.element);
}

}  // namespace rbk::check
