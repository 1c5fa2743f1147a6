#include "compiler/check/signatures.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace rbk::check {
namespace {

struct Listed {
  std::string_view name;
  std::string_view text;
};

constexpr Listed kNatives[] = {
#define RBK_NATIVE(name, version, signature) {name, signature},
#include "vm/bytecode/natives.def"
#undef RBK_NATIVE
};

struct Loop {
  std::string_view name;
  LoopMethod method;
};

constexpr Loop kLoops[] = {{"map", LoopMethod::kMap},         {"filter", LoopMethod::kFilter},
                           {"any", LoopMethod::kAny},         {"all", LoopMethod::kAll},
                           {"find", LoopMethod::kFind},       {"count", LoopMethod::kCount},
                           {"each", LoopMethod::kEach},       {"sort_by", LoopMethod::kSortBy},
                           {"flat_map", LoopMethod::kFlatMap}};

bool has_loops(std::string_view receiver) { return receiver == "list" || receiver == "range"; }

/// Reads the small language of the signatures; the texts are ours, so that it need not explain
/// mistakes.
class Reader {
 public:
  Reader(TypeTable& table, std::string_view text) : types_(table), text_(text) {}

  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view token) {
    blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  std::string_view word() {
    blanks();
    const size_t begin = at_;
    const auto in_word = [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  TypeId type() {
    TypeId result = named(word());
    if (take("?")) result = types_.optional(result);
    return result;
  }

 private:
  TypeId named(std::string_view name) {
    if (name == "list") {
      take("<");
      const TypeId element = type();
      take(">");
      return types_.list(element);
    }
    if (name == "map") {
      take("<");
      const TypeId key = type();
      take(",");
      const TypeId element = type();
      take(">");
      return types_.map(key, element);
    }
    static constexpr std::pair<std::string_view, TypeId> kNames[] = {
        {"bool", types::kBool},         {"int", types::kInt},     {"float", types::kFloat},
        {"duration", types::kDuration}, {"size", types::kSize},   {"time", types::kTime},
        {"string", types::kString},     {"Regex", types::kRegex}, {"json", types::kJson},
        {"Url", types::kUrl},           {"error", types::kError}};
    for (const auto& [known, id] : kNames) {
      if (known == name) return id;
    }
    if (name == "K") return types_.variable(1);
    if (name == "V") return types_.variable(2);
    return types_.variable(0);
  }

  TypeTable& types_;
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string_view receiver_name(Type::Shape shape) {
  using Shape = Type::Shape;
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

Signature Signatures::parse(std::string_view name, std::string_view text) {
  Signature result;
  result.name = name;
  Reader reader(types_, text);
  if (reader.take("(")) {
    while (!reader.take(")")) {
      const std::string parameter(reader.word());
      reader.take(":");
      const TypeId type = reader.type();
      result.parameters.emplace_back(parameter, type);
      reader.take(",");
    }
    result.result = reader.take("->") ? reader.type() : types::kNothing;
  } else {
    result.property = true;
    result.result = reader.type();
  }
  return result;
}

const Signature* Signatures::find(std::string_view receiver, std::string_view member) {
  if (receiver.empty()) return nullptr;
  for (const Listed& listed : kNatives) {
    if (listed.name.size() != receiver.size() + 1 + member.size() ||
        !listed.name.starts_with(receiver) || listed.name[receiver.size()] != '.' ||
        !listed.name.ends_with(member))
      continue;
    const auto [found, is_new] = parsed_.try_emplace(listed.name);
    if (is_new) found->second = parse(listed.name, listed.text);
    return &found->second;
  }
  return nullptr;
}

bool Signatures::has_type_functions(std::string_view type) {
  constexpr std::array<std::string_view, 5> kTypes = {"int", "float", "size", "duration", "time"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

std::optional<LoopMethod> Signatures::loop(std::string_view receiver, std::string_view member) {
  if (!has_loops(receiver)) return std::nullopt;
  for (const Loop& loop : kLoops) {
    if (loop.name == member) return loop.method;
  }
  return std::nullopt;
}

std::vector<std::string_view> Signatures::members(std::string_view receiver) {
  std::vector<std::string_view> result;
  if (receiver.empty()) return result;
  for (const Listed& listed : kNatives) {
    const size_t dot = listed.name.find('.');
    if (listed.name.substr(0, dot) == receiver) result.push_back(listed.name.substr(dot + 1));
  }
  if (has_loops(receiver)) {
    std::transform(std::begin(kLoops), std::end(kLoops), std::back_inserter(result),
                   [](const Loop& loop) { return loop.name; });
  }
  return result;
}

TypeId substitute(TypeTable& table, TypeId type, TypeId receiver_key, TypeId receiver_element) {
  const Type::Shape shape = table.shape(type);
  if (shape == Type::Shape::kVariable)
    return table[type].symbol == 1 ? receiver_key : receiver_element;
  if (shape == Type::Shape::kList)
    return table.list(substitute(table, table.element(type), receiver_key, receiver_element));
  if (shape == Type::Shape::kOptional)
    return table.optional(substitute(table, table.element(type), receiver_key, receiver_element));
  if (shape == Type::Shape::kMap) {
    const TypeId key = table[type].key;
    const TypeId element = table[type].element;
    return table.map(substitute(table, key, receiver_key, receiver_element),
                     substitute(table, element, receiver_key, receiver_element));
  }
  return type;
}

}  // namespace rbk::check
